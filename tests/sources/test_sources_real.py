"""Real pictures, real extracts: against GDAL's own projection and osmium's own area assembler."""

from collections import Counter
from pathlib import Path

import numpy as np
import osmium
import pytest
import rasterio
import shapely
from rasterio.transform import rowcol
from rasterio.warp import transform
from shapely import box

from l2h.core.grid import Grid
from l2h.core.raster import grid_of, open_raster
from l2h.sources.imagery import mosaic
from l2h.sources.osm import read_osm
from l2h.sources.osm_layers import read_layers
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


def test_the_simulated_extract_of_a_case_has_the_counts_it_states(zurich: tuple[Path, Grid]) -> None:
    folder, grid = zurich
    layers = read_layers([folder / "osm.osm"], grid, 100.0)
    assert layers.account() | {"repaired": []} == {
        "roads": 128, "buildings": 112, "left_out": {}, "repaired": [], "dropped": [],
    }  # fmt: skip


def test_empty_extracts_of_cases(real_data: Path) -> None:
    paths = sorted((real_data / "cases").glob("deepglobe_*/osm.osm"))
    assert len(paths) == 6
    for path in paths:
        assert (len(read_osm(path).roads), len(read_osm(path).buildings)) == (0, 0)


class Oracle(osmium.SimpleHandler):
    """Counts by osmium's handlers and its own area assembler, with rules written out anew."""

    def __init__(self) -> None:
        super().__init__()
        self.roads: Counter[str] = Counter()
        self.tunnels = 0
        self.building_ways, self.building_relations, self.area_m2 = set(), set(), 0.0
        self._wkb = osmium.geom.WKBFactory()

    def way(self, way: osmium.osm.Way) -> None:
        highway = way.tags.get("highway")
        if highway in ("primary", "residential", "secondary", "track", "path", "steps"):
            hidden = way.tags.get("tunnel", "no") != "no"
            self.tunnels += hidden
            unseen = any(way.tags.get(key, "no") != "no" for key in ("covered", "indoor", "area"))
            self.roads[highway] += not hidden and not unseen

    def area(self, area: osmium.osm.Area) -> None:
        if area.tags.get("building", "no") in ("no", "construction") or area.tags.get("construction") == "yes":
            return
        (self.building_ways if area.from_way() else self.building_relations).add(area.orig_id())
        self.area_m2 += float(shapely.from_wkb(self._wkb.create_multipolygon(area)).area)


@pytest.mark.parametrize("name", ["monaco", "andorra"])
def test_counts_of_real_extracts_agree_with_osmium(real_data: Path, name: str) -> None:
    path = real_data / "osm" / f"{name}-latest.osm.pbf"
    extract, oracle = read_osm(path), Oracle()
    oracle.apply_file(str(path), locations=True)
    ours = Counter(road.highway for _, road in extract.roads.values())
    assert {key: ours[key] for key in oracle.roads} == dict(oracle.roads)
    assert oracle.tunnels > 10
    assert {int(key[1:]) for key in extract.buildings if key[0] == "w"} == oracle.building_ways
    assert {int(key[1:]) for key in extract.buildings if key[0] == "r"} == oracle.building_relations
    assert sum(shape.area for shape in extract.buildings.values()) == pytest.approx(oracle.area_m2, rel=1e-6)
    assert len(extract.dropped) == 0


def test_monaco_in_its_own_utm_zone(real_data: Path) -> None:
    grid = Grid("EPSG:32632", 370_000.0, 4_850_000.0, 1.0, 10_000, 10_000)
    layers = read_layers([real_data / "osm" / "monaco-latest.osm.pbf"], grid, 100.0)
    assert len(layers.buildings) == 1203 - layers.left_out["building: outside the grid"]
    assert shapely.is_valid(layers.buildings).all()
    assert shapely.area(layers.buildings).sum() > 400_000
    inside = box(*grid.bounds(grid.window.pad(100)))
    assert shapely.intersects(layers.roads, inside).mean() > 0.999
    assert 100 < shapely.length(layers.roads).sum() / 1000 < 200  # km


def test_the_national_survey(real_data: Path) -> None:
    settings = SurveySettings(path="x")
    rows = read_survey(real_data / "survey" / "nlrs3_areas.csv", settings)
    country = {row.land_class: row.area_m2 for row in rows if row.level == "country"}
    assert country["cultivated land"] == pytest.approx(1_278_619e6)
    assert len(country) == 8
