"""`l2h compare`: products beside the map."""

import json
from pathlib import Path
from typing import Any

import click

from l2h.cli.plan import print_plan
from l2h.cli.run import run_stages, stage_options


@stage_options
def compare(folder: Path, overrides: tuple[str, ...], executor: str, workers: int, dry_run: bool, as_json: bool) -> int:
    """Hold products beside the map, in one legend: accuracy at the same points as pairs, agreement, places.

    The project's own products take part, and those named in [[compare.products]].
    """
    if dry_run:
        return print_plan(("compare",), folder, overrides, workers, as_json)
    status = run_stages(("compare",), folder, overrides, executor, workers, as_json=False)
    out = folder / "work" / "compare"
    agreement = json.loads((out / "agreement.json").read_text("utf-8"))
    accuracy = out / "accuracy.json"
    judged = json.loads(accuracy.read_text("utf-8")) if accuracy.is_file() else None
    for line in [*accuracy_lines(judged), *agreement_lines(agreement)]:
        click.echo(line, err=True)
    told = {"accuracy": judged, "agreement": agreement}
    click.echo(json.dumps(told, indent=2, ensure_ascii=False) if as_json else str(out))
    return status


def accuracy_lines(judged: dict[str, Any] | None) -> list[str]:
    """Overall accuracy of each map in the nation, and its difference to ours, for people."""
    if judged is None:
        return ["no reference points: agreement only (name them in [reference])"]
    lines = [f"{'overall accuracy':<24}{'':>8}{'95 % interval':>18}   ours less this one, p (Holm)"]
    maps = [row for row in judged["maps"] if row["level"] == "nation"]
    pairs = {
        row["second"]: row
        for row in judged["pairs"]
        if row["level"] == "nation" and row["measure"] == "overall_accuracy" and row["first"] == maps[0]["map"]
    }
    for row in maps:
        found = row["overall_accuracy"]
        line = f"{row['map']:<24}{_per_cent(found['value']):>8}{_interval(found):>18}"
        pair = pairs.get(row["map"])
        if pair is not None:
            difference, p = pair["difference"], pair["p_holm"]
            line += f"   {_per_cent(difference['value'], '+')} {_interval(difference)}"
            line += "" if p is None else f"  p = {p:.2g}"
        lines.append(line)
    return lines + ([judged["refused"]] if "refused" in judged else [])


def agreement_lines(agreement: dict[str, Any]) -> list[str]:
    return [
        f"{'agree on the ground':<24}{_per_cent(row['agreement']):>8}   {row['first']} and {row['second']}"
        for row in agreement["pairs"]
    ]


def _per_cent(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{value * 100:{sign}.2f} %"


def _interval(found: dict[str, Any]) -> str:
    return "" if found["low"] is None else f"{found['low'] * 100:.2f} to {found['high'] * 100:.2f}"


COMMANDS = {"compare": click.command("compare")(compare)}
