"""Scores of a map at points of any probability design: the same table as from counts, every point by its weight."""

from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.estimates import Estimate, undefined
from l2h.accuracy.weighted import Drawn, Values, mean, ratio, smooth
from l2h.core.legend import Legend

Codes = npt.NDArray[np.uint8]


def accepted(mapped: Codes, first: Codes, second: Codes) -> Codes:
    """The reference where two classes are allowed: the map's class where it is one of the two, else the first.

    first, second : uint8 [n]; second is 0 where one class alone is right. Agreement with either is agreement
    (Stehman and Czaplewski 1998): a mixed pixel is not held against a map that names one of its parts.

    >>> accepted(*(np.array(c, "uint8") for c in ([4, 2, 9], [2, 2, 2], [4, 4, 0]))).tolist()
    [4, 2, 2]
    """
    return np.asarray(np.where((second > 0) & (mapped == second), second, first), "uint8")


def weighted_scores(
    drawn: Drawn, reference: Codes, mapped: Codes, part: npt.NDArray[np.bool_], legend: Legend, least: int = 0
) -> dict[str, Any]:
    """Everything `ConfusionMatrix.scores` gives, by the estimators of the design; undefined numbers are null.

    A part of the country is a domain: its scores are ratios over the part, with the points outside it as zeros, so that
    the random number of points inside is in the standard errors (Cochran 1977, section 5A.14; Stehman 2014).

    reference, mapped : uint8 [n], class values; mapped 0 is a hole of the map and counts as wrong
    part  : bool [n], points of the part
    least : a share of fewer points than this is not told
    Returns besides: "matrix" [K][K + 1], reference × map in shares of the part's area, and "areas", shares per class.
    """
    k, inside = len(legend), part.astype("float64")
    r = np.where(part, legend.index_of[reference], 255)
    m = np.where(part, np.minimum(legend.index_of[mapped], k), 255)
    right = ((r == m) & part).astype("float64")
    is_r = [(r == c).astype("float64") for c in range(k)]
    is_m = [(m == c).astype("float64") for c in range(k + 1)]
    hit = [is_r[c] * is_m[c] for c in range(k)]
    mapped_in = inside - is_m[k]
    counts = np.zeros((k, k + 1), "int64")
    np.add.at(counts, (r[part], m[part]), 1)
    columns = {
        "users_accuracy": [ratio(drawn, hit[c], is_m[c], least) for c in range(k)],
        "producers_accuracy": [ratio(drawn, hit[c], is_r[c], least) for c in range(k)],
        "f1": [ratio(drawn, 2 * hit[c], is_r[c] + is_m[c], least) for c in range(k)],
        "iou": [ratio(drawn, hit[c], is_r[c] + is_m[c] - hit[c], least) for c in range(k)],
        "area_share": [ratio(drawn, is_r[c], inside, least) for c in range(k)],
    }
    names = [{"value": c.value, "name": c.name} for c in legend.classes]
    return {
        "legend": legend.name,
        "values": list(legend.values),
        "counts": counts.tolist(),
        "n": int(part.sum()),
        "overall_accuracy": ratio(drawn, right, inside, least).to_dict(),
        "where_mapped": ratio(drawn, right, mapped_in, least).to_dict(),
        "mapped": ratio(drawn, mapped_in, inside).to_dict(),
        "kappa": kappa(drawn, is_r, is_m, inside).to_dict(),
        "mean_iou": _mean_iou(drawn, is_r, is_m, hit, inside).to_dict(),
        "classes": [row | {n: columns[n][i].to_dict() for n in columns} for i, row in enumerate(names)],
        "matrix": _shares(drawn, is_r, is_m, inside),
    }


def kappa(drawn: Drawn, is_r: list[Values], is_m: list[Values], inside: Values) -> Estimate:
    """Cohen's kappa in shares of area, (po - pe) / (1 - pe), with the variance of its linearisation.

    Second to overall accuracy: the agreement "by chance" it takes off is that of no map anyone would make, and what it
    adds to overall accuracy and the areas is little (Pontius and Millones 2011; Foody 2020). Users expect it.
    """
    n, whole = int(inside.sum()), drawn.total(inside)
    if n == 0 or whole <= 0:
        return undefined(drawn.design)
    k = len(is_r)
    rows = np.array([drawn.total(v) for v in is_r]) / whole
    cols = np.array([drawn.total(v) for v in is_m]) / whole
    agree = sum((is_r[c] * is_m[c] for c in range(k)), np.zeros(drawn.n))
    po, pe = drawn.total(agree) / whole, float(rows @ cols[:k])
    if pe >= 1:
        return undefined(drawn.design, n)
    chance = sum((is_r[c] * cols[c] + is_m[c] * rows[c] for c in range(k)), np.zeros(drawn.n))
    # of the shares p, which are ratios themselves: the part's own random size takes off the mean
    slope = (agree - inside * po) / (1 - pe) - (1 - po) * (chance - inside * 2 * pe) / (1 - pe) ** 2
    return smooth(drawn, (po - pe) / (1 - pe), slope / whole, n)


def _mean_iou(drawn: Drawn, is_r: list[Values], is_m: list[Values], hit: list[Values], inside: Values) -> Estimate:
    present = [c for c in range(len(is_r)) if is_r[c].any()]
    if not present:
        return undefined(drawn.design)
    unions = [is_r[c] + is_m[c] - hit[c] for c in present]
    wholes = [drawn.total(u) for u in unions]
    values = [drawn.total(hit[c]) / w for c, w in zip(present, wholes, strict=True)]
    slopes = [(hit[c] - v * u) / w for c, v, u, w in zip(present, values, unions, wholes, strict=True)]
    return smooth(drawn, float(np.mean(values)), np.asarray(np.mean(slopes, 0)), int(inside.sum()))


def _shares(drawn: Drawn, is_r: list[Values], is_m: list[Values], inside: Values) -> list[list[float]]:
    """The error matrix in shares of the part's area, reference × map and holes."""
    whole = drawn.total(inside)
    return [[drawn.total(r * m) / whole if whole else 0.0 for m in is_m] for r in is_r]


def class_shares(drawn: Drawn, reference: Codes, legend: Legend) -> list[Estimate]:
    """Share of the population's area of each reference class (Stehman 2014, eq. 14)."""
    return [mean(drawn, (reference == value).astype("float64")) for value in legend.values]
