"""Buildings that are relations: their members gathered while ways stream by, their outlines assembled."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import shapely

from l2h.sources.runs import Runs
from l2h.sources.varints import Ints, Spans

Floats = npt.NDArray[np.float64]
Polygonal: TypeAlias = shapely.Polygon | shapely.MultiPolygon
CHUNK = 4096  # relations put together at a time
SHORT = 4  # places of the smallest ring, its first one twice
UNITS = 1e7  # OpenStreetMap keeps places as whole numbers of 1e-7 degrees


class Relations:
    """Multipolygons tagged as buildings, and the lines of the ways they are made of.

    The lines lie in a file, since they are many: memory holds 9 bytes a member, 16 a relation, 24 a gathered way.
    """

    def __init__(self, scratch: Path) -> None:
        self._path = scratch / ".members.part-places"
        self._numbers, self._ends = array("q"), array("q", [0])
        self._members, self._inner = array("q"), array("b")
        self._ways: list[Ints] = []
        self._lengths: list[Ints] = []

    def add(self, relation: int, members: Sequence[tuple[int, bool]]) -> None:
        """A relation: way of each member, and whether it is an inner one."""
        self._numbers.append(relation)
        for way, inner in members:
            self._members.append(way)
            self._inner.append(inner)
        self._ends.append(len(self._members))

    def wanted(self) -> Ints:
        """The ways to be gathered, in order."""
        return np.unique(np.array(self._members, "int64"))

    def gather(self, ways: Ints, runs: Runs) -> None:
        """Keep the lines of ways, as whole numbers."""
        if not len(ways):
            return
        self._ways.append(ways)
        self._lengths.append(np.diff(runs.starts))
        with self._path.open("ab") as file:
            file.write(np.rint(runs.points * UNITS).astype("<i4").tobytes())

    def gathered(self) -> Iterator[tuple[Ints, "Members"]]:
        """Relations that lack a member, and the members of the others; in the order of their numbers, once only."""
        ways = np.concatenate([*self._ways, np.empty(0, "int64")])
        lengths = np.concatenate([*self._lengths, np.empty(0, "int64")])
        lines = Spans(np.cumsum(lengths) - lengths, lengths)
        points = np.memmap(self._path, "<i4", "r").reshape(-1, 2) if len(ways) else np.empty((0, 2), "int32")
        numbers, ends = np.array(self._numbers, "int64"), np.array(self._ends, "int64")
        asked, inner = np.array(self._members, "int64"), np.array(self._inner, bool)
        order = np.argsort(ways, kind="stable")
        for rows in np.array_split(np.argsort(numbers, kind="stable"), len(numbers) // CHUNK + 1):
            mine = Spans(ends[rows], ends[rows + 1] - ends[rows])
            member = mine.places()
            at, known = _found(ways, order, asked[member])
            row = np.repeat(np.arange(len(rows)), mine.size)
            whole = np.bincount(row[~known], minlength=len(rows)) == 0
            kept = whole[row]
            found = lines.take(at[kept])
            runs = Runs(points[found.places()] / UNITS, np.append(0, np.cumsum(found.size)))
            yield numbers[rows[~whole]], Members(numbers[rows[whole]], mine.size[whole], runs, inner[member[kept]])
        self._path.unlink(missing_ok=True)


def _found(ways: Ints, order: Ints, asked: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Where each way that is asked for stands, and whether it is there at all. order : sorts the ways"""
    if not len(ways):
        return np.zeros(len(asked), "int64"), np.zeros(len(asked), bool)
    at = order[np.minimum(np.searchsorted(ways, asked, sorter=order), len(ways) - 1)]
    return at, np.asarray(ways[at] == asked)


