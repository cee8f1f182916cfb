"""Estimators for points whose strata are the map's classes of known area: accuracies and error-adjusted areas."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.accuracy.estimates import Design, Estimate, proportion, undefined, with_error
from l2h.core.errors import InputError

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class StratifiedAccuracy:
    """Accuracies and areas that weigh every point by the area of its map class. Lists are per class."""

    overall_accuracy: Estimate
    users_accuracy: list[Estimate]
    producers_accuracy: list[Estimate]
    areas: list[Estimate]


def stratified_accuracy(
    counts: npt.NDArray[np.int64], map_areas: Shares, design: Design = "stratified"
) -> StratifiedAccuracy:
    """Olofsson and others (2014), eqs 1 to 11; also the post-stratified estimator of a simple random sample.

    W_i = map_areas_i / Σ map_areas, n_i points in map class i, n_ij of them of reference class j,
    p_ij = W_i n_ij / n_i. Overall accuracy O = Σ p_ii, var = Σ W_i² U_i (1 - U_i) / (n_i - 1); user's accuracy
    U_i = n_ii / n_i; producer's accuracy P_j = p_jj / p_.j, var by their eq. 7; area of class j A_j = A p_.j, its
    standard error by their eq. 10.

    counts    : int64 [K, K], reference × map (columns are strata, as in ConfusionMatrix)
    map_areas : float64 [K], area of each map class, any unit
    Raises InputError where a map class with area has fewer than two points: its variance cannot be known.
    """
    n = counts.sum(0)
    short = np.flatnonzero((map_areas > 0) & (n < 2))
    if short.size:
        raise InputError(
            "a map class has too few points for an area-weighted estimate",
            where=f"classes number {', '.join(map(str, short))}",
            expected="at least 2 points in every map class that has area",
            got=", ".join(str(int(n[i])) for i in short),
        )
    total, weights = float(map_areas.sum()), map_areas / map_areas.sum()
    within = counts / np.maximum(n, 1)  # [reference, stratum], shares inside each stratum
    spread = weights**2 / np.maximum(n - 1, 1)  # [stratum]
    shares = within * weights  # p, [reference, stratum]
    agreement = np.diagonal(shares)
    users = np.diagonal(within)
    overall = with_error(float(agreement.sum()), float((spread * users * (1 - users)).sum()), design, int(n.sum()))
    sums = shares.sum(1)
    errors = np.sqrt((spread * within * (1 - within)).sum(1))
    areas = [
        with_error(float(s * total), float((e * total) ** 2), design, int(n.sum()), (0.0, math.inf))
        for s, e in zip(sums, errors, strict=True)
    ]
    return StratifiedAccuracy(
        overall,
        [proportion(int(counts[i, i]), int(n[i]), design) for i in range(len(n))],
        [_producers(j, within, weights, spread, design, int(counts[j].sum())) for j in range(len(n))],
        areas,
    )


def _producers(j: int, within: Shares, weights: Shares, spread: Shares, design: Design, n: int) -> Estimate:
    """Their eq. 7, divided by the total area: the shares W replace the areas N."""
    total = float((within[j] * weights).sum())
    if total == 0:
        return undefined(design)
    value = float(within[j, j] * weights[j] / total)
    terms = spread * within[j] * (1 - within[j])
    others = float(terms.sum() - terms[j])
    variance = ((1 - value) ** 2 * float(terms[j]) + value**2 * others) / total**2
    return with_error(value, variance, design, n)
