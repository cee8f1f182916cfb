"""OpenStreetMap as mappers leave it: incomplete, a metre or two off, a few geometries broken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import osmium
from osmium.osm import mutable
from shapely.geometry import LineString, Polygon, box

from l2h.core.files import atomic_path
from l2h.core.grid import Grid
from l2h.toy.geometry import Points
from l2h.toy.lattice import to_geographic
from l2h.toy.roads import LANES, Road
from l2h.toy.settlement import Building

ROAD_SHARE, BUILDING_SHARE = 0.65, 0.40
STAMP = "2021-03-01T00:00:00Z"
Tags = dict[str, str]


@dataclass(frozen=True)
class Sketch:
    """What mappers drew, in local pixels: open or closed lines with tags, and polygons with courtyards."""

    lines: list[tuple[Points, Tags]] = field(default_factory=list)
    courtyards: list[tuple[list[Points], Tags]] = field(default_factory=list)


def _moved(rng: np.random.Generator, points: Points) -> Points:
    """A whole object displaced by 1 to 2 m, its vertices by some decimetres more."""
    bearing, distance = rng.uniform(0, 2 * np.pi), rng.uniform(1, 2)
    shift = distance * np.array([np.cos(bearing), np.sin(bearing)])
    return points + shift + rng.normal(0, 0.15, points.shape)


def _moved_ring(rng: np.random.Generator, points: Points) -> Points:
    moved = _moved(rng, points)
    moved[-1] = moved[0]
    return moved


def _road_tags(rng: np.random.Generator, road: Road) -> Tags:
    tags: Tags = {"railway": "rail"} if road.kind == "rail" else {"highway": road.kind}
    if road.proposed:
        return {"highway": "proposed", "proposed": road.kind}
    if road.kind in LANES and rng.random() < 0.3:
        tags["lanes"] = str(LANES[road.kind])
    if road.kind != "rail" and rng.random() < 0.2:
        tags["width"] = f"{road.width:.1f}"
    if road.kind == "motorway":
        tags["oneway"] = "yes"
    if road.bridge:
        tags |= {"bridge": "yes", "layer": "1"}
    if road.tunnel:
        tags |= {"tunnel": "yes", "layer": "-1"}
    return tags


def _sketch_roads(rng: np.random.Generator, roads: Iterable[Road], extent: Polygon) -> list[tuple[Points, Tags]]:
    """Two roads in three; trunk roads, bridges of larger roads, tunnels and plans are always known."""
    lines = []
    for road in roads:
        sure = road.kind in ("motorway", "rail", "primary") or road.tunnel or road.proposed
        drawn, tags = rng.random() < ROAD_SHARE, _road_tags(rng, road)
        moved = _moved(rng, road.line)
        inside = LineString(moved).intersection(extent)
        parts = inside.geoms if hasattr(inside, "geoms") else [inside]
        if drawn or sure:
            lines += [(np.array(part.coords), tags) for part in parts if part.geom_type == "LineString" and part.length]
    return lines


def _sketch_buildings(rng: np.random.Generator, buildings: Iterable[Building], sketch: Sketch) -> None:
    """Two buildings in five; the first three small ones drawn are bow ties, one block with a courtyard is sure."""
    broken = 0
    for building in buildings:
        drawn, courtyard = rng.random() < BUILDING_SHARE, bool(building.shape.interiors)
        outer = np.array(building.shape.exterior.coords)
        moved = _moved_ring(rng, outer)
        if courtyard and (drawn or not sketch.courtyards):
            inner = np.array(building.shape.interiors[0].coords) + (moved[0] - outer[0])
            sketch.courtyards.append(([moved, inner], {"building": "apartments", "type": "multipolygon"}))
        elif drawn and not courtyard:
            if broken < 3 and len(moved) == 5:
                moved[[1, 2]] = moved[[2, 1]]
                broken += 1
            sketch.lines.append((moved, {"building": "yes"}))


def _sure_courtyard(sketch: Sketch, extent: Polygon) -> None:
    """A small cloister in the middle of the map where the towns have no courtyard: the relation is always there."""
    if sketch.courtyards:
        return
    whole = next((points for points, tags in sketch.lines if "building" in tags and Polygon(points).is_valid), None)
    if whole is None:
        centre = np.array(extent.centroid.coords[0])
        whole = np.array(box(*(centre - 10), *(centre + 10)).exterior.coords)
    middle = whole[:-1].mean(axis=0)
    sketch.courtyards.append(([whole, middle + 0.3 * (whole - middle)], {"building": "yes", "type": "multipolygon"}))


def sketch_map(rng: np.random.Generator, roads: list[Road], buildings: list[Building], extent: Polygon) -> Sketch:
    """Draw the incomplete map of roads and buildings, in local pixels, within `extent`."""
    sketch = Sketch(lines=_sketch_roads(rng, roads, extent))
    _sketch_buildings(rng, buildings, sketch)
    _sure_courtyard(sketch, extent)
    return sketch


class _Scribe:
    """Numbers nodes, ways and relations from 1 and keeps them in the order the format wants."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.nodes: list[mutable.Node] = []
        self.ways: list[mutable.Way] = []
        self.relations: list[mutable.Relation] = []

    def way(self, points: Points, tags: Mapping[str, str]) -> int:
        """Add a way with nodes of its own; a closed line shares its first node."""
        closed = bool((points[0] == points[-1]).all()) and len(points) > 2
        lon, lat = to_geographic(self.grid, points[:, 0], points[:, 1])
        first = len(self.nodes) + 1
        count = len(points) - closed
        for i in range(count):
            place = (round(float(lon[i]), 7), round(float(lat[i]), 7))
            self.nodes.append(mutable.Node(id=first + i, version=1, timestamp=STAMP, location=place))
        refs = [*range(first, first + count), *([first] if closed else [])]
        self.ways.append(mutable.Way(id=len(self.ways) + 1, version=1, timestamp=STAMP, nodes=refs, tags=dict(tags)))
        return len(self.ways)

    def courtyard(self, rings: list[Points], tags: Mapping[str, str]) -> None:
        """Add a multipolygon: its first ring is the outer one."""
        members = [("w", self.way(ring, {}), "inner" if i else "outer") for i, ring in enumerate(rings)]
        number = len(self.relations) + 1
        relation = mutable.Relation(id=number, version=1, timestamp=STAMP, members=members, tags=dict(tags))
        self.relations.append(relation)


def _pbf(path: Path) -> osmium.io.File:
    return osmium.io.File(str(path), "osm.pbf")


def write_osm(path: Path, sketch: Sketch, grid: Grid) -> None:
    """Write the sketch as `.osm.pbf`, the same bytes for the same sketch: fixed ids, one timestamp."""
    scribe = _Scribe(grid)
    for points, tags in sketch.lines:
        scribe.way(points, tags)
    for rings, tags in sketch.courtyards:
        scribe.courtyard(rings, tags)
    header = osmium.io.Header()
    header.set("generator", "l2h toy")
    with atomic_path(path) as part, osmium.SimpleWriter(_pbf(part), header=header, overwrite=True) as writer:
        for node in scribe.nodes:
            writer.add_node(node)
        for way in scribe.ways:
            writer.add_way(way)
        for relation in scribe.relations:
            writer.add_relation(relation)
