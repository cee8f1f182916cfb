"""Areas that close: exact integers from the pixel to the nation.

A pixel's ground area depends on its row (`Grid.row_area`). Areas are summed as whole numbers of 10^-9 m², so the sum
does not depend on any order or cut; a city's area is then rounded once, to 0.01 m², and provinces, regions and the
nation are sums of those rounded numbers: whoever adds the printed figures gets the printed total.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.legend import Legend

NANO = 10**9
PER_CENT = 10**7  # of NANO units in 0.01 m²
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


def nano_areas(counts: npt.NDArray[np.int64], row_area: npt.NDArray[np.float64]) -> list[int]:
    """Area per class in 10^-9 m², exact: Σ_r counts[r, k] · round(10^9 · row_area[r]).

    Python integers: a province of 10^12 m² exceeds 64 bits in these units.
    """
    nano = np.array([round(area * NANO) for area in row_area.tolist()], dtype=object)
    return [int(total) for total in nano @ counts.astype(object)] if len(nano) else [0] * counts.shape[1]


def tally(pixels: Sequence[int], nano: Sequence[int], legend: Legend) -> Tally:
    """A city's tally from its sums in the order of `row_counts`; each area is rounded here, once."""
    values = (NO_CLASS, *legend.values)
    hundredths = [(area + PER_CENT // 2) // PER_CENT for area in nano]
    return Tally(dict(zip(values, pixels, strict=True)), dict(zip(values, hundredths, strict=True)))


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


def square_metres(hundredths: int) -> str:
    """Hundredths of a square metre as an exact decimal: 123456 → "1234.56"."""
    return f"{hundredths // 100}.{hundredths % 100:02d}"


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
