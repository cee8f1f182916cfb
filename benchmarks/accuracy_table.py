#!/usr/bin/env python3
"""Run accuracy.py for several recipes and seeds, score the maps, and write the table.

    python benchmarks/accuracy_table.py CASES OUT --scorer SCORE_MAP.py [--recipes default l2h] [--seeds 0 1 2]
                                        [--families zurich …] [--set learning.threads=1 …]
                                        [--table docs/benchmarks/accuracy.md]

A recipe may carry settings: `default,learning.width=64` is a row of its own; --set is for all rows.
OUT/<recipe>_<seed>/ holds the maps of a run; families its run.json has with these settings are not run again. The
scorer is a program of its own, `SCORER CASES MAPS --json FILE`; it and `columns.py` open the references, once the maps
are written.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from _cases import find_families

from l2h.core.files import read_json, write_text

HERE = Path(__file__).parent
# per-pixel majority of the three products, for the public cases
MAJORITY = {"deepglobe": 0.694, "loveda": 0.582, "newbrunswick": 0.502, "zurich": 0.445}
HEAD = """# Accuracy on real pictures

Real pictures at 1 m with hand-drawn references. The three 10 m products and OpenStreetMap are **simulated** from the
references by an assumed error model fitted to no product, so the figures rank methods; they do not promise what real
products give. Settings were chosen with these cases in sight. One network per family, trained on image, products and
OpenStreetMap of the cases it maps; the references are opened by the scorers alone. Scores are of all cases of a family
together, means of the seeds. Made by `benchmarks/accuracy_table.py`.

Edge: overall accuracy within 4 px of a pixel labelled otherwise. Far traffic: F1 of traffic route farther than 6 m from
every road and footprint that was given. ECE: expected calibration error of the confidence band, twenty bins, of pixels
mapped as a class that the reference tells from others. MFLOP/px: of the network, a multiply-add counts two. Seconds and
Mpx/s are wall clock of a machine that may have done other work.

"""
COLUMNS = (
    "Recipe", "Mpx", "mIoU by seed", "mIoU", "OA", "F1", "edge", "far traffic", "ECE", "prior", "MFLOP/px",
    "training (s)", "map Mpx/s",
)  # fmt: skip


def main() -> int:
    options = _parse()
    found = find_families(options.cases)
    families = sorted(options.families or found)
    unknown = sorted(set(families) - set(found))
    if unknown:
        sys.stderr.write(f"no such family: {', '.join(unknown)}; there are {', '.join(sorted(found))}\n")
        return 2
    for recipe in options.recipes:
        for seed in options.seeds:
            out = folder_of(options.out, recipe, seed)
            name, *own = recipe.split(",")
            overrides = [*options.overrides, *own]
            missing = [family for family in families if family not in done_in(out, overrides)]
            if missing:
                run_one(options.cases, out, (name, seed), overrides, missing)
            score(options, out, families)
    text = HEAD + "\n".join(table(options.out, options.recipes, options.seeds, families)) + "\n"
    write_text(options.table, text)
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--recipes", nargs="+", default=["default", "l2h"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--families", nargs="+", help="only these; all by default")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="ROOM.KEY=VALUE")
    parser.add_argument("--table", type=Path, default=HERE.parent / "docs" / "benchmarks" / "accuracy.md")
    return parser.parse_args()


def folder_of(out: Path, recipe: str, seed: int) -> Path:
    """Where a run lies: its recipe as a file name, and its seed."""
    return out / f"{re.sub('[^A-Za-z0-9.=-]+', '_', recipe)}_{seed}"


def done_in(out: Path, overrides: Sequence[str]) -> list[str]:
    """Families that a run of these settings has. Runs of earlier versions, without speeds, have none."""
    path = out / "run.json"
    record = read_json(path) if path.exists() else {"families": {}}
    if record.get("set") != list(overrides):
        return []
    return [name for name, family in record["families"].items() if "map_mpx_s" in family]


def run_one(cases: Path, out: Path, what: tuple[str, int], overrides: Sequence[str], families: Sequence[str]) -> None:
    """One run of a recipe and a seed in a process of its own, so that no run sees what another left behind."""
    recipe, seed = what
    sets = [part for override in overrides for part in ("--set", override)]
    command = [sys.executable, HERE / "accuracy.py", cases, out, "--recipe", recipe, "--seed", str(seed), *sets]
    subprocess.run([*command, "--families", *families], check=True)


def score(options: argparse.Namespace, out: Path, families: Sequence[str]) -> None:
    """scores.json by the scorer, columns.json by ours; the scorer fails where a case has no map, so what is missing of
    the families asked for is looked up afterwards."""
    subprocess.run([sys.executable, options.scorer, options.cases, out, "--json", out / "scores.json"], check=False)
    ours = [sys.executable, HERE / "columns.py", options.cases, out, "--json", out / "columns.json"]
    subprocess.run(ours, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    for name in ("scores.json", "columns.json"):
        missing = sorted(set(families) - set(read_json(out / name)))
        if missing:
            raise SystemExit(f"{out / name} lacks {', '.join(missing)}")


def table(out: Path, recipes: Sequence[str], seeds: Sequence[int], families: Sequence[str]) -> Iterator[str]:
    """Markdown: per family and recipe the scores of each seed and their mean, and what it cost."""
    for family in families:
        yield f"## {family}\n"
        yield f"mIoU of the products' per-pixel majority: {MAJORITY.get(family, 'not known')}\n"
        yield "| " + " | ".join(COLUMNS) + " |"
        yield "|---" * len(COLUMNS) + "|"
        for recipe in recipes:
            yield _row(recipe, family, [folder_of(out, recipe, seed) for seed in seeds])
        yield ""


def _row(recipe: str, family: str, runs: Sequence[Path]) -> str:
    scores = [read_json(run / "scores.json")[family] for run in runs]
    columns = [read_json(run / "columns.json")[family] for run in runs]
    records = [read_json(run / "run.json")["families"][family] for run in runs]
    f1 = ", ".join(f"{name} {_mean(s['F1'][name] for s in scores)}" for name in scores[0]["F1"])
    cells: list[Any] = [
        recipe,
        records[0]["settings"]["learning"]["megapixels"],
        ", ".join(f"{s['mIoU']:.3f}" for s in scores),
        _mean(s["mIoU"] for s in scores),
        _mean(s["OA"] for s in scores),
        f1,
        *(_mean(c[name] for c in columns) for name in ("edge", "far_traffic", "ece")),
        ", ".join("on" if record["prior"] else "off" for record in records),
        records[0]["mflop_per_px"],
        f"{mean(r['seconds']['training'] for r in records):.0f}",
        f"{mean(r['map_mpx_s'] for r in records):.2f}",
    ]
    return "| " + " | ".join(map(str, cells)) + " |"


def _mean(values: Iterable[float | None]) -> str:
    """Mean to three places; a dash where a value is not defined."""
    known = [value for value in values if value is not None]
    return f"{mean(known):.3f}" if known else "–"


if __name__ == "__main__":
    raise SystemExit(main())
