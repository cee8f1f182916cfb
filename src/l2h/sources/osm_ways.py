"""The ways of an extract while they stream by, block by block: roads, buildings, and members of relations."""

from datetime import UTC, datetime

import numpy as np
from osmium.index import IdSet

from l2h.sources.intake import Intake, Numbers
from l2h.sources.osm_blocks import Places, WayBlock
from l2h.sources.osm_kinds import Kinds, Mask, kinds_of
from l2h.sources.osm_relations import SHORT, UNITS, Relations
from l2h.sources.runs import Runs

BATCH = 16_384  # ways handed over together at most
YEAR_S = 365 * 86_400  # what is said to be of 1970 is of no known time
LONGITUDES, LATITUDES = 180 * UNITS, 90 * UNITS


class Seen:
    """What earlier extracts had: roads and buildings that two of them share count once, as in the first.

    lost : ways that one of them could not build
    """

    def __init__(self) -> None:
        self.roads, self.buildings, self.relations, self.lost = IdSet(), IdSet(), IdSet(), IdSet()

    def of(self, kind: str) -> IdSet:
        return self.roads if kind == "road" else self.buildings


class Pieces:
    """Lines of some ways: those of a whole one, or the pieces of one that the extract's edge has cut.

    numbers : of the ways, int64 [N]
    runs    : the pieces
    way     : which way each piece is of
    count   : how many pieces each way has, int64 [N]
    """

    def __init__(self, numbers: Numbers, places: Places) -> None:
        there = (np.abs(places.lon) <= LONGITUDES) & (np.abs(places.lat) <= LATITUDES)
        points = np.column_stack([places.lon, places.lat]) / UNITS
        self.numbers = numbers
        if there.all() and not _repeats(places):
            self.runs, self.way = Runs(points, np.append(0, np.cumsum(places.counts))), np.arange(len(numbers))
        else:
            self.runs, self.way = Runs.known(points, there, places.counts)
        self.count = np.bincount(self.way, minlength=len(numbers))


def _repeats(places: Places) -> bool:
    """Whether a way has fewer than two places, or may have one twice in a row."""
    if (places.counts < 2).any():
        return True
    same = (places.lon[1:] == places.lon[:-1]) & (places.lat[1:] == places.lat[:-1])
    same[np.cumsum(places.counts)[:-1] - 1] = False  # the next way may begin where one ends
    return bool(same.any())


class Ways:
    """Takes blocks of ways and hands over what they hold."""

    def __init__(self, intake: Intake, relations: Relations, seen: Seen | None, dated: bool) -> None:
        self.intake, self.relations = intake, relations
        self._seen, self._dated, self._newest = seen, dated, 0
        self._wanted = relations.wanted()

    @property
    def newest(self) -> str:
        """The time of the newest way that has a tag of ours (ISO 8601); empty where none says its time."""
        known = self._newest >= YEAR_S
        return datetime.fromtimestamp(self._newest, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if known else ""

    def take(self, block: WayBlock) -> None:
        kinds = kinds_of(block)
        self._count(kinds)
        if self._dated:
            self._newest = max(self._newest, int(block.stamps[kinds.tagged].max(initial=0)))
        road, building, member = kinds.are_roads(), kinds.are_buildings(), self._members(block.numbers)
        rows = np.flatnonzero(road | building | member)
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            pieces = Pieces(block.numbers[part], block.places(part))
            self._take_buildings(pieces, building[part])
            self._take_roads(pieces, road[part], kinds, part)
            self._take_members(pieces, member[part])

    def _count(self, kinds: Kinds) -> None:
        left_out = self.intake.account.left_out
        for road, building, count in zip(kinds.roads, kinds.buildings, kinds.counts(), strict=True):
            if road and isinstance(road, str):
                left_out[f"road: {road}"] += count
            if building not in ("", "building"):
                left_out[f"building: {building}"] += count

    def _members(self, numbers: Numbers) -> Mask:
        """Which ways are members of a relation of ours."""
        if not len(self._wanted):
            return np.zeros(len(numbers), bool)
        at = np.searchsorted(self._wanted, numbers)
        return np.asarray(self._wanted[np.minimum(at, len(self._wanted) - 1)] == numbers)

    def _take_buildings(self, pieces: Pieces, here: Mask) -> None:
        here = self._fresh("building", pieces, here)
        self._lose(pieces.numbers[here & (pieces.count == 0)], "building: its outline is open")
        mine = here[pieces.way]
        ways, runs = pieces.numbers[pieces.way[mine]], pieces.runs.take(mine)
        whole = self._whole(ways, runs, pieces.count[pieces.way[mine]])
        self._mark("building", ways[whole])
        self.intake.building_runs(ways[whole], runs.take(whole))

    def _take_roads(self, pieces: Pieces, here: Mask, kinds: Kinds, rows: Numbers) -> None:
        here = self._fresh("road", pieces, here)
        self._lose(pieces.numbers[here & (pieces.count == 0)], "road: fewer than two places")
        mine = here[pieces.way]
        way = pieces.way[mine]
        self._mark("road", pieces.numbers[way])
        self.intake.road_runs(pieces.numbers[way], pieces.runs.take(mine), kinds.road_columns(rows[way]))

    def _take_members(self, pieces: Pieces, here: Mask) -> None:
        whole = (here & (pieces.count == 1))[pieces.way]
        self.relations.gather(pieces.numbers[pieces.way[whole]], pieces.runs.take(whole))

    def _fresh(self, kind: str, pieces: Pieces, here: Mask) -> Mask:
        """Those of the ways here that no earlier extract had."""
        if self._seen is None:
            return here
        known = self._seen.of(kind)
        return np.asarray(here & np.array([number not in known for number in pieces.numbers.tolist()], bool))

    def _mark(self, kind: str, ways: Numbers) -> None:
        """Later extracts need not bring these again, and what an earlier one had in pieces is mended by them."""
        if self._seen is None:
            return
        known = self._seen.of(kind)
        for way in ways.tolist():
            known.set(way)
            if way in self._seen.lost:
                self.intake.account.dropped.forget(f"w{way}", kind)

    def _whole(self, ways: Numbers, runs: Runs, pieces: Numbers) -> Mask:
        """Which outlines are closed and have three corners; the others near the grid are listed as lost."""
        open_ = ~runs.closed() | (pieces > 1)
        short = np.diff(runs.starts) < SHORT
        lost = open_ | short
        if lost.any():
            near = self.intake.near_degrees(runs.bounds())
            self._lose(ways[open_ & near], "building: its outline is open")
            self._lose(ways[~open_ & short & near], "building: fewer than three corners")
            self.intake.account.left_out["building: outside the grid"] += int((lost & ~near).sum())
        return np.asarray(~lost)

    def _lose(self, ways: Numbers, reason: str) -> None:
        for way in ways.tolist():
            self.intake.account.drop(f"w{way}", reason)
            if self._seen is not None:
                self._seen.lost.set(way)
