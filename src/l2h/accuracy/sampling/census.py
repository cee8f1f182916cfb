"""Census: exact pixels and ground area of every stratum, counted by streaming over the lattice."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from l2h.accuracy.sampling.strata import Strata
from l2h.core.areas import NANO, nano_areas
from l2h.core.grid import Grid, Window

TILE = 2048


@dataclass(frozen=True)
class Census:
    """Pixels and area of each stratum, exact, and where it lies.

    pixels, nano : code → pixels, 10^-9 m²
    holders      : code → windows of the lattice outside which the stratum has no pixel
    """

    pixels: dict[int, int]
    nano: dict[int, int]
    holders: dict[int, tuple[Window, ...]]

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, int, Window]]) -> "Census":
        """From counts of parts: code, pixels, 10^-9 m², the window they lie in."""
        pixels: dict[int, int] = {}
        nano: dict[int, int] = {}
        holders: dict[int, dict[Window, None]] = {}
        for code, number, area, window in rows:
            pixels[code] = pixels.get(code, 0) + number
            nano[code] = nano.get(code, 0) + area
            holders.setdefault(code, {})[window] = None
        return cls(pixels, nano, {code: tuple(windows) for code, windows in holders.items()})

    def merged(self) -> "Census":
        """All strata as one, of code 1."""
        windows = tuple(dict.fromkeys(w for held in self.holders.values() for w in held))
        return Census({1: sum(self.pixels.values())}, {1: sum(self.nano.values())}, {1: windows})

    @property
    def codes(self) -> list[int]:
        return sorted(code for code, count in self.pixels.items() if count)

    def area(self, code: int) -> float:
        """m²."""
        return self.nano[code] / NANO


def count(strata: Strata) -> Census:
    """Read everything once, tile by tile."""
    tiles = strata.grid.tiles(TILE)
    return Census.of((code, n, area, tile) for tile in tiles for code, (n, area) in tally(strata, tile).items())


def tally(strata: Strata, window: Window) -> dict[int, tuple[int, int]]:
    """{code: (pixels, 10^-9 m²)} of a window; codes outside the population left out."""
    codes = strata.read(window)
    k = int(codes.max(initial=0)) + 1
    key = np.arange(window.height)[:, None] * k + codes
    counts = np.bincount(key.ravel(), minlength=window.height * k).reshape(window.height, k)
    present = np.flatnonzero(counts[:, 1:].any(0)) + 1
    areas = nano_areas(counts[:, present], strata.grid.row_area(window.row_start, window.row_stop))
    sums = counts[:, present].sum(0).tolist()
    return {int(c): (n, a) for c, n, a in zip(present.tolist(), sums, areas, strict=True)}


def whole_grid(grid: Grid) -> Census:
    """The census of a grid that is the population, with nothing read."""
    nano = sum(nano_areas(np.full((grid.height, 1), grid.width), grid.row_area(0, grid.height)))
    return Census({1: grid.window.pixels}, {1: nano}, {1: (grid.window,)})
