#!/usr/bin/env python3
"""What calibration makes of the confidence, and what the prior's switch decides, on real pictures.

    python benchmarks/calibration.py CASES RUNS [--networks FOLDER] [--seeds 0 1 2] [--families zurich …] [--whole]
                                     [--page docs/benchmarks/calibration.md]

RUNS/<seed>/<family>/ are workspaces that `accuracy.py --work RUNS/<seed> --seed <seed>` left, or they lie in
--networks, where nothing is written; references are opened only here. Class and confidence are those of the map. Per
family and seed: expected calibration error, Brier score and log loss of the confidence before and after; the
temperatures that would have been best; what interpreted points make of it (drawn in every other square of 100 m, judged
in the others); and, with labels of fewer products than the network learned from, what the switch decides.
RUNS/<seed>/<family>.json keeps what was measured; the marked tables of the page are written from all of them.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from _calibration_tables import tables
from _cases import find_families
from _coverage import POINTS, mapped_of, said_of, sets_at, squares
from _pages import fill, parser_of, workspaces
from _probabilities import ALONE, Doubles, Told, subsets, tell

from l2h.accuracy.confidence import calibration_scores
from l2h.core.files import write_json
from l2h.core.legend import BUILDING, TRAFFIC, coarse_legend
from l2h.mapping.calibration import Calibration, fit_points

DRAWS = 5
ENOUGH = 4000  # points that the best temperatures are fitted to
PLAIN = Calibration()
COARSE = len(coarse_legend())


def main() -> int:
    page = Path(__file__).parent.parent / "docs/benchmarks/calibration.md"
    parser = parser_of(__doc__, page)
    parser.add_argument("--whole", action="store_true", help="labels of all products only; the switch is not looked at")
    options = parser.parse_args()
    found = find_families(options.cases)
    for seed, family, work in workspaces(options, found):
        out = options.runs / str(seed) / f"{family}.json"
        if not out.exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            write_json(out, measure(tell(found[family], work, list(subsets())[-1 if options.whole else 0 :])))
            sys.stderr.write(f"{family} {seed}\n")
    fill(options.page, tables(options.runs, options.seeds, sorted(found)))
    return 0


@dataclass(frozen=True)
class Heard:
    """Probabilities [n, K] at labelled pixels that no vector is drawn on, and how they are judged."""

    told: Told
    probability: Doubles
    best: np.ndarray
    free: np.ndarray

    def scores(self, calibration: Calibration, part: np.ndarray | None = None) -> dict[str, Any]:
        """Scores of the confidence, in whole per cent; classes that share a reference code count as one."""
        chosen = self.free if part is None else self.free & part
        p, best, mapper = self.probability[chosen], self.best[chosen], self.told.mapper
        told = calibration.apply(p.T.astype("float32"), mapper.index, len(mapper.coarse)).T
        same = self.told.group[best][:, None] == self.told.group
        per_cent = np.rint(100 * np.minimum(np.where(same, told, 0).sum(axis=1), 1)).astype(int)
        right = self.told.truth[chosen][np.arange(len(best)), best].astype(int)
        counts = np.zeros((101, 2), "int64")
        np.add.at(counts, (per_cent, right), 1)
        found = calibration_scores(counts) or {}
        return {name: found[name] for name in ("n", "accuracy", "mean_confidence", "ece", "brier", "log_loss", "bins")}

    def fit(self, chosen: np.ndarray, default: Calibration) -> Calibration:
        mapper = self.told.mapper
        return fit_points(
            self.probability[chosen], self.told.truth[chosen], mapper.index, len(mapper.coarse), default
        )  # fmt: skip


def heard(told: Told, products: str) -> Heard:
    """The network alone, or with the prior of a set of products."""
    return Heard(told, told.heard[products], told.best[products], told.drawn == 0)


def measure(told: Told) -> dict[str, Any]:
    """Everything of one family and seed."""
    sets = list(told.agreement)
    fused, alone = heard(told, sets[-1]), heard(told, ALONE)
    return {
        "alone": {"raw": alone.scores(PLAIN), "default": alone.scores(told.alone), "best": _best(alone)},
        "fused": {"raw": fused.scores(PLAIN), "default": fused.scores(told.with_prior), "best": _best(fused)},
        "drawn": _drawn(told, fused),
        "whole": _whole(told, fused),
        "points": {str(n): _with_points(fused, n) for n in POINTS},
        "sets": {str(n): sets_at(told, fused.probability, fused.best, n) for n in POINTS},
        "switch": {products: _switch(told, alone, products) for products in sets},
    }


def _best(found: Heard) -> dict[str, float]:
    """The temperatures that the references would have chosen."""
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(found.free))[:ENOUGH]
    mapper = found.told.mapper
    best = _temperatures(found.probability[chosen], found.told.truth[chosen], mapper.index, len(mapper.coarse))
    return {"coarse": best.coarse, "split": best.split, "ece": found.scores(best)["ece"]}


def _temperatures(p: Doubles, truth: np.ndarray, index: np.ndarray, classes: int) -> Calibration:
    """Both temperatures by maximum likelihood on a grid, no bias."""
    grid = np.exp(np.linspace(np.log(0.3), np.log(8), 34))
    one = np.asarray(p.T, "float32")

    def cost(calibration: Calibration) -> float:
        told = calibration.apply(one, index, classes)
        return float(-np.log(np.maximum(np.where(truth.T, told, 0).sum(axis=0), 1e-7)).mean())

    coarse = min(grid, key=lambda t: cost(Calibration(t, 2.0)))
    split = min(grid, key=lambda t: cost(Calibration(coarse, t)))
    return Calibration(float(min(grid, key=lambda t: cost(Calibration(t, split)))), float(split))


def _drawn(told: Told, fused: Heard) -> dict[str, Any]:
    """Pixels of known vectors by kind: how often right, and what is said of them without and with the vector."""
    values, found = told.mapper.values, {}
    for name, value in (("road", TRAFFIC), ("building", BUILDING)):
        on = told.drawn == value
        if on.any():
            k = values.index(value)
            alone = told.with_prior.apply(fused.probability[on].T.astype("float32"), told.mapper.index, COARSE)
            heard_too = told.with_prior.hear(alone, told.drawn[on], values)
            right = told.truth[on, k]
            found[name] = {"share": float(on.mean()), "network": _judge(alone[k], right)}
            found[name]["witness"] = _judge(heard_too[k], right)
    return found


def _whole(told: Told, fused: Heard) -> dict[str, Any]:
    """All pixels of the map, vectors drawn: what is said of their class without and with the vector."""
    pixels = np.arange(len(told.drawn))
    mapped = mapped_of(told, fused.best)
    same = told.group[mapped][:, None] == told.group
    said = said_of(told, fused.probability, pixels)
    pairs = zip(("network", "witness"), said, strict=True)
    return {how: _judge(np.where(same, p, 0).sum(axis=1), told.truth[pixels, mapped]) for how, p in pairs}


def _judge(said: np.ndarray, right: np.ndarray) -> dict[str, float]:
    counts = np.zeros((101, 2), "int64")
    np.add.at(counts, (np.rint(100 * np.clip(said, 0, 1)).astype(int), right.astype(int)), 1)
    scores = calibration_scores(counts) or {}
    return {key: scores[key] for key in ("n", "accuracy", "mean_confidence", "ece", "brier")}


def _with_points(fused: Heard, n: int) -> dict[str, float]:
    """Mean scores on the other squares, after calibration at n points drawn anew each time."""
    square = squares(fused.told)
    ours = np.flatnonzero(fused.free & square)
    if len(ours) < n:
        return {}
    found = []
    for draw in range(DRAWS):
        chosen = np.random.default_rng(draw).choice(ours, n, replace=False)
        found.append(fused.scores(fused.fit(chosen, fused.told.with_prior), ~square))
    base = {"raw": fused.scores(PLAIN, ~square)["ece"], "default": fused.scores(fused.told.with_prior, ~square)["ece"]}
    return base | {name: mean(f[name] for f in found) for name in ("ece", "brier", "log_loss")}


def _switch(told: Told, alone: Heard, products: str) -> dict[str, Any]:
    """Scores with and without the prior of these products, and what the two rules see and decide."""
    agreement, fused = told.agreement[products], heard(told, products)
    off, on = (_map_scores(told, found.best) for found in (alone, fused))
    return {
        "off": off,
        "on": on,
        "network": agreement.network_accuracy,
        "labels": told.expected[products],
        "posterior": agreement.posterior_accuracy,
        "agreement": agreement.agreement,
        "cells": agreement.cells,
        "decides": agreement.wants_prior(told.expected[products], told.mapper.settings.prior_margin),
        "by_gap": agreement.posterior_accuracy - agreement.agreement > 0.05,
    }


def _map_scores(told: Told, best: np.ndarray) -> list[float]:
    """Overall accuracy and mean IoU of the sampled pixels, vectors not drawn."""
    group = told.group[best]
    right = told.group[told.truth.argmax(axis=1)]
    ious = [((group == g) & (right == g)).sum() / ((group == g) | (right == g)).sum() for g in np.unique(right)]
    return [float((group == right).mean()), float(np.mean(ious))]


if __name__ == "__main__":
    raise SystemExit(main())
