"""Quality of labels against a reference: how much is kept, how much of that is right. Exact counts that add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.legend import BUILDING, TRAFFIC


@dataclass(frozen=True)
class LabelQuality:
    """Counts over cells or pixels whose reference is known."""

    known: int
    kept: int
    right: int

    def __add__(self, other: "LabelQuality") -> "LabelQuality":
        return LabelQuality(self.known + other.known, self.kept + other.kept, self.right + other.right)

    @property
    def kept_share(self) -> float:
        """Share of the known cells that have a label; NaN without any."""
        return self.kept / self.known if self.known else float("nan")

    @property
    def right_share(self) -> float:
        """Share of right labels among those kept; NaN without any."""
        return self.right / self.kept if self.kept else float("nan")


def label_quality(
    label: npt.NDArray[np.uint8],
    reference: npt.NDArray[np.uint8],
    accept: Mapping[int, Sequence[int]],
    *,
    coarse: bool = True,
) -> LabelQuality:
    """Score a label against a reference on the same cells or pixels.

    label     : sinolc1 values, 0 = void
    reference : codes, 0 = unknown
    accept    : reference code → label values that are right; a code not listed counts as unknown
    coarse    : value 6 of the label means built-up, so it is right wherever 1 or 6 is
    """
    if label.shape != reference.shape:
        raise InputError("label and reference differ in shape", expected=str(reference.shape), got=str(label.shape))
    right = np.zeros((256, 256), bool)
    for code, values in accept.items():
        right[code, list(values)] = True
        right[code, BUILDING] |= coarse and TRAFFIC in values
    known = np.any(right, axis=1, keepdims=True)[reference, 0] & (reference > 0)
    kept = known & (label > 0)
    return LabelQuality(int(known.sum()), int(kept.sum()), int((kept & right[reference, label]).sum()))
