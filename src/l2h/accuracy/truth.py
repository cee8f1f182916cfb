"""A raster of the whole truth, read on the project's lattice."""

from pathlib import Path
from typing import Any

from l2h.core.crs import same_crs
from l2h.core.errors import GridError
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.core.raster import grid_of, open_raster, read_window


class Truth:
    """Reads windows of the project's lattice from a raster that lies on it; invalid outside the raster.

    Nothing is resampled: GridError where the raster's CRS or pixel differ or its corner lies between pixels.
    """

    def __init__(self, dataset: Any, grid: Grid) -> None:
        self._dataset, self._grid = dataset, grid
        self._rows, self._cols = lattice_offset(grid_of(dataset), grid, str(dataset.name))

    @property
    def grid(self) -> Grid:
        return self._grid

    def read(self, window: Window) -> Patch:
        patch = read_window(self._dataset, window.shift(-self._rows, -self._cols), [1])
        return Patch(patch.values, patch.valid, window)


def check_truth(path: Path, grid: Grid) -> None:
    """Raise what reading the truth would raise, before any work is planned."""
    with open_raster(path) as dataset:
        Truth(dataset, grid)


def lattice_offset(raster: Grid, grid: Grid, where: str) -> tuple[int, int]:
    """Row and column of the lattice at which a raster's corner lies."""
    if not same_crs(raster.crs, grid.crs):
        raise GridError("the truth has another CRS than the project", where=where, expected=grid.crs, got=raster.crs)
    if abs(raster.pixel / grid.pixel - 1) > 1e-9:
        raise GridError("the truth has another pixel", where=where, expected=str(grid.pixel), got=str(raster.pixel))
    row, col = (grid.y - raster.y) / grid.pixel, (raster.x - grid.x) / grid.pixel
    if abs(row - round(row)) > 1e-3 or abs(col - round(col)) > 1e-3:
        raise GridError("the truth lies between the lattice's pixels", where=where, got=f"row {row}, column {col}")
    return round(row), round(col)
