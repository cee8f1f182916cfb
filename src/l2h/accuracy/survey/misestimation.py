"""Misestimation: three readings of one word, each with its formula.

"Overall misestimation 6.4 %" is printed of SinoLC-1 without the formula, so all that it may mean are computed. With
m and s the areas that map and survey give a class c in a place p, and A_p the place's area on the map:

    total      Σ |m − s| / Σ s              what share of the surveyed area stands in another class
    relative   mean of |m − s| / s          each class and place counts alike, rare ones dominate
    share      mean of |m − s| / A_p        how far the class's share of its place is off, on average

The sums and means run over whatever cells (p, c) are given: a nation's classes, one province's, one class of all.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from l2h.accuracy.survey.matching import Cell

READINGS = {
    "total": "sum of |map - survey| / sum of survey",
    "relative": "mean of |map - survey| / survey, where the survey has any",
    "share": "mean of |map - survey| / area of the place",
}


@dataclass(frozen=True)
class Misestimation:
    """The three readings over some cells; None where there is nothing to divide by.

    cells    : how many there are
    unsurveyed : how many of them the survey gives nothing: they have no relative misestimation
    net      : Σ (m − s) / Σ s, with its sign: what the map has too much of in all
    """

    total: float | None
    relative: float | None
    share: float | None
    net: float | None
    cells: int
    unsurveyed: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def misestimation(cells: Iterable[Cell]) -> Misestimation:
    """All three readings over some cells.

    >>> from l2h.accuracy.survey.matching import MapPlace
    >>> place = MapPlace("nation", "", "", "", {2: 60_00, 5: 40_00})
    >>> found = misestimation([Cell(place, "tree", 60_00, 50.0), Cell(place, "crop", 40_00, 50.0)])
    >>> found.total, found.relative, found.share, found.net
    (0.2, 0.2, 0.1, 0.0)
    """
    found = list(cells)
    off = np.array([abs(c.difference_m2) for c in found])
    survey = np.array([c.survey_m2 for c in found])
    ground = np.array([c.place_m2 for c in found])
    has = survey > 0
    whole = float(survey.sum())
    return Misestimation(
        total=float(off.sum()) / whole if whole > 0 else None,
        relative=float((off[has] / survey[has]).mean()) if has.any() else None,
        share=float((off / ground).mean()) if len(found) and (ground > 0).all() else None,
        net=sum(c.difference_m2 for c in found) / whole if whole > 0 else None,
        cells=len(found),
        unsurveyed=int((~has).sum()),
    )


@dataclass(frozen=True)
class Line:
    """Least-squares line of map area on survey area, map = intercept + slope · survey; areas in km².

    r2 : squared correlation, 1 - residual / total sum of squares
    rmse_km2 : root of the mean squared difference map - survey (from the 1:1 line, not from this one)
    """

    slope: float
    intercept_km2: float
    r2: float
    rmse_km2: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def regression(cells: Sequence[Cell]) -> Line | None:
    """The line through the cells; None where fewer than three, or all surveyed areas alike, say nothing.

    slope = Σ (x − x̄)(y − ȳ) / Σ (x − x̄)², intercept = ȳ − slope x̄, R² = (Σ (x − x̄)(y − ȳ))² / (Σ (x − x̄)² Σ (y − ȳ)²)
    """
    x = np.array([c.survey_m2 for c in cells]) / 1e6
    y = np.array([c.map_m2 for c in cells]) / 1e6
    if len(x) < 3 or np.ptp(x) == 0:
        return None
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    r2 = float((dx @ dy) ** 2 / ((dx @ dx) * (dy @ dy))) if np.ptp(y) > 0 else 0.0
    return Line(slope, float(y.mean() - slope * x.mean()), r2, float(np.sqrt(((y - x) ** 2).mean())), len(x))
