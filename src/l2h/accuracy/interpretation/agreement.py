"""How far interpreters agree: kappa over all points, per class, per pair of people.

Points are the units: errors hold for points drawn at random, and treat each point alike whatever the design.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from l2h.accuracy.estimates import Estimate, proportion, undefined, with_error
from l2h.accuracy.interpretation.answers import Answer

CANNOT_TELL = 0  # stands among the class values here, as an answer of its own
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClassAgreement:
    """Agreement on one class against all others.

    answers  : how often it was given where a point has two answers or more
    specific : given one answer names the class, the share of others' answers that do
    kappa    : of the class against the rest
    """

    value: int
    answers: int
    specific: float | None
    kappa: Estimate


@dataclass(frozen=True)
class PairAgreement:
    """Agreement of two people on the points both answered."""

    first: str
    second: str
    points: int
    agree: Estimate
    kappa: Estimate
    counts: Counts  # int64 [K, K], first's answers in rows, in the order of the values


@dataclass(frozen=True)
class Agreement:
    """All of it; `values` are the classes of rows and columns, CANNOT_TELL last."""

    values: tuple[int, ...]
    points: int
    agree: Estimate
    kappa: Estimate
    classes: tuple[ClassAgreement, ...]
    pairs: tuple[PairAgreement, ...]


def agreement(points: Sequence[Sequence[Answer]], values: Sequence[int]) -> Agreement:
    """Agreement of blind answers.

    points : per point, its standing blind answers; those with fewer than two say nothing
    values : class values of the legend, in order
    """
    order = (*values, CANNOT_TELL)
    shared = [answers for answers in points if len(answers) > 1]
    counts = np.zeros((len(shared), len(order)), "int64")
    for row, answers in enumerate(shared):
        for answer in answers:
            counts[row, order.index(_code(answer))] += 1
    classes = tuple(class_agreement(counts, column, value) for column, value in enumerate(order))
    return Agreement(order, len(shared), agree_of(counts), fleiss_kappa(counts), classes, pairs_of(shared, order))


def agree_of(counts: Counts) -> Estimate:
    """Mean over points of the share of pairs of answers that are equal."""
    if len(counts) == 0:
        return undefined("simple_random")
    per_point = _pairs_equal(counts)
    n = len(per_point)
    if counts.sum(1).max() == 2:
        return proportion(int(per_point.sum()), n, "simple_random")
    variance = float(per_point.var(ddof=1)) / n if n > 1 else 0.0
    return with_error(float(per_point.mean()), variance, "simple_random", n)


def fleiss_kappa(counts: Counts) -> Estimate:
    """Agreement beyond chance of answers by whoever came (Fleiss 1971): κ = (P - Pe) / (1 - Pe), Pe = Σ q_k².

    counts : int64 [n, K], how many answers each point has in each class, at least two a point
    P is the mean share of equal pairs in a point, q_k the mean share of class k. For points with different numbers of
    answers each point weighs the same. The error is that of the linearised mean over points,
    u_i = (P_i - P) / (1 - Pe) - (1 - P) / (1 - Pe)² · 2 Σ q_k (n_ik / m_i - q_k),  var = Σ u_i² / (n (n - 1)).
    Undefined where all answers are one class, or without points.
    """
    n = len(counts)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    q = shares.mean(0) if n else np.zeros(counts.shape[1])
    pe = float((q**2).sum())
    if n == 0 or math.isclose(pe, 1.0):
        return undefined("simple_random", n)
    equal = _pairs_equal(counts)
    p = float(equal.mean())
    u = (equal - p) / (1 - pe) - (1 - p) / (1 - pe) ** 2 * 2 * ((shares - q) @ q)
    variance = float((u**2).sum()) / (n * (n - 1)) if n > 1 else 0.0
    return _kappa((p - pe) / (1 - pe), variance, n)


def cohen_kappa(counts: Counts) -> Estimate:
    """Agreement beyond chance of two people (Cohen 1960): κ = (po - pe) / (1 - pe), pe = Σ r_k c_k.

    counts : int64 [K, K]. Variance by the delta method (Fleiss, Cohen and Everitt 1969).
    """
    n = int(counts.sum())
    if n == 0:
        return undefined("simple_random")
    p = counts / n
    r, c, po = p.sum(1), p.sum(0), float(np.trace(p))
    pe = float(r @ c)
    if math.isclose(pe, 1.0):
        return undefined("simple_random", n)
    gradient = np.eye(len(p)) / (1 - pe) - (1 - po) * (c[:, None] + r[None]) / (1 - pe) ** 2
    mean = float((gradient * p).sum())
    variance = max(0.0, float((gradient**2 * p).sum()) - mean * mean) / n
    return _kappa((po - pe) / (1 - pe), variance, n)


def _kappa(value: float, variance: float, n: int) -> Estimate:
    """A kappa with its error; without one where the points do not vary: all agree, or none, which bounds nothing."""
    if variance < 1e-18:
        return Estimate(value, None, "simple_random", n)
    return with_error(value, variance, "simple_random", n, (-1.0, 1.0))


def class_agreement(counts: Counts, column: int, value: int) -> ClassAgreement:
    """Agreement on the class of one column of `counts` [n, K]."""
    named, total = counts[:, column], counts.sum(1)
    pairs, equal = float((named * (total - 1)).sum()), float((named * (named - 1)).sum())
    kappa = fleiss_kappa(np.stack([named, total - named], 1))
    return ClassAgreement(value, int(named.sum()), equal / pairs if pairs else None, kappa)


def pairs_of(points: Sequence[Sequence[Answer]], order: Sequence[int]) -> tuple[PairAgreement, ...]:
    """Each two people that share a point, by name."""
    tables: dict[tuple[str, str], Counts] = {}
    for answers in points:
        for first, second in combinations(sorted(answers, key=lambda a: a.interpreter), 2):
            names = first.interpreter, second.interpreter
            table = tables.setdefault(names, np.zeros((len(order), len(order)), "int64"))
            table[order.index(_code(first)), order.index(_code(second))] += 1
    return tuple(_pair(names, tables[names]) for names in sorted(tables))


def _pair(names: tuple[str, str], counts: Counts) -> PairAgreement:
    n = int(counts.sum())
    agree = proportion(int(np.trace(counts)), n, "simple_random")
    return PairAgreement(*names, n, agree, cohen_kappa(counts), counts)


def _pairs_equal(counts: Counts) -> npt.NDArray[np.float64]:
    """Share of pairs of answers in each point that are equal, float64 [n]."""
    total = counts.sum(1)
    return np.asarray((counts * (counts - 1)).sum(1) / (total * (total - 1)), "float64")


def _code(answer: Answer) -> int:
    return CANNOT_TELL if answer.value is None else answer.value
