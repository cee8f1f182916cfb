"""OpenStreetMap extracts, streamed into roads and building outlines in longitude and latitude."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

import osmium
import shapely
from osmium.filter import EntityFilter, IdFilter, KeyFilter
from osmium.osm import NODE, RELATION, WAY, Relation

from l2h.core.errors import InputError
from l2h.sources.osm_tags import Road, read_building, read_road

SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.gz", ".osm.bz2")
ROAD_KEYS, BUILDING_KEY = ("highway", "railway", "aeroway"), "building"
Polygonal: TypeAlias = shapely.Polygon | shapely.MultiPolygon


@dataclass
class Extract:
    """What was found in one file, by OSM identity ("w123" a way, "r45" a relation).

    roads     : identity → (line, tags); a way cut by the edge of the extract keeps its pieces (MultiLineString)
    buildings : identity → outline, as drawn: it may cross itself
    left_out  : how many ways were not taken, by reason
    dropped   : identity and reason of every outline or line that could not be built
    """

    roads: dict[str, tuple[shapely.Geometry, Road]] = field(default_factory=dict)
    buildings: dict[str, Polygonal] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    dropped: dict[str, str] = field(default_factory=dict)


def read_osm(path: Path) -> Extract:
    """Stream an extract: relations first, then tagged ways, then the ways buildings of several pieces are made of.

    Memory holds the places of the nodes and what is kept. InputError where the file is missing, broken or no extract.
    """
    if not path.is_file():
        raise InputError("an OpenStreetMap extract is missing", where=str(path))
    if not path.name.endswith(SUFFIXES):
        raise InputError("a file is no OpenStreetMap extract", where=str(path), expected=", ".join(SUFFIXES))
    extract = Extract()
    try:
        relations = _building_relations(path, extract)
        for way in _ways(path, KeyFilter(*ROAD_KEYS, BUILDING_KEY)):
            _take_way(extract, way)
        _take_relations(extract, relations, path)
    except (RuntimeError, ValueError) as error:
        raise InputError(
            "an OpenStreetMap extract cannot be read", where=str(path), got=str(error), hint="It may be truncated."
        ) from error
    return extract


def _ways(path: Path, *filters: Any) -> Iterator[Any]:
    processor = osmium.FileProcessor(str(path), NODE | WAY).with_locations().with_filter(EntityFilter(WAY))
    for each in filters:
        processor = processor.with_filter(each)
    yield from processor


def _building_relations(path: Path, extract: Extract) -> dict[str, list[tuple[int, str]]]:
    """Identity of each multipolygon tagged as a building → (way, role) of its members."""
    found: dict[str, list[tuple[int, str]]] = {}
    processor = osmium.FileProcessor(str(path), RELATION).with_filter(KeyFilter(BUILDING_KEY))
    for relation in cast(Iterator[Relation], iter(processor)):
        if relation.tags.get("type") != "multipolygon":
            continue
        kind = read_building(dict(relation.tags))
        if kind == "building":
            found[f"r{relation.id}"] = [(m.ref, m.role) for m in relation.members if m.type == "w"]
        elif kind:
            extract.left_out[f"building: {kind}"] += 1
    return found


def _take_way(extract: Extract, way: Any) -> None:
    tags, name = dict(way.tags), f"w{way.id}"
    road = read_road(tags, way.is_closed())
    if isinstance(road, Road):
        lines = _lines(way)
        if lines:
            extract.roads[name] = (lines[0] if len(lines) == 1 else shapely.MultiLineString(lines), road)
        else:
            extract.dropped[name] = "road: fewer than two places"
    elif road:
        extract.left_out[f"road: {road}"] += 1
    building = read_building(tags)
    if building == "building":
        _take_outline(extract, way, name)
    elif building:
        extract.left_out[f"building: {building}"] += 1


def _take_outline(extract: Extract, way: Any, name: str) -> None:
    lines = _lines(way)
    if len(lines) != 1 or not lines[0].is_closed:
        extract.dropped[name] = "building: its outline is open"
    elif len(lines[0].coords) < 4:
        extract.dropped[name] = "building: fewer than three corners"
    else:
        extract.buildings[name] = shapely.Polygon(lines[0].coords)


def _lines(way: Any) -> list[shapely.LineString]:
    """The runs of places that are known: one for a whole way, several for one cut by the edge of the extract."""
    runs: list[list[tuple[float, float]]] = [[]]
    for node in way.nodes:
        if not node.location.valid():
            runs.append([])
        elif not runs[-1] or runs[-1][-1] != (node.lon, node.lat):
            runs[-1].append((node.lon, node.lat))
    return [shapely.LineString(run) for run in runs if len(run) >= 2]


def _take_relations(extract: Extract, relations: dict[str, list[tuple[int, str]]], path: Path) -> None:
    wanted = {way for members in relations.values() for way, _ in members}
    if not wanted:
        return
    lines = {way.id: _lines(way) for way in _ways(path, IdFilter(wanted))}
    for name, members in relations.items():
        whole = [(lines.get(way, []), role) for way, role in members]
        if any(len(parts) != 1 for parts, _ in whole):
            extract.dropped[name] = "building: a member of the relation is missing"
            continue
        shape = assemble([(parts[0], role) for parts, role in whole])
        if isinstance(shape, str):
            extract.dropped[name] = f"building: {shape}"
        else:
            extract.buildings[name] = shape


def assemble(members: list[tuple[shapely.LineString, str]]) -> Polygonal | str:
    """The area that outer lines enclose without what inner lines enclose, or the reason why there is none.

    Lines may come in any order and direction; every end must meet another. A member without a role is an outer one.
    """
    outer = _enclosed([line for line, role in members if role != "inner"])
    inner = _enclosed([line for line, role in members if role == "inner"])
    if outer is None or inner is None:
        return "a ring of the relation is open"
    area = shapely.difference(outer, inner)
    if isinstance(area, shapely.Polygon | shapely.MultiPolygon) and not area.is_empty:
        return area
    return "the relation encloses nothing"


def _enclosed(lines: list[shapely.LineString]) -> shapely.Geometry | None:
    """The union of the areas that lines enclose; None where an end hangs loose."""
    noded = shapely.node(shapely.MultiLineString(lines))  # splits rings that cross themselves where they do
    faces, cuts, dangles, _ = shapely.polygonize_full([noded])
    if not (cuts.is_empty and dangles.is_empty):
        return None
    return shapely.union_all(list(faces.geoms))
