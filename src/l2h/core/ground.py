"""Ground area of pixels: exact on the ellipsoid, for any CRS.

Longitude λ and A(φ), the ellipsoid's area between the equator and latitude φ per radian of longitude, span an
equal-area plane (Lambert's cylindrical projection), so an area there is an area on the ground.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import GridError

Array = npt.NDArray[np.float64]
MEASURED_M = 100.0  # side of the square the scale is taken from: rounding and curved edges stay below 1e-10 of it


def cell_area(crs: str, x: Array, y: Array, side: float) -> Array:
    """Ground area in m² of squares of `side` CRS units centred on `x`, `y`; float64 of their shape.

    Projected CRS: the square is measured on the ellipsoid, not by PROJ's scale factors, which take Web Mercator for a
    sphere and err by up to 0.7 %. GridError where the CRS is unknown or not valid at a point.
    """
    parsed, to_geodetic = _projection(crs)
    radian = parsed.geodetic_crs.axis_info[0].unit_conversion_factor  # not every CRS counts in degrees
    if parsed.is_geographic:
        top, bottom = (_authalic((y + half) * radian, parsed.ellipsoid) for half in (side / 2, -side / 2))
        return np.asarray((top - bottom) * side * radian)
    measured = MEASURED_M / parsed.axis_info[0].unit_conversion_factor
    lon, lat = (np.asarray(angle) * radian for angle in to_geodetic.transform(*_corners(x, y, measured / 2)))
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise GridError("the grid reaches where its CRS is not valid", got=crs)
    area = _quadrilateral(lon, _authalic(lat, parsed.ellipsoid))
    return np.asarray(area * (side / measured) ** 2)


def _corners(x: Array, y: Array, half: float) -> tuple[Array, Array]:
    """Corners of squares in turn, [4, ...]."""
    east, north = half * np.array([-1, 1, 1, -1]), half * np.array([-1, -1, 1, 1])
    return np.add.outer(east, x), np.add.outer(north, y)


def _quadrilateral(lon: Array, strip: Array) -> Array:
    """Area of quadrilaterals from their corners [4, ...]: half the cross product of the diagonals."""
    turn_a, turn_b = (np.remainder(lon[k + 2] - lon[k] + math.pi, 2 * math.pi) - math.pi for k in (0, 1))
    strip_a, strip_b = (strip[k + 2] - strip[k] for k in (0, 1))
    return np.asarray(np.abs(turn_a * strip_b - turn_b * strip_a) / 2)


def _authalic(lat: Array, ellipsoid: Any) -> Array:
    """Area in m² of the ellipsoid between the equator and `lat` (radians, cut at the poles), per radian of longitude.

    A(φ) = b²/2 · [ sin φ / (1 - e² sin² φ) + artanh(e sin φ) / e ]   (Snyder 1987, eq. 3-12)
    """
    a, b = ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre
    e2 = 1 - (b / a) ** 2
    s = np.sin(np.clip(lat, -math.pi / 2, math.pi / 2))
    if e2 == 0:
        return np.asarray(b * b * s)
    e = math.sqrt(e2)
    return np.asarray(b * b / 2 * (s / (1 - e2 * s * s) + np.arctanh(e * s) / e))


@lru_cache(maxsize=16)
def _projection(crs: str) -> tuple[Any, Any]:
    from pyproj import Transformer

    from l2h.core.crs import parse_crs  # PROJ is loaded by those who ask for an area, not by all who hold a grid

    parsed = parse_crs(crs)
    return parsed, Transformer.from_crs(parsed, parsed.geodetic_crs, always_xy=True)
