"""Extracts written and read back: lines, outlines, relations, and what is broken."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import osmium
import pyarrow.parquet as pq
import pytest
import shapely
from osmium.osm.mutable import Node, Relation, Way
from shapely import LineString, MultiPolygon, Polygon, box

from l2h.core.errors import InputError
from l2h.core.files import read_json
from l2h.core.grid import Grid
from l2h.sources.osm_layers import write_layers
from l2h.sources.osm_relations import assemble
from l2h.sources.vectors import mend, write_table

DEGREES = Grid("EPSG:4326", 116.0, 31.0, 0.01, 200, 200)
GRID = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, 2000, 2000)  # from 117° E, 30° N
Places = Sequence[tuple[float, float]]


class Sketch:
    """An extract in the making: places in units of 0.001° from 117° E, 30° N."""

    def __init__(self, path: Path) -> None:
        self.path, self.nodes, self.ways, self.relations = path, {}, [], []

    def way(self, tags: dict[str, str], places: Places, missing: Sequence[int] = ()) -> int:
        ids = [self.nodes.setdefault(place, len(self.nodes) + 1) for place in places]
        ids = [900_000 + i if i in missing else number for i, number in enumerate(ids)]
        self.ways.append(Way(id=100 + len(self.ways), nodes=ids, tags=tags))
        return 99 + len(self.ways)

    def relation(self, tags: dict[str, str], members: Sequence[tuple[int, str]]) -> None:
        rows = [("w", way, role) for way, role in members]
        self.relations.append(Relation(id=500 + len(self.relations), members=rows, tags=tags))

    def write(self) -> Path:
        self.path.unlink(missing_ok=True)
        with osmium.SimpleWriter(str(self.path)) as out:
            for (x, y), number in self.nodes.items():
                out.add_node(Node(id=number, location=(117 + x / 1000, 30 + y / 1000)))
            for way in self.ways:
                out.add_way(way)
            for relation in self.relations:
                out.add_relation(relation)
        return self.path


@dataclass
class Layers:
    """What was written, read back by other means."""

    roads: geopandas.GeoDataFrame
    buildings: geopandas.GeoDataFrame
    account: dict[str, Any]

    def reasons(self, key: str) -> dict[str, str]:
        """Name → reason of what the account lists."""
        return {name: reason for reason, found in self.account[key].items() for name in found["first"]}


def read(paths: Sequence[Path], grid: Grid = GRID, margin_m: float = 0.0) -> Layers:
    folder = paths[0].parent / "layers"
    outputs = tuple(folder / name for name in ("roads.parquet", "buildings.parquet", "osm.json", "osm_notes.parquet"))
    write_layers(paths, grid, margin_m, outputs)
    assert sorted(folder.iterdir()) == sorted(outputs)  # nothing else is left
    return Layers(*map(geopandas.read_parquet, outputs[:2]), read_json(outputs[2]))


@pytest.fixture(params=["x.osm.pbf", "x.osm"])
def sketch(request: pytest.FixtureRequest, tmp_path: Path) -> Sketch:
    return Sketch(tmp_path / request.param)


SQUARE = [(0, 0), (2, 0), (2, 2), (0, 2), (0, 0)]


def test_roads_and_buildings_come_back(sketch: Sketch) -> None:
    sketch.way({"highway": "primary", "width": "7 m", "lanes": "2", "bridge": "yes"}, [(0, 0), (1, 1), (2, 1)])
    sketch.way({"railway": "tram"}, [(0, 3), (1, 3)])
    sketch.way({"highway": "primary", "tunnel": "yes"}, [(0, 4), (1, 4)])
    sketch.way({"highway": "proposed"}, [(0, 5), (1, 5)])
    sketch.way({"building": "yes"}, SQUARE)
    sketch.way({"name": "nothing of ours"}, SQUARE)
    layers = read([sketch.write()], DEGREES)
    assert list(layers.roads["osm_id"]) == ["w100", "w101"]
    line, road = layers.roads.geometry[0], layers.roads.iloc[0]
    np.testing.assert_allclose(shapely.get_coordinates(line), [(117, 30), (117.001, 30.001), (117.002, 30.001)])
    assert (road.highway, road.width_m, road.lanes, road.bridge) == ("primary", 7.0, 2.0, True)
    assert layers.roads.loc[1, "highway"] == "rail"
    assert math.isnan(layers.roads.loc[1, "width_m"])
    assert layers.account["left_out"] == {"road: tunnel": 1, "road: not in use": 1}
    assert list(layers.buildings["osm_id"]) == ["w104"]
    assert layers.buildings.geometry[0].area == pytest.approx(4e-6)
    assert layers.account["dropped"] == {}


def test_an_empty_extract_is_an_empty_layer(tmp_path: Path) -> None:
    path = tmp_path / "empty.osm"
    path.write_text('<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="simulated">\n\n</osm>\n')
    layers = read([path])
    empty = {"left_out": {}, "repaired": {}, "dropped": {}}
    assert layers.account == {"roads": 0, "buildings": 0, "timestamp": "", "files": {"empty.osm": ""}, **empty}
    assert list(layers.roads.columns) == ["osm_id", "highway", "width_m", "lanes", "bridge", "geometry"]
    assert len(layers.roads) == 0
    assert layers.roads.crs.to_epsg() == 32650


def test_a_building_of_several_ways_with_a_courtyard(sketch: Sketch) -> None:
    outer = sketch.way({}, [(0, 0), (4, 0), (4, 4)]), sketch.way({}, [(0, 0), (0, 4), (4, 4)])
    inner = sketch.way({"natural": "water"}, [(1, 1), (2, 1), (2, 2), (1, 2), (1, 1)])
    sketch.relation(
        {"type": "multipolygon", "building": "yes"}, [(outer[0], "outer"), (outer[1], "outer"), (inner, "inner")]
    )
    sketch.relation({"type": "multipolygon", "landuse": "forest"}, [(outer[0], "outer"), (outer[1], "outer")])
    sketch.relation({"type": "site", "building": "yes"}, [(outer[0], "outer"), (outer[1], "outer")])
    layers = read([sketch.write()], DEGREES)
    assert list(layers.buildings["osm_id"]) == ["r500"]
    assert layers.buildings.geometry[0].area == pytest.approx(15e-6)


def test_broken_outlines_are_mended_or_listed_with_their_reason(sketch: Sketch) -> None:
    sketch.way({"building": "yes"}, [(0, 0), (2, 2), (2, 0), (0, 2), (0, 0)])  # w100: a bow-tie
    sketch.way({"building": "yes"}, [(0, 0), (2, 0), (2, 2)])  # w101: open
    sketch.way({"building": "yes"}, [(3, 3), (4, 3), (3, 3)])  # w102: two corners
    sketch.way({"building": "yes"}, [(0, 3), (0, 4), (0, 5), (0, 3)])  # w103: a line there and back
    sketch.way({"building": "yes"}, SQUARE, missing=[2])  # w104: a place outside the extract
    half = sketch.way({}, [(0, 0), (4, 0), (4, 4)])
    tags = {"type": "multipolygon", "building": "yes"}
    sketch.relation(tags, [(half, "outer")])  # r500: open
    sketch.relation(tags, [(half, "outer"), (777, "outer")])  # r501: a member outside the extract
    sketch.relation(tags, [])  # r502: nothing
    layers = read([sketch.write()])
    assert list(layers.buildings["osm_id"]) == ["w100"]
    assert layers.buildings.geometry.is_valid.all()
    assert isinstance(layers.buildings.geometry[0], MultiPolygon)
    assert layers.account["repaired"] == {"building: Self-intersection": {"count": 1, "first": ["w100"]}}
    assert layers.reasons("dropped") == {
        "w101": "building: its outline is open",
        "w102": "building: fewer than three corners",
        "w103": "building: encloses nothing",
        "w104": "building: its outline is open",
        "r500": "building: a ring of the relation is open",
        "r501": "building: a member of the relation is missing",
        "r502": "building: the relation encloses nothing",
    }
    notes = pq.read_table(sketch.path.parent / "layers" / "osm_notes.parquet").to_pylist()
    assert notes[0] == {"what": "mended", "name": "w100", "reason": "building: Self-intersection"}
    assert [note["name"] for note in notes[1:]] == ["r500", "r501", "r502", "w101", "w102", "w103", "w104"]
    assert {note["name"]: note["reason"] for note in notes[1:]} == layers.reasons("dropped")


def test_broken_outlines_far_away_are_not_our_concern(tmp_path: Path) -> None:
    sketch = Sketch(tmp_path / "x.osm.pbf")
    sketch.way({"building": "yes"}, [(500, 0), (502, 0), (502, 2)])
    sketch.way({"building": "yes"}, [(1, 0), (2, 0), (2, 2)])
    layers = read([sketch.write()])
    assert layers.reasons("dropped") == {"w101": "building: its outline is open"}
    assert layers.account["left_out"] == {"building: outside the grid": 1}


def test_a_road_cut_by_the_edge_of_the_extract_keeps_its_pieces(sketch: Sketch) -> None:
    sketch.way({"highway": "primary"}, [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)], missing=[2])
    sketch.way({"highway": "primary"}, [(0, 1), (1, 1)], missing=[1])
    layers = read([sketch.write()])
    assert list(layers.roads.geom_type) == ["LineString", "LineString"]
    assert list(layers.roads["osm_id"]) == ["w100", "w100"]
    assert layers.reasons("dropped") == {"w101": "road: fewer than two places"}


def test_only_what_is_near_the_grid_is_kept(tmp_path: Path) -> None:
    sketch = Sketch(tmp_path / "x.osm.pbf")
    sketch.way({"highway": "primary"}, [(-5, 2), (30, 2)])  # through
    sketch.way({"highway": "primary"}, [(-0.5, 0), (-0.5, 5)])  # 48 m west of the grid
    sketch.way({"highway": "primary"}, [(-50, 0), (-50, 5)])
    sketch.way({"building": "yes"}, [(x - 50, y) for x, y in SQUARE])
    path = sketch.write()
    near, strict = read([path], GRID, 100.0), read([path], GRID, 10.0)
    assert sorted(near.roads["osm_id"]) == ["w100", "w101"]
    assert list(strict.roads["osm_id"]) == ["w100"]
    assert near.account["left_out"] == {"road: outside the grid": 1, "building: outside the grid": 1}
    assert strict.roads.geometry[0].bounds[0] < GRID.x  # kept whole, not cut


def test_what_two_extracts_share_counts_once(tmp_path: Path) -> None:
    one, two = Sketch(tmp_path / "one.osm"), Sketch(tmp_path / "two.osm")
    for sketch in (one, two):
        sketch.way({"highway": "primary"}, [(0, 0), (1, 1)], missing=[1] if sketch is one else [])
    two.ways.insert(0, Way(id=7, nodes=[1, 2], tags={"highway": "service"}))
    layers = read([one.write(), two.write()])
    assert sorted(layers.roads["osm_id"]) == ["w100", "w7"]
    assert layers.account["dropped"] == {}


def test_a_geopackage_with_the_same_columns(tmp_path: Path) -> None:
    path = tmp_path / "v.gpkg"
    line, outline = (
        LineString([(500_100, 3_319_000), (500_200, 3_319_000)]),
        box(500_100, 3_319_000, 500_110, 3_319_010),
    )
    roads = geopandas.GeoDataFrame(
        {"highway": ["primary", "rail"], "width_m": [7.0, None]}, geometry=[line, line], crs=32650
    )
    roads.to_file(path, layer="roads")
    geopandas.GeoDataFrame({"n": [1]}, geometry=[outline], crs=32650).to_file(path, layer="buildings")
    layers = read([path])
    assert list(layers.roads["osm_id"]) == ["v:roads:0", "v:roads:1"]
    assert list(layers.roads["highway"]) == ["primary", "rail"]
    np.testing.assert_array_equal(layers.roads["width_m"], [7.0, np.nan])
    np.testing.assert_array_equal(layers.roads["bridge"], [False, False])
    np.testing.assert_allclose(layers.buildings.geometry[0].bounds, outline.bounds, atol=1e-6)
    (tmp_path / "other.gpkg").unlink(missing_ok=True)
    roads.to_file(tmp_path / "other.gpkg", layer="streets")
    with pytest.raises(InputError, match="neither roads nor buildings"):
        read([tmp_path / "other.gpkg"])
    (tmp_path / "south").mkdir()
    roads.to_file(tmp_path / "south" / "v.gpkg", layer="roads")  # its first road must not pass for that of the other
    with pytest.raises(InputError, match="two vector files have the same name"):
        read([path, tmp_path / "south" / "v.gpkg"])


def test_extracts_that_are_refused(tmp_path: Path) -> None:
    sketch = Sketch(tmp_path / "x.osm.pbf")
    for i in range(200):
        sketch.way({"highway": "primary"}, [(i, 0), (i, 1)])
    whole = sketch.write().read_bytes()
    (tmp_path / "cut.osm.pbf").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cut.osm").write_text('<osm version="0.6"><node id="1" ')
    (tmp_path / "noise.osm.pbf").write_bytes(b"noise" * 100)
    for name in ("cut.osm.pbf", "cut.osm", "noise.osm.pbf"):
        with pytest.raises(InputError, match="cannot be read"):
            read([tmp_path / name])
    (tmp_path / "x.csv").touch()
    with pytest.raises(InputError, match="no OpenStreetMap extract"):
        read([tmp_path / "x.csv"])
    with pytest.raises(InputError, match="is missing"):
        read([tmp_path / "none.osm.pbf"])


def test_rings_that_touch_and_rings_in_any_direction_are_assembled() -> None:
    rings = [ring_of(box(0, 0, 2, 2)), ring_of(box(2, 2, 3, 3))[::-1]]
    area = assemble([(ring, False) for ring in rings])
    assert isinstance(area, MultiPolygon)
    assert area.area == 5
    assert assemble([(rings[0], False), (ring_of(box(0, 0, 2, 2)), True)]) == "the relation encloses nothing"


def ring_of(shape: Polygon) -> np.ndarray:
    return shapely.get_coordinates(shape.exterior)


def test_a_ring_among_several_that_crosses_itself_gives_its_wings() -> None:
    bow = np.array([(0, 0), (2, 2), (2, 0), (0, 2), (0, 0)], "float64")
    area = assemble([(bow, False), (ring_of(box(5, 5, 6, 6)), False)])
    assert area.area == pytest.approx(2 + 1)


def test_mending_keeps_good_shapes_as_they_are() -> None:
    spike = Polygon([(0, 0), (4, 0), (4, 4), (6, 6), (4, 4), (0, 4)])
    names = np.array(["w1", "w2", "w3"], object)
    got = mend(np.array([box(0, 0, 1, 1), spike, Polygon([(0, 0), (1, 1), (2, 2), (0, 0)])], object), names)
    assert list(got.names) == ["w1", "w2"]
    assert got.shapes[0] == box(0, 0, 1, 1)
    assert got.shapes[1].area == 16
    assert [name for name, _ in got.repaired] == ["w2"]
    assert got.dropped == (("w3", "encloses nothing"),)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    columns = {"osm_id": np.array(["w1", "w2"], object), "width_m": np.array([1.0, np.nan])}
    shapes = np.array([LineString([(0, 0), (1, 1)]), LineString([(2, 0), (1, 1)])], object)
    for name in ("a.parquet", "b.parquet"):
        write_table(tmp_path / name, shapes, columns, "EPSG:32650")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_table_can_be_read_in_parts(tmp_path: Path) -> None:
    shapes = np.array([LineString([(0, 0), (1, 1)]), LineString([(5, 5), (9, 6)])], object)
    write_table(tmp_path / "a.parquet", shapes, {"osm_id": np.array(["w1", "w2"], object)}, "EPSG:32650")
    part = geopandas.read_parquet(tmp_path / "a.parquet", bbox=(2, 2, 5, 5))
    assert list(part["osm_id"]) == ["w2"]
    assert list(part.columns) == ["osm_id", "geometry"]
