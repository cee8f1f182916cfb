"""Ways as osmium hands them on in bulk: blocks of a few thousand, each with its tags and the places of its nodes.

osmium reads the extract, looks the places up and writes the ways with them, uncompressed (`write_ways`); what it has
written is read back here as arrays, so that no way becomes an object of Python. The format is OpenStreetMap's PBF with
`LocationsOnWays` (OpenStreetMap wiki, "PBF Format").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import osmium
from osmium.filter import EntityFilter
from osmium.osm import NODE, WAY

from l2h.sources.varints import LONGEST, PACKED, Bytes, Fields, Ints, Spans, running, signed, split, unpack

FORMAT = "pbf,locations_on_ways=true,pbf_compression=none,add_metadata="
HEAD, BLOB, TABLE, GROUP, WAYS = 3, 1, 1, 2, 3  # fields: size in a blob's head, its bytes, words, groups, ways
ID, KEYS, VALUES, INFO, REFS, LATITUDES, LONGITUDES = 1, 2, 3, 4, 8, 9, 10  # fields of a way
STAMP = 2  # field of a way's metadata
DATA = b"OSMData"  # what the head of a block says that is not the file's


def write_ways(extract: Path, index: str, out: Path, dated: bool) -> None:
    """Write the ways of an extract with their places, in the extract's order.

    index : kind of osmium's store of places
    dated : with the time of each way
    """
    places = osmium.NodeLocationsForWays(osmium.index.create_map(index))
    places.ignore_errors()
    file = osmium.io.File(str(out), FORMAT + ("timestamp" if dated else "none"))
    with osmium.io.Reader(str(extract), NODE | WAY) as reader, osmium.SimpleWriter(file) as writer:
        osmium.apply(reader, places, EntityFilter(WAY), writer)


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

    def __init__(self, data: Bytes, words: list[bytes], ways: Spans) -> None:
        self.words, self._data = words, data
        self._fields = split(data, ways, (ID, KEYS, VALUES, INFO, REFS, LATITUDES, LONGITUDES))

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
        return split(self._data, self._fields[INFO].spans, (STAMP,))[STAMP].numbers

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
        return unpack(self._data, spans if rows is None else spans.take(rows))


def _same(counts: Ints, others: Ints) -> None:
    if not np.array_equal(counts, others):
        raise ValueError("a way has not as many of one thing as of another")


def read_blocks(path: Path) -> Iterator[WayBlock]:
    """The blocks of a file that `write_ways` wrote. ValueError where it is none, or ends too early."""
    with path.open("rb") as file:
        while size := file.read(4):
            head = _exactly(file, int.from_bytes(size, "big"))
            blob = _exactly(file, int(_only(head, HEAD).numbers[0]))
            if DATA in head:
                body = _only(blob, BLOB).spans
                yield from _way_blocks(blob, int(body.at[0]), int(body.size[0]))


def _exactly(file: Any, size: int) -> bytes:
    data = bytes(file.read(size))
    if len(data) < size:
        raise ValueError("a block is cut short")
    return data


def _only(message: bytes, field: int) -> Fields:
    """A field of one message."""
    data = np.frombuffer(message + bytes(LONGEST), "uint8")
    return split(data, Spans(np.array([0]), np.array([len(message)])), (field,))[field]


def _way_blocks(blob: bytes, at: int, size: int) -> Iterator[WayBlock]:
    parts = list(_parts(blob, at, at + size))
    words = [blob[a : a + n] for tag, t, m in parts if tag == TABLE for _, a, n in _parts(blob, t, t + m)]
    data = np.frombuffer(blob + bytes(LONGEST), "uint8")
    for group in (part for part in parts if part[0] == GROUP):
        ways = [part[1:] for part in _parts(blob, group[1], group[1] + group[2]) if part[0] == WAYS]
        if ways:
            yield WayBlock(data, words, Spans(*np.array(ways, "int64").T))


def _parts(data: bytes, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Field, place and size of each part that has a size; for messages whose fields are below 16."""
    while at < stop:
        tag, size, at = data[at], data[at + 1], at + 2
        if size > 127:
            size, shift = size & 127, 7
            while data[at] > 127:
                size |= (data[at] & 127) << shift
                at, shift = at + 1, shift + 7
            size |= data[at] << shift
            at += 1
        if tag & 7 != PACKED or tag > 127:
            raise ValueError("a block has a part of an unknown kind")
        yield tag >> 3, at, size
        at += size
