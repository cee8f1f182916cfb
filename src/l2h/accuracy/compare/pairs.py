"""Maps judged at the same points: each by itself, and every two as a pair, in every place and class."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.compare.lineup import Lineup
from l2h.accuracy.estimates import Estimate
from l2h.accuracy.places import Place
from l2h.accuracy.points import Points
from l2h.accuracy.sampling.design import SampleDesign
from l2h.accuracy.weighted import Drawn, Values, ratio, ratio_difference
from l2h.accuracy.weighted_scores import accepted, weighted_scores

Codes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
PointRow = tuple[int, int, dict[str, int]]  # number, city, {map: own code}
BY_CLASS = ("users_accuracy", "producers_accuracy")


class Panel:
    """The points with what every map says there, in the common legend."""

    def __init__(self, lineup: Lineup, rows: list[PointRow], points: Points, design: SampleDesign, where: str) -> None:
        numbers = np.array([row[0] for row in rows], "int64")
        zeros = np.zeros(len(points), "int64")
        stratum = zeros if points.stratum is None else points.stratum
        second = zeros.astype("uint8") if points.second is None else points.second
        lut = lineup.own_lut
        self.lineup, self.numbers = lineup, numbers
        self.drawn: Drawn = design.drawn(stratum[numbers], where)
        self.city = np.array([row[1] for row in rows], "int64")
        self.first, self.second = lut[points.reference[numbers]], lut[second[numbers]]
        self.raw = {name: np.array([row[2][name] for row in rows], "uint8") for name in lineup.names}
        self.mapped = {name: lineup.luts[name][codes] for name, codes in self.raw.items()}
        self.reference = {name: accepted(m, self.first, self.second) for name, m in self.mapped.items()}

    def right(self, name: str) -> Values:
        """float64 [n]: 1 where a map's usual class is the reference's."""
        return np.asarray(self.mapped[name] == self.reference[name], "float64")

    def admitted(self, name: str) -> Values:
        """float64 [n]: 1 where a map's own code admits the reference: rangeland is not wrong on grass."""
        table, codes = self.lineup.admits[name], self.raw[name]
        return np.asarray(table[codes, self.first] | table[codes, self.second], "float64")

    def ratio_of(self, name: str, measure: str, value: int, part: Bools) -> tuple[Values, Values]:
        """Numerator and denominator of a measure in a part of the points; value: the class, 0 for overall ones."""
        inside = part.astype("float64")
        if measure == "overall_accuracy":
            return self.right(name) * inside, inside
        if measure == "admitted_accuracy":
            return self.admitted(name) * inside, inside
        is_m = (self.mapped[name] == value) * inside
        is_r = (self.reference[name] == value) * inside
        return is_m * is_r, (is_m if measure == "users_accuracy" else is_r)


def scores(panel: Panel, name: str, place: Place, least: int) -> dict[str, Any]:
    """Everything one map's points say of a place, with the accuracy by admitted classes beside."""
    part = np.isin(panel.city, place.cities)
    legend, mapped = panel.lineup.legend, panel.mapped[name]
    told = weighted_scores(panel.drawn, panel.reference[name], mapped, part, legend, least)
    lenient = ratio(panel.drawn, *panel.ratio_of(name, "admitted_accuracy", 0, part), least)
    return place.to_dict() | {"map": name, "admitted_accuracy": lenient.to_dict()} | told


@dataclass(frozen=True)
class Test:
    """Difference of two maps on the same points, and the test that it is none.

    only_first, only_second : shares of the area (of the class's or the place's) where one map alone is right; of user's
    accuracies, whose denominators differ, None
    chi2, p : (difference / standard error)² against χ² with one degree of freedom: McNemar's test with the design's
    weights; None where no standard error is known
    """

    difference: Estimate
    only_first: float | None
    only_second: float | None
    chi2: float | None
    p: float | None


def compared(panel: Panel, names: tuple[str, str], measure: str, value: int, part: Bools, least: int) -> Test:
    """Test two maps by one measure in a part of the points."""
    one, two = (panel.ratio_of(name, measure, value, part) for name in names)
    difference = ratio_difference(panel.drawn, one, two, least)
    alone: tuple[float | None, float | None] = (None, None)
    whole = panel.drawn.total(one[1])
    if difference.value is not None and measure != "users_accuracy" and np.array_equal(one[1], two[1]):
        alone = tuple(panel.drawn.total(a * (1 - b)) / whole for a, b in ((one[0], two[0]), (two[0], one[0])))  # type: ignore[assignment]
    chi2 = p = None
    if difference.value is not None and difference.standard_error:
        chi2 = (difference.value / difference.standard_error) ** 2
        p = math.erfc(math.sqrt(chi2 / 2))
    return Test(difference, *alone, chi2, p)


def holm(values: list[float | None]) -> list[float | None]:
    """P values of a family of tests, adjusted so that the chance of any false one is kept (Holm 1979).

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    known = sorted((p, i) for i, p in enumerate(values) if p is not None)
    adjusted: list[float | None] = [None] * len(values)
    most = 0.0
    for rank, (p, i) in enumerate(known):
        most = max(most, min(1.0, p * (len(known) - rank)))
        adjusted[i] = most
    return adjusted


def pair_rows(panel: Panel, place: Place, least: int) -> list[dict[str, Any]]:
    """Every pair in one place: overall (usual and admitted classes); by class for the nation and its regions."""
    part = np.isin(panel.city, place.cities)
    measures: list[tuple[str, int, str]] = [("overall_accuracy", 0, ""), ("admitted_accuracy", 0, "")]
    if place.level in ("nation", "region"):
        measures += [(m, c.value, c.name) for m in BY_CLASS for c in panel.lineup.legend.classes]
    rows = []
    for measure, value, label in measures:
        tests = [compared(panel, pair, measure, value, part, least) for pair in panel.lineup.pairs]
        for pair, test, adjusted in zip(panel.lineup.pairs, tests, holm([t.p for t in tests]), strict=True):
            rows.append(
                place.to_dict()
                | {"first": pair[0], "second": pair[1], "measure": measure, "class": label}
                | {"difference": test.difference.to_dict(), "only_first": test.only_first}
                | {"only_second": test.only_second, "chi2": test.chi2, "p": test.p, "p_holm": adjusted}
            )
    return rows
