"""A real 1 m map counted, aggregated and sampled; every answer beside one computed otherwise."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer
from rasterio.enums import Resampling
from rasterio.io import MemoryFile

from l2h.accuracy.sampling.census import count
from l2h.accuracy.sampling.make import draw_sample
from l2h.accuracy.sampling.settings import SampleSettings
from l2h.accuracy.weighted import mean, ratio, ratio_difference
from l2h.core.areas import NANO
from l2h.core.grid import Grid, Window
from l2h.core.raster import grid_of, open_raster, read_window
from l2h.core.zones import zone_areas

SIDE, CELL = 2000, 10
CLASSES = range(1, 9)

pytestmark = pytest.mark.real_data


@dataclass(frozen=True)
class Strata:
    """The classes of a map in memory as strata."""

    grid: Grid
    codes: np.ndarray

    @property
    def names(self) -> dict[int, str]:
        return {value: str(value) for value in CLASSES}

    def read(self, window: Window) -> np.ndarray:
        rows, cols = window.slices_in(self.grid.window)
        return self.codes[rows, cols].astype("int64")


@pytest.fixture(scope="module")
def ground(real_data: Path) -> tuple[Grid, np.ndarray]:
    """Four km² in the middle of the map, with a town in it, on its own grid in US survey feet."""
    with open_raster(real_data / "landcover/DRCOG_2018_LULC_E3220000_N1710000.tif") as data:
        whole = grid_of(data)
        window = Window(6000, 6000 + SIDE, 3000, 3000 + SIDE)
        left, _, _, top = whole.bounds(window)
        return Grid(whole.crs, left, top, whole.pixel, SIDE, SIDE), read_window(data, window).values[0]


@pytest.fixture(scope="module")
def versions(ground: tuple[Grid, np.ndarray]) -> dict[str, np.ndarray]:
    """Its two 10 m versions on the 1 m lattice: the commonest class of each cell, and one pixel's."""
    n = SIDE // CELL
    cells = ground[1].reshape(n, CELL, n, CELL).transpose(0, 2, 1, 3).reshape(n, n, CELL * CELL)
    votes = np.stack([(cells == value).sum(2) for value in CLASSES])
    majority, single = (votes.argmax(0) + 1).astype("uint8"), cells[:, :, 55]
    return {"votes": votes} | {
        name: np.repeat(np.repeat(a, CELL, 0), CELL, 1) for name, a in (("majority", majority), ("single", single))
    }


def test_counts_and_areas(ground: tuple[Grid, np.ndarray]) -> None:
    """Pixels as numpy counts them; all their areas together as pyproj's polygon on the ellipsoid."""
    grid, codes = ground
    zones = np.where(np.arange(SIDE)[:, None] + np.arange(SIDE) < SIDE, 1, 2).astype("uint16")
    found = zone_areas(codes, zones, grid.row_area(0, SIDE))
    for zone in (1, 2):
        values, counts = np.unique(codes[zones == zone], return_counts=True)
        assert {v: n for v, (n, _) in found[zone].items()} == dict(zip(values.tolist(), counts.tolist(), strict=True))
    area = sum(nano for classes in found.values() for _, nano in classes.values()) / NANO
    outline = shapely.segmentize(shapely.box(*grid.bounds()), grid.pixel * 10)
    lon, lat = Transformer.from_crs(grid.crs, "EPSG:4269", always_xy=True).transform(*outline.exterior.coords.xy)
    assert area == pytest.approx(abs(Geod(ellps="GRS80").polygon_area_perimeter(lon, lat)[0]), rel=1e-6)
    assert area != pytest.approx(SIDE * SIDE, rel=1e-6)  # a pixel of the map is not a square metre of ground


def test_the_commonest_class_is_gdals_mode(ground: tuple[Grid, np.ndarray], versions: dict[str, np.ndarray]) -> None:
    grid, codes = ground
    size = {"height": SIDE, "width": SIDE, "count": 1, "dtype": "uint8", "crs": grid.crs, "transform": grid.transform}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", **size) as out:
            out.write(codes, 1)
        with memory.open() as data:
            mode = data.read(1, out_shape=(SIDE // CELL, SIDE // CELL), resampling=Resampling.mode)
    votes = np.sort(versions["votes"], 0)
    sole = votes[-1] > votes[-2]
    assert sole.mean() > 0.95
    assert (mode == versions["majority"][::CELL, ::CELL])[sole].all()


@pytest.mark.slow
def test_samples_tell_what_every_pixel_says(ground: tuple[Grid, np.ndarray], versions: dict[str, np.ndarray]) -> None:
    """Forty simple random samples of 500 points: the estimates' mean is the truth, the errors told are those seen.

    Rare classes in strata, and lattices over fields that lie on one, do worse: docs/benchmarks/drcog.md.
    """
    grid, truth = ground
    majority, single = versions["majority"], versions["single"]
    right, other = majority == truth, single == truth
    known = [right.mean(), right[truth == 2].mean(), right.mean() - other.mean()]
    strata = Strata(grid, majority)
    census, found = count(strata), []
    for seed in range(40):
        sample = draw_sample(strata, SampleSettings(method="simple_random", size=500, seed=seed), "", census)
        drawn = sample.design.drawn(sample.pixels.stratum, "simple random")
        at = sample.pixels.rows, sample.pixels.cols
        first, second, is_two = (a[at].astype("float64") for a in (right, other, truth == 2))
        ones = np.ones(len(first))
        difference = ratio_difference(drawn, (first, ones), (second, ones))
        found.append([mean(drawn, first), ratio(drawn, first * is_two, is_two), difference])
    for number, value in enumerate(known):
        values = np.array([row[number].value for row in found], "float64")
        errors = np.array([row[number].standard_error for row in found], "float64")
        assert values.mean() == pytest.approx(value, abs=4 * values.std() / 40**0.5)
        assert errors.mean() == pytest.approx(values.std(), rel=0.35)
        assert np.mean([row[number].low <= value <= row[number].high for row in found]) > 0.8
