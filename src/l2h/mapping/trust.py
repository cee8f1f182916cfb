"""How far the network is trusted where it looks: its cells held against what the labels say of them.

A network away from what it has learned is as sure as ever. The labels are there wherever a map is made, so they are
asked. Let v_i be the network's vote on cell i, its mean prediction p̄_i sharpened as in training (α of the cell loss),
and q_i the label's posterior. With probability τ the network knows what it says, else it says nothing (J coarse
classes):

    τ = argmax Σ_i Σ_c q_i(c) log[ τ v_i(c) + (1 - τ) / J ]  +  STRENGTH · [ USUAL log τ + (1 - USUAL) log(1 - τ) ]

by EM, over the cells of one lattice window. A network that learned from these labels gives τ near 1, since that is what
it was trained for: the labels' errors are in q and cost it little. Where ENOUGH is reached, what is missing may as well
be the labels' fault, so it is trusted whole; less is trusted in proportion. Described in docs/method.md, section 4.

From window to window trust must not step. Both windows of an edge know SHARED px on either side of it, and from the
cells there both get the same trust e of the edge. A window has its own trust t inside, and near an edge becomes its:

    field = (t + Σ_e w_e e) / (1 + Σ_e w_e)          w_e = (1 - d/r)² · r / d   within r px of the edge

d: distance of the pixel from the edge; r: a quarter of the window. Only where two edges meet does it step, in
a corner of a few pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
EDGE_STRENGTH = 8.0  # of an edge, which has fewer cells
DOUBT_BELOW = 0.5  # less trust than this is marked in the map
ITERATIONS = 40
TINY = 1e-9
SHARED = 8  # px beyond a window that it knows of its neighbours
REACH_SHARE = 4  # an edge is heard within this part of the window


@dataclass(frozen=True)
class Edge:
    """Where a window meets a neighbour: at row `at`, or at a column.

    strip : the pixels that both know
    reach : px from the edge within which it is heard
    """

    strip: Window
    across_rows: bool
    at: int
    reach: float


def edges(owner: Window, grid: Window) -> list[Edge]:
    """The edges of a window that are not those of the grid."""
    top, bottom, left, right = owner.row_start, owner.row_stop, owner.col_start, owner.col_stop
    height, width = (side / REACH_SHARE for side in owner.shape)
    rows = [r for r in (top, bottom) if grid.row_start < r < grid.row_stop]
    cols = [c for c in (left, right) if grid.col_start < c < grid.col_stop]
    found = [Edge(Window(r - SHARED, r + SHARED, left, right).intersect(grid), True, r, height) for r in rows]
    return found + [Edge(Window(top, bottom, c - SHARED, c + SHARED).intersect(grid), False, c, width) for c in cols]


def field(inside: float, around: Sequence[tuple[Edge, float]], window: Window) -> Floats:
    """Trust of every pixel of a window, float32 [H, W]: `inside` far from the edges, theirs at them. Equation above."""
    total = np.full(window.shape, inside, "float64")
    weights = np.ones(window.shape)
    rows = np.arange(window.row_start, window.row_stop) + 0.5
    cols = np.arange(window.col_start, window.col_stop) + 0.5
    for edge, own in around:
        away = np.abs((rows if edge.across_rows else cols) - edge.at)
        weight = np.maximum(1 - away / edge.reach, 0) ** 2 * edge.reach / away
        weight = weight[:, None] if edge.across_rows else weight[None]
        total, weights = total + weight * own, weights + weight
    return np.asarray(total / weights, "float32")


def trust(votes: Doubles, labels: Doubles, strength: float = STRENGTH) -> float:
    """min(1, τ / ENOUGH) of some cells, in whole hundredths; 1 where there is none.

    votes, labels : [J, n], v and q of n cells, sums 1 each; strength : of what is expected before, in cells
    """
    classes, cells = votes.shape
    if not cells:
        return 1.0
    target = (1 - SMOOTHING) * labels + SMOOTHING / classes
    tau = USUAL
    for _ in range(ITERATIONS):
        known = tau * votes
        explained = float((target * known / (known + (1 - tau) / classes)).sum())
        tau = (explained + strength * USUAL) / (cells + strength)
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


def field_of(
    owner: Window, window: Window, grid: Window, part: Callable[[Window, float], float | None]
) -> Floats | None:
    """Trust of every pixel of `window`, what a lattice window owns and what it knows around it; None: whole everywhere.

    part : trust of the cells of a window, from what is expected with a strength; None where it has no cells
    """
    inside = part(owner, STRENGTH)
    found = ((edge, part(edge.strip, EDGE_STRENGTH)) for edge in edges(owner, grid))
    around = [(edge, told) for edge, told in found if told is not None]
    if inside is None or {inside, *(told for _, told in around)} == {1.0}:
        return None
    return field(inside, around, window)


def believed(probability: Floats, trusted: Floats | None, even: Doubles) -> Floats:
    """t p + (1 - t) · even: the network as far as it is trusted, t, float32 [K, H, W]; None: everywhere.

    even : [K], sums 1, what an opinion without knowledge is. Where the probabilities are all 0 (no imagery) it says
    nothing either way.
    """
    if trusted is None:
        return probability
    return np.asarray(trusted * probability + (1 - trusted) * even[:, None, None].astype("float32"), "float32")


def without_opinion(coarse_of_fine: Index | None, classes: int) -> Doubles:
    """An even distribution [classes]: over the fine classes, or over the coarse ones and within each of them."""
    if coarse_of_fine is None:
        return np.full(classes, 1 / classes)
    counts = np.bincount(coarse_of_fine)
    return np.asarray(1 / counts[coarse_of_fine] / np.count_nonzero(counts))
