"""Clean samples: points whose class somebody has looked up, beside labels that nobody has."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Window

NONE = 0  # of a layer of clean classes: nobody looked here


@dataclass(frozen=True)
class CleanPoints:
    """Points on the lattice of an area: rows, cols int64 [n]; classes uint8 [n], values of the legend, never 0."""

    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]
    classes: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.rows)

    def to_csv(self) -> str:
        """A header and a line per point."""
        columns = zip(self.rows.tolist(), self.cols.tolist(), self.classes.tolist(), strict=True)
        return "row,col,class\n" + "".join(f"{row},{col},{value}\n" for row, col, value in columns)

    @classmethod
    def from_csv(cls, text: str) -> "CleanPoints":
        """What `to_csv` wrote."""
        numbers = np.array([line.split(",") for line in text.splitlines()[1:]], np.int64).reshape(-1, 3)
        return cls(numbers[:, 0], numbers[:, 1], numbers[:, 2].astype(np.uint8))

    def on(self, window: Window) -> npt.NDArray[np.uint8]:
        """Class of each pixel of a window, uint8 [H, W], 0 where there is no point.

        >>> points = CleanPoints(np.array([5, 9]), np.array([2, 2]), np.array([4, 1], np.uint8))
        >>> points.on(Window(4, 6, 1, 4)).tolist()
        [[0, 0, 0], [0, 4, 0]]
        """
        layer = np.zeros(window.shape, np.uint8)
        here = (self.rows >= window.row_start) & (self.rows < window.row_stop)
        here &= (self.cols >= window.col_start) & (self.cols < window.col_stop)
        layer[self.rows[here] - window.row_start, self.cols[here] - window.col_start] = self.classes[here]
        return layer


@dataclass(frozen=True)
class CleanTable:
    """The points of all areas that may be learned from, as chips are drawn around them.

    places : int64 [n, 3], area, row, column; weights : float64 [n], chance of each to be drawn, sum 1
    """

    places: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, areas: Sequence[CleanPoints | None], held_out: set[tuple[int, ...]], block_px: int, class_balance: float
    ) -> "CleanTable":
        """Points outside held-out blocks (area, block row, block column), by class as cells are: ∝ n^(1 - balance)."""
        rows, classes = [np.zeros((0, 3), np.int64)], [np.zeros(0, np.uint8)]
        for number, points in enumerate(areas):
            if points is not None:
                rows.append(np.stack([np.full(len(points), number), points.rows, points.cols], axis=1))
                classes.append(points.classes)
        places, values = np.concatenate(rows), np.concatenate(classes)
        blocks = np.concatenate([places[:, :1], places[:, 1:] // block_px], axis=1).tolist()
        free = np.array([tuple(block) not in held_out for block in blocks], bool)
        places, values = places[free], values[free]
        _, of, counts = np.unique(values, return_inverse=True, return_counts=True)
        weights = counts[of].astype(float) ** -class_balance
        return cls(places, weights / weights.sum() if len(weights) else weights)

    def __len__(self) -> int:
        return len(self.places)
