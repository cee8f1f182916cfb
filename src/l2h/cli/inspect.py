"""`l2h inspect`: what a raster is and what is wrong with it."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from l2h.core.legend import LEGENDS, load_legend


@click.command("inspect")
@click.argument("files", metavar="FILE", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--legend", type=click.Choice(LEGENDS), help="Legend its codes should keep to; else the file's own.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON on standard output.")
def inspect(files: tuple[Path, ...], legend: str | None, as_json: bool) -> int:
    """Say what each raster is and what is wrong with it: codes outside the legend, nodata, missing overviews,
    repeated strips, unreadable blocks. Status 1 where something makes a file unfit for use.
    """
    from l2h.core.inspect import describe, inspect_raster

    chosen = load_legend(legend) if legend else None
    rows = [
        {"facts": describe(path), "findings": [asdict(found) for found in inspect_raster(path, chosen)]}
        for path in files
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str))
    else:
        for row in rows:
            _print(row["facts"], row["findings"])  # type: ignore[arg-type]
    return 1 if any(f["severity"] == "error" for row in rows for f in row["findings"]) else 0  # type: ignore[index]


def _print(facts: dict[str, object], findings: list[dict[str, str]]) -> None:
    for name, value in facts.items():
        if value not in (None, "", {}, [], ()):
            click.echo(f"{name:<14} {value}", err=True)
    for found in findings:
        place = f"   {found['place']}" if found["place"] else ""
        click.echo(f"{found['severity']:<8} {found['rule']:<18} {found['message']}{place}", err=True)
    if not findings:
        click.echo("nothing is wrong with it", err=True)


COMMANDS = {"inspect": inspect}
