"""Probabilities that mean what they say: how a network's opinion is tempered before it is told as confidence.

    P_j  = Σ of p_k over the fine classes k of the coarse class j
    P'_j ∝ exp(b_j) · P_j^(1/T)                         T: `coarse`, b: `bias`
    p'_k = P'_j · p_k^(1/S) / Σ_{l of j} p_l^(1/S)      S: `split`

Temperature scaling (Guo et al. 2017, ICML) and, with b, vector scaling with one slope for all classes; of two questions
apart. The coarse one is taught by the products' posterior, a proper target: taught by means of cells, the network alone
is right about as often as it says. Traffic against building is taught by sure cores of vectors, which teach certainty.
Only the confidence is tempered; the class stays the likeliest of what came in. Where a known vector is drawn, it is
heard beside the tempered network: `witness`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.legend import BUILDING, TRAFFIC
from l2h.mapping.witness import fit_weight, hear

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
TINY = 1e-7  # a probability below it is told as it


@dataclass(frozen=True)
class Calibration:
    """Temperatures and biases, and the weight of drawn vectors.

    coarse, split : T and S above, > 0; 1 changes nothing, more is less sure
    bias          : b, one per coarse class, or none at all
    road, building : what a drawn road or building adds to the log odds of its class; 0 changes nothing
    """

    coarse: float = 1.0
    split: float = 1.0
    bias: tuple[float, ...] = ()
    road: float = 0.0
    building: float = 0.0

    def apply(self, probability: Floats, coarse_of_fine: Index, classes: int) -> Floats:
        """Tempered probabilities, float32 [K, ...], sums 1.

        probability : [K, ...], sums 1 (all 0 where there is no imagery: what comes out there says nothing)
        coarse_of_fine : [K], place of each fine class among the coarse ones; classes : their number J
        """
        whole = np.zeros((classes, *probability.shape[1:]), "float32")
        for k, j in enumerate(coarse_of_fine):
            whole[j] += probability[k]
        told = np.maximum(whole, TINY)
        told = (told / told.max(axis=0)) ** np.float32(1 / self.coarse)
        if self.bias:
            factor = np.exp(np.asarray(self.bias, "float32"))
            told *= factor.reshape(-1, *(1,) * (told.ndim - 1))
        told /= told.sum(axis=0)
        result = told[coarse_of_fine]
        for j in np.flatnonzero(np.bincount(coarse_of_fine, minlength=classes) > 1):
            members = np.flatnonzero(coarse_of_fine == j)
            shares = np.maximum(probability[members], TINY)
            # of the likelier one first: a low S would make numbers of both that no float holds
            shares = (shares / shares.max(axis=0)) ** np.float32(1 / self.split)
            result[members] *= shares / shares.sum(axis=0)
        return np.asarray(result, "float32")

    def hear(self, told: Floats, known: npt.NDArray[np.uint8], values: tuple[int, ...]) -> Floats:
        """What is told where vectors are drawn, of what `apply` gave; elsewhere the same (`witness.hear`)."""
        return hear(told, known, {TRAFFIC: self.road, BUILDING: self.building}, values)

    def to_dict(self) -> dict[str, Any]:
        numbers = {"coarse": self.coarse, "split": self.split, "bias": list(self.bias)}
        return {**numbers, "road": self.road, "building": self.building}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str, classes: int) -> "Calibration":
        """Raises InputError where the values are none of a calibration of so many coarse classes."""
        try:
            bias = tuple(float(b) for b in values["bias"])
            coarse, split, road, building = (float(values[n]) for n in ("coarse", "split", "road", "building"))
            found = cls(coarse, split, bias, road, building)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("a calibration is malformed", where=where, got=repr(error)) from error
        numbers = np.array([coarse, split, road, building, *bias])
        if not np.isfinite(numbers).all() or min(found.coarse, found.split) <= 0 or len(found.bias) not in (0, classes):
            raise InputError(
                "a calibration is malformed",
                where=where,
                expected=f"temperatures above 0, and no bias or {classes}",
                got=str(found),
            )
        return found


# Read off pictures of four families (docs/benchmarks/calibration.md). The network has learned from the very labels that
# the prior repeats: heard together they count some evidence twice. A vote of cells sharper than their mean (alpha
# of the cell loss) asks less of pixels and leaves them less sure than right: T falls with it.
ALONE, WITH_PRIOR = 1.0, 1.1  # T at alpha 1
SPLIT = 2.5
ALONE_BY_ALPHA, WITH_PRIOR_BY_ALPHA = -2 / 3, -1 / 3  # exponents of alpha


def default_calibration(
    training: Mapping[str, Any], prior: bool, witness: tuple[float, float] = (0.0, 0.0)
) -> Calibration:
    """What is told of a network where no interpreted points say better.

    training : the record in its checkpoint; where it does not tell a cell loss and its alpha, alpha is 1
    witness : weights of drawn roads and buildings
    """
    sharp = sharpness(training)
    if prior:
        return Calibration(WITH_PRIOR * sharp**WITH_PRIOR_BY_ALPHA, SPLIT, (), *witness)
    return Calibration(ALONE * sharp**ALONE_BY_ALPHA, SPLIT, (), *witness)


def sharpness(training: Mapping[str, Any]) -> float:
    """α of the cell loss that a network was trained with, from the record in its checkpoint; 1 where it tells none."""
    settings = training.get("settings")
    told = settings if isinstance(settings, Mapping) and settings.get("loss") == "cell" else {}
    alpha = told.get("alpha", 1.0)
    return float(alpha) if isinstance(alpha, int | float) and alpha >= 1 else 1.0


LEAST_POINTS = 50  # fewer do not move the temperatures reliably
LEAST_FOR_BIAS = 200
SPREAD = 0.5  # standard deviation of log T, log S and b around the default, before any point is seen


def fit_points(
    probability: Doubles, truth: npt.NDArray[np.bool_], coarse_of_fine: Index, classes: int, default: Calibration
) -> Calibration:
    """The most probable calibration at interpreted points, from a normal prior around `default`.

        - Σ_i log Σ_{k right at i} p'_k(i)  +  [ (log T/T₀)² + (log S/S₀)² + Σ b² ] / (2 SPREAD²)   is minimised

    probability : float64 [n, K]; truth : bool [n, K], classes that are right at each point (one, or two where the
    reference allows two). Below LEAST_POINTS the default comes back; biases are fitted from LEAST_FOR_BIAS on.

    Every point counts once: a design's weights would make the confidence right for the mean area at the cost of its
    spread. That holds for points drawn like the ground they speak of, and strata of classes tilt it.
    """
    if len(probability) < LEAST_POINTS:
        return default
    from scipy.optimize import minimize

    start = np.log([default.coarse, default.split])
    size = 2 + (classes if len(probability) >= LEAST_FOR_BIAS else 0)
    columns = np.ascontiguousarray(probability.T)

    def cost(x: Doubles) -> float:
        told = _of(x).apply(np.asarray(columns, "float32"), coarse_of_fine, classes).astype("float64")
        right = np.where(truth.T, told, 0).sum(axis=0)
        return float(-np.log(np.maximum(right, TINY)).sum() + ((x - first) ** 2).sum() / (2 * SPREAD**2))

    first = np.concatenate([start, np.zeros(size - 2)])
    found = minimize(cost, first, method="Powell", options={"xtol": 1e-3, "ftol": 1e-7})
    best = found.x if cost(found.x) < cost(first) else first
    return replace(_of(np.round(best, 4)), road=default.road, building=default.building)


@dataclass(frozen=True)
class Interpreted:
    """What is said at n interpreted pixels before calibration, and what is right there.

    probability : [n, K]; truth : bool [n, K]; drawn : uint8 [n], class of the vector drawn there, 0 for none
    """

    probability: npt.NDArray[np.floating[Any]]
    truth: npt.NDArray[np.bool_]
    drawn: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.drawn)

    def where(self, chosen: npt.NDArray[np.bool_] | Index) -> "Interpreted":
        return Interpreted(self.probability[chosen], self.truth[chosen], self.drawn[chosen])


def fit(heard: Interpreted, values: tuple[int, ...], index: Index, classes: int, default: Calibration) -> Calibration:
    """Temperatures and biases where nothing is drawn (`fit_points`), then the weights of vectors where they are.

    values : class of each of the K; index : its place among the `classes` coarse ones
    """
    free = heard.where(heard.drawn == 0)
    found = fit_points(free.probability.astype("float64"), free.truth, index, classes, default)
    told = found.apply(np.ascontiguousarray(heard.probability.T, "float32"), index, classes)
    weights = []
    for value, first in ((TRAFFIC, default.road), (BUILDING, default.building)):
        on, k = heard.drawn == value, values.index(value) if value in values else 0
        weights.append(fit_weight(told[k, on].astype("float64"), heard.truth[on, k], first))
    return replace(found, road=weights[0], building=weights[1])


def _of(x: Doubles) -> Calibration:
    coarse, split = np.exp(np.clip(x[:2], -2.5, 2.5)).tolist()
    return Calibration(coarse, split, tuple(x[2:].tolist()))
