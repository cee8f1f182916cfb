"""Extracts written and read back: lines, outlines, relations, and what is broken."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import geopandas
import numpy as np
import osmium
import pytest
import shapely
from osmium.osm.mutable import Node, Relation, Way
from shapely import LineString, MultiPolygon, Polygon, box

from l2h.core.errors import InputError
from l2h.core.grid import Grid
from l2h.sources.osm import assemble, read_osm
from l2h.sources.osm_layers import read_layers
from l2h.sources.vectors import mend, write_table

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
    extract = read_osm(sketch.write())
    line, road = extract.roads["w100"]
    np.testing.assert_allclose(shapely.get_coordinates(line), [(117, 30), (117.001, 30.001), (117.002, 30.001)])
    assert (road.highway, road.width_m, road.lanes, road.bridge) == ("primary", 7.0, 2.0, True)
    assert extract.roads["w101"][1].highway == "rail"
    assert math.isnan(extract.roads["w101"][1].width_m)
    assert set(extract.roads) == {"w100", "w101"}
    assert extract.left_out == Counter({"road: tunnel": 1, "road: not in use": 1})
    assert set(extract.buildings) == {"w104"}
    assert extract.buildings["w104"].area == pytest.approx(4e-6)
    assert extract.dropped == {}


def test_an_empty_extract_is_an_empty_layer(tmp_path: Path) -> None:
    path = tmp_path / "empty.osm"
    path.write_text('<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="simulated">\n\n</osm>\n')
    layers = read_layers([path], GRID, 0.0)
    assert layers.account() == {"roads": 0, "buildings": 0, "left_out": {}, "repaired": [], "dropped": []}
    write_table(tmp_path / "roads.parquet", layers.roads, layers.road_columns, GRID.crs)
    table = geopandas.read_parquet(tmp_path / "roads.parquet")
    assert list(table.columns) == ["osm_id", "highway", "width_m", "lanes", "bridge", "geometry"]
    assert len(table) == 0
    assert table.crs.to_epsg() == 32650


def test_a_building_of_several_ways_with_a_courtyard(sketch: Sketch) -> None:
    outer = sketch.way({}, [(0, 0), (4, 0), (4, 4)]), sketch.way({}, [(0, 0), (0, 4), (4, 4)])
    inner = sketch.way({"natural": "water"}, [(1, 1), (2, 1), (2, 2), (1, 2), (1, 1)])
    sketch.relation(
        {"type": "multipolygon", "building": "yes"}, [(outer[0], "outer"), (outer[1], "outer"), (inner, "inner")]
    )
    sketch.relation({"type": "multipolygon", "landuse": "forest"}, [(outer[0], "outer"), (outer[1], "outer")])
    sketch.relation({"type": "site", "building": "yes"}, [(outer[0], "outer"), (outer[1], "outer")])
    extract = read_osm(sketch.write())
    assert set(extract.buildings) == {"r500"}
    assert extract.buildings["r500"].area == pytest.approx(15e-6)


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
    layers = read_layers([sketch.write()], GRID, 0.0)
    account = layers.account()
    assert list(layers.building_columns["osm_id"]) == ["w100"]
    assert shapely.is_valid(layers.buildings).all()
    assert isinstance(layers.buildings[0], MultiPolygon)
    assert [row["id"] for row in account["repaired"]] == ["w100"]
    assert account["repaired"][0]["reason"].startswith("Self-intersection")
    assert {row["id"]: row["reason"] for row in account["dropped"]} == {
        "w101": "building: its outline is open",
        "w102": "building: fewer than three corners",
        "w103": "building: encloses nothing",
        "w104": "building: its outline is open",
        "r500": "building: a ring of the relation is open",
        "r501": "building: a member of the relation is missing",
        "r502": "building: the relation encloses nothing",
    }


def test_a_road_cut_by_the_edge_of_the_extract_keeps_its_pieces(sketch: Sketch) -> None:
    sketch.way({"highway": "primary"}, [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0)], missing=[2])
    sketch.way({"highway": "primary"}, [(0, 1), (1, 1)], missing=[1])
    layers = read_layers([sketch.write()], GRID, 0.0)
    assert [line.geom_type for line in layers.roads] == ["LineString", "LineString"]
    assert list(layers.road_columns["osm_id"]) == ["w100", "w100"]
    assert layers.dropped == {"w101": "road: fewer than two places"}


def test_only_what_is_near_the_grid_is_kept(tmp_path: Path) -> None:
    sketch = Sketch(tmp_path / "x.osm.pbf")
    sketch.way({"highway": "primary"}, [(-5, 2), (30, 2)])  # through
    sketch.way({"highway": "primary"}, [(-0.5, 0), (-0.5, 5)])  # 48 m west of the grid
    sketch.way({"highway": "primary"}, [(-50, 0), (-50, 5)])
    sketch.way({"building": "yes"}, [(x - 50, y) for x, y in SQUARE])
    path = sketch.write()
    near, strict = read_layers([path], GRID, 100.0), read_layers([path], GRID, 10.0)
    assert list(near.road_columns["osm_id"]) == ["w100", "w101"]
    assert list(strict.road_columns["osm_id"]) == ["w100"]
    assert near.left_out == Counter({"road: outside the grid": 1, "building: outside the grid": 1})
    assert near.roads[0].bounds[0] < GRID.x  # kept whole, not cut


def test_what_two_extracts_share_counts_once_and_rows_are_ordered_by_identity(tmp_path: Path) -> None:
    one, two = Sketch(tmp_path / "one.osm"), Sketch(tmp_path / "two.osm")
    for sketch in (one, two):
        sketch.way({"highway": "primary"}, [(0, 0), (1, 1)], missing=[1] if sketch is one else [])
    two.ways.insert(0, Way(id=7, nodes=[1, 2], tags={"highway": "service"}))
    layers = read_layers([one.write(), two.write()], GRID, 0.0)
    assert list(layers.road_columns["osm_id"]) == ["w7", "w100"]
    assert layers.dropped == {}


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
    layers = read_layers([path], GRID, 0.0)
    assert list(layers.road_columns["highway"]) == ["primary", "rail"]
    np.testing.assert_array_equal(layers.road_columns["width_m"], [7.0, np.nan])
    np.testing.assert_array_equal(layers.road_columns["bridge"], [False, False])
    np.testing.assert_allclose(shapely.bounds(layers.buildings[0]), outline.bounds, atol=1e-6)
    (tmp_path / "other.gpkg").unlink(missing_ok=True)
    roads.to_file(tmp_path / "other.gpkg", layer="streets")
    with pytest.raises(InputError, match="neither roads nor buildings"):
        read_layers([tmp_path / "other.gpkg"], GRID, 0.0)
    (tmp_path / "south").mkdir()
    roads.to_file(tmp_path / "south" / "v.gpkg", layer="roads")  # its first road must not pass for that of the other
    with pytest.raises(InputError, match="two GeoPackages have the same name"):
        read_layers([path, tmp_path / "south" / "v.gpkg"], GRID, 0.0)


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
            read_osm(tmp_path / name)
    (tmp_path / "x.csv").touch()
    with pytest.raises(InputError, match="no OpenStreetMap extract"):
        read_osm(tmp_path / "x.csv")
    with pytest.raises(InputError, match="is missing"):
        read_osm(tmp_path / "none.osm.pbf")


def test_rings_that_touch_and_rings_in_any_direction_are_assembled() -> None:
    rings = [LineString(box(0, 0, 2, 2).exterior), LineString(box(2, 2, 3, 3).exterior.reverse())]
    area = assemble([(ring, "outer") for ring in rings])
    assert isinstance(area, MultiPolygon)
    assert area.area == 5
    assert (
        assemble([(rings[0], ""), (LineString(box(0, 0, 2, 2).exterior), "inner")]) == "the relation encloses nothing"
    )


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
