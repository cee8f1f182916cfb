"""Network windows: which lattice window computes a pixel, and what it reads.

A window is the same computation whoever asks for it: its place depends on the grid alone, its input always has one
shape, and it reads its halo even beyond the grid, where there is no imagery. So neither blocks nor workers nor their
order can change a byte.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.errors import SettingsError
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.core.raster import RasterReader
from l2h.nets.base import PixelNetwork
from l2h.nets.context import CoarseImagery, ContextView
from l2h.nets.extras import VIEW


@dataclass(frozen=True)
class WindowPlan:
    """The partition of a grid into network windows.

    step   : distance of window starts, px, in rows and columns; a multiple of the network's stride
    height, width : rows and columns a window owns (before the grid's rim cuts it); no more than the grid needs
    halo   : px the network must read around what it is asked for
    margin : px around what is owned for which the network is asked too
    view   : the coarser context that is read beyond the halo; None where the network sees none
    stride : of the network; what it reads beside the picture covers whole strides
    fine   : what the picture itself must start on, a divisor of the stride
    """

    grid: Grid
    step: int
    height: int
    width: int
    halo: int
    view: ContextView | None = None
    stride: int = 1
    margin: int = 0
    fine: int = 1

    @classmethod
    def of(cls, grid: Grid, window_px: int, network: PixelNetwork, margin: int = 0) -> "WindowPlan":
        """Raises SettingsError where windows could not start on multiples of the stride."""
        stride = network.stride
        if window_px % stride:
            raise SettingsError(
                "network windows must start on multiples of the network's stride",
                where="mapping.window_px",
                expected=f"a multiple of {stride}",
                got=str(window_px),
            )
        rows, cols = (min(window_px, _up(side, stride)) for side in grid.shape)
        return cls(grid, window_px, rows, cols, network.halo, network.view, stride, margin, network.step)

    @property
    def around(self) -> int:
        """Px that are read around what is owned: margin and halo, in whole steps of the network."""
        return _up(self.margin + self.halo, self.fine)

    @property
    def rim(self) -> int:
        """Px of an input's side for which the network is not asked."""
        return self.around - self.margin

    @property
    def input_shape(self) -> tuple[int, int]:
        """Rows and columns of every input."""
        return self.height + 2 * self.around, self.width + 2 * self.around

    def owners(self, within: Window | None = None) -> Iterator[Window]:
        """The windows that own pixels of `within`, row-major, cut to the grid only."""
        return self.grid.tiles(self.step, within)

    def owners_of(self, rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64]) -> list[Window]:
        """The windows that own single pixels, row-major, each once."""
        corners = sorted(set(zip((rows // self.step).tolist(), (cols // self.step).tolist(), strict=True)))
        starts = ((row * self.step, col * self.step) for row, col in corners)
        return [owner for r, c in starts for owner in self.owners(Window(r, r + 1, c, c + 1))]

    def read_window(self, owner: Window) -> Window:
        """What an owner reads: its full window, margin and halo, wherever the grid ends."""
        return self._full(owner).pad(self.around)

    def answer_window(self, owner: Window) -> Window:
        """What the network answers: the full window and its margin."""
        return self._full(owner).pad(self.margin)

    def asked_window(self, owner: Window) -> Window:
        """What of it is wanted: what is owned, which ends with the grid, and the margin."""
        return owner.pad(self.margin)

    def beside_window(self, owner: Window) -> Window:
        """The pixels whose cells are read beside the picture, in whole strides: it reaches as far on every side."""
        return self._full(owner).pad(_up(self.around, self.stride))

    def _full(self, owner: Window) -> Window:
        row, col = owner.row_start, owner.col_start
        return Window(row, row + self.height, col, col + self.width)

    def reach(self, within: Window) -> Window:
        """The smallest window of the grid that holds everything read for pixels of `within`; empty where none is."""
        owners = list(self.owners(within))
        if not owners:
            return within.intersect(self.grid.window)
        first, last = (self._seen(owner) for owner in (owners[0], owners[-1]))
        return Window(first.row_start, last.row_stop, first.col_start, last.col_stop).intersect(self.grid.window)

    def extra_cells(self, owner: Window) -> Window:
        """The cells of extras that an owner needs; they may lie beyond the grid."""
        return VIEW.window(self.beside_window(owner), self.stride)

    def read(self, reader: RasterReader, owner: Window) -> Patch:
        """Imagery of an owner with margin and halo, of `input_shape`; invalid beyond the grid."""
        return reader.read(self.read_window(owner))

    def read_context(self, imagery: RasterReader, owner: Window) -> npt.NDArray[np.float32] | None:
        """Context pixels around what `read` gives, [2 B + 1, h, w]; None where the network sees none.

        Read anew for every window, at full resolution: memory stays that of one window and its margin.
        """
        if self.view is None:
            return None
        cells = self._seen(owner).coarsen(self.view.step)
        return CoarseImagery(imagery, self.view.step).read(cells).values.astype("float32")

    def _seen(self, owner: Window) -> Window:
        """All that is read of the picture for an owner, coarse or not."""
        return self.beside_window(owner).pad(self.view.margin) if self.view else self.read_window(owner)


def _up(px: int, unit: int) -> int:
    return math.ceil(px / unit) * unit
