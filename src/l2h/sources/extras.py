"""Extras: what any raster, the latitude and the month of capture say of each cell of 10 × 10 px.

Pure functions on arrays, and the reading of a window; every cell is computed on fixed tiles of the cells' lattice, so
no block can show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.crs import transformer
from l2h.core.errors import InputError
from l2h.core.grid import Grid, Window
from l2h.core.raster import open_raster, read_window
from l2h.core.tasks import Hole
from l2h.sources.extra_settings import ExtraSettings
from l2h.sources.frame import Frame, footprint
from l2h.sources.near import touching
from l2h.sources.paths import find_files
from l2h.sources.reading import INTEGERS, How, choose_how, describe
from l2h.sources.resample import (
    locate,
    mean_of_samples,
    refine,
    sample_bilinear,
    sample_nearest,
    samples_for,
    window_of,
)

TILE_CELLS = 100  # a kilometre at 10 m; divides the default block
TYPES = (*INTEGERS, "int8", "uint32", "int32", "float32", "float64")
SCENES = 1 << 16  # that a raster of scenes can tell apart
FINEST = 32  # source pixels along a cell: finer ones would ask for hundreds of megabytes a tile
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ExtraSheet:
    """One file of an extra, and the window of the cells' lattice outside which it has no pixel."""

    path: Path
    frame: Frame
    covers: Window
    how: How


@dataclass(frozen=True)
class Cells:
    """A window of an extra: values float32 [C, h, w], 0 where not valid; valid [h, w]; and what could not be read."""

    values: Floats
    valid: Mask
    holes: tuple[Hole, ...] = ()


def list_extra_sheets(extra: ExtraSettings, project_dir: Path, cells: Grid) -> tuple[ExtraSheet, ...]:
    """The files of an extra that can touch the lattice of cells, in listed order.

    InputError for a lacking band or values that are no numbers we take, GridError where no file touches the lattice.
    """
    sheets = [_sheet(path, extra, cells) for path in find_files(project_dir, extra.paths, extra.name)]
    hint = "Extras may be missing: leave the entry out where there is none for this place."
    return touching(sheets, cells, "an extra does not touch", extra.name, hint)


def _sheet(path: Path, extra: ExtraSettings, cells: Grid) -> ExtraSheet:
    frame = describe(path, extra.bands, extra.name, TYPES).frame
    finest = cells.pixel / _pixel_on(frame, cells)
    if finest > FINEST:
        raise InputError(
            "an extra is far finer than its cells", where=f"layer '{extra.name}', {path}",
            expected=f"at most {FINEST} pixels along a cell of {cells.pixel:g} m", got=f"{finest:.0f}",
            hint="Bring it to 1 m or coarser first, for example with gdalwarp -r average.",
        )  # fmt: skip
    return ExtraSheet(path, frame, footprint(frame, cells), choose_how(extra.resampling, frame, cells))


def _pixel_on(frame: Frame, cells: Grid) -> float:
    """Side of a source pixel at the middle of the source, in units of the cells' CRS."""
    x, y = frame.x + frame.dx * frame.width / 2, frame.y - frame.dy * frame.height / 2
    there = transformer(frame.crs, cells.crs)
    (x0, y0), (x1, y1) = there.transform(x, y), there.transform(x + frame.dx, y)
    side = float(np.hypot(x1 - x0, y1 - y0))
    return side if np.isfinite(side) and side > 0 else cells.pixel


def extra_cells(extra: ExtraSettings, sheets: Sequence[ExtraSheet], cells: Grid, window: Window) -> Cells:
    """An extra in a window of the cells' lattice. Where files overlap, the first that has the cell gives it.

    A cell is valid where every kept band has a number: no NaN, no nodata. What cannot be read is missing, and a hole.
    """
    values, valid = np.zeros((len(extra.bands), *window.shape), np.float32), np.zeros(window.shape, bool)
    holes: list[Hole] = []
    for sheet in sheets:
        with open_raster(sheet.path) as dataset:
            for tile in cells.tiles(TILE_CELLS, window.intersect(sheet.covers)):
                part = tile.intersect(window)
                try:
                    found = _tile(dataset, sheet, extra, cells, tile)
                except InputError as error:
                    holes.append(Hole(f"layer '{extra.name}', {sheet.path.name}, cells {tile}", str(error)))
                    continue
                inner, into = part.slices_in(tile), part.slices_in(window)
                free = found.valid[inner] & ~valid[into]
                values[:, *into][:, free] = found.values[:, *inner][:, free]
                valid[into] |= free
    return Cells(values, valid, tuple(holes))


