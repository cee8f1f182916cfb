"""What `l2h inspect` says of vectors: extracts, roads, buildings, outlines, here and behind an address."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
from affine import Affine
from scripted import Scripted, redirect, without_ranges
from shapely import LineString, Point, box
from test_sources_files import WEST, write_pbf, write_segments, write_wide

from l2h.sources.look import purpose

L2H = Callable[..., Any]
LEVELS = ("region", "province", "city")
OSM = """<osm version="0.6" generator="by hand" osmosis_replication_timestamp="2026-02-03T04:05:06Z">
<bounds minlat="30" minlon="117" maxlat="30.5" maxlon="117.25"/>
<node id="1" lat="30.1" lon="117.1"/><node id="2" lat="30.1" lon="117.2"/><node id="3" lat="30.2" lon="117.2"/>
<way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way>
<way id="2"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/><tag k="tunnel" v="yes"/></way>
<way id="3"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="building" v="yes"/></way>
<relation id="1"><member type="way" ref="3" role="outer"/><tag k="type" v="multipolygon"/><tag k="building" v="yes"/>
</relation></osm>"""


def facts(l2h: L2H, *words: object) -> tuple[int, list[dict[str, Any]]]:
    said = l2h("inspect", *words, "--json")
    return said.status, json.loads(said.out)


def test_an_extract_says_its_extent_time_and_what_would_be_taken(tmp_path: Path, l2h: L2H) -> None:
    (tmp_path / "m.osm").write_text(OSM)
    status, (row,) = facts(l2h, tmp_path / "m.osm")
    assert (status, row["findings"]) == (0, [])
    said = row["facts"]
    assert said["what"] == "OpenStreetMap extract"
    assert said["extent"] == "117.00000, 30.00000, 117.25000, 30.50000"
    assert said["roads"] == "1   primary 1"
    assert said["buildings"] == "1 ways, 1 relations"
    assert said["left out"] == "road: tunnel 1"
    assert "[osm] paths" in l2h("inspect", tmp_path / "m.osm").err


def test_broken_and_missing_extracts_are_findings(tmp_path: Path, l2h: L2H) -> None:
    path = write_pbf(tmp_path / "m.osm.pbf")
    path.write_bytes(path.read_bytes()[:-100])
    (tmp_path / "page.osm").write_text("<html></html>")
    status, rows = facts(l2h, path, tmp_path / "page.osm", tmp_path / "none.osm.pbf")
    assert status == 1
    assert [row["findings"][0]["rule"] for row in rows] == ["cannot-open"] * 3
    assert "is missing" in rows[2]["findings"][0]["message"]


@pytest.mark.parametrize(
    ("columns", "shapes", "kind"),
    [
        (["highway", "width_m"], ["LineString"], "roads"),
        (["highway"], ["Polygon"], "buildings"),  # platforms and the like: as the layers would take them
        (["name"], ["Polygon", "MultiPolygon"], "buildings"),
        (["region", "province", "city"], ["MultiPolygon"], "outlines"),
        (["region", "province", "city"], ["Point"], "unused"),
        (["name"], ["LineString"], "unused"),
        (["id", "bbox", "geometry", "sources", "version", "subtype", "class", "connectors"], ["LineString"], "roads"),
        (["id", "bbox", "geometry", "sources", "version", "subtype", "class", "num_floors"], ["Polygon"], "buildings"),
        (["id", "bbox", "geometry", "sources", "version"], ["Point"], "unused"),
    ],
)
def test_the_purpose_of_a_table(columns: list[str], shapes: list[str], kind: str) -> None:
    assert purpose(columns, shapes, LEVELS) == kind


def test_vectors_are_told_apart(tmp_path: Path, l2h: L2H) -> None:
    roads = geopandas.GeoDataFrame({"highway": ["a"]}, geometry=[LineString([(7, 47), (8, 48)])], crs="EPSG:4326")
    houses = geopandas.GeoDataFrame({"n": [1]}, geometry=[box(7, 47, 8, 48)], crs="EPSG:4326")
    points = geopandas.GeoDataFrame({"n": [1]}, geometry=[Point(7, 47)], crs="EPSG:4326")
    roads.to_file(tmp_path / "r.gpkg", layer="roads")
    houses.to_file(tmp_path / "r.gpkg", layer="buildings")
    roads.to_parquet(tmp_path / "r.parquet")
    houses.to_parquet(tmp_path / "h.parquet")
    points.to_file(tmp_path / "p.geojson")
    status, rows = facts(l2h, *(tmp_path / name for name in ("r.gpkg", "r.parquet", "h.parquet", "p.geojson")))
    said = [row["facts"]["what"] for row in rows]
    assert said == ["roads and buildings", "roads", "buildings", "a table of shapes"]
    assert [bool(row["findings"]) for row in rows] == [False, False, False, True]
    assert status == 1  # points are fit for nothing here
    assert "no use for it" in rows[3]["facts"]["l2h"]
    assert "lacks the column 'region'" in rows[3]["findings"][0]["message"]
    assert rows[1]["facts"]["extent"] == "7.00000, 47.00000, 8.00000, 48.00000"
    assert "1 × LineString" in rows[0]["facts"]["layer roads"]
    status, (row,) = facts(l2h, tmp_path / "h.parquet", "--columns", "a,b,c")  # asked for as outlines
    assert (status, row["findings"][0]["rule"]) == (1, "cannot-open")


@pytest.mark.parametrize(
    ("kinds", "bbox", "own"), [(7, "here", b"\xff"), ("Polygon", [1, None, 2, 3], b"[]"), (None, [1, 2], b'"x"')]
)
def test_a_footer_that_says_nonsense_is_no_crash(
    kinds: object, bbox: object, own: bytes, tmp_path: Path, l2h: L2H
) -> None:
    write_wide(tmp_path / "h.parquet", 1, 8, 1)
    geo = {"encoding": "WKB", "geometry_types": kinds, "bbox": bbox}
    meta = {b"geo": json.dumps({"primary_column": "geometry", "columns": {"geometry": geo}}).encode(), b"l2h": own}
    pq.write_table(pq.read_table(tmp_path / "h.parquet").replace_schema_metadata(meta), tmp_path / "h.parquet")
    status, (row,) = facts(l2h, tmp_path / "h.parquet")
    assert (status, row["facts"]["what"]) == (0, "buildings, Overture Maps")
    assert (row["facts"]["extent"], row["facts"]["time"]) == ("", "")


def test_levels_that_are_not_three_are_wrong_usage(tmp_path: Path, l2h: L2H) -> None:
    assert l2h("inspect", tmp_path / "h.parquet", "--columns", "a,b").status == 2


# --- behind an address ------------------------------------------------------------------------------------------------


def test_addresses_are_read_in_ranges(scripted: Scripted, tmp_path: Path, l2h: L2H) -> None:
    write_pbf(scripted.folder / "m.osm.pbf")
    write_wide(scripted.folder / "b.parquet", 500, 20_000, 100)
    rng = np.random.default_rng(0)
    profile = {"driver": "GTiff", "width": 2048, "height": 2048, "count": 1, "dtype": "uint8", "tiled": True}
    with rasterio.open(
        scripted.folder / "x.tif", "w", crs="EPSG:32650", transform=Affine(10, 0, 5e5, 0, -10, 3.32e6), **profile
    ) as out:
        out.write(rng.integers(0, 255, (1, 2048, 2048), "uint8"))
    names = ("m.osm.pbf", "b.parquet", "x.tif")
    status, rows = facts(l2h, *(f"{scripted.url}/{name}" for name in names), "--allow-private")
    assert (status, [row["findings"] for row in rows]) == (0, [[], [], []])
    extract, houses, raster = (row["facts"] for row in rows)
    assert extract["what"] == "OpenStreetMap extract"
    assert "not counted" in extract["note"]
    assert houses["what"] == "buildings, Overture Maps"
    assert houses["rows"] == "500 in 5 groups"
    assert houses["extent"].startswith(f"{WEST:.5f}")
    assert raster["what"] == "raster of 1 band, 2,048 × 2,048 px"
    for said, name in zip((extract, houses, raster), names, strict=True):
        came, size = (int(word.replace(",", "")) for word in said["read"].removesuffix(" bytes").split(" of "))
        assert size == (scripted.folder / name).stat().st_size
        assert came < size or name == "m.osm.pbf"  # which is smaller than a piece
    assert raster["read"].startswith("65,536 of 4,")


def test_addresses_are_checked_as_those_of_fetch(scripted: Scripted, tmp_path: Path, l2h: L2H) -> None:
    write_segments(scripted.folder / "s.parquet", [(8.0, 47.0)])
    (scripted.folder / "page.parquet").write_text("<html>not found</html>")
    status, rows = facts(
        l2h, f"{scripted.url}/s.parquet", "file:///etc/passwd", "https://me:hunter2@a.example/x.parquet"
    )
    assert status == 1
    messages = [row["findings"][0]["message"] for row in rows]
    assert "private network is not followed" in messages[0]
    assert "not followed" in messages[1]
    assert "carries a user name" in messages[2]
    assert "hunter2" not in json.dumps(rows)
    assert scripted.seen.requests == []
    _, (row,) = facts(l2h, f"{scripted.url}/s.parquet?key=hunter2", "--allow-private")
    assert row["facts"]["what"] == "roads, Overture Maps"
    assert "hunter2" not in json.dumps(row)  # as fetch writes no key either
    scripted.script["HEAD /away.parquet"] = [redirect("http://169.254.169.254/latest")]
    bad = ("away.parquet", "none.parquet", "page.parquet")
    status, rows = facts(l2h, *(f"{scripted.url}/{name}" for name in bad), "--allow-private")
    said = [row["findings"][0]["message"] for row in rows]
    assert status == 1
    assert "not followed" in said[0]
    assert "no such file" in said[1]
    assert "cannot be read" in said[2] or "no Parquet" in said[2]


def test_a_bucket_is_an_address(scripted: Scripted, l2h: L2H) -> None:
    (scripted.folder / "bucket").mkdir()
    write_segments(scripted.folder / "bucket/s.parquet", [(8.0, 47.0)])
    words = ("s3://bucket/s.parquet", "--s3-endpoint", scripted.url, "--allow-private")
    status, (row,) = facts(l2h, *words)
    assert (status, row["facts"]["what"]) == (0, "roads, Overture Maps")
    assert pq.read_metadata(scripted.folder / "bucket/s.parquet").num_rows == 1
    scripted.script["GET /bucket/s.parquet"] = [without_ranges] * 4
    assert facts(l2h, *words)[0] == 0  # shorter than a piece, so that the whole is the part
