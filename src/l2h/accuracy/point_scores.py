"""Scores at points that counts alone cannot judge: weights of a design, two classes allowed, least numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.places import Place, places_of
from l2h.accuracy.points import Points
from l2h.accuracy.sampling.design import SampleDesign
from l2h.accuracy.summary import INTO_COARSE, Areas, PointRow
from l2h.accuracy.weighted import Drawn, paired
from l2h.accuracy.weighted_scores import accepted, class_shares, weighted_scores
from l2h.core.areas import NANO
from l2h.core.legend import Legend, coarse_legend

Codes = npt.NDArray[np.uint8]


class Judged:
    """Points with what every map says there, in the order of their file; numbers: their places in it, int64 [n]."""

    def __init__(self, rows: list[PointRow], points: Points, design: SampleDesign, least: int, where: str) -> None:
        self.numbers = numbers = np.array([row[0] for row in rows], "int64")
        zeros = np.zeros(len(points), "int64")
        stratum = zeros if points.stratum is None else points.stratum
        second = zeros.astype("uint8") if points.second is None else points.second
        self.drawn: Drawn = design.drawn(stratum[numbers], where)
        self.least, self._rows = least, rows
        self.city = np.array([row[1] for row in rows], "int64")
        self.first = np.array([row[2] for row in rows], "uint8")
        self.second = np.asarray(second[numbers], "uint8")

    def mapped(self, name: str) -> Codes:
        return np.array([row[3][name] for row in self._rows], "uint8")

    def confidence(self, name: str) -> list[tuple[int, bool, int, int]]:
        """City, whether the map is right, its confidence in per cent, its source: of every point."""
        mapped = self.mapped(name)
        right = (mapped == accepted(mapped, self.first, self.second)).tolist()
        return [(row[1], hit, row[4], row[5]) for row, hit in zip(self._rows, right, strict=True)]

    def scores(self, name: str, place: Place, legend: Legend) -> dict[str, Any]:
        """Scores of one map in one place, in the map's legend and in that of the 10 m products."""
        coarse = _coarse_lut()
        part = np.isin(self.city, place.cities)
        told: dict[str, Any] = place.to_dict()
        for level, lut, words in (("fine", None, legend), ("coarse", coarse, coarse_legend())):
            m, r, s = (c if lut is None else lut[c] for c in (self.mapped(name), self.first, self.second))
            told[level] = weighted_scores(self.drawn, accepted(m, r, s), m, part, words, self.least)
        return told


def judged_scores(
    judged: Judged, kinds: dict[str, Any], cities: list[dict[str, Any]], legend: Legend
) -> list[dict[str, Any]]:
    """As `summary.reference_scores`: our map at all levels, the controls for nation and provinces."""
    maps = []
    for name, kind in kinds.items():
        levels = ("nation", "province", "city") if kind == "map" else ("nation", "province")
        places = places_of(cities, levels)  # type: ignore[arg-type]
        maps.append({"name": name, "kind": kind, "places": [judged.scores(name, p, legend) for p in places]})
    return maps


def judged_differences(judged: Judged, names: list[str]) -> dict[str, Any]:
    """Overall accuracy of the first map less that of each other on the same points, with McNemar's test."""
    told: dict[str, Any] = {}
    for name in names[1:]:
        told[name] = {}
        for level, lut in (("fine", np.arange(256, dtype="uint8")), ("coarse", _coarse_lut())):
            right = []
            for each in (names[0], name):
                m, r, s = (lut[c] for c in (judged.mapped(each), judged.first, judged.second))
                right.append(m == accepted(m, r, s))
            test = paired(judged.drawn, right[0], right[1])
            alone = {"only_first": test.only_first, "only_second": test.only_second}
            told[name][level] = test.difference.to_dict() | alone | {"chi2": test.chi2, "p": test.p}
    return told


def judged_areas(judged: Judged, nation: dict[str, Any], areas: Areas, legend: Legend) -> dict[str, Any]:
    """As `summary.adjusted_areas`, by the design's own weights: area of each class in m² = share × the country's area.

    Nothing is post-stratified, so there is no second overall accuracy: the strata of the design have done that.
    nation : scores of our map for the nation, in the map's legend
    """
    values = (*legend.values, legend.nodata)
    of_map = {v: sum(classes.get(v, (0, 0))[1] for classes in areas.values()) / NANO for v in values}
    whole = sum(of_map.values())
    rows = []
    for land, share, row in zip(
        legend.classes, class_shares(judged.drawn, judged.first, legend), nation["classes"], strict=True
    ):
        scaled = share.to_dict()
        for key in ("value", "standard_error", "low", "high"):
            scaled[key] = None if scaled[key] is None else scaled[key] * whole
        rows.append(
            {
                "value": land.value, "name": land.name, "map_m2": of_map[land.value], "area_m2": scaled,
                "users_accuracy": row["users_accuracy"], "producers_accuracy": row["producers_accuracy"],
            }
        )  # fmt: skip
    return {"missing": [], "overall_accuracy": None, "classes": rows}


def _coarse_lut() -> Codes:
    lut = np.arange(256, dtype="uint8")
    lut[list(INTO_COARSE)] = list(INTO_COARSE.values())
    return lut
