"""The comparison as one document, and as tables for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from l2h.accuracy.survey.grouping import Grouping
from l2h.accuracy.survey.matching import LEVELS, Cell, Matched
from l2h.accuracy.survey.misestimation import READINGS, misestimation, regression
from l2h.accuracy.survey.settings import Level
from l2h.core.areas import square_metres

CELL = (
    "level", "region", "province", "name", "group", "map_m2", "survey_m2", "difference_m2", "relative", "place_m2",
)  # fmt: skip
MISES = ("total", "relative", "share", "net", "cells", "unsurveyed")


def result(matched: Matched, grouping: Grouping) -> dict[str, Any]:
    """What survey.json holds.

    "levels"  : {level: misestimation over all its cells, and the regression}
    "places"  : misestimation over the classes of each place
    "classes" : misestimation of each group over the places of each level
    "cells"   : every figure; "left_out": what could not be compared, and why
    """
    cells = matched.cells
    return {
        "grouping": grouping.to_dict(),
        "readings": READINGS,
        "levels": {level: _summary(at_level(cells, level)) for level in levels_of(cells)},
        "places": [
            _place(mine[0]) | {"unmapped": _unmapped(mine[0])} | misestimation(mine).to_dict()
            for mine in _runs(cells)
        ],
        "classes": [
            {"level": level, "group": group.name} | _summary([c for c in here if c.group == group.name])
            for level in levels_of(cells)
            for here in [at_level(cells, level)]
            for group in grouping.groups
        ],
        "cells": [cell_row(cell) for cell in cells],
        "left_out": [{"place": place, "group": group, "why": why} for place, group, why in matched.left_out],
    }  # fmt: skip


def levels_of(cells: Sequence[Cell]) -> list[Level]:
    present = {c.place.level for c in cells}
    return [level for level in LEVELS if level in present]


def at_level(cells: Sequence[Cell], level: Level) -> list[Cell]:
    return [c for c in cells if c.place.level == level]


def finest(cells: Sequence[Cell], *, instead: Level = "province") -> Level:
    """The level that is drawn: provinces where there are any, else the finest there is."""
    levels = levels_of(cells)
    return instead if instead in levels else levels[-1]


def cell_row(cell: Cell) -> dict[str, Any]:
    """One figure; the map's area as an exact decimal."""
    return _place(cell) | {
        "group": cell.group,
        "map_m2": square_metres(cell.map_hundredths),
        "survey_m2": cell.survey_m2,
        "difference_m2": cell.difference_m2,
        "relative": cell.relative,
        "place_m2": square_metres(cell.place.whole),
    }


def cells_csv(cells: Iterable[Cell]) -> str:
    """One line a place and group."""
    return _csv(CELL, (cell_row(cell) for cell in cells))


def misestimation_csv(document: dict[str, Any]) -> str:
    """The three readings of every level, place and class."""
    rows = [{"of": "level", "level": level} | row for level, row in document["levels"].items()]
    rows += [{"of": "place"} | row for row in document["places"]]
    rows += [{"of": "class"} | row for row in document["classes"]]
    return _csv(("of", "level", "region", "province", "name", "group", *MISES), rows)


def _summary(cells: Sequence[Cell]) -> dict[str, Any]:
    line = regression(cells)
    return misestimation(cells).to_dict() | {"regression": line.to_dict() if line else None}


def _place(cell: Cell) -> dict[str, Any]:
    place = cell.place
    return {"level": place.level, "region": place.region, "province": place.province, "name": place.name}


def _unmapped(cell: Cell) -> float:
    """Share of a place that the map leaves empty: what is missing there is misestimated too."""
    return cell.place.hundredths.get(0, 0) / cell.place.whole if cell.place.whole else 0.0


def _runs(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells of each place, in order."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        found.setdefault((cell.place.level, cell.place.full_name), []).append(cell)
    return list(found.values())


def _csv(header: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, header, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
