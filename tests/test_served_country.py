"""A generated country whose inputs lie on servers only: init, fetch, run give the bytes that local files give.

Two servers: one over HTTP with ranges (a STAC catalogue of scenes, windows of products, an extract with its digest
beside it, outlines), and an open bucket that speaks S3 (a list of scenes, whole files). docs/sources.md does the same
by hand.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from l2h.cli.main import main
from l2h.core.files import read_json, sha256_file
from l2h.core.raster import grid_of, open_raster
from l2h.sources.extent import geographic_box
from l2h.toy.scenes import SCENES
from l2h.toy.stage import make_toy

sys.path.insert(0, str(Path(__file__).resolve().parent / "sources"))
from scripted import Scripted, busy, hang_up, part_then
from tiny_project import QUICK, edit

pytestmark = pytest.mark.slow

# the catalogue's name, the legend, where its publisher's layout has the file near 117° E, 30° N, the toy's file
PRODUCTS = (
    ("worldcover-2021", "v200/2021/map", "ESA_WorldCover_10m_2021_v200_N30E117_Map.tif", "esa_worldcover.tif"),
    ("esri-2020-v1", "io-lulc", "50R_20200101-20210101.tif", "esri_lulc.tif"),
    ("from_glc10-2017", "data/fromglc10_2017v01", "fromglc10v01_30_116.tif", "from_glc10.tif"),
)
EXTRACT, OUTLINES = "asia/toyland-latest.osm.pbf", "boundaries/cities.gpkg"
CRS = "EPSG:32650"
OPEN = ("--set", "fetch.allow_private=true", "--set", "fetch.backoff_s=0.001")
# FROM_GLC10 has no licence text: whoever releases a map made from it says that it may be
QUICKLY = [word for setting in (*QUICK, "products.2.may_publish=true") for word in ("--set", setting)]


def l2h(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A country of half a square kilometre as servers have it, under `served`."""
    folder = tmp_path_factory.mktemp("served_country")
    inputs, served = make_toy(folder / "toy", km2=0.5).parent / "inputs", folder / "served"
    places = {f"products/{stem}": f"{prefix}/{file}" for _, prefix, file, stem in PRODUCTS}
    places |= {"osm.osm.pbf": EXTRACT, "boundary.gpkg": OUTLINES}
    places |= {f"imagery/{look.name}.tif": f"imagery/{look.name}.tif" for look in SCENES}
    for ours, theirs in places.items():
        (served / theirs).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(inputs / ours, served / theirs)
    digest = hashlib.md5((served / EXTRACT).read_bytes()).hexdigest()
    (served / f"{EXTRACT}.md5").write_text(f"{digest}  {Path(EXTRACT).name}\n")
    write_catalogue(served)
    return folder


def write_catalogue(served: Path) -> None:
    """A static STAC catalogue of the scenes, and of one that lies elsewhere and has no such picture."""
    items = [{"rel": "item", "href": f"./{look.name}.json"} for look in SCENES] + [
        {"rel": "item", "href": "./far.json"}
    ]
    root = {"type": "Catalog", "stac_version": "1.0.0", "id": "toyland", "description": "scenes", "links": items}
    (served / "stac").mkdir()
    (served / "stac/catalog.json").write_text(json.dumps(root))
    for look in SCENES:
        with open_raster(served / f"imagery/{look.name}.tif") as data:
            box = list(geographic_box(grid_of(data)))
        asset = {"visual": {"href": f"../imagery/{look.name}.tif"}}
        (served / f"stac/{look.name}.json").write_text(json.dumps(item(look.name, look.date, box, asset)))
    far = item("far", "2021-01-01", [8.0, 47.0, 8.1, 47.1], {"radar": {"href": "../imagery/far.tif"}})
    (served / "stac/far.json").write_text(json.dumps(far))


def item(name: str, day: str, box: list[float], assets: dict[str, Any]) -> dict[str, Any]:
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "bbox": box, "links": [], "assets": assets,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"datetime": f"{date.fromisoformat(day)}T03:00:00Z"},
    }  # fmt: skip


def start(folder: Path, served: str, imagery: str) -> None:
    """`l2h init` for inputs that lie below an address, for a lattice in metres."""
    products = [word for name, prefix, *_ in PRODUCTS for word in ("--product", f"{name}={served}/{prefix}")]
    vectors = ["--osm", f"{served}/{EXTRACT}", "--boundary", f"{served}/{OUTLINES}", "--layer", "cities"]
    assert l2h("init", folder, "--imagery", imagery, *products, *vectors, "--crs", CRS, "--name", "toyland") == 0


