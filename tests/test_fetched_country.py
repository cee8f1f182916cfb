"""A generated country whose products are served only as their publishers do: init, fetch, run end in the same bytes."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from l2h.cli.main import main
from l2h.core.errors import InputError
from l2h.core.files import read_json, sha256_file
from l2h.core.tasks import Stage, run_stage
from l2h.pipeline import Pipeline
from l2h.toy.stage import make_toy

sys.path.insert(0, str(Path(__file__).resolve().parent / "sources"))
from pyramid import TILE, build
from scripted import Scripted, busy, hang_up, part_then
from tiny_project import QUICK, edit, make_project

# the catalogue's name, the file it needs near 117° E, 30° N, and the toy's file that plays it
LAYOUT = (
    ("worldcover-2021", "v200/2021/map", "ESA_WorldCover_10m_2021_v200_N30E117_Map.tif", "esa_worldcover.tif"),
    ("esri-2020-v1", "io-lulc", "50R_20200101-20210101.tif", "esri_lulc.tif"),
    ("from_glc10-2017", "data/fromglc10_2017v01", "fromglc10v01_30_116.tif", "from_glc10.tif"),
)
OURS = ("worldcover", "esri", "from_glc10")  # what `init` calls the layers
LAYERS = ("imagery", "scene", "regions")


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A country of half a square kilometre, and the same products in their publishers' layouts under `served`."""
    folder = tmp_path_factory.mktemp("fetched")
    make_toy(folder / "toy", km2=0.5)
    for _, prefix, file, stem in LAYOUT:
        target = folder / "served" / prefix / file
        target.parent.mkdir(parents=True)
        shutil.copy(folder / "toy/inputs/products" / stem, target)
    shutil.copytree(folder / "toy/inputs/imagery", folder / "served/imagery")
    return folder


def l2h(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def wanted(country: Path) -> dict[str, str]:
    """Digests of the layers made from local files, by a project of `init`."""
    folder = country / "local"
    legends = ("worldcover", "esri2020", "from_glc10")
    names = zip(legends, LAYOUT, strict=True)
    products = [f"{legend}={country}/toy/inputs/products/{stem}" for legend, (*_, stem) in names]
    return layers(country, folder, products, dict(zip(legends, OURS, strict=True)))


def layers(country: Path, folder: Path, products: list[str], names: dict[str, str]) -> dict[str, str]:
    """Run init and layers; digest of every block of every layer, under our names."""
    start(country, folder, products)
    assert l2h("layers", folder, "--executor", "serial") == 0
    return digests(folder, names)


def start(country: Path, folder: Path, products: list[str], imagery: str = "") -> None:
    inputs = country / "toy" / "inputs"
    options = [word for product in products for word in ("--product", product)]
    vectors = ["--osm", inputs / "osm.osm.pbf", "--boundary", inputs / "boundary.gpkg", "--layer", "cities"]
    assert l2h("init", folder, "--imagery", imagery or inputs / "imagery" / "*.tif", *options, *vectors) == 0


def digests(folder: Path, names: dict[str, str]) -> dict[str, str]:
    work = folder / "work" / "layers"
    of = {name: name for name in LAYERS} | names
    return {
        f"{ours}/{p.name}": sha256_file(p) for theirs, ours in of.items() for p in sorted((work / theirs).iterdir())
    }


@pytest.fixture
def server(country: Path) -> Iterator[Scripted]:
    with Scripted(country / "served") as server:
        yield server


SAME = dict(zip(OURS, OURS, strict=True))
OPEN = ("--set", "fetch.allow_private=true", "--set", "fetch.backoff_s=0.001")


def check_same(country: Path, folder: Path, addresses: list[str], wanted: dict[str, str], *more: str) -> None:
    """init, fetch, layers from these addresses give the layers of the local files."""
    products = [f"{name}={address}" for (name, *_), address in zip(LAYOUT, addresses, strict=True)]
    start(country, folder, products)
    assert l2h("fetch", folder, *OPEN, *more) == 0
    assert l2h("layers", folder, "--executor", "serial") == 0
    assert digests(folder, SAME) == wanted
    assert len(wanted) >= 6
    rows = read_json(folder / "work/layers/fetched.json")
    assert [row["file"] for row in rows] == [file for _, _, file, _ in LAYOUT]
    assert [row["address"].rpartition("/")[0] for row in rows] == addresses


def test_from_a_web_server_that_stumbles(
    country: Path, server: Scripted, wanted: dict[str, str], tmp_path: Path
) -> None:
    for number, (_, prefix, file, _) in enumerate(LAYOUT):
        faults = (part_then(hang_up), busy(503), busy(429, Retry_After="0"))
        server.script[f"GET /{prefix}/{file}"] = list(faults[: number + 1])
    check_same(country, tmp_path / "web", [f"{server.url}/{prefix}" for _, prefix, *_ in LAYOUT], wanted)


def test_from_folders(country: Path, wanted: dict[str, str], tmp_path: Path) -> None:
    check_same(country, tmp_path / "folder", [f"{country}/served/{prefix}" for _, prefix, *_ in LAYOUT], wanted)


ANY = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}


