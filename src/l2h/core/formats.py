"""What a file from outside says of itself in its first bytes and tables, before any library is let near it."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError

# formats whose files cannot name other files, told apart by their first bytes: a VRT, of rasters or of vectors, could
# make us read whatever it points to
MAGIC = {
    b"II*\x00": "GTiff", b"MM\x00*": "GTiff", b"II+\x00": "GTiff", b"MM\x00+": "GTiff",
    b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"\x00\x00\x00\x0cjP": "JP2OpenJPEG",
}  # fmt: skip
VECTORS = (b"SQLite format 3", b"\x00\x00\x27\x0a", b"fgb", b"{", b"\xef\xbb\xbf{", b"PAR1")
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
UNSIGNED = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}  # TIFF type → numpy type
PIECES = ((273, 279), (324, 325))  # tags of offsets and byte counts: strips, tiles
TRAILER = b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED"  # what GDAL's COGs say of the four bytes behind each tile


class TruncatedError(InputError):
    """A file ends before what its own tables promise."""


def driver_of(path: Path) -> str:
    """GDAL's name of a file's format, "unknown" where it is none that we read; InputError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise InputError("a raster cannot be opened", where=str(path), got=error.strerror or str(error)) from error
    return driver_of_bytes(head)


def driver_of_bytes(head: bytes) -> str:
    """GDAL's name of the format that begins with these bytes, "unknown" where it is none that we read."""
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), "unknown")


def check_vector(path: Path) -> None:
    """InputError unless a file is a GeoPackage, shapefile, FlatGeobuf, GeoJSON or GeoParquet by its first bytes."""
    try:
        with path.open("rb") as stream:
            head = stream.read(16).lstrip()
    except FileNotFoundError as error:
        raise InputError("a vector file is missing", where=str(path)) from error
    except OSError as error:
        raise InputError("a vector file cannot be opened", where=str(path), got=error.strerror or str(error)) from error
    if not head.startswith(VECTORS):
        raise InputError(
            "a vector file has a format we do not read",
            where=str(path),
            expected="GeoPackage, shapefile, GeoJSON, FlatGeobuf or GeoParquet",
        )


def check_tiff_whole(path: Path) -> None:
    """Raise TruncatedError where a TIFF's tables point beyond its end: the file was cut, or never finished.

    GDAL opens such a file when its first table is there: it then lacks its CRS, its mask (so that everything counts as
    valid) or its last tiles. Follows the main chain of tables: image, overviews, masks (TIFF 6.0, section 2; BigTIFF).
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        try:
            end = max(_ends(stream, size), default=0)
        except struct.error:  # a table itself is cut
            raise _cut(path, "more", size) from None
    if end > size:
        raise _cut(path, str(end), size)


def _cut(path: Path, expected: str, size: int) -> TruncatedError:
    return TruncatedError(
        "a raster is truncated",
        where=str(path),
        expected=f"{expected} bytes",
        got=f"{size} bytes",
        hint="Fetch or make it again.",
    )


def _ends(stream: BinaryIO, size: int) -> Iterator[int]:
    """Where each thing that a TIFF's tables name would end."""
    head = stream.read(512)
    trailer = 4 if TRAILER in head and b"KNOWN_INCOMPATIBLE_EDITION=NO" in head else 0
    stream.seek(0)
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
        yield from _ends_of_values(rows, order)
        yield from (end + trailer for end in _ends_of_pieces(stream, rows, order, size))


Row = tuple[int, int, int, bytes]  # tag, type, count, value or offset


def _place(row: Row, order: str) -> tuple[int | None, int]:
    """Offset (None where the value stands in the table itself) and length of a row's value."""
    _, kind, count, value = row
    length = count * TYPE_BYTES.get(kind, 0)
    return (None if length <= len(value) else int.from_bytes(value, "little" if order == "<" else "big")), length


def _ends_of_values(rows: list[Row], order: str) -> Iterator[int]:
    yield from (start + length for start, length in (_place(row, order) for row in rows) if start is not None)


def _ends_of_pieces(stream: BinaryIO, rows: list[Row], order: str, size: int) -> Iterator[int]:
    """Where the last strip or tile of one table ends."""
    by_tag = {row[0]: row for row in rows if row[1] in UNSIGNED}
    for tags in PIECES:
        if all(tag in by_tag for tag in tags):
            offsets, lengths = (_numbers(stream, by_tag[tag], order, size) for tag in tags)
            pieces = min(len(offsets), len(lengths))
            yield int((offsets[:pieces] + lengths[:pieces]).max(initial=0))


def _numbers(stream: BinaryIO, row: Row, order: str, size: int) -> npt.NDArray[np.uint64]:
    """The numbers of a row; none where they would lie beyond the end of the file."""
    start, length = _place(row, order)
    data = row[3][:length]
    if start is not None:
        stream.seek(start)
        data = stream.read(length) if start + length <= size else b""
    return np.frombuffer(data, order + UNSIGNED[row[1]]).astype("uint64")
