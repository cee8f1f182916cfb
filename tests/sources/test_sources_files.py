"""Vector files that have an address: extracts, Overture, outlines. They come whole and checked, or not at all."""

import bz2
import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import openpyxl
import osmium
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from osmium.osm.mutable import Node, Way
from pydantic import ValidationError
from scripted import Answer, Fault, Scripted, busy, hang_up, lies, page, part_then, redirect, stall, without_ranges
from shapely import LineString, box
from tiny_project import make_project

from l2h.core.errors import InputError
from l2h.core.grid import Grid
from l2h.core.tasks import Silent
from l2h.pipeline import Pipeline
from l2h.sources.arrivals import linked
from l2h.sources.batches import groups_near
from l2h.sources.delivery import Delivery, holes
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.links import CHECKS, fault_of, names_of
from l2h.sources.orders import Order
from l2h.sources.osm_layers import write_layers
from l2h.sources.settings import BoundarySettings, OsmSettings
from l2h.sources.transfer import Receipt, receipt_of

QUICK = FetchSettings(allow_private=True, backoff_s=0.001, attempts=3, stall_s=0.5)
GRID = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, 40, 50)
UTM = GRID.crs
XML = '<osm version="0.6"><node id="1" lat="30.01" lon="117.0"/></osm>\n'


