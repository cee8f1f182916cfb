"""The line-up: which maps are compared, where they lie, and how their codes become classes of one legend."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from l2h.accuracy.maps import MAP
from l2h.core.errors import InputError
from l2h.core.grid import Block, Grid, Window
from l2h.core.legend import BUILDING, TRAFFIC, Legend, coarse_legend, load_crosswalk, load_legend
from l2h.core.raster import BlockStore

Codes = npt.NDArray[np.uint8]
Level = Literal["coarse", "fine"]
OWN = "sinolc1"


@dataclass(frozen=True)
class Entry:
    """One of the maps: its name, its legend, and the folder of its blocks in the workspace."""

    name: str
    legend: str
    folder: str

    @property
    def is_map(self) -> bool:
        return self.name == MAP


@dataclass(frozen=True)
class Lineup:
    """All maps that are compared, ours first; small and picklable, so that it travels to workers."""

    work: Path
    grid: Grid
    block_px: int
    entries: tuple[Entry, ...]
    level: Level

    def __post_init__(self) -> None:
        if len(self.entries) < 2:
            raise InputError(
                "there is nothing to compare the map with", where="[compare]",
                hint="Name products in [[compare.products]], or say inputs = true.",
            )  # fmt: skip

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every pair of names once, in order of the line-up."""
        return [(a, b) for i, a in enumerate(self.names) for b in self.names[i + 1 :]]

    @property
    def legend(self) -> Legend:
        """The one legend everything is brought to."""
        return coarse_legend() if self.level == "coarse" else load_legend(OWN)

    @cached_property
    def own_lut(self) -> Codes:
        """uint8 [256]: value of the map's legend → value of the common legend."""
        lut = np.zeros(256, "uint8")
        lut[list(load_legend(OWN).values)] = load_legend(OWN).values
        if self.level == "coarse":
            lut[TRAFFIC] = BUILDING
        return lut

    @cached_property
    def luts(self) -> dict[str, Codes]:
        """Name → uint8 [256]: a map's own code → the usual class of the common legend, 0 where it says nothing."""
        return {e.name: self.own_lut[load_crosswalk(e.legend).primary_lut] for e in self.entries}

    @cached_property
    def admits(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Name → bool [256, 256]: whether a map's own code admits a value of the common legend."""
        found = {}
        for entry in self.entries:
            table = np.zeros((256, 256), bool)
            for code, targets in load_crosswalk(entry.legend).table.items():
                table[code, [int(self.own_lut[t]) for t in targets]] = True
            found[entry.name] = table
        return found

    def store(self, folder: str) -> BlockStore:
        return BlockStore(self.work / folder, self.grid, self.block_px)

    def paths(self, block: Block) -> tuple[Path, ...]:
        """Files of one block that a reader of the line-up needs."""
        return tuple(self.store(f).path(block) for f in ("layers/regions", *(e.folder for e in self.entries)))

    def told(self) -> dict[str, Any]:
        """What of it changes results, for a task's digest."""
        return {"maps": [[e.name, e.legend] for e in self.entries], "legend": self.level}

    def crosswalks(self) -> list[dict[str, Any]]:
        """Each map's codes with the classes they admit, the usual one first; and the classes a map cannot name."""
        names = {c.value: c.name for c in self.legend.classes}
        rows = []
        for entry in self.entries:
            source, table = load_legend(entry.legend), load_crosswalk(entry.legend).table
            codes = []
            for land in source.classes:
                into = dict.fromkeys(names[int(self.own_lut[t])] for t in table[land.value])
                codes.append({"code": land.value, "label": land.label, "admits": list(into)})
            usual = {int(self.luts[entry.name][value]) for value in source.values}
            never = [name for value, name in names.items() if value not in usual]
            rows.append({"map": entry.name, "legend": entry.legend, "codes": codes, "never": never})
        return rows


class LineupReader:
    """Reads windows of all maps, in their own codes or in the common legend."""

    def __init__(self, lineup: Lineup) -> None:
        self.lineup = lineup
        self._stores = {entry.name: lineup.store(entry.folder) for entry in lineup.entries}
        self._regions = lineup.store("layers/regions")

    def __enter__(self) -> "LineupReader":
        return self

    def __exit__(self, *_: object) -> None:
        for store in (self._regions, *self._stores.values()):
            store.close()

    def cities(self, window: Window) -> npt.NDArray[np.uint16]:
        """uint16 [H, W]: index of the city that owns each pixel, 0 outside."""
        return np.asarray(self._regions.read(window).values[0], "uint16")

    def raw(self, window: Window) -> dict[str, Codes]:
        """Name → uint8 [H, W]: each map's own codes, checked against its legend."""
        found = {}
        for entry in self.lineup.entries:
            codes = self._stores[entry.name].read(window).values[0].astype("uint8")
            load_legend(entry.legend).check(codes, f"{entry.folder}, {window}")
            found[entry.name] = codes
        return found

    def classes(self, window: Window) -> dict[str, Codes]:
        """Name → uint8 [H, W]: values of the common legend, 0 where a map says nothing."""
        return {name: self.lineup.luts[name][codes] for name, codes in self.raw(window).items()}
