"""The parts of streaming: runs of places, rows sorted on disk, groups of rows, tags that need not be asked for."""

import json
import resource
import signal
import subprocess
import sys
from itertools import chain, pairwise
from pathlib import Path

import geopandas
import numpy as np
import osmium
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from osmium.io import Header
from osmium.osm.mutable import Node, Way

from l2h.core.errors import StorageError
from l2h.core.files import read_json, remove_parts
from l2h.core.grid import Grid
from l2h.sources import geoparquet, osm, osm_ways, sorter
from l2h.sources.geoparquet import open_geoparquet, read_own
from l2h.sources.osm_layers import write_layers
from l2h.sources.osm_tags import GONE, TELLING, read_building, read_road
from l2h.sources.runs import LINE, POLYGON, Runs
from l2h.sources.sorter import Sorter

GRID = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, 4000, 4000)  # from 117° E, 30° N


def objects(items: list[str]) -> np.ndarray:
    return np.array(items, object)


# --- runs ---------------------------------------------------------------------------------------------------------

LINES = [
    shapely.LineString([(0, 0), (1, 2)]),
    shapely.LineString([(5, 5), (6, 5), (6, 6), (5, 5)]),
    shapely.LineString([(1, 1), (3, 0), (2, 9)]),
]


def runs() -> Runs:
    _, points, (starts,) = shapely.to_ragged_array(LINES)
    return Runs(points, starts)


def test_runs_are_the_lines_they_were_made_from() -> None:
    assert runs().starts.tolist() == [0, 2, 6, 9]
    assert runs().lines().tolist() == LINES
    assert runs().bounds().tolist() == [[0, 0, 1, 2], [5, 5, 6, 6], [1, 0, 3, 9]]
    assert runs().closed().tolist() == [False, True, False]
    assert runs().take(np.array([True, False, True])).lines().tolist() == [LINES[0], LINES[2]]
    none = runs().take(np.zeros(3, bool))
    assert (len(none), none.bounds().shape, len(none.wkb(LINE)), len(none.polygons())) == (0, (0, 4), 0, 0)


def test_runs_write_the_wkb_that_shapely_reads() -> None:
    assert shapely.from_wkb(runs().wkb(LINE).to_pylist()).tolist() == LINES
    ring = runs().take(runs().closed())
    assert shapely.from_wkb(ring.wkb(POLYGON).to_pylist()).tolist() == ring.polygons().tolist()
    assert ring.polygons()[0].equals(shapely.Polygon([(5, 5), (6, 5), (6, 6)]))


def test_runs_move_as_their_places_do() -> None:
    moved = Runs(np.array([(117.0, 30.0), (117.0, 31.0)]), np.array([0, 2])).moved("EPSG:4326", "EPSG:32650")
    assert moved.points[:, 0].tolist() == pytest.approx([500_000, 500_000])  # the zone's middle meridian


def test_lines_with_gaps_fall_into_pieces() -> None:
    points = np.array([(0, 0), (0, 0), (1, 0), (9, 9), (2, 0), (3, 0), (5, 5), (5, 5), (7, 7)], "float64")
    there = np.array([True, True, True, False, True, True, True, True, True])
    got, line = Runs.known(points, there, np.array([6, 2, 0, 1]))
    assert [list(shape.coords) for shape in got.lines()] == [[(0, 0), (1, 0)], [(2, 0), (3, 0)]]
    assert line.tolist() == [0, 0]  # the second is one place twice, the third nothing, the last a place


RINGS = {
    "square": ([(0, 0), (2, 0), (2, 2), (0, 2)], True),
    "the other way": ([(0, 0), (0, 2), (2, 2), (2, 0)], True),
    "angle": ([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)], False),
    "bow-tie": ([(0, 0), (2, 2), (2, 0), (0, 2)], False),
    "star, twice round": ([(0, 3), (2, -3), (-3, 1), (3, 1), (-2, -3)], False),
    "straight in one corner": ([(0, 0), (1, 0), (2, 0), (2, 2)], False),
    "line there and back": ([(0, 0), (1, 0), (2, 0)], False),
}


