"""The label model: products as independent noisy observers of the class of a cell (Dawid & Skene 1979), fitted by EM.

Symbols
    i       a combination of product codes, seen n_i times; l_ik its code of product k, or missing
    c       class of the coarse legend, c = 1..K
    π_c     share of class c among the cells
    Θ_k     confusion matrix of product k: Θ_k(l | c), rows sum to 1
    ρ       tempering of the likelihood, 0 < ρ ≤ 1

    q_i(c) ∝ π_c · Π_k Θ_k(l_ik | c)^ρ                      a missing code leaves its factor out

EM maximises the log posterior
    Σ_i n_i log Σ_c π_c Π_k Θ_k(l_ik | c)^ρ  +  Σ_k,c,l b_kcl log Θ_k(l | c)  +  Σ_c a_c log π_c
over π and Θ, with the pseudo-counts b and a of Dirichlet priors. E: q as above. M:
    π_c       ∝ a_c   +     Σ_i n_i q_i(c)
    Θ_k(l|c)  ∝ b_kcl + ρ · Σ_i n_i q_i(c) [l_ik = l]
No step lowers it.

Where we depart from Dawid & Skene (Applied Statistics 28, 20-28): the observations of a cell enter through the table of
joint counts, which is sufficient; rows of Θ are anchored, b_kcl = s · N / K · A_k(l | c), with the published matrix A
and the strength s, so that at s = 1 the anchors of all classes together weigh as much as all N cells; π is smoothed,
a_c = t · N / K; ρ discounts observers that share their errors; a missing code is missing at random (cloud, edge of a
product). The anchor of a class must not shrink with the class: scaled by its own expected cells, an absent class had
next to no anchor, took over the cells of a frequent one and kept its name (half of all labels wrong).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.labels.anchors import Anchor
from l2h.labels.joint import JointCounts

Floats = npt.NDArray[np.float64]
WHOLE = 255  # probabilities are stored as integers that sum to this


@dataclass(frozen=True)
class Fit:
    """A fitted label model.

    prior       : π, float64 [K]
    emissions   : Θ_k, one float64 [K, L_k] per product
    posterior   : q, float64 [N, K] in the order of the joint counts it was fitted to
    log_posterior : the maximised quantity after each iteration, never falling (up to rounding)
    converged   : whether the last step gained less than the tolerance
    """

    prior: Floats
    emissions: tuple[Floats, ...]
    posterior: Floats
    log_posterior: tuple[float, ...]
    converged: bool


def fit(
    joint: JointCounts,
    anchors: Sequence[Anchor],
    *,
    strength: float = 1.0,
    tempering: float = 1.0,
    smoothing: float = 0.01,
    tolerance: float = 1e-9,
    iterations: int = 2000,
) -> Fit:
    """Fit the label model to joint counts.

    joint     : combinations of codes with their number of cells; one anchor per column
    strength  : s, weight of the anchors as a multiple of the data (0: free; classes may then lose their meaning)
    tempering : ρ
    smoothing : t, weight of an even class prior as a multiple of the data
    tolerance : EM stops when the log posterior gains less than this per cell

    The result is determined by the counts alone. InputError where a code is neither in its legend nor missing.
    """
    index = code_index(joint, anchors)
    classes = len(anchors[0].rows)
    counts = joint.counts.astype("float64")
    cells = float(counts.sum())
    prior, emissions = np.full(classes, 1 / classes), tuple(anchor.rows for anchor in anchors)
    pseudo = [strength * cells / classes * anchor.rows for anchor in anchors]
    even = smoothing * cells / classes
    history: list[float] = []
    weight, converged = np.zeros((len(counts), classes)), False
    while len(history) < iterations and not converged:
        weight, evidence = _responsibility(index, prior, emissions, tempering)
        objective = float(counts @ evidence) + _log_prior(prior, emissions, pseudo, even)
        converged = bool(history) and objective - history[-1] < tolerance * max(cells, 1.0)
        history.append(objective)
        if not converged:
            prior = _normalised(counts @ weight + even, prior)
            emissions = tuple(
                _normalised(b + tempering * _expected_codes(i, counts, weight, b.shape[1]), theta)
                for i, b, theta in zip(index.T, pseudo, emissions, strict=True)
            )
    return Fit(prior, emissions, weight, tuple(history), converged)


def code_index(joint: JointCounts, anchors: Sequence[Anchor]) -> npt.NDArray[np.intp]:
    """Column of each code in its product's matrix, [N, k]: 0 missing, else 1 + column."""
    if joint.codes.shape[1] != len(anchors):
        raise InputError("counts and products differ", expected=str(len(anchors)), got=str(joint.codes.shape[1]))
    return np.stack([anchor.index_of[codes] for anchor, codes in zip(anchors, joint.codes.T, strict=True)], axis=1)


def _responsibility(
    index: npt.NDArray[np.intp], prior: Floats, emissions: Sequence[Floats], tempering: float
) -> tuple[Floats, Floats]:
    """E step: q [N, K] and log Σ_c π_c Π_k Θ_k^ρ [N]."""
    with np.errstate(divide="ignore"):  # log 0 = -inf is what an impossible class or code means
        score = np.repeat(np.log(prior)[None], len(index), axis=0)
        for column, theta in zip(index.T, emissions, strict=True):
            padded = np.concatenate([np.zeros((len(theta), 1)), np.log(theta)], axis=1)  # missing: factor 1
            score += tempering * padded[:, column].T
    top = score.max(axis=1, keepdims=True, initial=-np.inf)
    share = np.exp(score - top)
    total = share.sum(axis=1, keepdims=True)
    return share / total, (top + np.log(total))[:, 0]


def _expected_codes(column: npt.NDArray[np.intp], counts: Floats, weight: Floats, codes: int) -> Floats:
    """Σ_i n_i q_i(c) [l_i = l], float64 [K, L]; missing codes count nowhere."""
    total = np.zeros((codes + 1, weight.shape[1]))
    np.add.at(total, column, counts[:, None] * weight)
    return total[1:].T


def _normalised(counts: Floats, before: Floats) -> Floats:
    """Rows scaled to sum 1; a row without any count (no anchor, no data) stays what it was."""
    total = counts.sum(axis=-1, keepdims=True)
    return np.where(total > 0, counts / np.where(total > 0, total, 1.0), before)


def _log_prior(prior: Floats, emissions: Sequence[Floats], pseudo: Sequence[Floats], even: float) -> float:
    """Σ b log Θ + Σ a log π, with 0 · log 0 = 0."""
    terms = [_weighted_log(np.full(prior.shape, even), prior)]
    terms += [_weighted_log(b, theta) for b, theta in zip(pseudo, emissions, strict=True)]
    return float(sum(terms))


def _weighted_log(weight: Floats, value: Floats) -> float:
    used = weight > 0
    return float((weight[used] * np.log(value[used])).sum())


def to_integers(posterior: Floats) -> npt.NDArray[np.uint8]:
    """Probabilities [N, K] → uint8 [N, K] that sum to 255 exactly, by largest remainder (ties: the earlier class)."""
    scaled = posterior * WHOLE
    whole = np.floor(scaled)
    short = np.rint(WHOLE - whole.sum(axis=1)).astype(int)
    order = np.argsort(whole - scaled, axis=1, kind="stable")  # largest remainder first
    rank = np.argsort(order, axis=1, kind="stable")
    return np.asarray(whole + (rank < short[:, None]), "uint8")
