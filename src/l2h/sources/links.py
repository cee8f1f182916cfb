"""Vector files named by an address: what they are called here, and whether what came is such a file, and all of it.

A page that says "not found" under status 200, and a file cut short on the server, are no extracts.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import unquote, urlsplit

from l2h.sources.paths import NAMING
from l2h.sources.veil import check_host, veiled

FETCHED = "inputs/fetched"  # below the project folder: what came in outlives the workspace
SCHEMES = ("https", "http", "s3")
EXTRACTS = (".osm.pbf", ".pbf", ".osm.gz", ".osm.bz2", ".osm", ".gpkg", ".parquet")
TABLES = (".csv", ".xlsx")
OUTLINES = (".gpkg", ".geojson", ".json", ".fgb", ".parquet")
LARGEST_HEAD = 64 << 10  # bytes of a BlobHeader of an .osm.pbf, by its specification


@dataclass(frozen=True)
class Links:
    """The files of a layer that come from an address: address → name here.

    folders : addresses of folders, of which `fetch` finds out what lies in them
    """

    layer: str
    files: Mapping[str, str]
    folders: tuple[str, ...] = ()

    @classmethod
    def of(cls, layer: str, paths: Sequence[str]) -> Self:
        """Those of the paths that are addresses."""
        addresses = tuple(dict.fromkeys(filter(is_address, paths)))
        files = tuple(address for address in addresses if not is_folder(address))
        return cls(layer, dict(zip(files, names_of(files), strict=True)), tuple(filter(is_folder, addresses)))

    def __bool__(self) -> bool:
        return bool(self.files or self.folders)

    @property
    def paths(self) -> tuple[str, ...]:
        """Where they lie once they are fetched, relative to the project folder."""
        return tuple(f"{FETCHED}/{self.layer}/{name}" for name in self.files.values())


def is_address(text: str) -> bool:
    """Whether a path of the project file is an address that `fetch` brings."""
    return "://" in text


def is_folder(text: str) -> bool:
    """Whether an address is that of a folder: its path ends in a slash.

    >>> is_folder("s3://b/theme=buildings/"), is_folder("https://a.example/x/?k={env:K}"), is_folder("osm/")
    (True, True, False)
    """
    return is_address(text) and text.partition("?")[0].endswith("/")


def check_links(texts: Sequence[str], kinds: Sequence[str], folders: bool = False) -> None:
    """ValueError for an address of another scheme, or of a file of another kind; of a folder, unless they may be."""
    for text in filter(is_address, texts):
        if text.partition("://")[0] not in SCHEMES:
            raise ValueError(f"'{veiled(text)}' is no address that is followed: say https://, http:// or s3://")
        if "@" in urlsplit(text).netloc:
            raise ValueError("an address carries a user name: only open files are fetched")
        check_host(text)
        if folders and is_folder(text):
            continue
        if kind_of(_last(text), kinds) is None:
            hint = "; a shapefile is several files: fetch it yourself" if _last(text).lower().endswith(".shp") else ""
            raise ValueError(f"'{veiled(text)}' names no file of a kind we fetch ({', '.join(kinds)}){hint}")


def kind_of(name: str, kinds: Sequence[str]) -> str | None:
    """The end of a file's name, if it is one of these."""
    return next((kind for kind in kinds if name.lower().endswith(kind)), None)


def names_of(addresses: Sequence[str]) -> tuple[str, ...]:
    """A file name for each address, of letters that every disk takes, each once; of GeoPackages and GeoParquet each
    stem once, since features are known by it.

    >>> names_of(["https://a.example/europe/monaco-latest.osm.pbf", "s3://b/x/part%201.parquet?v=2"])
    ('monaco-latest.osm.pbf', 'part_1.parquet')
    >>> names_of(["https://a.example/1/m.osm.pbf", "https://a.example/2/m.osm.pbf"])
    ('m.osm.pbf', 'm-2.osm.pbf')
    >>> names_of(["https://a.example/m.gpkg", "https://a.example/m.parquet", "https://a.example/m.osm.pbf"])
    ('m.gpkg', 'm-2.parquet', 'm.osm.pbf')
    """
    names: list[str] = []
    for address in addresses:
        last = _last(address)
        kind = kind_of(last, (*EXTRACTS, *OUTLINES, *TABLES)) or ""
        stem = plain_name(last[: len(last) - len(kind)])
        name, number = stem + kind, 1
        while any(_clash(name.lower(), other.lower()) for other in names):
            number += 1
            name = f"{stem}-{number}{kind}"
        names.append(name)
    return tuple(names)


def _clash(name: str, other: str) -> bool:
    first, second = Path(name), Path(other)
    return name == other or (first.stem == second.stem and {first.suffix, second.suffix} <= set(NAMING))