def write_pbf(path: Path, ways: int = 20_000) -> Path:
    """An extract of several blocks: short roads near 117° E, 30° N."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with osmium.SimpleWriter(str(path)) as out:
        for i in range(2 * ways):
            out.add_node(Node(id=i + 1, location=(117 + i / 1e6, 30.01 + (i % 7) / 1e5)))
        for i in range(ways):
            out.add_way(Way(id=i + 1, nodes=[2 * i + 1, 2 * i + 2], tags={"highway": "primary"}))
    return path


def write_files(folder: Path) -> dict[str, Path]:
    """A sound file of every kind."""
    outlines = geopandas.GeoDataFrame({"city": ["a"]}, geometry=[box(*GRID.bounds())], crs=UTM)
    roads = geopandas.GeoDataFrame(
        {"highway": ["primary"]}, geometry=[LineString([(5e5, 332e4), (6e5, 332e4)])], crs=UTM
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("c.gpkg", "c.fgb", "c.geojson"):
        outlines.to_crs("EPSG:4326").to_file(folder / name)
    roads.to_parquet(folder / "r.parquet")
    (folder / "m.osm").write_text(XML)
    (folder / "m.osm.gz").write_bytes(gzip.compress(XML.encode()))
    (folder / "m.osm.bz2").write_bytes(bz2.compress(XML.encode()))
    write_pbf(folder / "m.osm.pbf", 10)
    (folder / "s.csv").write_text("region,level\na,city\n")
    openpyxl.Workbook().save(folder / "s.xlsx")
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def extract(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_pbf(tmp_path_factory.mktemp("pbf") / "m.osm.pbf").read_bytes()


@pytest.fixture
def served(scripted: Scripted, extract: bytes) -> Scripted:
    (scripted.folder / "m.osm.pbf").write_bytes(extract)
    return scripted


def fetch(folder: Path, *addresses: str, settings: FetchSettings = QUICK) -> tuple[Order, ...]:
    with Delivery([OsmSettings(paths=addresses)], GRID, folder, settings) as desk:
        return desk.fetch(desk.plan(), Silent())


def the_receipt(folder: Path, file: str = "m.osm.pbf") -> Receipt:
    receipt = receipt_of(folder / "inputs/fetched/osm" / file)
    assert receipt is not None
    return receipt


# --- how they come ----------------------------------------------------------------------------------------------------


def test_an_extract_comes_with_its_receipt_and_is_not_asked_for_again(
    served: Scripted, extract: bytes, tmp_path: Path
) -> None:
    (order,) = fetch(tmp_path, f"{served.url}/m.osm.pbf")
    assert (order.state, order.size) == ("kept", len(extract))
    assert (tmp_path / "inputs/fetched/osm/m.osm.pbf").read_bytes() == extract
    receipt = the_receipt(tmp_path)
    assert receipt.address == f"{served.url}/m.osm.pbf"
    assert (receipt.sha256, receipt.verified) == (hashlib.sha256(extract).hexdigest(), "size")
    asked = len(served.seen.requests)
    assert fetch(tmp_path, f"{served.url}/m.osm.pbf")[0].state == "kept"
    assert len(served.seen.requests) == asked


def test_the_digest_beside_an_extract_counts(served: Scripted, extract: bytes, tmp_path: Path) -> None:
    digest = hashlib.md5(extract).hexdigest()
    (served.folder / "m.osm.pbf.md5").write_text(f"{digest}  monaco-latest.osm.pbf\n")
    fetch(tmp_path, f"{served.url}/m.osm.pbf")
    assert the_receipt(tmp_path).verified == "md5"
    (served.folder / "m.osm.pbf.md5").write_text(f"{'0' * 32}  monaco-latest.osm.pbf\n")
    (order,) = fetch(tmp_path / "other", f"{served.url}/m.osm.pbf")
    assert order.state == "missing"
    assert f"a file's digest differs ({served.url}/m.osm.pbf): expected {'0' * 32}, got {digest}" in order.reason
    assert not list((tmp_path / "other/inputs/fetched/osm").glob("*.pbf"))


@pytest.mark.parametrize(
    "beside",
    [page, busy(403), busy(404), b"no digest", b"x" * 5000, redirect("file:///etc/passwd"), redirect("/m.osm.pbf.md5")],
)
def test_what_lies_beside_and_is_no_digest_is_none(served: Scripted, tmp_path: Path, beside: Fault | bytes) -> None:
    if isinstance(beside, bytes):
        (served.folder / "m.osm.pbf.md5").write_bytes(beside)
    else:
        served.script["GET /m.osm.pbf.md5"] = [beside] * 9
    assert fetch(tmp_path, f"{served.url}/m.osm.pbf")[0].state == "kept"
    assert the_receipt(tmp_path).verified == "size"


@pytest.mark.parametrize(
    "faults",
    [
        [part_then(hang_up), part_then(hang_up), busy(503), part_then(hang_up)],
        [busy(429, Retry_After="0"), busy(503)],
        [part_then(stall(1.0))],
        [lies(10)],
    ],
    ids=["breaks off", "busy", "stalls", "lies"],
)  # fmt: skip
def test_an_extract_comes_whole_whatever_the_server_does(
    served: Scripted, extract: bytes, tmp_path: Path, faults: list[Fault]
) -> None:
    served.script["GET /m.osm.pbf"] = list(faults)
    assert fetch(tmp_path, f"{served.url}/m.osm.pbf")[0].state == "kept"
    assert (tmp_path / "inputs/fetched/osm/m.osm.pbf").read_bytes() == extract
    assert served.script["GET /m.osm.pbf"] == []


def test_a_broken_transfer_goes_on_where_it_ended(served: Scripted, extract: bytes, tmp_path: Path) -> None:
    served.script["GET /m.osm.pbf"] = [part_then(hang_up), busy(503), busy(503), busy(503)]
    assert fetch(tmp_path, f"{served.url}/m.osm.pbf")[0].state == "missing"
    assert fetch(tmp_path, f"{served.url}/m.osm.pbf")[0].state == "kept"
    assert served.ranges("/m.osm.pbf")[-1] == f"bytes={len(extract) // 2}-"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (redirect("http://169.254.169.254/latest"), "private network is not followed"),
        (redirect("file:///etc/passwd"), "is not followed"),
        (busy(403), "a server refuses"),
        (busy(404), "there is no such file"),
        (busy(503), "a server is busy"),
    ],
    ids=["redirect", "file", "403", "404", "503"],
)  # fmt: skip
def test_what_cannot_be_had_is_a_hole_and_nothing_bears_its_name(
    served: Scripted, tmp_path: Path, fault: Fault, reason: str
) -> None:
    (served.folder / "good.osm").write_text(XML)
    served.script["GET /m.osm.pbf"] = [fault] * 20
    served.script["HEAD /m.osm.pbf"] = [fault] * 20
    orders = fetch(tmp_path, f"{served.url}/m.osm.pbf", f"{served.url}/good.osm")
    assert [order.state for order in orders] == ["missing", "kept"]
    (hole,) = holes(orders)
    assert hole.where == "layer 'osm', m.osm.pbf"
    assert reason in hole.reason
    assert not (tmp_path / "inputs/fetched/osm/m.osm.pbf").exists()


def test_addresses_of_this_machine_need_a_word(served: Scripted, tmp_path: Path) -> None:
    (order,) = fetch(tmp_path, f"{served.url}/m.osm.pbf", settings=FetchSettings(attempts=1))
    assert "fetch.allow_private = true" in order.reason
    assert served.seen.requests == []


@pytest.mark.parametrize("whole", [False, True], ids=["cut", "page"])
def test_a_file_cut_short_on_the_server_and_a_page_are_no_extracts(
    served: Scripted, extract: bytes, tmp_path: Path, whole: bool
) -> None:
    (served.folder / "m.osm.pbf").write_bytes(b"<html>not found</html>" if whole else extract[:-1000])
    (order,) = fetch(tmp_path, f"{served.url}/m.osm.pbf")
    assert ("a file is no .osm.pbf" if whole else "a file ends within a block") in order.reason
    assert not list((tmp_path / "inputs/fetched/osm").glob("*.pbf"))


# --- names and kinds --------------------------------------------------------------------------------------------------


def test_names_are_safe_and_each_once() -> None:
    hard = ["https://a.example/..%2F..%2Fetc%2Fpasswd.osm", "https://a.example/x/passwd.osm", "https://a.example/.gpkg"]
    assert names_of(hard) == ("passwd.osm", "passwd-2.osm", "file.gpkg")


def test_sound_files_of_every_kind_pass_and_cut_ones_do_not(tmp_path: Path) -> None:
    files = write_files(tmp_path / "files")
    assert {kind for kind in CHECKS if not any(name.endswith(kind) for name in files)} == {".json"}
    for name, path in files.items():
        assert fault_of(path, name) == "", name
        data = path.read_bytes()
        path.write_bytes(b"<html>not found</html>")
        assert fault_of(path, name).startswith("is no "), name
        path.write_bytes(data[: len(data) * 9 // 10])
        by_size = name.endswith((".gz", ".bz2", ".fgb", ".csv"))  # these say nothing of their length at the end
        assert bool(fault_of(path, name)) is not by_size, name
        path.write_bytes(b"")
        assert fault_of(path, name) != "", name


@pytest.mark.parametrize("length", [b"\x00\x00\x00\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"])
def test_a_broken_block_is_told(tmp_path: Path, length: bytes, extract: bytes) -> None:
    first = 4 + int.from_bytes(extract[:4], "big")
    blob = first + extract[first - 1]  # the last byte of the first header is its blob's size
    path = tmp_path / "m.osm.pbf"
    path.write_bytes(extract[:blob] + length + extract[blob + 4 :])
    assert "block" in fault_of(path, path.name)


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("ftp://a.example/m.osm.pbf", "no address that is followed"),
        ("https://a.example/latest", r"no file of a kind we fetch \(\.osm\.pbf"),
        ("https://a.example/roads.shp", "a shapefile is several files"),
        ("https://me:secret@a.example/m.gpkg", "carries a user name"),
    ],
)
def test_addresses_that_settings_refuse(address: str, match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        OsmSettings(paths=[address])
    with pytest.raises(ValidationError, match=match.partition(r" \(")[0]):
        BoundarySettings(path=address, licence="x")


# --- groups of rows ---------------------------------------------------------------------------------------------------

WEST, SOUTH = 117.0001, 30.0107  # on the grid


def write_segments(path: Path, places: list[tuple[float, float]], group_rows: int = 2) -> None:
    """Roads as Overture publishes them: WKB in degrees, a bounding box a row, in groups of rows."""
    lines = np.array([LineString([(x, y), (x + 1e-4, y)]) for x, y in places], object)
    corners = pa.struct([(name, pa.float32()) for name in ("xmin", "ymin", "xmax", "ymax")])
    boxes = [dict(zip(("xmin", "ymin", "xmax", "ymax"), row, strict=True)) for row in shapely.bounds(lines).tolist()]
    texts = {"subtype": "road", "class": "primary", "connectors": "c", "sources": "s"}
    table = pa.table({
        "id": [f"r{i}" for i in range(len(lines))], "geometry": list(shapely.to_wkb(lines)),
        "bbox": pa.array(boxes, corners), "version": [1] * len(lines),
        **{name: [text] * len(lines) for name, text in texts.items()},
    })  # fmt: skip
    column = {"encoding": "WKB", "geometry_types": ["LineString"]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(geo).encode()}), path, row_group_size=group_rows)


def window(folder: Path, *addresses: str, settings: FetchSettings = QUICK) -> tuple[Order, ...]:
    with Delivery([OsmSettings(paths=addresses, take="window")], GRID, folder, settings) as desk:
        return desk.fetch(desk.plan(), Silent())


def roads_of(folder: Path, file: Path) -> bytes:
    """The roads that the stage makes of a file."""
    outputs = folder / "r.parquet", folder / "b.parquet", folder / "o.json", folder / "n.parquet"
    write_layers([file], GRID, 100.0, outputs)
    return outputs[0].read_bytes()


def test_only_the_groups_near_the_grid_come_and_make_the_same_roads(scripted: Scripted, tmp_path: Path) -> None:
    far = [(8 + i / 1000, 47.0) for i in range(2000)]
    here = [(WEST, SOUTH), (WEST, SOUTH + 1e-4)]
    write_segments(scripted.folder / "s.parquet", [*far, *here, *far])
    scripted.script["GET /s.parquet"] = [part_then(hang_up), busy(503)]
    (order,) = window(tmp_path, f"{scripted.url}/s.parquet")
    assert order.state == "kept"
    got = tmp_path / "inputs/fetched/osm/s.parquet"
    assert pq.read_table(got)["id"].to_pylist() == ["r2000", "r2001"]
    assert roads_of(tmp_path / "a", got) == roads_of(tmp_path / "b", scripted.folder / "s.parquet")
    receipt = the_receipt(tmp_path, "s.parquet")
    assert receipt.part.startswith("groups near [116.99")
    assert receipt.verified == "nothing"
    asked = len(scripted.seen.requests)
    assert window(tmp_path, f"{scripted.url}/s.parquet")[0].state == "kept"
    assert len(scripted.seen.requests) == asked


def test_a_file_without_a_row_near_comes_empty_and_what_is_no_parquet_does_not(
    scripted: Scripted, tmp_path: Path
) -> None:
    write_segments(scripted.folder / "far.parquet", [(8.0, 47.0)])
    (scripted.folder / "page.parquet").write_text("<html>not found</html>")
    pq.write_table(pa.table({"highway": ["a"]}), scripted.folder / "plain.parquet")
    whole = (scripted.folder / "far.parquet").read_bytes()
    (scripted.folder / "cut.parquet").write_bytes(whole[:-40])
    names = ("far", "page", "plain", "cut")
    orders = window(tmp_path, *(f"{scripted.url}/{name}.parquet" for name in names))
    assert [order.state for order in orders] == ["kept", "missing", "missing", "missing"]
    assert pq.read_metadata(tmp_path / "inputs/fetched/osm/far.parquet").num_rows == 0
    for order, reason in zip(orders[1:], ("is no Parquet", "is no GeoParquet", "cannot be read"), strict=True):
        assert reason in order.reason
    scripted.script["GET /far.parquet"] = [without_ranges] * 9
    (order,) = window(tmp_path / "other", f"{scripted.url}/far.parquet")
    assert order.state == "kept"  # it is shorter than a piece, so that the whole is the part
    with pytest.raises(ValidationError, match="goes with the address of a GeoParquet file"):
        OsmSettings(paths=["https://a.example/m.osm.pbf"], take="window")


def test_boxes_that_are_not_in_degrees_choose_nothing(scripted: Scripted, tmp_path: Path) -> None:
    """Our own layers keep boxes in metres: all rows come."""
    outputs = tmp_path / "roads.parquet", tmp_path / "b.parquet", tmp_path / "o.json", tmp_path / "n.parquet"
    write_segments(tmp_path / "s.parquet", [(WEST, SOUTH)])
    write_layers([tmp_path / "s.parquet"], GRID, 100.0, outputs)
    shutil.copy(outputs[0], scripted.folder / "roads.parquet")
    assert window(tmp_path, f"{scripted.url}/roads.parquet")[0].state == "kept"
    assert pq.read_metadata(tmp_path / "inputs/fetched/osm/roads.parquet").num_rows == 1


# --- what a run sees --------------------------------------------------------------------------------------------------

OPEN = ("--set", "fetch.allow_private=true", "--set", "fetch.backoff_s=0.001", "--set", "fetch.attempts=2")


def serve_tiny(tiny: Path, server: Scripted) -> None:
    """The tiny project's vectors lie on a server only."""
    text = (tiny / "project.toml").read_text()
    for name in ("roads.osm", "cities.gpkg"):
        (tiny / name).rename(server.folder / name)
        text = text.replace(f'"{name}"', f'"{server.url}/{name}"')
    (tiny / "project.toml").write_text(text)


