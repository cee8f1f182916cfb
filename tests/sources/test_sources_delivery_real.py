"""The two real WorldCover tiles, found by their scheme and read end to end, against GDAL's own reading."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import rowcol
from rasterio.warp import transform
from rasterio.windows import from_bounds
from scripted import Scripted

from l2h.core.grid import Grid
from l2h.core.progress import Silent
from l2h.sources.delivery import Delivery
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.products import list_sheets, product_codes
from l2h.sources.settings import ProductSettings
from l2h.sources.transfer import receipt_of

pytestmark = pytest.mark.real_data
VERSIONS = {
    "worldcover-2020": "ESA_WorldCover_10m_2020_v100_N00E006_Map.tif",
    "worldcover-2021": "ESA_WorldCover_10m_2021_v200_N00E006_Map.tif",
}
SETTINGS = FetchSettings(allow_private=True)
# São Tomé town and the coast beside it: 1.2 × 1.5 km at 1 m
TOWN = Grid("EPSG:32632", 248_400.0, 38_700.0, 1.0, 1200, 1500)
# the whole island on the product's own lattice
PIXEL = 1 / 12000
ISLAND = Grid("EPSG:4326", 6.45, 0.42, PIXEL, 5040, 3840)


def fetched(name: str, source: str, grid: Grid, folder: Path, take: str = "whole") -> np.ndarray:
    """Codes of a product on a grid, from files fetched by the catalogue's scheme."""
    product = ProductSettings(name="esa", catalogue=name, source=source, take=take)
    with Delivery([product], grid, folder, SETTINGS) as desk:
        (order,) = desk.fetch(desk.plan(), Silent())
    assert (order.state, order.file) == ("kept", VERSIONS[name])
    codes, holes = product_codes(product, list_sheets(product, folder, grid), grid, grid.window, "all")
    assert holes == ()
    return codes


@pytest.mark.parametrize("name", VERSIONS)
def test_the_town_at_one_metre(real_data: Path, tmp_path: Path, name: str) -> None:
    codes = fetched(name, str(real_data / "landcover"), TOWN, tmp_path)
    with rasterio.open(real_data / "landcover" / VERSIONS[name]) as source:
        x, y = transform(TOWN.crs, source.crs, *(c.ravel() for c in TOWN.xy(*np.indices(TOWN.shape))))
        rows, cols = (np.asarray(index) for index in rowcol(source.transform, x, y))
        top, left = rows.min(), cols.min()
        window = rasterio.windows.Window(left, top, cols.max() - left + 1, rows.max() - top + 1)
        theirs = source.read(1, window=window)[rows - top, cols - left]
    np.testing.assert_array_equal(codes.ravel(), theirs)
    assert {10, 30, 50, 80} <= set(np.unique(codes))


@pytest.mark.parametrize("name", VERSIONS)
def test_the_island_has_the_counts_that_gdal_reads(real_data: Path, tmp_path: Path, name: str) -> None:
    codes = fetched(name, str(real_data / "landcover"), ISLAND, tmp_path)
    with rasterio.open(real_data / "landcover" / VERSIONS[name]) as source:
        theirs = source.read(1, window=from_bounds(*ISLAND.bounds(), source.transform).round_lengths())
    ours = dict(zip(*np.unique(codes, return_counts=True), strict=True))
    assert ours == dict(zip(*np.unique(theirs, return_counts=True), strict=True))
    land_km2 = sum(count for code, count in ours.items() if code not in (0, 80)) * (PIXEL * 111.32) * (PIXEL * 110.574)
    assert 840 < land_km2 < 870  # the island has about 855 km²


def test_over_the_web_it_is_the_same_and_a_window_needs_a_tenth(real_data: Path, tmp_path: Path) -> None:
    with Scripted(real_data / "landcover") as server:
        web = fetched("worldcover-2021", server.url, TOWN, tmp_path / "web")
        window = fetched("worldcover-2021", server.url, TOWN, tmp_path / "window", take="window")
    here = fetched("worldcover-2021", str(real_data / "landcover"), TOWN, tmp_path / "here")
    np.testing.assert_array_equal(web, here)
    np.testing.assert_array_equal(window, here)
    receipt = receipt_of(tmp_path / "window/inputs/fetched/esa" / VERSIONS["worldcover-2021"])
    assert receipt.came < 2_552_807 / 10
