"""The ways of an extract while they stream by: what each is, gathered into batches for the intake.

Ways whose tags say nothing but `highway` and `building` take a short way: their other tags are never asked for, since
osmium's own filter has already said that none of them matters.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import osmium
import shapely
from osmium.index import IdSet

from l2h.sources.intake import Intake
from l2h.sources.osm_relations import SHORT, Relations
from l2h.sources.osm_tags import TELLING, Road, read_building, read_road
from l2h.sources.runs import Runs

BATCH = 16_384  # lines held before they are handed over
KEYS = ("highway", "building", *TELLING)


class Seen:
    """What earlier extracts had: roads and buildings that two of them share count once, as in the first."""

    def __init__(self) -> None:
        self.roads, self.buildings, self.relations = IdSet(), IdSet(), IdSet()


class Held:
    """Lines that wait to be handed over together: way and WKB of each; for roads, what their tags say."""

    def __init__(self) -> None:
        self.ways: list[int] = []
        self.lines: list[str] = []
        self.roads: list[Road] = []

    def __len__(self) -> int:
        return len(self.ways)

    def emptied(self) -> tuple[npt.NDArray[np.int64], Runs, list[Road]]:
        """What is held, which is then held no longer."""
        held = np.array(self.ways, "int64"), Runs.of(self.lines), self.roads
        self.ways, self.lines, self.roads = [], [], []
        return held


class Ways:
    """Takes the ways of a stream and hands them over in batches. A handler, as osmium calls it.

    `way` runs for nearly every way of a country: it asks for as little as it can.
    """

    def __init__(self, intake: Intake, relations: Relations, seen: Seen | None, dated: bool) -> None:
        self.intake, self.relations, self.newest = intake, relations, ""
        self._seen, self._dated = seen, dated
        self._alone = seen is None and not dated  # one extract, and it says its time
        self._wanted = relations.wanted if relations.members else None
        self._line = osmium.geom.WKBFactory().create_linestring
        self._road, self._building, self._member = Held(), Held(), Held()

    def way(self, way: Any) -> None:
        """A way whose tags, beside highway and building, do not matter."""
        tags = way.tags
        highway = tags.get("highway")
        building = tags.get("building")
        if highway is None and self._alone and _plain_building(building) == "building":
            self._take_house(way)
        elif highway is not None or building is not None:
            self.take(way, _plain_road(highway), _plain_building(building))
        elif self._wanted is not None and way.id in self._wanted:
            self._take_member(way.id, self._pieces(way))

    def _take_house(self, way: Any) -> None:
        """What most ways are: `take`, with nothing asked that is known already."""
        number = way.id
        if self._wanted is not None and number in self._wanted:
            self.take(way, "", "building")
            return
        try:
            line = self._line(way)
        except (osmium.InvalidLocationError, RuntimeError):
            self._take_building(number, _known_pieces(way))
            return
        held = self._building
        held.ways.append(number)
        held.lines.append(line)
        if len(held.ways) >= BATCH:
            self._hand_over_buildings()

    def telling(self, way: Any) -> None:
        """A way with a tag that matters."""
        self.take(way, *_read(tuple(map(way.tags.get, KEYS)), way.is_closed()))

    def take(self, way: Any, road: Road | str, building: str) -> None:
        """A way of which it is known what it is."""
        number, pieces = way.id, self._pieces(way)
        if building == "building":
            self._take_building(number, pieces)
        elif building:
            self.intake.account.left_out[f"building: {building}"] += 1
        if isinstance(road, Road):
            self._take_road(number, pieces, road)
        elif road:
            self.intake.account.left_out[f"road: {road}"] += 1
        if self._wanted is not None and number in self._wanted:
            self._take_member(number, pieces)
        if self._dated and way.timestamp.year > 1970:
            self.newest = max(self.newest, way.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def _pieces(self, way: Any) -> list[str]:
        """WKB of the runs of places that are known: one for a whole way, several for one cut by the extract's edge."""
        try:
            return [self._line(way)]
        except (osmium.InvalidLocationError, RuntimeError):
            return _known_pieces(way)

    def _take_building(self, number: int, pieces: list[str]) -> None:
        if self._seen is not None and number in self._seen.buildings:
            return
        if not pieces:
            self.intake.account.drop(f"w{number}", "building: its outline is open")
        held = self._building
        for piece in pieces:
            held.ways.append(number)
            held.lines.append(piece)
        if len(held.ways) >= BATCH:
            self._hand_over_buildings()

    def _take_road(self, number: int, pieces: list[str], road: Road) -> None:
        if self._seen is not None and number in self._seen.roads:
            return
        if not pieces:
            self.intake.account.drop(f"w{number}", "road: fewer than two places")
        held = self._road
        for piece in pieces:
            held.ways.append(number)
            held.lines.append(piece)
            held.roads.append(road)
        if len(held.ways) >= BATCH:
            self._hand_over_roads()

    def _take_member(self, number: int, pieces: list[str]) -> None:
        if len(pieces) == 1:
            self._member.ways.append(number)
            self._member.lines.append(pieces[0])
            if len(self._member) >= BATCH:
                self._hand_over_members()

    def flush(self) -> None:
        """Hand over what is held."""
        self._hand_over_roads()
        self._hand_over_buildings()
        self._hand_over_members()

    def _hand_over_roads(self) -> None:
        ways, runs, roads = self._road.emptied()
        self._mark(self._seen.roads if self._seen else None, ways)
        self.intake.road_runs(names_of("w", ways), runs, roads)

    def _hand_over_buildings(self) -> None:
        ways, runs, _ = self._building.emptied()
        whole = self._whole(ways, runs)
        self._mark(self._seen.buildings if self._seen else None, ways[whole])
        self.intake.building_runs(names_of("w", ways[whole]), runs.take(whole))

    def _hand_over_members(self) -> None:
        ways, runs, _ = self._member.emptied()
        self.relations.gather(ways, runs)

    def _mark(self, seen: IdSet | None, ways: npt.NDArray[np.int64]) -> None:
        """Later extracts need not bring these again, and what an earlier one had in pieces is mended by them."""
        if seen is not None:
            for way in ways.tolist():
                seen.set(way)
                self.intake.account.dropped.pop(f"w{way}", None)

    def _whole(self, ways: npt.NDArray[np.int64], runs: Runs) -> npt.NDArray[np.bool_]:
        """Which outlines are closed and have three corners; the others near the grid are listed as lost."""
        _, first, pieces = np.unique(ways, return_inverse=True, return_counts=True)
        open_ = ~runs.closed() | (pieces[first] > 1)
        short = np.diff(runs.starts) < SHORT
        near = self.intake.near_degrees(runs.bounds())
        for i in np.flatnonzero((open_ | short) & near):
            reason = "its outline is open" if open_[i] else "fewer than three corners"
            self.intake.account.drop(f"w{ways[i]}", f"building: {reason}")
        far = int(((open_ | short) & ~near).sum())
        self.intake.account.left_out["building: outside the grid"] += far
        return np.asarray(~open_ & ~short)


def names_of(prefix: str, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    names = np.empty(len(numbers), object)
    names[:] = [f"{prefix}{number}" for number in numbers.tolist()]
    return names


@lru_cache(maxsize=65536)
def _read(values: tuple[str | None, ...], closed: bool) -> tuple[Road | str, str]:
    """What a way is, by the values of KEYS: the same few thousand combinations again and again."""
    tags = {key: value for key, value in zip(KEYS, values, strict=True) if value is not None}
    return read_road(tags, closed), read_building(tags)


@lru_cache(maxsize=4096)
def _plain_road(highway: str | None) -> Road | str:
    return read_road({"highway": highway}, False) if highway else ""


@lru_cache(maxsize=4096)
def _plain_building(building: str | None) -> str:
    return read_building({"building": building}) if building else ""


def _known_pieces(way: Any) -> list[str]:
    runs: list[list[tuple[float, float]]] = [[]]
    for node in way.nodes:
        if not node.location.valid():
            runs.append([])
        elif not runs[-1] or runs[-1][-1] != (node.lon, node.lat):
            runs[-1].append((node.lon, node.lat))
    return [str(shapely.to_wkb(shapely.LineString(run), hex=True, byte_order=1)) for run in runs if len(run) >= 2]