def test_vectors_from_a_server_make_the_layers_of_local_ones(
    tiny: Path, tiny_layers: Path, scripted: Scripted, l2h: Callable[..., object]
) -> None:
    serve_tiny(tiny, scripted)
    before = l2h("layers", tiny, "--executor", "serial")
    assert before.status == 1
    assert "Run `l2h fetch` in the project first." in before.err
    with pytest.raises(InputError, match=r"not fetched yet .*Run `l2h fetch`"):
        Pipeline.open(tiny).cities.bounds()
    planned = l2h("fetch", tiny, *OPEN, "--dry-run")
    assert planned.status == 0
    assert "outlines of cities" in planned.err
    assert "follows from the outlines: they come for this plan, and go again" in planned.err
    assert "OpenStreetMap or Overture" in planned.err
    assert planned.err.count("1 file to fetch") == 2
    assert not (tiny / "inputs").exists()
    said = l2h("fetch", tiny, *OPEN, "--json")
    assert (said.status, [row["state"] for row in json.loads(said.out)]) == (0, ["kept", "kept"])
    assert l2h("layers", tiny, "--executor", "serial").status == 0
    for name in ("roads.parquet", "buildings.parquet", "regions.parquet", "regions.json"):
        assert (tiny / "work/layers" / name).read_bytes() == (tiny_layers / "work/layers" / name).read_bytes()
    rows = json.loads((tiny / "work/layers/fetched.json").read_text())
    assert [(row["layer"], row["file"], row["licence"]) for row in rows] == [
        ("osm", "roads.osm", "ODbL-1.0"), ("boundary", "cities.gpkg", "CC0-1.0"),
    ]  # fmt: skip


