"""Scenes with an address each: from a list, from a STAC catalogue, from a STAC API."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted import Scripted, busy, hang_up, part_then, redirect

from l2h.core.errors import InputError, L2HError
from l2h.core.files import read_json
from l2h.core.grid import Grid
from l2h.core.progress import Silent
from l2h.sources.addresses import AddressError
from l2h.sources.delivery import Delivery, holes
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.imagery import mosaic
from l2h.sources.imagery_settings import StacSettings
from l2h.sources.link_supply import list_urls
from l2h.sources.listing import file_names
from l2h.sources.orders import Order
from l2h.sources.scenes import call_roll, list_scenes
from l2h.sources.settings import ImagerySettings
from l2h.sources.stac import Item, passes

Make = Callable[..., Path]
QUICK = FetchSettings(allow_private=True, backoff_s=0.001, attempts=2)
GRID = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, 40, 50)  # at 117° E, 30.01° N
X, Y = GRID.x, GRID.y
BOX = [116.99, 30.0, 117.01, 30.02]
AWAY = [8.0, 47.0, 8.1, 47.1]


@pytest.fixture
def scenes(scripted: Scripted, make_raster: Make) -> Scripted:
    """Four bands of 16 bits with a mask, two scenes on the grid and one beside it."""
    rng = np.random.default_rng(0)
    for name, x in (("a", X - 300), ("b", X + 20), ("far", X + 5000)):
        values = rng.integers(0, 4000, (4, 340, 340)).astype("uint16")
        mask = rng.random((340, 340)) > 0.1
        tiled = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "DEFLATE"}
        make_raster(f"served/{name}.tif", values, x=x, y=Y + 150, mask=mask, **tiled)
    return scripted


def entry(**keys: object) -> ImagerySettings:
    return ImagerySettings(**{"name": "sat", "licence": "none", "bands": (4, 3, 2, 1), "scale": (0, 4000), **keys})


def fetch(source: ImagerySettings, folder: Path, settings: FetchSettings = QUICK) -> tuple[Order, ...]:
    with Delivery([source], GRID, folder, settings) as desk:
        return desk.fetch(desk.plan(), Silent())


def picture(source: ImagerySettings, folder: Path) -> np.ndarray:
    return mosaic(list_scenes([source], folder, GRID), GRID, GRID.window, 4).values


def write_list(server: Scripted, folder: Path) -> None:
    (folder / "list.txt").write_text(
        f"# ours\n{server.url}/a.tif 2021-05-06\n\n{server.url}/b.tif  2020-01-01\n{server.url}/far.tif\n"
    )


@pytest.mark.parametrize("take", ["whole", "window"])
def test_a_list_gives_the_picture_of_the_files(scenes: Scripted, tmp_path: Path, take: str) -> None:
    write_list(scenes, tmp_path)
    scenes.script["GET /a.tif"] = [part_then(hang_up), busy(503), part_then(hang_up)]
    orders = fetch(entry(urls="list.txt", take=take), tmp_path, QUICK.model_copy(update={"attempts": 5}))
    assert [(order.file, order.state) for order in orders] == [
        ("a.tif", "kept"),
        ("b.tif", "kept"),
        ("far.tif", "beside"),
    ]
    local = entry(paths=["served/[ab].tif"], dates={"a": date(2021, 5, 6), "b": date(2020, 1, 1)})
    np.testing.assert_array_equal(picture(entry(urls="list.txt", take=take), tmp_path), picture(local, tmp_path))
    roll = call_roll([entry(urls="list.txt", take=take)], tmp_path, GRID)
    assert [(scene.name, str(scene.date)) for scene in roll.scenes] == [("a", "2021-05-06"), ("b", "2020-01-01")]
    assert [path.name for _, path in roll.beside] == ["far.tif"]
    assert not (tmp_path / "inputs/fetched/sat/far.tif").exists()
    asked = len(scenes.seen.requests)
    assert {order.state for order in fetch(entry(urls="list.txt", take=take), tmp_path)} == {"kept", "beside"}
    assert len(scenes.seen.requests) == asked
    came = sum(read_json(path)["came"] or 0 for path in (tmp_path / "inputs").rglob("*.fetched.json"))
    whole = sum((scenes.folder / f"{name}.tif").stat().st_size for name in "ab")
    assert came < whole if take == "window" else came == 0


def test_another_list_needs_another_fetch(scenes: Scripted, tmp_path: Path) -> None:
    write_list(scenes, tmp_path)
    fetch(entry(urls="list.txt"), tmp_path)
    (tmp_path / "list.txt").write_text(f"{scenes.url}/b.tif\n")
    with pytest.raises(InputError, match="not listed yet, or for other settings"):
        picture(entry(urls="list.txt"), tmp_path)
    fetch(entry(urls="list.txt"), tmp_path)
    assert [scene.name for scene in list_scenes([entry(urls="list.txt")], tmp_path, GRID)] == ["b"]  # a stays unread


def test_what_a_list_may_not_say() -> None:
    for line in ("https://a.example/b.tif yesterday", "https://a.example/b.tif 2020-01-01 x"):
        with pytest.raises(InputError, match=r"no address with a day \(layer 'i', line 2"):
            list_urls(f"# first\n{line}", "i")
    for line in ("file:///etc/passwd", "/etc/passwd", "https://me:secret@a.example/b.tif", "ftp://a.example/b.tif"):
        with pytest.raises(L2HError, match="address"):
            list_urls(line, "i")
    with pytest.raises(InputError, match="a list of addresses is empty"):
        list_urls("# nothing", "i")


def test_names_of_files_reach_no_other_folder() -> None:
    hard = ["../../etc/passwd", ".hidden", "a" * 400, "a b", "A B", ""]
    names = file_names([(name, f"https://x.example/{n}") for n, name in enumerate(hard)])
    assert len({name.lower() for name in names}) == len(hard)
    assert all(Path(name).name == name and not name.startswith(".") and len(name) < 200 for name in names)


# --- STAC -------------------------------------------------------------------------------------------------------------


def item(name: str, href: str, box: list[float], day: str, cloud: float | None = 5.0, **more: Any) -> dict[str, Any]:
    west, south, east, north = box
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    properties = {"datetime": f"{day}T03:04:05Z", "gsd": 0.8, **({} if cloud is None else {"eo:cloud_cover": cloud})}
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "bbox": box, "collection": "ours",
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties,
        "assets": {"visual": {"href": href}}, "links": [], **more,
    }  # fmt: skip


def collection(*links: dict[str, str]) -> dict[str, Any]:
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}}
    return {
        "type": "Collection", "stac_version": "1.0.0", "id": "ours", "description": "x", "license": "proprietary",
        "extent": extent, "links": list(links),
    }  # fmt: skip


ITEMS = {
    "s/one": ("../a.tif", BOX, "2021-05-06", 5.0), "two": ("../b.tif", BOX, "2020-01-01", 50.0),
    "away": ("../far.tif", AWAY, "2021-01-01", 0.0), "unsaid": ("../b.tif", BOX, "2019-01-01", None),
}  # fmt: skip


def write_catalogue(folder: Path, items: dict[str, tuple[str, list[float], str, float | None]] = ITEMS) -> None:
    folder.mkdir(exist_ok=True)
    root = {"type": "Catalog", "stac_version": "1.0.0", "id": "root", "description": "x"}
    links = [{"rel": "child", "href": "./ours.json"}, {"rel": "child", "href": "./catalog.json"}]  # a circle
    (folder / "catalog.json").write_text(json.dumps({**root, "links": links}))
    inner = []
    for number, (name, (href, box, day, cloud)) in enumerate(items.items()):
        (folder / f"i{number}.json").write_text(json.dumps(item(name, href, box, day, cloud)))
        inner.append({"rel": "item", "href": f"./i{number}.json"})
    (folder / "ours.json").write_text(json.dumps(collection(*inner)))


def test_a_static_catalogue_is_walked_filtered_and_fetched(scenes: Scripted, tmp_path: Path) -> None:
    write_catalogue(scenes.folder / "stac")
    scenes.script["GET /stac/ours.json"] = [busy(503), busy(429, Retry_After="0")][:1]
    source = entry(stac={"address": f"{scenes.url}/stac/catalog.json"}, rank="least_cloud")
    assert {order.state for order in fetch(source, tmp_path)} == {"kept"}
    found = list_scenes([source], tmp_path, GRID)
    assert [(scene.name, str(scene.date), scene.cloud) for scene in found] == [
        ("s/one", "2021-05-06", 5.0), ("two", "2020-01-01", 50.0), ("unsaid", "2019-01-01", None),
    ]  # fmt: skip
    local = entry(paths=["served/[ab].tif"], dates={"a": date(2021, 5, 6)})
    np.testing.assert_array_equal(picture(source, tmp_path), picture(local, tmp_path))
    asked = len(scenes.seen.requests)
    fetch(source, tmp_path)
    assert len(scenes.seen.requests) == asked


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"max_cloud_percent": 10}, ["s_one.tif"]),
        ({"start": date(2019, 6, 1), "end": date(2020, 1, 1)}, ["two.tif"]),
        ({"max_gsd_m": 0.8, "collections": ["ours"]}, ["s_one.tif", "two.tif", "unsaid.tif"]),
    ],
)
def test_filters(scenes: Scripted, tmp_path: Path, filters: dict[str, Any], names: list[str]) -> None:
    write_catalogue(scenes.folder / "stac")
    source = entry(stac={"address": f"{scenes.url}/stac/catalog.json", **filters})
    with Delivery([source], GRID, tmp_path, QUICK) as desk:
        assert [order.file for order in desk.plan()] == names


@pytest.mark.parametrize(
    ("filters", "match"),
    [
        ({"max_gsd_m": 0.5}, "no scene for the grid"),
        ({"collections": ["theirs"]}, "no scene for the grid"),
        ({"max_scenes": 2}, "too many scenes"),
        ({"asset": "B04"}, r"no such asset \(layer 'sat'.*s/one\): expected one of visual"),
    ],
)
def test_filters_that_find_nothing_or_too_much(
    scenes: Scripted, tmp_path: Path, filters: dict[str, Any], match: str
) -> None:
    write_catalogue(scenes.folder / "stac")
    source = entry(stac={"address": f"{scenes.url}/stac/catalog.json", **filters})
    with Delivery([source], GRID, tmp_path, QUICK) as desk, pytest.raises(InputError, match=match):
        desk.plan()


@pytest.mark.parametrize(
    ("west", "east", "meets"),
    [
        (1, 2, True),
        (2.5, 3.5, True),
        (3.5, 4, False),
        (-2, 0.5, False),
        (179, -179, False),
        (2.5, -179, True),
        (179, 1, True),
    ],
)
def test_a_scene_meets_a_box_across_the_antimeridian_too(west: float, east: float, meets: bool) -> None:
    found = Item("a", "ours", (west, 0, east, 1), None, None, None, "https://a.example/a.tif")
    assert passes(found, StacSettings(address="https://a.example"), (1, 0, 3, 1)) is meets


def test_scenes_of_another_collection_need_no_such_asset(scenes: Scripted, tmp_path: Path) -> None:
    write_catalogue(scenes.folder / "stac", {"one": ("../a.tif", BOX, "2021-05-06", 5.0)})
    radar = item("radar", "../a.tif", BOX, "2021-05-06", collection="theirs", assets={"vv": {"href": "../a.tif"}})
    (scenes.folder / "stac/radar.json").write_text(json.dumps(radar))
    inner = ({"rel": "item", "href": "./radar.json"}, {"rel": "item", "href": "./i0.json"})
    (scenes.folder / "stac/ours.json").write_text(json.dumps(collection(*inner)))
    source = entry(stac={"address": f"{scenes.url}/stac/catalog.json", "collections": ["ours"]})
    with Delivery([source], GRID, tmp_path, QUICK) as desk:
        assert [order.file for order in desk.plan()] == ["one.tif"]


def test_a_scene_that_lies_elsewhere_or_is_filtered_out_needs_no_such_asset(scenes: Scripted, tmp_path: Path) -> None:
    write_catalogue(scenes.folder / "stac", {"one": ("../a.tif", BOX, "2021-05-06", 5.0)})
    bare = {"assets": {"vv": {"href": "../a.tif"}}}
    others = {
        "away": item("away", "", AWAY, "2021-05-06", **bare),
        "dull": item("dull", "", BOX, "2021-05-06", 90, **bare),
    }
    for name, values in others.items():
        (scenes.folder / f"stac/{name}.json").write_text(json.dumps(values))
    inner = [{"rel": "item", "href": f"./{name}.json"} for name in (*others, "i0")]
    (scenes.folder / "stac/ours.json").write_text(json.dumps(collection(*inner)))
    address = f"{scenes.url}/stac/catalog.json"
    with Delivery([entry(stac={"address": address, "max_cloud_percent": 10})], GRID, tmp_path, QUICK) as desk:
        assert [order.file for order in desk.plan()] == ["one.tif"]
    lacks = pytest.raises(InputError, match=r"no such asset \(.*dull\): expected one of vv, got visual")
    with Delivery([entry(stac={"address": address})], GRID, tmp_path, QUICK) as desk, lacks:
        desk.plan()


@pytest.mark.parametrize("href", ["file:///etc/passwd", "/vsicurl/http://x/a.tif", "ftp://a.example/a.tif"])
def test_an_asset_of_another_kind_is_refused(scenes: Scripted, tmp_path: Path, href: str) -> None:
    write_catalogue(scenes.folder / "stac", {"one": (href, BOX, "2021-05-06", 5.0)})
    source = entry(stac={"address": f"{scenes.url}/stac/catalog.json"})
    if href.startswith("/"):  # a path of the server, and no more
        assert "there is no such file" in holes(fetch(source, tmp_path))[0].reason
    else:
        with pytest.raises(AddressError, match="is not followed"):
            fetch(source, tmp_path)
    assert not list((tmp_path / "inputs").rglob("*.tif"))


def test_an_asset_of_a_private_network_is_a_hole(scenes: Scripted, tmp_path: Path) -> None:
    write_catalogue(scenes.folder / "stac", {"one": ("http://169.254.169.254/a.tif", BOX, "2021-05-06", 5.0)})
    source = entry(stac={"address": f"{scenes.url}/stac/catalog.json"})
    assert "private network is not followed" in holes(fetch(source, tmp_path))[0].reason


def test_a_document_leads_nowhere_it_may_not(scenes: Scripted, tmp_path: Path) -> None:
    write_catalogue(scenes.folder / "stac")
    for href in ("file:///etc/passwd", "http://169.254.169.254/latest", "/etc/passwd"):
        (scenes.folder / "stac/ours.json").write_text(json.dumps(collection({"rel": "item", "href": href})))
        source = entry(stac={"address": f"{scenes.url}/stac/catalog.json"})
        with Delivery([source], GRID, tmp_path, QUICK) as desk, pytest.raises(L2HError):
            desk.plan()
    assert not [path for _, path, _ in scenes.seen.requests if path.endswith(".tif")]
    scenes.script["GET /stac/catalog.json"] = [redirect("http://169.254.169.254/latest")]
    with Delivery([source], GRID, tmp_path, QUICK) as desk, pytest.raises(AddressError, match="private network"):
        desk.plan()


def test_a_catalogue_on_this_machine_stays_in_its_folder(scenes: Scripted, tmp_path: Path) -> None:
    write_catalogue(tmp_path / "stac", {"one": (f"{scenes.url}/a.tif", BOX, "2021-05-06", 5.0)})
    source = entry(stac={"address": "stac/catalog.json"})
    assert {order.state for order in fetch(source, tmp_path)} == {"kept"}
    (tmp_path / "outside.json").write_text(json.dumps(item("x", f"{scenes.url}/a.tif", BOX, "2021-05-06")))
    (tmp_path / "stac/ours.json").write_text(json.dumps(collection({"rel": "item", "href": "../outside.json"})))
    (tmp_path / "inputs/fetched/sat/listing.json").unlink()
    with Delivery([source], GRID, tmp_path, QUICK) as desk, pytest.raises(InputError, match="outside its folder"):
        desk.plan()


def test_an_api_is_searched_page_by_page(scenes: Scripted, tmp_path: Path) -> None:
    api = scenes.folder / "api"
    api.mkdir()
    conforms = ["https://api.stacspec.org/v1.0.0/core", "https://api.stacspec.org/v1.0.0/item-search"]
    links = [{"rel": "search", "href": f"{scenes.url}/api/search", "method": "POST", "type": "application/geo+json"}]
    root = {"type": "Catalog", "stac_version": "1.0.0", "id": "api", "description": "x", "conformsTo": conforms}
    (api / "root.json").write_text(json.dumps({**root, "links": links}))
    following = {"rel": "next", "href": f"{scenes.url}/api/page2", "method": "GET"}
    features = [item("one", f"{scenes.url}/a.tif", BOX, "2021-05-06")]
    (api / "search").write_text(json.dumps({"type": "FeatureCollection", "features": features, "links": [following]}))
    features = [item("two", f"{scenes.url}/b.tif", BOX, "2020-01-01"), item("away", "../far.tif", AWAY, "2020-01-01")]
    (api / "page2").write_text(json.dumps({"type": "FeatureCollection", "features": features, "links": []}))
    source = entry(stac={"address": f"{scenes.url}/api/root.json", "collections": ["ours"], "start": date(2020, 1, 1)})
    orders = fetch(source, tmp_path)
    assert [(order.file, order.state) for order in orders] == [("one.tif", "kept"), ("two.tif", "kept")]
    (asked,) = map(json.loads, scenes.seen.bodies)
    assert asked["collections"] == ["ours"]
    assert asked["datetime"].startswith("2020-01-01T00:00:00Z/")
    assert len(asked["bbox"]) == 4
    assert asked["bbox"][0] < 117.0002 < asked["bbox"][2]
