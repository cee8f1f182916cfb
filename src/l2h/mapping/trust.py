"""How far the network is trusted where it looks: its cells held against what the labels say of them.

A network away from what it has learned is as sure as ever. The labels are there wherever a map is made, so they are
asked. Let v_i be the network's vote on cell i, its mean prediction p̄_i sharpened as in training (α of the cell loss),
and q_i the label's posterior. With probability τ the network knows what it says, else it says nothing (J coarse
classes):

    τ = argmax Σ_i Σ_c q_i(c) log[ τ v_i(c) + (1 - τ) / J ]  +  STRENGTH · [ USUAL log τ + (1 - USUAL) log(1 - τ) ]

by EM, over the cells of one lattice window. A network that learned from these labels gives τ near 1, since that is what
it was trained for: the labels' errors are in q and cost it little. Where ENOUGH is reached, what is missing may as well
be the labels' fault, so it is trusted whole; less is trusted in proportion. Described in docs/method.md, section 4.
"""

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Window

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Index = npt.NDArray[np.int64]

USUAL, STRENGTH = 0.95, 40.0  # what is expected before any cell is seen, and how many cells that is worth
ENOUGH = 0.8  # τ of a network that is trusted whole
SMOOTHING = 0.02  # of the labels, as in training
DOUBT_BELOW = 0.5  # less trust than this is marked in the map
ITERATIONS = 40
TINY = 1e-9


def trust(votes: Doubles, labels: Doubles) -> float:
    """min(1, τ / ENOUGH) of some cells, in whole hundredths; 1 where there is none.

    votes, labels : [J, n], v and q of n cells, sums 1 each
    """
    classes, cells = votes.shape
    if not cells:
        return 1.0
    target = (1 - SMOOTHING) * labels + SMOOTHING / classes
    tau = USUAL
    for _ in range(ITERATIONS):
        known = tau * votes
        explained = float((target * known / (known + (1 - tau) / classes)).sum())
        tau = (explained + STRENGTH * USUAL) / (cells + STRENGTH)
    return round(min(1.0, tau / ENOUGH), 2)


def cell_votes(
    probability: Floats, valid: Mask, posterior: Bytes, owner: Window, coarse_of_fine: Index, vote: tuple[float, int]
) -> tuple[Doubles, Doubles]:
    """What network and labels say of the cells of a window that both know: float64 [J, n] each, sums 1.

    probability : float32 [K, H, W] and valid [H, W] of `owner`, which may cut cells; posterior : uint8 [J, h, w], parts
    of 255, of all cells that it touches; vote : α of the cell loss, and pixels a cell
    Left out are cells without a label, and those of which less than half is seen within the window.
    """
    alpha, cell_px = vote
    seen = _cell_sums(valid[None].astype("float64"), owner, cell_px)[0]
    fine = _cell_sums(probability * valid, owner, cell_px)
    coarse = np.zeros(posterior.shape)
    np.add.at(coarse, coarse_of_fine, fine)
    counted = (seen >= cell_px**2 / 2) & (posterior.max(axis=0) > 0)
    votes = np.maximum(coarse[:, counted] / seen[counted], TINY) ** alpha
    labels = posterior[:, counted].astype("float64")
    return votes / votes.sum(axis=0), labels / labels.sum(axis=0)


def _cell_sums(values: npt.NDArray[np.floating], owner: Window, cell_px: int) -> Doubles:
    """Sums over the parts of cells inside a window, float64 [C, H, W] → [C, h, w]."""
    cells = owner.coarsen(cell_px)
    rows = np.maximum(np.arange(cells.row_start, cells.row_stop) * cell_px - owner.row_start, 0)
    cols = np.maximum(np.arange(cells.col_start, cells.col_stop) * cell_px - owner.col_start, 0)
    return np.asarray(np.add.reduceat(np.add.reduceat(values.astype("float64"), rows, axis=1), cols, axis=2))


def believed(probability: Floats, trusted: float, even: Doubles) -> Floats:
    """t p + (1 - t) · even: the network as far as it is trusted, t, float32 [K, H, W].

    even : [K], sums 1, what an opinion without knowledge is. Where the probabilities are all 0 (no imagery) it says
    nothing either way.
    """
    if trusted == 1:
        return probability
    return np.asarray(trusted * probability + ((1 - trusted) * even[:, None, None]).astype("float32"), "float32")


def without_opinion(coarse_of_fine: Index | None, classes: int) -> Doubles:
    """An even distribution [classes]: over the fine classes, or over the coarse ones and within each of them."""
    if coarse_of_fine is None:
        return np.full(classes, 1 / classes)
    counts = np.bincount(coarse_of_fine)
    return np.asarray(1 / counts[coarse_of_fine] / np.count_nonzero(counts))
