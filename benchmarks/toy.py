#!/usr/bin/env python3
"""Rank recipes on generated countries, where every pixel's truth is known and errors of products lie in patches.

    python benchmarks/toy.py OUT [--recipes default ce l2h] [--seeds 0 1 2] [--km2 2] [--megapixels 40]
                             [--set learning.threads=1 …] [--table docs/benchmarks/toy.md]

A seed is another country and another network. Each recipe trains and maps the whole country on the same inputs, seeing
the same number of pixels. OUT/<seed>/ holds the country, OUT/<seed>.json its
scores; recipes that stand there with the same size, pixels and settings are not run again. The truth is opened by the
scorer alone.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import GridError
from l2h.core.files import read_json, write_json, write_text
from l2h.core.grid import Grid
from l2h.core.legend import load_legend
from l2h.core.raster import grid_of, open_raster
from l2h.labels.votes import majority
from l2h.pipeline import Pipeline
from l2h.toy.stage import make_toy

HERE = Path(__file__).parent
NAMES = {item.value: item.name for item in load_legend("sinolc1").classes}
MAJORITY, LOST = "majority of the products", 0.01
Classes = npt.NDArray[np.uint8]
HEAD = """# Recipes on generated countries

Countries made by `l2h toy`: pictures, three products whose errors lie in patches and are shared between products in
places, an incomplete OpenStreetMap, and the truth of every pixel. A seed is another country and another network.
{km2:g} km² each, {megapixels:g} Mpx seen; the map is scored on the country's pixels against the truth, which nothing
else opens. mIoU is over the classes that occur in the truth; "lost" counts those whose IoU is below 0.01. Made by
`benchmarks/toy.py`.

| Recipe | mIoU by seed | mIoU | OA | lost | IoU by class (mean of the seeds that have it) |
|---|---|---|---|---|---|
"""


def main() -> int:
    options = _parse()
    for seed in options.seeds:
        run_country(options, seed)
    scores = {seed: read_json(options.out / f"{seed}.json")["recipes"] for seed in options.seeds}
    rows = "\n".join(table([MAJORITY, *options.recipes], scores))
    write_text(options.table, HEAD.format(km2=options.km2, megapixels=options.megapixels) + rows + "\n")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipes", nargs="+", default=["default", "ce", "l2h"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--km2", type=float, default=2.0)
    parser.add_argument("--megapixels", type=float, default=40.0)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="ROOM.KEY=VALUE")
    parser.add_argument("--table", type=Path, default=HERE.parent / "docs" / "benchmarks" / "toy.md")
    return parser.parse_args()


def run_country(options: argparse.Namespace, seed: int) -> None:
    """Generate a country, run every recipe on it that is not scored yet, and note the scores."""
    folder, path = options.out / str(seed), options.out / f"{seed}.json"
    same = {"km2": options.km2, "megapixels": options.megapixels, "set": options.overrides}
    before = read_json(path) if path.exists() else {}
    record = before if same.items() <= before.items() else {**same, "recipes": {}}
    if not (folder / "project.toml").exists():
        make_toy(folder, seed, options.km2)
    for recipe in options.recipes:
        if recipe not in record["recipes"]:
            sizes = f"learning.seed={seed}", f"learning.megapixels={options.megapixels}"
            record["recipes"] |= run_recipe(folder, recipe, (f"learning.recipe={recipe}", *sizes, *options.overrides))
            write_json(path, record)
            sys.stderr.write(f"country {seed}: {recipe} {record['recipes'][recipe]['mIoU']}\n")


def run_recipe(folder: Path, recipe: str, overrides: tuple[str, ...]) -> dict[str, Any]:
    """Train and map a country by a recipe; scores of its map and of the products' majority."""
    pipeline = Pipeline.open(folder, overrides)
    with pipeline.context("serial", 1) as context:
        for name in ("layers", "labels", "train", "map"):
            pipeline.run(name, context)
        window = context.grid.window
        inside = context.store("layers/regions").read(window).values[0] > 0
        codes = np.stack([context.store(f"layers/{p.name}").read(window).values[0] for p in pipeline.project.products])
        mapped = context.store("map").read(window).values[0]
    truth = np.where(inside, truth_of(folder, context.grid), 0)
    voted = majority(codes, [product.legend for product in pipeline.project.products])
    return {MAJORITY: score(voted, truth), recipe: score(mapped, truth)}


def truth_of(folder: Path, grid: Grid) -> Classes:
    """The true class of every pixel of the project's grid, uint8 [H, W]. GridError where the two grids differ."""
    with open_raster(folder / "truth/truth.tif") as dataset:
        if grid_of(dataset) != grid:
            raise GridError("the truth is on another grid", expected=str(grid), got=str(grid_of(dataset)))
        return np.asarray(dataset.read(1), "uint8")


def score(mapped: Classes, truth: Classes) -> dict[str, Any]:
    """Overall accuracy, mean IoU and IoU of each class of the truth, where there is truth (not 0); a void pixel of the
    map is wrong.

    >>> score(np.array([2, 2, 3, 0], np.uint8), np.array([2, 3, 3, 0], np.uint8))
    {'mIoU': 0.5, 'OA': 0.6667, 'IoU': {'2': 0.5, '3': 0.5}}
    """
    told, true = mapped[truth > 0], truth[truth > 0]
    shares = {
        str(value): float(((told == value) & (true == value)).sum() / ((told == value) | (true == value)).sum())
        for value in np.unique(true)
    }
    right = float((told == true).mean())
    return {
        "mIoU": round(mean(shares.values()), 4),
        "OA": round(right, 4),
        "IoU": {value: round(share, 4) for value, share in shares.items()},
    }


def table(recipes: Sequence[str], scores: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """A row of Markdown per recipe."""
    for recipe in recipes:
        runs = [countries[recipe] for countries in scores.values()]
        found = sorted({value for run in runs for value in run["IoU"]}, key=int)
        shares = {value: [run["IoU"][value] for run in runs if value in run["IoU"]] for value in found}
        cells = (
            recipe,
            ", ".join(f"{run['mIoU']:.3f}" for run in runs),
            f"{mean(run['mIoU'] for run in runs):.3f}",
            f"{mean(run['OA'] for run in runs):.3f}",
            str(sum(share < LOST for run in runs for share in run["IoU"].values())),
            ", ".join(f"{NAMES[int(value)].lower()} {mean(known):.2f}" for value, known in shares.items()),
        )
        yield "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    raise SystemExit(main())
