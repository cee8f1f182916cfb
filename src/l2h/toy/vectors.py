"""The vector files of the toy country: boundary and reference points, as GeoPackages of fixed bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from l2h.core.files import atomic_path
from l2h.core.grid import Grid
from l2h.core.legend import Legend
from l2h.toy.country import City
from l2h.toy.reference import to_world

_CLOCK = "OGR_CURRENT_DATE"  # GDAL writes the time of day into GeoPackages unless told another


@contextmanager
def _stopped_clock() -> Iterator[None]:
    before = pyogrio.get_gdal_config_option(_CLOCK)
    pyogrio.set_gdal_config_options({_CLOCK: "2021-07-01T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({_CLOCK: before})


def _write(table: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    with _stopped_clock(), atomic_path(path) as part:
        part.unlink()  # GDAL makes a database, it does not fill an empty file
        pyogrio.write_dataframe(table, part, layer=layer, driver="GPKG")


def write_boundary(path: Path, cities: list[City], grid: Grid) -> None:
    """Layer `cities`: polygons with columns region, province, city, in the project's CRS."""
    shapes = [shapely.transform(city.shape, lambda xy: to_world(grid, xy)) for city in cities]
    columns = {name: [getattr(city, name) for city in cities] for name in ("region", "province", "city")}
    _write(gpd.GeoDataFrame(columns, geometry=shapes, crs=grid.crs), path, "cities")


def write_points(path: Path, at: NDArray[np.int64], truth: NDArray[np.uint8], land: "PointContext") -> None:
    """Layer `points`: pixel centres with the true class, the province, and the design they were drawn by."""
    rows, cols = at
    x, y = land.grid.xy(rows, cols)
    values = truth[rows, cols]
    owners = [land.cities[i - 1] for i in land.owner[rows, cols]]
    columns = {
        "id": np.arange(1, len(rows) + 1),
        "class_value": values.astype(np.int32),
        "class_name": [land.legend.by_value(int(value)).name for value in values],
        "province": [city.province for city in owners],
        "city": [city.city for city in owners],
        "design": ["simple random"] * len(rows),
        "inclusion_probability": np.full(len(rows), len(rows) / np.count_nonzero(land.owner)),
    }
    _write(gpd.GeoDataFrame(columns, geometry=shapely.points(x, y), crs=land.grid.crs), path, "points")


class PointContext:
    """What the points are looked up in: the grid, the legend, the cities and which of them owns each pixel."""

    def __init__(self, grid: Grid, legend: Legend, cities: list[City], owner: NDArray[np.uint8]) -> None:
        self.grid, self.legend, self.cities, self.owner = grid, legend, cities, owner
