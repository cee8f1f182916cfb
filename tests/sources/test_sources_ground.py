"""Ground: tiles that hold no city are not fetched; a plan tells provinces and sizes without asking anyone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from shapely import Polygon, box

from l2h.cli.coming import show_provinces
from l2h.core.grid import Grid
from l2h.sources.boundaries import read_cities
from l2h.sources.delivery import Delivery
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.ground import Ground, ground_of
from l2h.sources.orders import Order
from l2h.sources.settings import BoundarySettings, ProductSettings
from l2h.sources.tiles import DegreeTiles

Make = Callable[..., Path]
TILES = DegreeTiles(pattern="{lat}_{lon}.tif", step=1)
L_SHAPE = Polygon([(0.1, 0.1), (2.9, 0.1), (2.9, 0.9), (0.9, 0.9), (0.9, 2.9), (0.1, 2.9)])  # five of nine tiles


def test_a_country_of_odd_shape_needs_the_tiles_under_it() -> None:
    ground = Ground(np.array([L_SHAPE], object), ("N_P",), (0.0, 0.0, 3.0, 3.0))
    assert [tile.file for tile in ground.tiles(TILES)] == ["0_0.tif", "0_1.tif", "0_2.tif", "1_0.tif", "2_0.tif"]


def test_what_lies_outside_the_mapped_box_is_not_needed() -> None:
    ground = Ground(np.array([L_SHAPE], object), ("N_P",), (0.0, 0.0, 1.0, 1.5))
    assert [tile.file for tile in ground.tiles(TILES)] == ["0_0.tif", "1_0.tif"]
    assert ground.provinces_in((2, 0, 3, 1)) == ()


def test_a_tile_on_a_border_belongs_to_both_provinces() -> None:
    west, east = box(0.2, 0.2, 0.5, 0.5), box(0.5, 0.2, 1.5, 0.5)
    ground = Ground(np.array([west, east], object), ("N_W", "N_E"), (0.0, 0.0, 2.0, 1.0))
    assert ground.provinces_in((0, 0, 1, 1)) == ("N_E", "N_W")
    assert ground.provinces_in((1, 0, 2, 1)) == ("N_E",)


def test_the_ground_of_a_project_is_its_cities_in_degrees(make_cities: Make) -> None:
    path = make_cities([("N", "P", "a", box(500_000, 3_320_000, 501_000, 3_321_000))])
    cities = read_cities(path, BoundarySettings(path="b.gpkg", licence="CC0-1.0"), "EPSG:32650")
    ground = ground_of(cities, Grid("EPSG:32650", 499_000.0, 3_322_000.0, 1.0, 3000, 3000))
    assert ground.provinces == ("N_P",)
    np.testing.assert_allclose(ground.outlines[0].bounds, (117, 30.011, 117.0104, 30.020), atol=1e-3)


def test_many_files_are_planned_without_asking(tmp_path: Path) -> None:
    """Nobody listens at the address: only what the catalogue expects is told, and said to be that."""
    product = ProductSettings(name="esa", catalogue="worldcover-2021", source="https://nobody.invalid/map")
    grid = Grid("EPSG:4326", 100.0, 40.0, 0.1, 100, 100)  # 10° × 10°: five by five tiles of 3°
    with Delivery([product], grid, tmp_path, FetchSettings()) as desk:
        orders = desk.plan(ask_up_to=3)
    assert len(orders) == 16
    assert {(order.state, order.size, order.expected, order.to_come) for order in orders} == {
        ("wanted", None, 42_000_000, 42_000_000)
    }
    assert not (tmp_path / "inputs").exists()


def test_the_plan_tells_provinces(tmp_path: Path, make_cities: Make, l2h: Callable[..., Any]) -> None:
    make_cities(
        [("N", "P", "a", box(100.1, 30.1, 111.9, 41.9)), ("S", "Q", "b", box(100.1, 18.1, 111.9, 29.9))],
        crs="EPSG:4326",
    )
    (tmp_path / "project.toml").write_text(
        'project = { name = "t" }\ngrid = { crs = "+proj=laea +lat_0=30 +lon_0=105 +datum=WGS84 +units=m" }\n'
        'imagery = [{ name = "i", paths = ["i.tif"], licence = "x" }]\nboundary = { path = "b.gpkg", licence = "x" }\n'
        'products = [{ name = "glc", catalogue = "from_glc10-2017", source = "https://nobody.invalid/glc" }]\n'
    )
    said = l2h("fetch", tmp_path, "--dry-run")
    assert said.status == 0
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in said.err.splitlines() if line[:2] in ("N_", "S_")}
    assert rows == {"N_P": "36 files, ~ 576.0 MB", "S_Q": "36 files, ~ 576.0 MB"}
    assert "72 files to fetch, 1.2 GB (estimated, no publisher was asked)" in said.err
    assert "  72 files, ~ 1.2 GB; --files lists them\n" in said.err
    listed = [line for line in l2h("fetch", tmp_path, "--dry-run", "--files").err.splitlines() if "fromglc10" in line]
    assert (len(listed), ".tif" in said.err) == (72, False)


def test_a_file_that_two_provinces_share_counts_once_in_the_sum() -> None:
    def order(layer: str, size: int, *provinces: str) -> Order:
        return Order(layer, "f", "a", Path("f"), "wanted", size=size, provinces=provinces)

    said: list[str] = []
    show_provinces(["esa", "glc"], [order("esa", 1000, "N_P", "S_Q"), order("glc", 2_000_000, "S_Q")], said.append)
    rows = {line[:14].strip(): " ".join(line[14:].split()) for line in said[1:4]}
    assert rows == {
        "N_P": "1 file, 1.0 kB 0 files, 0 B 1 file, 1.0 kB",
        "S_Q": "1 file, 1.0 kB 1 file, 2.0 MB 2 files, 2.0 MB",
        "each file once": "1 file, 1.0 kB 1 file, 2.0 MB 2 files, 2.0 MB",
    }
