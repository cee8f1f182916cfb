"""What a raster file says of itself in its first bytes and tables, before any library is let near it."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError

# formats whose files cannot name other files, told apart by their first bytes
MAGIC = {
    b"II*\x00": "GTiff", b"MM\x00*": "GTiff", b"II+\x00": "GTiff", b"MM\x00+": "GTiff",
    b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"\x00\x00\x00\x0cjP": "JP2OpenJPEG",
}  # fmt: skip
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
UNSIGNED = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}  # TIFF type → numpy type
PIECES = ((273, 279), (324, 325))  # tags of offsets and byte counts: strips, tiles


def driver_of(path: Path) -> str:
    """GDAL's name of a file's format, "unknown" where it is none that we read; InputError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise InputError("a raster cannot be opened", where=str(path), got=error.strerror or str(error)) from error
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), "unknown")


def check_tiff_whole(path: Path) -> None:
    """Raise InputError where a TIFF's tables point beyond its end: the file was cut, or never finished.

    GDAL opens such a file when its first table is there: it then lacks its CRS, its mask (so that everything counts as
    valid) or its last tiles. Follows the main chain of tables: image, overviews, masks (TIFF 6.0, section 2; BigTIFF).
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        try:
            end = max(_ends(stream, size), default=0)
        except struct.error as error:  # a table itself is cut
            raise _cut(path, "more", size) from error
    if end > size:
        raise _cut(path, str(end), size)


def _cut(path: Path, expected: str, size: int) -> InputError:
    return InputError(
        "a raster is truncated",
        where=str(path),
        expected=f"{expected} bytes",
        got=f"{size} bytes",
        hint="Fetch or make it again.",
    )


def _ends(stream: BinaryIO, size: int) -> Iterator[int]:
    """Where each thing that a TIFF's tables name would end."""
    order = "<" if stream.read(2) == b"II" else ">"
    big = struct.unpack(order + "H", stream.read(2))[0] == 43
    word, count, width = ("Q", "Q", 8) if big else ("I", "H", 4)
    stream.seek(8 if big else 4)
    (table,) = struct.unpack(order + word, stream.read(width))
    seen: set[int] = set()
    while table and table not in seen:
        seen.add(table)
        yield table + struct.calcsize("<" + count)
        stream.seek(table)
        (entries,) = struct.unpack(order + count, stream.read(struct.calcsize("<" + count)))
        form = f"{order}HH{word}{width}s"
        length = entries * struct.calcsize(form)
        if stream.tell() + length > size:
            yield stream.tell() + length
            return
        rows = list(struct.iter_unpack(form, stream.read(length)))
        (table,) = struct.unpack(order + word, stream.read(width))
        yield from _ends_of_table(stream, rows, order, size)


def _ends_of_table(stream: BinaryIO, rows: list[tuple[int, int, int, bytes]], order: str, size: int) -> Iterator[int]:
    """Ends of the values and of the strips or tiles of one table of (tag, type, count, value or offset)."""
    arrays = {}
    for tag, kind, count, value in rows:
        length = count * TYPE_BYTES.get(kind, 0)
        start = None if length <= len(value) else int.from_bytes(value, "little" if order == "<" else "big")
        if start is not None and start + length > size:
            yield start + length
        elif kind in UNSIGNED and any(tag in pair for pair in PIECES):
            arrays[tag] = _numbers(stream, start, value[:length], length, order + UNSIGNED[kind])
    for offsets, lengths in PIECES:
        if offsets in arrays and lengths in arrays:
            pieces = min(len(arrays[offsets]), len(arrays[lengths]))
            yield int((arrays[offsets][:pieces] + arrays[lengths][:pieces]).max(initial=0))


def _numbers(stream: BinaryIO, start: int | None, inline: bytes, length: int, kind: str) -> npt.NDArray[np.uint64]:
    if start is not None:
        stream.seek(start)
        inline = stream.read(length)
    return np.frombuffer(inline, kind).astype("uint64")
