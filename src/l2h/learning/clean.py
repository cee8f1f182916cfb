"""Clean samples: points whose class somebody has looked up, and where chips around them and drawn ground lie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Window
from l2h.learning.drawn import DrawnCells

# number of the area; rows, columns, classes; pixels that each place stands for
_Found = tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8], npt.NDArray[np.float64]]


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
    """The clean ground of all areas that may be learned from, as chips are drawn around it.

    places : int64 [n, 3], area, row, column of a pixel; weights : float64 [n], chance of each to be drawn, sum 1
    """

    places: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, areas: Sequence[CleanPoints | None], held_out: set[tuple[int, ...]], block_px: int, class_balance: float
    ) -> "CleanTable":
        """Points outside held-out blocks (area, block row, block column), by class as cells are: ∝ n^(1 - balance)."""
        found = [
            (number, p.rows, p.cols, p.classes, np.ones(len(p))) for number, p in enumerate(areas) if p is not None
        ]
        return cls._drawn_from(found, held_out, block_px, class_balance)

    @classmethod
    def of_cells(
        cls,
        areas: Sequence[DrawnCells | None],
        held_out: set[tuple[int, ...]],
        block_px: int,
        class_balance: float,
        cell_px: int,
    ) -> "CleanTable":
        """Cells of drawn ground outside held-out blocks, by class ∝ n^(1 - balance) of its pixels n."""
        found = [
            (number, c.rows * cell_px, c.cols * cell_px, c.classes, c.pixels.astype(float))
            for number, c in enumerate(areas)
            if c is not None
        ]
        return cls._drawn_from(found, held_out, block_px, class_balance)

    @classmethod
    def _drawn_from(
        cls, found: Sequence[_Found], held_out: set[tuple[int, ...]], block_px: int, class_balance: float
    ) -> "CleanTable":
        places = [np.stack([np.full(len(rows), number), rows, cols], axis=1) for number, rows, cols, _, _ in found]
        at = np.concatenate([np.zeros((0, 3), np.int64), *places])
        values = np.concatenate([np.zeros(0, np.uint8), *(classes for *_, classes, _ in found)])
        pixels = np.concatenate([np.zeros(0), *(count for *_, count in found)])
        blocks = np.concatenate([at[:, :1], at[:, 1:] // block_px], axis=1).tolist()
        free = np.array([tuple(block) not in held_out for block in blocks], bool)
        at, values, pixels = at[free], values[free], pixels[free]
        _, of = np.unique(values, return_inverse=True)
        weights = pixels * np.bincount(of, weights=pixels)[of] ** -class_balance if len(at) else pixels
        return cls(at, weights / weights.sum() if len(at) else weights)

    def beside(self, other: "CleanTable") -> "CleanTable":
        """Both, each drawn from half of the times; one alone where the other is empty."""
        if not len(self) or not len(other):
            return self if len(self) else other
        places = np.concatenate([self.places, other.places])
        return CleanTable(places, np.concatenate([self.weights, other.weights]) / 2)

    def __len__(self) -> int:
        return len(self.places)
