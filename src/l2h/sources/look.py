"""Look: what a vector file is, by its columns and shapes, and what the chain would do with it.

Facts are a dict in the order in which people read it: what, does (what l2h would do with it), rows, geometry, columns,
CRS, extent in degrees, time. Of a GeoParquet file only the footer is read, so one that stays behind an address costs
a few ranges.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import osmium
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
from osmium.filter import KeyFilter
from osmium.osm import RELATION, WAY, Way

from l2h.core.crs import parse_crs, transformer
from l2h.core.errors import InputError
from l2h.core.formats import check_vector
from l2h.sources.batches import SIDES
from l2h.sources.geoparquet import OWN
from l2h.sources.intake import WGS84
from l2h.sources.osm import REPLICATION, SUFFIXES
from l2h.sources.osm_tags import Road, read_building, read_road
from l2h.sources.overture import BUILDING, SEGMENT, is_overture
from l2h.sources.vector_files import geometry_of, told

KEYS = ("highway", "railway", "aeroway", "building")
USES = {
    "extract": "reads roads, railways, runways and buildings from it: name it in [osm] paths",
    "roads": "draws its lines as traffic by class, width and lanes: name it in [osm] paths",
    "buildings": "draws its polygons as buildings: name it in [osm] paths",
    "roads and buildings": "draws both layers: name it in [osm] paths",
    "outlines": "cuts the map by them: name it in [boundary] path",
    "unused": "nothing: it knows no use for it",
}
WHAT = {
    "extract": "OpenStreetMap extract", "roads": "roads", "buildings": "buildings", "outlines": "outlines of cities",
    "roads and buildings": "roads and buildings", "unused": "",
}  # fmt: skip
Facts = dict[str, Any]


def purpose(columns: Sequence[str], shapes: Sequence[str], levels: Sequence[str]) -> str:
    """Which key of USES a table is, by its columns and the kinds of its shapes.

    >>> purpose(["highway"], ["LineString"], ["region"]), purpose(["name"], ["Point"], ["region"])
    ('roads', 'unused')
    """
    names, kinds = set(columns), {shape.removeprefix("Multi").split(" ")[0] for shape in shapes}
    areas = not kinds or bool(kinds & {"Polygon", "GeometryCollection", "Unknown"})
    if is_overture(pa.schema([(name, pa.null()) for name in columns])):
        return "roads" if names >= SEGMENT else "buildings" if names >= BUILDING else "unused"
    if names >= set(levels) and areas:
        return "outlines"
    if "highway" in names and (not kinds or kinds & {"LineString", "GeometryCollection", "Unknown"}):
        return "roads"
    return "buildings" if areas else "unused"


def told_of(kind: str, about: str = "") -> Facts:
    """What it is, and what l2h does with it."""
    return {"what": ", ".join(filter(None, (WHAT[kind], about))) or "a table of shapes", "l2h": USES[kind]}


# --- GeoParquet -------------------------------------------------------------------------------------------------------


def parquet_facts(file: pq.ParquetFile, where: str, levels: Sequence[str]) -> Facts:
    """What the footer of a GeoParquet file says; InputError where it is none."""
    schema, metadata = file.schema_arrow, file.metadata
    _, crs = geometry_of(schema, where)
    geo = json.loads(schema.metadata[b"geo"])
    column = geo["columns"][geo["primary_column"]]
    said = column.get("geometry_types")
    shapes = [str(kind) for kind in said] if isinstance(said, list) else []
    about = "Overture Maps" if is_overture(schema) else ""
    return {
        **told_of(purpose(schema.names, shapes, levels), about),
        "rows": f"{metadata.num_rows:,} in {metadata.num_row_groups:,} groups",
        "geometry": ", ".join(shapes),
        "columns": ", ".join(name for name in schema.names if name not in (geo["primary_column"], "bbox")),
        "crs": parse_crs(crs).name,
        "extent": _extent(column.get("bbox") or _boxes(metadata), crs),
        "time": _own_time(schema.metadata.get(OWN, b"{}")),
    }


def _own_time(own: bytes) -> str:
    """The time that a table of ours speaks of; empty in a file of others."""
    try:
        said = json.loads(own)
    except ValueError:
        return ""
    return str(said.get("timestamp", "")) if isinstance(said, dict) else ""


def _boxes(metadata: pq.FileMetaData) -> list[float] | None:
    """The box of all rows by the statistics of the column `bbox`; None where a group does not say."""
    found: list[list[float]] = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = [group.column(i) for i in range(group.num_columns)]
        stats = {c.path_in_schema: c.statistics for c in columns}
        sides = [said for side in SIDES if (said := stats.get(f"bbox.{side}")) is not None and said.has_min_max]
        if len(sides) < len(SIDES) or not all(isinstance(side.min, float) for side in sides):
            return None
        found.append([sides[0].min, sides[1].min, sides[2].max, sides[3].max])
    if not found:
        return None
    boxes = np.array(found)
    return [*boxes[:, :2].min(0).tolist(), *boxes[:, 2:].max(0).tolist()]


def _extent(box: Sequence[float] | None, crs: str) -> str:
    """West, south, east, north in degrees; empty where it is not known, or is none."""
    try:
        box = [float(side) for side in box or ()]
    except (TypeError, ValueError):
        return ""
    if len(box) not in (4, 6) or not np.isfinite(box).all():
        return ""
    left, bottom, right, top = box if len(box) == 4 else (*box[:2], *box[3:5])
    sides = transformer(crs, WGS84).transform_bounds(left, bottom, right, top)
    return ", ".join(f"{side:.5f}" for side in sides) if np.isfinite(sides).all() else ""


# --- what GDAL reads --------------------------------------------------------------------------------------------------


def vector_facts(path: Path, levels: Sequence[str]) -> Facts:
    """What a GeoPackage, shapefile, GeoJSON, FlatGeobuf or GeoParquet file is; InputError where it cannot be read."""
    check_vector(path)
    with told(path):
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                return parquet_facts(file, str(path), levels)
        names = [str(name) for name, shape in pyogrio.list_layers(path) if shape is not None]
        infos = {name: pyogrio.read_info(path, layer=name, force_total_bounds=True) for name in names}
    kinds = {name: purpose(info["fields"], [info["geometry_type"] or ""], levels) for name, info in infos.items()}
    return {**told_of(_package_kind(path, kinds)), **_layers(infos)}


def _package_kind(path: Path, kinds: dict[str, str]) -> str:
    """A GeoPackage is for [osm] by the names of its layers; any file of one layer for [boundary] by its columns."""
    ours = sorted({"roads", "buildings"} & set(kinds), reverse=True) if path.suffix == ".gpkg" else []
    if "roads" in ours and kinds["roads"] != "roads":
        ours.remove("roads")
    if ours:
        return " and ".join(ours)
    return "outlines" if "outlines" in kinds.values() else "unused"


def _layers(infos: dict[str, Any]) -> Facts:
    facts: Facts = {}
    for name, info in infos.items():
        box = info["total_bounds"]
        facts[f"layer {name}"] = "; ".join(filter(None, (
            f"{info['features']:,} × {info['geometry_type'] or 'no one kind'}", info["crs"] or "no CRS",
            _extent(None if box is None else list(box), info["crs"]) if info["crs"] else "",
            "columns " + ", ".join(info["fields"]),
        )))  # fmt: skip
    return facts


# --- OpenStreetMap ----------------------------------------------------------------------------------------------------


def extract_facts(path: Path, count: bool = True) -> Facts:
    """What an extract is, and with `count` what of its ways l2h would take, and why not the others."""
    if not path.is_file():
        raise InputError("an OpenStreetMap extract is missing", where=str(path))
    if not path.name.endswith(SUFFIXES):
        raise InputError("a file is no OpenStreetMap extract", where=str(path), expected=", ".join(SUFFIXES))
    try:
        facts = told_of("extract") | header_facts(osmium.FileProcessor(str(path)).header)
        return facts | (_counted(path) if count else {})
    except (RuntimeError, ValueError) as error:
        raise InputError("an OpenStreetMap extract cannot be read", where=str(path), got=str(error)) from error


def header_facts(header: Any) -> Facts:
    """What an extract says of itself."""
    box = header.box()
    sides = (box.bottom_left, box.top_right) if box.valid() else ()
    return {
        "extent": ", ".join(f"{v:.5f}" for corner in sides for v in (corner.lon, corner.lat)),
        "time": header.get(REPLICATION, "") or "not said: that of its newest way counts",
        "made by": header.get("generator", ""),
    }


def _counted(path: Path) -> Facts:
    kinds, left = Counter[str](), Counter[str]()
    ways = osmium.FileProcessor(str(path), WAY).with_filter(KeyFilter(*KEYS))
    for way in cast(Iterator[Way], iter(ways)):
        tags = dict(way.tags)
        road, building = read_road(tags, way.is_closed()), read_building(tags)
        if isinstance(road, Road):
            kinds[road.highway] += 1
        elif road:
            left[f"road: {road}"] += 1
        if building == "building":
            kinds["building"] += 1
        elif building:
            left[f"building: {building}"] += 1
    relations = osmium.FileProcessor(str(path), RELATION).with_filter(KeyFilter("building"))
    areas = sum(relation.tags.get("type") == "multipolygon" for relation in relations)
    buildings = kinds.pop("building", 0)
    return {
        "roads": f"{kinds.total():,}   {_most(kinds)}",
        "buildings": f"{buildings:,} ways, {areas:,} relations",
        "left out": _most(left),
    }


def _most(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.most_common(8))
