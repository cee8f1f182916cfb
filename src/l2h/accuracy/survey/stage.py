"""Stage `survey`: the map's areas against a survey's.

Files below work/survey:

    survey.json           everything (`result.result`)
    cells.csv             every figure: a line a place and group
    misestimation.csv     the three readings of every level, place and class
    scatter.png, .csv     mapped against surveyed area of the provinces, with the regression line
    errors.png, .csv      maps of the relative error of the provinces

It reads `layers/survey.json` (the survey in m²), `assess/areas.json` (exact areas of every city), the outlines, and
`layers/capture.json` (when the picture was taken).
"""

from functools import partial
from pathlib import Path

from l2h.accuracy.survey.dates import dates_of
from l2h.accuracy.survey.figures import draw_errors, draw_scatter, shapes_of
from l2h.accuracy.survey.grouping import grouping_path, load_grouping
from l2h.accuracy.survey.matching import map_places, match
from l2h.accuracy.survey.result import at_level, cells_csv, finest, misestimation_csv, result
from l2h.accuracy.survey.settings import SurveyComparison
from l2h.core.files import read_json, sha256_bytes, write_json, write_text
from l2h.core.legend import load_legend
from l2h.core.tasks import Context, Made, Stage, Task

OUTPUTS = ("survey.json", "cells.csv", "misestimation.csv", "scatter.png", "scatter.csv", "errors.png", "errors.csv")
LEGEND = "sinolc1"


def stage(settings: SurveyComparison, table: str) -> Stage:
    """The stage `survey`; table : the survey's file, as messages name it."""
    return Stage("survey", (partial(_compare, settings, table),))


def _compare(settings: SurveyComparison, table: str, context: Context) -> list[Task]:
    folder, work = context.work / "survey", context.work
    inputs = {
        "survey": work / "layers" / "survey.json", "areas": work / "assess" / "areas.json",
        "regions": work / "layers" / "regions.parquet", "capture": work / "layers" / "capture.json",
    }  # fmt: skip
    own = grouping_path(settings.grouping, context.project_dir)
    arguments = {"settings": settings, "table": table, "project": context.project_dir, "folder": folder, **inputs}
    shipped = "" if own else _text_of(settings.grouping)
    return [
        Task(
            key="survey/comparison",
            function=compare,
            arguments=arguments,
            inputs=(*inputs.values(), *([own] if own else [])),
            outputs=tuple(folder / name for name in OUTPUTS),
            settings={"comparison": settings.model_dump(mode="json"), "grouping": shipped, "table": table},
        )
    ]


def _text_of(choice: str) -> str:
    """What a shipped grouping says: a new one under its name makes the comparison anew."""
    path = Path(__file__).parent / "tables" / f"{choice}.toml"
    return sha256_bytes(path.read_bytes()) if path.is_file() else ""


def compare(
    survey: Path,
    areas: Path,
    regions: Path,
    capture: Path,
    settings: SurveyComparison,
    table: str,
    project: Path,
    folder: Path,
) -> Made:
    """Task: match, measure, draw, write."""
    rows = read_json(survey)
    grouping = load_grouping(settings.grouping, project, [r["land_class"] for r in rows], load_legend(LEGEND))
    places = map_places(read_json(areas))
    matched = match(rows, places, grouping, settings, table)
    document = result(matched, grouping) | {"dates": dates_of(rows, read_json(capture))}
    drawn = at_level(matched.cells, finest(matched.cells))
    write_json(folder / "survey.json", document)
    write_text(folder / "cells.csv", cells_csv(matched.cells))
    write_text(folder / "misestimation.csv", misestimation_csv(document))
    for name in ("scatter.csv", "errors.csv"):
        write_text(folder / name, cells_csv(drawn))
    draw_scatter(folder / "scatter.png", drawn)
    shown = [p for p in places if p.level == drawn[0].place.level]
    draw_errors(folder / "errors.png", drawn, shapes_of(regions, shown))
    return Made(info={"cells": len(matched.cells), "left_out": len(matched.left_out)})
