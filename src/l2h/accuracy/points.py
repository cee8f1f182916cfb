"""Reference points: read, checked, and put on the lattice."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.sampling.files import points_layer
from l2h.accuracy.settings import ReferenceSettings
from l2h.core.crs import transformer
from l2h.core.errors import InputError, LegendError
from l2h.core.formats import check_vector
from l2h.core.grid import Grid
from l2h.core.legend import Legend

GEOGRAPHIC = "EPSG:4326"
UNSAID = ("", "0", "0.0", "nan", "none", "<na>")  # how tables say that there is no second class
HEADER = ("id", "row", "col", "reference", "second", "stratum")


@dataclass(frozen=True)
class Points:
    """Reference points on the lattice, in the order of their file.

    ids : identities; rows, cols : int64 [n], pixel of the lattice; reference : uint8 [n], class values of the legend
    second  : uint8 [n], a second class that is right too, 0 where there is none
    stratum : int64 [n], code of the stratum, or number of the block, that the design speaks of; 0 where it does not
    """

    ids: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]
    reference: npt.NDArray[np.uint8]
    second: npt.NDArray[np.uint8] | None = None
    stratum: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def within(self, chosen: npt.NDArray[np.bool_]) -> "Points":
        ids = tuple(i for i, keep in zip(self.ids, chosen, strict=True) if keep)
        second = None if self.second is None else self.second[chosen]
        stratum = None if self.stratum is None else self.stratum[chosen]
        return Points(ids, self.rows[chosen], self.cols[chosen], self.reference[chosen], second, stratum)

    def to_csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HEADER)
        zeros = np.zeros(len(self), "int64")
        more = [zeros if column is None else column for column in (self.second, self.stratum)]
        columns = [column.tolist() for column in (self.rows, self.cols, self.reference, *more)]
        writer.writerows(zip(self.ids, *columns, strict=True))
        return out.getvalue()

    @classmethod
    def from_csv(cls, text: str) -> "Points":
        rows = list(csv.reader(io.StringIO(text)))[1:]
        numbers = np.array([row[1:] for row in rows], "int64").reshape(-1, 5)
        ids, classes = tuple(row[0] for row in rows), numbers[:, 2:4].astype("uint8")
        return cls(ids, numbers[:, 0], numbers[:, 1], classes[:, 0], classes[:, 1], numbers[:, 4])


def read_points(
    path: Path, settings: ReferenceSettings, grid: Grid, legend: Legend, stratum_column: str | None = None
) -> Points:
    """Read a point table and place it on the lattice.

    stratum_column : column with the number of the stratum or block, where the design needs it

    Raises InputError where the file cannot be read, lacks a column or is empty, where a point lies outside the lattice
    or shares its pixel with another, and LegendError where a class is none of the legend's.
    """
    if not path.is_file():
        raise InputError("reference points are missing", where=str(path))
    table = _read_csv(path) if path.suffix.lower() == ".csv" else _read_vector(path, settings.layer)
    if not len(table["x"]):
        raise InputError("a point table is empty", where=str(path))
    ids = _ids(table, settings.id_column, path)
    x, y = _in_crs(table, grid.crs)
    rows, cols = grid.rowcol(x, y)
    reference = _classes(_column(table, settings.class_column, path), legend, ids, path)
    second = stratum = None
    if settings.second_class_column:
        second = _classes(_column(table, settings.second_class_column, path), legend, ids, path, optional=True)
    if stratum_column:
        stratum = np.array(_column(table, stratum_column, path), "int64")
    points = Points(ids, rows, cols, reference, second, stratum)
    check_places(points, grid, str(path))
    return points


def check_places(points: Points, grid: Grid, where: str) -> None:
    """InputError where points lie outside the lattice or two lie in one pixel."""
    inside = (points.rows >= 0) & (points.rows < grid.height) & (points.cols >= 0) & (points.cols < grid.width)
    if not inside.all():
        raise InputError(
            f"{int((~inside).sum())} of {len(points)} reference points lie outside the map",
            where=where,
            got=f"point {points.ids[int(np.argmin(inside))]}",
            hint="Check the points' CRS, or leave them out of the sample and say so.",
        )
    pixel = points.rows * grid.width + points.cols
    order = np.argsort(pixel, kind="stable")
    twins = np.flatnonzero(np.diff(pixel[order]) == 0)
    if twins.size:
        first, second = order[twins[0]], order[twins[0] + 1]
        raise InputError(
            f"{twins.size} reference points share a pixel with another",
            where=where,
            got=f"points {points.ids[first]} and {points.ids[second]}",
            hint="A unit of the sample may count once: remove the repeated point.",
        )


def _read_csv(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("a point table is not CSV", where=str(path), got=str(error)) from error
    names = list(rows[0]) if rows else ["x", "y"]
    east, north, crs = ("x", "y", None) if {"x", "y"} <= set(names) else ("lon", "lat", GEOGRAPHIC)
    if not {east, north} <= set(names):
        raise InputError(
            "a point table has no coordinates",
            where=str(path),
            expected="columns x, y or lon, lat",
            got=", ".join(names),
        )
    columns = {name: [row[name] for row in rows] for name in names if name is not None}
    try:
        x, y = (np.array([float(v) for v in columns[name]]) for name in (east, north))
    except (TypeError, ValueError) as error:
        raise InputError("a coordinate is not a number", where=str(path), got=str(error)) from error
    return {"columns": columns, "x": x, "y": y, "crs": crs}


def _read_vector(path: Path, layer: str | None) -> dict[str, Any]:
    import geopandas
    from pyogrio.errors import DataLayerError, DataSourceError

    check_vector(path)
    try:
        frame = geopandas.read_file(path, layer=layer or points_layer(path), engine="pyogrio")
    except (DataSourceError, DataLayerError) as error:
        raise InputError("reference points cannot be read", where=str(path), got=str(error)) from error
    if not len(frame):
        raise InputError("a point table is empty", where=str(path))
    if frame.crs is None:
        raise InputError("reference points have no CRS", where=str(path))
    if not (frame.geometry.geom_type == "Point").all():
        kind = next(str(k) for k in frame.geometry.geom_type if k != "Point")
        raise InputError("a reference table holds other shapes than points", where=str(path), got=kind)
    columns = {str(name): frame[name].tolist() for name in frame.columns if name != frame.geometry.name}
    return {
        "columns": columns,
        "x": frame.geometry.x.to_numpy(),
        "y": frame.geometry.y.to_numpy(),
        "crs": frame.crs.to_wkt(),
    }


def _in_crs(table: dict[str, Any], crs: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    if table["crs"] is None:
        return table["x"], table["y"]
    x, y = transformer(table["crs"], crs).transform(table["x"], table["y"])
    finite = np.isfinite(x) & np.isfinite(y)  # what cannot be projected is far outside
    return np.where(finite, x, -1e15), np.where(finite, y, -1e15)


def _column(table: dict[str, Any], name: str, path: Path) -> Sequence[Any]:
    if name not in table["columns"]:
        raise InputError(
            f"a point table has no column '{name}'", where=str(path), expected=f"one of {sorted(table['columns'])}"
        )
    column: Sequence[Any] = table["columns"][name]
    return column


def _ids(table: dict[str, Any], name: str | None, path: Path) -> tuple[str, ...]:
    if name is None:
        return tuple(str(i) for i in range(len(table["x"])))
    ids = tuple(str(v) for v in _column(table, name, path))
    if len(set(ids)) != len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise InputError("two reference points bear one identity", where=str(path), got=twice)
    return ids


def _classes(
    column: Sequence[Any], legend: Legend, ids: Sequence[str], path: Path, optional: bool = False
) -> npt.NDArray[np.uint8]:
    values = []
    for identity, entry in zip(ids, column, strict=True):
        value = legend.value_of(entry)
        if value is None and optional and str(entry).strip().lower() in UNSAID:
            value = 0
        if value is None:
            raise LegendError(
                "a reference point has an unknown class",
                where=f"{path}, point {identity}",
                expected=f"a value or name of legend '{legend.name}': {', '.join(legend.names)}",
                got=str(entry),
            )
        values.append(value)
    return np.array(values, "uint8")
