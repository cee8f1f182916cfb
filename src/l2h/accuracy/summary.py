"""Sums of block tallies: confusion matrices by place, areas, paired differences, error-adjusted areas."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from l2h.accuracy.confusion import ConfusionMatrix, Counts
from l2h.accuracy.estimates import Design, paired_difference
from l2h.accuracy.places import Place, places_of
from l2h.accuracy.stratified import stratified_accuracy
from l2h.core.areas import NANO, hundredths
from l2h.core.legend import BUILDING, TRAFFIC, Legend, coarse_legend

# a 10 m product sees built-up ground whole; in the coarse legend traffic counts as built-up on both sides
INTO_COARSE = {TRAFFIC: BUILDING}
PointRow = tuple[int, int, int, dict[str, int], int, int]  # number, city, reference, {map: class}, confidence, source
NOT_ADJUSTED: dict[str, Any] = {"missing": [], "overall_accuracy": None, "classes": []}
Areas = dict[int, dict[int, tuple[int, int]]]  # city → value → (pixels, 10^-9 m²)


def sum_areas(tallies: Iterable[dict[str, Any]]) -> Areas:
    total: Areas = {}
    for tally in tallies:
        for city, classes in tally["areas"].items():
            into = total.setdefault(int(city), {})
            for value, (pixels, area) in classes.items():
                old = into.get(int(value), (0, 0))
                into[int(value)] = (old[0] + pixels, old[1] + area)
    return total


def sum_truth(tallies: Iterable[dict[str, Any]]) -> dict[str, dict[int, Counts]]:
    """{map: {city: int64 [K, K + 1]}}."""
    total: dict[str, dict[int, Counts]] = {}
    for tally in tallies:
        for name, by_city in tally["truth"].items():
            into = total.setdefault(name, {})
            for city, counts in by_city.items():
                into[int(city)] = into.get(int(city), 0) + np.array(counts, "int64")
    return total


def gather_points(tallies: Iterable[dict[str, Any]]) -> list[PointRow]:
    """Rows of all blocks in the order of the point file."""
    found = (r for tally in tallies for r in tally["points"])
    rows = [(int(r[0]), int(r[1]), int(r[2]), dict(r[3]), int(r[4]), int(r[5])) for r in found]
    return sorted(rows, key=lambda row: row[0])


def count_points(rows: list[PointRow], names: list[str], legend: Legend) -> dict[str, dict[int, Counts]]:
    """{map: {city: int64 [K, K + 1]}} of point rows."""
    cities = sorted({row[1] for row in rows})
    total: dict[str, dict[int, Counts]] = {name: {} for name in names}
    for city in cities:
        here = [row for row in rows if row[1] == city]
        reference = np.array([row[2] for row in here], "uint8")
        for name in names:
            mapped = np.array([row[3][name] for row in here], "uint8")
            total[name][city] = ConfusionMatrix.from_codes(reference, mapped, legend, "simple_random").counts
    return total


def matrix_of(by_city: dict[int, Counts], place: Place, legend: Legend, design: Design) -> ConfusionMatrix:
    """The confusion matrix of a place: the sum of its cities'."""
    matrix = ConfusionMatrix.empty(legend, design)
    for city in place.cities:
        if city in by_city:
            matrix = matrix + ConfusionMatrix(legend, by_city[city], design)
    return matrix


def scores_of(by_city: dict[int, Counts], places: list[Place], legend: Legend, design: Design) -> list[dict[str, Any]]:
    """Per place, scores in the map's legend ("fine") and in that of the 10 m products ("coarse")."""
    result = []
    for place in places:
        fine = matrix_of(by_city, place, legend, design)
        coarse = fine.merged(coarse_legend(), INTO_COARSE)
        result.append({**place.to_dict(), "fine": fine.scores(), "coarse": coarse.scores()})
    return result


def reference_scores(
    counts: dict[str, dict[int, Counts]],
    kinds: dict[str, Any],
    cities: list[dict[str, Any]],
    design: Design,
    legend: Legend,
) -> list[dict[str, Any]]:
    """Scores of our map at all levels, of the controls for nation and provinces."""
    maps = []
    for name, by_city in counts.items():
        levels = ("nation", "province", "city") if kinds[name] == "map" else ("nation", "province")
        scores = scores_of(by_city, places_of(cities, levels), legend, design)  # type: ignore[arg-type]
        maps.append({"name": name, "kind": kinds[name], "places": scores})
    return maps


def differences(rows: list[PointRow], names: list[str], design: Design) -> dict[str, Any]:
    """Overall accuracy of the first map less that of each other, on the same points, in both legends."""
    coarse = np.arange(256, dtype="uint8")
    coarse[list(INTO_COARSE)] = list(INTO_COARSE.values())
    identity = np.arange(256, dtype="uint8")
    reference = np.array([row[2] for row in rows], "uint8")
    codes = {name: np.array([row[3][name] for row in rows], "uint8") for name in names}
    result: dict[str, Any] = {}
    for name in names[1:]:
        result[name] = {}
        for level, lut in (("fine", identity), ("coarse", coarse)):
            first, second = (lut[codes[n]] == lut[reference] for n in (names[0], name))
            result[name][level] = paired_difference(first, second, design).to_dict()
    return result


def adjusted_areas(matrix: ConfusionMatrix, areas: Areas) -> dict[str, Any]:
    """Area-weighted accuracy and error-adjusted class areas in m², or the map classes with too few points for them.

    {"missing": [names of map classes with area and under two points], "overall_accuracy": … | null, "classes": […]}.
    Points in pixels that the map left empty say nothing of a stratum: they and the empty area are left out.
    """
    legend = matrix.legend
    nano = [sum(classes.get(value, (0, 0))[1] for classes in areas.values()) for value in legend.values]
    map_areas = np.array([area / NANO for area in nano])  # divided last: cities come in the order of the blocks
    missing = np.flatnonzero((map_areas > 0) & (matrix.map_totals < 2))
    if missing.size or not map_areas.any():
        return {"missing": [legend.classes[i].name for i in missing], "overall_accuracy": None, "classes": []}
    found = stratified_accuracy(matrix.counts[:, :-1], map_areas)
    rows = [
        {
            "value": land.value,
            "name": land.name,
            "map_m2": float(map_areas[i]),
            "area_m2": found.areas[i].to_dict(),
            "users_accuracy": found.users_accuracy[i].to_dict(),
            "producers_accuracy": found.producers_accuracy[i].to_dict(),
        }
        for i, land in enumerate(legend.classes)
    ]
    return {"missing": [], "overall_accuracy": found.overall_accuracy.to_dict(), "classes": rows}


def area_table(areas: Areas, cities: list[dict[str, Any]], legend: Legend) -> list[dict[str, Any]]:
    """Per place, pixels and area of every class and of nodata, in order of the legend.

    A city's area is rounded once, to hundredths of a m² (`hundredths`, integer); provinces and nation are sums of those
    rounded numbers, the same as in the release.
    """
    table = []
    for place in places_of(cities):
        rows = []
        for value in (*legend.values, legend.nodata):
            found = [areas.get(city, {}).get(value, (0, 0)) for city in place.cities]
            area = sum(hundredths(nano) for _, nano in found)
            rows.append({"value": value, "pixels": sum(pixels for pixels, _ in found), "hundredths": area})
        table.append({**place.to_dict(), "classes": rows})
    return table
