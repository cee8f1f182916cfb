"""Cloud-optimised GeoTIFFs: what is published, written by streaming, the same bytes for the same pixels.

Choices, each for the people who open the files:

- DEFLATE level 6 by default: every reader of TIFF knows it (ArcMap, old ENVI and R builds among them). ZSTD level 9
  wins between nothing and a quarter of the size on class maps at the same speed, but a reader without it shows nothing
  at all; it is one setting away. Higher levels cost five to ten times the time for a tenth of the size.
- Class maps get MODE overviews: the commonest class of the pixels below, never a class between two codes, and no
  speckle when zoomed out. Nodata does not vote, so a thin country rim stays visible.
- Everything else gets NEAREST overviews: each value shown was a value of a real pixel; months are not averaged.
- No dates, no random names, one thread: rebuilding gives the same bytes with the same GDAL.
- Empty tiles are written, not left sparse: some readers take a missing tile for an error.
"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError  # what a failed copy raises; rasterio gives it no public name
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from l2h.core.errors import GridError, StorageError
from l2h.core.files import PART, atomic_path
from l2h.core.formats import TruncatedError, check_tiff_whole
from l2h.core.grid import Window
from l2h.core.legend import Legend
from l2h.core.patch import Patch
from l2h.core.raster import GDAL_OPTIONS, RasterReader

TILE = 512  # side of a tile of the file
STEP = 4 * TILE  # side of what is in memory at a time
LEVELS = {"DEFLATE": 6, "ZSTD": 9}
Compression = Literal["DEFLATE", "ZSTD"]
Overviews = Literal["mode", "nearest"]


@dataclass(frozen=True)
class CogStyle:
    """How the pixels are dressed.

    nodata    : the value of pixels that are not valid; None only where every pixel is
    overviews : "mode" for classes, "nearest" for the rest
    legend    : adds the colour table and, as tags of the band, the class names (`class_2` = "Tree cover")
    tags      : text tags of the file (licence, product, ...); never a date of making
    """

    nodata: int | None
    overviews: Overviews
    legend: Legend | None = None
    compression: Compression = "DEFLATE"
    tags: Mapping[str, str] = field(default_factory=dict)


def write_cog(path: Path, reader: RasterReader, window: Window, style: CogStyle) -> None:
    """Write a window of a reader as one COG, whole or not at all.

    Memory is bounded by STEP² pixels and GDAL's cache whatever the size. The pixels go through a plain tiled file
    beside `path`, because a COG holds its overviews before its pixels and so cannot be written in one pass.
    """
    if window.empty:
        raise GridError("an empty window cannot become a raster", where=str(path), got=str(window))
    with (
        atomic_path(path) as part,
        rasterio.Env(**GDAL_OPTIONS, GDAL_PAM_ENABLED="NO"),
        # named as a part of `path`, so that whoever cleans up after a kill finds it
        tempfile.NamedTemporaryFile(prefix=f".{path.stem}{PART}", suffix=".raw.tif", dir=path.parent) as raw,
    ):
        try:
            _write_raw(Path(raw.name), reader, window, style)
            check_tiff_whole(Path(raw.name))  # GDAL tells nobody when the disk fills while it closes a file
            rasterio.shutil.copy(raw.name, part, driver="COG", **_cog_options(style, window))
            check_tiff_whole(part)
        except (RasterioError, CPLE_BaseError, TruncatedError) as error:
            raise StorageError(
                "a raster cannot be written",
                where=str(path),
                got=str(error.__cause__ or error),
                hint="Most often the disk is full: about twice the file's size is needed for a moment.",
            ) from error


def _cog_options(style: CogStyle, window: Window) -> dict[str, Any]:
    thin = min(window.shape) == 1  # half of one pixel is one pixel: readers take such an overview for a fault
    return {
        "compress": style.compression,
        "level": LEVELS[style.compression],
        "blocksize": TILE,
        "overviews": "NONE" if thin else "IGNORE_EXISTING",
        "overview_resampling": style.overviews.upper(),
        "overview_compress": style.compression,
        "bigtiff": "IF_SAFER",
    }


def _write_raw(path: Path, reader: RasterReader, window: Window, style: CogStyle) -> None:
    """The pixels in a plain tiled file; every tile is written once."""
    out: Any = None
    try:
        for piece in pieces(window):
            patch = reader.read(piece)
            if out is None:
                out = _create(path, reader, window, patch, style)
            box = piece.shift(-window.row_start, -window.col_start)
            target = RasterioWindow(box.col_start, box.row_start, box.width, box.height)
            out.write(filled(patch, style.nodata, path), window=target)
        _dress(out, style)
    finally:
        if out is not None:
            out.close()


def pieces(window: Window) -> Iterator[Window]:
    """The STEP × STEP parts of a window from its own corner, so that each covers whole tiles of the file."""
    for row in range(window.row_start, window.row_stop, STEP):
        for col in range(window.col_start, window.col_stop, STEP):
            yield Window(row, row + STEP, col, col + STEP).intersect(window)


def filled(patch: Patch, nodata: int | None, where: object) -> np.ndarray[Any, Any]:
    """The values [C, H, W] of a patch with `nodata` where it is not valid."""
    if patch.valid.all():
        return patch.values
    if nodata is None:
        raise GridError("pixels are missing and the file has no nodata value", where=f"{where}, {patch.window}")
    return np.where(patch.valid[None], patch.values, patch.values.dtype.type(nodata))


def _create(path: Path, reader: RasterReader, window: Window, patch: Patch, style: CogStyle) -> Any:
    return rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=patch.values.shape[0],
        height=window.height,
        width=window.width,
        dtype=patch.values.dtype.name,
        crs=reader.grid.crs,
        transform=reader.grid.window_transform(window),
        nodata=style.nodata,
        compress="ZSTD",
        zstd_level=1,
        tiled=True,
        blockxsize=TILE,
        blockysize=TILE,
        interleave="band",
        sparse_ok=True,
        bigtiff="YES",
    )


def _dress(out: Any, style: CogStyle) -> None:
    out.update_tags(**style.tags)
    if style.legend is not None:
        out.update_tags(legend=style.legend.name)
        out.write_colormap(1, style.legend.colormap)
        out.update_tags(1, **{f"class_{c.value}": c.label for c in style.legend.classes})
