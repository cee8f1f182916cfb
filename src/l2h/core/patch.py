"""Patch: pixel values that never travel without their validity and their place."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.errors import GridError
from l2h.core.grid import Window


@dataclass(frozen=True)
class Patch:
    """Values of a window of the lattice.

    values : [C, H, W], any dtype; what stands where `valid` is false means nothing
    valid  : [H, W] bool, false where no source has a pixel. Zero is a value like any other
    window : the window of the lattice that the arrays cover
    """

    values: npt.NDArray[np.generic]
    valid: npt.NDArray[np.bool_]
    window: Window

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.values.shape[1:] != self.valid.shape or self.valid.shape != self.window.shape:
            raise GridError(
                "a patch's arrays do not cover its window",
                expected=f"values [C, {self.window.height}, {self.window.width}] and validity {self.window.shape}",
                got=f"values {self.values.shape} and validity {self.valid.shape}",
            )

    def crop(self, window: Window) -> "Patch":
        """The part of the patch inside `window`, which must lie within the patch's own window."""
        if not self.window.contains(window):
            raise GridError("cannot crop a patch beyond its window", expected=f"inside {self.window}", got=f"{window}")
        rows, cols = window.slices_in(self.window)
        return Patch(self.values[:, rows, cols], self.valid[rows, cols], window)
