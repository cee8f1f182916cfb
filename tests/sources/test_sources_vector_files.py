"""GeoPackage, GeoParquet and Overture files: what is taken, what is listed, what is refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from shapely import GeometryCollection, LineString, MultiLineString, Point, Polygon, box

from l2h.core.errors import GridError, InputError
from l2h.core.grid import Grid
from l2h.sources.account import Account
from l2h.sources.osm_layers import write_layers
from l2h.sources.overture import flag_rules, width_rules

GRID = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, 2000, 2000)  # from 117° E, 30° N
X, Y = 500_000.0, 3_319_000.0
LINE, HOUSE = LineString([(X + 100, Y), (X + 200, Y)]), box(X + 100, Y, X + 110, Y + 10)


def read(paths: Sequence[Path], grid: Grid = GRID) -> tuple[geopandas.GeoDataFrame, geopandas.GeoDataFrame, Account]:
    folder = paths[0].parent / "layers"
    account = write_layers(
        paths, grid, 0.0, tuple(folder / n for n in ("r.parquet", "b.parquet", "osm.json", "n.parquet"))
    )
    return geopandas.read_parquet(folder / "r.parquet"), geopandas.read_parquet(folder / "b.parquet"), account


def frame(shapes: Sequence[Any], crs: Any = 32650, **columns: Any) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


# --- GeoPackage -----------------------------------------------------------------------------------------------------


def test_collections_give_what_fits_and_the_rest_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "v.gpkg"
    mixed = GeometryCollection([Point(X, Y), LINE, HOUSE])
    frame([mixed, HOUSE, MultiLineString([LINE, LINE])], highway=["a", "b", "c"]).to_file(path, layer="roads")
    frame([mixed, LINE, None], n=[1, 2, 3]).to_file(path, layer="buildings")
    roads, buildings, account = read([path])
    assert sorted(roads["osm_id"]) == ["v:roads:0", "v:roads:2", "v:roads:2"]
    assert list(buildings["osm_id"]) == ["v:buildings:0"]
    assert buildings.geometry[0].equals(HOUSE)
    assert account.dropped.named() == {
        "v:roads:1": "road: no line",
        "v:buildings:1": "building: no polygon",
        "v:buildings:2": "building: no polygon",
    }
    assert account.repaired.named()["v:buildings:0"] == "building: taken out of a geometry collection"


def test_packages_that_are_refused(tmp_path: Path) -> None:
    frame([LINE], lanes=[2]).to_file(tmp_path / "plain.gpkg", layer="roads")
    with pytest.raises(InputError, match="lacks the column 'highway'"):
        read([tmp_path / "plain.gpkg"])
    with pytest.warns(UserWarning, match="crs"):
        frame([LINE], crs=None, highway=["a"]).to_file(tmp_path / "lost.gpkg", layer="roads")
    with pytest.raises(GridError, match="has no CRS"):
        read([tmp_path / "lost.gpkg"])
    whole = (tmp_path / "plain.gpkg").read_bytes()
    (tmp_path / "cut.gpkg").write_bytes(whole[:5000])
    with pytest.raises(InputError, match=r"cannot be read.*cut.gpkg"):
        read([tmp_path / "cut.gpkg"])
    (tmp_path / "noise.gpkg").write_bytes(b"noise" * 100)
    with pytest.raises(InputError, match="format we do not read"):
        read([tmp_path / "noise.gpkg"])


def test_a_package_in_the_wrong_place_leaves_nothing(tmp_path: Path) -> None:
    frame([LINE], crs=32651, highway=["a"]).to_file(tmp_path / "v.gpkg", layer="roads")  # the next zone
    roads, _, account = read([tmp_path / "v.gpkg"])
    assert (len(roads), account.left_out["road: outside the grid"]) == (0, 1)


# --- GeoParquet -----------------------------------------------------------------------------------------------------


def test_our_own_layers_can_be_read_again(tmp_path: Path) -> None:
    frame([LINE, LINE], highway=["primary", "rail"], width_m=[7.0, 999.0], osm_id=["w2", "w1"]).to_parquet(
        tmp_path / "roads.parquet"
    )
    frame([HOUSE], n=[1]).to_crs(4326).to_parquet(tmp_path / "houses.parquet")
    roads, buildings, _ = read([tmp_path / "roads.parquet", tmp_path / "houses.parquet"])
    assert list(roads["osm_id"]) == ["w1", "w2"]
    np.testing.assert_array_equal(roads["width_m"], [np.nan, 7.0])  # a road of a kilometre is a slip
    assert list(buildings["osm_id"]) == ["houses:buildings:0"]
    assert buildings.area[0] == pytest.approx(100, rel=1e-6)
    again, _, _ = read([tmp_path / "layers" / "r.parquet"])
    assert again.drop(columns="geometry").equals(roads.drop(columns="geometry"))
    assert list(again.geometry) == list(roads.geometry)


def test_parquet_files_that_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"highway": ["a"]}), tmp_path / "plain.parquet")
    with pytest.raises(InputError, match="no GeoParquet"):
        read([tmp_path / "plain.parquet"])
    frame([LINE], highway=["a"]).to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cannot be read.*cut.parquet"):
        read([tmp_path / "cut.parquet"])


# --- Overture -------------------------------------------------------------------------------------------------------

WEST = 117.001  # about 96 m into the grid
SOUTH = 29.995
BOX = pa.struct([(name, pa.float32()) for name in ("xmin", "xmax", "ymin", "ymax")])
FLAGS = pa.list_(pa.struct([("values", pa.list_(pa.string())), ("between", pa.list_(pa.float64()))]))
WIDTHS = pa.list_(pa.struct([("value", pa.float64()), ("between", pa.list_(pa.float64()))]))


def overture(path: Path, shapes: Sequence[Any], group_rows: int = 100, **columns: pa.Array) -> Path:
    """A file as Overture publishes it: WKB in degrees, a bounding box per row, and its own columns."""
    bounds = shapely.bounds(np.array(shapes, object))
    rows = {
        "id": [f"08b{i}" for i in range(len(shapes))],
        "geometry": pa.array(list(shapely.to_wkb(np.array(shapes, object))), pa.binary()),
        "bbox": pa.array([{"xmin": a, "ymin": b, "xmax": c, "ymax": d} for a, b, c, d in bounds.tolist()], BOX),
        "version": [1] * len(shapes),
        "sources": [[{"dataset": "OpenStreetMap"}]] * len(shapes),
    }
    geo = (
        b'{"version":"1.1.0","primary_column":"geometry","columns":{"geometry":{"encoding":"WKB","geometry_types":[]}}}'
    )
    table = pa.table(rows | columns).replace_schema_metadata({b"geo": geo})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=group_rows)
    return path


def segments(path: Path, rows: Sequence[dict[str, Any]], group_rows: int = 100) -> Path:
    """Segments of 0.001° eastward (96 m), one above the other."""
    shapes = [
        row.get("shape", LineString([(WEST, SOUTH + i / 1e4), (WEST + 1e-3, SOUTH + i / 1e4)]))
        for i, row in enumerate(rows)
    ]
    return overture(
        path,
        shapes,
        group_rows,
        subtype=pa.array([row.get("subtype", "road") for row in rows], pa.string()),
        **{"class": pa.array([row.get("class", "primary") for row in rows], pa.string())},
        connectors=pa.array([[] for _ in rows], pa.list_(pa.string())),
        road_flags=pa.array([row.get("flags") for row in rows], FLAGS),
        rail_flags=pa.array([row.get("rail_flags") for row in rows], FLAGS),
        width_rules=pa.array([row.get("widths") for row in rows], WIDTHS),
    )


def test_segments_of_overture(tmp_path: Path) -> None:
    rows = [
        {"class": "residential", "widths": [{"value": 6.5, "between": None}]},
        {"class": "motorway", "flags": [{"values": ["is_link"], "between": None}]},
        {"subtype": "rail", "class": "standard_gauge"},
        {"subtype": "rail", "class": "subway", "rail_flags": [{"values": ["is_tunnel"], "between": None}]},
        {"subtype": "water", "class": None},
        {"class": "unknown"},
        {"flags": [{"values": ["is_under_construction"], "between": None}]},
        {"shape": LineString([(110, 30), (110.1, 30)])},
    ]
    roads, buildings, account = read([segments(tmp_path / "part-0.parquet", rows)])
    assert dict(zip(roads["osm_id"], roads["highway"], strict=True)) == {
        "08b0": "residential", "08b1": "motorway_link", "08b2": "rail", "08b5": "road",
    }  # fmt: skip
    assert roads.set_index("osm_id").loc["08b0", "width_m"] == 6.5
    assert +account.left_out == {
        "road: tunnel": 1, "road: no carriageway": 1, "road: not in use": 1, "road: outside the grid": 1,
    }  # fmt: skip
    assert (len(buildings), account.dropped.named()) == (0, {})


def test_a_segment_is_cut_where_its_rules_change(tmp_path: Path) -> None:
    rules = {
        "flags": [
            {"values": ["is_bridge"], "between": [0.0, 0.25]},
            {"values": ["is_tunnel"], "between": [0.5, 0.75]},
        ],
        "widths": [{"value": 8.0, "between": [0.0, 0.5]}],
    }
    roads, _, account = read([segments(tmp_path / "part-0.parquet", [rules])])
    whole = LineString([(WEST, SOUTH), (WEST + 1e-3, SOUTH)])
    metres = geopandas.GeoSeries([whole], crs=4326).to_crs(GRID.crs).length[0]
    assert [round(length / metres, 6) for length in roads.length] == [0.25, 0.25, 0.25]
    assert list(roads["bridge"]) == [True, False, False]
    np.testing.assert_array_equal(roads["width_m"], [8.0, 8.0, np.nan])
    assert list(roads["osm_id"]) == ["08b0"] * 3
    assert account.left_out["road: tunnel"] == 1


def test_rules_without_sense() -> None:
    assert flag_rules(None) == []
    assert flag_rules([{"values": None, "between": [0.9, 0.1]}]) == [(0.1, 0.9, frozenset())]
    assert flag_rules([{"values": ["a"], "between": [-1, 7]}]) == [(0.0, 1.0, frozenset({"a"}))]
    assert width_rules({"width_rules": [{"value": 900.0}, {"value": None}, {"value": 3.0}]}) == [(0.0, 1.0, 3.0)]


def test_buildings_of_overture(tmp_path: Path) -> None:
    houses = [box(WEST, SOUTH + i / 1e4, WEST + 1e-4, SOUTH + (i + 0.5) / 1e4) for i in range(3)]
    bow = Polygon([(WEST, SOUTH), (WEST + 1e-4, SOUTH + 1e-4), (WEST + 1e-4, SOUTH), (WEST, SOUTH + 1e-4)])
    path = overture(
        tmp_path / "theme=buildings" / "type=building" / "part-0.parquet",
        [*houses, bow],
        subtype=pa.nulls(4, pa.string()),
        **{"class": pa.nulls(4, pa.string())},
        num_floors=pa.nulls(4, pa.int32()),
        is_underground=pa.array([False, True, None, False]),
    )
    _, buildings, account = read([path])
    assert sorted(buildings["osm_id"]) == ["08b0", "08b2", "08b3"]
    assert buildings.geometry.is_valid.all()
    assert account.repaired.named() == {"08b3": "building: Self-intersection"}
    assert account.left_out["building: underground"] == 1


def test_only_groups_near_the_grid_are_decoded(tmp_path: Path) -> None:
    far = {"shape": LineString([(10.0, 50.0), (10.1, 50.0)])}
    path = segments(tmp_path / "part-0.parquet", [far, far, {}, far], group_rows=2)
    data = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(1)  # the far group's geometries
    start, length = column.dictionary_page_offset or column.data_page_offset, column.total_compressed_size
    data[start : start + length] = bytes(length)
    path.write_bytes(data)
    roads, _, account = read([path])
    assert list(roads["osm_id"]) == ["08b2"]
    assert account.left_out["road: outside the grid"] == 3


def test_other_types_of_overture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Overture file of a type"):
        read([overture(tmp_path / "connector.parquet", [Point(WEST, SOUTH)])])
