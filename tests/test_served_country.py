"""A generated country whose inputs lie on servers only: init, fetch, run give the bytes that local files give.

Two servers: one over HTTP with ranges (a STAC catalogue of scenes, windows of products, an extract with its digest
beside it, outlines; every address with a key), and an open bucket that speaks S3 (a list of scenes, whole files).
docs/sources.md does the same by hand. And the picture in tiles, as basemaps are served.
"""

import hashlib
import json
import shutil
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pytest
import rasterio
from affine import Affine
from rasterio.warp import Resampling, reproject

from l2h.cli.main import main
from l2h.core.files import read_json, sha256_file
from l2h.core.grid import Grid
from l2h.core.raster import grid_of, open_raster, write_raster
from l2h.sources.extent import geographic_box
from l2h.sources.matrix import tiles_for, web_mercator
from l2h.toy.scenes import SCENES
from l2h.toy.stage import make_toy

sys.path.insert(0, str(Path(__file__).resolve().parent / "sources"))
from pyramid import png
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
ZOOM = 17  # the level that is taken: 1.03 m at 30° N
KEY = "c0ffee5ecret"
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


def test_from_a_web_server_that_stumbles(
    country: Path, wanted: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("L2H_TEST_KEY", KEY)
    with Scripted(country / "served") as server:
        start(tmp_path / "web", server.url, f"stac:{server.url}/stac/catalog.json")
        for name in (f"/{EXTRACT}", f"/{OUTLINES}", *(f"/imagery/{look.name}.tif" for look in SCENES)):
            server.script[f"GET {name}"] = [part_then(hang_up), busy(503), busy(429, Retry_After="0")]
        put_keys(tmp_path / "web", server.url)
        assert l2h("fetch", tmp_path / "web", *OPEN) == 0
        assert not any(server.script.values())  # every fault was met
    check_release(wanted, finish(tmp_path / "web"))
    rows = read_json(tmp_path / "web" / "work/layers/fetched.json")
    assert len(rows) == len(PRODUCTS) + len(SCENES) + 2
    (extract,) = [row for row in rows if row["layer"] == "osm"]
    assert extract["verified"] == "md5"
    assert any(KEY in query for query in server.seen.queries)
    assert files_with("toyland-latest.osm.pbf?token=~", tmp_path / "web")  # the release's own pages among them
    assert files_with(KEY, tmp_path / "web") == []


def put_keys(folder: Path, url: str) -> None:
    """Every address of the project file with a key: written out, or as it stands in the environment."""
    edit(folder, f'{url}/{EXTRACT}"', f'{url}/{EXTRACT}?token={KEY}"')
    edit(folder, f'{url}/{OUTLINES}"', f'{url}/{OUTLINES}?access={{env:L2H_TEST_KEY}}"')
    edit(folder, "catalog.json", f"catalog.json?api_key={KEY}")
    for _, prefix, *_ in PRODUCTS:
        edit(folder, f'source = "{url}/{prefix}"', f'source = "{url}/{prefix}?sig={KEY}"\ntake = "window"')


def files_with(word: str, folder: Path) -> list[str]:
    """Everything below a folder that holds a word, its archives unpacked; the project file apart."""
    found = []
    for path in (path for path in folder.rglob("*") if path.is_file() and path.name != "project.toml"):
        parts = [path.read_bytes()]
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                parts += [archive.read(name) for name in archive.namelist()]
        if path.suffix == ".pdf":
            parts += [page.extract_text().encode() for page in pypdf.PdfReader(path).pages]
        found += [path.name] if any(word.encode() in part for part in parts) else []
    return found


def test_from_an_open_bucket(country: Path, bucket: str, wanted: dict[str, str], tmp_path: Path) -> None:
    addresses = "".join(f"s3://toyland/imagery/{look.name}.tif {look.date}\n" for look in SCENES)
    (tmp_path / "scenes.txt").write_text(addresses)
    start(tmp_path / "bucket", "s3://toyland", str(tmp_path / "scenes.txt"))
    assert l2h("fetch", tmp_path / "bucket", *OPEN, "--set", f"fetch.s3_endpoint={bucket}") == 0
    check_release(wanted, finish(tmp_path / "bucket"))


# --- a picture served in tiles ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiles(country: Path) -> Path:
    """The picture on a level of Web Mercator, as `served/tiles/z/x/y.png` and as one GeoTIFF, which is returned."""
    with rasterio.open(country / "served" / PRODUCTS[0][1] / PRODUCTS[0][2]) as product:
        bounds = rasterio.warp.transform_bounds(product.crs, CRS, *product.bounds)
    around = Grid(CRS, bounds[0], bounds[3], 1.0, round(bounds[3] - bounds[1]), round(bounds[2] - bounds[0]))
    matrix = web_mercator(ZOOM)
    place = tiles_for(matrix, around)
    picture = np.zeros((3, place.height * 256, place.width * 256), "uint8")
    window = place.refine(256)
    corner = Affine.translation(window.col_start, window.row_start)
    for look in SCENES:
        with rasterio.open(country / f"served/imagery/{look.name}.tif") as scene:
            part = np.zeros_like(picture)
            reproject(
                rasterio.band(scene, [1, 2, 3]), part, dst_crs=matrix.grid.crs, resampling=Resampling.bilinear,
                dst_transform=matrix.grid.transform @ corner,
            )  # fmt: skip
        np.copyto(picture, part, where=(picture == 0).all(0) & (part > 0).any(0))
    write_raster(country / "picture.tif", picture, matrix.grid, window)
    for row, col in np.ndindex(place.shape):
        path = country / f"served/tiles/{ZOOM}/{place.col_start + col}/{place.row_start + row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(picture[:, row * 256 :, col * 256 :][:, :256, :256]))
    return country / "picture.tif"


def test_a_picture_in_tiles_makes_the_map_of_the_same_pixels_in_a_file(
    country: Path, tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("L2H_TEST_KEY", KEY)
    with Scripted(country / "served") as server:
        template = f"{server.url}/tiles/{{z}}/{{x}}/{{y}}.png"
        start(tmp_path / "tiles", server.url, template)
        url = f'url = "{template}?key={{key}}", key_env = "L2H_TEST_KEY", per_second = 100'
        edit(tmp_path / "tiles", f'url = "{template}"', url)
        edit(tmp_path / "tiles", "[[imagery]]", "[[imagery]]\ndate = 2021-05-06")
        assert l2h("fetch", tmp_path / "tiles", *OPEN) == 0
        shutil.copytree(tmp_path / "tiles", tmp_path / "file", ignore=shutil.ignore_patterns("work"))
        edit(tmp_path / "file", f"tiles = {{ {url} }}", f'paths = ["{tiles}"]')
    served, local = finish(tmp_path / "tiles"), finish(tmp_path / "file")
    check_release(local, served)
    (block,) = (tmp_path / "tiles").glob("work/map/*.tif")
    with rasterio.open(block) as data:  # there is a picture, and so a map, nearly everywhere
        assert (data.read(1) > 0).mean() > 0.9
    assert files_with(KEY, tmp_path / "tiles") == []
