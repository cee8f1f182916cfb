"""The generated country as a whole: what is written, that it agrees with itself, and that it repeats to the byte."""

import csv
import hashlib
import itertools
import tomllib
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pytest
import rasterio
from shapely import union_all

from l2h.core.errors import UsageError
from l2h.core.legend import load_crosswalk, load_legend
from l2h.core.raster import grid_of, open_raster, read_window
from l2h.project import load_project
from l2h.toy.lattice import centres
from l2h.toy.products import COARSE, dominant
from l2h.toy.stage import make_toy

SINOLC1 = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)
SQUARE_KM = 0.5


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small country, made once."""
    return make_toy(tmp_path_factory.mktemp("toy") / "country", seed=3, km2=SQUARE_KM).parent


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def truth_of(folder: Path) -> np.ndarray:
    """The hidden truth [H, W]."""
    with rasterio.open(folder / "truth/truth.tif") as dataset:
        return dataset.read(1)


def owner_of(folder: Path) -> np.ndarray:
    """1-based city of each pixel [H, W], drawn from the boundary file."""
    cities = gpd.read_file(folder / "inputs/boundary.gpkg", layer="cities")
    with rasterio.open(folder / "truth/truth.tif") as dataset:
        pairs = [(shape, i + 1) for i, shape in enumerate(cities.geometry)]
        return rasterio.features.rasterize(pairs, out_shape=dataset.shape, transform=dataset.transform)


class _Collector(osmium.SimpleHandler):
    def __init__(self) -> None:
        super().__init__()
        self.ways: list[dict[str, str]] = []
        self.relations: list[dict[str, str]] = []
        self.rings: list[int] = []

    def way(self, way: osmium.osm.Way) -> None:
        self.ways.append({tag.k: tag.v for tag in way.tags})

    def relation(self, relation: osmium.osm.Relation) -> None:
        self.relations.append({tag.k: tag.v for tag in relation.tags})

    def area(self, area: osmium.osm.Area) -> None:
        self.rings.append(area.num_rings()[1])


def test_the_same_seed_gives_the_same_bytes(toy: Path, tmp_path: Path) -> None:
    make_toy(tmp_path / "again", seed=3, km2=SQUARE_KM)
    assert digests(tmp_path / "again") == digests(toy)


def test_another_seed_gives_another_country(toy: Path, tmp_path: Path) -> None:
    make_toy(tmp_path / "other", seed=4, km2=SQUARE_KM)
    first, second = digests(toy), digests(tmp_path / "other")
    assert first.keys() == second.keys()
    assert all(first[name] != second[name] for name in first)


def test_every_file_is_there(toy: Path) -> None:
    assert {name for name in digests(toy) if "imagery" not in name} == {
        "project.toml", "inputs/boundary.gpkg", "inputs/osm.osm.pbf", "inputs/points.gpkg", "inputs/survey.csv",
        "inputs/products/esa_worldcover.tif", "inputs/products/esri_lulc.tif", "inputs/products/from_glc10.tif",
        "truth/truth.tif",
    }  # fmt: skip
    assert len(list((toy / "inputs/imagery").glob("*.tif"))) == 4


def test_truth_is_closed_and_complete(toy: Path) -> None:
    truth, owner = truth_of(toy), owner_of(toy)
    assert set(np.unique(truth).tolist()) == set(SINOLC1)
    shares = np.bincount(truth[owner > 0], minlength=13) / np.count_nonzero(owner)
    assert shares[list(SINOLC1)].min() > 0.005
    assert abs(np.count_nonzero(owner) / 1e6 - SQUARE_KM) < 0.03
    with rasterio.open(toy / "truth/truth.tif") as dataset:
        assert dataset.colormap(1)[9] == (0, 100, 200, 255)


def test_the_project_file_describes_what_was_written(toy: Path) -> None:
    project = tomllib.loads((toy / "project.toml").read_text("utf-8"))
    with rasterio.open(toy / "truth/truth.tif") as dataset:
        assert tuple(project["grid"]["bounds"]) == tuple(dataset.bounds)
    layers = [*project["imagery"], *project["products"], project["osm"]]
    for layer in layers:
        assert all(list(toy.glob(pattern)) for pattern in layer["paths"])
        assert layer["licence"] == "CC0-1.0 (generated)"
        assert layer["may_train"]
        assert layer["may_publish"]
        assert layer["may_redistribute"]
    scenes = {path.stem for path in (toy / "inputs/imagery").glob("*.tif")}
    assert set(project["imagery"][0]["dates"]) == scenes
    blocks = np.ceil(np.array(truth_of(toy).shape) / project["grid"]["block_px"])
    assert blocks.prod() >= 4


def test_the_project_file_is_accepted(toy: Path) -> None:
    project = load_project(toy)
    assert [product.legend for product in project.products] == ["worldcover", "esri2020", "from_glc10"]
    assert project.reference is not None
    assert project.reference.class_column == "class_value"


def test_scenes_cover_the_country_and_keep_black_apart_from_nodata(toy: Path) -> None:
    owner = owner_of(toy)
    with rasterio.open(toy / "truth/truth.tif") as dataset:
        project = grid_of(dataset)
    covered = np.zeros(owner.shape, bool)
    black = 0
    for path in sorted((toy / "inputs/imagery").glob("*.tif")):
        with open_raster(path) as dataset:
            grid = grid_of(dataset)
            patch = read_window(dataset, grid.window)
            assert dataset.nodata is None
            assert dataset.tags()["ACQUISITION_DATE"] == f"{path.stem[-8:-4]}-{path.stem[-4:-2]}-{path.stem[-2:]}"
        assert not patch.valid.all()
        black += int(((patch.values == 0).all(axis=0) & patch.valid).sum())
        x, y = centres(grid, project)
        covered[np.floor(y[patch.valid]).astype(int), np.floor(x[patch.valid]).astype(int)] = True
    assert black > 0
    assert covered[owner > 0].all()


def test_scenes_come_in_two_crs_and_off_the_lattice(toy: Path) -> None:
    grids = []
    for path in sorted((toy / "inputs/imagery").glob("*.tif")):
        with open_raster(path) as dataset:
            grids.append(grid_of(dataset))
    assert sorted({grid.crs for grid in grids}) == ["EPSG:32650", "EPSG:4326"]
    fractions = {round(grid.x % 1, 2) for grid in grids if grid.crs == "EPSG:32650"}
    assert fractions == {0.0, 0.37}


@pytest.mark.parametrize(
    ("file", "legend", "crs"),
    [("esa_worldcover", "worldcover", "EPSG:4326"), ("esri_lulc", "esri2020", "EPSG:32650"),
     ("from_glc10", "from_glc10", "EPSG:4326")],
)  # fmt: skip
def test_products_err_as_much_as_real_ones(toy: Path, file: str, legend: str, crs: str) -> None:
    assert 0.5 < _cell_accuracy(toy, file, legend, crs) < 0.85


def _cell_accuracy(toy: Path, file: str, legend: str, crs: str) -> float:
    """Share of product cells whose class is the commonest in the cell, within the country."""
    owner = owner_of(toy)
    with open_raster(toy / "truth/truth.tif") as dataset:
        project = grid_of(dataset)
    with open_raster(toy / f"inputs/products/{file}.tif") as dataset:
        grid, codes = grid_of(dataset), dataset.read(1)
    assert grid.crs == crs
    load_legend(legend).check(codes, file)
    x, y = centres(grid, project)
    inside = (x > 0) & (y > 0) & (x < project.width) & (y < project.height)
    inside[inside] = owner[np.floor(y[inside]).astype(int), np.floor(x[inside]).astype(int)] > 0
    expected = dominant(truth_of(toy), (x, y), 10, {})
    return float((load_crosswalk(legend).primary_lut[codes] == expected)[inside].mean())


def test_cities_tile_the_country(toy: Path) -> None:
    cities = gpd.read_file(toy / "inputs/boundary.gpkg", layer="cities")
    shapes = list(cities.geometry)
    assert (cities.region.nunique(), cities.province.nunique(), cities.city.nunique()) == (2, 3, 5)
    assert all(shape.is_valid for shape in shapes)
    assert union_all(shapes).area == pytest.approx(sum(shape.area for shape in shapes), rel=1e-9)
    assert max(a.intersection(b).area for a, b in itertools.combinations(shapes, 2)) < 1e-6


def test_one_city_has_an_island_and_one_an_enclave(toy: Path) -> None:
    cities = gpd.read_file(toy / "inputs/boundary.gpkg", layer="cities").set_index("city").geometry
    assert [name for name, shape in cities.items() if len(shape.geoms) > 1] == ["Dongpo"]
    assert [name for name, shape in cities.items() if shape.geoms[0].interiors] == ["Chenxi"]
    country = union_all(list(cities))
    assert not cities["Ershan"].touches(country.boundary)
    assert cities["Aoling"].intersection(country.boundary).length > 100


def test_the_map_has_what_readers_must_cope_with(toy: Path) -> None:
    seen = _Collector()
    seen.apply_file(str(toy / "inputs/osm.osm.pbf"))
    kinds = {tags.get("highway") for tags in seen.ways}
    assert {"motorway", "primary", "residential", "proposed"} <= kinds
    assert any(tags.get("railway") == "rail" for tags in seen.ways)
    assert any(tags.get("bridge") == "yes" for tags in seen.ways)
    assert any(tags.get("tunnel") == "yes" for tags in seen.ways)
    assert any("lanes" in tags for tags in seen.ways)
    assert any("building" in tags for tags in seen.ways)
    assert all(tags["type"] == "multipolygon" for tags in seen.relations)
    assert 1 in seen.rings  # an area with a courtyard


def test_points_hold_the_truth(toy: Path) -> None:
    points = gpd.read_file(toy / "inputs/points.gpkg", layer="points")
    truth, owner = truth_of(toy), owner_of(toy)
    with rasterio.open(toy / "truth/truth.tif") as dataset:
        rows, cols = rasterio.transform.rowcol(dataset.transform, points.geometry.x, points.geometry.y)
    assert len(points) >= 500
    assert (truth[rows, cols] == points.class_value).all()
    assert points.inclusion_probability.iloc[0] == pytest.approx(len(points) / np.count_nonzero(owner))
    cities = gpd.read_file(toy / "inputs/boundary.gpkg", layer="cities")
    assert (cities.province.to_numpy()[owner[rows, cols] - 1] == points.province).all()


def test_survey_areas_close(toy: Path) -> None:
    with (toy / "inputs/survey.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    total = {level: sum(float(row["area_ha"]) for row in rows if row["level"] == level)
             for level in ("country", "region", "province")}  # fmt: skip
    assert total["region"] == pytest.approx(total["country"], abs=0.01)
    assert total["province"] == pytest.approx(total["country"], abs=0.01)
    pixels = np.count_nonzero(owner_of(toy))
    assert total["country"] == pytest.approx(pixels * 1.0008 / 1e4, rel=2e-4)  # 1 m of UTM here is 1.0004 m of ground


@pytest.mark.parametrize(("seed", "km2"), [(0, 0.1), (0, 1000.0), (-1, 1.0)])
def test_senseless_requests_are_refused(tmp_path: Path, seed: int, km2: float) -> None:
    with pytest.raises(UsageError):
        make_toy(tmp_path / "none", seed=seed, km2=km2)
    assert not (tmp_path / "none").exists()


def test_a_project_is_never_overwritten(toy: Path) -> None:
    with pytest.raises(UsageError, match="already here"):
        make_toy(toy, seed=3, km2=SQUARE_KM)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_larger_country_has_all_classes_and_realistic_products(tmp_path: Path, seed: int) -> None:
    folder = make_toy(tmp_path / "toy", seed=seed, km2=2.0).parent
    truth, owner = truth_of(folder), owner_of(folder)
    shares = np.bincount(truth[owner > 0], minlength=13) / np.count_nonzero(owner)
    assert shares[list(SINOLC1)].min() > 0.005
    assert shares[[2, 4, 5]].min() > 0.08
    accuracies = [_cell_accuracy(folder, "esa_worldcover", "worldcover", "EPSG:4326"),
                  _cell_accuracy(folder, "esri_lulc", "esri2020", "EPSG:32650"),
                  _cell_accuracy(folder, "from_glc10", "from_glc10", "EPSG:4326")]  # fmt: skip
    assert all(0.52 < accuracy < 0.85 for accuracy in accuracies)
    assert set(COARSE) < set(SINOLC1)