def rings(places: list[list[tuple[float, float]]]) -> Runs:
    closed = [[*ring, ring[0]] for ring in places]
    return Runs(np.array(list(chain(*closed)), "float64"), np.cumsum([0, *map(len, closed)]))


def test_rings_that_surely_are_valid() -> None:
    every = rings([ring for ring, _ in RINGS.values()])
    assert dict(zip(RINGS, every.convex().tolist(), strict=True)) == {name: sure for name, (_, sure) in RINGS.items()}


@given(st.lists(st.lists(st.tuples(st.integers(-4, 4), st.integers(-4, 4)), min_size=3, max_size=7), max_size=5))
def test_no_broken_ring_passes_for_a_valid_one(places: list[list[tuple[int, int]]]) -> None:
    some = rings(places) if places else runs().take(np.zeros(3, bool))
    assert shapely.is_valid(some.polygons()[some.convex()]).all()


# --- sorting ------------------------------------------------------------------------------------------------------

SCHEMA = pa.schema([("key", pa.uint64()), ("osm_id", pa.string()), ("n", pa.int64())])
Row = st.tuples(st.integers(0, 5), st.sampled_from(["w1", "w2", "r7"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(Row, max_size=12), max_size=8), st.integers(1, 30), st.integers(1, 4))
def test_rows_come_out_in_one_order_wherever_runs_are_cut(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, str]]], run_rows: int, batch_rows: int
) -> None:
    rows = [row for batch in batches for row in batch]
    expected = [(key, name, n) for n, (key, name) in enumerate(rows)]
    expected.sort(key=lambda row: row[:2])  # stable
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorter, "BATCH_ROWS", batch_rows)
        got = Sorter(tmp_path_factory.mktemp("runs"), "x", SCHEMA, run_rows)
        n = 0
        for batch in batches:
            columns = zip(*batch, strict=True) if batch else ((), ())
            got.add(pa.table(dict(zip(("key", "osm_id"), columns, strict=True)) | {"n": range(n, n + len(batch))}))
            n += len(batch)
        tables = list(got.merged())
    assert [tuple(row.values()) for table in tables for row in table.to_pylist()] == expected


def test_runs_are_removed_once_they_are_merged(tmp_path: Path) -> None:
    got = Sorter(tmp_path, "x", SCHEMA, run_rows=2)
    for n in range(5):
        got.add(pa.table({"key": [9 - n], "osm_id": ["w1"], "n": [n]}))
    assert len(list(tmp_path.iterdir())) == 2
    assert [n for table in got.merged() for n in table["n"].to_pylist()] == [4, 3, 2, 1, 0]
    assert list(tmp_path.iterdir()) == []


# --- groups of rows -----------------------------------------------------------------------------------------------


def boxes(count: int, first: int) -> pa.Table:
    x = np.arange(first, first + count, dtype="float64")
    wkb = shapely.to_wkb(shapely.linestrings(np.stack([np.stack([x, x], 1), np.stack([x + 1, x + 1], 1)], 1)))
    corners = {"xmin": x, "ymin": x, "xmax": x + 1, "ymax": x + 1}
    return pa.table(
        {"osm_id": pa.array([f"w{i:.0f}" for i in x], pa.string())}
        | corners
        | {"geometry": pa.array(list(wkb), pa.binary())}
    )


def write_boxes(path: Path, cuts: list[int]) -> None:
    with open_geoparquet(path, [pa.field("osm_id", pa.string())], "EPSG:32650", ["LineString"], {"a": 1}) as out:
        for first, last in pairwise(cuts):
            out.write(boxes(last - first, first))


def test_groups_of_rows_are_the_same_however_rows_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geoparquet, "GROUP_ROWS", 10)
    write_boxes(tmp_path / "a.parquet", [0, 25])
    write_boxes(tmp_path / "b.parquet", [0, 3, 14, 14, 25])
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    meta = pq.read_metadata(tmp_path / "a.parquet")
    assert [meta.row_group(i).num_rows for i in range(meta.num_row_groups)] == [10, 10, 5]
    part = geopandas.read_parquet(tmp_path / "a.parquet", bbox=(12.5, 12.5, 13.5, 13.5))
    assert list(part["osm_id"]) == ["w12", "w13"]
    assert part.crs.to_epsg() == 32650
    assert read_own(tmp_path / "a.parquet") == {"a": 1}
    assert json.loads(meta.metadata[b"geo"])["version"] == "1.1.0"


