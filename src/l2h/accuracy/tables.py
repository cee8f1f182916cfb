"""The assessment as CSV: one row a number, for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from l2h.accuracy.confidence import confidence_csv_rows
from l2h.accuracy.points import Points
from l2h.accuracy.summary import PointRow
from l2h.core.areas import square_metres
from l2h.core.legend import Legend

PLACE = ("level", "region", "province", "name")
ESTIMATE = ("value", "standard_error", "low", "high", "n", "design")
WHOLE = ("overall_accuracy", "where_mapped", "mapped", "kappa", "mean_iou")
PER_CLASS = ("users_accuracy", "producers_accuracy", "f1", "iou")


def accuracy_csv(references: list[dict[str, Any]]) -> str:
    """Every estimate of every map, place and legend."""
    rows: list[Sequence[Any]] = []
    for reference in references:
        for judged in reference["maps"]:
            for place in judged["places"]:
                for level in ("fine", "coarse"):
                    head = (reference["name"], judged["name"], *(place[k] for k in PLACE), place[level]["legend"])
                    rows += [(*head, *row) for row in _estimates(place[level])]
    return _text(("reference", "map", *PLACE, "legend", "class", "measure", *ESTIMATE), rows)


def confusion_csv(references: list[dict[str, Any]]) -> str:
    """Counts of every non-empty cell in the map's own legend; map class 0 is nodata."""
    rows: list[Sequence[Any]] = []
    for reference in references:
        for judged in reference["maps"]:
            for place in judged["places"]:
                head = (reference["name"], judged["name"], *(place[k] for k in PLACE))
                values = place["fine"]["values"]
                for value, counts in zip(values, place["fine"]["counts"], strict=True):
                    rows += [(*head, value, v, n) for v, n in zip([*values, 0], counts, strict=True) if n]
    return _text(("reference", "map", *PLACE, "reference_class", "map_class", "count"), rows)


def areas_csv(table: list[dict[str, Any]], legend: Legend) -> str:
    names = {c.value: c.name for c in legend.classes} | {legend.nodata: "nodata"}
    rows = [
        (*(place[k] for k in PLACE), row["value"], names[row["value"]], row["pixels"], square_metres(row["hundredths"]))
        for place in table
        for row in place["classes"]
    ]
    return _text((*PLACE, "class", "class_name", "pixels", "area_m2"), rows)


def points_csv(rows: list[PointRow], points: Points, cities: list[dict[str, Any]], names: list[str]) -> str:
    """Each point with its place, its reference class and the class each map gives it."""
    city_names = {int(c["index"]): c["name"] for c in cities}
    body = [
        (
            points.ids[n], int(points.rows[n]), int(points.cols[n]), city_names[city], reference,
            *(at[m] for m in names), confidence,
        )
        for n, city, reference, at, confidence, _ in rows
    ]  # fmt: skip
    return _text(("id", "row", "col", "city", "reference", *names, "confidence"), body)


def confidence_csv(references: list[dict[str, Any]]) -> str:
    """Calibration of the confidence band: its scores, and the bins of its reliability diagrams."""
    head = ("reference", *PLACE, "part", "measure", "from", "to", "n", "value")
    return _text(head, confidence_csv_rows(references))


def _estimates(scores: dict[str, Any]) -> Iterable[Sequence[Any]]:
    for measure in WHOLE:
        yield ("", measure, *(scores[measure][k] for k in ESTIMATE))
    for row in scores["classes"]:
        for measure in PER_CLASS:
            yield (row["name"], measure, *(row[measure][k] for k in ESTIMATE))


def _text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
