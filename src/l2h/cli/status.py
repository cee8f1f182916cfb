"""`l2h status`: what is made, stale, missing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from l2h.cli.progress import duration


@click.command("status")
@click.argument("folder", metavar="DIR", default=".", type=click.Path(path_type=Path))
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="As if a setting had this value.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON on standard output.")
def status(folder: Path, overrides: tuple[str, ...], as_json: bool) -> int:
    """Show for each stage of the project in DIR what is made, stale and missing. Changes nothing.

    Stale is also what rests on something stale; a run keeps it where that turns out the same. Status 1 where a plan
    cannot be made, for example because an input file is missing.
    """
    from l2h.pipeline import Pipeline

    pipeline = Pipeline.open(folder, overrides)
    rows = pipeline.status()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        _print(rows)
        click.echo(verdict(rows, folder, pipeline.release_dir), err=True)
    return 1 if any(row["waiting"] and row["problem"] for row in rows) else 0


def verdict(rows: Sequence[dict[str, Any]], folder: Path, release: Path) -> str:
    """What there is to do next, in a line."""
    if any(row["waiting"] and row["problem"] for row in rows):
        return "next: mend the problem"
    if any(row["waiting"] or row["make"] or row["remake"] for row in rows):
        return f"next: l2h run {folder}"
    return f"all is made: {release}"


def _print(rows: Sequence[dict[str, Any]]) -> None:
    click.echo(f"{'stage':<8} {'made':>6} {'stale':>6} {'missing':>8} {'failed':>7} {'holes':>6}   time", err=True)
    for row in rows:
        waiting = "   more once the stages before it are made" if row["waiting"] and not row["problem"] else ""
        click.echo(
            f"{row['stage']:<8} {row['keep']:>6} {row['remake']:>6} {row['make']:>8} {row['failed']:>7} "
            f"{row['holes']:>6}   {duration(row['seconds'])}{waiting}",
            err=True,
        )
        if row["problem"]:
            click.echo(f"  problem: {row['problem']}", err=True)


COMMANDS = {"status": status}
