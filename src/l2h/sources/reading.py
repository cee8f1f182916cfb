"""Reading a source raster: what it is, a window of it, a tile of our lattice from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from l2h.core.errors import InputError
from l2h.core.grid import Grid, Window
from l2h.core.header import check_blocks
from l2h.core.patch import Patch
from l2h.core.raster import open_raster
from l2h.sources.frame import Frame, frame_of, offset_on
from l2h.sources.resample import (
    hit,
    locate,
    mean_of_samples,
    refine,
    sample_bilinear,
    sample_nearest,
    samples_for,
    take_pixels,
    to_bytes,
    window_of,
)

How = Literal["copy", "nearest", "bilinear", "average"]
DATE_TAGS = ("ACQUISITION_DATE", "ACQUISITIONDATETIME", "TIFFTAG_DATETIME")
INTEGERS = ("uint8", "uint16", "int16")


class UnreadableError(InputError):
    """The bytes of a region cannot be read: the region becomes a hole, the rest of the file is used."""


@dataclass(frozen=True)
class Header:
    """What a raster says of itself before its pixels are read.

    declares_nodata : whether it says which pixels have no data, by a value or by a mask
    """

    path: Path
    frame: Frame
    dtype: str
    tags: dict[str, str]
    bands: tuple[int, ...]
    declares_nodata: bool = False


@dataclass(frozen=True)
class Recipe:
    """How pixels of a source become ours.

    bands  : bands to read, from 1
    nodata : values that mean "no pixel" where all bands have them, beside what the file declares
    scale  : linear stretch to 8 bits, for imagery: one pair for all bands, or one for each
    how    : copy (same lattice), nearest, bilinear, average
    """

    bands: tuple[int, ...]
    nodata: tuple[int, ...] = ()
    scale: tuple[tuple[float, float], ...] | None = None
    how: How = "nearest"


def describe(path: Path, bands: Sequence[int], layer: str, types: Sequence[str] = INTEGERS) -> Header:
    """Open a raster and check what can be checked without its pixels.

    InputError for a missing file, an unknown format, blocks too large to decode, a missing band or values of another
    type than `types` (integers of 8 or 16 bits); GridError for a missing CRS, rotation or flip.
    """
    with open_raster(path) as dataset:
        where = f"layer '{layer}', {path}"
        check_blocks(dataset, where)
        missing = [band for band in bands if band > dataset.count]
        if missing:
            raise InputError("a raster lacks a band", where=where, expected=f"bands {list(bands)}", got=dataset.count)
        dtypes = {dataset.dtypes[band - 1] for band in bands}
        if len(dtypes) > 1 or not dtypes <= set(types):
            whole = "Convert it with gdal_translate -ot Byte; floating-point values and NaN have no place here."
            raise InputError(
                "a raster's values have a type we do not take",
                where=where,
                expected=" or ".join(types),
                got=", ".join(sorted(dtypes)),
                hint=whole if types is INTEGERS else "Convert it with gdal_translate -ot Float32.",
            )
        says = any(MaskFlags.all_valid not in dataset.mask_flag_enums[band - 1] for band in bands)
        frame = frame_of(dataset, layer)
        return Header(path, frame, dtypes.pop(), dict(dataset.tags()), tuple(bands), says)


def read_source(dataset: Any, window: Window, recipe: Recipe) -> Patch:
    """A window of an open raster's own pixels, with validity from its mask, its nodata value or the recipe's.

    A pixel is void only where all bands say so: a dark pixel of an image may well be 0 in one band. Zero alone means
    nothing. UnreadableError names file and window where the bytes cannot be read.
    """
    box = RasterioWindow(window.col_start, window.row_start, window.width, window.height)
    try:
        values = dataset.read(list(recipe.bands), window=box)
        valid = (dataset.read_masks(list(recipe.bands), window=box) > 0).any(0)
    except RasterioError as error:
        raise UnreadableError(
            "a raster cannot be read",
            where=f"{dataset.name}, its {window}",
            got=str(error.__cause__ or error),
            hint="The file may be truncated or corrupt.",
        ) from error
    for value in recipe.nodata:
        valid &= (values != value).any(0)
    return Patch(values, valid, window)


def read_tile(dataset: Any, frame: Frame, grid: Grid, tile: Window, recipe: Recipe) -> Patch:
    """A tile of our lattice from an open raster; invalid where the raster has no pixel.

    tile : one of `grid.tiles(TILE_PX)`, whole: a region that cannot be read makes the whole tile an UnreadableError
    """
    if recipe.how == "copy":
        return _copy(dataset, frame, grid, tile, recipe)
    if recipe.how == "nearest":
        return _nearest(dataset, frame, grid, tile, recipe)
    samples = samples_for(grid, frame) if recipe.how == "average" else 1
    places = locate(refine(grid, samples), tile.refine(samples), frame)
    box = window_of(*places, frame)
    if box.empty:
        return _nothing(tile, recipe, dataset)
    source = read_source(dataset, box, recipe)
    v, u = places[0] - box.row_start, places[1] - box.col_start
    sample = sample_bilinear if recipe.how == "bilinear" else sample_nearest  # of the samples of a mean
    values, valid = sample(source.values, source.valid, v, u)
    if recipe.how == "average":
        values, valid = mean_of_samples(values, valid, samples)
    return Patch(_finished(values, recipe), valid, tile)


def _nearest(dataset: Any, frame: Frame, grid: Grid, tile: Window, recipe: Recipe) -> Patch:
    rows, cols = hit(grid, tile, frame)
    box = Window(int(rows.min()), int(rows.max()) + 1, int(cols.min()), int(cols.max()) + 1).intersect(frame.window)
    if box.empty:
        return _nothing(tile, recipe, dataset)
    source = read_source(dataset, box, recipe)
    rows, cols = rows - np.int32(box.row_start), cols - np.int32(box.col_start)
    values, valid = take_pixels(source.values, source.valid, rows, cols)
    return Patch(_finished(values, recipe), valid, tile)


def choose_how(wanted: str, frame: Frame, grid: Grid) -> How:
    """`auto`: a copy on our own lattice, the mean where the source is much finer than we, else bilinear."""
    if offset_on(grid, frame) is not None and wanted in ("auto", "nearest"):
        return "copy"
    if wanted == "auto":
        return "average" if samples_for(grid, frame) > 1 else "bilinear"
    if wanted == "average":
        return "average"
    return "bilinear" if wanted == "bilinear" else "nearest"


def _copy(dataset: Any, frame: Frame, grid: Grid, tile: Window, recipe: Recipe) -> Patch:
    offset = offset_on(grid, frame)
    if offset is None:
        raise InputError("a raster does not lie on the project's lattice", where=str(dataset.name))
    inside = tile.shift(-offset[0], -offset[1]).intersect(frame.window)
    patch = _nothing(tile, recipe, dataset)
    if inside.empty:
        return patch
    source = read_source(dataset, inside, recipe)
    rows, cols = inside.shift(*offset).slices_in(tile)
    patch.values[:, rows, cols] = np.where(source.valid, _finished(source.values, recipe), 0)
    patch.valid[rows, cols] = source.valid
    return patch


def _nothing(tile: Window, recipe: Recipe, dataset: Any) -> Patch:
    dtype = "uint8" if recipe.scale else dataset.dtypes[recipe.bands[0] - 1]
    return Patch(np.zeros((len(recipe.bands), *tile.shape), dtype), np.zeros(tile.shape, bool), tile)


def _finished(values: npt.NDArray[np.generic], recipe: Recipe) -> npt.NDArray[np.generic]:
    """8 bits for imagery; product codes stay what they are."""
    interpolated = values.dtype.kind == "f"
    return to_bytes(values, recipe.scale) if interpolated or recipe.scale else values
