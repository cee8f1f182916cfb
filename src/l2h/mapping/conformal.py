"""Sets of classes that hold the truth as often as stated: split conformal prediction at points.

    s_i = 1 - p(true class of point i)                       nonconformity of a calibration point
    t_g = the ⌈(n_g + 1) · level⌉-th smallest s_i of group g   (no bound where there are not so many)
    set = { c : 1 - p(c) ≤ t_g(c) }  and the map's class

For a new point drawn like the calibration points, P(truth in its set) ≥ level in each group of true classes (Vovk et
al. 2005, Algorithmic Learning in a Random World; Vovk 2012, Mondrian predictors; Sadinle et al. 2019, JASA 114, least
ambiguous sets): whatever the network, and exactly, as long as p was fixed before the points were seen. So p is told by
the default calibration and not by the one that was fitted to these points; every point serves the thresholds. A class
of LEAST_OF_GROUP points or more is a group; all others are one, joined by the next rarest until it has as many. Where a
point has two classes that are right, the more probable counts.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError

Told = npt.NDArray[np.floating[Any]]
Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
LEAST_POINTS = 50  # fewer give no sets
LEAST_OF_GROUP = 30  # of a class, to have thresholds of its own


@dataclass(frozen=True)
class Group:
    """Classes with one threshold. thresholds: of each level, inf where points are too few to bound anything."""

    classes: tuple[int, ...]
    points: int
    thresholds: tuple[float, ...]


@dataclass(frozen=True)
class Sets:
    """Thresholds at `levels`, the chances with which a set holds the truth, in (0, 1)."""

    levels: tuple[float, ...]
    groups: tuple[Group, ...]

    def of(self, told: Told, mapped: Index, values: tuple[int, ...]) -> Mask:
        """Which classes are in the set of each point, bool [L, n, K].

        told : [n, K] probabilities of the classes `values`; mapped : place of the map's class among them, [n]
        """
        bound = np.zeros((len(self.levels), len(values)))
        for group in self.groups:
            bound[:, [values.index(v) for v in group.classes]] = np.array(group.thresholds)[:, None]
        inside = 1 - told[None].astype("float64") <= bound[:, None]
        inside[:, np.arange(len(mapped)), mapped] = True
        return np.asarray(inside, bool)

    def to_dict(self) -> dict[str, Any]:
        groups = [
            {
                "classes": list(group.classes),
                "points": group.points,
                "thresholds": [t if math.isfinite(t) else None for t in group.thresholds],
            }
            for group in self.groups
        ]
        return {"levels": list(self.levels), "groups": groups}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any], where: str, values: tuple[int, ...]) -> "Sets":
        """Raises InputError where the values are no thresholds, or do not tell each class of `values` once."""
        try:
            levels = tuple(float(level) for level in told["levels"])
            groups = tuple(
                Group(tuple(map(int, g["classes"])), int(g["points"]), tuple(map(_bound, g["thresholds"])))
                for g in told["groups"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("thresholds of sets are malformed", where=where, got=repr(error)) from error
        named = sorted(v for group in groups for v in group.classes)
        short = any(len(group.thresholds) != len(levels) for group in groups)
        if short or (groups and named != sorted(values)) or any(math.isnan(t) for g in groups for t in g.thresholds):
            raise InputError(
                "thresholds of sets are malformed",
                where=where,
                expected=f"classes {sorted(values)}, each in one group, and {len(levels)} numbers a group",
                got=str(groups),
            )
        return cls(levels, groups)


def _bound(threshold: float | None) -> float:
    return math.inf if threshold is None else float(threshold)


def fit_sets(told: Told, truth: Mask, values: tuple[int, ...], levels: Sequence[float]) -> Sets:
    """Thresholds from interpreted points; no groups, which means no sets, below LEAST_POINTS.

    told : [n, K], fixed before these points were looked at; truth : bool [n, K], classes that are right
    """
    if len(told) < LEAST_POINTS:
        return Sets(tuple(levels), ())
    scores, true = nonconformity(told, truth)
    groups = []
    for members in partition(np.bincount(true, minlength=len(values)), LEAST_OF_GROUP):
        own = np.sort(scores[np.isin(true, members)])
        thresholds = tuple(quantile(own, level) for level in levels)
        groups.append(Group(tuple(values[k] for k in members), len(own), thresholds))
    return Sets(tuple(levels), tuple(groups))


def nonconformity(told: Told, truth: Mask) -> tuple[Doubles, Index]:
    """1 - the probability of what is true, float64 [n], and the place of it, int64 [n]."""
    right = np.where(truth, told, -1).astype("float64")
    true = right.argmax(axis=1)
    return 1 - np.maximum(right.max(axis=1), 0), np.asarray(true, "int64")


def partition(counts: Index, least: int) -> list[list[int]]:
    """Places of classes in groups of `least` points or more, commonest first; counts : points of each class.

    >>> partition(np.array([40, 3, 90, 28, 0]), 30)
    [[2], [0], [1, 3, 4]]
    >>> partition(np.array([40, 3, 90, 0]), 30)
    [[2], [0, 1, 3]]
    """
    order = [int(k) for k in np.argsort(-counts, kind="stable")]
    own = [k for k in order if counts[k] >= least]
    rest = [k for k in order if counts[k] < least]
    while own and rest and counts[rest].sum() < least:
        rest.append(own.pop())
    return [[k] for k in own] + ([sorted(rest)] if rest else [])


def quantile(scores: Doubles, level: float) -> float:
    """The ⌈(n + 1) · level⌉-th smallest of n ascending scores, inf where there is none.

    >>> quantile(np.arange(1.0, 10.0), 0.9), quantile(np.arange(1.0, 9.0), 0.9)
    (9.0, inf)
    """
    rank = math.ceil((len(scores) + 1) * level - 1e-9)
    return float(scores[rank - 1]) if rank <= len(scores) else math.inf
