#!/usr/bin/env python3
"""Accuracy against the number of clean points and drawn chips, and the table of it.

    python benchmarks/clean.py CASES OUT [--families zurich newbrunswick] [--points 0 50 …] [--chips 5 …]
                               [--seeds 0 1 2] [--set learning.threads=1 …] [--table docs/benchmarks/clean.md]

Stands in for interpreters: points are drawn at random from the labelled pixels of a family's hand-drawn references,
with the class drawn there; chips of 40 × 40 px that are at least half labelled, apart from each other, with all that is
drawn in them. Of a seed, fewer are the first of more, and no pixel within 2 px of any of its points and chips is
scored, whatever was learned from. OUT/<family>.json holds the runs done; they are not repeated.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import accuracy
import numpy as np
import numpy.typing as npt
from _cases import Case, find_families
from columns import accepted, groups_of, read_reference

from l2h.core.files import read_json, write_json, write_text
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.core.raster import open_raster
from l2h.learning.clean import CleanPoints
from l2h.learning.drawn import DrawnCells, DrawnGround

HERE = Path(__file__).parent
REACH_PX, CHIP_PX, CELL_PX = 2, 40, 10
HEAD = """# Accuracy against the number of clean points and drawn chips

Real pictures, products and OpenStreetMap simulated (see [accuracy.md](accuracy.md)). Points stand in for interpreters:
pixels drawn at random from the labelled part of the hand-drawn references, learned by a joint loss
(docs/method.md, 3.7). Chips are 40 × 40 px of the same references, at least half labelled, learned whole. Scores leave
out 2 px around every point and chip of the seed, used or not, so that all rows of a family are scored on the same
pixels. Mean of the seeds, ± their standard deviation. Made by `benchmarks/clean.py`.

| Family | Given | seeds | mIoU | OA | F1 |
|---|---|---|---|---|---|
"""
Points = dict[str, CleanPoints]


def draw_points(cases: Sequence[Case], count: int, seed: int) -> list[tuple[str, int, int, int]]:
    """(case, row, column, class) of pixels drawn evenly from all labelled ones whose class is one and sure."""
    pools = [_sure_pixels(case) for case in cases]
    sizes = np.cumsum([len(rows) for rows, _, _ in pools])
    picks = np.random.default_rng([seed, 7]).choice(int(sizes[-1]), count, replace=False)
    found = []
    for pick in picks:
        number = int(np.searchsorted(sizes, pick, side="right"))
        rows, cols, classes = pools[number]
        at = int(pick) - (int(sizes[number - 1]) if number else 0)
        found.append((cases[number].name, int(rows[at]), int(cols[at]), int(classes[at])))
    return found


def _sure_pixels(case: Case) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    reference = read_reference(case)[1]
    table = np.zeros(256, np.uint8)
    for code, values in accepted(case).items():
        table[code] = values[0] if len(values) == 1 else 0
    classes = table[reference]
    rows, cols = np.nonzero(classes)
    return rows, cols, classes[rows, cols]


def by_case(points: Sequence[tuple[str, int, int, int]]) -> Points:
    """The points of each case that has any."""
    names = sorted({name for name, *_ in points})
    columns = {name: np.array([rest for other, *rest in points if other == name], np.int64) for name in names}
    return {name: CleanPoints(c[:, 0], c[:, 1], c[:, 2].astype(np.uint8)) for name, c in columns.items()}


Corner = tuple[str, int, int]  # case, row and column of a chip's first pixel


def draw_chips(cases: Sequence[Case], count: int, seed: int) -> list[Corner]:
    """Chips on the lattice of cells, evenly over the ground, half labelled or more and none over another."""
    layers, rng, found = {case.name: _sure_layer(case) for case in cases}, np.random.default_rng([seed, 11]), []
    names, sizes = list(layers), np.array([layer.size for layer in layers.values()], float)
    while len(found) < count:
        name = names[rng.choice(len(names), p=sizes / sizes.sum())]
        row, col = (int(rng.integers((extent - CHIP_PX) // 10)) * 10 for extent in layers[name].shape)
        labelled = (layers[name][row : row + CHIP_PX, col : col + CHIP_PX] > 0).mean()
        over = any(n == name and abs(r - row) < CHIP_PX and abs(c - col) < CHIP_PX for n, r, c in found)
        if labelled >= 0.5 and not over:
            found.append((name, row, col))
    return found


def _sure_layer(case: Case) -> npt.NDArray[np.uint8]:
    layer = np.zeros(case.grid.shape, np.uint8)
    rows, cols, classes = _sure_pixels(case)
    layer[rows, cols] = classes
    return layer


@dataclass(frozen=True)
class Painting:
    """A layer of classes in memory, uint8 [H, W], read like a file."""

    grid: Grid
    layer: npt.NDArray[np.uint8]

    def read(self, window: Window) -> Patch:
        values, part = np.zeros((1, *window.shape), np.uint8), window.intersect(self.grid.window)
        values[0][part.slices_in(window)] = self.layer[part.slices_in(self.grid.window)]
        return Patch(values, np.ones(window.shape, bool), window)


def ground_of(cases: Sequence[Case], chips: Sequence[Corner]) -> dict[str, DrawnGround]:
    """What is drawn in the chips of each case that has any."""
    found = {}
    for case in cases:
        inside = chips_of(chips, case.name, case.grid.shape, 0)
        if inside.any():
            layer = np.where(inside, _sure_layer(case), 0).astype(np.uint8)
            cells = DrawnCells.gather([(case.grid.window, layer)], CELL_PX)
            found[case.name] = DrawnGround(Painting(case.grid, layer), cells)
    return found


def chips_of(chips: Sequence[Corner], name: str, shape: tuple[int, ...], reach: int) -> npt.NDArray[np.bool_]:
    """Pixels of the chips of a case, and those within reach of them."""
    inside = np.zeros(shape, bool)
    for _, row, col in (chip for chip in chips if chip[0] == name):
        inside[max(0, row - reach) : row + CHIP_PX + reach, max(0, col - reach) : col + CHIP_PX + reach] = True
    return inside


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
        "OA": float(hit.sum() / counts.sum()),
        "mIoU": float((hit / (either - hit)).mean()),
        "F1": dict(zip(names, (2 * hit / either).tolist(), strict=True)),
    }


def near_points(points: CleanPoints | None, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Pixels within REACH_PX, along rows and columns, of any point."""
    near = np.zeros(shape, bool)
    if points is not None:
        for row, col in zip(points.rows.tolist(), points.cols.tolist(), strict=True):
            near[max(0, row - REACH_PX) : row + REACH_PX + 1, max(0, col - REACH_PX) : col + REACH_PX + 1] = True
    return near