def _tile(dataset: Any, sheet: ExtraSheet, extra: ExtraSettings, cells: Grid, tile: Window) -> Cells:
    """One whole tile of the lattice from one file."""
    samples = samples_for(cells, sheet.frame) if sheet.how == "average" else 1
    v, u = locate(refine(cells, samples), tile.refine(samples), sheet.frame)
    box = window_of(v, u, sheet.frame)
    if box.empty:
        return Cells(np.zeros((len(extra.bands), *tile.shape), np.float32), np.zeros(tile.shape, bool))
    values, valid = _numbers(dataset, box, extra)
    sample = sample_bilinear if sheet.how == "bilinear" else sample_nearest
    taken, good = sample(values, valid, v - box.row_start, u - box.col_start)
    if sheet.how == "average":
        taken, good = mean_of_samples(taken, good, samples)
    return Cells(np.where(good, taken, 0).astype(np.float32), good)


def _numbers(dataset: Any, box: Window, extra: ExtraSettings) -> tuple[npt.NDArray[np.float64], Mask]:
    """A source's own pixels, float64 [C, h, w], 0 where a band has no number; and where all have one."""
    patch = read_window(dataset, box, extra.bands)
    values = patch.values.astype(np.float64)
    valid = patch.valid & np.isfinite(values).all(0)
    if extra.nodata is not None:
        valid &= (patch.values != extra.nodata).all(0)
    return np.where(valid, values, 0.0), valid


def latitude_cells(cells: Grid, window: Window) -> Cells:
    """Latitude of the centre of each cell in degrees; missing where the CRS knows none."""
    rows, cols = np.mgrid[window.row_start : window.row_stop, window.col_start : window.col_stop]
    latitude = transformer(cells.crs, "EPSG:4326").transform(*cells.xy(rows, cols))[1]
    valid = np.isfinite(latitude)
    return Cells(np.where(valid, latitude, 0)[None].astype(np.float32), valid)


def month_cells(scene_of: npt.NDArray[np.generic], months: Mapping[int, int], cell_px: int) -> Cells:
    """Sine and cosine of the month of capture, the mean over the dated pixels of each cell; missing where none is.

    scene_of : [h · cell_px, w · cell_px], index of the scene of each pixel, 0 none;  months : index → 1 to 12.
    January's middle is half a month after the turn of the year: sin(2π (month - ½) / 12). Pixels are counted in whole
    numbers, so their order cannot show.

    >>> month_cells(np.array([[1, 2], [0, 0]]), {1: 1, 2: 1}, 2).values.astype(float).round(3).ravel().tolist()
    [0.259, 0.966]
    """
    height, width = (side // cell_px for side in scene_of.shape)
    month_of = np.zeros(SCENES, np.uint8)  # a byte a pixel: the scenes of a whole block are read at once
    for index, month in months.items():
        month_of[index] = month
    per_cell = month_of[scene_of.astype(np.uint16, copy=False)].reshape(height, cell_px, width, cell_px)
    counts = np.stack([(per_cell == month).sum((1, 3)) for month in range(1, 13)])
    angle = 2 * np.pi * (np.arange(12) + 0.5) / 12
    total = counts.sum(0)
    turn = np.stack([np.sin(angle), np.cos(angle)])  # [2, 12]
    values = sum(turn[:, month, None, None] * counts[month] for month in range(12)) / np.maximum(total, 1)
    return Cells(np.asarray(values, np.float32), total > 0)
