"""Overture Maps: roads and rails (theme transportation, type segment) and buildings (theme buildings, type building).

Written for the schema as of release v1.18.0. Only the groups of rows whose bounding boxes meet the grid are decoded; a
partitioned folder is as many files as it has parts.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from shapely.ops import substring

from l2h.core.errors import InputError
from l2h.sources.batches import SIDES, batches, groups_near, open_parquet
from l2h.sources.intake import Intake, road_columns
from l2h.sources.osm_tags import RAILS, WIDEST_M, Road
from l2h.sources.tiles import Box
from l2h.sources.vector_files import fitting, from_wkb, geometry_of, told
from l2h.sources.vectors import bring

MARKS = frozenset({"id", "bbox", "geometry", "sources", "version"})  # columns that every Overture file has
SEGMENT, BUILDING = frozenset({"subtype", "class", "connectors"}), frozenset({"subtype", "class", "num_floors"})
LINKED = frozenset({"motorway", "trunk", "primary", "secondary", "tertiary"})
GAUGES = frozenset({"standard_gauge", "unknown"})  # classes of rail that OpenStreetMap calls rail
RULES = ("road_flags", "rail_flags", "width_rules")
HIDDEN = {  # flag → reason, the first that holds counts
    "is_under_construction": "not in use", "is_abandoned": "not in use", "is_disused": "not in use",
    "is_tunnel": "tunnel", "is_covered": "covered", "is_indoor": "covered",
}  # fmt: skip
Flags = list[tuple[float, float, frozenset[str]]]  # from, to (shares of the length), what holds there
Widths = list[tuple[float, float, float]]


def is_overture(schema: pa.Schema) -> bool:
    """Whether a Parquet file's columns are those of an Overture file."""
    return set(schema.names) >= MARKS


def read_overture(path: Path, intake: Intake) -> None:
    """Segments or buildings of one file; InputError where it holds neither."""
    with told(path):
        schema = pq.read_schema(path)
        names = set(schema.names)
        if not (names >= SEGMENT or names >= BUILDING):
            raise InputError(
                "an Overture file of a type we do not read", where=str(path), expected="type segment or building",
                got=", ".join(schema.names),
            )  # fmt: skip
        roads = names >= SEGMENT
        geometry, crs = geometry_of(schema, path)
        wanted = ["subtype", "class", *RULES] if roads else ["is_underground"]
        columns = ["id", geometry, *(name for name in wanted if name in names)]
        take = _take_segments if roads else _take_buildings
        met = rows = 0
        with open_parquet(path) as file:
            rows = file.metadata.num_rows
            for batch in _near(file, columns, intake.degrees):
                met += len(batch)
                take(batch, geometry, crs, intake)
        kind = "road" if roads else "building"
        intake.account.left_out[f"{kind}: outside the grid"] += rows - met
    intake.account.date(path, "")


def _near(file: pq.ParquetFile, columns: Sequence[str], degrees: Box | None) -> Iterator[pa.RecordBatch]:
    """The rows whose boxes may be near the grid; groups that are not are passed over."""
    if degrees is None:
        yield from batches(file, columns)
        return
    for batch in batches(file, [*columns, "bbox"], groups_near(file.metadata, degrees)):
        near = batch.filter(_meeting(batch.column("bbox"), degrees))
        if len(near):
            yield near.select(list(columns))


def _meeting(boxes: pa.StructArray, degrees: Box) -> pa.Array:
    """Which rows' boxes meet a box; one whose west is east of its east goes across 180° and may."""
    west, south, east, north = (pc.struct_field(boxes, side) for side in SIDES)
    beside = pc.and_(pc.or_(pc.greater(west, degrees[2]), pc.less(east, degrees[0])), pc.less_equal(west, east))
    off = pc.or_(pc.greater(south, degrees[3]), pc.less(north, degrees[1]))
    return pc.invert(pc.or_(beside, off))


def _take_buildings(batch: pa.RecordBatch, geometry: str, crs: str, intake: Intake) -> None:
    names, shapes = _objects(batch.column("id").to_pylist()), from_wkb(batch.column(geometry))
    here = np.ones(len(names), bool)
    if "is_underground" in batch.schema.names:
        here = ~np.array([bool(value) for value in batch.column("is_underground").to_pylist()], bool)
        intake.account.left_out["building: underground"] += int((~here).sum())
    shapes, fits = fitting(shapes[here], names[here], intake, roads=False)
    intake.building_shapes(names[here][fits], shapes[fits], crs)


