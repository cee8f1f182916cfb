"""Estimate: a number that carries its standard error, its design and its sample size."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Design = Literal["census", "simple_random", "systematic", "stratified", "two_stage", "none"]
Z95 = 1.959963984540054  # 97.5 % point of the normal distribution


@dataclass(frozen=True)
class Estimate:
    """What is known of a number.

    value          : None where it is undefined (nothing to divide by), never 0 in its place
    standard_error : 0 for a census; None where it cannot be estimated (one unit, or design "none": nobody knows how the
                     units were drawn)
    design         : how the units were drawn: the standard error holds for this design only
    n              : units behind the number (points, or pixels of a census)
    low, high      : 95 % confidence interval
    """

    value: float | None
    standard_error: float | None
    design: Design
    n: int
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def undefined(design: Design, n: int = 0) -> Estimate:
    """An estimate of something that does not exist here."""
    return Estimate(None, None, design, n)


def proportion(successes: int, n: int, design: Design) -> Estimate:
    """Share `successes / n` of units.

    Simple random sample: standard error sqrt(p (1 - p) / (n - 1)) (Cochran 1977, eq. 3.8 without the finite-population
    term), interval of Wilson (1927), which keeps a width where p is 0 or 1. For shares within a map class or a
    reference class, n is the number of points there, a random number itself: the estimate is conditional on it
    (post-stratified), as in Olofsson and others (2014), eq. 6.

    >>> e = proportion(9, 10, "simple_random")
    >>> round(e.value, 3), round(e.standard_error, 3), round(e.low, 3), round(e.high, 3)
    (0.9, 0.1, 0.596, 0.982)
    """
    if n == 0:
        return undefined(design)
    p = successes / n
    if design == "census":
        return Estimate(p, 0.0, design, n, p, p)
    if design == "none":
        return Estimate(p, None, design, n)
    error = math.sqrt(p * (1 - p) / (n - 1)) if n > 1 else None
    return Estimate(p, error, design, n, *wilson(p, n))


def wilson(p: float, n: float, z: float = Z95) -> tuple[float, float]:
    """95 % score interval of a binomial share p of n trials (Wilson 1927); `n` may be an effective number."""
    z2 = z * z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    low = 0.0 if p == 0 else max(0.0, middle - half)
    return low, 1.0 if p == 1 else min(1.0, middle + half)


def with_error(
    value: float, variance: float, design: Design, n: int, bounds: tuple[float, float] = (0.0, 1.0)
) -> Estimate:
    """An estimate from its variance, with the normal interval cut to the bounds the number cannot leave."""
    if design == "census":
        return Estimate(value, 0.0, design, n, value, value)
    if design == "none":
        return Estimate(value, None, design, n)
    error = math.sqrt(max(0.0, variance))
    low, high = max(bounds[0], value - Z95 * error), min(bounds[1], value + Z95 * error)
    return Estimate(value, error, design, n, low, high)


def delta_variance(counts: npt.NDArray[np.int64], gradient: npt.NDArray[np.float64]) -> float:
    """Variance of a smooth function of multinomial shares (delta method).

    var = ( Σ g² p - (Σ g p)² ) / n, with p = counts / n the cell shares and g = ∂f/∂p at p.

    counts : int64, any shape, sum n > 0; gradient : float64 of the same shape
    """
    n = int(counts.sum())
    p = counts / n
    mean = float((gradient * p).sum())
    return max(0.0, float((gradient**2 * p).sum()) - mean * mean) / n


def paired_difference(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_], design: Design) -> Estimate:
    """Difference of two maps' overall accuracies, judged on the same units.

    d = (b - c) / n with b the units only the first map has right and c those only the second has;
    var(d) = ( b + c - (b - c)² / n ) / n²   (McNemar 1947; Fleiss 1981, eq. 8.15). Much smaller than for two samples.

    first, second : bool [n], whether each map is right at each unit
    """
    n = int(first.size)
    if n == 0:
        return undefined(design)
    b, c = int((first & ~second).sum()), int((second & ~first).sum())
    return with_error((b - c) / n, (b + c - (b - c) ** 2 / n) / n**2, design, n, (-1.0, 1.0))
