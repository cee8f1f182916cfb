"""Grid, Window, Block: one lattice for the whole country.

Conventions: row before column; windows are half-open integers on the lattice; coordinates are those of the pixel
corner (`x`, `y` = left and top edge of pixel (0, 0)) unless a name says centre; pixels are square in the CRS.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from l2h.core.errors import GridError
from l2h.core.ground import cell_area


@dataclass(frozen=True, order=True)
class Window:
    """A half-open rectangle of the lattice: rows [row_start, row_stop), columns [col_start, col_stop)."""

    row_start: int
    row_stop: int
    col_start: int
    col_stop: int

    def __post_init__(self) -> None:
        if self.row_stop < self.row_start or self.col_stop < self.col_start:
            raise GridError("a window's stop lies before its start", got=repr(self))

    def __str__(self) -> str:
        return f"rows {self.row_start}:{self.row_stop}, columns {self.col_start}:{self.col_stop}"

    @property
    def edges(self) -> tuple[int, int, int, int]:
        """(row_start, row_stop, col_start, col_stop), as JSON files keep a window; `Window(*edges)` is the inverse."""
        return self.row_start, self.row_stop, self.col_start, self.col_stop

    @property
    def height(self) -> int:
        return self.row_stop - self.row_start

    @property
    def width(self) -> int:
        return self.col_stop - self.col_start

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def empty(self) -> bool:
        return self.pixels == 0

    def pad(self, margin: int) -> "Window":
        """The window grown by `margin` pixels on each side; it may reach outside the grid."""
        return Window(self.row_start - margin, self.row_stop + margin, self.col_start - margin, self.col_stop + margin)

    def intersect(self, other: "Window") -> "Window":
        """The common part; an empty window where there is none."""
        row, col = max(self.row_start, other.row_start), max(self.col_start, other.col_start)
        return Window(
            row, max(row, min(self.row_stop, other.row_stop)), col, max(col, min(self.col_stop, other.col_stop))
        )

    def hull(self, other: "Window") -> "Window":
        """The smallest window that holds both."""
        return Window(
            min(self.row_start, other.row_start), max(self.row_stop, other.row_stop),
            min(self.col_start, other.col_start), max(self.col_stop, other.col_stop),
        )  # fmt: skip

    def strips(self, rows: int) -> Iterator["Window"]:
        """The window in strips of so many rows, from the top: how a wide one is read in bounded memory."""
        for start in range(self.row_start, self.row_stop, rows):
            yield Window(start, min(start + rows, self.row_stop), self.col_start, self.col_stop)

    def contains(self, other: "Window") -> bool:
        return (
            self.row_start <= other.row_start
            and other.row_stop <= self.row_stop
            and self.col_start <= other.col_start
            and other.col_stop <= self.col_stop
        )

    def shift(self, rows: int, cols: int) -> "Window":
        return Window(self.row_start + rows, self.row_stop + rows, self.col_start + cols, self.col_stop + cols)

    def coarsen(self, factor: int) -> "Window":
        """The smallest window of the `factor` times coarser lattice that covers this one."""
        return Window(
            self.row_start // factor, -(-self.row_stop // factor), self.col_start // factor, -(-self.col_stop // factor)
        )

    def refine(self, factor: int) -> "Window":
        """The same ground on the `factor` times finer lattice."""
        return Window(self.row_start * factor, self.row_stop * factor, self.col_start * factor, self.col_stop * factor)

    def slices_in(self, outer: "Window") -> tuple[slice, slice]:
        """Slices that pick this window out of an array covering `outer`."""
        row, col = self.row_start - outer.row_start, self.col_start - outer.col_start
        return slice(row, row + self.height), slice(col, col + self.width)


@dataclass(frozen=True, order=True)
class Block:
    """A window that owns its pixels: every pixel of a grid has exactly one block.

    The name counts blocks, not pixels: `r0012c0007` is the thirteenth row of blocks, eighth column.
    """

    name: str
    window: Window


@dataclass(frozen=True)
class Grid:
    """The lattice everything is brought onto.

    crs    : anything PROJ understands ("EPSG:32650", WKT)
    x, y   : left and top edge of pixel (0, 0), in CRS units; y falls with the row
    pixel  : side of a pixel in CRS units (metres, or degrees for a geographic CRS)
    height, width : extent in pixels
    """

    crs: str
    x: float
    y: float
    pixel: float
    height: int
    width: int

    def __post_init__(self) -> None:
        if not (self.pixel > 0 and math.isfinite(self.pixel) and math.isfinite(self.x) and math.isfinite(self.y)):
            raise GridError(
                "a grid needs a finite origin and a positive pixel", got=f"{self.x}, {self.y}, {self.pixel}"
            )
        if self.height <= 0 or self.width <= 0:
            raise GridError("a grid needs at least one pixel", got=f"{self.height} × {self.width}")

    @property
    def window(self) -> Window:
        return Window(0, self.height, 0, self.width)

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def transform(self) -> Affine:
        return Affine(self.pixel, 0.0, self.x, 0.0, -self.pixel, self.y)

    def window_transform(self, window: Window) -> Affine:
        return Affine(
            self.pixel,
            0.0,
            self.x + window.col_start * self.pixel,
            0.0,
            -self.pixel,
            self.y - window.row_start * self.pixel,
        )

    def bounds(self, window: Window | None = None) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) of a window, or of the whole grid."""
        w = window or self.window
        return (
            self.x + w.col_start * self.pixel,
            self.y - w.row_stop * self.pixel,
            self.x + w.col_stop * self.pixel,
            self.y - w.row_start * self.pixel,
        )

    def xy(self, row: npt.ArrayLike, col: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Coordinates of pixel centres."""
        rows, cols = np.asarray(row, "float64"), np.asarray(col, "float64")
        return self.x + (cols + 0.5) * self.pixel, self.y - (rows + 0.5) * self.pixel

    def rowcol(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Row and column of the pixel that holds each point; may lie outside the grid.

        A point on an edge belongs to the pixel below and right of it. GridError where a coordinate is not finite.
        """
        rows = np.floor((self.y - np.asarray(y, "float64")) / self.pixel)
        cols = np.floor((np.asarray(x, "float64") - self.x) / self.pixel)
        if not (np.isfinite(rows).all() and np.isfinite(cols).all()):
            raise GridError("a coordinate is not finite", hint="It may lie outside the area where the CRS is valid.")
        return rows.astype("int64"), cols.astype("int64")

    def window_of_bounds(self, bounds: tuple[float, float, float, float]) -> Window:
        """The smallest window of the grid that covers (left, bottom, right, top); empty when they do not meet."""
        left, bottom, right, top = bounds
        if not all(math.isfinite(edge) for edge in bounds) or right < left or top < bottom:
            raise GridError("bounds are not an area", expected="left <= right, bottom <= top", got=str(bounds))
        slack = 1e-6  # of a pixel: bounds computed from the lattice must come back to the same lattice
        row = math.floor((self.y - top) / self.pixel + slack)
        col = math.floor((left - self.x) / self.pixel + slack)
        row_stop = math.ceil((self.y - bottom) / self.pixel - slack)
        col_stop = math.ceil((right - self.x) / self.pixel - slack)
        return Window(row, max(row, row_stop), col, max(col, col_stop)).intersect(self.window)

    def coarsen(self, factor: int) -> "Grid":
        """The lattice of `factor` × `factor` cells with the same origin; partial cells at the rim count as cells."""
        return replace(
            self, pixel=self.pixel * factor, height=-(-self.height // factor), width=-(-self.width // factor)
        )

    def tiles(self, step: int, within: Window | None = None) -> Iterator[Window]:
        """The `step` × `step` windows anchored to the grid's origin that meet `within`, clipped to the grid only.

        Whatever goes through floating point per window (warping, rasterising, networks) is computed on these tiles and
        cropped, so that it cannot depend on the task that asks.
        """
        if step <= 0:
            raise GridError("a tile needs a positive side", got=str(step))
        area = self.window if within is None else within.intersect(self.window)
        if area.empty:
            return
        for row in range(area.row_start // step * step, area.row_stop, step):
            for col in range(area.col_start // step * step, area.col_stop, step):
                yield Window(row, row + step, col, col + step).intersect(self.window)

    def blocks(self, size: int) -> list[Block]:
        """All blocks of `size` × `size` pixels, in row-major order; those at the rim are cut to the grid."""
        return [Block(f"r{w.row_start // size:04d}c{w.col_start // size:04d}", w) for w in self.tiles(size)]

    def row_area(self, row_start: int, row_stop: int) -> npt.NDArray[np.float64]:
        """Ground area in m² of one pixel of each row, float64 [row_stop - row_start].

        Exact on the ellipsoid, taken at the grid's middle column: the same for every column of a geographic or
        equal-area CRS, and good to the spread of the scale along a row elsewhere (`area_spread` tells how much).
        """
        rows = np.arange(row_start, row_stop)
        x, y = self.xy(rows, np.full(rows.shape, (self.width - 1) / 2))
        return cell_area(self.crs, x, y, self.pixel)

    def area_spread(self) -> float:
        """Largest relative difference of pixel area along a row: 0 on equal-area CRSs, about 1e-3 across a UTM zone."""
        rows = np.linspace(0, self.height - 1, 5)
        cols = np.linspace(0, self.width - 1, 9)
        r, c = np.meshgrid(rows, cols, indexing="ij")
        area = cell_area(self.crs, *self.xy(r, c), self.pixel)
        middle = area[:, len(cols) // 2][:, None]
        return float(np.abs(area / middle - 1).max())

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Grid":
        return cls(**values)
