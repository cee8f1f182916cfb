"""What a camera would see: colours, texture, relief, rows, roofs, cast shadows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l2h.core.grid import Window
from l2h.toy.landscape import Landscape
from l2h.toy.materials import CODE, ROOFS, VALUE_OF, colour_table, texture_table
from l2h.toy.noise import Field

_SHADE = np.array([0.40, 0.44, 0.52], np.float32)  # what skylight leaves of each colour in a shadow
_CROWN = {False: (58, 82, 44), True: (92, 84, 48)}
_BUSH = {False: (82, 98, 58), True: (104, 98, 64)}


@dataclass(frozen=True)
class Sun:
    """Where the light comes from: `azimuth` clockwise from north and `elevation` above the horizon, in degrees."""

    azimuth: float
    elevation: float

    @property
    def toward(self) -> tuple[float, float]:
        """Unit vector (x right, y down) on the ground that points to the sun."""
        angle = np.deg2rad(self.azimuth)
        return float(np.sin(angle)), float(-np.cos(angle))

    @property
    def slope(self) -> float:
        """Metres a ray rises per metre on the ground."""
        return float(np.tan(np.deg2rad(self.elevation)))


def _shifted(field: Field, d_row: int, d_col: int) -> Field:
    """field[row + d_row, col + d_col], the edge repeated."""
    rows = np.clip(np.arange(field.shape[0]) + d_row, 0, field.shape[0] - 1)
    cols = np.clip(np.arange(field.shape[1]) + d_col, 0, field.shape[1] - 1)
    return field[rows][:, cols]


def cast_shadow(height: Field, sun: Sun, reach_m: int = 24) -> NDArray[np.bool_]:
    """Pixels whose sun is hidden by something higher within `reach_m` metres: bool [H, W].

    A point at distance d toward the sun hides it when its height exceeds ours by more than d · tan(elevation).
    """
    shadow = np.zeros(height.shape, bool)
    x, y = sun.toward
    for distance in range(1, reach_m + 1):
        rise = np.float32(distance * sun.slope)
        if rise > height.max():
            break
        caster = _shifted(height, round(y * distance), round(x * distance))
        shadow |= caster - height > rise
    return shadow


def hillshade(surface: Field, sun: Sun) -> Field:
    """Light on a surface relative to flat ground (Lambert): 1 on flat ground, float32 [H, W]."""
    if min(surface.shape) < 2:
        return np.ones(surface.shape, np.float32)
    d_y, d_x = np.gradient(surface)
    x, y = sun.toward
    incidence = (sun.slope - d_x * x - d_y * y) / np.sqrt(1 + d_x**2 + d_y**2) / sun.slope
    light: Field = np.clip(incidence, 0.5, 1.5).astype(np.float32)
    return light


def _relief(canopy: Field, sun: Sun) -> Field:
    """Bright sunny side and dark far side of crowns; 1 where nothing grows."""
    x, y = sun.toward
    step = (round(y * 1.5), round(x * 1.5))
    lit = canopy - _shifted(canopy, *step)
    return 1 + np.where(canopy > 0, np.clip(0.10 * lit, -0.5, 0.55), 0).astype(np.float32)


def _object_light(
    land: Landscape, window: Window, code: NDArray[np.uint8], sun: Sun
) -> tuple[Field, NDArray[np.int32]]:
    """Brightness of planting rows and roof halves, and each pixel's object number."""
    rows, cols = window.slices_in(Window(0, *land.shape[:1], 0, land.shape[1]))
    number = land.number[rows, cols]
    table = land.objects
    x = np.arange(window.col_start, window.col_stop, dtype=np.float32)[None, :] + np.float32(0.5)
    y = np.arange(window.row_start, window.row_stop, dtype=np.float32)[:, None] + np.float32(0.5)
    light = 1 + table.row_depth[number] * np.sin(table.row_x[number] * x + table.row_y[number] * y)
    side_x, side_y = table.side_x[number], table.side_y[number]
    off = (x - table.centre_x[number]) * side_x + (y - table.centre_y[number]) * side_y
    facing = np.sign(off) * (side_x * np.float32(sun.toward[0]) + side_y * np.float32(sun.toward[1]))
    light *= 1 + 0.17 * facing
    light[(code == CODE["fallow"]) | (code == CODE["balk"])] **= 0.6
    return light.astype(np.float32), number


