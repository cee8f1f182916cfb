"""Repeated and empty strips of lines, found from one hash per line.

A line is a row or a column. Its hash is a multilinear sum over its bytes,

    h = Σ v_i · k(i)  mod 2^64,

with pseudo-random keys k(i) that depend on the position alone, so it can be gathered window by window in any order and
costs one number per line. The keys have 32 bits: a product sum over 2^13 bytes stays below 2^53, so floating-point
matrix products are exact. Two keys per byte make chance agreement of two lines one in 2^64.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Window

EXACT = 2**13  # bytes summed at once: 2^8 · 2^32 · 2^13 = 2^53


@dataclass(frozen=True)
class Strip:
    """Lines [start, stop) that repeat the earlier lines [source_start, source_stop)."""

    start: int
    stop: int
    source_start: int
    source_stop: int


class LineHashes:
    """What is known of each line of a raster once all its pixels were seen, in any order.

    hashes    : uint64 [n, 2]
    changes   : whether the line holds more than one value in some band; a constant line says nothing
    has_value : whether any pixel of the line is valid
    """

    def __init__(self, count: int) -> None:
        self.hashes = np.zeros((count, 2), "uint64")
        self.changes = np.zeros(count, bool)
        self.has_value = np.zeros(count, bool)
        self._first: dict[int, npt.NDArray[np.generic]] = {}
        self._seen: dict[int, npt.NDArray[np.bool_]] = {}

    def first(self, band: int, lines: slice, candidates: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """The first value seen of each line in a band; `candidates` are taken for lines not seen before."""
        count = len(self.changes)
        first = self._first.setdefault(band, np.zeros(count, candidates.dtype))[lines]
        seen = self._seen.setdefault(band, np.zeros(count, bool))[lines]
        first[~seen] = candidates[~seen]
        seen[:] = True
        return first


class RasterHashes:
    """The hashes of all rows and all columns of a raster; its size grows with the sides, never with the area."""

    def __init__(self, height: int, width: int) -> None:
        self.rows, self.columns = LineHashes(height), LineHashes(width)

    def add(self, values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_], window: Window, band: int) -> None:
        """Take in the values [H, W] of one band in a window; what is not valid counts as zero."""
        rows = slice(window.row_start, window.row_stop)
        columns = slice(window.col_start, window.col_stop)
        self.rows.has_value[rows] |= valid.any(1)
        self.columns.has_value[columns] |= valid.any(0)
        values = np.ascontiguousarray(values) if valid.all() else np.where(valid, values, values.dtype.type(0))
        first = self.rows.first(band, rows, values[:, 0])
        self.rows.changes[rows] |= (values != first[:, None]).any(1)
        first = self.columns.first(band, columns, values[0])
        self.columns.changes[columns] |= (values != first).any(0)
        if values.any():  # zeros add nothing to any hash
            self._add_planes(values, window, band)

    def _add_planes(self, values: npt.NDArray[np.generic], window: Window, band: int) -> None:
        size = values.dtype.itemsize
        planes = values.view("uint8")
        for top in range(0, window.height, EXACT):
            for left in range(0, window.width, EXACT):
                for byte in range(size):
                    plane = planes[top : top + EXACT, left * size + byte : (left + EXACT) * size : size]
                    self._add_plane(plane, window.row_start + top, window.col_start + left, band * 16 + byte)

    def _add_plane(self, plane: npt.NDArray[np.uint8], row: int, col: int, salt: int) -> None:
        """Add one byte of each pixel; both products see the same converted copy."""
        rows, cols = slice(row, row + plane.shape[0]), slice(col, col + plane.shape[1])
        exact = plane.astype("float64")
        self.rows.hashes[rows] += (exact @ _keys(np.arange(cols.start, cols.stop), salt)).astype("uint64")
        self.columns.hashes[cols] += (exact.T @ _keys(np.arange(rows.start, rows.stop), salt)).astype("uint64")


def _keys(positions: npt.NDArray[np.int64], salt: int) -> npt.NDArray[np.float64]:
    """Two 32-bit keys per position, float64 [n, 2]: the halves of splitmix64 (Steele and others, 2014)."""
    with np.errstate(over="ignore"):
        z = (positions.astype("uint64") + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z += np.uint64(salt) * np.uint64(0xD1B54A32D192ED03)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return np.stack([z & np.uint64(0xFFFFFFFF), z >> np.uint64(32)], 1).astype("float64")


def repeated_strips(lines: LineHashes, least: int) -> list[Strip]:
    """Runs of at least `least` different consecutive lines that equal an earlier run, line for line.

    Constant lines never count, and neighbours that are equal (a vertical field border) count once: they are what a good
    map may hold. Each line is matched with its latest earlier twin.
    """
    starts, stops = _groups(lines.hashes)
    twins = _latest_twins(lines.hashes[starts], lines.changes[starts])
    shift = np.where(twins >= 0, np.arange(len(twins)) - twins, 0)
    strips = []
    for first, last in _runs(shift):
        if shift[first] == 0 or last - first < least:
            continue
        source, length = int(twins[first]), last - first
        strips.append(
            Strip(int(starts[first]), int(stops[last - 1]), int(starts[source]), int(stops[source + length - 1]))
        )
    return strips


def empty_strips(lines: LineHashes, least: int) -> list[tuple[int, int]]:
    """Runs of at least `least` lines without a value that have lines with values on both sides."""
    return [
        (first, last)
        for first, last in _runs(lines.has_value.astype("int64"))
        if not lines.has_value[first] and last - first >= least and first > 0 and last < len(lines.has_value)
    ]


def _groups(hashes: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Start and stop of each run of equal neighbouring lines."""
    if not len(hashes):
        return np.zeros(0, "int64"), np.zeros(0, "int64")
    new = np.concatenate([[True], (hashes[1:] != hashes[:-1]).any(1)])
    starts = np.flatnonzero(new)
    return starts, np.append(starts[1:], len(hashes))


def _latest_twins(hashes: npt.NDArray[np.uint64], changes: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """For each line the index of the latest earlier equal one; -1 where there is none or the line is constant."""
    twins = np.full(len(hashes), -1, "int64")
    order = np.lexsort((np.arange(len(hashes)), hashes[:, 1], hashes[:, 0]))
    same = (hashes[order][1:] == hashes[order][:-1]).all(1)
    twins[order[1:][same]] = order[:-1][same]
    twins[~changes] = -1
    return twins


def _runs(values: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """(start, stop) of each run of equal neighbours."""
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)]
    return (pair for pair in pairwise(bounds) if pair[1] > pair[0])
