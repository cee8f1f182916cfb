"""What a run would do: sizes and times, before anything is done."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from l2h.cli.progress import duration, size

# Seconds of one core per million pixels of the lattice (of training: of what is seen), for a stage that never ran here.
# From a real square kilometre on one core of 2.5 GHz with AVX-512; another machine may take three times as long.
GUESSED_PACE_S = {
    "layers": 2.0, "labels": 1.5, "train": 5.0, "map": 17.0, "release": 1.5, "assess": 1.0, "report": 5.0,
    "survey": 0.0, "compare": 2.0,
}  # fmt: skip
GUESSED_BYTES = 15_000_000, 9  # of the training's files, and of workspace and release per pixel of the lattice


def print_plan(names: Sequence[str], folder: Path, overrides: tuple[str, ...], workers: int, as_json: bool) -> int:
    """Print what the stages would make, how large it is and how long it may take; status 1 where a plan has a problem.

    Writes nothing.
    """
    from l2h.pipeline import Pipeline

    pipeline = Pipeline.open(folder, overrides)
    pipeline.check(names)
    plan = describe(pipeline, names, workers)
    if as_json:
        click.echo(json.dumps(plan, indent=2))
    else:
        _print(plan)
    return 1 if any(row["waiting"] and row["problem"] for row in plan["stages"]) else 0


def describe(pipeline: Any, names: Sequence[str], workers: int) -> dict[str, Any]:
    """The plan as programs read it: lattice, stages with `seconds_expected` and its `basis`, sums, disk space."""
    grid, learning = pipeline.grid, pipeline.project.learning
    seen = 1e6 * (learning.sized(grid.window.pixels).megapixels or 0)
    rows = pipeline.status(names)
    for row in rows:
        whole = seen if row["stage"] == "train" else grid.window.pixels
        row |= expected(row, whole, 1 if row["stage"] == "train" else workers)
    there = next(path for path in (pipeline.folder, *pipeline.folder.parents) if path.exists())
    return {
        "lattice": {
            "crs": grid.crs, "pixel_m": grid.pixel, "height": grid.height, "width": grid.width,
            "km2": round(grid.window.pixels * grid.pixel**2 / 1e6, 3),
            "blocks": len(grid.blocks(pipeline.project.grid.block_px)),
        },
        "stages": rows,
        "seconds_expected": round(sum(row["seconds_expected"] for row in rows)),
        "disk_bytes_expected": GUESSED_BYTES[0] + GUESSED_BYTES[1] * grid.window.pixels,
        "disk_bytes_free": shutil.disk_usage(there).free,
    }  # fmt: skip


def expected(row: Mapping[str, Any], whole_px: float, workers: int) -> dict[str, Any]:
    """How long a stage may take: at its own recorded pace where it ran before, else by a guess for the whole lattice.

    row : of `Pipeline.status`;  whole_px : the size of the stage where its tasks are not known yet
    """
    if not (row["waiting"] or row["make"] or row["remake"]):
        return {"seconds_expected": 0.0, "basis": "nothing to do"}
    if row["seconds"] and row["pixels"]:
        todo = max(row["pixels_to_make"], row["pixels"] if row["waiting"] else 0)
        return {"seconds_expected": row["seconds"] / row["pixels"] * todo / workers, "basis": "recorded pace"}
    return {"seconds_expected": GUESSED_PACE_S[row["stage"]] * whole_px / 1e6 / workers, "basis": "guess"}


def _print(plan: Mapping[str, Any]) -> None:
    lattice = plan["lattice"]
    pixels = f"{lattice['height']} rows × {lattice['width']} columns of {lattice['pixel_m']:g} m"
    lines = [
        f"lattice  {pixels}, {lattice['crs']}: {lattice['km2']:,} km² in {lattice['blocks']} blocks",
        f"{'stage':<8} {'to make':>8} {'kept':>6} {'Mpx':>9}   time",
    ]
    for row in plan["stages"]:
        count = f"{row['make'] + row['remake']}{'+' if row['waiting'] else ''}"
        time = "" if row["basis"] == "nothing to do" else f"about {duration(row['seconds_expected'])} ({row['basis']})"
        lines.append(f"{row['stage']:<8} {count:>8} {row['keep']:>6} {row['pixels_to_make'] / 1e6:>9,.1f}   {time}")
    lines += [f"  problem in {row['stage']}: {row['problem']}" for row in plan["stages"] if row["problem"]]
    if any(row["waiting"] for row in plan["stages"]):
        lines.append("+: more shows once the stages before it are made")
    lines.append(f"in all   about {duration(plan['seconds_expected'])}")
    lines.append(f"disk     about {size(plan['disk_bytes_expected'])}, {size(plan['disk_bytes_free'])} are free")
    click.echo("\n".join(lines), err=True)