@pytest.mark.parametrize("dry", [("--dry-run",), ()], ids=["plan", "fetch"])
def test_without_outlines_it_says_that_the_rest_follows_from_them(
    tiny: Path, scripted: Scripted, l2h: Callable[..., object], dry: tuple[str, ...]
) -> None:
    serve_tiny(tiny, scripted)
    (scripted.folder / "cities.gpkg").write_bytes(b"<html>not found</html>")
    said = l2h("fetch", tiny, *OPEN, *dry)
    assert "what else is needed follows from the outlines, which could not be had" in said.err
    assert "a file is no GeoPackage" in said.err
    assert said.status == 3


def test_a_plan_does_not_look_into_outlines_of_gigabytes(
    tiny: Path, scripted: Scripted, l2h: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("l2h.cli.fetch.LARGEST", 1000)
    serve_tiny(tiny, scripted)
    said = l2h("fetch", tiny, *OPEN, "--dry-run")
    assert said.status == 0
    assert "what else is needed follows from the outlines (98.3 kB): fetch first" in said.err
    assert scripted.ranges("/cities.gpkg") == []


def test_one_extract_of_two_that_is_missing_is_a_hole(
    tiny: Path, scripted: Scripted, l2h: Callable[..., object]
) -> None:
    serve_tiny(tiny, scripted)
    path = tiny / "project.toml"
    path.write_text(path.read_text().replace('/roads.osm"', f'/roads.osm", "{scripted.url}/none.osm"'))
    assert l2h("fetch", tiny, *OPEN).status == 3
    said = l2h("layers", tiny, "--executor", "serial")
    assert said.status == 3
    assert "hole: layer 'osm', none.osm: not fetched" in said.err
    path.write_text(path.read_text().replace("cities.gpkg", "none.gpkg"))
    said = l2h("fetch", tiny, *OPEN)
    assert said.status == 3
    assert "layer 'boundary', none.gpkg: there is no such file" in said.err


def test_files_of_other_addresses_are_not_taken_for_those_of_the_project(
    tiny: Path, scripted: Scripted, l2h: Callable[..., object]
) -> None:
    """Names do not tell addresses apart: an edited project file means other files under the same names."""
    serve_tiny(tiny, scripted)
    assert l2h("fetch", tiny, *OPEN).status == 0
    path = tiny / "project.toml"
    text = path.read_text()
    path.write_text(text.replace("/roads.osm", "/newer/roads.osm"))
    said = l2h("layers", tiny, "--executor", "serial")
    assert said.status == 1
    assert "a file is from another address" in said.err
    assert f"expected {scripted.url}/newer/roads.osm, got {scripted.url}/roads.osm" in said.err
    path.write_text(text.replace("/cities.gpkg", "/newer/cities.gpkg"))
    assert "a file is from another address" in l2h("layers", tiny, "--executor", "serial").err
    path.write_text(text)
    assert l2h("layers", tiny, "--executor", "serial").status == 0


def test_groups_near_another_grid_are_not_enough(scripted: Scripted, tmp_path: Path) -> None:
    write_segments(scripted.folder / "s.parquet", [(WEST, SOUTH)])
    osm = OsmSettings(paths=(f"{scripted.url}/s.parquet",), take="window")
    window(tmp_path, *osm.paths)
    receipt, file = the_receipt(tmp_path, "s.parquet"), tmp_path / "inputs/fetched/osm/s.parquet"
    other = replace(GRID, x=GRID.x + 1000)
    assert [*linked(osm, GRID).parts.values()] == [receipt.part]
    linked(osm, GRID).check("s.parquet", file, receipt)
    linked(osm, other).check("s.parquet", file, replace(receipt, part=""))  # the whole is enough for any grid
    for needed in (linked(osm, other), linked(osm.model_copy(update={"take": "whole"}), GRID)):
        with pytest.raises(InputError, match=r"another part .*Run `l2h fetch` again"):
            needed.check("s.parquet", file, receipt)


@pytest.mark.parametrize("corner", ["7.0", None])
def test_boxes_that_are_no_numbers_choose_nothing(corner: str | None, scripted: Scripted, tmp_path: Path) -> None:
    write_segments(tmp_path / "s.parquet", [(8.0, 47.0)])
    table = pq.read_table(tmp_path / "s.parquet")
    corners = pa.struct([(name, pa.string()) for name in ("xmin", "ymin", "xmax", "ymax")])
    boxes = pa.array([dict.fromkeys(("xmin", "ymin", "xmax", "ymax"), corner)], corners)
    pq.write_table(table.set_column(table.schema.get_field_index("bbox"), "bbox", boxes), scripted.folder / "s.parquet")
    assert window(tmp_path, f"{scripted.url}/s.parquet")[0].state == "kept"
    assert pq.read_metadata(tmp_path / "inputs/fetched/osm/s.parquet").num_rows == 1


def test_init_takes_addresses(tiny: Path, tmp_path: Path, l2h: Callable[..., object]) -> None:
    osm, outlines = "https://a.example/m.osm.pbf", "https://b.example/cities.gpkg"
    products = ["--product", f"esri={tiny}/esri2020.tif", "--osm", osm, "--boundary", outlines]
    said = l2h("init", tmp_path / "a", "--imagery", tiny / "scenes/*.tif", *products)
    assert said.status == 0
    assert "l2h fetch" in said.err
    text = (tmp_path / "a/project.toml").read_text()
    assert f'paths = ["{osm}"]' in text
    assert f'path = "{outlines}"' in text
    assert "bounds" not in text
    said = l2h("init", tmp_path / "b", *products)
    assert said.status == 1
    assert "or --crs" in said.err
    said = l2h("init", tmp_path / "b", *products[:-1], "https://b.example/cities.shp", "--crs", UTM)
    assert said.status == 2
    assert "names no file of a kind we fetch" in said.err
    assert l2h("init", tmp_path / "b", *products, "--crs", UTM).status == 0  # the refused one left nothing behind


# --- as a user would break it -----------------------------------------------------------------------------------------


def large(extract: bytes, times: int) -> bytes:
    """A sound extract of many megabytes: the same blocks again and again."""
    first = 4 + int.from_bytes(extract[:4], "big")
    header = first + extract[first - 1]  # the last byte of the first header is its blob's size
    return extract[:header] + extract[header:] * times


def vectors_project(folder: Path, server: Scripted) -> Path:
    """The tiny project whose only fetched layer is an extract."""
    path = make_project(folder) / "project.toml"
    path.write_text(path.read_text().replace('"roads.osm"', f'"{server.url}/m.osm.pbf"'))
    return folder


@pytest.mark.slow
def test_a_killed_fetch_goes_on_and_a_second_one_at_the_same_time_is_refused(
    served: Scripted, extract: bytes, tmp_path: Path, l2h: Callable[..., object]
) -> None:
    data = large(extract, 1 + (20 << 20) // len(extract))
    (served.folder / "m.osm.pbf").write_bytes(data)
    (served.folder / "m.osm.pbf.md5").write_text(hashlib.md5(data).hexdigest())
    served.script["GET /m.osm.pbf"] = [part_then(stall(120), share=0.9)]
    folder = vectors_project(tmp_path / "tiny", served)
    process = subprocess.Popen([sys.executable, "-m", "l2h", "fetch", str(folder), *OPEN], stderr=subprocess.DEVNULL)
    note = folder / "inputs/fetched/osm/.m.osm.pbf.coming.json"
    until = time.monotonic() + 120
    while not (note.exists() and json.loads(note.read_text())["bytes"] >= 16 << 20) and time.monotonic() < until:
        time.sleep(0.05)
    second = l2h("fetch", folder, *OPEN)
    assert second.status == 1
    assert "another process is fetching into this project" in second.err
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / "inputs/fetched/osm/m.osm.pbf").exists()
    assert l2h("fetch", folder, *OPEN).status == 0
    assert (folder / "inputs/fetched/osm/m.osm.pbf").read_bytes() == data
    assert int(served.ranges("/m.osm.pbf")[-1][6:-1]) >= 16 << 20
    assert the_receipt(folder).verified == "md5"


def without_length(answer: Answer) -> None:
    """The head of a file, without saying how long it is."""
    answer.send_response(200)
    answer.end_headers()
    answer.close_connection = True


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
@pytest.mark.parametrize("known", [True, False], ids=["size known", "size not known"])
def test_a_full_disk_then_a_larger_one(
    served: Scripted, extract: bytes, tmp_path: Path, l2h: Callable[..., object], known: bool
) -> None:
    data = large(extract, 1 + (3 << 20) // len(extract))
    (served.folder / "m.osm.pbf").write_bytes(data)
    served.script["HEAD /m.osm.pbf"] = [] if known else [without_length] * 9
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system may not be mounted here")
    try:
        folder = vectors_project(disk / "tiny", served)
        said = l2h("fetch", folder, *OPEN)
        assert said.status == 1
        assert ("the disk cannot hold" if known else "No space left") in said.err
        assert "Traceback" not in said.err
        assert not (folder / "inputs/fetched/osm/m.osm.pbf").exists()
        subprocess.run(["mount", "-o", "remount,size=30m", str(disk)], check=True)
        assert l2h("fetch", folder, *OPEN).status == 0
        assert (folder / "inputs/fetched/osm/m.osm.pbf").read_bytes() == data
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# --- large groups, boxes across 180°, names ---------------------------------------------------------------------------


def write_wide(path: Path, rows: int, wide: int, group_rows: int) -> None:
    """Houses of Overture near the grid whose column `sources` holds `wide` bytes each that do not compress."""
    rng = np.random.default_rng(7)
    filler = pa.array([rng.bytes(wide) for _ in range(rows)], pa.binary())
    shapes = shapely.box(WEST, SOUTH, WEST + 1e-5, SOUTH + 1e-5 * (1 + np.arange(rows) / rows))
    boxes = [dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True)) for box in shapely.bounds(shapes).tolist()]
    text = pa.nulls(rows, pa.string())
    table = pa.table({
        "id": [f"b{i}" for i in range(rows)], "geometry": list(shapely.to_wkb(shapes)), "bbox": boxes,
        "sources": filler, "version": [1] * rows, "subtype": text, "class": text, "num_floors": [1] * rows,
    })  # fmt: skip
    column = {"encoding": "WKB", "geometry_types": ["Polygon"]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(geo).encode()}), path, row_group_size=group_rows)


