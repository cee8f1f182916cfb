"""Frame: where a source raster's pixels lie, and what of our lattice they cover."""

from collections.abc import Sequence
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
FEW = 5  # of each of many small ones
POINTS = 1 << 20  # that are brought over at once


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

    def part(self, window: Window) -> "Frame":
        """The frame of a window of its pixels."""
        x, y = self.x + window.col_start * self.dx, self.y - window.row_start * self.dy
        return Frame(self.crs, x, y, self.dx, self.dy, window.height, window.width)


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

    Where a point has no place in our CRS, the whole grid is the answer.
    """
    return footprints(frame, [frame.window], grid, MESH)[0]


def footprints(frame: Frame, windows: Sequence[Window], grid: Grid, mesh: int = FEW) -> list[Window]:
    """As `footprint`, of parts of a frame: hundreds of thousands of them in seconds.

    Each is brought into our CRS as a mesh of `mesh` × `mesh` points, an odd number. Its margin is twice what the bounds
    moved from half the mesh to the whole, and twice what the line between two points can be off.
    """
    edges = np.array([window.edges for window in windows], "float64").reshape(-1, 4)
    many = max(1, POINTS // mesh**2)
    parts = [_footprints(frame, edges[at : at + many], grid, mesh) for at in range(0, len(edges), many)]
    return [window for part in parts for window in part]


def _footprints(frame: Frame, edges: Floats, grid: Grid, mesh: int) -> list[Window]:
    top, bottom, left, right = edges[:, :, None, None].swapaxes(0, 1)
    share = np.linspace(0, 1, mesh)
    shape = (len(edges), mesh, mesh)
    x = np.broadcast_to(frame.x + (left + share * (right - left)) * frame.dx, shape)
    y = np.broadcast_to(frame.y - (top + share[:, None] * (bottom - top)) * frame.dy, shape)
    moved = not same_crs(frame.crs, grid.crs)
    if moved:
        x, y = transformer(frame.crs, grid.crs).transform(x, y)
    placed = np.isfinite(x).all((1, 2)) & np.isfinite(y).all((1, 2))
    x, y = x[placed], y[placed]
    fine = _bounds(x, y)
    margin = 2 * np.abs(fine - _bounds(x[:, ::2, ::2], y[:, ::2, ::2])) + moved * grid.pixel
    margin += np.tile([_bend(x), _bend(y)], (2, 1)).T
    boxes = iter((fine + margin * [-1, -1, 1, 1]).tolist())
    turns = (-360.0, 0.0, 360.0) if parse_crs(grid.crs).is_geographic else (0.0,)
    return [_covered(next(boxes), grid, turns) if here else grid.window for here in placed]


def _bend(values: Floats) -> Floats:
    """Twice how far a mesh is from what lies between its points, at most: [N] of [N, M, M].

    A line through points a step h apart is off by h² f″ / 8, and a second difference is h² f″.
    """
    bends = [np.abs(np.diff(values, 2, axis)).max((1, 2), initial=0.0) for axis in (1, 2)]
    return np.asarray(np.maximum(*bends) / 4)


def _covered(box: list[float], grid: Grid, turns: Sequence[float]) -> Window:
    left, bottom, right, top = box
    windows = [grid.window_of_bounds((left + turn, bottom, right + turn, top)) for turn in turns]
    met = [window for window in windows if not window.empty]
    return reduce(Window.hull, met) if met else Window(0, 0, 0, 0)


def _bounds(x: Floats, y: Floats) -> Floats:
    """float64 [N, 4]: left, bottom, right, top of meshes [N, M, M]."""
    return np.stack([f(v, axis=(1, 2)) for f, v in ((np.min, x), (np.min, y), (np.max, x), (np.max, y))], axis=1)