def _take_segments(batch: pa.RecordBatch, geometry: str, crs: str, intake: Intake) -> None:
    names = _objects(batch.column("id").to_pylist())
    shapes, fits = fitting(from_wkb(batch.column(geometry)), names, intake, roads=True)
    lines = bring(shapes, crs, intake.grid.crs)  # in metres, or nearly, so that shares of a length are what they say
    rows = batch.to_pylist()
    pieces, owners, roads = [], [], []
    for i in np.flatnonzero(fits):
        for piece, road in _pieces(lines[i], rows[i]):
            if isinstance(road, Road):
                pieces.append(piece)
                owners.append(names[i])
                roads.append(road)
            else:
                intake.account.left_out[f"road: {road}"] += 1
    intake.road_shapes(_objects(owners), _objects(pieces), intake.grid.crs, road_columns(roads))


def _pieces(line: Any, row: dict[str, Any]) -> list[tuple[Any, Road | str]]:
    """A segment cut where its flags or its width change, each piece with what it is or why it is left out."""
    kind = _kind(row)
    if not kind:
        return [(line, "no carriageway")]
    plain = Road(kind, math.nan, math.nan, False)
    if not any(row.get(key) for key in RULES):
        return [(line, plain)]
    flags, widths = flag_rules(row.get("road_flags")) + flag_rules(row.get("rail_flags")), width_rules(row)
    cuts = sorted({0.0, 1.0, *(end for start, stop, _ in [*flags, *widths] for end in (start, stop))})
    found: list[tuple[float, float, Road | str]] = []
    for start, stop in pairwise(cuts):
        road = road_at((start + stop) / 2, plain, flags, widths)
        if found and found[-1][2] == road:
            start = found.pop()[0]
        found.append((start, stop, road))
    if len(found) == 1:
        return [(line, found[0][2])]
    return [(substring(line, start, stop, normalized=True), road) for start, stop, road in found]


def road_at(share: float, plain: Road, flags: Flags, widths: Widths) -> Road | str:
    """What a segment is at a share of its length, or why it is left out there."""
    here = frozenset().union(*(values for start, stop, values in flags if start <= share <= stop))
    hidden = next((reason for flag, reason in HIDDEN.items() if flag in here), "")
    if hidden:
        return hidden
    width = next((value for start, stop, value in widths if start <= share <= stop), plain.width_m)
    linked = "is_link" in here and plain.highway in LINKED
    return replace(
        plain, highway=f"{plain.highway}_link" if linked else plain.highway, width_m=width, bridge="is_bridge" in here
    )


def _kind(row: dict[str, Any]) -> str:
    """Our class of a segment; empty where it is none of ours (ferries, pipelines)."""
    subtype, kind = row.get("subtype"), row.get("class") or "unknown"
    if subtype == "rail":
        return "rail" if kind in RAILS | GAUGES else ""
    if subtype != "road":
        return ""
    return "road" if kind == "unknown" else str(kind)


def flag_rules(rules: Sequence[dict[str, Any]] | None) -> Flags:
    """Ranges of a segment's length with the flags that hold there; a rule without a range holds everywhere."""
    return [(*_range(rule), frozenset(rule.get("values") or ())) for rule in rules or ()]


def width_rules(row: dict[str, Any]) -> Widths:
    """Ranges of a segment's length with its width in metres there; widths beyond belief are passed over."""
    rules = [(*_range(rule), float(rule.get("value") or 0)) for rule in row.get("width_rules") or ()]
    return [rule for rule in rules if 0 < rule[2] <= WIDEST_M]


def _range(rule: dict[str, Any]) -> tuple[float, float]:
    between = rule.get("between")
    if not between or len(between) != 2:
        return 0.0, 1.0
    start, stop = (min(max(float(end), 0.0), 1.0) for end in between)
    return (start, stop) if start < stop else (stop, start)


def _objects(items: Sequence[Any]) -> npt.NDArray[np.object_]:
    array = np.empty(len(items), object)
    array[:] = items
    return array
