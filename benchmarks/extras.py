#!/usr/bin/env python3
"""What extras are worth on generated countries, and what a network trained with them is worth without.

    python benchmarks/extras.py OUT [--seeds 0 1 2] [--km2 2] [--megapixels 16] [--set learning.threads=1 …]
                                [--page docs/benchmarks/extras.md]

A seed is another country and another network. Each country is learned twice on equal pixels, without and with its
extras (Sentinel-2 medians, elevation, latitude, month); the second network maps it with all of them, without
Sentinel-2, and without any. The map, and what the networks say without the prior and drawn vectors, are scored on the
country's pixels against the truth. OUT/<seed>/ holds the country, OUT/<seed>.json its scores; what stands there with
the same size, pixels and settings is not run again. The marked table of the page is written from them.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from _pages import fill
from toy import NAMES, score, truth_of

from l2h.core.files import read_json, write_json
from l2h.pipeline import Pipeline
from l2h.toy.stage import make_toy

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks" / "extras.md"
ALL = '["s2", "elevation", "latitude", "month"]'
# name → settings of training, settings of mapping
RUNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no extras": (("learning.extras=false",), ()),
    "extras": ((), ()),
    "extras, mapped without Sentinel-2": ((), ('mapping.without_extras=["s2"]',)),
    "extras, mapped without any": ((), (f"mapping.without_extras={ALL}",)),
}
# what is scored: the map as it comes, and what the network alone says
WAYS = {"map": (), "network": ('mapping.prior="off"', "mapping.draw_vectors=false")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--km2", type=float, default=2.0)
    parser.add_argument("--megapixels", type=float, default=16.0)
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="ROOM.KEY=VALUE")
    parser.add_argument("--page", type=Path, default=PAGE, help="whose marked table is written anew")
    options = parser.parse_args()
    for seed in options.seeds:
        run_country(options, seed)
    scores = [read_json(options.out / f"{seed}.json")["runs"] for seed in options.seeds]
    fill(options.page, {"extras": table(scores, options.runs)})
    return 0


def run_country(options: argparse.Namespace, seed: int) -> None:
    """Generate a country with extras, make the runs on it that are not scored yet, and note the scores."""
    folder, path = options.out / str(seed), options.out / f"{seed}.json"
    same = {"km2": options.km2, "megapixels": options.megapixels, "set": options.overrides}
    before = read_json(path) if path.exists() else {}
    record = before if same.items() <= before.items() else {**same, "runs": {}}
    if not (folder / "project.toml").exists():
        make_toy(folder, seed=seed, km2=options.km2, extras=True)
    size = (f"learning.megapixels={options.megapixels}", f"learning.seed={seed}", *options.overrides)
    for name in options.runs:
        if name not in record["runs"]:
            training, mapping = RUNS[name]
            record["runs"][name] = run(folder, (*size, *training, *mapping))
            write_json(path, record)
            sys.stderr.write(f"country {seed}: {name} {record['runs'][name]['map']['mIoU']}\n")


def run(folder: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """Train where these settings were not trained yet, map both ways; scores, and seconds of the training."""
    found: dict[str, Any] = {}
    for way, settings in WAYS.items():
        pipeline = Pipeline.open(folder, (*overrides, *settings))
        with pipeline.context("serial", 1) as context:
            for stage in ("layers", "labels", "train", "map"):
                pipeline.run(stage, context)
            window = context.grid.window
            inside = context.store("layers/regions").read(window).values[0] > 0
            truth = truth_of(folder, context.grid) * inside
            found[way] = score(context.store("map").read(window).values[0], truth)
            found["training_s"] = context.ledger.get("train/network").info["seconds"]
    return found


def table(scores: Sequence[Mapping[str, Any]], runs: Sequence[str]) -> Iterator[str]:
    """Rows of a Markdown table."""
    yield "| Run | map: mIoU by country | mIoU | OA | network alone, by country | mIoU | OA | IoU by class of the map |"
    yield "|---|---|---|---|---|---|---|---|"
    for name in runs:
        cells = [name]
        for way in WAYS:
            found = [country[name][way] for country in scores]
            cells.append(" ".join(f"{f['mIoU']:.3f}" for f in found))
            cells += [f"{mean(f[key] for f in found):.3f}" for key in ("mIoU", "OA")]
        maps = [country[name]["map"]["IoU"] for country in scores]
        values = sorted({value for ious in maps for value in ious}, key=int)
        shares = {value: mean(ious[value] for ious in maps if value in ious) for value in values}
        cells.append(", ".join(f"{NAMES[int(value)].lower()} {share:.2f}" for value, share in shares.items()))
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    raise SystemExit(main())
