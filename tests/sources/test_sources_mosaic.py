"""Tiles of a product meet without a seam: many files give what one file would have given, at every edge."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l2h.core.crs import transformer
from l2h.core.grid import Grid, Window
from l2h.core.legend import load_legend
from l2h.core.raster import open_raster
from l2h.sources.products import list_sheets, product_codes
from l2h.sources.settings import ProductSettings

Make = Callable[..., Path]
CODES = load_legend("worldcover").values
PIXEL = 1 / 12000  # degrees: WorldCover's 10 m
PRINTED = 0.000083333333333  # the same as its files carry it: 36 000 of them end 1e-11 degrees short of the next tile


def product(paths: str) -> ProductSettings:
    return ProductSettings(name="esa", legend="worldcover", paths=[paths], licence="CC-BY-4.0")


def codes_of(paths: str, folder: Path, grid: Grid, window: Window | None = None) -> np.ndarray:
    settings = product(paths)
    codes, holes = product_codes(settings, list_sheets(settings, folder, grid), grid, window or grid.window, "all")
    assert holes == ()
    return codes


def grid_around(lon: float, lat: float, side: int = 60) -> Grid:
    """1 m pixels around a place, in an equal-area CRS whose axes are turned against the meridians there."""
    crs = f"+proj=laea +lat_0={lat - 3} +lon_0={lon - 5} +datum=WGS84 +units=m +no_defs"
    x, y = transformer("EPSG:4326", crs).transform(lon, lat)
    return Grid(crs, round(x) - side / 2, round(y) + side / 2, 1.0, side, side)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1), st.integers(1, 11), st.integers(1, 11), st.sampled_from([PIXEL, PRINTED]))
def test_four_tiles_read_like_one_raster(
    make_raster: Make, tmp_path: Path, seed: int, row: int, col: int, pixel: float
) -> None:
    """The corner where four tiles meet, at any pixel, however the publisher's files round the size of a pixel."""
    values = np.random.default_rng(seed).choice(CODES, (12, 12)).astype("uint8")
    west, north = 117 - col * PIXEL, 30 + row * PIXEL
    make_raster("whole.tif", values, x=west, y=north, pixel=PIXEL, crs="EPSG:4326")
    for name, rows, cols in (
        ("nw", slice(None, row), slice(None, col)), ("ne", slice(None, row), slice(col, None)),
        ("sw", slice(row, None), slice(None, col)), ("se", slice(row, None), slice(col, None)),
    ):  # fmt: skip
        x = west if name[1] == "w" else 117.0
        y = north if name[0] == "n" else 30.0
        make_raster(f"tiles/{name}.tif", values[rows, cols], x=x, y=y, pixel=pixel, crs="EPSG:4326")
    grid = grid_around(117, 30)
    whole, mosaic = codes_of("whole.tif", tmp_path, grid), codes_of("tiles/*.tif", tmp_path, grid)
    np.testing.assert_array_equal(mosaic, whole)
    assert (whole != 0).any()


def test_the_edge_of_a_whole_tile_leaves_no_gap(make_raster: Make, tmp_path: Path) -> None:
    """36 000 columns of the pixel size as printed end before the next tile begins: by far less than a pixel of ours."""
    left = np.full((4, 36000), 10, "uint8")
    make_raster("a.tif", left, x=114.0, y=30 + 2 * PRINTED, pixel=PRINTED, crs="EPSG:4326", compress="DEFLATE")
    make_raster("b.tif", np.full((4, 8), 20), x=117.0, y=30 + 2 * PRINTED, pixel=PRINTED, crs="EPSG:4326")
    grid = Grid("EPSG:4326", 117 - 2 * PIXEL, 30 + PIXEL, PIXEL / 100, 100, 400)  # 0.1 m: every place near the edge
    codes = codes_of("*.tif", tmp_path, grid)
    np.testing.assert_array_equal(codes[:, :200], 10)
    np.testing.assert_array_equal(codes[:, 200:], 20)


def test_files_of_ones_own_are_read_across_the_antimeridian(make_raster: Make, tmp_path: Path) -> None:
    """Fetching refuses such a grid, since no box of degrees covers it; reading needs no box."""
    make_raster("e.tif", np.full((8, 8), 10), x=180 - 8 * PIXEL, y=-17 + 4 * PIXEL, pixel=PIXEL, crs="EPSG:4326")
    make_raster("w.tif", np.full((8, 8), 20), x=-180.0, y=-17 + 4 * PIXEL, pixel=PIXEL, crs="EPSG:4326")
    x, y = transformer("EPSG:4326", "EPSG:3832").transform(180.0, -17.0)  # PDC Mercator, centred on 150° E
    grid = Grid("EPSG:3832", round(x) - 20.0, round(y) + 4.0, 1.0, 8, 40)
    codes = codes_of("*.tif", tmp_path, grid)
    assert set(np.unique(codes)) == {10, 20}
    np.testing.assert_array_equal(codes[:, :19], 10)
    np.testing.assert_array_equal(codes[:, 21:], 20)


def test_zones_that_overlap_give_the_first_listed_everywhere(make_raster: Make, tmp_path: Path) -> None:
    """Files by UTM zone overlap: the same file wins in every window, so there is no seam along a block."""
    for name, crs, code in (("49R.tif", "EPSG:32649", 10), ("50R.tif", "EPSG:32650", 20)):
        make_raster(name, np.full((40, 40), code), x=place(crs, -200)[0], y=place(crs, -200)[1], pixel=10, crs=crs)
    grid = Grid("EPSG:32650", place("EPSG:32650", -50)[0], place("EPSG:32650", -50)[1] - 100, 1.0, 100, 100)
    whole = codes_of("*.tif", tmp_path, grid)
    parts = np.concatenate([codes_of("*.tif", tmp_path, grid, Window(0, 100, c, c + 25)) for c in range(0, 100, 25)], 1)
    np.testing.assert_array_equal(parts, whole)
    assert set(np.unique(whole)) == {10}


def place(crs: str, by_m: float) -> tuple[float, float]:
    """A place near the edge of zones 49 and 50, in a CRS, moved west and north."""
    x, y = transformer("EPSG:4326", crs).transform(114.0, 30.0)
    return round(x) + by_m, round(y) - by_m


@pytest.mark.real_data
@pytest.mark.slow
def test_a_real_worldcover_tile_cut_in_two_reads_like_the_tile(
    real_data: Path, make_raster: Make, tmp_path: Path
) -> None:
    """The real file's own pixels and geotransform, cut along a column through São Tomé."""
    path = real_data / "landcover" / "ESA_WorldCover_10m_2021_v200_N00E006_Map.tif"
    with open_raster(path) as data:
        t, row, col = data.transform, 33_000, 7_900
        values = data.read(1, window=((row, row + 600), (col, col + 600)))
    x, y = t.c + col * t.a, t.f + row * t.e
    for name, start, stop in (("a", 0, 301), ("b", 301, 600)):
        make_raster(f"{name}.tif", values[:, start:stop], x=x + start * t.a, y=y, pixel=t.a, crs="EPSG:4326")
    grid = grid_around(x + 301 * t.a, y - 300 * t.a, 1200)
    cut, whole = product("*.tif"), product(str(path))
    mosaic, holes = product_codes(cut, list_sheets(cut, tmp_path, grid), grid, grid.window, "all")
    tile, more = product_codes(whole, list_sheets(whole, tmp_path, grid), grid, grid.window, "all")
    np.testing.assert_array_equal(mosaic, tile)
    assert holes == more == ()
    assert len(np.unique(tile)) >= 3