# --- tags ---------------------------------------------------------------------------------------------------------

KEYS = ("highway", "building", "name", "surface", "addr:housenumber", *TELLING)
VALUES = ("yes", "no", "primary", "platform", "rail", "runway", "proposed", "7 m", "2", *sorted(GONE))


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=6), st.booleans())
def test_only_telling_keys_tell(tags: dict[str, str], closed: bool) -> None:
    told = {key: value for key, value in tags.items() if key in (*TELLING, "highway", "building")}
    assert repr(read_road(tags, closed)) == repr(read_road(told, closed))
    assert read_building(tags) == read_building(told)
    if not set(told) & set(TELLING):  # then nothing hangs on whether the way is closed
        assert repr(read_road(told, True)) == repr(read_road(told, False))


# --- the whole ----------------------------------------------------------------------------------------------------


def scatter(path: Path, header: Header | None = None, **stamp: object) -> Path:
    """Three hundred roads and houses here and there, some far away."""
    rng = np.random.default_rng(4)
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as out:
        places = rng.uniform(0, 0.05, (300, 2))
        offsets = np.array([(0, 0), (3e-4, 0), (3e-4, 3e-4), (0, 3e-4)])
        for i, (x, y) in enumerate(places):
            for k, (dx, dy) in enumerate(offsets):
                out.add_node(Node(id=4 * i + k + 1, location=(117 + x + dx, 29.98 + y + dy)))
        for i in range(300):
            nodes = [4 * i + 1, 4 * i + 2, 4 * i + 3, 4 * i + 4, 4 * i + 1]
            tags = {"building": "yes"} if i % 2 else {"highway": "service", **({"lanes": "2"} if i % 3 else {})}
            out.add_way(Way(id=i + 1, nodes=nodes[: 5 if i % 2 else 4], tags=tags, **stamp))
    return path


def outputs(folder: Path) -> tuple[Path, Path, Path, Path]:
    return folder / "roads.parquet", folder / "buildings.parquet", folder / "osm.json", folder / "osm_notes.parquet"


def test_the_same_bytes_however_the_work_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scatter(tmp_path / "x.osm.pbf")
    whole, cut = outputs(tmp_path / "whole"), outputs(tmp_path / "cut")
    write_layers([path], GRID, 100.0, whole)
    monkeypatch.setattr(osm_ways, "BATCH", 7)
    monkeypatch.setattr(sorter, "RUN_BYTES", 2000)
    monkeypatch.setattr(sorter, "BATCH_ROWS", 3)
    write_layers([path], GRID, 100.0, cut)
    for one, other in zip(whole, cut, strict=True):
        assert one.read_bytes() == other.read_bytes()
    account = read_json(whole[2])
    assert account["roads"] + account["left_out"]["road: outside the grid"] == 150
    assert account["buildings"] + account["left_out"]["building: outside the grid"] == 150
    assert min(account["roads"], account["buildings"]) > 20


def test_places_on_disk_give_the_bytes_of_places_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scatter(tmp_path / "x.osm.pbf")
    memory, disk = outputs(tmp_path / "memory"), outputs(tmp_path / "disk")
    write_layers([path], GRID, 100.0, memory)
    monkeypatch.setattr(osm, "SMALL_BYTES", 0)
    write_layers([path], GRID, 100.0, disk)
    assert [one.read_bytes() for one in memory] == [other.read_bytes() for other in disk]
    assert not list(tmp_path.rglob("*.part-*"))


