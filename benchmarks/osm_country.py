"""A generated OpenStreetMap extract of any size: streets, houses, courtyards as relations, tunnels, land use.

Its mix is like that of a whole country (six ways in ten are buildings, a quarter are roads, seven places a way); its
numbering is kinder: the places of a way follow each other, while in a real extract they lie scattered. The bytes are
stamped from a pattern of blocks, without an object for each thing: half a million ways in a few seconds.

    python benchmarks/osm_country.py FILE.osm.pbf --ways 2000000
"""

import argparse
import struct
import sys
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

WEST, SOUTH, CELL = 6.0, 45.0, 0.002  # degrees; a cell is a block of houses with its streets
HOUSES, STREETS, STREET_PLACES, FIELDS, FIELD_PLACES = 10, 4, 12, 3, 12
CLASSES = ("residential", "service", "tertiary", "footway", "track", "primary", "proposed", "unclassified")
WIDTHS = (None, None, None, "3.5 m", "12'", "7")
PLACES = 4 * HOUSES + STREETS * STREET_PLACES + FIELDS * FIELD_PLACES  # of a cell
WAYS = HOUSES + STREETS + FIELDS
TIMESTAMP = "2026-01-01T00:00:00Z"
PERIOD = 120  # cells after which the tags repeat
STAMP = 3 * PERIOD  # cells whose ways make a block
COURT = 8  # every so many cells two houses are a building of two parts
WORDS = [
    *("", "building", "yes", "addr:housenumber", *map(str, range(1, HOUSES + 1)), "landuse", "farmland"),
    *("highway", *CLASSES, "name", "surface", "asphalt", "width", "3.5 m", "12'", "7", "tunnel", "bridge"),
    *("type", "multipolygon", "outer"),
]
AT = {word: i for i, word in enumerate(WORDS)}
LONG = 5  # bytes of a number that is put into the pattern later
Numbers = npt.NDArray[np.int64]


# --- Protocol Buffers, as far as the format uses them -----------------------------------------------------------------


