"""Scenes: overlapping pictures of the landscape, each with its date, light, haze, camera and slanted edge."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import Polygon

from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.toy.geometry import mask_of
from l2h.toy.landscape import Landscape
from l2h.toy.lattice import CRS, GEOGRAPHIC, centres, covering, project_grid
from l2h.toy.noise import smooth_noise
from l2h.toy.render import Sun, render

DEGREE_PIXEL = 1e-5  # about 1.11 m southward and 0.96 m eastward at 30° N
_MARGIN = 4  # pixels of landscape read around a scene, for resampling


@dataclass(frozen=True)
class SceneLook:
    """One scene: its footprint in unit coordinates of the rectangle, and everything between the ground and the file.

    gain, lift: per channel, file = gain · seen + lift. haze: share of the whitish veil (0 to 1). blur, noise: standard
    deviations in pixels and in digital numbers. offset: of its lattice from the project's, in pixels.
    """

    name: str
    date: str
    footprint: tuple[tuple[float, float], ...]
    sun: Sun
    autumn: bool
    gain: tuple[float, float, float]
    lift: tuple[float, float, float]
    haze: float
    blur: float
    noise: float
    crs: str = CRS
    offset: tuple[float, float] = (0.0, 0.0)


# Footprints reach past the rectangle on their outer sides and slant inside it; together they cover the country.
SCENES = (
    SceneLook("north_20210612", "2021-06-12", ((-0.2, -0.2), (1.2, -0.2), (1.2, 0.53), (-0.2, 0.61)),
              Sun(118, 66), False, (1.00, 1.00, 0.96), (4, 2, 4), 0.05, 0.55, 2.2),
    SceneLook("southwest_20201024", "2020-10-24", ((-0.2, 0.49), (0.62, 0.42), (0.56, 1.2), (-0.2, 1.2)),
              Sun(155, 45), True, (1.19, 1.14, 1.10), (-21, -22, -20), 0.02, 0.45, 2.8),
    SceneLook("southeast_20210803", "2021-08-03", ((0.46, 0.46), (1.2, 0.42), (1.2, 1.2), (0.41, 1.2)),
              Sun(105, 62), False, (0.90, 0.97, 0.98), (8, 9, 14), 0.11, 0.7, 2.0, offset=(0.37, 0.62)),
    SceneLook("centre_20210905", "2021-09-05", ((0.28, 0.30), (0.70, 0.25), (0.75, 0.70), (0.33, 0.76)),
              Sun(112, 68), False, (1.05, 0.98, 0.90), (2, 0, -4), 0.07, 0.6, 3.0, crs=GEOGRAPHIC),
)  # fmt: skip


def scene_grid(look: SceneLook, land: Landscape) -> Grid:
    """The scene's own lattice, cut to its footprint within the landscape."""
    grid = project_grid(land.layout.frame)
    left, top, right, bottom = _clipped(look, land).bounds
    window = Window(int(top), int(np.ceil(bottom)), int(left), int(np.ceil(right))).intersect(grid.window)
    x, _, _, y = grid.bounds(window)
    part = Grid(grid.crs, x, y, 1.0, window.height, window.width)
    if look.crs != grid.crs:
        return covering(part, look.crs, DEGREE_PIXEL)
    return Grid(grid.crs, x + look.offset[0], y - look.offset[1], 1.0, window.height, window.width)


def _clipped(look: SceneLook, land: Landscape) -> Polygon:
    """Footprint in local pixels, within the landscape."""
    frame = land.layout.frame
    corners = np.array(look.footprint) * [frame.width, frame.height]
    whole = Polygon([(0, 0), (frame.width, 0), (frame.width, frame.height), (0, frame.height)])
    return Polygon(corners).intersection(whole)


def _window_of(x: NDArray[np.float64], y: NDArray[np.float64], land: Landscape) -> Window:
    """The part of the landscape a scene needs, with its margin."""
    low = (int(np.floor(y.min())), int(np.floor(x.min())))
    high = (int(np.ceil(y.max())), int(np.ceil(x.max())))
    wanted = Window(low[0], high[0], low[1], high[1]).pad(_MARGIN)
    return wanted.intersect(Window(0, land.shape[0], 0, land.shape[1]))


def _resample(picture: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
    """Bilinear samples of [3, H, W] at positions given in its pixel coordinates (corner 0, centre 0.5): [3, h, w]."""
    at = np.stack([y - 0.5, x - 0.5]).astype(np.float32)
    return np.stack([ndimage.map_coordinates(band, at, order=1, mode="nearest") for band in picture])


def expose(rng: np.random.Generator, seen: NDArray[np.float32], look: SceneLook) -> NDArray[np.uint8]:
    """From light to file: blur, haze, colour cast, noise, 8 bits: [3, H, W] to uint8 [3, H, W]; black can occur."""
    shape = (seen.shape[1], seen.shape[2])
    veil = np.float32(look.haze) * np.clip(1 + 0.45 * smooth_noise(rng, shape, 420), 0.1, 2.2)
    exposed = np.empty(seen.shape, np.uint8)
    for band, (gain, lift, sky) in enumerate(zip(look.gain, look.lift, (196, 204, 216), strict=True)):
        light = ndimage.gaussian_filter(seen[band], look.blur)
        light = light * (1 - veil) + np.float32(sky) * veil
        light = light * np.float32(gain) + np.float32(lift)
        light += np.float32(look.noise) * rng.standard_normal(shape, dtype=np.float32)
        exposed[band] = np.clip(np.rint(light), 0, 255)
    return exposed


def take(rng: np.random.Generator, land: Landscape, look: SceneLook) -> tuple[Grid, Patch]:
    """Photograph the landscape: the scene's grid, its pixels [3, H, W] and validity; invalid pixels are 0."""
    lattice, grid = scene_grid(look, land), project_grid(land.layout.frame)
    x, y = centres(lattice, grid)
    window = _window_of(x, y, land)
    picture = render(land, window, look.sun, look.autumn)
    aligned = lattice.crs == grid.crs and look.offset == (0.0, 0.0)
    if aligned:
        top, left = int(y.min()) - window.row_start, int(x.min()) - window.col_start
        seen = picture[:, top : top + lattice.height, left : left + lattice.width]
    else:
        seen = _resample(picture, x - window.col_start, y - window.row_start)
    values = expose(rng, seen, look)
    valid = _valid(look, land, x, y)
    values[:, ~valid] = 0
    return lattice, Patch(values, valid, lattice.window)


def _valid(look: SceneLook, land: Landscape, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels inside the footprint and wholly inside the landscape."""
    inside = (x >= 0.5) & (y >= 0.5) & (x <= land.shape[1] - 0.5) & (y <= land.shape[0] - 0.5)
    footprint = mask_of(_clipped(look, land), land.shape)
    rows = np.clip(y.astype(int), 0, land.shape[0] - 1)
    cols = np.clip(x.astype(int), 0, land.shape[1] - 1)
    valid: NDArray[np.bool_] = inside & footprint[rows, cols]
    return valid
