"""Ways as osmium hands them on in bulk: blocks of a few thousand, each with its tags and the places of its nodes.

osmium reads the extract, looks the places up and writes the ways with them, uncompressed (`write_ways`); what it has
written is read back here as arrays, so that no way becomes an object of Python. The format is OpenStreetMap's PBF with
`LocationsOnWays` (OpenStreetMap wiki, "PBF Format").
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import osmium
from osmium.filter import KeyFilter
from osmium.osm import NODE, WAY

from l2h.sources.varints import PACKED, SCALAR, Ints, Spans, Tokens, running, signed, split

FORMAT = "pbf,locations_on_ways=true,pbf_compression=none,add_metadata="
HEAD, BLOB, TABLE, WORD, GROUP, WAYS = 3, 1, 1, 1, 2, 3  # fields: size of a blob, its bytes, words, groups, ways
ID, KEYS, VALUES, INFO, REFS, LATITUDES, LONGITUDES = 1, 2, 3, 4, 8, 9, 10  # fields of a way
STAMP = 2  # field of a way's metadata
RARE = ("place", "tunnel")  # keys of one node in thousands, one way in hundreds
DATA = b"OSMData"  # what the head of a block says that is not the file's


def write_ways(extract: Path, index: str, out: Path, dated: bool) -> None:
    """Write the ways of an extract with their places, in the extract's order; a few nodes come along.

    Python hears of no interruption while osmium works, so a few objects are handed to it now and then: RARE ones.

    index : kind of osmium's store of places
    dated : with the time of each way
    """
    places = osmium.NodeLocationsForWays(osmium.index.create_map(index))
    places.ignore_errors()
    file = osmium.io.File(str(out), FORMAT + ("timestamp" if dated else "none"))
    nodes, rare = KeyFilter(*RARE), KeyFilter(*RARE)  # osmium does not keep them alive itself
    nodes.enable_for(NODE)
    with osmium.io.Reader(str(extract), NODE | WAY) as reader, _writer(file) as writer:
        for _ in osmium.OsmFileIterator(reader, places, nodes, writer, rare):
            pass


@contextmanager
def _writer(file: osmium.io.File) -> Iterator[osmium.SimpleWriter]:
    """A writer that is closed in the end. Where that fails it stays in memory: osmium (4.3) would try once more as it
    goes, and end the whole process.
    """
    writer = osmium.SimpleWriter(file)
    try:
        yield writer
    finally:
        try:
            writer.close()
        except RuntimeError:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(writer))
            raise


@dataclass(frozen=True)
class Places:
    """Places of ways in units of 1e-7 degrees, one way after the other.

    lon, lat : int64 [P]; a place that is not in the extract lies outside the world
    counts   : how many each way has, int64 [N]
    """

    lon: Ints
    lat: Ints
    counts: Ints


@dataclass(frozen=True)
class Tags:
    """Tags of ways, one after the other: row of the way, key and value as places in the words, int64 [T]."""

    rows: Ints
    keys: Ints
    values: Ints


class WayBlock:
    """Ways of one block of the file; what is not asked for is not decoded."""

    def __init__(self, words: list[bytes], tokens: Tokens, ways: Spans) -> None:
        self.words, self._tokens = words, tokens
        self._fields = split(tokens, ways, (ID, KEYS, VALUES, INFO, REFS, LATITUDES, LONGITUDES))

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def numbers(self) -> Ints:
        """Identities, int64 [N]."""
        return self._fields[ID].numbers

    @cached_property
    def tags(self) -> Tags:
        keys, counts = self._unpack(KEYS)
        values, others = self._unpack(VALUES)
        _same(counts, others)
        return Tags(np.repeat(np.arange(len(self)), counts), keys, values)

    @cached_property
    def stamps(self) -> Ints:
        """Seconds since 1970 when each way was last changed; 0 where that is not said."""
        return split(self._tokens, self._fields[INFO].spans, (STAMP,))[STAMP].numbers

    def places(self, rows: Ints) -> Places:
        """Places of some of the ways."""
        lon, counts = self._unpack(LONGITUDES, rows)
        lat, others = self._unpack(LATITUDES, rows)
        _same(counts, others)
        return Places(running(signed(lon), counts), running(signed(lat), counts), counts)

    def closed(self, rows: Ints) -> npt.NDArray[np.bool_]:
        """Which of some ways end at the node where they began."""
        steps, counts = self._unpack(REFS, rows)
        refs = running(signed(steps), counts)
        last = np.cumsum(counts) - 1
        closed = counts > 0
        closed[closed] = refs[(last - counts + 1)[closed]] == refs[last[closed]]
        return np.asarray(closed)

    def _unpack(self, field: int, rows: Ints | None = None) -> tuple[Ints, Ints]:
        spans = self._fields[field].spans
        spans = spans if rows is None else spans.take(rows)
        return spans.gathered(self._tokens.numbers), spans.size


def _same(counts: Ints, others: Ints) -> None:
    if not np.array_equal(counts, others):
        raise ValueError("a way has not as many of one thing as of another")


def read_blocks(path: Path) -> Iterator[WayBlock]:
    """The blocks of a file that `write_ways` wrote. ValueError where it is none, or ends too early."""
    with path.open("rb") as file:
        while size := file.read(4):
            head = _exactly(file, int.from_bytes(size, "big"))
            ((length, _),) = _parts(head, HEAD, 0, len(head))
            blob = _exactly(file, length)
            if DATA in head:
                yield from _way_blocks(blob)


def _exactly(file: Any, size: int) -> bytes:
    data = bytes(file.read(size))
    if len(data) < size:
        raise ValueError("a block is cut short")
    return data


def _way_blocks(blob: bytes) -> Iterator[WayBlock]:
    ((body, size),) = _parts(blob, BLOB, 0, len(blob))
    ((table, length),) = _parts(blob, TABLE, body, size)
    words = [blob[at : at + count] for at, count in _parts(blob, WORD, table, length)]
    for at, count in _parts(blob, GROUP, body, size):
        ways = np.array(_parts(blob, WAYS, at, count), "int64").reshape(-1, 2)
        if len(ways):
            tokens = Tokens(np.frombuffer(blob, "uint8", count, at))
            yield WayBlock(words, tokens, tokens.spans(ways[:, 0] - at, ways[:, 1]))


def _parts(data: bytes, field: int, at: int, size: int) -> list[tuple[int, int]]:
    """Place and size of each field of this number, or the number it is and 0; for a message with fields below 16.

    ValueError where there is a field of another kind.
    """
    wanted, number, stop, found = field << 3 | PACKED, field << 3 | SCALAR, at + size, []
    while at < stop:
        tag, value, at = data[at], data[at + 1], at + 2
        if value > 127:
            value, at = _longer(data, value, at)
        if tag == wanted:
            found.append((at, value))
        elif tag == number:
            found.append((value, 0))
        if tag & 7 == PACKED:
            at += value
        elif tag & 7 != SCALAR or tag > 127:
            raise ValueError("a block has a field of an unknown kind")
    return found


def _longer(data: bytes, value: int, at: int) -> tuple[int, int]:
    """A number whose first byte has been read, and what follows it."""
    value, shift = value & 127, 7
    while data[at] > 127:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return value | data[at] << shift, at + 1
