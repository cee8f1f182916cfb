"""Strata: which part of the population each pixel belongs to. Codes from 1; 0 is outside the population."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from l2h.core.errors import GridError, InputError
from l2h.core.grid import Grid, Window
from l2h.core.raster import BlockStore

Codes = npt.NDArray[np.int64]
TILE = 1024  # of the lattice: polygons are burnt on these, so that no cut of the work moves an edge


class Strata(Protocol):
    """What a sample is drawn from."""

    @property
    def grid(self) -> Grid: ...

    @property
    def names(self) -> dict[int, str]:
        """Code → name of every stratum there can be."""
        ...

    def read(self, window: Window) -> Codes:
        """int64 [H, W] codes of a window inside the grid."""
        ...


@dataclass(frozen=True)
class Merged:
    """One stratum: every pixel at which `codes` [H, W] of a window are not 0."""

    grid: Grid
    codes: Callable[[Window], Codes]

    @property
    def names(self) -> dict[int, str]:
        return {1: "all"}

    def read(self, window: Window) -> Codes:
        return (self.codes(window) > 0).astype("int64")

    @classmethod
    def of_cities(cls, regions: BlockStore) -> "Merged":
        """Every pixel that a city owns."""
        return cls(regions.grid, partial(_band, regions))

    @classmethod
    def of_parts(cls, parts: Strata) -> "Merged":
        """All strata of another as one."""
        return cls(parts.grid, parts.read)


@dataclass(frozen=True)
class ByRegion:
    """Cities, provinces or regions as strata.

    of_city : city's index → code, int64 [cities + 1], 0 for 0
    """

    regions: BlockStore
    of_city: Codes
    names: dict[int, str]

    @property
    def grid(self) -> Grid:
        return self.regions.grid

    def read(self, window: Window) -> Codes:
        return np.asarray(self.of_city[_band(self.regions, window)])


@dataclass(frozen=True)
class ByRaster:
    """Codes of a raster as strata, within the cities; `rest` is the stratum of city pixels where it says nothing.

    reader : gives Patches on the grid's lattice (a block store, or a raster that lies on it)
    """

    regions: BlockStore
    reader: Any
    known: dict[int, str]
    rest: int

    @property
    def grid(self) -> Grid:
        return self.regions.grid

    @property
    def names(self) -> dict[int, str]:
        return self.known | {self.rest: "no value"}

    def read(self, window: Window) -> Codes:
        patch = self.reader.read(window)
        codes = np.where(patch.valid, patch.values[0].astype("int64"), 0)
        if codes.min(initial=0) < 0 or codes.max(initial=0) >= self.rest:
            raise InputError("a raster of strata has codes out of range", expected=f"1 to {self.rest - 1}")
        codes[codes == 0] = self.rest
        codes[_band(self.regions, window) == 0] = 0
        return codes


@dataclass(frozen=True)
class ByPolygon:
    """Polygons as strata, by pixel centres, within the cities; the first polygon in the file wins where two overlap.

    shapes : geometries in the grid's CRS with their codes
    """

    regions: BlockStore
    shapes: tuple[tuple[Any, int], ...]
    known: dict[int, str]
    rest: int

    @property
    def grid(self) -> Grid:
        return self.regions.grid

    @property
    def names(self) -> dict[int, str]:
        return self.known | {self.rest: "no polygon"}

    def read(self, window: Window) -> Codes:
        codes = np.full(window.shape, self.rest, "int64")
        for tile in self.grid.tiles(TILE, window):
            part = tile.intersect(window)
            burnt = self._burn(tile)[part.slices_in(tile)]
            codes[part.slices_in(window)] = np.where(burnt > 0, burnt, self.rest)
        codes[_band(self.regions, window) == 0] = 0
        return codes

    def _burn(self, tile: Window) -> Codes:
        from rasterio.features import rasterize
        from shapely import box

        area = box(*self.grid.bounds(tile))
        here = [(shape, code) for shape, code in reversed(self.shapes) if shape.intersects(area)]
        if not here:
            return np.zeros(tile.shape, "int64")
        burnt = rasterize(here, tile.shape, fill=0, transform=self.grid.window_transform(tile), dtype="int32")
        return np.asarray(burnt, "int64")


def _band(store: BlockStore, window: Window) -> Codes:
    return np.asarray(store.read(window).values[0], "int64")


def polygons(path: Path, column: str | None, grid: Grid, regions: BlockStore) -> ByPolygon:
    """Strata from a file of polygons; InputError where it has no CRS, no such column, or other shapes."""
    import geopandas

    from l2h.core.formats import check_vector

    check_vector(path)
    frame = geopandas.read_file(path, engine="pyogrio")
    if frame.crs is None:
        raise GridError("a file of strata has no CRS", where=str(path))
    if column is not None and column not in frame.columns:
        raise InputError(f"a file of strata has no column '{column}'", where=str(path), got=", ".join(frame.columns))
    if not len(frame) or not frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"]).all():
        raise InputError("a file of strata holds no polygons, or other shapes too", where=str(path))
    labels = [str(v) for v in (frame[column] if column else range(1, len(frame) + 1))]
    code = {name: number for number, name in enumerate(dict.fromkeys(labels), start=1)}
    shapes = tuple((g, code[n]) for g, n in zip(frame.to_crs(grid.crs).geometry, labels, strict=True))
    return ByPolygon(regions, shapes, {number: name for name, number in code.items()}, len(code) + 1)
