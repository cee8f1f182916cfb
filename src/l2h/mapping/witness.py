"""A drawn vector as a witness beside the network: what is told of a pixel that a road or building is drawn on.

    odds'(v) = odds(v) · exp(w)          w = log[ r / (1 - r) ] - log[ s / (1 - s) ]

odds(v): what the network (with the prior, calibrated) says for the vector's class v; r: precision of vectors of this
kind, the share of drawn pixels that are v; s: share of the land that the network gives v. Bayes' rule: a network that
says of a drawn pixel what it says of the land at large has added nothing, and the vector's own precision is told; where
it sees a road under a road both speak, and where it sees a wood the doubt is told. The other classes keep their ratios.
As if both erred independently, though the network has learned from vectors: w is fitted where points allow.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
LEAST_DRAWN = 20  # points on vectors of one kind; fewer do not move its weight
SPREAD = 1.0  # standard deviation of w around the default, before any point is seen
LEAST_SHARE, MOST_SHARE = 0.001, 0.5  # of the land that one class is taken to have
TINY = 1e-6


def weight(precision: float, share: float | None) -> float:
    """w above. `share` None where nothing was measured: then precision is told where the network is undecided.

    >>> round(weight(0.8, 0.2), 4) == round(2 * np.log(4), 4)
    True
    """
    own = np.log(precision / (1 - precision))
    if share is None:
        return float(own)
    s = min(MOST_SHARE, max(LEAST_SHARE, share))
    return float(own - np.log(s / (1 - s)))


def hear(told: Floats, known: npt.NDArray[np.uint8], weights: Mapping[int, float], values: tuple[int, ...]) -> Floats:
    """What is told once the vectors have spoken, float32 [K, ...], sums as before.

    told : [K, ...], sums 1 (or 0); known : uint8 [...], class of the drawn vector, 0 for none; weights : w by class
    values : class of each of the K
    """
    result = told.copy()
    for value, w in weights.items():
        if w and value in values:
            k, on = values.index(value), known == value
            here = told[:, on]
            here[k] *= np.float32(np.exp(w))
            result[:, on] = here / np.maximum(here.sum(axis=0), np.float32(TINY))
    return result


def fit_weight(said: Doubles, right: npt.NDArray[np.bool_], default: float) -> float:
    """The most probable w at interpreted points on vectors of one kind, from a normal prior around `default`.

        - Σ log p'(what is true)  +  (w - w₀)² / (2 SPREAD²)   is minimised,   odds(p') = odds(p) · exp(w)

    said : float64 [n], calibrated probability of the vector's class before the vector speaks
    right : bool [n], whether the vector is. Below LEAST_DRAWN points the default comes back.
    """
    if len(said) < LEAST_DRAWN:
        return default
    from scipy.optimize import minimize_scalar

    p = np.clip(said, TINY, 1 - TINY)
    logit, sign = np.log(p / (1 - p)), np.where(right, -1.0, 1.0)

    def cost(w: float) -> float:
        return float(np.logaddexp(0, sign * (logit + w)).sum() + (w - default) ** 2 / (2 * SPREAD**2))

    found = minimize_scalar(cost, bounds=(default - 8, default + 8), method="bounded", options={"xatol": 1e-5})
    return round(float(found.x), 4)
