"""Frame: where a source raster's pixels lie, and what of our lattice they cover."""

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.crs import parse_crs, same_crs, transformer
from l2h.core.grid import Grid, Window
from l2h.core.header import check_north_up

Floats = npt.NDArray[np.float64]
ALIGNED_PX = 1e-3  # two lattices that agree to this share of a pixel everywhere are one
MESH = 21  # points a side with which a footprint is brought into our CRS


@dataclass(frozen=True)
class Frame:
    """A north-up raster's place: pixels of width dx and height dy (CRS units), corner (x, y) at the top left."""

    crs: str
    x: float
    y: float
    dx: float
    dy: float
    height: int
    width: int

    @property
    def window(self) -> Window:
        return Window(0, self.height, 0, self.width)


def frame_of(dataset: Any, layer: str) -> Frame:
    """The frame of an open raster; GridError where it has no CRS, or is rotated or flipped.

    Oblong pixels are fine: everything is resampled.
    """
    check_north_up(dataset, f"layer '{layer}', {dataset.name}")
    t = dataset.transform
    return Frame(dataset.crs.to_string(), t.c, t.f, t.a, -t.e, dataset.height, dataset.width)


def offset_on(grid: Grid, frame: Frame) -> tuple[int, int] | None:
    """Row and column of the frame's first pixel on the grid, if both lie on one lattice; else None."""
    if not same_crs(grid.crs, frame.crs):
        return None
    corners = np.array([[frame.y, frame.x], [frame.y - frame.height * frame.dy, frame.x + frame.width * frame.dx]])
    places = (corners - [grid.y, grid.x]) / [-grid.pixel, grid.pixel] - [[0, 0], [frame.height, frame.width]]
    offset = np.rint(places[0])
    if np.abs(places - offset).max() > ALIGNED_PX:
        return None
    return int(offset[0]), int(offset[1])


def footprint(frame: Frame, grid: Grid) -> Window:
    """A window of the grid outside which the frame has no pixel (it may be larger than needed, never smaller).

    The frame is brought into our CRS as a mesh of points; its margin is what the bounds moved from half the mesh to
    the whole, twice. Where a point has no place in our CRS, the whole grid is the answer.
    """
    u = np.linspace(0, 1, MESH)
    x = np.broadcast_to(frame.x + u * frame.width * frame.dx, (MESH, MESH))
    y = np.broadcast_to((frame.y - u * frame.height * frame.dy)[:, None], (MESH, MESH))
    moved = not same_crs(frame.crs, grid.crs)
    if moved:
        x, y = transformer(frame.crs, grid.crs).transform(x, y)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return grid.window
    fine, coarse = _bounds(x, y), _bounds(x[::2, ::2], y[::2, ::2])
    margin = 2 * np.abs(fine - coarse) + moved * grid.pixel
    left, bottom, right, top = fine + margin * [-1, -1, 1, 1]
    turns = (-360.0, 0.0, 360.0) if parse_crs(grid.crs).is_geographic else (0.0,)
    windows = [grid.window_of_bounds((left + turn, bottom, right + turn, top)) for turn in turns]
    met = [window for window in windows if not window.empty]
    return reduce(Window.hull, met) if met else Window(0, 0, 0, 0)


def _bounds(x: Floats, y: Floats) -> Floats:
    return np.array([x.min(), y.min(), x.max(), y.max()])
