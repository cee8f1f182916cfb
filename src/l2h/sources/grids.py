"""The project's lattice from an extent."""

import math

from l2h.core.errors import GridError
from l2h.core.grid import Grid

SLACK = 1e-6  # of a cell: an extent that ends on a cell's edge must not take the next cell


def grid_for(
    bounds: tuple[float, float, float, float], crs: str, pixel: float, cell_px: int, *, keep_corner: bool = False
) -> Grid:
    """The grid of whole cells of `cell_px` × `cell_px` pixels that covers (left, bottom, right, top), in CRS units.

    Edges lie on multiples of the cell's side, so that two extents of one country share a lattice. With `keep_corner`
    the top left corner stays where `bounds` puts it (so that imagery on that lattice is copied, not resampled) and only
    right and bottom grow to whole cells. GridError for an empty or infinite extent.

    >>> grid_for((3.0, 4.0, 17.0, 16.0), "EPSG:32650", 1.0, 10)
    Grid(crs='EPSG:32650', x=0.0, y=20.0, pixel=1.0, height=20, width=20)
    """
    left, bottom, right, top = bounds
    if not (all(map(math.isfinite, bounds)) and left < right and bottom < top):
        raise GridError("an extent is empty", expected="left < right and bottom < top", got=str(bounds))
    cell = pixel * cell_px
    x = left if keep_corner else math.floor(left / cell + SLACK) * cell
    y = top if keep_corner else math.ceil(top / cell - SLACK) * cell
    rows, cols = math.ceil((y - bottom) / cell - SLACK), math.ceil((right - x) / cell - SLACK)
    return Grid(crs, x, y, pixel, rows * cell_px, cols * cell_px)
