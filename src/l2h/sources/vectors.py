"""Vector tables: safe to open, brought into the project's CRS, mended or left out, written with the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from l2h.core.crs import same_crs, transformer
from l2h.core.errors import GridError, InputError
from l2h.core.files import atomic_path
from l2h.core.formats import check_vector

Geometries = npt.NDArray[np.object_]


def open_table(path: Path, layer: str | None, columns: Sequence[str]) -> geopandas.GeoDataFrame:
    """A vector table with these columns; InputError where the file, the layer, a column, rows or shapes are missing.

    Reads GeoPackage, shapefile, GeoJSON, FlatGeobuf and GeoParquet. GridError where the table has no CRS.
    """
    check_vector(path)
    table = _read(path, layer)
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise InputError(
            f"a vector file lacks the column '{missing[0]}'", where=str(path), got=", ".join(map(str, table.columns))
        )
    if not isinstance(table, geopandas.GeoDataFrame):
        raise InputError("a vector file has no geometries", where=str(path))
    if table.crs is None:
        raise GridError(
            "a vector file has no CRS", where=str(path), hint="Assign one, for example with ogr2ogr -a_srs."
        )
    return table


def _read(path: Path, layer: str | None) -> Any:
    try:
        if path.suffix == ".parquet":
            return geopandas.read_parquet(path)
        names = [str(name) for name, _ in pyogrio.list_layers(path)]
        if layer is None and len(names) > 1:
            raise InputError(
                "a vector file has several layers", where=str(path), got=", ".join(names), hint="Name one as `layer`."
            )
        return pyogrio.read_dataframe(path, layer=layer)
    except DataLayerError as error:
        raise InputError(f"a vector file has no layer '{layer}'", where=str(path), got=", ".join(names)) from error
    except (DataSourceError, ValueError, OSError) as error:
        raise InputError("a vector file cannot be read", where=str(path), got=str(error)) from error


def bring(shapes: Geometries, source: str, target: str) -> Geometries:
    """Geometries with every vertex in another CRS; a vertex without a place there becomes inf."""
    if same_crs(source, target):
        return shapes
    change = transformer(source, target)
    return np.asarray(shapely.transform(shapes, lambda xy: np.column_stack(change.transform(*xy.T))), object)


def meets(boxes: npt.NDArray[np.float64], bounds: tuple[float, float, float, float]) -> npt.NDArray[np.bool_]:
    """Which bounding boxes [N, 4] meet (left, bottom, right, top); [N]. Infinite ones do not."""
    left, bottom, right, top = bounds
    meet = (boxes[:, 0] <= right) & (boxes[:, 2] >= left) & (boxes[:, 1] <= top) & (boxes[:, 3] >= bottom)
    return np.asarray(meet & np.isfinite(boxes).all(1))


@dataclass(frozen=True)
class Mended:
    """Polygons after mending: `shapes` and `names` of those that are left, and what was done to the others."""

    shapes: Geometries
    names: npt.NDArray[np.object_]
    repaired: tuple[tuple[str, str], ...]
    dropped: tuple[tuple[str, str], ...]


def mend(shapes: Geometries, names: npt.NDArray[np.object_]) -> Mended:
    """Make every polygon valid; leave out those that enclose nothing. Each change is listed with its reason.

    A bow-tie becomes its two wings (shapely.make_valid), since both are inside the line that was drawn.
    """
    out, repaired, dropped = shapes.copy(), [], []
    for i in np.flatnonzero(~shapely.is_valid(shapes)):
        repaired.append((str(names[i]), str(shapely.is_valid_reason(shapes[i]))))
        out[i] = polygons_of(shapely.make_valid(shapes[i]))
    empty = shapely.area(out) <= 0
    dropped = [(str(names[i]), "encloses nothing") for i in np.flatnonzero(empty)]
    gone = {name for name, _ in dropped}
    kept = tuple(pair for pair in repaired if pair[0] not in gone)
    return Mended(out[~empty], names[~empty], kept, tuple(dropped))


def polygons_of(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygonal part of a geometry: a Polygon, a MultiPolygon, or an empty Polygon."""
    parts = [p for p in shapely.get_parts(shapely.get_parts(shape)) if isinstance(p, shapely.Polygon)]
    return parts[0] if len(parts) == 1 else shapely.union_all(parts) if parts else shapely.Polygon()


def write_table(path: Path, shapes: Geometries, columns: dict[str, npt.NDArray[Any]], crs: str) -> None:
    """Write GeoParquet whole; the same bytes for the same rows.

    Each row carries its bounding box, so that the task of a block need not take in the vectors of a country.
    """
    table = geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries(list(shapes), crs=crs), crs=crs)
    with atomic_path(path) as part:
        table.to_parquet(
            part, index=False, compression="zstd", geometry_encoding="WKB", schema_version="1.1.0",
            write_covering_bbox=True,
        )  # fmt: skip
