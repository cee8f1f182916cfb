"""Crowns: individual trees and bushes as domes on jittered lattices."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l2h.toy.noise import Field

_STRIP = 512


@dataclass(frozen=True)
class Growth:
    """One lattice of plants: spacing, radius range and height range in metres."""

    spacing: float
    radius: tuple[float, float]
    height: tuple[float, float]


TREES = Growth(5.0, (1.9, 4.2), (5.0, 15.0))
BUSHES = Growth(2.6, (0.9, 1.9), (0.8, 2.6))


@dataclass(frozen=True)
class _Plants:
    """Attributes per lattice cell [h, w]; height 0 where nothing grows. The lattice has a margin of one cell."""

    x: Field
    y: Field
    radius: Field
    height: Field
    tone: Field


def _sow(rng: np.random.Generator, density: NDArray[np.uint8], growth: Growth) -> _Plants:
    """Place plants with the chance `density` / 255 at their position."""
    rows, cols = (int(np.ceil(size / growth.spacing)) + 2 for size in density.shape)
    jitter = rng.uniform(0.05, 0.95, (2, rows, cols))
    y = (np.arange(rows)[:, None] - 1 + jitter[0]) * growth.spacing
    x = (np.arange(cols)[None, :] - 1 + jitter[1]) * growth.spacing
    r = np.clip(y.astype(int), 0, density.shape[0] - 1)
    c = np.clip(x.astype(int), 0, density.shape[1] - 1)
    grows = rng.random((rows, cols)) * 255 < density[r, c]
    size = rng.random((rows, cols)) ** 1.3
    radius = growth.radius[0] + size * (growth.radius[1] - growth.radius[0])
    height = (growth.height[0] + size * (growth.height[1] - growth.height[0])) * grows
    tone = rng.normal(0, 0.13, (rows, cols))
    return _Plants(*(field.astype(np.float32) for field in (x, y, radius, height, tone)))


def grow(
    rng: np.random.Generator, density: NDArray[np.uint8], growth: Growth
) -> tuple[NDArray[np.float16], NDArray[np.int8]]:
    """Canopy height in metres (float16 [H, W], 0 where none) and tone of the topmost crown (int8 percent [H, W]).

    density: chance of a plant per lattice cell, uint8 [H, W], 255 = certain. Each pixel asks the 3 × 3 nearest cells of
    the lattice and keeps the highest dome: h(d) = height · (1 − 0.65 (d / radius)²) within the radius.
    """
    plants = _sow(rng, density, growth)
    height, width = density.shape
    canopy = np.zeros((height, width), np.float16)
    tone = np.zeros((height, width), np.int8)
    for top in range(0, height, _STRIP):
        stop = min(top + _STRIP, height)
        if density[max(top - 8, 0) : stop + 8].any():
            canopy[top:stop], tone[top:stop] = _strip(plants, growth.spacing, top, stop, width)
    return canopy, tone


def _strip(
    plants: _Plants, spacing: float, top: int, stop: int, width: int
) -> tuple[NDArray[np.float16], NDArray[np.int8]]:
    y = np.arange(top, stop, dtype=np.float32)[:, None] + np.float32(0.5)
    x = np.arange(width, dtype=np.float32)[None, :] + np.float32(0.5)
    row = (y[:, 0] / spacing).astype(int) + 1
    col = (x[0] / spacing).astype(int) + 1
    best = np.zeros((stop - top, width), np.float32)
    tone = np.zeros_like(best)
    for step_row in (-1, 0, 1):
        for step_col in (-1, 0, 1):
            r = np.clip(row + step_row, 0, plants.x.shape[0] - 1)
            c = np.clip(col + step_col, 0, plants.x.shape[1] - 1)
            cell = np.ix_(r, c)
            distance = ((x - plants.x[cell]) ** 2 + (y - plants.y[cell]) ** 2) / plants.radius[cell] ** 2
            dome = np.where(distance < 1, plants.height[cell] * (1 - 0.65 * distance), 0)
            higher = dome > best
            best[higher] = dome[higher]
            tone[higher] = plants.tone[cell][higher]
    return best.astype(np.float16), np.clip(np.rint(tone * 100), -100, 100).astype(np.int8)
