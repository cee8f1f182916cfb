"""How many points, and how many of them in each stratum."""

import math

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError

Values = npt.NDArray[np.float64]
Z_POWER80 = 0.8416212335729143  # 80 % point of the normal distribution
Z95 = 1.959963984540054


def size_for_error(shares: Values, accuracies: Values, standard_error: float) -> int:
    """Points for a wanted standard error of overall accuracy, allocated in proportion to area or by Neyman.

    n = (Σ W_h S_h / S(O))², S_h = sqrt(p_h (1 - p_h))   (Cochran 1977, eq. 5.25; Olofsson and others 2014, eq. 13,
    whose second term, Σ W_h S_h² / N, vanishes for millions of pixels)

    shares, accuracies : float64 [H], W_h and the expected p_h

    >>> size_for_error(np.array([0.02, 0.015, 0.32, 0.645]), np.array([0.7, 0.6, 0.9, 0.95]), 0.01)
    641
    """
    spread = float((shares * np.sqrt(accuracies * (1 - accuracies))).sum())
    return max(2, math.ceil((spread / standard_error) ** 2 - 1e-9))


def size_for_difference(difference: float, discordant: float) -> int:
    """Points on which two maps are judged as pairs, to see a difference of overall accuracy with power 80 % at 5 %.

    n = ( z_0.975 sqrt(D) + z_0.8 sqrt(D - d²) )² / d²   (Connor 1987, for McNemar's test), D the share of the area
    where exactly one map is right, d the difference. InputError where d exceeds D, which cannot be.

    >>> size_for_difference(0.01, 0.15)
    11771
    """
    if difference > discordant:
        raise InputError(
            "two maps cannot differ more than they disagree", expected=f"difference ≤ {discordant}", got=str(difference)
        )
    d, share = difference, discordant
    return math.ceil((Z95 * math.sqrt(share) + Z_POWER80 * math.sqrt(share - d * d)) ** 2 / d**2)


def allocate(size: int, kind: str, sizes: Values, accuracies: Values, minimum: int) -> npt.NDArray[np.int64]:
    """Points of each stratum, int64 [H], summing to `size`.

    Proportional: n_h ∝ W_h. Equal: n / H. Neyman: n_h ∝ W_h S_h (Cochran 1977, eq. 5.26). Strata that come out below
    `minimum` get it, and the others share what is left by the same rule. Parts of points go to the largest remainders.
    InputError where the minimum alone needs more than `size`.

    >>> allocate(640, "proportional", np.array([2.0, 1.5, 32, 64.5]), np.full(4, 0.9), 75).tolist()
    [75, 75, 163, 327]
    """
    spread = np.sqrt(accuracies * (1 - accuracies))
    wish = {"proportional": sizes, "equal": np.ones(len(sizes)), "neyman": sizes * spread}[kind]
    least = max(2, minimum)
    if least * len(sizes) > size:
        raise InputError(
            "a sample is too small for its strata",
            expected=f"at least {least * len(sizes)} points: {least} in each of {len(sizes)} strata",
            got=str(size),
            hint="A standard error needs two points in every stratum: draw more, or merge strata.",
        )
    fixed = np.zeros(len(sizes), bool)
    while True:
        left = size - least * int(fixed.sum())
        share = np.where(fixed, least, left * wish / max(wish[~fixed].sum(), 1e-300))
        low = ~fixed & (share < least)
        if not low.any():
            break
        fixed |= low
    return _rounded(share, size)


def _rounded(share: Values, size: int) -> npt.NDArray[np.int64]:
    """Whole numbers with the sum `size`, by largest remainders; the earlier stratum wins a tie."""
    whole = np.floor(share + 1e-9).astype("int64")
    order = np.argsort(-(share - whole), kind="stable")
    whole[order[: size - int(whole.sum())]] += 1
    return whole
