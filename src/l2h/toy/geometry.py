"""Lines and polygons in local pixels: splines, ribbons, rasters of shapes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.interpolate import CubicSpline
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

Points = NDArray[np.float64]


def spline(points: Points, step: float = 8.0) -> Points:
    """Smooth curve [n, 2] through `points`, a vertex about every `step` pixels."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    count = max(int(along[-1] / step), 4)
    curve: Points = CubicSpline(along, points, axis=0)(np.linspace(0, along[-1], count))
    return curve


def normals(points: Points) -> Points:
    """Unit vectors [n, 2] across a polyline."""
    tangent = np.gradient(points, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def chaikin(points: Points, rounds: int = 2) -> Points:
    """Round the corners of a polyline, keeping its ends (Chaikin, 1974)."""
    for _ in range(rounds):
        near = 0.75 * points[:-1] + 0.25 * points[1:]
        far = 0.25 * points[:-1] + 0.75 * points[1:]
        inner = np.stack([near, far], axis=1).reshape(-1, 2)
        points = np.vstack([points[:1], inner[1:-1], points[-1:]])
    return points


def ribbon(points: Points, width: NDArray[np.float64]) -> BaseGeometry:
    """Polygon of varying `width` [n] along a polyline [n, 2]: trapezia joined by discs."""
    half = width[:, None] / 2 * normals(points)
    left, right = points + half, points - half
    quads = np.stack([left[:-1], left[1:], right[1:], right[:-1], left[:-1]], axis=1)
    discs = shapely.buffer(shapely.points(points), width / 2, quad_segs=6)
    return shapely.union_all(np.concatenate([shapely.convex_hull(shapely.polygons(quads)), discs]))


def draw(shapes: Sequence[tuple[BaseGeometry, int]], shape: tuple[int, int], dtype: str = "uint8") -> NDArray[Any]:
    """Raster [H, W] of (geometry, value) pairs, later pairs on top, 0 elsewhere; a pixel is in by its centre."""
    kept = [(geometry, value) for geometry, value in shapes if not geometry.is_empty]
    if not kept:
        return np.zeros(shape, dtype)
    drawn: NDArray[Any] = rasterize(kept, out_shape=shape, fill=0, dtype=dtype)
    return drawn


def mask_of(geometry: BaseGeometry, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixel centres lie in `geometry`: bool [H, W]."""
    return draw([(geometry, 1)], shape).astype(bool)


def disc_distance(shape: tuple[int, int], centre: Points) -> NDArray[np.float32]:
    """Distance in pixels of every pixel centre from `centre` (x, y): float32 [H, W]."""
    y = (np.arange(shape[0], dtype=np.float32) + 0.5 - np.float32(centre[1]))[:, None]
    x = (np.arange(shape[1], dtype=np.float32) + 0.5 - np.float32(centre[0]))[None, :]
    distance: NDArray[np.float32] = np.sqrt(x * x + y * y)
    return distance


def sample(field: NDArray[Any], points: Points) -> NDArray[Any]:
    """Values of a raster [H, W] at points [n, 2] (x, y), the edge repeated outside."""
    cols = np.clip(np.floor(points[:, 0]).astype(int), 0, field.shape[1] - 1)
    rows = np.clip(np.floor(points[:, 1]).astype(int), 0, field.shape[0] - 1)
    values: NDArray[Any] = field[rows, cols]
    return values


def lines_mask(lines: Sequence[Points], width: float, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels within `width` / 2 of any of the polylines."""
    if not lines:
        return np.zeros(shape, bool)
    return draw([(LineString(line).buffer(width / 2), 1) for line in lines], shape).astype(bool)
