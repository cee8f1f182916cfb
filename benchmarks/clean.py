#!/usr/bin/env python3
"""Accuracy against the number of clean points and drawn chips; the table and the picture of it.

    python benchmarks/clean.py CASES OUT [--families newbrunswick loveda] [--points 0 50 …] [--strata 17] [--chips 5 …]
                               [--seeds 0 1 2] [--set learning.threads=1 …] [--table docs/benchmarks/clean.md]

Stands in for interpreters: points are drawn at random from the labelled pixels of a family's hand-drawn references,
with the class drawn there, or so many of each class (`--strata`); chips of 20 × 20 px that are at least half labelled,
apart from each other, with all that is drawn in them. Of a seed, fewer are the first of more, and no pixel within 2 px
of any of its points and chips is scored, whatever was learned from. OUT/<family>.json holds the runs done; they are not
repeated, and all that stands there goes into the table, of other calls too: the largest numbers must be the same
(`--most` says them where a call asks for less).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import accuracy
import numpy as np
from _cases import Case, find_families
from _clean_ground import (
    REACH_PX,
    Corner,
    Point,
    Points,
    by_case,
    chips_of,
    draw_chips,
    draw_points,
    draw_strata,
    ground_of,
    near_points,
)
from _clean_tables import curve, table
from columns import accepted, groups_of, read_reference

from l2h.core.errors import InputError
from l2h.core.files import read_json, write_bytes, write_json, write_text
from l2h.core.raster import open_raster

DOCS = Path(__file__).parent.parent / "docs"


@dataclass(frozen=True)
class Given:
    """What a network is given beside the labels: points at random, points of each class, drawn chips."""

    points: int = 0
    strata: int = 0
    chips: int = 0


@dataclass(frozen=True)
class Drawn:
    """All that a seed draws of a family."""

    points: Sequence[Point]
    strata: Sequence[Point]
    chips: Sequence[Corner]

    @classmethod
    def of(cls, cases: Sequence[Case], most: Given, seed: int) -> "Drawn":
        return cls(
            draw_points(cases, most.points, seed),
            draw_strata(cases, most.strata, seed),
            draw_chips(cases, most.chips, seed),
        )


def main() -> int:
    options = _parse()
    options.out.mkdir(parents=True, exist_ok=True)
    found = find_families(options.cases)
    for seed in options.seeds:
        for family in options.families:
            run_family(found[family], options, seed)
    records = {path.stem: read_json(path) for path in sorted(options.out.glob("*.json"))}
    runs = {family: record["runs"] for family, record in records.items()}
    settings = {family: record["apart"]["set"] for family, record in records.items()}
    write_text(options.table, table(runs, settings, options.plot is not None))
    if options.plot is not None:
        write_bytes(options.plot, curve(runs))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--families", nargs="+", default=["newbrunswick", "loveda"])
    parser.add_argument("--points", nargs="*", type=int, default=[0, 50, 100, 400], help="at random")
    parser.add_argument("--strata", nargs="*", type=int, default=[17], help="of each class")
    parser.add_argument("--chips", nargs="*", type=int, default=[], help="drawn chips")
    parser.add_argument(
        "--most", nargs=3, type=int, default=(0, 0, 0), metavar=("POINTS", "STRATA", "CHIPS"),
        help="scores are taken apart from so many at least, for runs that come later",
    )  # fmt: skip
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="ROOM.KEY=VALUE")
    parser.add_argument("--table", type=Path, default=DOCS / "benchmarks" / "clean.md")
    parser.add_argument("--plot", type=Path, default=DOCS / "images" / "clean.png")
    return parser.parse_args()


def run_family(cases: Sequence[Case], options: argparse.Namespace, seed: int) -> None:
    """What of a family and seed does not stand in OUT/<family>.json yet."""
    path = options.out / f"{cases[0].family}.json"
    asked_for = options.points, options.strata, options.chips
    most = Given(*(max([least, *numbers]) for least, numbers in zip(options.most, asked_for, strict=True)))
    apart = {**asdict(most), "recipe": options.recipe, "set": sorted(options.overrides)}
    record: dict[str, Any] = read_json(path) if path.exists() else {"apart": apart, "runs": []}
    if record["apart"] != apart:
        raise InputError("other numbers or settings than those that stand there", where=str(path),
                         expected=json.dumps(record["apart"]), got=json.dumps(apart))  # fmt: skip
    asked = [
        *(Given(points=n) for n in options.points),
        *(Given(strata=n) for n in options.strata if n),
        *(Given(chips=n) for n in options.chips if n),
    ]
    drawn = Drawn.of(cases, most, seed)
    for given in asked:
        key = {**asdict(given), "seed": seed}
        if not any(key.items() <= run.items() for run in record["runs"]):
            record["runs"].append(key | run(cases, options, given, drawn, seed))
            write_json(path, record)
            sys.stderr.write(json.dumps(record["runs"][-1]) + "\n")


def run(cases: Sequence[Case], options: argparse.Namespace, given: Given, drawn: Drawn, seed: int) -> dict[str, Any]:
    """Train with what is given, map, and score what lies away from all that the seed draws."""
    with tempfile.TemporaryDirectory(prefix="l2h-clean-") as maps:
        how = argparse.Namespace(recipe=options.recipe, seed=seed, overrides=options.overrides, out=Path(maps))
        (how.out / "confidence").mkdir()
        learned = by_case([*drawn.points[: given.points], *draw_strata(cases, given.strata, seed)])
        ground = ground_of(cases, drawn.chips[: given.chips])
        work = options.out / "work" / cases[0].family
        record = accuracy.run_family(cases, work, how, learned, ground)
        count = {"learned": sum(len(points) for points in learned.values())}
        found = score(cases, how.out, by_case([*drawn.points, *drawn.strata]), drawn.chips)
        return count | {"prior": record["prior"], "seconds": record["seconds"]["training"], **found}


def score(cases: Sequence[Case], maps: Path, apart: Points, chips: Sequence[Corner]) -> dict[str, Any]:
    """OA, mIoU and F1 as the scorer of maps has them, but for the surroundings of points and chips."""
    groups = sorted({group for case in cases for group in accepted(case).values()})
    number = {group: i for i, group in enumerate(groups)}
    counts = np.zeros((len(groups), len(groups) + 1), np.int64)
    for case in cases:
        _, reference = read_reference(case)
        with open_raster(maps / f"{case.name}.tif") as dataset:
            mapped = dataset.read(1)
        truth = groups_of(accepted(case), number)[reference]
        told = groups_of({code: group for group in groups for code in group}, number)[mapped]
        scored = (truth >= 0) & ~near_points(apart.get(case.name), truth.shape)
        scored &= ~chips_of(chips, case.name, truth.shape, REACH_PX)
        pairs = truth[scored].astype(np.int64) * (len(groups) + 1) + np.where(told < 0, len(groups), told)[scored]
        counts += np.bincount(pairs, minlength=counts.size).reshape(counts.shape)
    hit = np.diag(counts[:, :-1]).astype(float)
    either = counts.sum(axis=1) + counts[:, :-1].sum(axis=0)
    names = ["+".join(map(str, group)) for group in groups]
    return {
        "scored": int(counts.sum()),
        "OA": float(hit.sum() / counts.sum()),
        "mIoU": float((hit / (either - hit)).mean()),
        "F1": dict(zip(names, (2 * hit / either).tolist(), strict=True)),
    }


if __name__ == "__main__":
    raise SystemExit(main())
