"""How often sets of classes hold the truth on real pictures: bounds from some squares, judged in the others."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np
from _probabilities import Doubles, Told

from l2h.core.legend import coarse_legend
from l2h.mapping.conformal import fit_sets

SQUARE_PX = 100
POINTS = (50, 100, 200, 400)
LEVELS, SET_DRAWS = (0.9, 0.95), 10
MOST_JUDGES = 10_000  # pixels that sets are held against, drawn at random
LEAST_OF_CLASS = 100  # pixels of a class that its own coverage is told of
COARSE = len(coarse_legend())


def squares(told: Told) -> np.ndarray:
    """Every other square of the ground, bool [n]."""
    return (told.place[:, 1] // SQUARE_PX + told.place[:, 2] // SQUARE_PX) % 2 == 0


def said_of(told: Told, probability: Doubles, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities [n, K] of the chosen pixels, by the network and the prior alone and with the vectors."""
    alone = told.with_prior.apply(probability[chosen].T.astype("float32"), told.mapper.index, COARSE)
    return alone.T, told.with_prior.hear(alone, told.drawn[chosen], told.mapper.values).T


def mapped_of(told: Told, best: np.ndarray) -> np.ndarray:
    """Place of the map's class at each pixel: the one taken where nothing is drawn, or the vector's."""
    place = np.zeros(256, "int64")
    place[list(told.mapper.values)] = np.arange(len(told.mapper.values))
    return np.where(told.drawn > 0, place[told.drawn], best)


def sets_at(told: Told, probability: Doubles, best: np.ndarray, n: int) -> dict[str, Any]:
    """Sets of classes bounded at n points of every other square, held against the pixels of the others.

    All pixels count, those that vectors are drawn on with what is told there. Means of the draws; least of them.
    """
    mapper, chosen_squares = told.mapper, squares(told)
    calibrations, judges = np.flatnonzero(chosen_squares), np.flatnonzero(~chosen_squares)
    judges = np.sort(np.random.default_rng(0).permutation(judges)[:MOST_JUDGES])
    if len(calibrations) < n:
        return {}
    calibrations = np.random.default_rng(1).permutation(calibrations)[:MOST_JUDGES]  # so many are drawn from
    heard = np.concatenate([calibrations, judges])
    said = np.zeros_like(probability, "float32")
    said[heard] = said_of(told, probability, heard)[1]
    mapped = mapped_of(told, best)
    rows = []
    for draw in range(SET_DRAWS):
        chosen = np.random.default_rng(draw).choice(calibrations, n, replace=False)
        bounds = fit_sets(said[chosen], told.truth[chosen], mapper.values, LEVELS)
        inside = bounds.of(said[judges], mapped[judges], mapper.values)
        rows.append(_covered(told, inside, judges))
    return {
        f"{level:g}": {key: _summary([row[i][key] for row in rows]) for key in ("holds", "worst", "size")}
        for i, level in enumerate(LEVELS)
    } | {"map": float(told.truth[judges, mapped[judges]].mean())}


def _covered(told: Told, inside: np.ndarray, judges: np.ndarray) -> list[dict[str, float]]:
    """Of each level: share of sets that hold the truth, the same for the class where it is least, and mean size."""
    truth, found = told.truth[judges], []
    for one in inside:
        holds = (one & truth).any(axis=1)
        # classes that the reference cannot tell apart are one here, and count as one in a set
        group = told.group[truth.argmax(axis=1)]
        by_class = [holds[group == g].mean() for g in np.unique(group) if (group == g).sum() >= LEAST_OF_CLASS]
        sizes = sum((one[:, told.group == g].any(axis=1)).astype(int) for g in np.unique(told.group))
        found.append({"holds": float(holds.mean()), "worst": float(min(by_class)), "size": float(sizes.mean())})
    return found


def _summary(values: Sequence[float]) -> dict[str, float]:
    return {"mean": mean(values), "least": min(values), "most": max(values)}


def sets_table(found: Mapping[str, Sequence[dict]], points: Sequence[int]) -> Iterator[str]:
    """Rows by family, number of points and level."""
    yield "| Family | seeds | points | map right | level | hold the truth, mean (least to most) | worst class | size |"
    yield "|---|---|---|---|---|---|---|---|"
    for family, records in found.items():
        for n in (str(n) for n in points if records[0]["sets"][str(n)]):
            rows = [record["sets"][n] for record in records]
            for level in (f"{level:g}" for level in LEVELS):
                least = min(row[level]["holds"]["least"] for row in rows)
                most = max(row[level]["holds"]["most"] for row in rows)
                holds, worst, size = (mean(r[level][k]["mean"] for r in rows) for k in ("holds", "worst", "size"))
                yield (
                    f"| {family} | {len(rows)} | {n} | {mean(row['map'] for row in rows):.3f} | {level} "
                    f"| {holds:.3f} ({least:.3f} to {most:.3f}) | {worst:.3f} | {size:.2f} |"
                )
