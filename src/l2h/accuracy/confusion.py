"""ConfusionMatrix: exact integer counts of reference against map, and the accuracies that follow from them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.estimates import Design, Estimate, delta_variance, proportion, undefined, with_error
from l2h.core.errors import LegendError
from l2h.core.legend import Legend

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Counts of units by reference class (row) and map class (column).

    legend : classes of rows and columns, in order; K classes
    counts : int64 [K, K + 1]; the last column counts units where the map is nodata. Units without a reference class are
             not counted at all
    design : "census" for wall-to-wall counts, else how the units were drawn

    A unit where the map is nodata counts as wrong: it lowers overall and producer's accuracy, so that holes can never
    improve a score. `where_mapped` leaves those units out instead.
    """

    legend: Legend
    counts: Counts
    design: Design

    def __post_init__(self) -> None:
        k = len(self.legend)
        if self.counts.shape != (k, k + 1) or self.counts.dtype != np.int64 or (self.counts < 0).any():
            raise LegendError(
                "a confusion matrix needs counts of its legend",
                where=self.legend.name,
                expected=f"int64 [{k}, {k + 1}], none negative",
                got=f"{self.counts.dtype} {list(self.counts.shape)}",
            )

    @classmethod
    def empty(cls, legend: Legend, design: Design) -> "ConfusionMatrix":
        return cls(legend, np.zeros((len(legend), len(legend) + 1), "int64"), design)

    @classmethod
    def from_codes(
        cls, reference: npt.NDArray[np.uint8], mapped: npt.NDArray[np.uint8], legend: Legend, design: Design
    ) -> "ConfusionMatrix":
        """Count two arrays of class codes, uint8 of one shape, 0 = none; LegendError on a code outside the legend."""
        legend.check(reference, "reference")
        legend.check(mapped, "map")
        k = len(legend)
        known = reference != legend.nodata
        rows = legend.index_of[reference[known]].astype("int64")
        cols = np.minimum(legend.index_of[mapped[known]], k)
        counts = np.bincount(rows * (k + 1) + cols, minlength=k * (k + 1)).reshape(k, k + 1)
        return cls(legend, counts.astype("int64"), design)

    def __add__(self, other: "ConfusionMatrix") -> "ConfusionMatrix":
        if (self.legend, self.design) != (other.legend, other.design):
            raise LegendError(
                "confusion matrices of different legends or designs do not add",
                expected=f"{self.legend.name}, {self.design}",
                got=f"{other.legend.name}, {other.design}",
            )
        return ConfusionMatrix(self.legend, self.counts + other.counts, self.design)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConfusionMatrix):
            return NotImplemented
        same = (self.legend, self.design) == (other.legend, other.design)
        return same and np.array_equal(self.counts, other.counts)

    def merged(self, target: Legend, into: dict[int, int]) -> "ConfusionMatrix":
        """The same units in a coarser legend: `into` maps class values that change theirs."""
        place = [target.values.index(into.get(value, value)) for value in self.legend.values]
        k = len(target)
        counts = np.zeros((k, k + 1), "int64")
        np.add.at(counts, (np.array(place)[:, None], np.array([*place, k])[None]), self.counts)
        return ConfusionMatrix(target, counts, self.design)

    def where_mapped(self) -> "ConfusionMatrix":
        """The same without the units where the map is nodata."""
        counts = self.counts.copy()
        counts[:, -1] = 0
        return ConfusionMatrix(self.legend, counts, self.design)

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def right(self) -> Counts:
        """Units that map and reference put into each class alike, int64 [K]."""
        return np.diagonal(self.counts).copy()

    @property
    def reference_totals(self) -> Counts:
        """Units of each reference class, nodata of the map included, int64 [K]."""
        return np.asarray(self.counts.sum(1), "int64")

    @property
    def map_totals(self) -> Counts:
        """Units of each map class, int64 [K]."""
        return np.asarray(self.counts[:, :-1].sum(0), "int64")

    def mapped(self) -> Estimate:
        """Share of units where the map has a class."""
        return proportion(int(self.map_totals.sum()), self.n, self.design)

    def overall_accuracy(self) -> Estimate:
        """Share of units whose map class is the reference class."""
        return proportion(int(self.right.sum()), self.n, self.design)

    def users_accuracy(self) -> list[Estimate]:
        """Per class, share of units mapped so that are so: 1 - commission error."""
        return self._ratios(self.map_totals)

    def producers_accuracy(self) -> list[Estimate]:
        """Per class, share of units that are so and mapped so (recall): 1 - omission error."""
        return self._ratios(self.reference_totals)

    def iou(self) -> list[Estimate]:
        """Per class, intersection over union: right / (reference + map - right).

        Given the size of the union, the intersection is binomial, so its error is that of a proportion.
        """
        return self._ratios(self.reference_totals + self.map_totals - self.right)

    def f1(self) -> list[Estimate]:
        """Per class, harmonic mean of user's and producer's accuracy: 2 right / (reference + map).

        F1 = 2 I / (1 + I) with I the IoU; its error follows by dF1/dI = 2 / (1 + I)², its interval maps that of I.
        """
        return [_f1_of(i) for i in self.iou()]

    def kappa(self) -> Estimate:
        """Cohen's kappa: (po - pe) / (1 - pe), pe = Σ reference share × map share.

        Variance of Fleiss, Cohen and Everitt (1969), written as the delta method it is:
        ∂κ/∂p_ij = δ_ij / (1 - pe) - (1 - po)(c_i + r_j) / (1 - pe)², r and c the reference and map shares. The worked
        example of Congalton and Green (2009, ch. 5) pairs r_i + c_j instead, which is not the derivative; it comes out
        1 % larger there. Undefined where pe is 1. Given because users expect it; it says little that overall accuracy
        does not (Pontius and Millones 2011).
        """
        if self.n == 0:
            return undefined(self.design)
        square = np.vstack([self.counts, np.zeros(len(self.legend) + 1, "int64")])  # nodata never agrees
        p = square / self.n
        r, c, po = p.sum(1), p.sum(0), float(np.trace(p))
        pe = float(r @ c)
        if pe >= 1:
            return undefined(self.design, self.n)
        gradient = np.eye(len(p)) / (1 - pe) - (1 - po) * (c[:, None] + r[None]) / (1 - pe) ** 2
        value = (po - pe) / (1 - pe)
        return with_error(value, delta_variance(square, gradient), self.design, self.n, (-1.0, 1.0))

    def mean_iou(self) -> Estimate:
        """Mean IoU over the classes that occur in the reference; delta-method variance.

        ∂I_k/∂p is (U - a) / U² in the diagonal cell of k and -a / U² in the rest of its row and column,
        a its agreement, U its union (as shares).
        """
        present = np.flatnonzero(self.reference_totals)
        if present.size == 0:
            return undefined(self.design)
        a = self.right / self.n
        union = (self.reference_totals + self.map_totals) / self.n - a
        gradient = np.zeros(self.counts.shape)
        for k in present:
            gradient[k] -= a[k] / union[k] ** 2
            gradient[:, k] -= a[k] / union[k] ** 2
            gradient[k, k] += (union[k] + a[k]) / union[k] ** 2
        gradient /= present.size
        value = float((a[present] / union[present]).mean())
        return with_error(value, delta_variance(self.counts, gradient), self.design, self.n)

    def scores(self) -> dict[str, Any]:
        """Everything above as plain values for JSON; undefined numbers are null."""
        columns: dict[str, Callable[[], list[Estimate]]] = {
            "users_accuracy": self.users_accuracy,
            "producers_accuracy": self.producers_accuracy,
            "f1": self.f1,
            "iou": self.iou,
        }
        classes: list[dict[str, Any]] = [{"value": c.value, "name": c.name} for c in self.legend.classes]
        for name, estimates in columns.items():
            for row, estimate in zip(classes, estimates(), strict=True):
                row[name] = estimate.to_dict()
        return {
            "legend": self.legend.name,
            "values": list(self.legend.values),
            "counts": self.counts.tolist(),
            "n": self.n,
            "overall_accuracy": self.overall_accuracy().to_dict(),
            "where_mapped": self.where_mapped().overall_accuracy().to_dict(),
            "mapped": self.mapped().to_dict(),
            "kappa": self.kappa().to_dict(),
            "mean_iou": self.mean_iou().to_dict(),
            "classes": classes,
        }

    def _ratios(self, totals: Counts) -> list[Estimate]:
        return [proportion(int(a), int(n), self.design) for a, n in zip(self.right, totals, strict=True)]


def _f1_of(iou: Estimate) -> Estimate:
    if iou.value is None or iou.low is None or iou.high is None:
        return iou
    error = None if iou.standard_error is None else iou.standard_error * 2 / (1 + iou.value) ** 2
    f1 = [2 * i / (1 + i) for i in (iou.value, iou.low, iou.high)]
    return Estimate(f1[0], error, iou.design, iou.n, f1[1], f1[2])
