"""What the ways of a block are: their tags are read once for each combination of values, which are few."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.sources.intake import road_columns
from l2h.sources.osm_blocks import WayBlock
from l2h.sources.osm_tags import TELLING, Road, read_building, read_road
from l2h.sources.varints import Ints

KEYS = ("highway", "building", *TELLING)
COLUMN = {key.encode(): i for i, key in enumerate(KEYS)}
PLAIN = 2  # the first keys, which say all where there is none of the others
MOST = 1 << 62  # no code may come near what 64 bits hold
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Kinds:
    """What each way is: its combination [N], and what each combination says.

    roads     : the road, or the reason why it is none, or ""
    buildings : "building", or the reason why it is left out, or ""
    tagged    : which ways have any of KEYS [N]
    """

    of: Ints
    roads: list[Road | str]
    buildings: list[str]
    tagged: Mask

    def counts(self) -> list[int]:
        return [int(count) for count in np.bincount(self.of, minlength=len(self.roads))]

    def are_roads(self) -> Mask:
        return np.array([isinstance(road, Road) for road in self.roads], bool)[self.of]

    def road_columns(self, rows: Ints) -> dict[str, Any]:
        """Columns of the roads' table for some of the ways, which all are roads."""
        return {name: values[self.of[rows]] for name, values in self._columns.items()}

    @cached_property
    def _columns(self) -> dict[str, Any]:
        none = Road("", math.nan, math.nan, False)
        return road_columns([road if isinstance(road, Road) else none for road in self.roads])

    def are_buildings(self) -> Mask:
        return np.array([building == "building" for building in self.buildings], bool)[self.of]


def kinds_of(block: WayBlock) -> Kinds:
    """What the ways of a block are. ValueError where a word that matters is no text."""
    table = _values(block)
    telling = table[:, PLAIN:].any(1)
    rows = np.flatnonzero(telling)
    of = np.empty(len(block), "int64")
    plain, of[~telling] = _combinations(table[~telling, :PLAIN])
    told, of[rows] = _combinations(np.column_stack([table[rows], block.closed(rows)]))
    of[rows] += len(plain)
    read = [_read(_texts(block.words, row), False) for row in plain.tolist()]
    read += [_read(_texts(block.words, row[:-1]), bool(row[-1])) for row in told.tolist()]
    return Kinds(of, [road for road, _ in read], [building for _, building in read], np.asarray(table.any(1)))


def _values(block: WayBlock) -> Ints:
    """The values of KEYS as places in the words, [N, keys]; 0, where no word is, for none. The first counts."""
    known = np.array([COLUMN.get(word, -1) for word in block.words], "int64")
    tags = block.tags
    column = known[tags.keys]
    ours = np.flatnonzero(column >= 0)[::-1]
    table = np.zeros((len(block), len(KEYS)), "int64")
    table[tags.rows[ours], column[ours]] = tags.values[ours]
    return table


def _combinations(table: Ints) -> tuple[Ints, Ints]:
    """The rows that differ, and which of them each is."""
    base, bound = int(table.max(initial=0)) + 1, 1
    code = np.zeros(len(table), "int64")
    for i in np.flatnonzero(table.any(0)).tolist():
        if bound * base >= MOST:
            code, bound = np.unique(code, return_inverse=True)[1].ravel(), len(table)
        code, bound = code * base + table[:, i], bound * base
    _, first, of = np.unique(code, return_index=True, return_inverse=True)
    return table[first], of.ravel()


def _texts(words: list[bytes], row: list[int]) -> tuple[str | None, ...]:
    values = [words[i].decode() if i else None for i in row]
    return (*values, *[None] * (len(KEYS) - len(values)))


@lru_cache(maxsize=65536)
def _read(values: tuple[str | None, ...], closed: bool) -> tuple[Road | str, str]:
    """What a way is, by the values of KEYS: the same few thousand combinations again and again."""
    tags = {key: value for key, value in zip(KEYS, values, strict=True) if value is not None}
    return read_road(tags, closed), read_building(tags)
