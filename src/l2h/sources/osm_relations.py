"""Buildings that are relations: their members gathered while ways stream by, their outlines assembled."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import shapely
from osmium.index import IdSet

from l2h.sources.runs import Runs

Floats = npt.NDArray[np.float64]
Polygonal: TypeAlias = shapely.Polygon | shapely.MultiPolygon
SHORT = 4  # places of the smallest ring, its first one twice
UNITS = 1e7  # OpenStreetMap keeps places as whole numbers of 1e-7 degrees


@dataclass
class Relations:
    """Multipolygons tagged as buildings, and the lines of the ways they are made of.

    members : relation → (way, whether it is an inner one) of its members
    wanted  : the ways to be gathered
    """

    members: dict[int, tuple[tuple[int, bool], ...]] = field(default_factory=dict)
    wanted: IdSet = field(default_factory=IdSet)
    _ways: list[npt.NDArray[np.int64]] = field(default_factory=list)
    _runs: list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]] = field(default_factory=list)

    def add(self, relation: int, members: tuple[tuple[int, bool], ...]) -> None:
        self.members[relation] = members
        for way, _ in members:
            self.wanted.set(way)

    def gather(self, ways: npt.NDArray[np.int64], runs: Runs) -> None:
        """Keep the lines of ways, as whole numbers: they are many and most are never asked for again."""
        self._ways.append(ways)
        self._runs.append((np.rint(runs.points * UNITS).astype("int32"), np.diff(runs.starts)))

    def gathered(self) -> Iterator[tuple[int, list[tuple[Floats, bool]] | None]]:
        """Relation, and places [n, 2] of its members with whether each is an inner one; None where one is missing."""
        ways = np.concatenate([*self._ways, np.empty(0, "int64")])
        order = np.argsort(ways, kind="stable")
        ways = ways[order]
        numbers = sorted(self.members)
        asked = np.array([way for number in numbers for way, _ in self.members[number]], "int64")
        at = np.searchsorted(ways, asked)
        known = np.append(ways, -1)[at] == asked
        place = np.append(order, -1)[at].tolist()
        points = np.concatenate([*(each for each, _ in self._runs), np.empty((0, 2), "int32")])
        ends = np.cumsum(np.concatenate([*(lengths for _, lengths in self._runs), np.empty(0, "int64")]))
        self._runs.clear()
        done = 0
        for number in numbers:
            members = self.members[number]
            mine = slice(done, done + len(members))
            done += len(members)
            if known[mine].all():
                lines = [points[0 if i == 0 else ends[i - 1] : ends[i]] / UNITS for i in place[mine]]
                yield number, [(line, inner) for line, (_, inner) in zip(lines, members, strict=True)]
            else:
                yield number, None


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
