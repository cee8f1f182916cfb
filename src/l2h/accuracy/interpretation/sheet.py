"""Sheet: the points to interpret. Only their identities and places are read, never what else the file says of them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.points import Points, check_places
from l2h.core.errors import InputError
from l2h.core.files import canonical_json, sha256_bytes
from l2h.core.grid import Grid

GEOGRAPHIC = "EPSG:4326"


@dataclass(frozen=True)
class Sheet:
    """Points on the lattice: identities, and int64 [n] rows and columns of their pixels, in the order of the file."""

    ids: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]

    def digest(self) -> str:
        """Of identities and places: records belong to one set of points."""
        return sha256_bytes(canonical_json([self.ids, self.rows, self.cols]).encode())

    def order(self, salt: str) -> tuple[str, ...]:
        """All identities in an order that depends on nothing but themselves and the salt.

        Samples are often sorted by stratum, and a stratum may be a class of the map: their own order would tell.
        """
        return tuple(sorted(self.ids, key=lambda i: hashlib.sha256(f"{salt}/{i}".encode()).digest()))


def read_sheet(path: Path, grid: Grid, layer: str | None = None, id_column: str | None = None) -> Sheet:
    """Read identities and places from a vector file, or a CSV with x, y (in the lattice's CRS) or lon, lat.

    id_column : by default `id` where there is one, else the points are numbered from 0
    Raises InputError where the file cannot be read, is empty, names a point twice, or has points outside the lattice or
    two in one pixel.
    """
    frame = read_frame(path, layer, grid.crs, only=id_column or "id")
    if id_column is not None and id_column not in frame.columns:
        raise InputError(f"a point table has no column '{id_column}'", where=str(path))
    ids = ids_of(frame, id_column)
    if len(set(ids)) != len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise InputError("two points bear one identity", where=str(path), got=twice)
    x, y = (np.nan_to_num(v, nan=-1e15, posinf=-1e15, neginf=-1e15) for v in places_in(frame, grid.crs))
    rows, cols = grid.rowcol(x, y)
    check_places(Points(ids, rows, cols, np.zeros(len(ids), "uint8")), grid, str(path))
    return Sheet(ids, rows, cols)


def read_frame(path: Path, layer: str | None, crs: str, only: str | None = None) -> Any:
    """The points as a GeoDataFrame, with all columns, or with one alone where it exists."""
    if not path.is_file():
        raise InputError("points are missing", where=str(path))
    frame = _read_csv(path, crs, only) if path.suffix.lower() == ".csv" else _read_vector(path, layer, only)
    if not len(frame):
        raise InputError("a point table is empty", where=str(path))
    return frame


def ids_of(frame: Any, id_column: str | None) -> tuple[str, ...]:
    """Identities as text: the named column, `id` where there is one, else numbers from 0."""
    name = id_column or "id"
    return tuple(str(v) for v in (frame[name] if name in frame.columns else range(len(frame))))


def places_in(frame: Any, crs: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Coordinates of the points in a CRS."""
    moved = frame.geometry.to_crs(crs)
    return moved.x.to_numpy(), moved.y.to_numpy()


def layer_of(path: Path, layer: str | None) -> str:
    """The layer of a vector file that holds the points: the one stated, else `points`, else the first."""
    import pyogrio

    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    return layer or ("points" if "points" in names else names[0])


def _read_csv(path: Path, crs: str, only: str | None) -> Any:
    import geopandas
    import pandas

    places = ("x", "y", "lon", "lat")
    try:
        table = pandas.read_csv(
            path, dtype=str, keep_default_na=False, usecols=lambda name: only is None or name in (only, *places)
        )
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError("a point table is not CSV", where=str(path), got=str(error)) from error
    east, north, stated = ("x", "y", crs) if {"x", "y"} <= set(table.columns) else ("lon", "lat", GEOGRAPHIC)
    if not {east, north} <= set(table.columns):
        raise InputError("a point table has no coordinates", where=str(path), expected="columns x, y or lon, lat")
    try:
        x, y = table[east].astype(float), table[north].astype(float)
    except ValueError as error:
        raise InputError("a coordinate is not a number", where=str(path), got=str(error)) from error
    return geopandas.GeoDataFrame(table, geometry=geopandas.points_from_xy(x, y), crs=stated)


def _read_vector(path: Path, layer: str | None, only: str | None) -> Any:
    import geopandas
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        layer = layer_of(path, layer)
        fields = pyogrio.read_info(path, layer=layer)["fields"]
        columns = None if only is None else [name for name in fields if name == only]
        frame = geopandas.read_file(path, layer=layer, columns=columns, engine="pyogrio")
    except (DataSourceError, DataLayerError) as error:
        raise InputError("points cannot be read", where=str(path), got=str(error)) from error
    if len(frame) and frame.crs is None:
        raise InputError("points have no CRS", where=str(path))
    if not (frame.geometry.geom_type == "Point").all():
        raise InputError("a point table holds other shapes than points", where=str(path))
    return frame
