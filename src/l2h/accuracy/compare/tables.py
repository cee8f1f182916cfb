"""The comparison as CSV: one row a number, for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

PLACE = ("level", "region", "province", "name")
ESTIMATE = ("value", "standard_error", "low", "high", "n", "design")
WHOLE = ("overall_accuracy", "admitted_accuracy", "where_mapped", "mapped", "kappa", "mean_iou")
PER_CLASS = ("users_accuracy", "producers_accuracy", "f1")
PAIR = ("first", "second", "measure", "class")
TEST = ("only_first", "only_second", "chi2", "p", "p_holm")


def accuracy_csv(scores: Iterable[Mapping[str, Any]]) -> str:
    """Every estimate of every map and place."""
    rows: list[Sequence[Any]] = []
    for row in scores:
        head = (row["map"], *(row[k] for k in PLACE))
        rows += [(*head, "", measure, *(row[measure][k] for k in ESTIMATE)) for measure in WHOLE]
        rows += [
            (*head, land["name"], measure, *(land[measure][k] for k in ESTIMATE))
            for land in row["classes"]
            for measure in PER_CLASS
        ]
    return _text(("map", *PLACE, "class", "measure", *ESTIMATE), rows)


def pairs_csv(pairs: Iterable[Mapping[str, Any]]) -> str:
    """Every difference with its test."""
    rows = [
        (*(r[k] for k in PLACE), *(r[k] for k in PAIR), *(r["difference"][k] for k in ESTIMATE), *(r[k] for k in TEST))
        for r in pairs
    ]
    return _text((*PLACE, *PAIR, *ESTIMATE, *TEST), rows)


def agreement_csv(pairs: Iterable[Mapping[str, Any]]) -> str:
    keys = ("first", "second", "agreeing_px", "both_px", "agreeing_m2", "both_m2", "agreement")
    return _text(keys, ([row[k] for k in keys] for row in pairs))


def classes_csv(pairs: Iterable[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Area of every pair of classes of every pair of maps, what is not empty."""
    rows = [
        (pair["first"], pair["second"], a, b, area)
        for pair in pairs
        for a, row in zip(names, pair["classes"], strict=True)
        for b, area in zip(names, row, strict=True)
        if area
    ]
    return _text(("first", "second", "first_class", "second_class", "area_m2"), rows)


def places_csv(places: Iterable[Mapping[str, Any]]) -> str:
    """The places shown: where they lie, and what each map says of them."""
    rows = [
        (p["number"], *p["window"], p["x"], p["y"], p["city"], name, label, pixels)
        for p in places
        for name, classes in p["classes"].items()
        for label, pixels in classes.items()
    ]
    window = ("row_start", "row_stop", "col_start", "col_stop")
    return _text(("place", *window, "x", "y", "city", "map", "class", "pixels"), rows)


def _text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