def varints(numbers: npt.ArrayLike) -> bytes:
    """Unsigned numbers, seven bits a byte, the lowest first."""
    whole = np.atleast_1d(np.asarray(numbers)).astype("uint64")
    shifts = np.arange(0, 70, 7, dtype="uint64")[: max(1, -(-int(whole.max(initial=1)).bit_length() // 7))]
    left = whole[:, None] >> shifts
    more = np.zeros(left.shape, bool)
    more[:, :-1] = left[:, 1:] > 0
    used = np.ones(left.shape, bool)
    used[:, 1:] = left[:, 1:] > 0
    return ((left & np.uint64(127)).astype("uint8") | (more.astype("uint8") << 7))[used].tobytes()


def zigzag(numbers: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """Signed numbers as unsigned ones, small ones small."""
    signed = np.asarray(numbers, "int64")
    return ((signed << 1) ^ (signed >> 63)).view("uint64")


def message(field: int, body: bytes) -> bytes:
    return varints(field << 3 | 2) + varints(len(body)) + body


def number(field: int, value: int) -> bytes:
    return varints(field << 3) + varints(value)


def packed(field: int, numbers: npt.ArrayLike) -> bytes:
    return message(field, varints(numbers))


def put_blob(out: BinaryIO, kind: str, body: bytes, raw: bool) -> None:
    blob = message(1, body) if raw else number(2, len(body)) + message(3, zlib.compress(body, 1))
    head = message(1, kind.encode()) + number(3, len(blob))
    out.write(struct.pack(">I", len(head)) + head + blob)


def block(words: list[str], group: bytes) -> bytes:
    return message(1, b"".join(message(1, word.encode()) for word in words)) + message(2, group)


# --- the country ------------------------------------------------------------------------------------------------------


def write_country(path: Path, ways: int, raw: bool = False) -> int:
    """Write an extract of about so many ways, uncompressed where `raw` says so; returns how many there are."""
    side = max(1, round((ways / WAYS) ** 0.5))
    with path.open("wb") as out:
        put_blob(out, "OSMHeader", _header(side), raw)
        for body in _blocks(side):
            put_blob(out, "OSMData", body, raw)
    return side * side * WAYS


def _blocks(side: int) -> Iterator[bytes]:
    cells = side * side
    rows = list(_node_pattern(side))
    for row in range(side):
        for first, lat, ids, lats, lons in rows:
            start = varints(zigzag(row * side * PLACES + 1 + first)) + ids
            north = varints(zigzag(lat + round(row * CELL * 1e7))) + lats
            yield block([""], message(2, message(1, start) + message(8, north) + message(9, lons)))
    for first in range(0, cells, STAMP):
        yield block(*_ways(first, min(STAMP, cells - first)))
    for first in range(0, cells, COURT * 8000):
        yield block(WORDS, b"".join(map(_courtyard, range(first, min(first + COURT * 8000, cells), COURT))))


def _header(side: int) -> bytes:
    edges = np.array([WEST, WEST + side * CELL, SOUTH + side * CELL, SOUTH]) * 1e9
    box = b"".join(number(i + 1, int(edge)) for i, edge in enumerate(zigzag(np.rint(edges))))
    features = message(4, b"OsmSchema-V0.6") + message(4, b"DenseNodes") + message(5, b"Sort.Type_then_ID")
    return message(1, box) + features + number(32, int(datetime.fromisoformat(TIMESTAMP).timestamp()))


def _places(rng: np.random.Generator, side: int) -> npt.NDArray[np.int64]:
    """Places of the first row of cells in 1e-7 degrees, [side * PLACES, 2]: of houses, streets, fields."""
    corner = np.stack(np.divmod(np.arange(HOUSES), 4), axis=1)[:, ::-1] * (0.2, 0.25) + 0.1
    size = rng.uniform(0.05, 0.12, (side, HOUSES, 1, 2))
    houses = corner[:, None] + size * [(0, 0), (1, 0), (1, 1), (0, 1)]
    along = np.broadcast_to(np.linspace(0, 1, STREET_PLACES), (side, 2, STREET_PLACES))
    across = np.array([0, 0.5])[:, None] + rng.normal(0, 0.004, along.shape)
    streets = np.stack([along, across], -1)
    turn = np.linspace(0, 2 * np.pi, FIELD_PLACES, endpoint=False)
    circle = 0.08 * np.stack([np.cos(turn), np.sin(turn)], 1)
    fields = np.stack([circle + np.array([0.3 * k + 0.15, 0.85]) for k in range(FIELDS)])
    parts = houses, streets, streets[..., ::-1], np.broadcast_to(fields, (side, *fields.shape))
    cells = np.concatenate([part.reshape(side, -1, 2) for part in parts], axis=1) * CELL
    cells += np.stack([WEST + np.arange(side) * CELL, np.full(side, SOUTH)], 1)[:, None]
    return np.rint(cells * 1e7).astype("int64").reshape(-1, 2)


def _node_pattern(side: int) -> Iterator[tuple[int, int, bytes, bytes, bytes]]:
    """Blocks of a row of cells: first place, its latitude, and the steps from place to place that all rows share."""
    places = _places(np.random.default_rng(7), side)
    for start in range(0, len(places), 8000):
        part = places[start : start + 8000]
        lon, lat = (np.diff(axis, prepend=0) for axis in part.T)
        ones = bytes([2]) * (len(part) - 1)
        yield start, int(lat[0]), ones, varints(zigzag(lat[1:])), varints(zigzag(lon))


def _ways(first: int, cells: int) -> tuple[list[str], bytes]:
    """Words and bytes of a block: the pattern of STAMP cells with its numbers filled in."""
    body, ids, refs, ends = PATTERN
    stamped = np.frombuffer(body, "uint8").copy()
    at = np.arange(STAMP * WAYS)
    _put_numbers(stamped, ids, first * WAYS + 1 + at)
    start = first * PLACES + 1 + at // WAYS * PLACES + OFFSETS[at % WAYS]
    _put_numbers(stamped, refs, zigzag(start).astype("int64"))
    names = [f"Street {cell}" for cell in range(first, first + cells)]
    return WORDS + names, stamped[: ends[cells * WAYS - 1]].tobytes()


def _put_numbers(body: npt.NDArray[np.uint8], at: Numbers, numbers: Numbers) -> None:
    """Numbers of up to 35 bits, each in LONG bytes."""
    for k in range(LONG):
        body[at + k] = (numbers >> 7 * k & 127) | (128 if k < LONG - 1 else 0)


def _pattern() -> tuple[bytes, Numbers, Numbers, Numbers]:
    """Ways of STAMP cells, where their identities and first places are to be put, and where each way ends."""
    body, ids, refs, ends = bytearray(), [], [], []
    for cell in range(STAMP):
        for tags, steps in _cell(cell):
            keys, values = zip(*tags, strict=True) if tags else ((), ())
            tagged = packed(2, keys) + packed(3, values) if tags else b""
            tail = varints(zigzag(steps))
            head = varints(8 << 3 | 2) + varints(LONG + len(tail))
            size = 1 + LONG + len(tagged) + len(head) + LONG + len(tail)
            body += varints(3 << 3 | 2) + varints(size) + varints(1 << 3)
            ids.append(len(body))
            body += bytes(LONG) + tagged + head
            refs.append(len(body))
            body += bytes(LONG) + tail
            ends.append(len(body))
    return bytes(body), np.array(ids), np.array(refs), np.array(ends)


def _cell(cell: int) -> Iterator[tuple[list[tuple[int, int]], list[int]]]:
    """Tags (as places in the words) and steps from place to place of the ways of a cell."""
    for i in range(HOUSES):
        bare = cell % COURT == 0 and i >= HOUSES - 2
        tags = {} if bare else {"building": "yes", "addr:housenumber": str(i + 1)}
        yield [(AT[key], AT[value]) for key, value in tags.items()], [1, 1, 1, -3]
    for i in range(STREETS):
        tags = [(AT[key], AT[value]) for key, value in _street_tags(cell, i).items()]
        yield [*tags, (AT["name"], len(WORDS) + cell)], [1] * (STREET_PLACES - 1)
    for _ in range(FIELDS):
        yield [(AT["landuse"], AT["farmland"])], [1] * (FIELD_PLACES - 1) + [1 - FIELD_PLACES]


def _street_tags(cell: int, i: int) -> dict[str, str]:
    tags = {"highway": CLASSES[(cell + i) % len(CLASSES)], "surface": "asphalt"}
    width = WIDTHS[(cell * STREETS + i) % len(WIDTHS)]
    if width:
        tags["width"] = width
    if (cell + 3 * i) % 40 == 0:
        tags["tunnel"] = "yes"
    if (cell + 5 * i) % 40 == 1:
        tags["bridge"] = "yes"
    return tags


def _courtyard(cell: int) -> bytes:
    """A building of two parts: the bare houses of a cell."""
    way = cell * WAYS + HOUSES - 1
    tags = packed(2, [AT["type"], AT["building"]]) + packed(3, [AT["multipolygon"], AT["yes"]])
    members = packed(8, [AT["outer"]] * 2) + packed(9, zigzag([way, 1])) + packed(10, [1, 1])
    return message(4, number(1, cell + 1) + tags + members)


PATTERN = _pattern()
OFFSETS = np.concatenate(  # of the first place of each way in its cell
    [
        4 * np.arange(HOUSES),
        4 * HOUSES + STREET_PLACES * np.arange(STREETS),
        4 * HOUSES + STREET_PLACES * STREETS + FIELD_PLACES * np.arange(FIELDS),
    ]
)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--ways", type=int, default=2_000_000)
    parser.add_argument("--raw", action="store_true", help="uncompressed: more bytes for as many ways")
    options = parser.parse_args()
    sys.stderr.write(f"{write_country(options.file, options.ways, options.raw):,} ways\n")