@pytest.fixture(scope="module")
def bucket(country: Path) -> Iterator[str]:
    """An S3 server on this machine with an open bucket `landcover`; its endpoint."""
    import boto3
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    endpoint = "http://{}:{}".format(*running.get_host_and_port())
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="eu-central-1", **ANY)
    s3.create_bucket(
        Bucket="landcover", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}, ACL="public-read"
    )
    for _, prefix, file, _ in LAYOUT:
        s3.upload_file(country / "served" / prefix / file, "landcover", f"{prefix}/{file}", {"ACL": "public-read"})
    yield endpoint
    running.stop()


@pytest.mark.parametrize("take", ["whole", "window"])
def test_from_an_open_bucket(country: Path, bucket: str, wanted: dict[str, str], tmp_path: Path, take: str) -> None:
    addresses = [f"s3://landcover/{prefix}" for _, prefix, *_ in LAYOUT]
    choice = [word for number in range(3) for word in ("--set", f"products.{number}.take={take}")]
    check_same(country, tmp_path / "bucket", addresses, wanted, "--set", f"fetch.s3_endpoint={bucket}", *choice)


def test_a_dry_run_prints_files_bytes_licences_and_time(
    country: Path, server: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(country, tmp_path / "dry", [f"worldcover-2021={server.url}/v200/2021/map"])
    capsys.readouterr()
    assert l2h("fetch", tmp_path / "dry", *OPEN, "--dry-run") == 0
    text = capsys.readouterr().err
    for part in (
        "CC-BY-4.0",
        LAYOUT[0][2],
        "to fetch",
        "1 file to fetch",
        "about 0 s at 10.0 MB/s",
        "© ESA WorldCover",
    ):
        assert part in text
    assert not list((tmp_path / "dry" / "inputs").rglob("*.tif"))
    assert server.counts()["GET"] == 0


def test_holes_end_with_status_3(
    country: Path, server: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start(country, tmp_path / "holes", [f"worldcover-2021={server.url}/nowhere"])
    assert l2h("fetch", tmp_path / "holes", *OPEN) == 3
    assert "hole: layer 'worldcover', ESA_WorldCover_10m_2021_v200_N30E117_Map.tif: there is no such file" in (
        capsys.readouterr().err
    )
    assert l2h("fetch", tmp_path / "holes") == 3  # this machine is reached only when the user says so
    assert "fetch.allow_private = true" in capsys.readouterr().err


def test_a_product_that_is_only_compared_with_is_fetched_too(
    country: Path, server: Scripted, wanted: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, (_, prefix, file, _) = tmp_path / "compared", LAYOUT[0]
    start(country, folder, served_products(server))
    with (folder / "project.toml").open("a") as out:
        entry = f'catalogue = "worldcover-2021"\nsource = "{server.url}/{prefix}"'
        out.write(f'\n[[compare.products]]\nname = "older"\n{entry}\n')
    assert l2h("fetch", folder, *OPEN) == 0
    assert (folder / "inputs/fetched/older" / file).is_file()
    pipeline = Pipeline.open(folder)
    first = Stage("compare", pipeline.stage("compare").steps[:1])
    with pipeline.context("serial", 1) as context:
        assert run_stage(first, context).holes == ()
    blocks = {f"worldcover/{path.name}": sha256_file(path) for path in (folder / "work/layers/older").iterdir()}
    assert blocks == {name: digest for name, digest in wanted.items() if name.startswith("worldcover/")}
    (row,) = read_json(folder / "work/layers/fetched_compared.json")
    assert (row["layer"], row["file"], row["licence"]) == ("older", file, "CC-BY-4.0")
    shutil.rmtree(folder / "inputs/fetched/older")
    with pipeline.context("serial", 1) as context, pytest.raises(InputError, match="nothing of a layer is here"):
        run_stage(first, context)


# --- imagery as well --------------------------------------------------------------------------------------------------


def served_products(server: Scripted) -> list[str]:
    return [f"{name}={server.url}/{prefix}" for name, prefix, *_ in LAYOUT]


def same_lattice(folder: Path, local: Path) -> None:
    """Give a project, which could not look at a scene when it began, the CRS that another took from one."""
    (crs,) = [line for line in (local / "project.toml").read_text().splitlines() if line.startswith("crs = ")]
    path = folder / "project.toml"
    lines = [crs if line.startswith("crs = ") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines))


def test_a_country_that_lies_on_servers_only(
    country: Path, server: Scripted, wanted: dict[str, str], tmp_path: Path
) -> None:
    """Scenes from a list of addresses, products from their prefixes, every transfer broken once: the same layers."""
    scenes = sorted((country / "served/imagery").glob("*.tif"))
    (tmp_path / "scenes.txt").write_text("".join(f"{server.url}/imagery/{path.name}\n" for path in scenes))
    for path in scenes:
        server.script[f"GET /imagery/{path.name}"] = [part_then(hang_up), busy(503), busy(429, Retry_After="0")]
    start(country, tmp_path / "all", served_products(server), str(tmp_path / "scenes.txt"))
    same_lattice(tmp_path / "all", country / "local")
    assert l2h("fetch", tmp_path / "all", *OPEN) == 0
    assert l2h("layers", tmp_path / "all", "--executor", "serial") == 0
    assert digests(tmp_path / "all", SAME) == wanted
    rows = read_json(tmp_path / "all" / "work" / "layers" / "fetched.json")
    assert len(rows) == len(LAYOUT) + len(scenes)
    assert {row["verified"] for row in rows} == {"size"}


@pytest.mark.slow
def test_the_map_of_a_picture_in_tiles_is_that_of_the_picture_in_one_file(tmp_path: Path) -> None:
    """fetch and run with a picture served in tiles; run with the same picture as a local file: the same map."""
    quick = [word for setting in QUICK for word in ("--set", setting)]
    local, tiled = make_project(tmp_path / "local"), make_project(tmp_path / "tiled")
    (tmp_path / "served").mkdir()
    build(tmp_path / "served/t", local / "whole.tif", Pipeline.open(local).grid)
    edit(local, 'paths = ["scenes/*.tif"]', 'paths = ["whole.tif"]')
    with Scripted(tmp_path / "served") as server:
        tiles = f'url = "{server.url}/t/{{z}}/{{x}}/{{y}}.png", tile_px = {TILE}, per_second = 1000.0'
        edit(tiled, 'paths = ["scenes/*.tif"]', f"tiles = {{ {tiles} }}")
        assert l2h("fetch", tiled, *OPEN) == 0
    for folder in (local, tiled):
        assert l2h("run", folder, "--executor", "serial", *quick) == 0
    maps = [sorted((folder / "work/map").glob("*.tif")) for folder in (local, tiled)]
    assert len(maps[0]) > 0
    assert [path.name for path in maps[0]] == [path.name for path in maps[1]]
    assert [sha256_file(path) for path in maps[0]] == [sha256_file(path) for path in maps[1]]
    assert not list((tiled / "release").rglob("*_date*.zip"))  # nobody said when the picture was taken
