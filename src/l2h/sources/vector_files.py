"""Roads and buildings from GeoPackage and GeoParquet, in batches."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from l2h.core.crs import parse_crs
from l2h.core.errors import GridError, InputError
from l2h.core.formats import check_vector
from l2h.sources.batches import BATCH, batches, open_parquet
from l2h.sources.geoparquet import read_own
from l2h.sources.intake import Intake
from l2h.sources.osm_tags import MOST_LANES, WIDEST_M
from l2h.sources.vectors import Geometries, polygons_of

OGC_CRS84 = "OGC:CRS84"  # what GeoParquet means where it names no CRS
LINES = (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING)
AREAS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
COLLECTION = shapely.GeometryType.GEOMETRYCOLLECTION


def read_package(path: Path, intake: Intake) -> None:
    """Roads and buildings from a GeoPackage with layers `roads` (column `highway`, and if it has them `width_m`,
    `lanes`, `bridge`, `osm_id`) and `buildings`; either layer may be absent, not both.

    A feature without `osm_id` is known by the file's name, the layer and its row.
    """
    check_vector(path)
    intake.account.date(path, "")
    with told(path):
        layers = {str(name) for name, _ in pyogrio.list_layers(path)} & {"roads", "buildings"}
        if not layers:
            raise InputError(
                "a GeoPackage has neither roads nor buildings", where=str(path), expected="layers of these names"
            )
        for layer in sorted(layers):
            _read_layer(path, layer, intake)


def _read_layer(path: Path, layer: str, intake: Intake) -> None:
    with pyogrio.open_arrow(path, layer=layer, batch_size=BATCH, use_pyarrow=True) as (meta, reader):
        if not meta["crs"]:
            raise GridError(
                "a vector file has no CRS", where=str(path), hint="Assign one, for example with ogr2ogr -a_srs."
            )
        names = reader.schema.names
        if layer == "roads" and "highway" not in names:
            raise InputError("a vector file lacks the column 'highway'", where=str(path), got=", ".join(names))
        row = 0
        for batch in reader:
            columns = {name: batch.column(name) for name in names}
            shapes = columns.pop(meta["geometry_name"] or "wkb_geometry")
            take(intake, from_wkb(shapes), columns, Origin(meta["crs"], f"{path.stem}:{layer}:", row, layer))
            row += len(batch)


def read_parquet(path: Path, intake: Intake) -> None:
    """Roads from a GeoParquet file with a column `highway`, as in our own layers; else buildings, from polygons."""
    intake.account.date(path, read_own(path).get("timestamp", ""))
    with told(path), open_parquet(path) as file:
        geometry, crs = geometry_of(file.schema_arrow, path)
        names = file.schema_arrow.names
        layer = "roads" if "highway" in names else "buildings"
        wanted = [n for n in ("osm_id", "highway", "width_m", "lanes", "bridge", geometry) if n in names]
        row = 0
        for batch in batches(file, wanted):
            columns = {name: batch.column(name) for name in wanted}
            shapes = from_wkb(columns.pop(geometry))
            take(intake, shapes, columns, Origin(crs, f"{path.stem}:{layer}:", row, layer))
            row += len(batch)


def geometry_of(schema: pa.Schema, path: Path | str) -> tuple[str, str]:
    """Column and CRS of a GeoParquet file's geometries; InputError where it has none, or not as WKB."""
    try:
        geo = json.loads((schema.metadata or {})[b"geo"])
        column = geo["columns"][geo["primary_column"]]
        encoding, crs = column["encoding"], column.get("crs", OGC_CRS84)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("a Parquet file is no GeoParquet", where=str(path)) from error
    if encoding != "WKB" or geo["primary_column"] not in schema.names:
        raise InputError("a GeoParquet file keeps its geometries otherwise", where=str(path), expected="WKB")
    if crs is None:
        raise GridError(
            "a vector file has no CRS", where=str(path), hint="Assign one, for example with ogr2ogr -a_srs."
        )
    return str(geo["primary_column"]), parse_crs(crs if isinstance(crs, str) else json.dumps(crs)).to_wkt()


