"""Agreement of two maps: by cell, and class by class in exact areas. Integers only, so that blocks add up."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Grid, Window
from l2h.core.zones import zone_areas

Codes = npt.NDArray[np.uint8]
Sums = npt.NDArray[np.int64]
Crossed = dict[int, dict[int, tuple[int, int]]]  # class of the first → class of the second → (pixels, 10^-9 m²)
CANDIDATES = 4096  # places that compete to be shown, however large the country
CELLS, LEAST_PX = 500, 50  # cells along the longer side, and pixels along a cell, where the settings do not say


def crossed(first: Codes, second: Codes, inside: npt.NDArray[np.bool_], row_area: npt.NDArray[np.float64]) -> Crossed:
    """Pixels and area of each pair of classes inside; what the first map leaves empty is left out.

    first, second : uint8 [H, W] of one legend; second 0 is counted, as what the second map leaves empty
    """
    return zone_areas(second, np.where(inside, first, 0).astype("uint16"), row_area)


def cell_sums(values: npt.NDArray[np.bool_], window: Window, factor: int) -> Sums:
    """Pixels that are true in each `factor` × `factor` cell of the lattice, of the part of it within the window.

    values : bool [H, W] over the window. Returns int64 over `window.coarsen(factor)`.

    >>> cell_sums(np.ones((2, 3), bool), Window(1, 3, 0, 3), 2).tolist()
    [[2, 1], [2, 1]]
    """
    rows, cols = _edges(window.row_start, window.row_stop, factor), _edges(window.col_start, window.col_stop, factor)
    across = np.add.reduceat(values, cols, axis=1, dtype="int64")
    return np.asarray(np.add.reduceat(across, rows, axis=0))


def _edges(start: int, stop: int, factor: int) -> npt.NDArray[np.int64]:
    """Offsets from `start` at which a new cell begins."""
    inner = np.arange((start // factor + 1) * factor, stop, factor) - start
    return np.concatenate([[0], inner]).astype("int64")


def cell_side(grid: Grid, wanted: int | None) -> int:
    """Side of the cells of the agreement maps."""
    return wanted or max(LEAST_PX, math.ceil(max(grid.shape) / CELLS))


def candidates(grid: Grid, place_px: int, within: Window) -> Iterator[Window]:
    """Whole windows of `place_px` on the lattice that meet `within` and may be shown; at most CANDIDATES in all."""
    count = max(1, grid.height // place_px) * max(1, grid.width // place_px)
    step = place_px * math.ceil(math.sqrt(count / CANDIDATES))
    for tile in grid.tiles(step, within):
        place = Window(tile.row_start, tile.row_start + place_px, tile.col_start, tile.col_start + place_px)
        if grid.window.contains(place) and not place.intersect(within).empty:
            yield place


def variety(counts: npt.NDArray[np.int64], pixels: int) -> float:
    """How many classes a place shows: Shannon's entropy of their shares, times the share of it that has a class.

    counts : int64 [K], pixels of each class
    """
    whole = int(counts.sum())
    if not whole:
        return 0.0
    shares = counts[counts > 0] / whole
    return float(-(shares * np.log(shares)).sum()) * whole / pixels


def choose(places: dict[Window, npt.NDArray[np.int64]], number: int) -> list[Window]:
    """The most varied places: first one for each commonest class, then the next best; ties by place."""
    ranked = sorted(places, key=lambda w: (-variety(places[w], w.pixels), w))
    ranked = [w for w in ranked if variety(places[w], w.pixels) > 0]
    seen: set[int] = set()
    first = []
    for window in ranked:
        commonest = int(places[window].argmax())
        if commonest not in seen:
            seen.add(commonest)
            first.append(window)
    rest = [w for w in ranked if w not in first]
    return [*first, *rest][:number]
