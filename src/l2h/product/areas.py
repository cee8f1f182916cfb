"""The table of areas: pixels and square metres of every class, from the cities up."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.areas import hundredths, square_metres
from l2h.core.legend import Legend

NO_CLASS = 0  # the row of pixels inside the boundary that have no class


@dataclass(frozen=True)
class Tally:
    """Pixels and hundredths of a square metre per class value; value 0 is what has no class."""

    pixels: Mapping[int, int]
    hundredths: Mapping[int, int]

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(_sum(self.pixels, other.pixels), _sum(self.hundredths, other.hundredths))


@dataclass(frozen=True)
class PlaceTally:
    """The tally of one city with its place in the tree."""

    region: str
    province: str
    city: str
    tally: Tally


def _sum(a: Mapping[int, int], b: Mapping[int, int]) -> dict[int, int]:
    return {value: a.get(value, 0) + b.get(value, 0) for value in sorted({*a, *b})}


def row_counts(codes: npt.NDArray[np.uint8], inside: npt.NDArray[np.bool_], legend: Legend) -> npt.NDArray[np.int64]:
    """Pixels of each row per class: int64 [H, 1 + K], first what has no class, then the legend's classes in order.

    codes : uint8 [H, W], 0 or a class of the legend; inside : bool [H, W], what belongs to the place
    """
    height, groups = codes.shape[0], len(legend) + 2  # the last group is what lies outside
    index = np.where(codes == legend.nodata, 0, legend.index_of[codes].astype("int64") + 1)
    index = np.where(inside, index, groups - 1) + groups * np.arange(height)[:, None]
    return np.bincount(index.ravel(), minlength=height * groups).reshape(height, groups)[:, :-1]


def tally(pixels: Sequence[int], nano: Sequence[int], legend: Legend) -> Tally:
    """A city's tally from its sums in the order of `row_counts`; each area is rounded here, once."""
    values = (NO_CLASS, *legend.values)
    return Tally(dict(zip(values, pixels, strict=True)), dict(zip(values, map(hundredths, nano), strict=True)))


def roll_up(cities: Iterable[PlaceTally]) -> list[tuple[str, str, str, str, Tally]]:
    """(level, region, province, city, tally) for the nation, its regions, provinces and cities, in that order."""
    levels: dict[tuple[str, str, str, str], Tally] = {}
    for place in cities:
        for key in (
            ("nation", "", "", ""),
            ("region", place.region, "", ""),
            ("province", place.region, place.province, ""),
            ("city", place.region, place.province, place.city),
        ):
            levels[key] = levels[key] + place.tally if key in levels else place.tally
    order = {"nation": 0, "region": 1, "province": 2, "city": 3}
    return [(*key, levels[key]) for key in sorted(levels, key=lambda k: (order[k[0]], k[1:]))]


def areas_csv(cities: Iterable[PlaceTally], legend: Legend) -> str:
    """The table of areas: one line per level, place and class, zeros included."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["level", "region", "province", "city", "value", "class", "pixels", "area_m2"])
    names = {NO_CLASS: "(no class)"} | {c.value: c.label for c in legend.classes}
    for level, region, province, city, sums in roll_up(cities):
        for value, name in names.items():
            area = square_metres(sums.hundredths.get(value, 0))
            writer.writerow([level, region, province, city, value, name, sums.pixels.get(value, 0), area])
    return out.getvalue()