@pytest.fixture
def pool() -> Iterator[pa.MemoryPool]:
    """Arrow's memory, counted anew."""
    before = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(before)
    pa.set_memory_pool(counted)
    yield counted
    pa.set_memory_pool(before)


@pytest.fixture
def wide(scripted: Scripted) -> Path:
    """200 MB in one group."""
    write_wide(scripted.folder / "s.parquet", 20_000, 10_000, 20_000)
    return scripted.folder / "s.parquet"


@pytest.mark.slow
def test_a_group_as_large_as_the_file_is_taken_a_few_rows_at_a_time(
    wide: Path, pool: pa.MemoryPool, scripted: Scripted, tmp_path: Path
) -> None:
    patient = QUICK.model_copy(update={"stall_s": 60.0})  # the server reads the whole file for each part
    (order,) = window(tmp_path, f"{scripted.url}/s.parquet", settings=patient)
    assert order.state == "kept", order.reason
    got = tmp_path / "inputs/fetched/osm/s.parquet"
    assert pq.ParquetFile(got).metadata.num_row_groups == 13  # of 16 MiB
    outputs = [houses_of(tmp_path / name, file) for name, file in (("a", got), ("b", wide))]
    assert outputs[0] == outputs[1]
    assert pool.max_memory() < 100e6
    assert pq.read_table(got).equals(pq.read_table(wide))
    assert pool.max_memory() > 200e6  # what such a group takes at once


