"""Estimators for any probability design: means and ratios of indicators, weighted by how the points were drawn."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from l2h.accuracy.estimates import Z95, Design, Estimate, undefined, wilson
from l2h.core.errors import InputError

Values = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Drawn:
    """How the points of a sample were drawn.

    design  : its kind
    stratum : int64 [n], number of each point's stratum (of its block of the first stage, where the design has two)
    sizes   : float64 [H], area of each stratum, in any unit; of a two-stage design it has no meaning and is empty
    units   : float64 [H], pixels of each stratum, for the finite-population term; empty where it is left out

    InputError where a stratum with area has fewer than two points: then its variance cannot be known. One whose every
    pixel is in the sample has none, however few they are.
    """

    design: Design
    stratum: Index
    sizes: Values
    units: Values

    def __post_init__(self) -> None:
        if self.design == "two_stage":
            self._check("blocks", 2, np.array([len(np.unique(self.stratum))]))
        elif self.design == "stratified":
            whole = self.counts >= self.units if self.units.size else np.zeros(len(self.sizes), bool)
            self._check("points in every stratum that has area", 2, self.counts[(self.sizes > 0) & ~whole])

    def _check(self, what: str, least: int, counts: Index) -> None:
        if counts.size and counts.min() < least:
            raise InputError(
                "a sample is too small for its design: the standard error cannot be known",
                expected=f"at least {least} {what}",
                got=str(int(counts.min())),
                hint="Draw more points there, or merge small strata before drawing.",
            )

    @property
    def n(self) -> int:
        return len(self.stratum)

    @cached_property
    def counts(self) -> Index:
        """Points of each stratum, int64 [H]."""
        return np.bincount(self.stratum, minlength=len(self.sizes)).astype("int64")

    @cached_property
    def shares(self) -> Values:
        """W_h, share of each stratum in the population's area, float64 [H]."""
        return np.asarray(self.sizes / self.sizes.sum())

    @cached_property
    def weights(self) -> Values:
        """Share of the population that each point stands for, float64 [n], sum 1: W_h / n_h, or 1 / n."""
        if self.design != "stratified":
            return np.full(self.n, 1 / max(1, self.n))
        return np.asarray(self.shares[self.stratum] / self.counts[self.stratum])

    def total(self, values: Values) -> float:
        """Σ w_u y_u: the population's mean of y (Stehman 2014, eq. 2 with inclusion probabilities n_h / N_h)."""
        return float(self.weights @ values)

    def variance(self, values: Values) -> float:
        """Variance of `total(values)`.

        Simple random: s² / n. Stratified: Σ W_h² (1 - n_h / N_h) s_h² / n_h (Stehman 2014, eq. 25). Two-stage, blocks
        drawn with replacement and with chances by area: the variance between the totals of the blocks,
        c / (c - 1) Σ (t_i - t̄)², t_i = Σ w_u y_u in block i (Hansen and Hurwitz 1943; Cochran 1977, eq. 11.33);
        what the second stage adds is in it.
        """
        if self.design == "two_stage":
            totals = np.bincount(self.stratum, self.weights * values)
            c = len(totals)
            return c / (c - 1) * float(((totals - totals.mean()) ** 2).sum())
        if self.design != "stratified":
            return float(values.var(ddof=1)) / self.n if self.n > 1 else math.nan
        n, first = np.maximum(self.counts, 1), np.bincount(self.stratum, values, len(self.sizes))
        around = values - (first / n)[self.stratum]
        spread = np.bincount(self.stratum, around**2, len(self.sizes)) / np.maximum(n - 1, 1)
        left = 1 - self.counts / self.units if self.units.size else np.ones(len(n))
        return float((self.shares**2 * np.maximum(left, 0) * spread / n).sum())

    @cached_property
    def z(self) -> float:
        """97.5 % point; of two stages, that of Student's distribution with blocks - 1 degrees of freedom."""
        if self.design != "two_stage":
            return Z95
        from scipy.stats import t

        return float(t.ppf(0.975, len(np.unique(self.stratum)) - 1))


