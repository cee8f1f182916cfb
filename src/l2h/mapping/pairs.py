"""Neighbours of like colour are of one class: probabilities refined by pairs of pixels before the class is taken.

Mean field of a conditional random field with one kind of pair (Krähenbühl and Koltun 2011, eq. 3), but over a few
fixed offsets instead of all pairs, so that a pixel depends on a known neighbourhood:

    log q_u(c) = log p_u(c) + w / 2n · Σ_v k_uv q_v(c) + const        k_uv = exp(-‖x_u - x_v‖² / 2 B s²)

x: colours of B bands in units of the layer's standard deviation; v: the 2n pixels at `OFFSETS` and opposite to them.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
OFFSETS = ((0, 2), (0, 4), (2, -2), (2, 0), (2, 2), (4, 0))  # rows and columns, px; each stands for its opposite too
ROUNDS = 2
REACH_PX = ROUNDS * max(max(abs(row), abs(col)) for row, col in OFFSETS)
LEAST = np.float32(1e-6)  # probability below which a class is no less likely
Pair = tuple[tuple[slice, slice], tuple[slice, slice], Floats]


def refine(probability: Floats, colours: Floats, valid: Mask, weight: float, spread: float) -> Floats:
    """Probabilities after ROUNDS of mean field, float32 [K, H, W], sums 1; equation above.

    probability : [K, H, W]; colours : [B, H, W] in standard deviations; valid : [H, W], pixels without imagery are
    nobody's neighbour; weight : w; spread : s. A pixel depends on REACH_PX around it and on nothing else.
    """
    own = np.log(np.maximum(probability, LEAST))
    pairs = list(_pairs(colours, valid, spread))
    refined = _softmax(own)
    share = np.float32(weight / (2 * len(OFFSETS)))
    for _ in range(ROUNDS):
        # class by class: what is worked on stays in the processor's cache
        heard = np.stack([_heard(layer, pairs) for layer in refined])
        refined = _softmax(own + share * heard)
    return refined


def _heard(layer: Floats, pairs: list[Pair]) -> Floats:
    """What the partners of each pixel say of one class, float32 [H, W]."""
    heard = np.zeros_like(layer)
    for here, there, alike in pairs:
        heard[here] += alike * layer[there]
        heard[there] += alike * layer[here]
    return heard


def _pairs(colours: Floats, valid: Mask, spread: float) -> Iterator[Pair]:
    """For each offset the pixels that have a partner there, the partners, and how alike they are, 0..1."""
    height, width = valid.shape
    scale = np.float32(-1 / (2 * len(colours) * spread**2))
    for row, col in OFFSETS:
        if row >= height or abs(col) >= width:
            continue
        here = slice(0, height - row), slice(max(-col, 0), width - max(col, 0))
        there = slice(row, height), slice(max(col, 0), width + min(col, 0))
        apart = ((colours[:, *here] - colours[:, *there]) ** 2).sum(axis=0)
        yield here, there, np.exp(scale * apart) * (valid[here] & valid[there])


def _softmax(logits: Floats) -> Floats:
    """Over the first axis."""
    powers: Floats = np.exp(logits - logits.max(axis=0))
    powers /= powers.sum(axis=0)
    return powers
