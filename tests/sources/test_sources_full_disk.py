"""A disk that is full while something comes: one clear error, nothing half-written, and later it goes on."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyramid import TILE, build
from scripted import Scripted
from test_sources_files import SOUTH, WEST, write_segments

from l2h.core.errors import StorageError
from l2h.core.files import PART
from l2h.core.grid import Grid
from l2h.core.tasks import Silent
from l2h.sources.delivery import Delivery
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.orders import Order
from l2h.sources.settings import ImagerySettings, Layer, OsmSettings, ProductSettings

GRID = Grid("EPSG:32650", 500_000.0, 3_320_200.0, 1.0, 200, 260)
QUICK = FetchSettings(allow_private=True, backoff_s=0.001, attempts=2)
TILE_FILE = "ESA_WorldCover_10m_2021_v200_N30E117_Map.tif"
NOISE = np.random.default_rng(0).integers(1, 5, (400, 400), "uint8") * np.uint8(10)
ROOM = 8192
Make = Callable[..., Path]


@contextmanager
def room(bytes_a_file: int) -> Iterator[None]:
    """Files may grow no larger: what a quota, or the last free kilobytes, come to for each of them."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def window_of_a_product(server: Scripted, make: Make) -> Layer:
    place = {"x": 117.0, "y": 30.013, "pixel": 1 / 120_000, "crs": "EPSG:4326", "nodata": 0, "tiled": True}
    make(f"served/{TILE_FILE}", NOISE, **place)
    product = {"name": "esa", "catalogue": "worldcover-2021", "source": server.url, "take": "window"}
    return ProductSettings(**product, absent=(TILE_FILE.replace("E117", "E114"),))


def groups_of_roads(server: Scripted, _: Make) -> Layer:
    write_segments(server.folder / "s.parquet", [(WEST + i * 1e-7, SOUTH) for i in range(3000)], 500)
    return OsmSettings(paths=(f"{server.url}/s.parquet",), take="window")


def a_whole_scene(server: Scripted, make: Make) -> Layer:
    make("served/a_20200101.tif", NOISE[None].repeat(3, 0), x=500_000.0, y=3_320_200.0)
    (server.folder.parent / "list.txt").write_text(f"{server.url}/a_20200101.tif\n")
    return ImagerySettings(name="ortho", urls="list.txt", licence="CC0-1.0")


def sheets_of_tiles(server: Scripted, _: Make) -> Layer:
    build(server.folder / "t", server.folder / "whole.tif")
    tiles: dict[str, Any] = {"url": f"{server.url}/t/{{z}}/{{x}}/{{y}}.png", "tile_px": TILE, "per_second": 500.0}
    return ImagerySettings(name="base", licence="none", tiles=tiles)


def bring(layer: Layer, folder: Path) -> tuple[Order, ...]:
    with Delivery([layer], GRID, folder, QUICK) as desk:
        return desk.fetch(desk.plan(), Silent())


@pytest.mark.parametrize("serve", [window_of_a_product, groups_of_roads, a_whole_scene, sheets_of_tiles])
def test_a_full_disk_ends_the_fetching_with_one_error_and_leaves_nothing_half_written(
    scripted: Scripted, make_raster: Make, tmp_path: Path, serve: Callable[[Scripted, Make], Layer]
) -> None:
    layer = serve(scripted, make_raster)
    with room(ROOM), pytest.raises(StorageError, match="cannot write a file"):
        bring(layer, tmp_path)
    here = [path for path in (tmp_path / "inputs/fetched").rglob("*") if path.is_file()]
    assert [path.name for path in here if PART in path.name] == []
    whole = [path for path in here if not path.name.startswith(".") and path.suffix in (".tif", ".parquet")]
    assert whole == []
    orders = bring(layer, tmp_path)
    assert {order.state for order in orders} == {"kept"}
    assert all(order.target.stat().st_size > ROOM for order in orders)
