"""`l2h run` and the stages by themselves."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from l2h.cli import table
from l2h.cli.plan import print_plan
from l2h.cli.progress import duration, make_progress
from l2h.cli.verify import cut_lines

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
STAGES = ("layers", "labels", "train", "map", "release", "assess", "report")


def stage_options(function: Callable[..., int]) -> Callable[..., int]:
    """The options every stage has."""
    options = (
        click.argument("folder", metavar="DIR", default=".", type=click.Path(path_type=Path)),
        click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a setting for this run."),
        click.option(
            "--executor", type=click.Choice(["serial", "processes", "ray"]), default="processes", show_default=True,
            help="Where tasks run; the results are the same.",
        ),
        click.option("--workers", type=click.IntRange(min=1), default=CORES, show_default="cores"),
        click.option("--dry-run", is_flag=True, help="Print what would be made, and stop."),
        click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON on standard output."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def run_stages(
    names: tuple[str, ...], folder: Path, overrides: tuple[str, ...], executor: str, workers: int, as_json: bool
) -> int:
    """Run the named stages in order; the exit status: 0 done, 3 done with holes."""
    from l2h.pipeline import Pipeline

    pipeline = Pipeline.open(folder, overrides)
    pipeline.check(names)
    if "release" in names and (open_ := pipeline.unlicensed()):
        click.echo(
            f"licence not stated: {', '.join(open_)}. The release will say so; state it in project.toml.", err=True
        )
    with make_progress() as progress:
        reports = []
        with pipeline.context(executor, workers, progress) as context:  # type: ignore[arg-type]
            for name in names:
                report = pipeline.run(name, context)
                reports.append(report)
                line = f"{name:<8} {report.made:>4} made, {report.kept:>4} kept   {duration(report.seconds)}"
                click.echo(line + (f"   {len(report.holes)} holes" if report.holes else ""), err=True)
                for notice in report.notices:
                    click.echo(f"  note: {notice}", err=True)
    for line in cut_lines(pipeline.release_dir) if "release" in names else ():
        click.echo(line, err=True)
    holes = [hole for report in reports for hole in report.holes]
    for hole in holes[:10]:
        click.echo(f"hole: {hole.where}: {hole.reason}", err=True)
    if len(holes) > 10:
        click.echo(f"… and {len(holes) - 10} more; all stand in the ledger and the report", err=True)
    if "report" in names:
        click.echo(f"\nrelease  {pipeline.release_dir}\nreport   {pipeline.release_dir / 'report.html'}", err=True)
    if as_json:
        click.echo(json.dumps(outcome(pipeline, reports), indent=2))
    return 3 if holes else 0


def outcome(pipeline: Any, reports: list[Any]) -> dict[str, Any]:
    """What programs read of a run."""
    return {
        "release": str(pipeline.release_dir),
        "stages": [
            {
                "name": report.name,
                "made": report.made,
                "kept": report.kept,
                "seconds": round(report.seconds, 2),
                "holes": [{"where": hole.where, "reason": hole.reason} for hole in report.holes],
                "notices": list(report.notices),
            }
            for report in reports
        ],
    }


def _command(name: str, names: tuple[str, ...], help_text: str) -> click.Command:
    @stage_options
    def run(folder: Path, overrides: tuple[str, ...], executor: str, workers: int, dry_run: bool, as_json: bool) -> int:
        if dry_run:
            return print_plan(names, folder, overrides, workers, as_json)
        return run_stages(names, folder, overrides, executor, workers, as_json)

    run.__doc__ = help_text
    return click.command(name)(run)


COMMANDS = {name: _command(name, (name,), table.COMMANDS[name][1]) for name in STAGES}
COMMANDS["run"] = _command("run", STAGES, table.COMMANDS["run"][1])
