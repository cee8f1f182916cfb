"""A project's products fetched from where they are served: what is needed, kept, missing, and what a run then sees."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from scripted import Scripted, busy, hang_up, held, part_then, redirect
from shapely import box

from l2h.core.errors import InputError, L2HError, SettingsError, StorageError
from l2h.core.files import read_json, sole
from l2h.core.grid import Grid
from l2h.core.progress import Silent
from l2h.core.tasks import Context, StageReport, run_stage
from l2h.sources import delivery
from l2h.sources.delivery import Delivery, holes
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.orders import Order
from l2h.sources.products import list_sheets, product_codes
from l2h.sources.settings import BoundarySettings, ImagerySettings, ProductSettings
from l2h.sources.stage import stage

Make = Callable[..., Path]
QUICK = FetchSettings(allow_private=True, backoff_s=0.001, attempts=2)
# 40 × 60 m on both sides of 117° E, where two tiles of WorldCover meet
GRID = Grid("EPSG:32650", 499_970.0, 3_320_000.0, 1.0, 40, 60)
WEST, EAST = (f"ESA_WorldCover_10m_2021_v200_{tile}_Map.tif" for tile in ("N30E114", "N30E117"))
CODES = np.random.default_rng(0).choice([10, 20, 30, 40], (12, 40)).astype("uint8")
TOP, PIXEL = 30.0113, 1 / 12000


@pytest.fixture
def served(scripted: Scripted, make_raster: Make) -> Scripted:
    """Two tiles of WorldCover that meet at 117° E, and the same codes in one file beside them."""
    place = {"y": TOP, "pixel": PIXEL, "crs": "EPSG:4326", "nodata": 0}
    make_raster(f"served/{WEST}", CODES[:, :20], x=117 - 20 * PIXEL, **place)
    make_raster(f"served/{EAST}", CODES[:, 20:], x=117.0, **place)
    make_raster("one.tif", CODES, x=117 - 20 * PIXEL, **place)
    return scripted


def esa(source: str, **more: object) -> ProductSettings:
    return ProductSettings(name="esa", catalogue="worldcover-2021", source=source, **more)


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., tuple[Order, ...]]:
    def run(product: ProductSettings, settings: FetchSettings = QUICK) -> tuple[Order, ...]:
        with Delivery([product], GRID, tmp_path, settings) as desk:
            return desk.fetch(desk.plan(), Silent())

    return run


Run = Callable[[ProductSettings], StageReport]
Fetch = Callable[..., tuple[Order, ...]]


def states(orders: tuple[Order, ...]) -> dict[str, str]:
    return {order.file: order.state for order in orders}


def test_a_plan_says_what_is_needed_and_what_is_here(served: Scripted, tmp_path: Path, fetch: Fetch) -> None:
    sizes = {file: (served.folder / file).stat().st_size for file in (WEST, EAST)}
    with Delivery([esa(served.url)], GRID, tmp_path, QUICK) as desk:
        plan = desk.plan()
        assert desk.supplies["esa"].table.licence == "CC-BY-4.0"
    assert {order.file: (order.state, order.size, order.to_come) for order in plan} == {
        file: ("wanted", size, size) for file, size in sizes.items()
    }
    assert served.counts() == {"HEAD": 2}
    assert states(fetch(esa(served.url))) == {WEST: "kept", EAST: "kept"}
    asked = len(served.seen.requests)
    assert {order.state for order in fetch(esa(served.url))} == {"kept"}
    assert len(served.seen.requests) == asked  # what is whole is not asked for again


def test_a_plan_counts_what_has_come_of_a_broken_file(served: Scripted, tmp_path: Path, fetch: Fetch) -> None:
    served.script[f"GET /{EAST}"] = [part_then(hang_up), busy(503), busy(503)]
    assert states(fetch(esa(served.url)))[EAST] == "missing"
    size = (served.folder / EAST).stat().st_size
    with Delivery([esa(served.url)], GRID, tmp_path, QUICK) as desk:
        order = {order.file: order for order in desk.plan()}[EAST]
    assert (order.here, order.to_come) == (size // 2, size - size // 2)


def test_what_could_not_be_had_is_listed_and_the_rest_is_here(served: Scripted, fetch: Fetch) -> None:
    (served.folder / WEST).unlink()
    orders = fetch(esa(served.url))
    assert states(orders) == {WEST: "missing", EAST: "kept"}
    (hole,) = holes(orders)
    assert hole.where == f"layer 'esa', {WEST}"
    assert "there is no such file" in hole.reason


def test_a_redirect_to_this_machine_is_a_hole(served: Scripted, fetch: Fetch) -> None:
    served.script[f"HEAD /{WEST}"] = [redirect("http://169.254.169.254/latest")]
    orders = fetch(esa(served.url))
    assert states(orders) == {WEST: "missing", EAST: "kept"}
    assert "private network is not followed" in holes(orders)[0].reason


def test_tiles_of_the_open_sea_are_no_holes(served: Scripted, fetch: Fetch) -> None:
    (served.folder / WEST).unlink()
    assert states(fetch(esa(served.url, absent=(WEST,)))) == {EAST: "kept"}
    with pytest.raises(InputError, match="none of its product's"):
        fetch(esa(served.url, absent=("N30E114",)))


def test_transfers_keep_to_their_limit(served: Scripted, fetch: Fetch) -> None:
    for file in (WEST, EAST):
        served.script[f"GET /{file}"] = [held(0.2)]
    fetch(esa(served.url), FetchSettings(allow_private=True, connections=1))
    assert served.seen.most_held == 1


def test_a_full_disk_is_known_beforehand(served: Scripted, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")._replace(free=100)
    monkeypatch.setattr(delivery.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StorageError, match="the disk cannot hold what is to come"):
        fetch(esa(served.url))
    assert served.counts() == {"HEAD": 2}


def test_a_plan_writes_nothing(served: Scripted, tmp_path: Path) -> None:
    with Delivery([esa(served.url)], GRID, tmp_path, QUICK) as desk:
        desk.plan()
    assert not (tmp_path / "inputs").exists()


def test_two_at_once_in_one_project_are_refused(served: Scripted, tmp_path: Path, fetch: Fetch) -> None:
    with (
        sole(tmp_path / "inputs" / "fetched" / ".lock", "held"),
        pytest.raises(InputError, match="another process is fetching"),
    ):
        fetch(esa(served.url))
    assert states(fetch(esa(served.url))) == {WEST: "kept", EAST: "kept"}


def test_stopping_ends_all_and_keeps_what_came(served: Scripted, tmp_path: Path, fetch: Fetch) -> None:
    for file in (WEST, EAST):
        served.script[f"GET /{file}"] = [part_then(lambda answer: desk.stop.wait(5)), busy(503)]
    with Delivery([esa(served.url)], GRID, tmp_path, QUICK) as desk:
        plan = desk.plan()
        threading.Timer(0.3, desk.stop.set).start()
        with pytest.raises(L2HError, match="stopped"):
            desk.fetch(plan, Silent())
    assert len(list((tmp_path / "inputs/fetched/esa").glob(".*.coming"))) == 2
    assert states(fetch(esa(served.url))) == {WEST: "kept", EAST: "kept"}


# --- what a run sees --------------------------------------------------------------------------------------------------


def codes_of(product: ProductSettings, folder: Path) -> np.ndarray:
    codes, unread = product_codes(product, list_sheets(product, folder, GRID), GRID, GRID.window, "all")
    assert unread == ()
    return codes


def test_tiles_meet_without_a_seam(served: Scripted, tmp_path: Path, fetch: Fetch) -> None:
    fetch(esa(served.url))
    one = ProductSettings(name="one", legend="worldcover", paths=["one.tif"], licence="CC-BY-4.0")
    codes = codes_of(esa(served.url), tmp_path)
    np.testing.assert_array_equal(codes, codes_of(one, tmp_path))
    assert (codes > 0).all()


@pytest.fixture
def run(
    tmp_path: Path, make_raster: Make, make_cities: Make, make_context: Callable[..., Context]
) -> Callable[..., StageReport]:
    make_raster("scene.tif", np.full((3, 40, 60), 9), x=GRID.x, y=GRID.y)
    make_cities([("N", "P", "a", box(*GRID.bounds()))])
    imagery = ImagerySettings(name="img", paths=["scene.tif"], licence="CC0-1.0")
    boundary = BoundarySettings(path="b.gpkg", licence="CC0-1.0")
    return lambda product: run_stage(stage((imagery,), (product,), None, boundary), make_context(GRID, 40))


def test_a_run_keeps_account_of_what_came_in(served: Scripted, tmp_path: Path, fetch: Fetch, run: Run) -> None:
    fetch(esa(served.url))
    report = run(esa(served.url))
    assert report.holes == ()
    rows = read_json(tmp_path / "work/layers/fetched.json")
    assert [(row["layer"], row["file"], row["licence"]) for row in rows] == [
        ("esa", WEST, "CC-BY-4.0"),
        ("esa", EAST, "CC-BY-4.0"),
    ]
    assert rows[0]["address"] == f"{served.url}/{WEST}"
    assert run(esa(served.url)).made == 0
    (product,) = read_json(tmp_path / "work/layers/products.json")
    assert (product["legend"], product["date"]) == ("worldcover", "2021")
    assert product["attribution"].startswith("© ESA WorldCover project 2021")


def test_a_run_without_a_tile_has_a_hole(served: Scripted, fetch: Fetch, run: Run) -> None:
    (served.folder / WEST).unlink()
    fetch(esa(served.url))
    report = run(esa(served.url))
    assert [(hole.where, hole.reason) for hole in report.holes] == [(f"layer 'esa', {WEST}", "not fetched")]


def test_a_run_before_fetching_says_what_to_do(run: Run) -> None:
    with pytest.raises(InputError, match=r"nothing of a layer is here \(layer 'esa'\)\. Run `l2h fetch`"):
        run(esa("https://example.org"))


def test_a_window_for_another_grid_is_refused_and_the_whole_file_is_not(
    served: Scripted, tmp_path: Path, fetch: Fetch, run: Run
) -> None:
    elsewhere = replace(GRID, x=GRID.x + 5)
    with Delivery([esa(served.url, take="window")], elsewhere, tmp_path, QUICK) as desk:
        desk.fetch(desk.plan(), Silent())
    with pytest.raises(InputError) as raised:
        run(esa(served.url, take="window"))
    error = raised.value
    assert (error.what, error.hint) == ("a file is another part of what is needed", "Run `l2h fetch` again.")
    assert error.where == str(tmp_path / "inputs/fetched/esa" / WEST)
    assert error.expected == "EPSG:32650 [499970.0, 3319960.0, 500030.0, 3320000.0]"
    assert error.got == "EPSG:32650 [499975.0, 3319960.0, 500035.0, 3320000.0]"
    fetch(esa(served.url, take="window"))
    assert run(esa(served.url, take="window")).holes == ()
    fetch(esa(served.url))  # the whole is enough for any grid, also where only a window is asked for
    assert run(esa(served.url, take="window")).holes == ()


def test_a_file_that_changed_after_it_came_is_not_used(
    served: Scripted, tmp_path: Path, fetch: Fetch, run: Run
) -> None:
    fetch(esa(served.url))
    shutil.copy(served.folder / EAST, tmp_path / "inputs/fetched/esa" / WEST)
    with pytest.raises(InputError, match="not the one that was fetched"):
        run(esa(served.url))
    assert states(fetch(esa(served.url))) == {WEST: "kept", EAST: "kept"}
    assert run(esa(served.url)).holes == ()


def test_versions_of_esri_are_told_apart_by_the_codes_found(
    scripted: Scripted, make_raster: Make, tmp_path: Path, fetch: Fetch
) -> None:
    for zone in ("49R", "50R"):
        make_raster(f"served/{zone}_20200101-20210101.tif", np.full((4, 6), 11), x=GRID.x, y=GRID.y, pixel=10)
    first = ProductSettings(name="esri", catalogue="esri-2020-v1", source=scripted.url)
    later = ProductSettings(name="esri", catalogue="esri-2020", source=scripted.url)
    fetch(first)
    assert set(np.unique(codes_of(later, tmp_path))) == {11}
    with pytest.raises(InputError, match=r"code 11 is absent from legend 'esri2020'.*These are codes of 'esri'"):
        codes_of(first, tmp_path)


# --- settings ---------------------------------------------------------------------------------------------------------


def test_the_catalogue_fills_in_what_a_project_leaves_out() -> None:
    product = ProductSettings(name="esa", catalogue="worldcover-2020")
    assert (product.legend, product.date, product.licence) == ("worldcover", "2020", "CC-BY-4.0")
    assert product.paths == ("inputs/fetched/esa/*.tif",)
    assert product.fetched
    mine = ProductSettings(name="esa", catalogue="worldcover-2020", paths=["mine/*.tif"], licence="mine")
    assert (mine.fetched, mine.licence) == (False, "mine")
    assert not ProductSettings(name="esa", legend="worldcover", paths=["x.tif"], licence="mine").fetched


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"catalogue": "worldcover-2020", "legend": "esri"}, "has the legend 'worldcover'"),
        (
            {"source": "s3://b", "legend": "esri", "paths": ["x"], "licence": "y"},
            "source, take and absent go with catalogue",
        ),
        ({"catalogue": "worldcover-2020", "source": "s3://b", "paths": ["x"]}, "without paths"),
        ({"legend": "esri", "licence": "y"}, "paths"),
    ],
)
def test_settings_that_do_not_fit(values: dict[str, object], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        ProductSettings(name="esa", **values)


def test_an_unknown_product_names_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match=r"no such product: expected one of .*worldcover-2021"):
        ProductSettings(name="esa", catalogue="worldcover")
