"""What other instruments see of the generated country: Sentinel-2 medians of two seasons, and a model of the heights.

An option of the toy: near and short-wave infrared, and how they change from summer to autumn, carry class information
that the pictures in three colours do not have, at 10 m and with an instrument's blur, noise and clouds.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from l2h.core.grid import Grid
from l2h.core.raster import write_raster
from l2h.toy.landscape import Landscape
from l2h.toy.lattice import CRS, GEOGRAPHIC, centres, covering
from l2h.toy.materials import CODE, MATERIALS, colour_table
from l2h.toy.noise import Field, smooth_noise

BANDS = ("blue", "green", "red", "nir", "swir")
SEASONS = ("summer", "autumn")
BAND_NAMES = tuple(f"{band} {season}" for season in SEASONS for band in BANDS)
UNIT, ELEVATION_UNIT = "reflectance × 10000", "m"
S2_PIXEL, S2_OFFSET = 10.0, (3.0, 6.0)  # a lattice of its own, as the real one never falls on a project's
DEM_PIXEL = 1 / 3600  # one arc second, as the free global models have
BLUR_M = 6.0  # standard deviation of the point spread, beside the 10 m pixel itself
VISIBLE = 0.30 / 255  # reflectance of a digital number of the pictures' colours
WOODS = ("broadleaf", "conifer", "orchard")

# reflectance in near and short-wave infrared, in summer and in autumn
INFRARED: dict[str, tuple[float, float, float, float]] = {
    "none": (0.0, 0.0, 0.0, 0.0),
    "meadow": (0.34, 0.24, 0.26, 0.26),
    "lawn": (0.38, 0.22, 0.33, 0.22),
    "alpine": (0.30, 0.25, 0.24, 0.27),
    "wheat": (0.26, 0.30, 0.22, 0.28),
    "maize": (0.44, 0.20, 0.24, 0.30),
    "rice": (0.40, 0.12, 0.26, 0.28),
    "vegetables": (0.36, 0.20, 0.34, 0.20),
    "fallow": (0.22, 0.30, 0.21, 0.30),
    "paddy": (0.16, 0.06, 0.22, 0.26),
    "balk": (0.30, 0.25, 0.24, 0.27),
    "shrub": (0.29, 0.19, 0.22, 0.20),
    "broadleaf": (0.40, 0.17, 0.26, 0.19),
    "conifer": (0.26, 0.10, 0.25, 0.10),
    "orchard": (0.37, 0.19, 0.28, 0.21),
    "asphalt": (0.13, 0.13, 0.13, 0.13),
    "concrete_road": (0.27, 0.28, 0.27, 0.28),
    "dirt_road": (0.29, 0.35, 0.28, 0.34),
    "ballast": (0.16, 0.18, 0.16, 0.18),
    "marking": (0.30, 0.30, 0.30, 0.30),
    "kerb": (0.25, 0.26, 0.25, 0.26),
    "red_roof": (0.25, 0.28, 0.25, 0.28),
    "grey_roof": (0.22, 0.22, 0.22, 0.22),
    "dark_roof": (0.11, 0.12, 0.11, 0.12),
    "white_roof": (0.45, 0.38, 0.45, 0.38),
    "blue_roof": (0.30, 0.30, 0.30, 0.30),
    "brown_roof": (0.20, 0.24, 0.20, 0.24),
    "paved": (0.24, 0.25, 0.24, 0.25),
    "soil": (0.28, 0.36, 0.27, 0.35),
    "rock": (0.22, 0.27, 0.22, 0.27),
    "sand": (0.36, 0.42, 0.36, 0.42),
    "quarry": (0.32, 0.38, 0.32, 0.38),
    "snow": (0.75, 0.08, 0.78, 0.08),
    "river_water": (0.06, 0.02, 0.05, 0.02),
    "lake_water": (0.02, 0.01, 0.02, 0.01),
    "sea_water": (0.02, 0.01, 0.02, 0.01),
    "pond_water": (0.08, 0.03, 0.07, 0.03),
    "reed": (0.24, 0.14, 0.20, 0.16),
    "mud": (0.12, 0.07, 0.12, 0.08),
    "moss": (0.20, 0.16, 0.18, 0.17),
}


def reflectance_table() -> NDArray[np.float32]:
    """Reflectance of every material in BAND_NAMES: float32 [materials, 10]."""
    infrared = np.array([INFRARED[material.name] for material in MATERIALS], np.float32)
    summer, autumn = (colour_table(season)[:, ::-1] * np.float32(VISIBLE) for season in (False, True))  # blue first
    return np.concatenate([summer, infrared[:, :2], autumn, infrared[:, 2:]], axis=1)


def top_material(land: Landscape) -> NDArray[np.uint8]:
    """Code of what lies on top, uint8 [H, W]: crowns and bushes over the ground they hide."""
    material = land.material.copy()
    wood = np.isin(material, [CODE[name] for name in WOODS])
    material[(land.canopy > 0) & (land.truth == 2) & ~wood] = CODE["broadleaf"]
    material[(land.canopy > 0) & (land.truth == 3)] = CODE["shrub"]
    return material


def sentinel2(rng: np.random.Generator, land: Landscape, lattice: Grid, grid: Grid) -> NDArray[np.uint16]:
    """Medians of two seasons, uint16 [10, h, w], reflectance × 10000; 0 where clouds left nothing.

    Every stand and field differs by some tenths (over 40 m), every pixel by a few hundredths and the sensor's noise.
    """
    x, y = centres(lattice, grid)
    at = np.stack([y - 0.5, x - 0.5]).astype(np.float32)
    material, table = top_material(land), reflectance_table()
    clear = smooth_noise(rng, lattice.shape, 9) < 2.0
    bands = np.zeros((table.shape[1], *lattice.shape), np.uint16)
    for band in range(table.shape[1]):
        seen = ndimage.gaussian_filter(table[:, band][material], BLUR_M)
        light: Field = ndimage.map_coordinates(seen, at, order=1, mode="nearest")
        light *= 1 + 0.10 * smooth_noise(rng, lattice.shape, 4)
        light *= 1 + 0.04 * rng.standard_normal(lattice.shape, dtype=np.float32)
        light += 0.006 * rng.standard_normal(lattice.shape, dtype=np.float32)
        bands[band] = np.where(clear, np.clip(np.rint(light * 10_000), 1, 12_000), 0)
    return bands


def elevation_model(rng: np.random.Generator, land: Landscape, lattice: Grid, grid: Grid) -> NDArray[np.float32]:
    """Heights in metres, float32 [1, h, w], a metre off."""
    x, y = centres(lattice, grid)
    smooth = ndimage.gaussian_filter(land.elevation, 12)
    heights: Field = ndimage.map_coordinates(smooth, np.stack([y - 0.5, x - 0.5]), order=1, mode="nearest")
    return (heights + rng.standard_normal(lattice.shape, dtype=np.float32))[None].astype(np.float32)


def write_extras(
    rng: np.random.Generator, folder: Path, land: Landscape, grid: Grid, tell: Callable[[str], None]
) -> None:
    """Write inputs/extras/sentinel2.tif and elevation.tif."""
    tell("Sentinel-2 medians and heights")
    lattice = covering(grid, CRS, S2_PIXEL, S2_OFFSET)
    values = sentinel2(rng, land, lattice, grid)
    write_raster(folder / "inputs/extras/sentinel2.tif", values, lattice, lattice.window, nodata=0)
    lattice = covering(grid, GEOGRAPHIC, DEM_PIXEL)
    heights = elevation_model(rng, land, lattice, grid)
    write_raster(folder / "inputs/extras/elevation.tif", heights, lattice, lattice.window)
