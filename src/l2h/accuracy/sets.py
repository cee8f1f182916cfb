"""Whether sets of classes hold the truth as often as they say: coverage and size at the points of the assessment.

The sets come from the map's side as a table (`told.csv`); their thresholds from calibration points, which are others.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.estimates import Estimate
from l2h.accuracy.places import places_of
from l2h.accuracy.point_scores import Judged
from l2h.accuracy.points import Points
from l2h.accuracy.weighted import Drawn, Values, ratio
from l2h.core.errors import InputError
from l2h.core.files import read_json
from l2h.core.legend import load_legend

Mask = npt.NDArray[np.bool_]
HEADER = ("id", "row", "col", "class")
PREFIX = "set_"


@dataclass(frozen=True)
class ToldSets:
    """Sets at n points, in the order of their file.

    ids [n]; levels : the chances with which a set is to hold the truth; mapped : bool [n], where the map has a class
    inside : bool [L, n, 256], whether a class value is in the set
    """

    ids: tuple[str, ...]
    levels: tuple[float, ...]
    mapped: Mask
    inside: Mask

    @classmethod
    def from_csv(cls, text: str, where: str) -> "ToldSets":
        """Raises InputError where the text is not a table of sets."""
        rows = list(csv.reader(io.StringIO(text)))
        names = rows[0] if rows else []
        try:
            if tuple(names[:4]) != HEADER or not all(name.startswith(PREFIX) for name in names[4:]):
                raise ValueError(f"columns {names}")
            levels = tuple(float(name.removeprefix(PREFIX)) for name in names[4:])
            inside = np.zeros((len(levels), len(rows) - 1, 256), bool)
            for i, row in enumerate(rows[1:]):
                for level, told in enumerate(row[4:]):
                    inside[level, i, [int(value) for value in told.split()]] = True
            mapped = np.array([int(row[3]) > 0 for row in rows[1:]], bool)
        except (ValueError, IndexError) as error:
            raise InputError("not a table of sets of classes", where=where, got=str(error)) from error
        return cls(tuple(row[0] for row in rows[1:]), levels, mapped, inside)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Number of classes in each set, int64 [L, n]."""
        return np.asarray(self.inside.sum(axis=2), "int64")

    def holds(self, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Mask:
        """Whether each set holds the truth, bool [L, n]: one of two classes where two are right (second 0: one)."""
        at = np.arange(len(first))
        return np.asarray(self.inside[:, at, first] | ((second > 0) & self.inside[:, at, second]), bool)


@dataclass(frozen=True)
class Told:
    """Where the map's side has left the sets of the points, and their thresholds."""

    table: Path
    bounds: Path

    @property
    def files(self) -> tuple[Path, Path]:
        return self.table, self.bounds

    def sets(self, points: Points) -> ToldSets:
        """InputError where the sets are those of other points."""
        found = ToldSets.from_csv(self.table.read_text("utf-8"), str(self.table))
        if found.ids != points.ids:
            raise InputError(
                "sets were told of other points", where=str(self.table), hint="Run the stage `assess` again."
            )
        return found

    def told(self, judged: Judged, points: Points, cities: Sequence[dict[str, Any]]) -> dict[str, Any]:
        return sets_told(judged, points, self.sets(points), read_json(self.bounds), cities)

    def to_csv(self, points: Points) -> str:
        return sets_csv(points, self.sets(points))


@dataclass(frozen=True, eq=False)
class Covered:
    """Sets beside what is true of them, for n judged points.

    drawn : how the points were drawn; mapped : bool [n]; holds : bool [L, n]; sizes : int64 [L, n]
    """

    drawn: Drawn
    levels: tuple[float, ...]
    mapped: Mask
    holds: Mask
    sizes: npt.NDArray[np.int64]

    def told(self, part: Mask, least: int) -> list[dict[str, Any]]:
        """Of each level: coverage with its 95 % interval, mean size, shares of sets of 1, 2, 3 and more classes."""
        inside = (part & self.mapped).astype("float64")
        return [self._one(i, level, inside, least) for i, level in enumerate(self.levels)]

    def _one(self, i: int, level: float, inside: Values, least: int) -> dict[str, Any]:
        whole, sizes = self.drawn.total(inside), self.sizes[i]
        coverage = exact(ratio(self.drawn, inside * self.holds[i], inside, least))
        told: dict[str, Any] = {"level": level, "coverage": coverage.to_dict(), "mean_size": None, "sizes": None}
        if coverage.value is not None:
            told["mean_size"] = self.drawn.total(inside * sizes) / whole
            kinds = (sizes == 1, sizes == 2, sizes > 2)
            told["sizes"] = [self.drawn.total(inside * kind) / whole for kind in kinds]
        return told


def exact(estimate: Estimate) -> Estimate:
    """A share of points of equal chance with the interval of Clopper and Pearson (1934), which is never too short.

    Designs that weigh points keep the interval of their own variance.
    """
    if estimate.value is None or estimate.design not in ("simple_random", "systematic"):
        return estimate
    from scipy.stats import beta

    n, hits = estimate.n, round(estimate.value * estimate.n)
    low = float(beta.ppf(0.025, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, n - hits)) if hits < n else 1.0
    return replace(estimate, low=low, high=high)


def sets_told(
    judged: Judged, points: Points, told: ToldSets, document: dict[str, Any], cities: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """What the report says of the sets: nation and regions, and reference classes of the nation.

    told : sets of the same points; document : their thresholds (map/sets.json)
    """
    numbers, legend = judged.numbers, load_legend("sinolc1")
    found = Covered(
        judged.drawn, told.levels, told.mapped[numbers],
        told.holds(*both(points))[:, numbers], told.sizes[:, numbers],
    )  # fmt: skip
    places = places_of(cities, ("nation", "region"))
    parts = [(place.to_dict(), np.isin(judged.city, place.cities)) for place in places]
    classes = [({"value": c.value, "name": c.name}, judged.first == c.value) for c in legend.classes]
    return {
        "levels": list(told.levels),
        "calibration_points": document["points"],
        "groups": document["groups"],
        "places": [head | {"levels": found.told(part, judged.least)} for head, part in parts],
        "classes": [head | {"levels": found.told(part, judged.least)} for head, part in classes if part.any()],
    }


def both(points: Points) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """First and second reference class, the second 0 where there is none."""
    return points.reference, np.zeros(len(points), "uint8") if points.second is None else points.second


def sets_csv(points: Points, told: ToldSets) -> str:
    """Each point with its sets, classes by name: of each level the set, its size, whether it holds the truth."""
    names = {c.value: c.name for c in load_legend("sinolc1").classes}
    holds, sizes = told.holds(*both(points)), told.sizes
    header: list[str] = ["id", "row", "col", "reference"]
    rows: list[list[Any]] = []
    for level in told.levels:
        header += [f"set_{level:g}", f"size_{level:g}", f"holds_{level:g}"]
    for i, identity in enumerate(points.ids):
        row: list[Any] = [identity, int(points.rows[i]), int(points.cols[i]), names[int(points.reference[i])]]
        for level in range(len(told.levels)):
            inside = "; ".join(names[int(v)] for v in np.flatnonzero(told.inside[level, i]))
            seen = bool(told.mapped[i])
            row += [inside, int(sizes[level, i]) if seen else "", str(bool(holds[level, i])).lower() if seen else ""]
        rows.append(row)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()
