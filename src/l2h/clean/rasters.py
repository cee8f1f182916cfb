"""Drawn label rasters: the map's classes as pixels, nodata where nobody has drawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj.exceptions import ProjError

from l2h.clean.burn import TILE_PX, Bytes
from l2h.core.crs import metres_per_unit, same_crs, transformer
from l2h.core.errors import GridError, InputError, LegendError
from l2h.core.grid import Grid, Window
from l2h.core.legend import Legend
from l2h.core.raster import grid_of, open_raster, read_window

COARSEST, FINEST = 2.0, 1 / 16  # sides of a drawn pixel in pixels of the lattice
CODES = 256


@dataclass(frozen=True)
class LabelRaster:
    """A raster of one band with values of the legend; 0 and what the file calls nodata is not drawn."""

    path: Path

    def check(self, grid: Grid, legend: Legend) -> list[Window]:
        """The window it covers on the lattice.

        InputError where it has several bands, none of whole numbers, or nothing drawn; GridError where its pixels are
        no squares of nearly the lattice's side, or it lies beside the lattice; LegendError for an unknown code.
        """
        with self._open() as (dataset, own):
            self._check_kind(dataset, own, grid)
            counts = self._counts(dataset, own)
            strange = [code for code in np.flatnonzero(counts).tolist() if code not in (0, *legend.values)]
            if strange:
                raise LegendError(
                    f"a drawn raster has code {strange[0]}, absent from legend '{legend.name}'",
                    where=str(self.path),
                    expected=f"0 or one of {', '.join(map(str, legend.values))}",
                    got=f"{counts[strange[0]]} px",
                )
            if not counts[1:].any():
                raise InputError("a drawn raster has no drawn pixel", where=str(self.path))
            return [self._window(own, grid)]

    def read(self, grid: Grid, window: Window) -> Bytes:
        """Class at the centre of each pixel of a window of the lattice, uint8 [H, W]; 0 where nothing is drawn."""
        out = np.zeros(window.shape, np.uint8)
        with self._open() as (dataset, own):
            for tile in grid.tiles(TILE_PX, window):
                part = tile.intersect(window)
                out[part.slices_in(window)] = _looked_up(dataset, own, grid, part)
        return out

    @contextmanager
    def _open(self) -> Iterator[tuple[Any, Grid]]:
        with open_raster(self.path) as dataset:
            yield dataset, grid_of(dataset)

    def _check_kind(self, dataset: Any, own: Grid, grid: Grid) -> None:
        if dataset.count != 1 or np.dtype(dataset.dtypes[0]).kind not in "iu":
            kinds = f"{dataset.count} of {dataset.dtypes[0]}"
            raise InputError("a drawn raster is no band of classes", where=str(self.path), expected="one", got=kinds)
        side, ours = (g.pixel * metres_per_unit(g.crs) for g in (own, grid))
        if not FINEST * ours <= side <= COARSEST * ours:
            raise GridError(
                "a drawn raster has another resolution than the map",
                where=str(self.path),
                expected=f"pixels of {FINEST * ours:g} to {COARSEST * ours:g} m",
                got=f"{side:g} m",
                hint="Coarser maps are products: name them in [[products]].",
            )

    def _counts(self, dataset: Any, own: Grid) -> npt.NDArray[np.int64]:
        """Drawn pixels of each code; what 8 bits cannot hold counts as 255."""
        counts = np.zeros(CODES, np.int64)
        for tile in own.tiles(4 * TILE_PX):
            patch = read_window(dataset, tile)
            codes = patch.values[0].astype(np.int64)[patch.valid]
            counts += np.bincount(np.where((codes < 0) | (codes >= CODES), CODES - 1, codes), minlength=CODES)
        return counts

    def _window(self, own: Grid, grid: Grid) -> Window:
        bounds = own.bounds()
        if not same_crs(own.crs, grid.crs):
            try:
                bounds = transformer(own.crs, grid.crs).transform_bounds(*bounds, densify_pts=21)
            except ProjError:
                bounds = (np.inf,) * 4
        window = grid.window_of_bounds(bounds).pad(2).intersect(grid.window) if np.isfinite(bounds).all() else None
        if window is None or window.empty:
            raise GridError("a drawn raster lies outside the map", where=str(self.path), hint="Check its CRS.")
        return window


def _looked_up(dataset: Any, own: Grid, grid: Grid, window: Window) -> Bytes:
    """Each pixel by itself: which pixel of the file holds its centre."""
    rows, cols = np.mgrid[window.row_start : window.row_stop, window.col_start : window.col_stop]
    x, y = grid.xy(rows, cols)
    if not same_crs(grid.crs, own.crs):
        x, y = transformer(grid.crs, own.crs).transform(x, y)
    x, y = (np.where(np.isfinite(v), v, -1e15) for v in (x, y))  # what cannot be projected is far outside
    rows, cols = own.rowcol(x, y)
    inside = (rows >= 0) & (rows < own.height) & (cols >= 0) & (cols < own.width)
    out = np.zeros(window.shape, np.uint8)
    if inside.any():
        r, c = rows[inside], cols[inside]
        patch = read_window(dataset, Window(int(r.min()), int(r.max()) + 1, int(c.min()), int(c.max()) + 1))
        at = r - r.min(), c - c.min()
        out[inside] = np.where(patch.valid[at], patch.values[0][at], 0).astype(np.uint8)
    return out