def ratio(drawn: Drawn, y: Values, x: Values, least: int = 0) -> Estimate:
    """R = Σ w y / Σ w x, with y between 0 and x: every accuracy, and every accuracy within a part of the country.

    Its variance is that of the mean of e = (y - R x) / X̂ (Stehman 2014, eqs 27 and 28; Cochran 1977, eq. 6.13).
    The interval is Wilson's with the effective number of points R (1 - R) / var, which stays within 0 and 1 and keeps a
    width where R is 0 or 1 (then the number of points with x > 0 counts).

    y, x  : float64 [n]
    least : a share of fewer points than this with x > 0 is not told
    """
    n, whole = int((x > 0).sum()), drawn.total(x)
    if n == 0 or n < least or whole <= 0:
        return undefined(drawn.design, n)
    value = min(1.0, drawn.total(y) / whole)
    if drawn.design == "none":
        return Estimate(value, None, "none", n)
    variance = drawn.variance((y - value * x) / whole)
    if math.isnan(variance):
        return Estimate(value, None, drawn.design, n)
    return Estimate(value, math.sqrt(variance), drawn.design, n, *_interval(value, variance, n, drawn.z))


def mean(drawn: Drawn, y: Values, least: int = 0) -> Estimate:
    """Share of the area where y is 1, y float64 [n] of 0 and 1: overall accuracy, the proportion of a class or cell."""
    return ratio(drawn, y, np.ones(drawn.n), least)


def ratio_difference(
    drawn: Drawn, first: tuple[Values, Values], second: tuple[Values, Values], least: int = 0
) -> Estimate:
    """R_1 - R_2 of two ratios on the same points, each as (y, x): two maps' accuracies, of any kind, in any part.

    Its variance is that of the mean of e_1 - e_2, e_i = (y_i - R_i x_i) / X̂_i: what the two have in common takes itself
    out, so that far fewer points tell two maps apart than two samples would. n: points with x_1 or x_2 above 0.
    """
    whole = [drawn.total(x) for _, x in (first, second)]
    n = int(((first[1] > 0) | (second[1] > 0)).sum())
    fewest = min(int((x > 0).sum()) for _, x in (first, second))
    if fewest == 0 or fewest < least or min(whole) <= 0:
        return undefined(drawn.design, n)
    values = [drawn.total(y) / all_ for (y, _), all_ in zip((first, second), whole, strict=True)]
    errors = [(y - r * x) / all_ for (y, x), r, all_ in zip((first, second), values, whole, strict=True)]
    return smooth(drawn, values[0] - values[1], errors[0] - errors[1], n)


def smooth(drawn: Drawn, value: float, influence: Values, n: int) -> Estimate:
    """A smooth function of means, from its derivative at each point (delta method); within -1 and 1."""
    if drawn.design == "none":
        return Estimate(value, None, "none", n)
    variance = drawn.variance(influence)
    if math.isnan(variance):
        return Estimate(value, None, drawn.design, n)
    error = math.sqrt(variance)
    low, high = max(-1.0, value - drawn.z * error), min(1.0, value + drawn.z * error)
    return Estimate(value, error, drawn.design, n, low, high)


def _interval(value: float, variance: float, n: int, z: float) -> tuple[float, float]:
    spread = value * (1 - value)
    if variance <= 0 or spread <= 1e-12:  # all points alike: what so few points could have missed
        return wilson(value, n)
    return wilson(value, spread / variance, z)


@dataclass(frozen=True)
class PairedTest:
    """Two maps on the same points: difference of overall accuracy, and McNemar's test with the design's weights.

    only_first, only_second : shares of the area where one map alone is right
    chi2, p : (difference / standard error)², against χ² with one degree of freedom
    """

    difference: Estimate
    only_first: float
    only_second: float
    chi2: float | None
    p: float | None


def paired(drawn: Drawn, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> PairedTest:
    """Compare two maps judged on the same points of any design; first, second: bool [n], whether each is right.

    d_u = first - second is averaged with the design's weights and variance. For a simple random sample this is
    McNemar's test (1947) in Wald's form, (b - c)² / (b + c - (b - c)² / n), up to n / (n - 1).
    """
    alone = (first & ~second).astype("float64"), (second & ~first).astype("float64")
    d = alone[0] - alone[1]
    difference = smooth(drawn, drawn.total(d), d, drawn.n)
    chi2 = p = None
    if difference.standard_error and difference.value is not None:
        chi2 = (difference.value / difference.standard_error) ** 2
        p = math.erfc(math.sqrt(chi2 / 2))
    return PairedTest(difference, drawn.total(alone[0]), drawn.total(alone[1]), chi2, p)