class Origin:
    """Where a batch comes from: CRS, how its features are called, its first row, what it holds."""

    def __init__(self, crs: str, prefix: str, row: int, layer: str) -> None:
        self.crs, self.prefix, self.row, self.layer = crs, prefix, row, layer


def take(intake: Intake, shapes: Geometries, columns: dict[str, Any], origin: Origin) -> None:
    """Hand a batch over: lines as roads or polygons as buildings; what is neither is listed."""
    names = _names(columns.get("osm_id"), len(shapes), origin)
    roads = origin.layer == "roads"
    shapes, fits = fitting(shapes, names, intake, roads)
    if roads:
        rows = {name: values[fits] for name, values in _road_columns(columns, len(fits)).items()}
        intake.road_shapes(names[fits], shapes[fits], origin.crs, rows)
    else:
        intake.building_shapes(names[fits], shapes[fits], origin.crs)


def fitting(
    shapes: Geometries, names: npt.NDArray[np.object_], intake: Intake, roads: bool
) -> tuple[Geometries, npt.NDArray[np.bool_]]:
    """The shapes, and which are lines (or polygons); a collection gives those it holds. The others are listed."""
    kinds, kind, none = (LINES, "road", "no line") if roads else (AREAS, "building", "no polygon")
    shapes = shapes.copy()
    for i in np.flatnonzero(shapely.get_type_id(shapes) == COLLECTION):
        shapes[i] = _lines_of(shapes[i]) if roads else polygons_of(shapes[i])
        if not shapely.is_empty(shapes[i]):
            intake.account.mend(str(names[i]), f"{kind}: taken out of a geometry collection")
    fits = np.isin(shapely.get_type_id(shapes), kinds) & ~shapely.is_empty(shapes)
    for i in np.flatnonzero(~fits):
        intake.account.drop(str(names[i]), f"{kind}: {none}")
    return shapely.force_2d(shapes), fits


def _lines_of(shape: shapely.Geometry) -> shapely.Geometry:
    parts = shapely.get_parts(shapely.get_parts(shape))
    lines = parts[shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING]
    return shapely.MultiLineString(list(lines))


def from_wkb(column: Any) -> Geometries:
    """Geometries of a column; None, or what is no geometry at all, becomes None."""
    return np.asarray(shapely.from_wkb(np.array(column.to_pylist(), object), on_invalid="ignore"), object)


def _names(column: Any, count: int, origin: Origin) -> npt.NDArray[np.object_]:
    names = np.empty(count, object)
    own = [None] * count if column is None else column.to_pylist()
    names[:] = [name or f"{origin.prefix}{origin.row + i}" for i, name in enumerate(own)]
    return names


def _road_columns(columns: dict[str, Any], count: int) -> dict[str, npt.NDArray[Any]]:
    """Class, width, lanes and bridge; widths and lanes beyond belief count as not said."""
    rows: dict[str, npt.NDArray[Any]] = {"highway": np.array([str(v) for v in columns["highway"].to_pylist()], object)}
    for name, most in (("width_m", WIDEST_M), ("lanes", MOST_LANES)):
        values = _numbers(columns.get(name), count)
        rows[name] = np.where((values > 0) & (values <= most), values, np.nan)
    bridge = columns.get("bridge")
    rows["bridge"] = np.array([bool(v) for v in bridge.to_pylist()] if bridge is not None else [False] * count, bool)
    return rows


def _numbers(column: Any, count: int) -> npt.NDArray[np.float64]:
    if column is None:
        return np.full(count, np.nan)
    return np.array([np.nan if v is None else float(v) for v in column.to_pylist()], "float64")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what the libraries raise for a broken file into an error that names it."""
    try:
        yield
    except (DataSourceError, DataLayerError, pa.ArrowException, OSError) as error:
        raise InputError("a vector file cannot be read", where=str(path), got=str(error)) from error
