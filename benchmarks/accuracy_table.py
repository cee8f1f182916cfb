#!/usr/bin/env python3
"""Run accuracy.py for several recipes and seeds, score the maps, and write the table.

    python benchmarks/accuracy_table.py CASES OUT --scorer SCORE_MAP.py [--recipes default l2h] [--seeds 0 1 2]
                                        [--table docs/benchmarks/accuracy.md]

OUT/<recipe>_<seed>/ holds the maps of a run. A run whose run.json names every family is not repeated. The scorer is a
program of its own, `SCORER CASES MAPS --json FILE`: it alone opens the references.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
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
OpenStreetMap of the cases it maps; the references are opened by the scorer alone. Scores are of all cases of a family
together. Made by `benchmarks/accuracy_table.py`.

"""


def main() -> int:
    options = _parse()
    families = sorted(find_families(options.cases))
    for recipe in options.recipes:
        for seed in options.seeds:
            out = options.out / f"{recipe}_{seed}"
            if not _complete(out, families):
                run_one(options.cases, out, recipe, seed)
            subprocess.run(
                [sys.executable, options.scorer, options.cases, out, "--json", out / "scores.json"], check=True
            )
    write_text(options.table, HEAD + "\n".join(table(options.out, options.recipes, options.seeds, families)) + "\n")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scorer", type=Path, required=True)
    parser.add_argument("--recipes", nargs="+", default=["default", "l2h"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--table", type=Path, default=HERE.parent / "docs" / "benchmarks" / "accuracy.md")
    return parser.parse_args()


def _complete(out: Path, families: Sequence[str]) -> bool:
    path = out / "run.json"
    return path.exists() and sorted(read_json(path)["families"]) == list(families)


def run_one(cases: Path, out: Path, recipe: str, seed: int) -> None:
    """One run in a process of its own, so that no run sees what another left behind."""
    command = [sys.executable, HERE / "accuracy.py", cases, out, "--recipe", recipe, "--seed", str(seed)]
    subprocess.run(command, check=True)


def table(out: Path, recipes: Sequence[str], seeds: Sequence[int], families: Sequence[str]) -> Iterator[str]:
    """Markdown: per family and recipe the scores of each seed and their mean, F1 of the classes, and seconds."""
    for family in families:
        yield f"## {family}\n"
        yield f"mIoU of the products' per-pixel majority: {MAJORITY.get(family, 'not known')}\n"
        yield "| Recipe | Mpx | mIoU by seed | mIoU | OA | F1 | prior | training, maps (s) |"
        yield "|---|---|---|---|---|---|---|---|"
        for recipe in recipes:
            yield _row(recipe, family, [out / f"{recipe}_{seed}" for seed in seeds])
        yield ""


def _row(recipe: str, family: str, runs: Sequence[Path]) -> str:
    scores = [read_json(run / "scores.json")[family] for run in runs]
    records = [read_json(run / "run.json")["families"][family] for run in runs]
    f1 = ", ".join(f"{name} {_mean(s['F1'][name] for s in scores)}" for name in scores[0]["F1"])
    by_seed = ", ".join(f"{s['mIoU']:.3f}" for s in scores)
    prior = ", ".join("on" if record["prior"] else "off" for record in records)
    seconds = ", ".join(f"{mean(r['seconds'][part] for r in records):.0f}" for part in ("training", "maps"))
    megapixels = records[0]["settings"]["learning"]["megapixels"]
    scored = _mean(s["mIoU"] for s in scores), _mean(s["OA"] for s in scores)
    cells: list[Any] = [
        recipe, megapixels, by_seed, *scored, f1, prior, seconds
    ]  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def _mean(values: Iterator[float]) -> str:
    return f"{mean(values):.3f}"


if __name__ == "__main__":
    raise SystemExit(main())
