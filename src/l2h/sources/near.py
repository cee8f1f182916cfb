"""Near: the things of a long list that meet a window, looked up in a tree; and those that meet the grid at all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
import shapely
from shapely import STRtree

from l2h.core.errors import GridError
from l2h.core.grid import Grid, Window
from l2h.sources.frame import Frame

Thing = TypeVar("Thing")


class Placed(Protocol):
    """A file with its place: the window of the grid outside which it has no pixel."""

    @property
    def path(self) -> Path: ...

    @property
    def frame(self) -> Frame: ...

    @property
    def covers(self) -> Window: ...


File = TypeVar("File", bound=Placed)


def touching(files: Sequence[File], grid: Grid, what: str, layer: str, hint: str) -> tuple[File, ...]:
    """The files of a layer that can touch the grid, in their order; GridError where none can."""
    found = tuple(file for file in files if not file.covers.empty)
    if not found:
        raise GridError(
            f"{what} the project's grid", where=f"layer '{layer}', {len(files)} files",
            expected=f"something within {grid.bounds()} of {grid.crs}",
            got=f"{files[0].path.name} in {files[0].frame.crs}", hint=hint,
        )  # fmt: skip
    return found


class Near(Generic[Thing]):
    """A list of things, each with the window outside which it has nothing.

    >>> strips = [Window(0, 4, 0, 2), Window(0, 4, 2, 4), Window(0, 4, 4, 4)]
    >>> Near(["left", "right", "nothing"], strips).meeting(Window(0, 1, 1, 2))
    ('left',)
    """

    def __init__(self, things: Sequence[Thing], windows: Sequence[Window]) -> None:
        self._things = things
        edges = np.array([window.edges for window in windows], "int64").reshape(-1, 4)
        self._places = np.flatnonzero((edges[:, 1] > edges[:, 0]) & (edges[:, 3] > edges[:, 2]))
        row, row_stop, col, col_stop = edges[self._places].T
        # the tree's boxes are closed: pixel numbers, not edges, so that neighbours do not touch
        self._tree = STRtree(shapely.box(col, row, col_stop - 1, row_stop - 1))

    @classmethod
    def of(cls, files: Sequence[File]) -> "Near[File]":
        """Files, each with the window that it covers."""
        return Near(files, [file.covers for file in files])

    def meeting(self, window: Window) -> tuple[Thing, ...]:
        """Those that share a pixel with a window, in the order of the list."""
        if window.empty:
            return ()
        box = shapely.box(window.col_start, window.row_start, window.col_stop - 1, window.row_stop - 1)
        return tuple(self._things[place] for place in np.sort(self._places[self._tree.query(box)]))
