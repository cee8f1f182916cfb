"""The extras of the generated country: they repeat, change nothing else, and tell classes apart."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import rasterio

from l2h.core.raster import grid_of, open_raster
from l2h.project import load_project
from l2h.toy.extras import BAND_NAMES, INFRARED, reflectance_table
from l2h.toy.lattice import centres
from l2h.toy.materials import MATERIALS
from l2h.toy.stage import make_toy


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "project.toml")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small country with extras."""
    return make_toy(tmp_path_factory.mktemp("toy") / "a", seed=3, km2=0.5, extras=True).parent


def test_every_material_has_a_reflectance_in_every_band() -> None:
    assert set(INFRARED) == {material.name for material in MATERIALS}
    assert reflectance_table().shape == (len(MATERIALS), len(BAND_NAMES))
    assert (reflectance_table() < 1).all()


@pytest.mark.slow
def test_extras_repeat_and_leave_the_rest_of_the_country_alone(country: Path, tmp_path: Path) -> None:
    plain = digests(make_toy(tmp_path / "plain", seed=3, km2=0.5).parent)
    found = digests(country)
    assert {name: digest for name, digest in found.items() if not name.startswith("inputs/extras/")} == plain
    assert found == digests(make_toy(tmp_path / "again", seed=3, km2=0.5, extras=True).parent)


@pytest.mark.slow
def test_near_infrared_tells_water_crops_and_woods_apart(country: Path) -> None:
    with rasterio.open(country / "truth/truth.tif") as data:
        truth, grid = data.read(1), grid_of(data)
    with open_raster(country / "inputs/extras/sentinel2.tif") as data:
        bands, lattice = data.read(), grid_of(data)
    x, y = centres(lattice, grid)
    inside = (x > 0) & (y > 0) & (x < grid.width) & (y < grid.height) & bands.all(0)
    classes = truth[y[inside].astype(int), x[inside].astype(int)]
    nir = {season: bands[BAND_NAMES.index(f"nir {season}")][inside] for season in ("summer", "autumn")}
    means = {value: float(np.median(nir["summer"][classes == value])) for value in (2, 9)}
    assert means[9] < 1200 < 2300 < means[2]
    assert 0.9 < inside.sum() / ((x > 0) & (y > 0) & (x < grid.width) & (y < grid.height)).sum() < 1  # some clouds


def test_the_project_file_names_them(country: Path) -> None:
    extras = load_project(country).extras
    assert [extra.name for extra in extras] == ["s2", "elevation", "latitude", "month"]
    assert extras[0].channels == BAND_NAMES
