"""One block boiled down for the page: sums on coarse cells and class counts of candidate windows. Integers only.

Cells and windows are anchored to the lattice and may be cut by blocks; their sums add to the same numbers for any
size of block.
"""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Grid, Window
from l2h.core.legend import Legend

Array = npt.NDArray[np.int64]
Counts = dict[tuple[int, int, int], int]
OVERVIEW_PX = 2000  # longer side of the national figures: 300 dots an inch on a page of 170 mm
PAGE_PX = 1000  # longer side of the national pictures of the page
TILE_SIDES = (6000, 3000, 1500, 1000, 500, 250)  # pixels; the first of which a country holds enough
ENOUGH_TILES = 60
MAX_CANDIDATES = 4096  # windows that compete to be shown, however large the country


def overview_factor(grid: Grid) -> int:
    """How many pixels of the lattice one pixel of the overview covers, along a side."""
    return max(1, -(-max(grid.shape) // OVERVIEW_PX))


def page_factor(grid: Grid) -> int:
    """How many pixels of the lattice one pixel of the page's pictures covers: the overview's, or twice as many."""
    factor = overview_factor(grid)
    return factor if -(-max(grid.shape) // factor) <= PAGE_PX else 2 * factor


def tile_px(grid: Grid) -> int:
    """Side of the tiles whose capture times are counted: that of SinoLC-1 where the country holds enough of them."""
    for side in TILE_SIDES:
        if -(-grid.height // side) * -(-grid.width // side) >= ENOUGH_TILES:
            return side
    return TILE_SIDES[-1]


def cell_dtype(factor: int) -> type[np.unsignedinteger]:
    """The smaller type that holds any sum over a cell: of bytes, so 255 a pixel."""
    return np.uint32 if 255 * factor**2 < 2**32 else np.uint64


def candidate_step(grid: Grid, window_px: int) -> int:
    """Distance of candidate windows: side by side on small lattices, spread out on large ones."""
    count = -(-grid.height // window_px) * -(-grid.width // window_px)
    return window_px * max(1, math.ceil(math.sqrt(count / MAX_CANDIDATES)))


def candidates(grid: Grid, window_px: int, within: Window) -> Iterator[Window]:
    """Candidate windows that meet `within`, clipped to the grid."""
    for tile in grid.tiles(candidate_step(grid, window_px), within):
        row, col = tile.row_start, tile.col_start
        window = Window(row, row + window_px, col, col + window_px).intersect(grid.window)
        if not window.intersect(within).empty:
            yield window


def cell_sums(values: npt.NDArray[np.generic], window: Window, factor: int) -> Array:
    """Sums over the `factor` × `factor` cells of the lattice, of the part of each that lies in the window.

    values : [..., H, W] integers or bools covering `window`
    Returns int64 [..., h, w] covering `window.coarsen(factor)`.

    >>> cell_sums(np.array([[1, 2, 3], [4, 5, 6]]), Window(0, 2, 1, 4), 2).tolist()
    [[5, 16]]
    """
    rows = _starts(window.row_start, window.row_stop, factor)
    cols = _starts(window.col_start, window.col_stop, factor)
    by_row = np.add.reduceat(values.astype("int64"), rows, axis=-2)
    return np.asarray(np.add.reduceat(by_row, cols, axis=-1), "int64")


def corner_values(values: npt.NDArray[np.generic], window: Window, factor: int) -> Array:
    """The value at the first pixel of each cell where that pixel lies in the window, else 0; adds like a sum."""
    first = np.zeros(values.shape, "int64")
    row, col = -window.row_start % factor, -window.col_start % factor
    first[row::factor, col::factor] = values[row::factor, col::factor]
    return cell_sums(first, window, factor)


def class_cells(mapped: npt.NDArray[np.uint8], window: Window, factor: int, legend: Legend) -> Array:
    """int64 [K, h, w]: pixels of each class in each cell."""
    return np.stack([cell_sums(mapped == value, window, factor) for value in legend.values])


def window_counts(
    mapped: npt.NDArray[np.uint8], cities: npt.NDArray[np.uint16], area: Window, window: Window
) -> tuple[dict[int, int], dict[int, int]]:
    """Pixels of each class and of each city in the part of a candidate window that `mapped` and `cities` cover.

    area : the window the arrays cover; 0 (nodata, outside) is left out of both counts
    """
    rows, cols = window.intersect(area).slices_in(area)
    return _counts(mapped[rows, cols]), _counts(cities[rows, cols])


def tile_counts(scenes: npt.NDArray[np.unsignedinteger], window: Window, side: int) -> Counts:
    """(tile row, tile column, scene) → pixels of the window that show the scene; 0 (none) is left out."""
    counts: Counts = {}
    whole = Window(0, window.row_stop, 0, window.col_stop)
    for row in range(window.row_start // side, -(-window.row_stop // side)):
        for col in range(window.col_start // side, -(-window.col_stop // side)):
            tile = Window(row * side, (row + 1) * side, col * side, (col + 1) * side).intersect(whole)
            rows, cols = tile.intersect(window).slices_in(window)
            counts |= {(row, col, scene): n for scene, n in _counts(scenes[rows, cols]).items()}
    return counts


def _counts(values: npt.NDArray[np.unsignedinteger]) -> dict[int, int]:
    counts = np.bincount(values.ravel())
    return {int(v): int(counts[v]) for v in np.flatnonzero(counts) if v > 0}


def _starts(start: int, stop: int, factor: int) -> npt.NDArray[np.intp]:
    """Offsets inside [start, stop) where a cell begins, the first included."""
    edges = np.arange(-(-start // factor) * factor, stop, factor) - start
    return np.unique(np.concatenate([[0], edges])).astype("intp")