def _texture(land: Landscape, window: Window, code: NDArray[np.uint8]) -> Field:
    """Relative brightness of the ground's own mottling."""
    rows, cols = window.slices_in(Window(0, land.shape[0], 0, land.shape[1]))
    amplitude = texture_table()[code]
    light = np.ones(window.shape, np.float32)
    for scale in range(3):
        light += amplitude[..., scale] * land.textures[scale, rows, cols].astype(np.float32) / 32
    return light


def _plants(
    colour: NDArray[np.float32], land: Landscape, window: Window, code: NDArray[np.uint8], autumn: bool
) -> Field:
    """Paint crowns and bushes over the ground in place; returns the canopy height."""
    rows, cols = window.slices_in(Window(0, land.shape[0], 0, land.shape[1]))
    canopy = land.canopy[rows, cols].astype(np.float32)
    grown = canopy > 0
    table = colour_table(autumn)
    wood = np.isin(code, [CODE["broadleaf"], CODE["conifer"], CODE["orchard"]])
    bush = grown & (land.truth[rows, cols] == 3)
    colour[grown & ~wood] = np.array(_CROWN[autumn], np.float32)
    colour[bush] = np.array(_BUSH[autumn], np.float32)
    if autumn:  # leaves turn crown by crown
        leafy = grown & np.isin(code, [CODE["broadleaf"], CODE["orchard"]])
        turned = np.clip(0.5 + land.tone[rows, cols][leafy].astype(np.float32) / 28, 0, 1)[:, None]
        colour[leafy] = (1 - turned) * np.array((62, 78, 44), np.float32) + turned * np.array((112, 94, 52), np.float32)
    colour[wood & ~grown] = table[CODE["meadow"]] * 0.62  # forest floor
    colour *= (1 + land.tone[rows, cols].astype(np.float32) / 100 * grown)[..., None]
    return canopy


def render(land: Landscape, window: Window, sun: Sun, autumn: bool) -> NDArray[np.float32]:
    """Cloudless, noiseless view of a window inside the landscape: float32 [3, H, W], about 0 to 255."""
    rows, cols = window.slices_in(Window(0, land.shape[0], 0, land.shape[1]))
    code = land.material[rows, cols]
    colour = colour_table(autumn)[code]
    object_light, number = _object_light(land, window, code, sun)
    colour *= land.objects.tint[number]
    canopy = _plants(colour, land, window, code, autumn)
    roof = land.roof[rows, cols].astype(np.float32)
    light = _texture(land, window, code) * object_light * _relief(canopy, sun)
    light *= hillshade(land.elevation[rows, cols], sun)
    light *= 1 + 0.04 * land.textures[3, rows, cols].astype(np.float32) / 32
    colour *= light[..., None]
    _shine(colour, land, window, code)
    colour[cast_shadow(np.maximum(canopy, roof), sun)] *= _SHADE
    return np.ascontiguousarray(colour.transpose(2, 0, 1))


def _shine(colour: NDArray[np.float32], land: Landscape, window: Window, code: NDArray[np.uint8]) -> None:
    """Small bright and dark things that confuse: cars on asphalt, skylights on roofs, glints on water."""
    rows, cols = window.slices_in(Window(0, land.shape[0], 0, land.shape[1]))
    spark = land.textures[1, rows, cols]
    grain = land.textures[0, rows, cols]
    cars = (code == CODE["asphalt"]) & (spark > 66)
    colour[cars] = np.where((grain[cars] > 0)[:, None], [188, 188, 190], [60, 60, 66])
    roofs = np.isin(code, [CODE[name] for name in ROOFS]) & (spark < -74)
    colour[roofs] *= 0.62
    glint = (VALUE_OF[code] == 9) & (grain > 96)
    colour[glint] += 14
