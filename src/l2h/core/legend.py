"""Legend, LandClass, Crosswalk: closed tables kept as data files.

0 is nodata in every legend of ours, never a class. The classes of a network are those of `sinolc1`, in table order;
a 10 m product can only speak of the coarse legend, in which value 6 means built-up (building or traffic route).
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from l2h.core.errors import LegendError

TRAFFIC, BUILDING = 1, 6
CHUNK = 1 << 20
FIRST = ("sinolc1", "worldcover", "esri2020", "esri", "from_glc10")  # the map, and what labels are made from
STRANGE = 255  # what `file_codes` makes of a code that a legend does not know


@dataclass(frozen=True)
class LandClass:
    """One row of a legend: the code in the raster, a short name for code, a label for people, an RGB colour."""

    value: int
    name: str
    label: str
    colour: tuple[int, int, int]
    definition: str = ""


@dataclass(frozen=True)
class Legend:
    """A closed table of classes, in order. Values are unique, 1 to 254.

    shift  : what is added to a code of the publisher's files, whose first class may be 0 (Dynamic World: water)
    void   : codes of the publisher's files that mean "no data" beside 0
    family : of legends that hide behind the same file names; empty where it stands alone
    """

    name: str
    title: str
    classes: tuple[LandClass, ...]
    nodata: int = 0
    shift: int = 0
    void: tuple[int, ...] = ()
    family: str = ""

    def __post_init__(self) -> None:
        values = [c.value for c in self.classes]
        if len(set(values)) != len(values) or not all(0 < v < 255 for v in values):
            raise LegendError("a legend needs unique values from 1 to 254", where=self.name, got=str(values))

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def values(self) -> tuple[int, ...]:
        return tuple(c.value for c in self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.classes)

    def by_value(self, value: int) -> LandClass:
        for land_class in self.classes:
            if land_class.value == value:
                return land_class
        raise LegendError(
            "no such class value", where=f"legend '{self.name}'", expected=f"one of {self.values}", got=str(value)
        )

    def by_name(self, name: str) -> LandClass:
        for land_class in self.classes:
            if land_class.name == name:
                return land_class
        raise LegendError(
            "no such class name", where=f"legend '{self.name}'", expected=f"one of {self.names}", got=name
        )

    def value_of(self, entry: object) -> int | None:
        """Value of a class that a table gives by value, name or label; None for anything else.

        >>> [load_legend("sinolc1").value_of(entry) for entry in (9, "9", 9.0, " Water ", 99, None)]
        [9, 9, 9, 9, None, None]
        """
        text = str(int(entry)) if isinstance(entry, float) and entry.is_integer() else str(entry).strip().lower()
        return self._by_word.get(text)

    @cached_property
    def _by_word(self) -> dict[str, int]:
        known: dict[str, int] = {str(c.value): c.value for c in self.classes}
        return known | {c.name: c.value for c in self.classes} | {c.label.lower(): c.value for c in self.classes}

    @cached_property
    def index_of(self) -> npt.NDArray[np.uint8]:
        """uint8 [256]: value → position in the table; 255 for nodata and for values outside the legend."""
        table = np.full(256, 255, "uint8")
        table[list(self.values)] = np.arange(len(self.classes))
        return table

    @cached_property
    def colormap(self) -> dict[int, tuple[int, int, int, int]]:
        """Value → RGBA; nodata is transparent."""
        return {self.nodata: (0, 0, 0, 0)} | {c.value: (*c.colour, 255) for c in self.classes}

    @cached_property
    def rgb(self) -> npt.NDArray[np.uint8]:
        """uint8 [256, 3]: value → colour, for pictures; white where the legend has none."""
        table = np.full((256, 3), 255, "uint8")
        for land_class in self.classes:
            table[land_class.value] = land_class.colour
        return table

    def file_codes(
        self, codes: npt.NDArray[np.integer], valid: npt.NDArray[np.bool_] | None = None
    ) -> npt.NDArray[np.uint8]:
        """Codes as the publisher's files hold them → values of this legend, uint8 of the same shape.

        codes : integers of 8 or 16 bits
        valid : bool, where the file has a pixel at all; everywhere where it is left out
        0 where there is no data, STRANGE for a code the legend does not know.
        """
        if codes.dtype == np.uint8:
            values = self._from_file.take(codes)
        else:
            known = (codes >= 0) & (codes < 256)
            values = np.where(known, self._from_file[np.where(known, codes, 0)], np.uint8(STRANGE))
        return values if valid is None or valid.all() else np.where(valid, values, np.uint8(self.nodata))

    @cached_property
    def _from_file(self) -> npt.NDArray[np.uint8]:
        table = np.full(256, STRANGE, "uint8")
        table[[value - self.shift for value in self.values]] = self.values
        table[[*self.void, *([0] if self.shift == 0 else [])]] = self.nodata
        return table

    def likely_other(self, codes: Iterable[int]) -> str:
        """A sentence on which shipped legend knows all these codes of a file: of the same family first."""
        asked = {int(code) for code in codes}
        others = [load_legend(name) for name in legend_names() if name != self.name]
        fits = [legend for legend in others if asked <= {v - legend.shift for v in legend.values} | {0, *legend.void}]
        kin = [legend for legend in fits if self.family and legend.family == self.family]
        if kin:
            return f"These are codes of '{kin[0].name}' ({kin[0].title}): say so in `legend` or `catalogue`."
        names = ", ".join(f"'{legend.name}'" for legend in fits)
        return f"Legends that know them all: {names}." if names else "No legend we have knows them all."

    def check(self, codes: npt.NDArray[np.uint8], where: str) -> None:
        """Raise LegendError naming the first code that is neither nodata nor in the legend, with its count."""
        counts = sum(
            (np.bincount(part, minlength=256) for part in np.array_split(codes.ravel(), codes.size // CHUNK + 1)),
            start=np.zeros(256, "int64"),  # in parts, for bincount takes eight bytes a pixel
        )
        known = np.zeros(256, bool)
        known[[self.nodata, *self.values]] = True
        strange = np.flatnonzero((counts > 0) & ~known)
        if strange.size:
            code = int(strange[0])
            raise LegendError(
                f"code {code} is absent from legend '{self.name}'",
                where=f"{where}, {int(counts[code])} px",
                expected=f"0 (nodata) or one of {self.values}",
                hint="Add it to the crosswalk, choose the legend of this version, or mark it nodata. "
                + self.likely_other(np.flatnonzero(counts)),
            )


@dataclass(frozen=True)
class Crosswalk:
    """Which target classes each source class admits: total on the source legend.

    table: source value → target values, the first being the usual one; an empty tuple means that the code says nothing
    of the ground (cloud).
    """

    source: Legend
    target: Legend
    table: Mapping[int, tuple[int, ...]]

    def __post_init__(self) -> None:
        where = f"crosswalk {self.source.name} → {self.target.name}"
        if set(self.table) != set(self.source.values):
            odd = sorted(set(self.table) ^ set(self.source.values))
            raise LegendError("a crosswalk must map every source class and nothing else", where=where, got=str(odd))
        for value, targets in self.table.items():
            if not set(targets) <= set(self.target.values):
                raise LegendError("a crosswalk names a class its target lacks", where=where, got=f"{value} → {targets}")

    @cached_property
    def primary_lut(self) -> npt.NDArray[np.uint8]:
        """uint8 [256]: source value → its usual target value, 0 where it says nothing or is no source value."""
        lut = np.zeros(256, "uint8")
        for value, targets in self.table.items():
            lut[value] = targets[0] if targets else 0
        return lut

    @cached_property
    def admits(self) -> npt.NDArray[np.bool_]:
        """bool [256, K]: whether a source value admits each target class (table order of the target)."""
        table = np.zeros((256, len(self.target)), bool)
        for value, targets in self.table.items():
            table[value, [self.target.values.index(t) for t in targets]] = True
        return table

    def compose(self, other: "Crosswalk") -> "Crosswalk":
        """This crosswalk followed by `other`: a code admits whatever its targets admit, in their order."""
        if self.target != other.source:
            raise LegendError("crosswalks do not meet", expected=self.target.name, got=other.source.name)
        table = {
            value: tuple(dict.fromkeys(t for middle in targets for t in other.table[middle]))
            for value, targets in self.table.items()
        }
        return Crosswalk(self.source, other.target, table)


@cache
def legend_names() -> tuple[str, ...]:
    """Every legend that ships: FIRST, then by name. Each is a table `legend_NAME.toml` in `core/tables`."""
    tables = (path.name for path in files("l2h.core").joinpath("tables").iterdir())
    names = {table[len("legend_") : -len(".toml")] for table in tables if table.startswith("legend_")}
    return (*FIRST, *sorted(names - set(FIRST)))


@cache
def load_legend(name: str) -> Legend:
    """A legend that ships with the package: one of `legend_names()`."""
    if name not in legend_names():
        raise LegendError("no such legend", expected=f"one of {', '.join(legend_names())}", got=name)
    data = tomllib.loads(files("l2h.core").joinpath(f"tables/legend_{name}.toml").read_text("utf-8"))
    classes = tuple(
        LandClass(c["value"], c["name"], c["label"], tuple(c["colour"]), c.get("definition", ""))
        for c in data["classes"]
    )
    shift, void = data.get("shift", 0), tuple(data.get("void", ()))
    return Legend(data["name"], data["title"], classes, data["nodata"], shift, void, data.get("family", ""))


@cache
def load_crosswalk(source: str, target: str = "sinolc1") -> Crosswalk:
    """A crosswalk that ships with the package; the identity where source and target are the same."""
    if source == target:
        legend = load_legend(source)
        return Crosswalk(legend, legend, {v: (v,) for v in legend.values})
    path = files("l2h.core").joinpath(f"tables/crosswalk_{source}_{target}.toml")
    if not path.is_file():
        raise LegendError("no such crosswalk", expected="a table in core/tables", got=f"{source} → {target}")
    rows = tomllib.loads(path.read_text("utf-8"))["map"]
    return Crosswalk(load_legend(source), load_legend(target), {r["code"]: tuple(r["admits"]) for r in rows})


@cache
def coarse_legend() -> Legend:
    """What a 10 m product can tell apart: `sinolc1` without traffic; value 6 is built-up (building or traffic)."""
    fine = load_legend("sinolc1")
    return Legend("sinolc1-coarse", "SinoLC-1 at 10 m", tuple(c for c in fine.classes if c.value != TRAFFIC))