@pytest.mark.parametrize(
    ("small_bytes", "room_bytes"), [(0, 100_000), (osm.SMALL_BYTES, 4_000)], ids=["places", "ways"]
)
def test_a_disk_without_room_is_no_broken_extract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_bytes: int, room_bytes: int
) -> None:
    path = scatter(tmp_path / "x.osm.pbf")
    monkeypatch.setattr(osm, "SMALL_BYTES", small_bytes)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, hard))
    try:
        with pytest.raises(StorageError, match="cannot write a file"):
            write_layers([path], GRID, 100.0, outputs(tmp_path / "out"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_neighbours_lie_together(tmp_path: Path) -> None:
    path, grid = scatter(tmp_path / "x.osm.pbf"), Grid("EPSG:32650", 490_000.0, 3_330_000.0, 1.0, 20_000, 20_000)
    write_layers([path], grid, 100.0, outputs(tmp_path / "out"))
    middle = geopandas.read_parquet(tmp_path / "out" / "roads.parquet").geometry.envelope.centroid
    shelves = list(zip((middle.y - grid.y) // -1024, (middle.x - grid.x) // 1024, strict=True))
    assert len(set(shelves)) > 10
    assert sum(a != b for a, b in pairwise(shelves)) == len(set(shelves)) - 1


def test_the_time_an_extract_speaks_of(tmp_path: Path) -> None:
    header = Header()
    header.set("osmosis_replication_timestamp", "2026-03-01T20:00:00Z")
    stated = scatter(tmp_path / "stated.osm.pbf", header)
    newest = scatter(tmp_path / "newest.osm.pbf", version=1, timestamp="2025-12-31T23:59:58Z")
    silent = scatter(tmp_path / "silent.osm.pbf")
    for paths, expected in (
        ([stated], "2026-03-01T20:00:00Z"),
        ([newest], "2025-12-31T23:59:58Z"),
        ([stated, newest], "2025-12-31T23:59:58Z"),
        ([stated, silent], ""),
    ):
        account = write_layers(paths, GRID, 0.0, outputs(tmp_path / "out"))
        assert account.timestamp == expected
        assert read_own(tmp_path / "out" / "roads.parquet")["timestamp"] == expected


def test_extracts_of_one_name_each_keep_their_time(tmp_path: Path) -> None:
    header = Header()
    header.set("osmosis_replication_timestamp", "2026-03-01T20:00:00Z")
    for folder in ("north", "south"):
        (tmp_path / folder).mkdir()
    north = scatter(tmp_path / "north" / "x.osm.pbf", header)
    south = scatter(tmp_path / "south" / "x.osm.pbf", version=1, timestamp="2025-12-31T23:59:58Z")
    account = write_layers([north, south], GRID, 0.0, outputs(tmp_path / "out"))
    assert account.files == {"north/x.osm.pbf": "2026-03-01T20:00:00Z", "south/x.osm.pbf": "2025-12-31T23:59:58Z"}
    assert account.timestamp == "2025-12-31T23:59:58Z"


KILLED = """
import os, signal, sys
from pathlib import Path
from l2h.sources import osm, osm_ways
from l2h.sources.osm_layers import write_layers
from l2h.core.grid import Grid

take, osm.SMALL_BYTES, osm_ways.BATCH = osm_ways.Ways.take, 0, 50
def last(self, block):
    take(self, block)
    os.kill(os.getpid(), signal.SIGKILL)
osm_ways.Ways.take = last
outputs = tuple(map(Path, sys.argv[2:]))
write_layers([Path(sys.argv[1])], Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, 4000, 4000), 100.0, outputs)
"""


@pytest.mark.slow
def test_a_reader_killed_midway_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    path, out = scatter(tmp_path / "x.osm.pbf"), outputs(tmp_path / "out")
    ended = subprocess.run([sys.executable, "-c", KILLED, path, *out], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not any(file.exists() for file in out)
    assert remove_parts(tmp_path / "out") > 0  # the ways and the places of the nodes lay there
    assert not [file for file in (tmp_path / "out").rglob("*") if file.is_file()]
    write_layers([path], GRID, 100.0, out)
    whole = outputs(tmp_path / "whole")
    write_layers([path], GRID, 100.0, whole)
    assert [file.read_bytes() for file in out] == [file.read_bytes() for file in whole]
