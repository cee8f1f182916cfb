"""`l2h inspect`: what a raster is and what is wrong with it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from l2h.core.errors import InputError
from l2h.core.legend import Legend, load_legend


@click.command("inspect")
@click.argument("files", metavar="FILE", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--legend", metavar="NAME", help="Legend its codes should keep to; else the file's own.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON on standard output.")
def inspect(files: tuple[Path, ...], legend: str | None, as_json: bool) -> int:
    """Say what each raster is and what is wrong with it: codes outside the legend, nodata, missing overviews,
    repeated strips, unreadable blocks. Status 1 where something makes a file unfit for use.
    """
    chosen = load_legend(legend) if legend else None
    rows = [examine(path, chosen) for path in files]
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str))
    else:
        for row in rows:
            _print(row["facts"], row["findings"])
    return 1 if any(f["severity"] == "error" for row in rows for f in row["findings"]) else 0


def examine(path: Path, legend: Legend | None) -> dict[str, Any]:
    """Facts and findings of a file; one that cannot be opened is a finding, so that the other files are looked at."""
    from l2h.core.inspect import Finding, describe, inspect_raster

    try:
        return {"facts": describe(path), "findings": [asdict(found) for found in inspect_raster(path, legend)]}
    except InputError as error:
        return {"facts": {"path": str(path)}, "findings": [asdict(Finding("error", "cannot-open", str(error)))]}


def _print(facts: dict[str, Any], findings: list[dict[str, str]]) -> None:
    for name, value in facts.items():
        if value not in (None, "", {}, [], ()):
            click.echo(f"{name:<14} {value}", err=True)
    for found in findings:
        place = f"   {found['place']}" if found["place"] else ""
        click.echo(f"{found['severity']:<8} {found['rule']:<18} {found['message']}{place}", err=True)
    if not findings:
        click.echo("nothing is wrong with it", err=True)


COMMANDS = {"inspect": inspect}