def houses_of(folder: Path, file: Path) -> bytes:
    """The buildings that the stage makes of a file."""
    outputs = folder / "r.parquet", folder / "b.parquet", folder / "o.json", folder / "n.parquet"
    assert write_layers([file], GRID, 100.0, outputs).buildings == pq.read_metadata(file).num_rows
    return outputs[1].read_bytes()


TURNED = [(179.9, -179.8), (100.0, 100.1)]  # west and east of two boxes: the first goes across 180°


@pytest.mark.parametrize(
    ("edges", "west", "east", "met"),
    [
        (TURNED, -179.9, -179.85, True),  # west of all wests but one
        (TURNED, 179.95, 179.99, True),  # east of all easts
        ([(179.9, -179.8), (-179.7, -179.6)], -179.95, -179.9, True),  # no west lies west of the place
        ([(100.0, 100.1), (-100.1, -100.0)], 0.0, 1.0, True),  # they may be one group for want of order: taken along
        ([(-5.0, -4.9), (4.9, 5.0)], 6.0, 7.0, False),  # on both sides of Greenwich is no turn
        ([(100.0, 100.1), (120.0, 120.1)], -179.9, -179.8, False),
    ],
)
def test_boxes_across_the_antimeridian(
    edges: list[tuple[float, float]], west: float, east: float, met: bool, tmp_path: Path
) -> None:
    boxes = [{"xmin": a, "ymin": 0.0, "xmax": b, "ymax": 1.0} for a, b in edges]
    pq.write_table(pa.table({"bbox": boxes}), tmp_path / "x.parquet")
    assert groups_near(pq.read_metadata(tmp_path / "x.parquet"), (west, 0.2, east, 0.3)) == ([0] if met else [])
    assert groups_near(pq.read_metadata(tmp_path / "x.parquet"), (west, 2.0, east, 3.0)) == []


