"""Pixels drawn with equal chance per ground area: a pixel's chance goes with `Grid.row_area`."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.accuracy.sampling.census import TILE, Census
from l2h.accuracy.sampling.strata import Strata
from l2h.core.crs import metres_per_unit
from l2h.core.errors import InputError
from l2h.core.grid import Grid, Window

Index = npt.NDArray[np.int64]
READ = 512  # of the lattice: points of one such tile are read together
BATCH = 65_536
GUESSES = 2_000_000  # candidates that may be thrown before a stratum is looked through instead


@dataclass(frozen=True, eq=False)
class Pixels:
    """Drawn pixels: int64 [n] each. `stratum` holds codes; `block` numbers the blocks of a two-stage sample, else 0."""

    rows: Index
    cols: Index
    stratum: Index
    block: Index

    def __len__(self) -> int:
        return len(self.rows)


def joined(parts: Iterable[Pixels]) -> Pixels:
    found = list(parts)
    if not found:
        return Pixels(*(np.zeros(0, "int64") for _ in range(4)))
    return Pixels(*(np.concatenate([getattr(p, n) for p in found]) for n in ("rows", "cols", "stratum", "block")))


class Thrower:
    """Throws pixels on a grid, uniformly per ground area: the row by its share of the area, then any column."""

    def __init__(self, grid: Grid, rng: np.random.Generator, window: Window | None = None) -> None:
        self._window, self._rng = window or grid.window, rng
        self._below = np.cumsum(grid.row_area(self._window.row_start, self._window.row_stop))

    @property
    def area(self) -> float:
        """m² of the window."""
        return float(self._below[-1]) * self._window.width

    def throw(self, count: int) -> tuple[Index, Index]:
        at = self._rng.random(count) * self._below[-1]
        rows = np.minimum(np.searchsorted(self._below, at, side="right"), self._window.height - 1)
        cols = self._rng.integers(0, self._window.width, count)
        return rows + self._window.row_start, cols + self._window.col_start


def codes_at(strata: Strata, rows: Index, cols: Index) -> Index:
    """Codes of single pixels, int64 [n]; those of one small tile of the lattice are read in one go."""
    tile_row, tile_col = rows // READ, cols // READ
    order = np.lexsort((tile_col, tile_row))
    key = np.stack([tile_row[order], tile_col[order]])
    borders = np.flatnonzero((key[:, 1:] != key[:, :-1]).any(0)) + 1
    found = np.zeros(len(rows), "int64")
    for picked in np.split(order, borders) if len(order) else []:
        r, c = rows[picked], cols[picked]
        window = Window(int(r.min()), int(r.max()) + 1, int(c.min()), int(c.max()) + 1)
        found[picked] = strata.read(window)[r - window.row_start, c - window.col_start]
    return found


def draw_random(strata: Strata, census: Census, wanted: dict[int, int], seed: int) -> Pixels:
    """A simple random sample of each stratum, without replacement; no pixel twice.

    Candidates are thrown on the whole lattice and kept where they fall into a stratum that wants more: what a stratum
    keeps is uniform on it. A stratum so rare that more than GUESSES throws would be needed is looked through instead,
    and gets the pixels with the highest keys (`_search`). Which of the two is chosen rests on the census alone, so the
    points do not depend on blocks, workers or order.
    InputError where a stratum is empty or has fewer pixels than it shall give.
    """
    check_wanted(census, wanted, strata.names)
    thrower = Thrower(strata.grid, np.random.default_rng([seed, 1]))
    throws = {code: 2 * n * thrower.area / census.area(code) for code, n in wanted.items() if n}
    rare = {code for code, t in throws.items() if t > GUESSES or wanted[code] * 3 > census.pixels[code]}
    common = {code: wanted[code] for code in throws if code not in rare}
    found = [*_throw_until(strata, thrower, common, max([throws[c] for c in common], default=0))]
    found += [_search(strata, census.holders[code], code, wanted[code], seed) for code in sorted(rare)]
    return _in_order(joined(found))


def check_wanted(census: Census, wanted: dict[int, int], names: dict[int, str]) -> None:
    for code, n in wanted.items():
        there = census.pixels.get(code, 0)
        if n and not there:
            raise InputError("a stratum is empty", where=names.get(code, str(code)), hint="Leave it out of the sample.")
        if n > there:
            raise InputError(
                "a stratum has fewer pixels than points", where=names.get(code, str(code)), expected=f"at least {n}",
                got=str(there), hint="Draw fewer points there, or interpret all its pixels.",
            )  # fmt: skip


def _throw_until(strata: Strata, thrower: Thrower, left: dict[int, int], expected: float) -> Iterator[Pixels]:
    left, seen = dict(left), np.zeros(0, "int64")
    batch = int(min(BATCH, max(1024, expected / 2)))
    while any(left.values()):
        rows, cols = thrower.throw(batch)
        place = rows * strata.grid.width + cols
        _, first = np.unique(place, return_index=True)
        new = np.sort(first[~np.isin(place[first], seen)])
        rows, cols = rows[new], cols[new]
        codes = codes_at(strata, rows, cols)
        for code in [c for c, n in left.items() if n]:
            kept = np.flatnonzero(codes == code)[: left[code]]
            left[code] -= len(kept)
            seen = np.r_[seen, rows[kept] * strata.grid.width + cols[kept]]
            yield Pixels(rows[kept], cols[kept], codes[kept], np.zeros(len(kept), "int64"))


def _search(strata: Strata, holders: tuple[Window, ...], code: int, count: int, seed: int) -> Pixels:
    """The `count` pixels of a stratum with the highest keys u^(1/area) (Efraimidis and Spirakis 2006), tile by tile."""
    grid = strata.grid
    tiles = sorted({tile for window in holders for tile in grid.tiles(TILE, window)})
    best = np.zeros((3, 0))  # key, row, column
    for tile in tiles:
        rows, cols = np.nonzero(strata.read(tile) == code)
        if not len(rows):
            continue
        rng = np.random.default_rng([seed, 2, code, tile.row_start, tile.col_start])
        area = grid.row_area(tile.row_start, tile.row_stop)[rows]
        keys = np.log1p(-rng.random(len(rows))) / area
        both = np.concatenate([best, np.stack([keys, rows + tile.row_start, cols + tile.col_start])], axis=1)
        best = both[:, np.argsort(-both[0], kind="stable")[:count]]
    rows, cols = best[1].astype("int64"), best[2].astype("int64")
    return Pixels(rows, cols, np.full(len(rows), code), np.zeros(len(rows), "int64"))


def draw_systematic(strata: Strata, area_m2: float, size: int, seed: int) -> Pixels:
    """A lattice of about `size` points over the population with a random start, squares of one ground area on any CRS.

    With s² = area / size, lines of points lie s apart in rows of the grid; within a line the step in columns is s² over
    the ground area that one column adds there, so that a pixel's chance is its area over s². Along a line of a
    projected CRS that is the same s; in degrees the step widens towards the poles.
    The number of points that fall into the population is random, `size` on average.
    """
    grid, rng = strata.grid, np.random.default_rng([seed, 3])
    side = math.sqrt(area_m2 / size)
    step = side / (grid.pixel * metres_per_unit(grid.crs))
    if step < 2:
        raise InputError("a systematic sample is denser than every second pixel", got=f"{size} points")
    start_row, start_col = rng.random(2)
    lines = np.floor((start_row + np.arange(math.ceil(grid.height / step) + 1)) * step).astype("int64")
    lines = lines[lines < grid.height]
    areas = {int(r): float(grid.row_area(int(r), int(r) + 1)[0]) for r in lines}
    parts = []
    for row in lines.tolist():
        across = side * side / (areas[row] * step)
        cols = np.floor((start_col + np.arange(math.ceil(grid.width / across) + 1)) * across).astype("int64")
        parts.append((np.full(len(cols), row), cols))
    rows, cols = (np.concatenate([p[i] for p in parts]) for i in (0, 1))
    rows, cols = rows[cols < grid.width], cols[cols < grid.width]
    codes = codes_at(strata, rows, cols)
    inside = codes > 0
    return Pixels(rows[inside], cols[inside], codes[inside], np.zeros(int(inside.sum()), "int64"))


def draw_two_stage(strata: Strata, blocks: list[Window], areas: list[int], shape: tuple[int, int], seed: int) -> Pixels:
    """Blocks with chances by the population's area in them, with replacement; then points by area in each.

    areas : 10^-9 m² of the population in each block; shape : number of blocks, points in each
    Every pixel has the chance blocks × points × its area / the whole area: the sample weighs itself. A block that is
    drawn twice gives points twice, as two blocks.
    """
    count, per_block = shape
    rng = np.random.default_rng([seed, 4])
    shares = np.array(areas, "float64") / float(sum(areas))
    chosen = np.sort(np.searchsorted(np.cumsum(shares), rng.random(count), side="right").clip(max=len(blocks) - 1))
    found, taken = [], np.zeros(0, "int64")
    for number, block in enumerate(chosen.tolist()):
        part, taken = _within(strata, Thrower(strata.grid, rng, blocks[block]), per_block, taken)
        found.append(Pixels(part.rows, part.cols, part.stratum, np.full(len(part), number)))
    return joined(found)


def _within(strata: Strata, thrower: Thrower, count: int, taken: Index) -> tuple[Pixels, Index]:
    """`count` points of the population in a block, none that was taken before."""
    parts: list[Pixels] = []
    for _ in range(1000):
        rows, cols = thrower.throw(4 * count)
        place = rows * strata.grid.width + cols
        first = np.sort(np.unique(place, return_index=True)[1])
        first = first[~np.isin(place[first], taken)]
        codes = codes_at(strata, rows[first], cols[first])
        kept = first[codes > 0][: count - sum(map(len, parts))]
        taken = np.r_[taken, place[kept]]
        parts.append(Pixels(rows[kept], cols[kept], np.ones(len(kept), "int64"), np.zeros(len(kept), "int64")))
        if sum(map(len, parts)) == count:
            return joined(parts), taken
    raise InputError("a block has too few pixels of the population", hint="Use larger blocks or fewer points in each.")


def _in_order(pixels: Pixels) -> Pixels:
    """By stratum, row and column, whatever the order of drawing."""
    order = np.lexsort((pixels.cols, pixels.rows, pixels.stratum))
    return Pixels(pixels.rows[order], pixels.cols[order], pixels.stratum[order], pixels.block[order])
