"""The bones of the land: height, the mountain's belts, sea, river, stream, lake."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from l2h.toy.geometry import Points, disc_distance, mask_of, normals, ribbon, spline
from l2h.toy.layout import Layout
from l2h.toy.noise import Field, curve_noise, fractal_noise

Mask = NDArray[np.bool_]

SNOW_LINE = 0.70  # altitude above which snow lies
SNOW_SHARE = 0.018  # of the rectangle above the snow line, whatever the ridges do


@dataclass(frozen=True)
class Terrain:
    """Rasters [H, W] of the land's form, and the running water's outline.

    altitude: 0 in the plain, rising to about 1 on the peak. elevation: metres. lake_field: < 1 in the lake, rising
    outwards by about 1 per lake radius. hills: mean 0, high where woods are likely.
    """

    altitude: Field
    elevation: Field
    hills: Field
    lake_field: Field
    sea: Mask
    river: Mask
    shore: Field
    running: BaseGeometry

    @property
    def lake(self) -> Mask:
        """Pixels of the lake."""
        return self.lake_field < 1

    @property
    def water(self) -> Mask:
        """Sea, lake, river and stream."""
        return self.sea | self.river | self.lake


def _altitude(rng: np.random.Generator, layout: Layout) -> Field:
    """Cone of the mountain, roughened into ridges; 0 outside its foot. Lifted so that its snow covers a set share."""
    shape, length = layout.frame.shape, layout.frame.length
    distance = disc_distance(shape, layout.frame.place(layout.peak)) / np.float32(0.27 * length)
    ridges = 1 - np.abs(fractal_noise(rng, shape, 0.07 * length, 5))
    rough = fractal_noise(rng, shape, 0.12 * length, 5)
    altitude = 1 - distance + 0.07 * rough + 0.06 * (ridges - 0.3)
    altitude += np.float32(SNOW_LINE) - np.quantile(altitude[::3, ::3], 1 - SNOW_SHARE)
    return np.clip(altitude, 0, None).astype(np.float32)


def _sea(rng: np.random.Generator, layout: Layout) -> Mask:
    """Pixels of sea: outside the country, within the sector of the bay."""
    frame = layout.frame
    land = mask_of(layout.polygon(layout.outline).union(layout.polygon(layout.island)), frame.shape)
    y, x = np.mgrid[: frame.height, : frame.width].astype(np.float32)
    angle = np.float32(np.arctan2(-1 if frame.mirror_y else 1, -1 if frame.mirror_x else 1))
    bearing = np.arctan2((y - frame.height / 2) / frame.height, (x - frame.width / 2) / frame.width)
    away = np.abs(np.angle(np.exp(1j * (bearing - angle)))).astype(np.float32)
    wave = fractal_noise(rng, frame.shape, 0.08 * frame.length, 4)
    sea: Mask = (away + 0.05 * wave < 0.62) & ~land
    return sea


def _meander(rng: np.random.Generator, points: Points, amplitude: float, wavelength: float) -> Points:
    """Spline through `points` that swings from side to side."""
    curve = spline(points, step=6.0)
    count = len(curve)
    phase = np.cumsum(2 * np.pi * 6.0 / wavelength * np.exp(0.25 * curve_noise(rng, count, 40)))
    ends = np.minimum(np.arange(count), np.arange(count)[::-1]) / 20
    swing = amplitude * np.sin(phase) * np.clip(ends, 0, 1)
    return curve + swing[:, None] * normals(curve)


def _running_water(rng: np.random.Generator, layout: Layout) -> BaseGeometry:
    """River of varying width with its stream, as one polygon in local pixels."""
    length = layout.frame.length
    river = _meander(rng, layout.frame.place(layout.river), 0.018 * length, 0.19 * length)
    grow = np.linspace(0.75, 1.45, len(river))
    width = 0.0125 * length * grow * np.clip(1 + 0.28 * curve_noise(rng, len(river), 25), 0.5, 1.7)
    stream = _meander(rng, layout.frame.place(layout.stream), 0.006 * length, 0.05 * length)
    narrow = np.linspace(3.0, 6.0, len(stream))
    return shapely.union_all([ribbon(river, np.maximum(width, 5)), ribbon(stream, narrow)])


def make_terrain(rng: np.random.Generator, layout: Layout) -> Terrain:
    """Draw the bones of the land of one layout."""
    shape, length = layout.frame.shape, layout.frame.length
    altitude = _altitude(rng, layout)
    sea = _sea(rng, layout)
    lake_centre = layout.frame.place(layout.lake)
    roundness = disc_distance(shape, lake_centre) / np.float32(0.092 * length)
    lake_field = roundness + 0.22 * fractal_noise(rng, shape, 0.11 * length, 5)
    running = _running_water(rng, layout)
    hills = fractal_noise(rng, shape, 0.16 * length, 6, gain=0.55)
    rolling = fractal_noise(rng, shape, 0.2 * length, 5)
    elevation = 20 + 0.0035 * length * rolling + 0.085 * length * altitude**1.25
    return Terrain(
        altitude=altitude,
        elevation=elevation.astype(np.float32),
        hills=hills,
        lake_field=lake_field.astype(np.float32),
        sea=sea,
        river=mask_of(running, shape) & ~sea,
        shore=ndimage.distance_transform_edt(~sea).astype(np.float32) if sea.any() else np.full(shape, 1e6, np.float32),
        running=running,
    )
