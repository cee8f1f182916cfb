"""The coarse posterior as a second witness: how it is smoothed, when it is heard, how it is multiplied in.

    p'(c) ∝ p(c) · [ (1 - m) q̄(c) + m / J ]^β

q̄: the posterior of the 10 m products smoothed over cells (Gaussian of σ cells) and interpolated to pixels; β, m and σ
are settings. Products speak of built-up only; traffic and building take the same factor, so their ratio stays the
network's own. Described in docs/method.md, section 4.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from l2h.core.errors import InputError, LegendError
from l2h.core.grid import Window
from l2h.core.legend import BUILDING, TRAFFIC

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
TRUNCATE_SIGMAS = 4.0
LEAST_CELLS = 500  # of labels that have to be heard before the switch trusts their mean


def coarse_index(fine: tuple[int, ...], coarse: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """For each fine class its place among the coarse ones, int64 [K]; traffic counts as built-up.

    Raises LegendError where a fine class has no coarse one.
    """
    places = {value: i for i, value in enumerate(coarse)}
    if missing := [v for v in fine if (BUILDING if v == TRAFFIC else v) not in places]:
        raise LegendError("the coarse legend lacks classes of the network", expected=str(fine), got=f"no {missing}")
    return np.array([places[BUILDING if value == TRAFFIC else value] for value in fine])


def smoothing_radius(sigma_cells: float) -> int:
    """Cells beyond which smoothing and interpolation look at nothing."""
    return int(TRUNCATE_SIGMAS * sigma_cells + 0.5) + 1


def smooth_posterior(posterior: Bytes, sigma_cells: float) -> Floats:
    """Smoothed class distribution of cells, float32 [J, h, w], sums 1 everywhere.

    posterior : uint8 [J, h, w], parts of 255, all 0 where no product speaks. Cells that are silent do not count
    (normalised convolution, Knutsson and Westin 1993); where none speaks within reach the distribution is uniform.
    """
    amount = posterior.astype("float64").sum(axis=0)  # 255 up to rounding, 0 where silent
    share = np.divide(posterior, amount, out=np.zeros(posterior.shape), where=amount > 0)
    weight = _blur((amount > 0).astype("float64"), sigma_cells)
    heard = weight > 1e-9
    smooth = np.full(share.shape, 1 / len(share))
    for j, layer in enumerate(share):
        np.divide(_blur(layer, sigma_cells), weight, out=smooth[j], where=heard)
    return np.asarray(smooth / smooth.sum(axis=0), "float32")


def _blur(layer: npt.NDArray[np.float64], sigma: float) -> npt.NDArray[np.float64]:
    return np.asarray(gaussian_filter(layer, sigma, mode="constant", truncate=TRUNCATE_SIGMAS))


def at_pixels(cells: Floats, cell_window: Window, pixels: Window, cell_px: int) -> Floats:
    """Values of cell centres interpolated linearly to pixel centres, float32 [J, H, W].

    cells : [J, h, w] covering `cell_window` of the cell lattice, which must reach one cell beyond `pixels`.
    """
    rows, row_weight = _between(pixels.row_start, pixels.row_stop, cell_window.row_start, cell_px)
    cols, col_weight = _between(pixels.col_start, pixels.col_stop, cell_window.col_start, cell_px)
    down = cells[:, rows] * (1 - row_weight)[:, None] + cells[:, rows + 1] * row_weight[:, None]
    # `take` lays its result out row by row, an index as `down[:, :, cols]` column by column: what follows is then slow
    across = np.take(down, cols, axis=2) * (1 - col_weight) + np.take(down, cols + 1, axis=2) * col_weight
    return np.asarray(across, "float32")


def _between(start: int, stop: int, first_cell: int, cell_px: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """For each pixel the cell before its centre, and how far it lies towards the next."""
    position = (np.arange(start, stop) + 0.5) / cell_px - 0.5 - first_cell
    before = np.floor(position).astype("int64")
    return before, (position - before).astype("float32")


def fuse(probability: Floats, prior: Floats, coarse_of_fine: npt.NDArray[np.int64], beta: float, mix: float) -> Floats:
    """Multiply the network with the prior and normalise; equation above. float32 [K, H, W].

    probability : [K, H, W]; prior : [J, H, W], sums 1; coarse_of_fine : [K]. Where the probabilities are all 0 (no
    imagery) they stay 0.
    """
    factor = ((1 - mix) * prior + mix / len(prior)) ** beta
    fused = probability * factor[coarse_of_fine]
    total = fused.sum(axis=0)
    return np.asarray(np.divide(fused, total, out=np.zeros_like(fused), where=total > 0), "float32")


@dataclass(frozen=True)
class Agreement:
    """Exact counts over cells; they add.

    cells    : compared
    agreeing : the network's own class of the cell is the label's
    expected : sum of the label's probability of its own class, in parts of 255
    pixels   : of imagery looked at
    sure     : sum over them of the network's largest coarse probability, in parts of 255
    doubted  : sum over the cells of how little the network is trusted there (trust.py), in parts of 255
    """

    cells: int = 0
    agreeing: int = 0
    expected: int = 0
    pixels: int = 0
    sure: int = 0
    doubted: int = 0

    def __add__(self, other: "Agreement") -> "Agreement":
        return Agreement(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def agreement(self) -> float:
        """Share of cells on which network and label agree; 0 where there are none."""
        return self.agreeing / self.cells if self.cells else 0.0

    @property
    def posterior_accuracy(self) -> float:
        """How often the posterior of the cells expects to be right: the mean of its largest probability.

        Cells have heard their neighbours and are surer than right: this is for the record, not for the switch.
        """
        return self.expected / (255 * self.cells) if self.cells else 0.0

    @property
    def network_accuracy(self) -> float:
        """How often the network alone expects itself to be right about coarse classes; 0 where it saw nothing.

        Learned from soft labels by a proper loss, it is right about as often: docs/benchmarks/calibration.md. Away from
        what it learned from it is not, and counts as far as it is trusted.
        """
        return self.trust * self.sure / (255 * self.pixels) if self.pixels else 0.0

    @property
    def trust(self) -> float:
        """Mean trust in the network over the cells; 1 where there are none."""
        return 1 - self.doubted / (255 * self.cells) if self.cells else 1.0

    def wants_prior(self, label_accuracy: float, margin: float) -> bool:
        """The switch: the prior is heard unless the network expects itself to be better than its labels by a margin.

        Both are asked how often they are right, about the same classes, without a reference: the network here, the
        label model where it was fitted (`expected_of_labels`). On fewer than LEAST_CELLS cells the answer means little,
        and the prior, which helped far oftener than it harmed, is heard. Never without any cell.
        """
        return self.cells > 0 and (self.cells < LEAST_CELLS or self.network_accuracy - label_accuracy <= margin)


def expected_of_labels(model: Mapping[str, Any], where: str) -> float:
    """Share of cells that the label models expect to get right, from their document (labels/model.json).

    Before cells hear their neighbours, which makes them surer than it makes them right. InputError where the document
    does not tell it.
    """
    try:
        heard = [group for group in model["groups"].values() if group["expected"] is not None]
        cells = np.array([float(group["cells"]) for group in heard])
        shares = np.array([float(group["expected"]) for group in heard])
        return float(np.average(shares, weights=cells))
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise InputError(
            "the label model does not tell what it expects of itself", where=where, got=repr(error),
            hint="Labels of an earlier version: remove the file and run the stage `labels` again.",
        ) from error  # fmt: skip


def count_agreement(
    probability: Floats, valid: Mask, posterior: Bytes, coarse_of_fine: npt.NDArray[np.int64], cell_px: int
) -> Agreement:
    """Compare the network's own class of whole cells with the label's.

    probability : [K, H, W] and valid : [H, W] of a window that starts on a cell; posterior : uint8 [J, h, w] of its
    ⌈H / cell_px⌉ × ⌈W / cell_px⌉ cells. Counted are cells with a label and imagery on at least half of their pixels.
    """
    classes, rows, cols = posterior.shape
    coarse = np.zeros((classes, *valid.shape), "float32")
    for k, j in enumerate(coarse_of_fine):
        coarse[j] += probability[k]
    room = ((0, rows * cell_px - valid.shape[0]), (0, cols * cell_px - valid.shape[1]))
    seen = _cell_sums(np.pad(valid.astype("float32"), room)[None], cell_px)[0]
    own = _cell_sums(np.pad(coarse * valid, ((0, 0), *room)), cell_px).argmax(axis=0)
    counted = (posterior.max(axis=0) > 0) & (seen >= cell_px**2 / 2)
    agreeing = counted & (own == posterior.argmax(axis=0))
    expected = posterior.max(axis=0).astype("int64")[counted].sum()
    sure = np.rint(255 * coarse.max(axis=0)[valid]).sum(dtype="float64")
    return Agreement(int(counted.sum()), int(agreeing.sum()), int(expected), int(valid.sum()), int(sure))


def class_sums(probability: Floats, valid: Mask) -> npt.NDArray[np.int64]:
    """What the valid pixels of a window give each class, int64 [K], in parts of 255; such sums add to the same numbers.

    probability : [K, H, W]; valid : [H, W]
    """
    parts = np.rint(255 * probability[:, valid].astype("float64"))
    return np.asarray(parts.sum(axis=1), "int64")


def shares_of(values: tuple[int, ...], sums: npt.NDArray[np.int64]) -> dict[int, float] | None:
    """Shares of the land that a network gives traffic and building, of its `class_sums`; None where it saw nothing.

    values : class of each sum
    """
    whole = int(sums.sum())
    if not whole:
        return None
    return {v: round(int(sums[values.index(v)]) / whole, 4) for v in (TRAFFIC, BUILDING) if v in values}


def _cell_sums(values: Floats, cell_px: int) -> Floats:
    """Sums over cells: [J, h · cell_px, w · cell_px] to [J, h, w]."""
    layers, height, width = values.shape
    blocks = values.reshape(layers, height // cell_px, cell_px, width // cell_px, cell_px)
    return np.asarray(blocks.sum(axis=(2, 4)))
