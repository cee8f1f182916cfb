"""Drawn ground: pixels whose class somebody has drawn, kept in those blocks of the lattice that hold any."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.core.raster import BlockStore, RasterReader

HEADER = "row,col,class,pixels\n"


@dataclass(frozen=True)
class DrawnCells:
    """Cells that drawn pixels touch, once for each class: rows, cols int64 [n], on the lattice of cells; classes uint8
    [n]; pixels int64 [n], drawn ones of the class in the cell. In order of row, column and class."""

    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]
    classes: npt.NDArray[np.uint8]
    pixels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def gather(cls, blocks: Iterable[tuple[Window, npt.NDArray[np.generic]]], cell_px: int) -> "DrawnCells":
        """The cells of windows of classes [H, W], 0 where nothing is drawn; how windows cut cells does not show.

        >>> cells = DrawnCells.gather([(Window(8, 12, 0, 1), np.array([[2], [2], [9], [0]]))], cell_px=10)
        >>> cells.to_csv().split()
        ['row,col,class,pixels', '0,0,2,2', '1,0,9,1']
        """
        found = [_cells_of(window, np.asarray(drawn), cell_px) for window, drawn in blocks]
        table = np.concatenate([np.zeros((0, 4), np.int64), *found])
        keys, of = np.unique(table[:, :3], axis=0, return_inverse=True)
        pixels = np.bincount(of.ravel(), weights=table[:, 3], minlength=len(keys)).astype(np.int64)
        return cls(keys[:, 0], keys[:, 1], keys[:, 2].astype(np.uint8), pixels)

    def to_csv(self) -> str:
        """A header and a line per cell and class."""
        columns = (self.rows.tolist(), self.cols.tolist(), self.classes.tolist(), self.pixels.tolist())
        return HEADER + "".join(f"{a},{b},{c},{d}\n" for a, b, c, d in zip(*columns, strict=True))

    @classmethod
    def from_csv(cls, text: str) -> "DrawnCells":
        """What `to_csv` wrote."""
        table = np.array([line.split(",") for line in text.splitlines()[1:]], np.int64).reshape(-1, 4)
        return cls(table[:, 0], table[:, 1], table[:, 2].astype(np.uint8), table[:, 3])


def _cells_of(window: Window, drawn: npt.NDArray[np.generic], cell_px: int) -> npt.NDArray[np.int64]:
    """Row, column, class and pixels of each cell of a window, int64 [n, 4]."""
    rows, cols = np.nonzero(drawn)
    places = [(rows + window.row_start) // cell_px, (cols + window.col_start) // cell_px, drawn[rows, cols]]
    keys, counts = np.unique(np.stack(places, axis=1).astype(np.int64), axis=0, return_counts=True)
    return np.concatenate([keys, counts[:, None]], axis=1).astype(np.int64)


@dataclass(frozen=True)
class SparseStore:
    """A store of bytes of which only the named blocks exist: everywhere else it reads 0."""

    store: BlockStore
    names: frozenset[str]

    @property
    def grid(self) -> Grid:
        return self.store.grid

    def read(self, window: Window) -> Patch:
        """uint8 [1, H, W], valid within the grid."""
        values, valid = np.zeros((1, *window.shape), np.uint8), np.zeros(window.shape, bool)
        valid[window.intersect(self.grid.window).slices_in(window)] = True
        for block in self.store.blocks_of(window):
            if block.name in self.names:
                part = block.window.intersect(window)
                values[:, *part.slices_in(window)] = self.store.read(part).values
        return Patch(values, valid, window)


@dataclass(frozen=True)
class DrawnGround:
    """What is drawn of an area. classes : uint8 [1, H, W], values of the legend, 0 elsewhere; cells : where it lies."""

    classes: RasterReader
    cells: DrawnCells