@dataclass(frozen=True)
class Members:
    """Members of relations, one relation after the other.

    numbers : of the relations, int64 [R]
    counts  : how many members each has, int64 [R]
    runs    : the line of each member
    inner   : whether it is an inner one
    """

    numbers: Ints
    counts: Ints
    runs: Runs
    inner: npt.NDArray[np.bool_]

    def take(self, mask: npt.NDArray[np.bool_]) -> "Members":
        """The relations where a mask [R] says so."""
        lines = np.repeat(mask, self.counts)
        return Members(self.numbers[mask], self.counts[mask], self.runs.take(lines), self.inner[lines])

    def boxes(self) -> Floats:
        """Left, bottom, right, top of each relation, [R, 4]; everywhere for one without members."""
        boxes = np.tile([-np.inf, -np.inf, np.inf, np.inf], (len(self.numbers), 1))
        some = self.counts > 0
        if some.any():
            lines, first = self.runs.bounds(), (np.cumsum(self.counts) - self.counts)[some]
            boxes[some, :2] = np.minimum.reduceat(lines[:, :2], first)
            boxes[some, 2:] = np.maximum.reduceat(lines[:, 2:], first)
        return boxes

    def areas(self) -> list[Polygonal | str]:
        """The area of each relation, or the reason why there is none."""
        ring = self.runs.closed() & (np.diff(self.runs.starts) >= SHORT)
        areas = np.full(len(ring), None, object)
        areas[ring] = self.runs.take(ring).polygons()
        broken = np.append(0, np.cumsum(~np.asarray(shapely.is_valid(areas), bool)))
        stops = np.cumsum(self.counts)
        return [
            self._assembled(start, stop)
            if broken[stop] > broken[start]
            else _joined(areas[start:stop], self.inner[start:stop])
            for start, stop in zip((stops - self.counts).tolist(), stops.tolist(), strict=True)
        ]

    def _assembled(self, start: int, stop: int) -> Polygonal | str:
        points, ends = self.runs.points, self.runs.starts
        return assemble([(points[ends[i] : ends[i + 1]], bool(self.inner[i])) for i in range(start, stop)])


def _joined(areas: npt.NDArray[np.object_], inner: npt.NDArray[np.bool_]) -> Polygonal | str:
    """What most relations have, closed ways that do not cross themselves: the union of what they enclose."""
    outer = _union(areas[~inner])
    return _polygonal(shapely.difference(outer, _union(areas[inner])) if inner.any() else outer)


def assemble(members: Sequence[tuple[Floats, bool]]) -> Polygonal | str:
    """The area that outer lines enclose without what inner lines enclose, or the reason why there is none.

    members : places of a line [n, 2], and whether it is an inner one; in any order and direction. Every end must meet
              another.
    """
    closed = all(len(line) >= SHORT and (line[0] == line[-1]).all() for line, _ in members)
    sides = ([line for line, inner in members if inner is side] for side in (False, True))
    outer, inner = map(_of_rings, sides) if closed else map(_enclosed, sides)
    if outer is None or inner is None:
        return "a ring of the relation is open"
    return _polygonal(outer if inner.is_empty else shapely.difference(outer, inner))


def _polygonal(area: shapely.Geometry) -> Polygonal | str:
    if isinstance(area, shapely.Polygon | shapely.MultiPolygon) and not area.is_empty:
        return area
    return "the relation encloses nothing"


def _of_rings(rings: list[Floats]) -> shapely.Geometry | None:
    """The union of what closed ways enclose."""
    areas = np.array([shapely.Polygon(ring) for ring in rings], object)
    return _union(areas) if shapely.is_valid(areas).all() else _enclosed(rings)


def _union(areas: npt.NDArray[np.object_]) -> shapely.Geometry:
    return areas[0] if len(areas) == 1 else shapely.union_all(areas)


def _enclosed(lines: list[Floats]) -> shapely.Geometry | None:
    """The union of the areas that lines enclose; None where an end hangs loose."""
    noded = shapely.node(shapely.MultiLineString(lines))  # splits rings that cross themselves where they do
    faces, cuts, dangles, _ = shapely.polygonize_full([noded])
    if not (cuts.is_empty and dangles.is_empty):
        return None
    return shapely.union_all(list(faces.geoms))
