"""The raster edge: windowed reads with validity, whole files on the lattice, and stores of block files.

All use of rasterio for reading and writing rasters of the workspace goes through here.
"""

import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import MaskFlags
from rasterio.env import set_gdal_config
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window as RasterioWindow

from l2h.core.errors import GridError, InputError
from l2h.core.files import write_bytes
from l2h.core.formats import check_tiff_whole, driver_of
from l2h.core.grid import Block, Grid, Window
from l2h.core.header import check_blocks, check_north_up
from l2h.core.legend import Legend
from l2h.core.patch import Patch

SAFE_DRIVERS = ("GTiff", "JP2OpenJPEG", "PNG", "JPEG")
OPEN_FILES = 16
CACHE_BYTES = 128_000_000  # decoded tiles GDAL may keep; its own default is a twentieth of the machine's memory
GDAL_OPTIONS = {"GDAL_TIFF_INTERNAL_MASK": "YES", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
LAYOUT = {
    "tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "band",
    "compress": "ZSTD", "zstd_level": 3, "bigtiff": "IF_SAFER",
    "photometric": "MINISBLACK",  # else GDAL takes the last of four bands for transparency
}  # fmt: skip


class RasterReader(Protocol):
    """Anything that gives pixels of a lattice: a store of blocks, or a virtual raster of a test."""

    @property
    def grid(self) -> Grid: ...

    def read(self, window: Window) -> Patch: ...


@contextmanager
def open_raster(path: Path, drivers: Sequence[str] = SAFE_DRIVERS) -> Iterator[Any]:
    """Open a raster for reading; InputError where it is missing, broken, or of a format not in `drivers`.

    VRT and other formats that can point to further files are left out on purpose.
    """
    dataset = _open(path, drivers)
    try:
        yield dataset
    finally:
        dataset.close()


def _open(path: Path, drivers: Sequence[str]) -> Any:
    if not Path(path).is_file():
        raise InputError("a raster is missing", where=str(path))
    driver = driver_of(Path(path))
    if driver not in drivers:
        raise InputError(
            "a raster has a format we do not read", where=str(path), expected=", ".join(drivers), got=driver
        )
    if driver == "GTiff":
        check_tiff_whole(Path(path))
    _bound_cache()
    try:
        with rasterio.Env(**GDAL_OPTIONS), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # `grid_of` says it, as an error
            return rasterio.open(path, driver=driver)
    except RasterioError as error:
        raise InputError(
            "a raster cannot be opened", where=str(path), got=str(error), hint="The file may be truncated."
        ) from error


@cache
def _bound_cache() -> None:
    """Bound GDAL's cache of decoded tiles, once per process: an Env around each read would forget it on leaving."""
    set_gdal_config("GDAL_CACHEMAX", CACHE_BYTES)


def grid_of(dataset: Any) -> Grid:
    """The grid of an open raster; GridError where it has no CRS, is rotated, flipped or has oblong pixels."""
    where, t = str(dataset.name), dataset.transform
    check_north_up(dataset, where)
    if abs(t.a + t.e) > 1e-9 * t.a:
        raise GridError("a raster has oblong pixels", where=where, got=f"{t.a} × {-t.e}")
    crs = dataset.crs.to_string()
    return Grid(crs, t.c, t.f, t.a, dataset.height, dataset.width)


def read_window(dataset: Any, window: Window, bands: Sequence[int] | None = None) -> Patch:
    """Read a window of an open raster's own grid; what lies outside the raster is invalid.

    Validity comes from the nodata value or the mask of the file: every chosen band must be valid. InputError names file
    and window where the bytes cannot be read, or only in too large blocks; nothing is ever filled in silence.
    """
    check_blocks(dataset, str(dataset.name))
    bands = list(bands or dataset.indexes)
    inside = window.intersect(Window(0, dataset.height, 0, dataset.width))
    values = np.zeros((len(bands), *window.shape), dataset.dtypes[bands[0] - 1])
    valid = np.zeros(window.shape, bool)
    if not inside.empty:
        rows, cols = inside.slices_in(window)
        box = RasterioWindow(inside.col_start, inside.row_start, inside.width, inside.height)
        try:
            values[:, rows, cols] = dataset.read(bands, window=box)
            valid[rows, cols] = _read_validity(dataset, bands, box, values[:, rows, cols])
        except RasterioError as error:
            raise InputError(
                "a raster cannot be read",
                where=f"{dataset.name}, {inside}",
                got=str(error.__cause__ or error),
                hint="The file may be truncated or corrupt.",
            ) from error
    return Patch(values, valid, window)


def _read_validity(dataset: Any, bands: Sequence[int], box: RasterioWindow, values: npt.NDArray[Any]) -> Any:
    """Where all bands are valid: [H, W] bool, or True; decodes no more than the kind of mask asks for.

    values : [C, H, W], the bands' pixels in the box
    """
    flags = [dataset.mask_flag_enums[band - 1] for band in bands]
    if all(kinds == [MaskFlags.all_valid] for kinds in flags):
        return True
    nodata = {dataset.nodatavals[band - 1] for band in bands}
    if all(kinds == [MaskFlags.nodata] for kinds in flags) and _of_type(nodata, values.dtype):
        return (values != values.dtype.type(nodata.pop())).all(0)  # GDAL would decode the pixels once more
    if all(kinds == [MaskFlags.per_dataset] for kinds in flags):
        bands = bands[:1]  # one mask for all bands
    return (dataset.read_masks(list(bands), window=box) > 0).all(0)


def _of_type(nodata: set[Any], dtype: np.dtype[Any]) -> bool:
    """Whether bands share one nodata value that their integer type can hold."""
    if len(nodata) != 1 or dtype.kind not in "ui":
        return False
    (value,), limits = nodata, np.iinfo(dtype)
    return float(value).is_integer() and bool(limits.min <= value <= limits.max)


def write_raster(
    path: Path,
    values: npt.NDArray[Any],
    grid: Grid,
    window: Window,
    *,
    nodata: int | None = None,
    valid: npt.NDArray[np.bool_] | None = None,
    legend: Legend | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Write one whole GeoTIFF of a window: tiled, ZSTD, the same bytes for the same values.

    values : [C, H, W]; `valid` [H, W] goes into an internal mask, so that zero stays a value. `legend` adds the colour
    table of the first band.
    """
    count, height, width = values.shape
    if (height, width) != window.shape:
        raise GridError("values do not cover their window", expected=str(window.shape), got=str((height, width)))
    size = {"count": count, "height": height, "width": width, "dtype": values.dtype.name, "nodata": nodata}
    place = {"crs": grid.crs, "transform": grid.window_transform(window)}
    # GDAL tells nobody when the disk fills while it closes a file, so it writes to memory and we to the disk
    with MemoryFile() as memory, rasterio.Env(**GDAL_OPTIONS), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a lattice may begin at (0, 0) with pixels of 1
        try:
            with memory.open(driver="GTiff", **size, **place, **LAYOUT) as out:
                out.write(values)
                if valid is not None:
                    out.write_mask(valid)
                if legend is not None:
                    out.write_colormap(1, legend.colormap)
                out.update_tags(**(tags or {}))
        except CRSError as error:
            raise GridError("the CRS is not known", where=str(path), got=grid.crs) from error
        write_bytes(path, memory.getbuffer())


class BlockStore:
    """A raster kept as one file per block in a folder; reads assemble whatever blocks a window meets.

    Safe to use from several threads and to send to other processes; holds at most OPEN_FILES files open.
    """

    def __init__(self, folder: Path, grid: Grid, block_px: int) -> None:
        self.folder, self._grid, self.block_px = Path(folder), grid, block_px
        self._reset()

    def _reset(self) -> None:
        self._open: OrderedDict[Path, tuple[tuple[int, int], Any]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def grid(self) -> Grid:
        return self._grid

    @property
    def blocks(self) -> list[Block]:
        return self._grid.blocks(self.block_px)

    def path(self, block: Block) -> Path:
        return self.folder / f"{block.name}.tif"

    def blocks_of(self, window: Window) -> list[Block]:
        """The blocks that own pixels of a window."""
        size = self.block_px
        return [
            Block(f"r{w.row_start // size:04d}c{w.col_start // size:04d}", w) for w in self._grid.tiles(size, window)
        ]

    def paths_of(self, window: Window) -> tuple[Path, ...]:
        """The files a read of `window` needs, for a task's inputs."""
        return tuple(self.path(block) for block in self.blocks_of(window))

    def read(self, window: Window) -> Patch:
        """Pixels of any window of the lattice; invalid outside the grid. InputError where a block's file is missing."""
        blocks = self.blocks_of(window)
        if not blocks:
            raise GridError("a window lies outside the grid", expected=f"within {self._grid.window}", got=str(window))
        patches = [self._read_block(block, window.intersect(block.window)) for block in blocks]
        first = patches[0].values
        values = np.zeros((first.shape[0], *window.shape), first.dtype)
        valid = np.zeros(window.shape, bool)
        for block, patch in zip(blocks, patches, strict=True):
            kind, usual = (f"{len(v)} bands of {v.dtype}" for v in (patch.values, first))
            if kind != usual:
                where = str(self.path(block))
                raise InputError("a block differs from its neighbours", where=where, expected=usual, got=kind)
            rows, cols = patch.window.slices_in(window)
            values[:, rows, cols], valid[rows, cols] = patch.values, patch.valid
        return Patch(values, valid, window)

    def _read_block(self, block: Block, window: Window) -> Patch:
        with self._lock:
            dataset = self._dataset(block)
            local = window.shift(-block.window.row_start, -block.window.col_start)
            patch = read_window(dataset, local)
        return Patch(patch.values, patch.valid, window)

    def _dataset(self, block: Block) -> Any:
        path = self.path(block)
        if not path.is_file():
            raise InputError("a raster is missing", where=str(path))
        stat = path.stat()
        state = stat.st_ino, stat.st_mtime_ns  # a file made anew under the same name is opened anew
        if path in self._open and self._open[path][0] != state:
            self._open.pop(path)[1].close()
        if path not in self._open:
            self._open[path] = state, self._checked(_open(path, ("GTiff",)), block)
        self._open.move_to_end(path)
        if len(self._open) > OPEN_FILES:
            self._open.popitem(last=False)[1][1].close()
        return self._open[path][1]

    def _checked(self, dataset: Any, block: Block) -> Any:
        """The dataset, which must lie where its block does: a file of another block size is never read in silence."""
        t, wanted = dataset.transform, self._grid.window_transform(block.window)
        if dataset.shape == block.window.shape and t.almost_equals(wanted, 1e-6 * self._grid.pixel):
            return dataset
        dataset.close()
        raise GridError(
            "a block's file does not fit the lattice",
            where=str(self.path(block)),
            expected=f"{block.window.shape} pixels from {wanted.c}, {wanted.f}",
            got=f"{dataset.shape} pixels from {t.c}, {t.f}",
            hint="It was made with other settings: remove it and run again.",
        )

    def close(self) -> None:
        """Close the files; a later read opens them again."""
        with self._lock:
            while self._open:
                self._open.popitem()[1][1].close()

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "grid": self._grid, "block_px": self.block_px}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.folder, self._grid, self.block_px = state["folder"], state["grid"], state["block_px"]
        self._reset()
