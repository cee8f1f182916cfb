"""Real pictures and a real survey: against GDAL's own projection."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import rowcol
from rasterio.warp import transform

from l2h.core.grid import Grid
from l2h.core.raster import grid_of, open_raster
from l2h.sources.imagery import mosaic
from l2h.sources.products import list_sheets, product_codes
from l2h.sources.scenes import list_scenes
from l2h.sources.settings import ImagerySettings, ProductSettings, SurveySettings
from l2h.sources.survey import read_survey

pytestmark = pytest.mark.real_data
PRODUCTS = {"esa_worldcover": "worldcover", "esri_lulc": "esri2020", "from_glc10": "from_glc10"}


@pytest.fixture(scope="session")
def zurich(real_data: Path) -> tuple[Path, Grid]:
    folder = real_data / "cases" / "zurich_4"
    with open_raster(folder / "image.tif") as dataset:
        return folder, grid_of(dataset)


def test_a_picture_on_its_own_lattice_is_copied_to_the_byte(zurich: tuple[Path, Grid]) -> None:
    folder, grid = zurich
    entry = ImagerySettings(name="img", paths=["image.tif"], licence="research only")
    scenes = list_scenes([entry], folder, grid)
    assert scenes[0].recipe.how == "copy"
    got = mosaic(scenes, grid, grid.window, 3)
    with rasterio.open(folder / "image.tif") as dataset:
        np.testing.assert_array_equal(got.values, dataset.read())
    assert got.valid.all()


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_take_the_pixel_that_gdals_exact_projection_hits(zurich: tuple[Path, Grid], name: str) -> None:
    folder, grid = zurich
    product = ProductSettings(name=name, legend=PRODUCTS[name], paths=[f"{name}.tif"], licence="simulated")
    codes, holes = product_codes(product, list_sheets(product, folder, grid), grid, grid.window, "all")
    assert holes == ()
    assert (codes > 0).mean() > 0.9
    row, col = np.indices(grid.shape)
    with rasterio.open(folder / f"{name}.tif") as source:
        x, y = transform(grid.crs, source.crs, *(c.ravel() for c in grid.xy(row, col)))
        v, u = rowcol(source.transform, x, y)
        theirs = np.pad(source.read(1), 1)[np.clip(v + 1, 0, source.height + 1), np.clip(u + 1, 0, source.width + 1)]
    np.testing.assert_array_equal(codes.ravel(), theirs)


def test_a_half_metre_lattice_of_the_picture_is_averaged(zurich: tuple[Path, Grid]) -> None:
    folder, grid = zurich
    coarse = Grid(grid.crs, grid.x, grid.y, 2.0, grid.height // 2, grid.width // 2)
    entry = ImagerySettings(name="img", paths=["image.tif"], licence="research only")
    got = mosaic(list_scenes([entry], folder, coarse), coarse, coarse.window, 3)
    with rasterio.open(folder / "image.tif") as dataset:
        fine = dataset.read()[:, : 2 * coarse.height, : 2 * coarse.width].astype("float64")
    mean = fine.reshape(3, coarse.height, 2, coarse.width, 2).mean((2, 4))
    np.testing.assert_array_equal(got.values, np.floor(mean + 0.5))


def test_the_national_survey(real_data: Path) -> None:
    settings = SurveySettings(path="x")
    rows = read_survey(real_data / "survey" / "nlrs3_areas.csv", settings)
    country = {row.land_class: row.area_m2 for row in rows if row.level == "country"}
    assert country["cultivated land"] == pytest.approx(1_278_619e6)
    assert len(country) == 8