def run(
    cases: Sequence[Case], options: argparse.Namespace, work: Path, given: tuple[int, int], seed: int
) -> dict[str, Any]:
    """Train with so many points and chips, map, and score what lies away from all of the seed's."""
    drawn, chips = draw_points(cases, max(options.points), seed), draw_chips(cases, max([0, *options.chips]), seed)
    with tempfile.TemporaryDirectory(prefix="l2h-clean-") as maps:
        how = argparse.Namespace(recipe=options.recipe, seed=seed, overrides=options.overrides, out=Path(maps))
        (how.out / "confidence").mkdir()
        ground = ground_of(cases, chips[: given[1]])
        record = accuracy.run_family(cases, work / cases[0].family, how, by_case(drawn[: given[0]]), ground)
        found = score(cases, how.out, by_case(drawn), chips)
        return {"points": given[0], "chips": given[1], "seed": seed, "prior": record["prior"], **found}


def table(runs: Mapping[str, Sequence[dict[str, Any]]]) -> str:
    """One line per family and what was given."""
    lines = []
    for family, done in runs.items():
        for points, chips in sorted({(r["points"], r["chips"]) for r in done}, key=lambda given: (given[1], given[0])):
            same = [r for r in done if (r["points"], r["chips"]) == (points, chips)]
            f1 = ", ".join(f"{name} {mean(r['F1'][name] for r in same):.3f}" for name in same[0]["F1"])
            given = f"{chips} chips" if chips else f"{points} points" if points else "nothing"
            cells = [family, given, len(same), _spread([r["mIoU"] for r in same]), _spread([r["OA"] for r in same]), f1]
            lines.append("| " + " | ".join(map(str, cells)) + " |\n")
    return (
        HEAD
        + "".join(lines)
        + "\nF1 by code of the class: 1 traffic, 2 tree, 4 grass, 5 cropland, 6 building, 7 barren, 9 water.\n"
    )


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


def main() -> int:
    options = _parse()
    options.out.mkdir(parents=True, exist_ok=True)
    found = find_families(options.cases)
    for seed in options.seeds:
        for family in options.families:
            path = options.out / f"{family}.json"
            done: list[dict[str, Any]] = read_json(path) if path.exists() else []
            for given in (*((count, 0) for count in options.points), *((0, count) for count in options.chips)):
                if not any((r["points"], r["chips"], r["seed"]) == (*given, seed) for r in done):
                    done.append(run(found[family], options, options.out / "work", given, seed))
                    write_json(path, done)
                    sys.stderr.write(json.dumps(done[-1]) + "\n")
    runs = {family: read_json(options.out / f"{family}.json") for family in options.families}
    write_text(options.table, table(runs))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--families", nargs="+", default=["zurich", "newbrunswick"])
    parser.add_argument("--points", nargs="+", type=int, default=[0, 50, 100, 200, 400])
    parser.add_argument("--chips", nargs="*", type=int, default=[])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="ROOM.KEY=VALUE")
    parser.add_argument("--table", type=Path, default=HERE.parent / "docs" / "benchmarks" / "clean.md")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
