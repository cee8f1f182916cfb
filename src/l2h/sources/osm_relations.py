"""Buildings that are relations: their members gathered while ways stream by, their outlines assembled."""

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import shapely

from l2h.sources.runs import Runs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Polygonal: TypeAlias = shapely.Polygon | shapely.MultiPolygon
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

    def gathered(self) -> Iterator[tuple[int, list[tuple[Floats, bool]] | None]]:
        """Relation, and places [n, 2] of its members with whether each is an inner one; None where one is missing.

        In the order of their numbers; once only.
        """
        ways = np.concatenate([*self._ways, np.empty(0, "int64")])
        ends = np.cumsum(np.concatenate([*self._lengths, np.empty(0, "int64")]))
        order = np.argsort(ways, kind="stable")
        ways = np.append(ways[order], -1)
        points = np.memmap(self._path, "<i4", "r").reshape(-1, 2) if len(ends) else np.empty((0, 2), "int32")
        numbers = np.array(self._numbers, "int64")
        for row in np.argsort(numbers, kind="stable").tolist():
            mine = slice(self._ends[row], self._ends[row + 1])
            asked = np.array(self._members[mine], "int64")
            at = np.searchsorted(ways[:-1], asked)
            if (ways[at] != asked).any():
                yield int(numbers[row]), None
                continue
            lines = [np.asarray(points[0 if i == 0 else ends[i - 1] : ends[i]]) / UNITS for i in order[at].tolist()]
            yield int(numbers[row]), [(line, bool(side)) for line, side in zip(lines, self._inner[mine], strict=True)]
        self._path.unlink(missing_ok=True)


def assemble(members: list[tuple[Floats, bool]]) -> Polygonal | str:
    """The area that outer lines enclose without what inner lines enclose, or the reason why there is none.

    members : places of a line [n, 2], and whether it is an inner one; in any order and direction. Every end must meet
              another.
    """
    closed = all(len(line) >= SHORT and (line[0] == line[-1]).all() for line, _ in members)
    sides = ([line for line, inner in members if inner is side] for side in (False, True))
    outer, inner = map(_of_rings, sides) if closed else map(_enclosed, sides)
    if outer is None or inner is None:
        return "a ring of the relation is open"
    area = outer if inner.is_empty else shapely.difference(outer, inner)
    if isinstance(area, shapely.Polygon | shapely.MultiPolygon) and not area.is_empty:
        return area
    return "the relation encloses nothing"


def _of_rings(rings: list[Floats]) -> shapely.Geometry | None:
    """What most relations have, closed ways that do not cross themselves: the union of what they enclose."""
    areas = [shapely.Polygon(ring) for ring in rings]
    if not all(area.is_valid for area in areas):
        return _enclosed(rings)
    return areas[0] if len(areas) == 1 else shapely.union_all(areas)


def _enclosed(lines: list[Floats]) -> shapely.Geometry | None:
    """The union of the areas that lines enclose; None where an end hangs loose."""
    noded = shapely.node(shapely.MultiLineString(lines))  # splits rings that cross themselves where they do
    faces, cuts, dangles, _ = shapely.polygonize_full([noded])
    if not (cuts.is_empty and dangles.is_empty):
        return None
    return shapely.union_all(list(faces.geoms))
