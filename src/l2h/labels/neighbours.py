"""Local class shares: a cell's neighbours tell which class to expect before its own products are heard.

The label model of a region knows one share of each class, as if cells lay in a bag. On the ground they do not: beside
water lies water. In a few rounds the region's shares give way to those around the cell:

    m_x(c)  = (1 - λ) · Σ_y w_xy q_y(c) / Σ_y w_xy  +  λ · π_c        y: cells around x with a product, x left out
    q'_x(c) ∝ m_x(c) · Π_k Θ_k(l_xk | c)^ρ

w is a Gaussian of the distance, π and Θ are the fitted model's, and the first q is the model's own. A class too rare
for the region to expect, but told by several cells side by side, is kept; a lone cell against all its neighbours needs
better evidence. As relaxation labelling (Rosenfeld, Hummel & Zucker 1976) and the spatially variant mixture
(Sanjay-Gopal & Hebert 1998, IEEE Trans. Image Process. 7, 1014-1028); Θ is not fitted again: with local shares EM
moved the products' errors into the classes (docs/log.md).

**For the map** the last round is taken a second time with m^γ in the place of m. The map multiplies these cells with a
network that has looked around itself and has learned the classes' shares; m would say both again, and as loudly.

Everything after the tables of a model is integer arithmetic: a cell has the same bytes whatever window asks for it.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d

from l2h.labels.posterior import WHOLE

Shares = npt.NDArray[np.uint8]
Scores = npt.NDArray[np.int32]
NAT = 1024  # scores are whole 1/1024 of a natural logarithm
LEVELS = 4096  # steps in which the shares around a cell are told apart
LAMBDA = 0.1  # share of the region's own class shares in what is expected of a cell
TRUNCATE = 2.5  # the Gaussian ends at this many standard deviations
UNIT = 1 << 20  # weight of the likeliest class
LEAST = 1e-9  # no probability counts as less: a code never seen of a class speaks against it, but does not forbid it


@dataclass(frozen=True)
class Evidence:
    """What the products say of the cells of a window.

    scores   : int32 [K, h, w], Σ_k ρ log Θ_k(l | c) in 1/NAT
    expected : int32 [G, K, LEVELS + 1], log m for each group, class and level of the share around a cell, in 1/NAT
    group    : int [h, w], row of `expected` that holds for a cell
    """

    scores: Scores
    expected: Scores
    group: npt.NDArray[np.intp]

    def quieter(self, exponent: float) -> "Evidence":
        """The same with m^exponent in the place of m."""
        expected = np.rint(exponent * self.expected.astype("float64")).astype("int32")
        return Evidence(self.scores, expected, self.group)


def score_table(rows: npt.NDArray[np.float64], codes: tuple[int, ...], tempering: float) -> Scores:
    """Scores of one product, int32 [K, 256]: P(code | class) [K, L] of the codes that say something; others score 0."""
    table = np.zeros((len(rows), 256), "int32")
    table[:, list(codes)] = np.rint(NAT * tempering * np.log(np.maximum(rows, LEAST)))
    return table


def expectation_table(prior: npt.NDArray[np.float64]) -> Scores:
    """log((1 - λ) m / LEVELS + λ π_c) for m = 0..LEVELS, int32 [K, LEVELS + 1], in 1/NAT."""
    level = np.arange(LEVELS + 1) / LEVELS
    expected = np.maximum((1 - LAMBDA) * level + LAMBDA * prior[:, None], LEAST)
    return np.asarray(np.rint(NAT * np.log(expected)), "int32")


def radius_cells(sigma_cells: float) -> int:
    """How many cells away a neighbour is heard in one round."""
    return int(np.ceil(TRUNCATE * sigma_cells)) if sigma_cells > 0 else 0


def reach_cells(sigma_cells: float, rounds: int) -> int:
    """How many cells around a window its result depends on."""
    return rounds * radius_cells(sigma_cells)


def relax(posterior: Shares, evidence: Evidence, sigma_cells: float, rounds: int) -> Shares:
    """Posterior after some rounds of listening to the neighbours.

    posterior : uint8 [K, h, w] that sum to 255, all 0 = no product: such cells neither speak nor get a class
    The result has the same form. It is exact inside a margin of `reach_cells`; beyond the window nothing is heard.
    """
    for _ in range(rounds if sigma_cells > 0 else 0):
        posterior = _round(posterior, evidence, sigma_cells)
    return posterior


def _round(posterior: Shares, evidence: Evidence, sigma_cells: float) -> Shares:
    some = posterior.any(axis=0)
    heard = np.maximum(_around(some.astype("int64") * WHOLE, sigma_cells), 1)
    scores = evidence.scores.copy()
    for c, own in enumerate(posterior):
        level = _around(own.astype("int64"), sigma_cells) * LEVELS // heard
        scores[c] += evidence.expected[evidence.group, c, level]
    return np.where(some, to_shares(scores), 0).astype("uint8")


def _around(values: npt.NDArray[np.int64], sigma_cells: float) -> npt.NDArray[np.int64]:
    """Σ_y w_xy v_y over the neighbours y of each cell x, x itself left out; 0 beyond the window."""
    weights = kernel(sigma_cells)
    total = values
    for axis in (0, 1):
        total = correlate1d(total, weights, axis=axis, mode="constant")
    return np.asarray(total - weights[len(weights) // 2] ** 2 * values)


@cache
def kernel(sigma_cells: float) -> npt.NDArray[np.int64]:
    """A Gaussian in whole numbers, 256 in the middle."""
    away = np.arange(-radius_cells(sigma_cells), radius_cells(sigma_cells) + 1)
    return np.asarray(np.rint(256 * np.exp(-0.5 * (away / sigma_cells) ** 2)), "int64")


def to_shares(scores: Scores) -> Shares:
    """Scores [K, ...] → uint8 probabilities that sum to 255, by largest remainder (ties: the earlier class)."""
    below = scores.max(axis=0) - scores
    weight = _weights()[np.minimum(below, len(_weights()) - 1)]
    total = weight.sum(axis=0)
    whole, rest = WHOLE * weight // total, WHOLE * weight % total
    short = WHOLE - whole.sum(axis=0)
    order = np.argsort(-rest, axis=0, kind="stable")
    rank = np.argsort(order, axis=0, kind="stable")
    return np.asarray(whole + (rank < short), "uint8")


@cache
def _weights() -> npt.NDArray[np.int64]:
    """UNIT · exp(-d / NAT) in whole numbers, until it is 0."""
    last = int(NAT * np.log(2 * UNIT)) + 2
    return np.asarray(np.rint(UNIT * np.exp(-np.arange(last + 1) / NAT)), "int64")
