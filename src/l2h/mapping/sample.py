"""Which lattice windows are looked at to decide on the prior: few, spread evenly, the same for every run."""

import math
from collections.abc import Iterator
from itertools import count

from l2h.core.grid import Grid, Window

EVIDENCE_PX = 240  # side of a looked-at window, about
# generalised golden ratio in two dimensions, the real root of x³ = x + 1: the R2 sequence (Roberts 2018)
GOLDEN = 1.32471795724474602596


def evidence_step(stride: int, cell_px: int) -> int:
    """Side of the windows: near EVIDENCE_PX, a multiple of the network's stride and of the cell."""
    unit = math.lcm(stride, cell_px)
    return unit * max(1, round(EVIDENCE_PX / unit))


def spread_windows(grid: Grid, step: int, limit: int) -> Iterator[Window]:
    """Different windows of the lattice of `step` px, at most `limit`, any first few of which are evenly spread.

    They depend on the grid alone. Where the lattice has no more than `limit` windows all of them come.
    """
    rows, cols = -(-grid.height // step), -(-grid.width // step)
    wanted = min(limit, rows * cols)
    seen: set[tuple[int, int]] = set()
    for n in count(1):
        place = int(n / GOLDEN % 1 * rows), int(n / GOLDEN**2 % 1 * cols)
        if place in seen:
            continue
        seen.add(place)
        row, col = (index * step for index in place)
        yield Window(row, row + step, col, col + step).intersect(grid.window)
        if len(seen) == wanted:
            return
