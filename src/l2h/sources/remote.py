"""The pixels of a window from a file that stays where it is: only the bytes they need are fetched.

GDAL reads through a file of ours, so addresses, patience and redirects are those of every other transfer; it is never
given the address.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from math import ceil, floor
from pathlib import Path
from typing import Any

import rasterio
from affine import Affine
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from l2h.core.errors import InputError, L2HError, StorageError
from l2h.core.files import atomic_path, sha256_file, write_json
from l2h.core.formats import TruncatedError, check_tiff_whole, driver_of_bytes
from l2h.core.grid import Grid, Window
from l2h.sources.extent import rim
from l2h.sources.frame import Frame, frame_of
from l2h.sources.pace import Pace, patiently
from l2h.sources.reading import DATE_TAGS
from l2h.sources.stores import Remote, Store, TransientError
from l2h.sources.transfer import RECEIPT, Receipt, WrongBytesError, stat_patiently

PIECE = 1 << 16  # bytes in which a file is asked for
KEPT = 512  # pieces that are kept: 32 MiB
MARGIN = 2  # pixels around the window, for rounding
STRIP = 1024  # rows that are read and written at once
NAME = "tile.tif"  # what GDAL is told
WHOLE = 'Say take = "whole".'
DRIVERS = ("GTiff", "JP2OpenJPEG")


class RemoteFile:
    """A file of a store, read at any place, in pieces that are kept.

    error : the first failure; GDAL does not hand errors on, and may take a failed read for success
    came  : bytes that came
    piece : bytes in which it is asked for;  kept : pieces that are kept
    """

    error: L2HError | None = None
    came = 0
    piece, kept = PIECE, KEPT

    def __init__(self, store: Store, name: str, remote: Remote, pace: Pace, advance: Callable[[int], None]) -> None:
        if remote.size is None:
            raise InputError("a server does not say how long a file is", where=remote.address, hint=WHOLE)
        self.size = remote.size
        self._store, self._name, self._remote, self._pace, self._advance = store, name, remote, pace, advance
        self._deadline = pace.deadline()
        self._pieces: OrderedDict[int, bytes] = OrderedDict()

    def read(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop) as far as there are any; none after a failure, which `error` tells."""
        stop = min(stop, self.size)
        if self.error is not None or stop <= start:
            return b""
        first = start // self.piece
        try:
            data = b"".join(self._piece(number) for number in range(first, (stop - 1) // self.piece + 1))
        except L2HError as error:
            self.error = error
            return b""
        return data[start - first * self.piece : stop - first * self.piece]

    def _piece(self, number: int) -> bytes:
        if number not in self._pieces:
            self._pieces[number] = patiently(lambda: self._ask(number), lambda: self.came, self._pace, self._deadline)
        self._pieces.move_to_end(number)
        data = self._pieces[number]
        if len(self._pieces) > self.kept:
            self._pieces.popitem(last=False)
        return data

    def _ask(self, number: int) -> bytes:
        start, stop = number * self.piece, min(self.size, (number + 1) * self.piece)
        with self._store.open(self._name, start, self._remote.version, stop) as stream:
            data = b""
            for chunk in stream.chunks:
                data += chunk
                if stream.start != start or len(data) > stop - start or stream.total not in (None, self.size):
                    raise InputError("a server gives no part of a file", where=self._remote.address, hint=WHOLE)
        if len(data) != stop - start:
            raise TransientError("a part ends early", where=self._remote.address, got=f"{len(data)} bytes")
        self.came += len(data)
        self._advance(len(data))
        return data


class Handle:
    """A place in a remote file: what GDAL and Arrow read through."""

    closed = False

    def __init__(self, file: RemoteFile) -> None:
        self._file, self._at = file, 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._file.size}[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._at, self._file.size if size < 0 else self._at + size)
        self._at += len(data)
        return data

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> "Handle":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def open_remote(file: RemoteFile, address: str) -> Iterator[Any]:
    """A raster behind a remote file, opened by GDAL; the file's own error comes before what GDAL makes of it."""
    head = file.read(0, 8)
    driver = driver_of_bytes(head)
    if file.error is None and driver not in DRIVERS:
        raise WrongBytesError("a file is no GeoTIFF", where=address, got=f"{head!r}…")

    def opener(path: str, mode: str = "rb") -> Handle:  # noqa: ARG001  (rasterio names it)
        if path != NAME:  # GDAL looks for files beside it: there are none
            raise FileNotFoundError(path)
        return Handle(file)

    try:
        with (
            rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
            rasterio.open(NAME, driver=driver, opener=opener) as dataset,
        ):
            yield dataset
    except RasterioError as error:
        raise file.error or InputError("a raster cannot be read", where=address, got=str(error)) from error
    if file.error is not None:  # a failed read may come back as success
        raise file.error


def cut(store: Store, name: str, target: Path, grid: Grid, pace: Pace, advance: Callable[[int], None]) -> Receipt:
    """Write the part of a file that a grid needs, on the file's own lattice; its receipt says which part it is."""
    began = time.monotonic()
    remote = stat_patiently(store, name, pace, pace.deadline())
    file = RemoteFile(store, name, remote, pace, advance)
    with atomic_path(target) as part:
        with open_remote(file, remote.address) as source:
            _copy(source, part, window_for(frame_of(source, name), grid))
        _check_written(part)
        return write_receipt(target, part, remote, part_of(grid), file.came, time.monotonic() - began)


def _check_written(path: Path) -> None:
    """StorageError where the end of a file is not there: GDAL tells nobody when the disk fills while it closes one."""
    try:
        check_tiff_whole(path)
    except TruncatedError as error:
        hint = "Free some space and run again: what has come is kept."
        got, expected = error.got, error.expected
        raise StorageError("cannot write a file", where=str(path), expected=expected, got=got, hint=hint) from error


def write_receipt(target: Path, path: Path, remote: Remote, part: str, came: int, seconds: float) -> Receipt:
    """Write the receipt of a part of a file that lies at `path` and is about to be called `target`."""
    stat, now = path.stat(), datetime.now(UTC).isoformat(timespec="seconds")
    receipt = Receipt(
        remote.address, stat.st_size, stat.st_mtime_ns, sha256_file(path), remote.version, "nothing", now,
        round(seconds, 3), part, came,
    )  # fmt: skip
    write_json(target.with_name(target.name + RECEIPT), asdict(receipt))
    return receipt


def part_of(grid: Grid) -> str:
    """Which part of a file a grid needs, as receipts say it."""
    return f"{grid.crs} {list(grid.bounds())}"


def window_for(frame: Frame, grid: Grid) -> Window:
    """The window of a raster that a grid's pixels fall into, with a margin; at least one pixel."""
    x, y = rim(grid, frame.crs)
    rows, cols = (frame.y - y) / frame.dy, (x - frame.x) / frame.dx
    row, row_stop = _clip(rows.min(), rows.max(), frame.height)
    col, col_stop = _clip(cols.min(), cols.max(), frame.width)
    return Window(row, row_stop, col, col_stop)


def _clip(low: float, high: float, length: int) -> tuple[int, int]:
    start = min(max(floor(low) - MARGIN, 0), length - 1)
    return start, min(max(ceil(high) + MARGIN, start + 1), length)


def _copy(source: Any, path: Path, window: Window) -> None:
    """Copy a window of all bands strip by strip; pixels keep their values, their place and their mask."""
    t = source.transform
    place = Affine(t.a, 0, t.c + window.col_start * t.a, 0, t.e, t.f + window.row_start * t.e)
    profile = {
        "driver": "GTiff", "dtype": source.dtypes[0], "count": source.count, "crs": source.crs, "nodata": source.nodata,
        "height": window.height, "width": window.width, "transform": place,
        "tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "DEFLATE", "BIGTIFF": "IF_SAFER",
    }  # fmt: skip
    masked = source.mask_flag_enums[0] == [MaskFlags.per_dataset]
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"), rasterio.open(path, "w", **profile) as out:
        if source.count > 1:
            out.colorinterp = source.colorinterp  # one of them may be transparency
        _copy_tags(source, out)
        for row in range(0, window.height, STRIP):
            height = min(STRIP, window.height - row)
            strip = RasterioWindow(window.col_start, window.row_start + row, window.width, height)
            here = RasterioWindow(0, row, window.width, height)
            values, mask = source.read(window=strip), source.dataset_mask(window=strip) if masked else None
            try:
                out.write(values, window=here)
                if mask is not None:
                    out.write_mask(mask, window=here)
            except RasterioError as error:
                raise StorageError("cannot write a file", where=str(path), got=str(error)) from error


def _copy_tags(source: Any, out: Any) -> None:
    """What a scene says of its day, and of the range of its values."""
    out.update_tags(**{key: value for key, value in source.tags().items() if key in DATE_TAGS})
    for band in source.indexes:
        stated = {key: value for key, value in source.tags(band).items() if key.startswith("STATISTICS_M")}
        if stated:
            out.update_tags(band, **stated)
