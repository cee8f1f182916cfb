"""Fusion: product codes of one or several areas → class probabilities and reliability per cell, on arrays alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.legend import coarse_legend
from l2h.labels.anchors import load_anchor
from l2h.labels.cells import cell_mode, reliability
from l2h.labels.joint import JointCounts, add_joint, count_joint, pack
from l2h.labels.neighbours import Evidence, Scores, expectation_table, reach_cells, relax, score_table
from l2h.labels.posterior import WHOLE, Fit, code_index, fit, to_integers
from l2h.labels.settings import LabelSettings

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Table:
    """Combination of codes → probabilities: what remains of a fitted model when cells are labelled.

    keys : int64 [N], ascending, as `joint.pack` makes them
    posterior : uint8 [N, K], every row sums to 255
    """

    keys: npt.NDArray[np.int64]
    posterior: npt.NDArray[np.uint8]

    def look_up(self, codes: Codes) -> npt.NDArray[np.uint8]:
        """Codes [k, h, w] → probabilities uint8 [K, h, w]; all 0 where no product has a code or none was counted."""
        keys = pack(codes)
        found = np.minimum(np.searchsorted(self.keys, keys), max(len(self.keys) - 1, 0))
        if not len(self.keys):
            return np.zeros((self.posterior.shape[1], *keys.shape), "uint8")
        known = self.keys[found] == keys
        return np.where(known, np.moveaxis(self.posterior[found], -1, 0), 0).astype("uint8")


@dataclass(frozen=True)
class CellModel:
    """A fitted model in the form in which cells are labelled with it.

    table    : posterior of each combination of codes, by the shares of the whole region
    scores   : per product, int32 [K, 256] (`neighbours.score_table`)
    expected : int32 [K, levels] (`neighbours.expectation_table`)
    """

    table: Table
    scores: tuple[Scores, ...]
    expected: Scores

    @classmethod
    def of(
        cls,
        table: Table,
        prior: npt.NDArray[np.float64],
        confusion: Sequence[tuple[tuple[int, ...], npt.NDArray[np.float64]]],
        tempering: float,
    ) -> "CellModel":
        """From π [K] and, per product, its codes and P(code | class) [K, L]."""
        scores = tuple(score_table(rows, codes, tempering) for codes, rows in confusion)
        return cls(table, scores, expectation_table(prior))


@dataclass(frozen=True)
class Cells:
    """What is said of cells, uint8 [K, h, w] each, that sum to 255; all 0 where nothing is known.

    label : probabilities of the classes, neighbours heard in full
    prior : what a network that sees around itself is multiplied with: neighbours heard as far as the settings say
    """

    label: npt.NDArray[np.uint8]
    prior: npt.NDArray[np.uint8]


def label_cells(
    codes: Codes, group: npt.NDArray[np.intp], models: Sequence[CellModel], settings: LabelSettings
) -> Cells:
    """Probabilities of the cells of a window. Where no neighbour is heard (no rounds) label and prior are the same.

    codes : [k, h, w], with a margin of `margin_cells` that is cut off by the caller
    group : [h, w], which of the models holds for a cell; -1 = none
    """
    posterior = np.zeros((len(models[0].expected), *group.shape), "uint8")
    scores = np.zeros(posterior.shape, "int32")
    for number, model in enumerate(models):
        own = group == number
        posterior[:, own] = model.table.look_up(codes[:, own])
        scores[:, own] = sum(table[:, layer[own]] for table, layer in zip(model.scores, codes, strict=True))
    evidence = Evidence(scores, np.stack([model.expected for model in models]), np.maximum(group, 0))
    sigma, rounds = settings.neighbour_cells, settings.neighbour_rounds
    before, last = relax(posterior, evidence, sigma, rounds - 1), min(rounds, 1)
    quieter = evidence.quieter(settings.prior_neighbours)
    return Cells(relax(before, evidence, sigma, last), relax(before, quieter, sigma, last))


def margin_cells(settings: LabelSettings) -> int:
    """Cells around a window on which its posterior and reliability depend."""
    return reach_cells(settings.neighbour_cells, settings.neighbour_rounds) + 1


def fit_joint(joint: JointCounts, legends: Sequence[str], settings: LabelSettings) -> Fit:
    """Fit the label model with the dials of the settings."""
    return fit(
        joint,
        [load_anchor(legend) for legend in legends],
        strength=settings.anchor_strength,
        tempering=settings.tempering,
        smoothing=settings.prior_smoothing,
    )


def table_of(joint: JointCounts, legends: Sequence[str], model: Fit) -> Table:
    """The table of a model over the combinations it was fitted to; all 0 where no product says anything (cloud)."""
    index = code_index(joint, [load_anchor(legend) for legend in legends])
    says = np.any(index > 0, axis=1, keepdims=True)
    return Table(joint.keys, np.where(says, to_integers(model.posterior), 0).astype("uint8"))


def expected_accuracy(joint: JointCounts, table: Table) -> float | None:
    """How often the model expects its likeliest class to be right: the mean of the largest probability over cells.

    From the combinations of codes alone: what cells hear from their neighbours makes them surer than it makes them
    right. None where no product says anything.
    """
    best = table.posterior.max(axis=1).astype("int64")
    cells = int(joint.counts[best > 0].sum())
    return int((joint.counts * best).sum()) / (WHOLE * cells) if cells else None


def cell_codes(codes: Codes, cell_px: int) -> Codes:
    """Product codes per pixel [k, H, W] → per cell [k, h, w]."""
    return np.stack([cell_mode(layer, cell_px) for layer in codes])


def fuse(
    areas: Sequence[Codes], legends: Sequence[str], settings: LabelSettings | None = None
) -> list[npt.NDArray[np.uint8]]:
    """Label cells of one region, given as one or several areas.

    areas   : product codes per cell, uint8 [k, h, w] each, 0 = nodata (see `cell_codes`)
    legends : the products' legends, in the order of the codes
    Returns one uint8 [11, h, w] per area, as in the posterior store: bands 1 to 10 the probabilities of the coarse
    classes (of 255), band 11 the reliability (0 to 100); all 0 where no product has a code.

    One model is fitted to all areas together, so areas of one call should be of one region and kind.
    """
    return [with_reliability(cells.label) for cells in _told(areas, legends, settings or LabelSettings())]


def fuse_priors(
    areas: Sequence[Codes], legends: Sequence[str], settings: LabelSettings | None = None
) -> list[npt.NDArray[np.uint8]]:
    """What the map multiplies the network with, as in the store of the prior: uint8 [10, h, w] per area of `fuse`."""
    told = _told(areas, legends, settings or LabelSettings())
    return [np.ascontiguousarray(cells.prior[:, 1:-1, 1:-1]) for cells in told]


def _told(areas: Sequence[Codes], legends: Sequence[str], settings: LabelSettings) -> list[Cells]:
    """The cells of areas with one model for all, and a margin of one cell around each."""
    joint = add_joint([count_joint(area) for area in areas], len(legends))
    model = fit_joint(joint, legends, settings)
    codes_of = [load_anchor(legend).codes for legend in legends]
    confusion = list(zip(codes_of, model.emissions, strict=True))
    cells = CellModel.of(table_of(joint, legends, model), model.prior, confusion, settings.tempering)
    around = [np.pad(area, ((0, 0), (1, 1), (1, 1))) for area in areas]
    return [label_cells(codes, np.zeros(codes.shape[1:], np.intp), [cells], settings) for codes in around]


def with_reliability(posterior: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Probabilities [K, h + 2, w + 2] with a margin of one cell → [K + 1, h, w], the reliability last."""
    return np.concatenate([posterior[:, 1:-1, 1:-1], reliability(posterior)[None]])


def class_of(posterior: npt.NDArray[np.uint8], void_below: int = 0) -> npt.NDArray[np.uint8]:
    """Posterior store [11, h, w] → sinolc1 value of the likeliest class, uint8 [h, w].

    Void (0) where no product has a code and where the reliability is under `void_below`; ties go to the earlier class.
    """
    values = np.array(coarse_legend().values, "uint8")
    shares, trust = posterior[:-1], posterior[-1]
    known = (shares.max(axis=0) > 0) & (trust >= void_below)
    return np.where(known, values[shares.argmax(axis=0)], 0).astype("uint8")
