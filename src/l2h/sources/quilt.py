"""A picture in many files on one lattice, read as one: no seam where one file ends and the next begins.

Interpolation needs the pixels on both sides of an edge. Files that are scenes of their own keep to themselves; the
sheets of one service are one picture.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window as RasterioWindow

from l2h.core.grid import Window
from l2h.core.raster import open_raster
from l2h.sources.near import Near

OPEN_FILES = 8


@dataclass(frozen=True)
class Piece:
    """One of the files: where it lies in the whole picture, and outside which window of our grid it has no pixel."""

    path: Path
    window: Window
    covers: Window


class Quilt:
    """Reads windows of a picture from its pieces, as an open raster does; what no piece covers is void."""

    def __init__(self, name: str, pieces: Sequence[Piece], dtype: str) -> None:
        self.name, self.dtypes = name, [dtype] * 4
        self._pieces = Near(pieces, [piece.window for piece in pieces])
        self._open: OrderedDict[Path, tuple[Any, ExitStack]] = OrderedDict()

    def read(self, bands: Sequence[int], window: RasterioWindow) -> npt.NDArray[Any]:
        """[B, H, W]; RasterioError where a piece cannot be read."""
        out = np.zeros((len(bands), int(window.height), int(window.width)), self.dtypes[0])
        for dataset, box, rows, cols in self._met(window):
            out[:, rows, cols] = dataset.read(list(bands), window=box)
        return out

    def read_masks(self, bands: Sequence[int], window: RasterioWindow) -> npt.NDArray[Any]:
        """[B, H, W], 255 where there is a pixel."""
        out = np.zeros((len(bands), int(window.height), int(window.width)), "uint8")
        for dataset, box, rows, cols in self._met(window):
            out[:, rows, cols] = dataset.read_masks(list(bands), window=box)
        return out

    def _met(self, box: RasterioWindow) -> Iterator[tuple[Any, RasterioWindow, slice, slice]]:
        row, col = int(box.row_off), int(box.col_off)
        wanted = Window(row, row + int(box.height), col, col + int(box.width))
        for piece in self._pieces.meeting(wanted):
            common = wanted.intersect(piece.window)
            here = common.shift(-piece.window.row_start, -piece.window.col_start)
            inside = RasterioWindow(here.col_start, here.row_start, here.width, here.height)
            yield self._dataset(piece.path), inside, *common.slices_in(wanted)

    def _dataset(self, path: Path) -> Any:
        if path not in self._open:
            held = ExitStack()
            self._open[path] = held.enter_context(open_raster(path)), held
        self._open.move_to_end(path)
        if len(self._open) > OPEN_FILES:
            self._open.popitem(last=False)[1][1].close()
        return self._open[path][0]

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1][1].close()


@contextmanager
def open_picture(path: Path, pieces: Sequence[Piece], dtype: str) -> Iterator[Any]:
    """An open raster: of one file, or of the pieces where there are some."""
    if not pieces:
        with open_raster(path) as dataset:
            yield dataset
        return
    quilt = Quilt(path.name, pieces, dtype)
    try:
        yield quilt
    finally:
        quilt.close()
