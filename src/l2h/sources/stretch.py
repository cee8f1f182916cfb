"""Stretches: which values become 0 and 255, for a whole layer, or for each of its scenes so that they look alike.

Pure functions on pairs of numbers, (low, high) for each band.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

Scale = tuple[tuple[float, float], ...]  # a pair for each band, or one for all
WHOLE_BYTE: Scale = ((0.0, 255.0),)  # leaves bytes as they are
MOST_GAIN = 2.0  # a scene's contrast is at most doubled or halved: one of a lake alone is no dull picture of a town


@dataclass(frozen=True)
class Stretch:
    """How values of a layer become 8 bits.

    whole  : for every scene
    scenes : path of a scene → its own, which then counts instead
    """

    whole: Scale = ()
    scenes: Mapping[str, Scale] = field(default_factory=dict)

    def of(self, path: str) -> Scale:
        return self.scenes.get(path, self.whole)


def reference_of(spreads: Sequence[Scale]) -> Scale:
    """What the scenes of a layer are moved to: the median over the scenes of either end of each band's spread.

    >>> reference_of([((10, 90),), ((20, 100),), ((90, 250),)])
    ((20.0, 100.0),)
    """
    low, high = np.median(np.array(spreads, "float64"), axis=0).T
    return tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))


def balanced(whole: Scale, own: Scale, reference: Scale) -> Scale:
    """The stretch of one scene that puts its spread where the layer's stretch puts the reference.

    A scene's value x stands for x′ = m + (x − o) / g of the reference, with o and m the middles of the two spreads and
    g = own width / reference width, 1 / MOST_GAIN to MOST_GAIN. `whole` says which x′ become 0 and 255.

    whole : one pair, or one for each band. Returns one for each band.

    >>> balanced(((0, 255),), own=((20, 60),), reference=((40, 120),))   # half as bright: x = x′ / 2
    ((0.0, 127.5),)
    """
    pairs = []
    for (low, high), (a, b), (c, d) in zip(whole * (len(own) // len(whole)), own, reference, strict=True):
        gain = float(np.clip((b - a) / max(d - c, 1.0), 1 / MOST_GAIN, MOST_GAIN))
        pairs.append(tuple((a + b) / 2 + (end - (c + d) / 2) * gain for end in (low, high)))
    return tuple((float(low), float(high)) for low, high in pairs)
