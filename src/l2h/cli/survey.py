"""`l2h survey`: the map's areas against a survey's."""

import json
from pathlib import Path
from typing import Any

import click

from l2h.cli.plan import print_plan
from l2h.cli.run import run_stages, stage_options


@stage_options
def survey(folder: Path, overrides: tuple[str, ...], executor: str, workers: int, dry_run: bool, as_json: bool) -> int:
    """Hold the map's areas against a survey's: misestimation per class and place, figures, tables.

    The table, and which of its classes are which of the map's, stand in [survey] of the project file.
    """
    if dry_run:
        return print_plan(("survey",), folder, overrides, workers, as_json)
    status = run_stages(("survey",), folder, overrides, executor, workers, as_json=False)
    out = folder / "work" / "survey"
    document = json.loads((out / "survey.json").read_text("utf-8"))
    for line in summary(document):
        click.echo(line, err=True)
    click.echo(json.dumps(document, indent=2, ensure_ascii=False) if as_json else str(out / "survey.json"))
    return status


def summary(document: dict[str, Any]) -> list[str]:
    """The three readings by level, and how much could not be compared, for people."""
    lines = [f"{'misestimation':<14}{'total':>9}{'relative':>10}{'share':>9}   figures   R²"]
    for level in sorted(document["levels"], key=LEVELS.index):
        row = document["levels"][level]
        line = row["regression"]
        numbers = "".join(f"{_per_cent(row[name]):>{width}}" for name, width in READINGS)
        r2 = f"{line['r2']:.3f}" if line else "–"
        lines.append(f"{level:<14}{numbers}   {row['cells']:>7}   {r2}")
    lines += [f"{name:<9} {document['readings'][name]}" for name, _ in READINGS]
    left = document["left_out"]
    lines.append(dates_line(document["dates"]))
    return lines + ([f"{len(left)} could not be compared; survey.json says which and why"] if left else [])


def dates_line(dates: dict[str, Any]) -> str:
    """When the survey and the picture were taken."""
    survey = (
        " to ".join(dict.fromkeys((dates["survey"][0], dates["survey"][-1]))) if dates["survey"] else "no stated date"
    )
    years = ", ".join(f"{year} ({share:.0%})" for year, share in dates["picture"].items()) or "no stated year"
    line = f"survey of {survey}; picture of {years}"
    if dates["survey"] and dates["undated_figures"]:
        line += f"; {dates['undated_figures']} figures have no date"
    if dates["years_apart"] is None:
        return line + ": how far apart they are is not known"
    least, most = dates["years_apart"]
    years = f"{least}" if least == most else f"{least} to {most}"
    return f"{line}: {years} year{'s' * (years != '1')} apart"


LEVELS = ("nation", "region", "province", "city")
READINGS = (("total", 9), ("relative", 10), ("share", 9))


def _per_cent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.2f} %"


COMMANDS = {"survey": click.command("survey")(survey)}
