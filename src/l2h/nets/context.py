"""Coarse pixels of the same picture around a window: what a network sees beyond its full-resolution field.

One context pixel is the mean and the spread of ``step`` × ``step`` pixels of the lattice. It is the same numbers
whatever window asks for it, so context keeps pieces equal to the whole.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.errors import GridError
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.core.raster import RasterReader

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ContextView:
    """How a network looks around: context pixels of ``step`` px, ``margin`` px beyond the window on every side.

    Both divide what they must: ``step`` the network's stride, ``step`` the margin.
    """

    step: int
    margin: int

    def channels(self, bands: int) -> int:
        """Channels of a context: mean of each band, spread of each band, share of valid pixels."""
        return 2 * bands + 1

    def window(self, window: Window, stride: int) -> Window:
        """The context pixels of an image window that starts on a multiple of ``step``.

        A window is rounded up to whole strides from its start, as the network pads it. Raises GridError elsewhere.
        """
        if window.row_start % self.step or window.col_start % self.step:
            raise GridError(
                "context needs windows on its lattice", expected=f"multiples of {self.step}", got=f"{window}"
            )
        height, width = (-(-side // stride) * stride for side in window.shape)
        row, col = window.row_start, window.col_start
        return Window(row, row + height, col, col + width).pad(self.margin).coarsen(self.step)


@dataclass(frozen=True)
class CoarseImagery:
    """Imagery as context pixels, itself a raster on the coarser lattice: float32 [2 B + 1, h, w].

    Means and standard deviations are over the valid pixels, in the imagery's units (0 where there is none); the last
    channel is the share of pixels that are valid. Sums are integers, so the order of reading cannot show.
    """

    imagery: RasterReader
    step: int

    @property
    def grid(self) -> Grid:
        return self.imagery.grid.coarsen(self.step)

    def read(self, window: Window) -> Patch:
        """Context pixels of ``window`` (of the coarse lattice), valid where any pixel of theirs is."""
        patch = self.imagery.read(window.refine(self.step))
        values = coarse_pixels(patch.values, patch.valid, self.step)
        return Patch(values, values[-1] > 0, window)


def coarse_pixels(values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_], step: int) -> FloatArray:
    """Mean, standard deviation and valid share of blocks: whole numbers [B, h · step, w · step] to [2 B + 1, h, w]."""
    pixels = np.where(valid, values, 0).astype(np.int32)
    count = _block_sums(valid.astype(np.int32)[None], step)
    some = np.maximum(count, 1)
    mean = _block_sums(pixels, step) / some
    spread = np.sqrt(np.maximum(_block_sums(pixels**2, step) / some - mean**2, 0))
    return np.concatenate([mean, spread, count / step**2]).astype(np.float32)


def _block_sums(values: npt.NDArray[np.int32], step: int) -> npt.NDArray[np.int64]:
    bands, height, width = values.shape
    rows = values.reshape(bands, height // step, step, width).sum(axis=2, dtype=np.int64)
    total: npt.NDArray[np.int64] = rows.reshape(bands, height // step, width // step, step).sum(axis=3)
    return total
