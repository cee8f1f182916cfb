"""The box of the Earth that a grid covers, in degrees."""

import numpy as np
import numpy.typing as npt

from l2h.core.crs import transformer
from l2h.core.errors import GridError
from l2h.core.grid import Grid
from l2h.sources.tiles import Box, check_box

GEOGRAPHIC = "EPSG:4326"
SIDE = 65  # points a side of the rim
Floats = npt.NDArray[np.float64]


def geographic_box(grid: Grid) -> Box:
    """(west, south, east, north) in degrees on WGS 84, never smaller than the grid's ground.

    The rim is brought over as points; the margin is twice what the bounds moved from half the points to all. GridError
    where the rim has no place on the Earth, goes round a pole or crosses the antimeridian.
    """
    lon, lat = rim(grid, GEOGRAPHIC)
    turn = np.diff(np.append(lon, lon[0]))
    steps = (turn + 180) % 360 - 180
    if abs(steps.sum()) > 180:
        raise GridError("a grid goes round a pole", where=grid.crs, hint="Tiles in degrees do not cover poles.")
    lon = lon[0] + np.append(0, np.cumsum(steps[:-1]))
    lon -= 360 * np.floor((lon.mean() + 180) / 360)
    fine, coarse = _bounds(lon, lat), _bounds(lon[::2], lat[::2])
    margin = 2 * np.abs(fine - coarse)
    west, south, east, north = fine + margin * [-1, -1, 1, 1]
    return check_box((float(west), max(-90.0, float(south)), float(east), min(90.0, float(north))))


def rim(grid: Grid, crs: str) -> tuple[Floats, Floats]:
    """x and y, in another CRS, of points along a grid's edge, once round; GridError where one has no place there."""
    left, bottom, right, top = grid.bounds()
    u = np.linspace(0, 1, SIDE)[:-1]
    x = np.concatenate([left + u * (right - left), 0 * u + right, right - u * (right - left), 0 * u + left])
    y = np.concatenate([0 * u + top, top - u * (top - bottom), 0 * u + bottom, bottom + u * (top - bottom)])
    x, y = transformer(grid.crs, crs).transform(x, y)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise GridError("a grid reaches beyond where a CRS is defined", where=crs, got=f"{grid.bounds()} of {grid.crs}")
    return x, y


def _bounds(x: Floats, y: Floats) -> Floats:
    return np.array([x.min(), y.min(), x.max(), y.max()])