def test_a_house_across_the_antimeridian_is_kept(tmp_path: Path) -> None:
    """Its box is turned, its outline cut at 180° as GeoJSON (RFC 7946, 3.1.9) has it."""
    grid = Grid("EPSG:32701", 185_000.0, 7_997_000.0, 1.0, 500, 500)  # from 179.98° W
    shape = shapely.MultiPolygon([box(179.9999, -18.1, 180, -18.09), box(-180, -18.1, -179.85, -18.09)])
    write_wide(tmp_path / "s.parquet", 1, 8, 1)
    table = pq.read_table(tmp_path / "s.parquet")
    turned = [{"xmin": 179.9999, "ymin": -18.1, "xmax": -179.85, "ymax": -18.09}]
    for name, values in (("bbox", turned), ("geometry", [shapely.to_wkb(shape)])):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values))
    pq.write_table(table, tmp_path / "s.parquet")
    outputs = tmp_path / "r.parquet", tmp_path / "b.parquet", tmp_path / "o.json", tmp_path / "n.parquet"
    assert write_layers([tmp_path / "s.parquet"], grid, 100.0, outputs).buildings == 1


def test_two_vector_files_of_one_stem(scripted: Scripted, tmp_path: Path) -> None:
    """Addresses get names of their own; a file of the project that is called like one of them is refused at once."""
    osm = OsmSettings(paths=("https://a.example/h.gpkg", "https://b.example/h.parquet", "https://c.example/h.osm.pbf"))
    assert [*osm.links.files.values()] == ["h.gpkg", "h-2.parquet", "h.osm.pbf"]
    write_wide(scripted.folder / "h.parquet", 1, 8, 1)
    (tmp_path / "h.gpkg").write_bytes(b"")
    settings = OsmSettings(paths=("*.gpkg", f"{scripted.url}/h.parquet"))
    with (
        Delivery([settings], GRID, tmp_path, QUICK) as desk,
        pytest.raises(InputError, match="two vector files have the same name"),
    ):
        desk.plan()
    assert scripted.seen.requests == []
