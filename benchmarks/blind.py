#!/usr/bin/env python3
"""The toy country from a sample to its accuracy without a person: how often do the intervals hold the hidden truth?

    python benchmarks/blind.py [--seeds 200] [--points 120] [--only "stratified, alone"] [--kept FILE] [--out FILE]

Of every seed: a sample drawn by the machinery of `l2h sample`; the server of `l2h interpret` on a port of this machine;
two simulated interpreters of known error rates who read the pictures of each point and answer over HTTP; a third who
decides what they dispute; the export; the estimators of `l2h assess` on it. What each seed gave is kept in a file of
lines, so a run that was stopped goes on, and the page is made of the seeds that were run. About two processor seconds a
seed; most of the waiting is for answers to reach the disk (TMPDIR on a memory disk spares it).
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _blind import Country, Errors, make_country, run_seed, truths

from l2h.core.files import write_text

SIDE = 710
PLANS = {
    "stratified, alone": ("stratified", Errors()),
    "stratified, common": ("stratified", Errors(common=0.04)),
    "simple random, alone": ("simple_random", Errors()),
}
PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "blind.md"
SHOWN = "## What it shows\n"
HEAD = """# A blind run without a person

A country of {km2:.2f} km², known whole: four classes in patches and a map with {oa:.2f} % overall accuracy. Of every
seed a sample of {points} points is drawn; two simulated interpreters answer each point through the server of
`l2h interpret`, over HTTP, seeing nothing but its pictures; a third who never errs decides what they dispute; the file
that is exported is judged by the estimators of `l2h assess`. The two give a wrong class at {first:.0f} % and
{second:.0f} % of the points, each on his own and any of the three with the same chance; under "common" they besides
give the same wrong class at {common:.0f} % of the points.

Where both agree on a wrong class nobody looks again. So the reference itself is wrong here and there, and the intervals
are about what such people would find everywhere, which follows from the error rates exactly. "held, truth" is the share
of 95 % intervals with the hidden truth, "held, reference" of those with what the adjudicated reference would tell of
the whole country; "people" is the second figure less the first, a bias that more points do not mend. "bias" is the mean
estimate less the hidden truth, "SE told / seen" the mean of the standard errors over the standard deviation of the
estimates.
Figures in per cent, areas of the country's. With 200 seeds, intervals that hold 95 % are seen to hold 92 to 98 % of
them nineteen times in twenty. Made by `benchmarks/blind.py`.
"""


@dataclass(frozen=True)
class Held:
    """One figure over all seeds, in shares: hidden truth, that of the reference less it, mean error, coverage, SE."""

    figure: str
    truth: float
    people: float
    bias: float
    told_seen: float
    held_truth: float
    held_reference: float
    seeds: int


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    with tempfile.TemporaryDirectory(prefix="l2h-blind-") as scratch:
        country = make_country(Path(scratch) / "country", SIDE)
        for seed in range(options.seeds):
            for plan in options.only or PLANS:
                one(country, plan, seed, options)
        write_text(options.out, page(country, read_kept(options.kept), options.points) + said_before(options.out))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200, help="0: only make the page of what was kept")
    parser.add_argument("--points", type=int, default=120)
    parser.add_argument("--only", action="append", choices=list(PLANS), help="leave the other plans out")
    parser.add_argument("--kept", type=Path, default=Path("blind.jsonl"), help="what each seed gave, a line a seed")
    parser.add_argument("--out", type=Path, default=PAGE)
    return parser.parse_args(arguments)


def one(country: Country, plan: str, seed: int, options: argparse.Namespace) -> None:
    """Run a seed of a plan that was not run yet, and keep what it gave."""
    mark = {"plan": plan, "seed": seed, "points": options.points}
    if any(mark.items() <= row.items() for row in read_kept(options.kept)):
        return
    began, spent = time.monotonic(), time.process_time()
    method, errors = PLANS[plan]
    found = asdict(run_seed(country, method, options.points, errors, seed))
    found["exported"] = found["exported"].name
    took = {"seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - spent}
    with options.kept.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(found | mark | took) + "\n")
    print(f"{plan}, seed {seed}: {took['seconds']:.1f} s", flush=True)


def read_kept(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def said_before(path: Path) -> str:
    """What somebody wrote below the figures, which is kept: check it against the new ones."""
    return path.read_text("utf-8").partition(SHOWN)[2] if path.is_file() else ""


def page(country: Country, rows: list[dict[str, Any]], points: int) -> str:
    """The page of the seeds that were run with so many points."""
    joint = country.joint()
    common = next(errors for _, errors in PLANS.values() if errors.common)
    head = HEAD.format(
        km2=joint.sum() / 1e6, oa=100 * truths(joint)["overall accuracy"], points=points,
        first=100 * common.alone[0], second=100 * common.alone[1], common=100 * common.common,
    )  # fmt: skip
    parts = [head]
    for plan, (_, errors) in PLANS.items():
        of_plan = [row for row in rows if row["plan"] == plan and row["points"] == points]
        if of_plan:
            parts.append(section(country, plan, errors, of_plan))
    return "\n".join([*parts, SHOWN])


def section(country: Country, plan: str, errors: Errors, rows: list[dict[str, Any]]) -> str:
    n, points = len(rows), rows[0]["points"]
    disputed = 100 * float(np.mean([row["states"]["adjudicated"] for row in rows])) / points
    wrong = 100 * float(np.mean([row["agreed_on_wrong"] for row in rows])) / points
    spent = float(np.mean([row["cpu_seconds"] for row in rows]))
    told = f"Adjudicated: {disputed:.2f} % of the points; agreed on wrongly: {wrong:.2f} %. "
    told += f"{spent:.1f} processor seconds a seed."
    lines = [
        f"## {plan[0].upper()}{plan[1:]}: {n} seeds",
        "",
        told,
        "",
        "| Figure | truth | people | bias | SE told / seen | held, truth | held, reference | seeds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for h in judge(country, errors, rows):
        lines.append(
            f"| {h.figure} | {100 * h.truth:.2f} | {100 * h.people:+.2f} | {100 * h.bias:+.2f} | {h.told_seen:.2f} | "
            f"{100 * h.held_truth:.1f} | {100 * h.held_reference:.1f} | {h.seeds} |"
        )
    return "\n".join([*lines, ""])


def judge(country: Country, errors: Errors, rows: list[dict[str, Any]]) -> list[Held]:
    """Each figure over the seeds that told it."""
    joint = country.joint()
    truth, reference = truths(joint), truths(joint @ errors.transition())
    found = []
    for name in truth:
        told = np.array([row["figures"][name] for row in rows if name in row["figures"]])
        if len(told) < 2:
            continue
        value, error, low, high = told.T
        unit = joint.sum() if name.startswith("area") else 1.0
        held = [float(((low <= t) & (t <= high)).mean()) for t in (truth[name], reference[name])]
        bias, people = value.mean() - truth[name], reference[name] - truth[name]
        seen = error.mean() / value.std(ddof=1)
        found.append(Held(name, truth[name] / unit, people / unit, float(bias) / unit, float(seen), *held, len(told)))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
