"""`l2h status`: what is made, stale, missing."""

import json
from pathlib import Path

import click

from l2h.cli.progress import duration


@click.command("status")
@click.argument("folder", metavar="DIR", default=".", type=click.Path(path_type=Path))
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="As if a setting had this value.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON on standard output.")
def status(folder: Path, overrides: tuple[str, ...], as_json: bool) -> int:
    """Show for each stage of the project in DIR what is made, stale and missing. Changes nothing."""
    from l2h.pipeline import Pipeline

    rows = Pipeline.open(folder, overrides).status()
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return 0
    click.echo(f"{'stage':<8} {'made':>6} {'stale':>6} {'missing':>8} {'failed':>7} {'holes':>6}   time", err=True)
    for row in rows:
        waiting = "   waits for the stages before it" if row["waiting"] else ""
        click.echo(
            f"{row['stage']:<8} {row['keep']:>6} {row['remake']:>6} {row['make']:>8} {row['failed']:>7} "
            f"{row['holes']:>6}   {duration(row['seconds'])}{waiting}",
            err=True,
        )
    return 0


COMMANDS = {"status": status}