def plain_name(text: str) -> str:
    """A stem of a file's name, of letters that every disk takes; hidden never.

    >>> plain_name("../S2 ä/b")
    'S2_b'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip("._-")[:150] or "file"


def _last(address: str) -> str:
    return unquote(urlsplit(address).path).rstrip("/").rpartition("/")[2]


def fault_of(path: Path, name: str) -> str:
    """What is wrong with a file of this name, in a few words; empty where nothing is, or its kind is not known."""
    kind = kind_of(name, tuple(CHECKS))
    if kind is None:
        return ""
    with path.open("rb") as stream:
        return CHECKS[kind](stream, path.stat().st_size)


def _pbf(stream: BinaryIO, size: int) -> str:
    """Walk the blobs of an extract by their lengths, without decoding one (OSM wiki, PBF Format)."""
    place = 0
    while place < size:
        stream.seek(place)
        head = stream.read(4)
        length = struct.unpack(">I", head)[0] if len(head) == 4 else 0
        header = stream.read(length) if length <= LARGEST_HEAD else b""
        if place == 0 and not header.startswith(b"\x0a\x09OSMHeader"):
            return "is no .osm.pbf"
        data = _data_size(header) if len(header) == length else None
        if data is None:
            return "ends within a block, or has a broken one"
        place += 4 + length + data
    return "" if place == size and size else "ends within a block"


def blob_at(data: bytes) -> int | None:
    """Where the first blob of an extract ends, by its head; None where the bytes are no such head."""
    length = struct.unpack(">I", data[:4])[0] if len(data) >= 4 else LARGEST_HEAD + 1
    header = data[4 : 4 + length] if length <= LARGEST_HEAD else b""
    size = _data_size(header) if header.startswith(b"\x0a\x09OSMHeader") and len(header) == length else None
    return None if size is None else 4 + length + size


def _data_size(header: bytes) -> int | None:
    """Field 3 of a BlobHeader: how long its blob is; None where it cannot be read."""
    fields = iter(header)
    try:
        for tag in fields:
            value = _varint(fields)
            if tag == 0x18:
                return value
            if tag & 7 == 2:  # bytes of so many
                for _ in range(value):
                    next(fields)
    except StopIteration:
        return None
    return None


def _varint(fields: Iterator[int]) -> int:
    value = shift = 0
    while True:
        byte = next(fields)
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 or shift > 63:
            return value


def _package(stream: BinaryIO, size: int) -> str:
    """A SQLite file says how many pages it has (SQLite, Database File Format, 1.3)."""
    head = stream.read(100)
    if not head.startswith(b"SQLite format 3\x00") or len(head) < 100:
        return "is no GeoPackage"
    page = struct.unpack(">H", head[16:18])[0]
    pages, changed, valid = (struct.unpack(">I", head[i : i + 4])[0] for i in (28, 24, 92))
    return "ends early" if changed == valid and size < pages * (65536 if page == 1 else page) else ""


def _ends(begin: tuple[bytes, ...], end: bytes, what: str) -> Callable[[BinaryIO, int], str]:
    """A file that begins with one of these, behind a byte order mark and spaces, and ends with that."""

    def check(stream: BinaryIO, size: int) -> str:
        head = stream.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
        stream.seek(max(0, size - 512))
        if not head.startswith(begin):
            return f"is no {what}"
        return "" if not end or stream.read().rstrip().endswith(end) else "ends early"

    return check


def _archive(stream: BinaryIO, size: int) -> str:
    """A spreadsheet is a zip archive, whose last record says that it ends (APPNOTE, 4.3.16)."""
    head = stream.read(4)
    stream.seek(max(0, size - (1 << 16)))
    if head != b"PK\x03\x04":
        return "is no spreadsheet"
    return "" if b"PK\x05\x06" in stream.read() else "ends early"


def _table(stream: BinaryIO, _: int) -> str:
    """A page is no table; a table does not say where it ends."""
    head = stream.read(512).removeprefix(b"\xef\xbb\xbf").lstrip()
    return "is no table" if not head or head.startswith(b"<") or b"\x00" in head else ""


_json = _ends((b"{",), b"}", "GeoJSON")
CHECKS: dict[str, Callable[[BinaryIO, int], str]] = {
    ".pbf": _pbf,
    ".osm.gz": _ends((b"\x1f\x8b",), b"", "gzip file"),
    ".osm.bz2": _ends((b"BZh",), b"", "bzip2 file"),
    ".osm": _ends((b"<?xml", b"<osm"), b"</osm>", "OpenStreetMap file"),
    ".gpkg": _package,
    ".parquet": _ends((b"PAR1",), b"PAR1", "Parquet file"),
    ".geojson": _json,
    ".json": _json,
    ".xlsx": _archive,
    ".csv": _table,
    ".fgb": _ends((b"fgb",), b"", "FlatGeobuf"),
}
