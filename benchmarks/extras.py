#!/usr/bin/env python3
"""What extras are worth on generated countries, and what a network trained with them is worth without.

    python benchmarks/extras.py OUT [--seeds 0 1 2] [--km2 2] [--megapixels 16] [--set learning.threads=1 …]

A seed is another country and another network. Each country is learned twice on equal pixels, without and with its
extras (Sentinel-2 medians, elevation, latitude, month); the second network maps it with all of them, without
Sentinel-2, and without any. The map is scored on the country's pixels against the truth. OUT/<seed>/ holds the country,
OUT/<seed>.json its scores; what stands there is not run again.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from l2h.core.files import read_json, write_json
from l2h.core.legend import load_legend
from l2h.core.raster import open_raster
from l2h.pipeline import Pipeline
from l2h.toy.stage import make_toy

NAMES = {item.value: item.name for item in load_legend("sinolc1").classes}
ALL = '["s2", "elevation", "latitude", "month"]'
# name → settings of training, settings of mapping
RUNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no extras": (("learning.extras=false",), ()),
    "extras": ((), ()),
    "extras, mapped without Sentinel-2": ((), ('mapping.without_extras=["s2"]',)),
    "extras, mapped without any": ((), (f"mapping.without_extras={ALL}",)),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--km2", type=float, default=2.0)
    parser.add_argument("--megapixels", type=float, default=16.0)
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    for seed in options.seeds:
        run_country(options, seed)
    scores = [read_json(options.out / f"{seed}.json") for seed in options.seeds]
    sys.stdout.write("\n".join(table(scores, options.runs)) + "\n")
    return 0


def run_country(options: argparse.Namespace, seed: int) -> None:
    folder, path = options.out / str(seed), options.out / f"{seed}.json"
    if not (folder / "project.toml").exists():
        make_toy(folder, seed=seed, km2=options.km2, extras=True)
    scores: dict[str, Any] = read_json(path) if path.exists() else {}
    for name in options.runs:
        if name in scores:
            continue
        training, mapping = RUNS[name]
        size = (f"learning.megapixels={options.megapixels}", f"learning.seed={seed}", *options.set)
        project = Pipeline.open(folder, (*size, *training, *mapping))
        with project.context("serial", 1) as context:
            for stage in ("layers", "labels", "train", "map"):
                project.run(stage, context)
            seconds = context.ledger.get("train/network").info["seconds"]
            mapped = context.store("map").read(context.grid.window).values[0]
        scores[name] = score(mapped, folder / "truth/truth.tif") | {"training_s": seconds}
        write_json(path, scores)


def score(mapped: np.ndarray, truth: Path) -> dict[str, Any]:
    """mIoU and OA over the country's pixels, IoU by class."""
    with open_raster(truth) as data:
        real = data.read(1)
    inside = real > 0
    pairs = np.bincount(real[inside].astype(np.int64) * 256 + mapped[inside], minlength=65536).reshape(256, 256)
    union = pairs.sum(0) + pairs.sum(1) - pairs.diagonal()
    by_class = {name: float(pairs[v, v] / union[v]) for v, name in NAMES.items() if pairs[v].any()}
    return {"miou": mean(by_class.values()), "oa": float(pairs.trace() / pairs.sum()), "iou": by_class}


def table(scores: list[Mapping[str, Any]], runs: list[str]) -> list[str]:
    """Rows of a Markdown table."""
    rows = ["| Run | mIoU by seed | mIoU | OA | IoU by class |", "|---|---|---|---|---|"]
    for name in runs:
        found = [country[name] for country in scores]
        classes = {c: mean(f["iou"][c] for f in found if c in f["iou"]) for c in NAMES.values()
                   if any(c in f["iou"] for f in found)}  # fmt: skip
        by_seed = " ".join(f"{f['miou']:.3f}" for f in found)
        words = ", ".join(f"{c} {iou:.2f}" for c, iou in classes.items())
        miou, oa = (mean(f[key] for f in found) for key in ("miou", "oa"))
        rows.append(f"| {name} | {by_seed} | {miou:.3f} | {oa:.3f} | {words} |")
    return rows


if __name__ == "__main__":
    sys.exit(main())
