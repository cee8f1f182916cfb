"""What stands in for interpreters: points and chips drawn from the hand-drawn references of cases."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from _cases import Case
from columns import accepted, read_reference

from l2h.core.errors import InputError
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.learning.clean import CleanPoints
from l2h.learning.drawn import DrawnCells, DrawnGround

REACH_PX, CHIP_PX, CELL_PX = 2, 20, 10
TRIES = 1000  # places looked at for each chip
Point = tuple[str, int, int, int]  # case, row, column, class
Points = dict[str, CleanPoints]


def draw_points(cases: Sequence[Case], count: int, seed: int) -> list[Point]:
    """(case, row, column, class) of pixels drawn evenly from all labelled ones whose class is one and sure."""
    pools = [_sure_pixels(case) for case in cases]
    sizes = np.cumsum([len(rows) for rows, _, _ in pools])
    picks = np.random.default_rng([seed, 7]).choice(int(sizes[-1]), count, replace=False)
    found = []
    for pick in picks:
        number = int(np.searchsorted(sizes, pick, side="right"))
        rows, cols, classes = pools[number]
        at = int(pick) - (int(sizes[number - 1]) if number else 0)
        found.append((cases[number].name, int(rows[at]), int(cols[at]), int(classes[at])))
    return found


def draw_strata(cases: Sequence[Case], count: int, seed: int) -> list[Point]:
    """So many pixels of each class, or all there are: strata of a map that is right. Fewer are the first of more."""
    pools = [_sure_pixels(case) for case in cases]
    sizes = [len(rows) for rows, _, _ in pools]
    number = np.repeat(np.arange(len(pools)), sizes)
    rows, cols, classes = (np.concatenate(part) for part in zip(*pools, strict=True))
    found: list[Point] = []
    for value in np.unique(classes).tolist():
        of = np.random.default_rng([seed, 13, value]).permutation(np.flatnonzero(classes == value))[:count]
        found += [(cases[number[i]].name, int(rows[i]), int(cols[i]), value) for i in of.tolist()]
    return found


def _sure_pixels(case: Case) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    reference = read_reference(case)[1]
    table = np.zeros(256, np.uint8)
    for code, values in accepted(case).items():
        table[code] = values[0] if len(values) == 1 else 0
    classes = table[reference]
    rows, cols = np.nonzero(classes)
    return rows, cols, classes[rows, cols]


def by_case(points: Sequence[Point]) -> Points:
    """The points of each case that has any."""
    names = sorted({name for name, *_ in points})
    columns = {name: np.array([rest for other, *rest in points if other == name], np.int64) for name in names}
    return {name: CleanPoints(c[:, 0], c[:, 1], c[:, 2].astype(np.uint8)) for name, c in columns.items()}


Corner = tuple[str, int, int]  # case, row and column of a chip's first pixel


def draw_chips(cases: Sequence[Case], count: int, seed: int) -> list[Corner]:
    """Chips on the lattice of cells, evenly over the ground, half labelled or more and none over another.

    InputError where the ground does not hold so many.
    """
    layers, rng, found = {case.name: _sure_layer(case) for case in cases}, np.random.default_rng([seed, 11]), []
    names, sizes = list(layers), np.array([layer.size for layer in layers.values()], float)
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        name = names[rng.choice(len(names), p=sizes / sizes.sum())]
        row, col = (int(rng.integers((extent - CHIP_PX) // CELL_PX + 1)) * CELL_PX for extent in layers[name].shape)
        labelled = (layers[name][row : row + CHIP_PX, col : col + CHIP_PX] > 0).mean()
        over = any(n == name and abs(r - row) < CHIP_PX and abs(c - col) < CHIP_PX for n, r, c in found)
        if labelled >= 0.5 and not over:
            found.append((name, row, col))
    if len(found) < count:
        raise InputError("too little is labelled for so many chips", where=names[0], expected=str(count),
                         got=str(len(found)), hint="Ask for fewer with --chips.")  # fmt: skip
    return found


def _sure_layer(case: Case) -> npt.NDArray[np.uint8]:
    layer = np.zeros(case.grid.shape, np.uint8)
    rows, cols, classes = _sure_pixels(case)
    layer[rows, cols] = classes
    return layer


@dataclass(frozen=True)
class Painting:
    """A layer of classes in memory, uint8 [H, W], read like a file."""

    grid: Grid
    layer: npt.NDArray[np.uint8]

    def read(self, window: Window) -> Patch:
        values, part = np.zeros((1, *window.shape), np.uint8), window.intersect(self.grid.window)
        values[0][part.slices_in(window)] = self.layer[part.slices_in(self.grid.window)]
        return Patch(values, np.ones(window.shape, bool), window)


def ground_of(cases: Sequence[Case], chips: Sequence[Corner]) -> dict[str, DrawnGround]:
    """What is drawn in the chips of each case that has any."""
    found = {}
    for case in cases:
        inside = chips_of(chips, case.name, case.grid.shape, 0)
        if inside.any():
            layer = np.where(inside, _sure_layer(case), 0).astype(np.uint8)
            cells = DrawnCells.gather([(case.grid.window, layer)], CELL_PX)
            found[case.name] = DrawnGround(Painting(case.grid, layer), cells)
    return found


def chips_of(chips: Sequence[Corner], name: str, shape: tuple[int, ...], reach: int) -> npt.NDArray[np.bool_]:
    """Pixels of the chips of a case, and those within reach of them."""
    inside = np.zeros(shape, bool)
    for _, row, col in (chip for chip in chips if chip[0] == name):
        inside[max(0, row - reach) : row + CHIP_PX + reach, max(0, col - reach) : col + CHIP_PX + reach] = True
    return inside


def near_points(points: CleanPoints | None, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Pixels within REACH_PX, along rows and columns, of any point."""
    near = np.zeros(shape, bool)
    if points is not None:
        for row, col in zip(points.rows.tolist(), points.cols.tolist(), strict=True):
            near[max(0, row - REACH_PX) : row + REACH_PX + 1, max(0, col - REACH_PX) : col + REACH_PX + 1] = True
    return near