def finish(folder: Path) -> dict[str, str]:
    """`l2h run`, and the digest of every block of the map and every file of the release but the pages about the run."""
    assert l2h("run", folder, "--executor", "serial", *QUICKLY) == 0
    files = [*(folder / "work/map").glob("*.tif"), *(folder / "release/1.0").rglob("*")]
    told = {"report.html", "validation.json", "validation.pdf", "guide.html", "guide.pdf"}
    names = {path.relative_to(folder).as_posix(): path for path in files if path.is_file() and path.name not in told}
    return {name: sha256_file(path) for name, path in sorted(names.items())}


@pytest.fixture(scope="module")
def wanted(country: Path) -> dict[str, str]:
    """The release from local files: the project that `init` writes for a server, with paths instead of addresses."""
    folder = country / "local"
    start(folder, "https://a.example", "stac:https://a.example/stac/catalog.json")
    for _, prefix, file, _ in PRODUCTS:
        edit(folder, f'source = "https://a.example/{prefix}"', f'paths = ["{country}/served/{prefix}/{file}"]')
    for name in (EXTRACT, OUTLINES):
        edit(folder, f"https://a.example/{name}", f"{country}/served/{name}")
    path = folder / "project.toml"
    lines = path.read_text().splitlines()
    picture = f'paths = ["{country}/served/imagery/*.tif"]'
    path.write_text("\n".join(picture if line.startswith("stac = ") else line for line in lines))
    assert "a.example" not in path.read_text()
    return finish(folder)


@pytest.fixture(scope="module")
def bucket(country: Path) -> Iterator[str]:
    """An S3 server on this machine with everything in an open bucket `toyland`; its endpoint."""
    import boto3
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    endpoint = "http://{}:{}".format(*running.get_host_and_port())
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    s3.create_bucket(Bucket="toyland", ACL="public-read")
    for path in (country / "served").rglob("*.*"):
        s3.upload_file(path, "toyland", path.relative_to(country / "served").as_posix(), {"ACL": "public-read"})
    yield endpoint
    running.stop()


def check_release(wanted: dict[str, str], found: dict[str, str]) -> None:
    assert found == wanted
    assert sum(name.startswith("work/map/") for name in found) >= 1
    assert {Path(name).suffix for name in found} >= {".zip", ".csv", ".json"}


def test_from_a_web_server_that_stumbles(country: Path, wanted: dict[str, str], tmp_path: Path) -> None:
    with Scripted(country / "served") as server:
        start(tmp_path / "web", server.url, f"stac:{server.url}/stac/catalog.json")
        for name in (f"/{EXTRACT}", f"/{OUTLINES}", *(f"/imagery/{look.name}.tif" for look in SCENES)):
            server.script[f"GET {name}"] = [part_then(hang_up), busy(503), busy(429, Retry_After="0")]
        for _, prefix, *_ in PRODUCTS:
            edit(
                tmp_path / "web",
                f'source = "{server.url}/{prefix}"',
                f'source = "{server.url}/{prefix}"\ntake = "window"',
            )
        assert l2h("fetch", tmp_path / "web", *OPEN) == 0
        assert not any(server.script.values())  # every fault was met
    check_release(wanted, finish(tmp_path / "web"))
    rows = read_json(tmp_path / "web" / "work/layers/fetched.json")
    assert len(rows) == len(PRODUCTS) + len(SCENES) + 2
    (extract,) = [row for row in rows if row["layer"] == "osm"]
    assert extract["verified"] == "md5"


def test_from_an_open_bucket(country: Path, bucket: str, wanted: dict[str, str], tmp_path: Path) -> None:
    addresses = "".join(f"s3://toyland/imagery/{look.name}.tif {look.date}\n" for look in SCENES)
    (tmp_path / "scenes.txt").write_text(addresses)
    start(tmp_path / "bucket", "s3://toyland", str(tmp_path / "scenes.txt"))
    assert l2h("fetch", tmp_path / "bucket", *OPEN, "--set", f"fetch.s3_endpoint={bucket}") == 0
    check_release(wanted, finish(tmp_path / "bucket"))
