"""A picture served in tiles: whatever the service does, what is here is whole, and what is not is told."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from pyramid import GRID, TILE, ZOOM, build, png, tile_path
from scripted import Scripted, busy, hang_up, held, lies, page, part_then, redirect, reset, stall

from l2h.core.errors import InputError, SettingsError
from l2h.core.progress import Silent
from l2h.sources.delivery import Delivery, holes
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.imagery import Mosaic, mosaic
from l2h.sources.matrix import web_mercator
from l2h.sources.orders import Order
from l2h.sources.scenes import list_scenes
from l2h.sources.settings import ImagerySettings
from l2h.sources.sheets import digest_of, empty_reasons

QUICK = FetchSettings(allow_private=True, backoff_s=0.001, attempts=3, stall_s=5)
SECRET = "s3cr3t/key+of=ours"


class Service:
    """A service of tiles, the project that uses it, and the same picture as a local file."""

    def __init__(self, server: Scripted, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.matrix, self.tiles = build(server.folder / "t", folder / "whole.tif")

    def entry(self, **tiles: object) -> ImagerySettings:
        values = {"url": f"{self.server.url}/t/{{z}}/{{x}}/{{y}}.png", "tile_px": TILE, "per_second": 500.0, **tiles}
        return ImagerySettings(name="base", licence="none", tiles=values)

    def fetch(self, settings: FetchSettings = QUICK, **tiles: object) -> tuple[Order, ...]:
        with Delivery([self.entry(**tiles)], GRID, self.folder, settings) as desk:
            return desk.fetch(desk.plan(), Silent())

    def picture(self, **tiles: object) -> Mosaic:
        scenes = list_scenes([self.entry(**tiles)], self.folder, GRID)
        return mosaic(scenes, GRID, GRID.window, 3)

    def local(self) -> Mosaic:
        entry = ImagerySettings(name="base", licence="none", paths=["whole.tif"])
        return mosaic(list_scenes([entry], self.folder, GRID), GRID, GRID.window, 3)

    def script(self, row: int, col: int, *faults: Callable[..., None]) -> None:
        """Faults for a tile, counted from the first that is needed."""
        place = tile_path(Path("/t"), self.tiles.row_start + row, self.tiles.col_start + col)
        self.server.script[f"GET {place}"] = list(faults)

    def paths(self) -> list[Path]:
        return sorted(path for path in (self.folder / "inputs").rglob("*") if path.is_file())


@pytest.fixture
def service(scripted: Scripted, tmp_path: Path) -> Service:
    return Service(scripted, tmp_path)


def sheets(orders: tuple[Order, ...]) -> list[Path]:
    return [order.target for order in orders if order.state == "kept"]


def test_tiles_become_the_picture_they_were_cut_from(service: Service) -> None:
    orders = service.fetch()
    assert {order.state for order in orders} == {"kept"}
    assert len(service.server.seen.requests) == service.tiles.pixels  # each tile once
    got, wanted = service.picture(), service.local()
    assert wanted.valid.all()
    np.testing.assert_array_equal(got.values, wanted.values)
    np.testing.assert_array_equal(got.valid, wanted.valid)
    before = {path: path.read_bytes() for path in service.paths()}
    service.fetch()
    assert len(service.server.seen.requests) == service.tiles.pixels  # what is here is not asked for again
    after = {path: path.read_bytes() for path in service.paths()}
    assert {path for path in after if after[path] != before[path]} <= {path for path in after if path.stem == "listing"}
    assert not list((service.folder / "inputs").rglob("*.coming"))


def test_a_server_that_stumbles_changes_nothing(service: Service) -> None:
    service.script(0, 0, busy(429, Retry_After="0"), busy(503))
    service.script(0, 1, part_then(hang_up), part_then(reset))
    service.script(1, 0, part_then(stall(0.6)))
    service.script(1, 1, lies(100), page)
    service.script(2, 0, reset)
    orders = service.fetch(QUICK.model_copy(update={"stall_s": 0.3}))
    assert [order.reason for order in orders if order.state != "kept"] == []
    np.testing.assert_array_equal(service.picture().values, service.local().values)


def test_what_could_not_be_had_is_told_and_the_rest_waits(service: Service) -> None:
    service.script(0, 0, *[page] * 3)  # a page about a quota, under status 200
    orders = service.fetch()
    missing = holes(orders)
    assert len(missing) == 1
    assert "a tile is no whole picture" in missing[0].reason
    assert not missing[0].where.endswith("None")
    assert not [order for order in orders if order.state == "missing" and order.target.exists()]
    asked = len(service.server.seen.requests)
    assert {order.state for order in service.fetch()} == {"kept"}
    assert len(service.server.seen.requests) - asked < service.tiles.pixels  # what had come was not asked for again
    np.testing.assert_array_equal(service.picture().values, service.local().values)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (redirect("http://169.254.169.254/latest"), "private network is not followed"),
        (redirect("file:///etc/passwd"), "an address is not followed"),
        (busy(403), "a server refuses"),
        (lambda answer: answer.status(302, {"Location": answer.path}), "redirects without end"),
    ],
)
def test_what_is_refused_is_asked_once_and_told(service: Service, fault: Callable[..., None], reason: str) -> None:
    service.script(0, 0, *[fault] * 9)
    (order,) = [order for order in service.fetch() if order.state == "missing"]
    assert reason in order.reason
    assert not order.target.exists()


def test_placeholders_are_holes_and_no_picture(service: Service) -> None:
    folder, (row, col) = service.server.folder / "t", (service.tiles.row_start, service.tiles.col_start)
    picture = np.random.default_rng(5).integers(0, 256, (3, 3, TILE, TILE)).astype("uint8")
    known = png(picture[0][:, :9, :9])  # of any size
    tile_path(folder, row, col).write_bytes(known)
    tile_path(folder, row, col + 1).write_bytes(png(np.full((3, TILE, TILE), 204, "uint8")))
    tile_path(folder, row + 1, col).write_bytes(png(np.zeros((4, TILE, TILE), "uint8")))
    tile_path(folder, row + 1, col + 1).unlink()
    for n in range(3):
        tile_path(folder, row + 2, col + n).write_bytes(png(picture[1]))
    for n in range(2):
        tile_path(folder, row + 3, col + n).write_bytes(png(picture[2]))  # twice may happen
    orders = service.fetch(placeholders=[digest_of(known)])
    assert {order.state for order in orders} == {"kept"}
    reasons = [reason for path in sheets(orders) for reason in empty_reasons(path)]
    assert len(reasons) == len(set(reasons))
    told = " ".join(reasons)
    for part in ("known by its digest", "one colour", "transparent", "has no tile", "the same at several places"):
        assert part in told
    gone = sum(int(reason.split()[0]) for reason in reasons)
    assert gone == 4 + 3
    got = service.picture(placeholders=[digest_of(known)])
    assert 0 < (~got.valid).sum() < got.valid.size
    assert got.values[:, ~got.valid].max(initial=0) == 0
    before = {path: path.read_bytes() for path in sheets(orders)}
    assert sheets(service.fetch(placeholders=[digest_of(known)])) == sheets(orders)
    assert before == {path: path.read_bytes() for path in sheets(orders)}


def test_transparent_pixels_are_no_picture(service: Service) -> None:
    for number, path in enumerate((service.server.folder / "t").rglob("*.png")):
        values = np.random.default_rng(number).integers(1, 256, (4, TILE, TILE)).astype("uint8")
        values[3] = np.where(np.arange(TILE) < TILE // 2, 0, 255)  # the left half of each tile
        path.write_bytes(png(values))
    orders = service.fetch()
    assert [reason for path in sheets(orders) for reason in empty_reasons(path)] == []
    assert 0.4 < service.picture().valid.mean() < 0.6


def test_tiles_of_another_size_are_refused_with_what_to_do(service: Service) -> None:
    orders = service.fetch(tile_px=128, zoom=ZOOM)
    assert {order.state for order in orders} == {"missing"}
    assert "got 64 × 64. Set `tile_px`" in orders[0].reason


def test_the_pace_is_what_was_agreed(service: Service) -> None:
    for row in range(service.tiles.height):
        for col in range(service.tiles.width):
            service.script(row, col, held(0.02))
    service.fetch()
    assert service.server.seen.most_held <= 2  # connections, by default


def test_the_key_is_written_nowhere(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"{service.server.url}/t/{{z}}/{{x}}/{{y}}.png?tk={{key}}"
    with pytest.raises(SettingsError, match="TILES_KEY"):
        service.fetch(url=url, key_env="TILES_KEY")
    monkeypatch.setenv("TILES_KEY", SECRET)
    written = "s3cr3t%2Fkey%2Bof%3Dours"
    for fault in (busy(403), redirect(f"ftp://else.example/?tk={written}"), part_then(hang_up), reset):
        service.script(0, 0, *[fault] * 3)
        orders = service.fetch(url=url, key_env="TILES_KEY")
        texts = [order.reason + order.address for order in orders]
        assert any(order.state == "missing" for order in orders)
        assert not [text for text in texts if SECRET in text or written in text]
    assert {order.state for order in service.fetch(url=url, key_env="TILES_KEY")} == {"kept"}
    assert set(service.server.seen.queries) == {f"tk={written}"}  # it was sent
    for path in service.paths():
        data = path.read_bytes()
        assert SECRET.encode() not in data
        assert written.encode() not in data
    assert "s3cr3t" not in caplog.text
    assert len(service.paths()) > 3


def test_before_fetching_layers_say_what_to_do(service: Service) -> None:
    with pytest.raises(InputError, match=r"not listed yet, or for other settings.*l2h fetch"):
        service.picture()
    service.fetch()
    with pytest.raises(InputError, match="for other settings"):
        service.picture(zoom=ZOOM - 1)


def test_a_plan_reckons_tiles_and_writes_nothing(service: Service) -> None:
    with Delivery([service.entry()], GRID, service.folder, QUICK) as desk:
        plan = desk.plan()
        about = desk.supplies["base"].about()
    assert sum(order.requests for order in plan) == service.tiles.pixels
    assert all(order.to_come > 0 for order in plan)
    assert "not stated: read those of the service" in " ".join(about)
    assert service.paths() == []
    assert service.server.seen.requests == []


@pytest.mark.parametrize(
    ("tiles", "match"),
    [
        ({}, "either url"),
        ({"url": "https://a.example/{z}/{x}"}, "url needs"),
        ({"url": "https://a.example/{q}", "wmts": "https://a.example"}, "either url"),
        ({"wmts": "https://a.example"}, "layer goes with wmts"),
        ({"url": "https://a.example/{q}?k={key}"}, "goes with key_env"),
        ({"wmts": "https://a.example/wmts?tk={key}", "layer": "img"}, "goes with key_env"),
        ({"url": "https://{s}.a.example/{q}"}, "goes with subdomains"),
    ],
)
def test_settings_that_do_not_fit_together(tiles: dict[str, str], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        ImagerySettings(name="a", licence="x", tiles=tiles)


def test_the_level_is_the_coarsest_that_is_fine_enough(service: Service) -> None:
    from l2h.sources.matrix import choose

    levels = [web_mercator(zoom) for zoom in range(20)]
    assert choose(levels, GRID).name == "17"  # 1.19 m on the map, 1.03 m on the ground at 30° N
    assert choose(levels[:15], GRID).name == "14"
