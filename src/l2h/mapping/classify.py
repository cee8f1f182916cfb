"""Probabilities to class, confidence and source; known vectors on top."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# band 3 of the map: what decided a pixel
NOTHING, NETWORK, NETWORK_AND_PRIOR, VECTOR = 0, 1, 2, 3
DOUBTED = 4  # added to NETWORK or NETWORK_AND_PRIOR where the labels contradict the network: see trust.py


@dataclass(frozen=True)
class Classified:
    """One window of the map, each uint8 [H, W].

    classes    : legend value, 0 where there is no imagery
    confidence : 0 to 100
    source     : NETWORK or NETWORK_AND_PRIOR, with DOUBTED added or not; VECTOR; NOTHING where there is no imagery
    """

    classes: Bytes
    confidence: Bytes
    source: Bytes

    def stack(self) -> Bytes:
        """uint8 [3, H, W] as written."""
        return np.stack([self.classes, self.confidence, self.source])


def classify(
    probability: Floats, valid: Mask, values: tuple[int, ...], source: int | Bytes = NETWORK, told: Floats | None = None
) -> Classified:
    """The likeliest class of each pixel and how likely it is.

    probability : float32 [K, H, W]; valid : [H, W]; values : legend value of each channel. Of equal probabilities the
    first channel wins. source : of all pixels, or uint8 [H, W]
    told : calibrated probabilities [K, H, W]; confidence is what they give the class, in per cent, rounded half to
           even. Left out, it is the network's own opinion of itself.
    """
    legend = np.asarray(values, "uint8")
    best = probability.argmax(axis=0)
    own = probability if told is None else told
    confidence = per_cent(np.take_along_axis(own, best[None], axis=0)[0])
    return Classified(
        np.where(valid, legend[best], np.uint8(0)),
        np.where(valid, confidence, np.uint8(0)),
        np.where(valid, np.asarray(source, "uint8"), np.uint8(NOTHING)),
    )


def draw_vectors(classified: Classified, known: Bytes, probability: Floats, values: tuple[int, ...]) -> Classified:
    """Known roads and buildings on top of what was predicted.

    known : uint8 [H, W], legend value at full width, 0 where no vector is known: absence of a vector says nothing.
    probability : what is told of each class, calibrated where a calibration is
    A drawn pixel keeps the probability of the drawn class as its confidence, so that a vector the picture contradicts
    can be found. Where there is no imagery nothing is drawn.
    """
    drawn = (known > 0) & (classified.source != NOTHING)
    index = np.zeros(256, "int64")
    index[list(values)] = np.arange(len(values))
    own = np.take_along_axis(probability, index[known][None], axis=0)[0]
    return Classified(
        np.where(drawn, known, classified.classes),
        np.where(drawn, per_cent(own), classified.confidence),
        np.where(drawn, np.uint8(VECTOR), classified.source),
    )


def per_cent(probability: Floats) -> Bytes:
    """Probability 0..1 to whole per cent, uint8."""
    return np.rint(np.clip(probability, 0, 1) * 100).astype("uint8")
