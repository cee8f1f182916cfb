"""The project's grid of the toy country, and other lattices over the same ground."""

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from l2h.core.grid import Grid
from l2h.toy.layout import Frame

CRS = "EPSG:32650"
GEOGRAPHIC = "EPSG:4326"
LEFT, TOP = 500_120.0, 3_320_480.0  # near 117° E, 30° N

Coordinates = tuple[NDArray[np.float64], NDArray[np.float64]]


def project_grid(frame: Frame) -> Grid:
    """The 1 m lattice of the project."""
    return Grid(CRS, LEFT, TOP, 1.0, frame.height, frame.width)


def to_geographic(grid: Grid, x: NDArray[np.float64], y: NDArray[np.float64]) -> Coordinates:
    """Local pixel coordinates (x right, y down) to longitude and latitude in degrees."""
    transformer = Transformer.from_crs(grid.crs, GEOGRAPHIC, always_xy=True)
    lon, lat = transformer.transform(grid.x + np.asarray(x, float), grid.y - np.asarray(y, float))
    return lon, lat


def covering(grid: Grid, crs: str, pixel: float, offset: tuple[float, float] = (0.0, 0.0)) -> Grid:
    """Smallest grid of another CRS and pixel size that covers `grid`; its lattice passes through `offset`."""
    left, bottom, right, top = grid.bounds()
    rim = np.linspace(0, 1, 33)
    x = np.concatenate([left + rim * (right - left)] * 2 + [np.full(33, left), np.full(33, right)])
    y = np.concatenate([np.full(33, bottom), np.full(33, top)] + [bottom + rim * (top - bottom)] * 2)
    u, v = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(x, y)
    first_col, last_col = (np.floor((u.min() - offset[0]) / pixel), np.ceil((u.max() - offset[0]) / pixel))
    first_row, last_row = (np.floor((v.min() - offset[1]) / pixel), np.ceil((v.max() - offset[1]) / pixel))
    height, width = int(last_row - first_row), int(last_col - first_col)
    return Grid(crs, float(first_col * pixel + offset[0]), float(last_row * pixel + offset[1]), pixel, height, width)


def centres(lattice: Grid, grid: Grid) -> Coordinates:
    """Cell centres of `lattice` as local pixel coordinates (x right, y down) of `grid`: two float64 [h, w]."""
    rows, cols = np.mgrid[: lattice.height, : lattice.width]
    u, v = lattice.xy(rows, cols)
    if lattice.crs != grid.crs:
        u, v = Transformer.from_crs(lattice.crs, grid.crs, always_xy=True).transform(u, v)
    return (u - grid.x) / grid.pixel, (grid.y - v) / grid.pixel
