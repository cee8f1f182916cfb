"""Which blocks are looked at: all of a small area, an even spread over a large one, and nothing else is read."""

import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_areas import TINY

from l2h.core.grid import Grid, Window
from l2h.core.legend import coarse_legend, load_legend
from l2h.core.patch import Patch
from l2h.learning import blocks
from l2h.learning.areas import TileCache, TrainingReaders
from l2h.learning.blocks import REGION_BLOCKS, choose_blocks, rank_in_region, region_side
from l2h.learning.classes import ClassMap
from l2h.learning.draw import ChipSource
from l2h.learning.plan import make_plan
from l2h.learning.settings import LearningSettings

CLASSES = ClassMap.of(load_legend("sinolc1"), coarse_legend())


@dataclass
class Computed:
    """A raster of any size whose pixels exist nowhere; counts what was asked for."""

    grid: Grid
    bands: int
    pixels_read: int = 0

    def read(self, window: Window) -> Patch:
        rows = np.arange(window.row_start, window.row_stop)[:, None]
        cols = np.arange(window.col_start, window.col_stop)
        values = ((rows // 7 + cols // 5) % 251).astype(np.uint8)
        inside = (rows >= 0) & (rows < self.grid.height) & (cols >= 0) & (cols < self.grid.width)
        self.pixels_read += window.pixels
        return Patch(np.repeat(values[None], self.bands, axis=0), inside, window)


def area(height: int, width: int, name: str = "wide") -> TrainingReaders:
    grid = Grid("EPSG:32650", 0.0, 0.0, 1.0, height, width)
    return TrainingReaders(name, Computed(grid, 3), Computed(grid.coarsen(10), 11))


def test_all_blocks_of_a_small_area_in_an_order_that_looks_random() -> None:
    found = choose_blocks([area(2400, 4800), area(240, 240, "other")], 240)
    assert len({tuple(block) for block in found.tolist()}) == len(found) == 10 * 20 + 1
    assert abs(found[:40, 2].mean() - 9.5) < 3


def test_every_region_gives_its_share_of_a_large_area() -> None:
    found = choose_blocks([area(24_000, 48_000)], 240, keep=800)
    side = region_side(100 * 200, 800)
    assert side == 10
    counts = np.zeros((10, 20), int)
    np.add.at(counts, (found[:, 1] // side, found[:, 2] // side), 1)
    assert (counts == REGION_BLOCKS).all()
    first = np.zeros_like(counts)
    np.add.at(first, (found[:200, 1] // side, found[:200, 2] // side), 1)
    assert (first == 1).all()  # no region gives a second block before all have given one


def test_an_area_of_its_own_rims_still_gives_as_many_as_wanted() -> None:
    found = choose_blocks([area(24_100, 47_000), area(500, 100_000, "strip")], 240, keep=801)
    assert len({tuple(block) for block in found.tolist()}) == len(found) == 801
    assert (found[:, 0] == 1).any()


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
def test_ranks_are_those_of_the_hashes_in_each_region(height: int, width: int, side: int, seed: int) -> None:
    hashes = np.random.default_rng(seed).permutation(height * width).astype(np.uint64).reshape(height, width)
    ranks = rank_in_region(hashes, side)
    for top in range(0, height, side):
        for left in range(0, width, side):
            region = slice(top, top + side), slice(left, left + side)
            expected = hashes[region].ravel().argsort().argsort()
            assert ranks[region].ravel().tolist() == expected.tolist()


def test_stripes_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = choose_blocks([area(24_000, 48_000)], 240, keep=700)
    monkeypatch.setattr(blocks, "STRIPE_BLOCKS", 500)
    np.testing.assert_array_equal(choose_blocks([area(24_000, 48_000)], 240, keep=700), whole)


@pytest.mark.slow
def test_a_raster_of_a_trillion_pixels_is_planned_and_drawn_from_without_reading_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """10⁶ × 10⁶ px: the chosen blocks are read, in whole cached tiles, then the chips; memory hangs on neither side."""
    monkeypatch.setattr(choose_blocks, "__defaults__", (400,))
    settings = LearningSettings(**TINY | {"chip_px": 80, "split_weight": 0.0})
    place, cache = area(10**6, 10**6), TileCache(64 * 2**20)
    tracemalloc.start()
    plan = make_plan([place], settings, CLASSES, cache)
    source = ChipSource([place], plan, settings, cache)
    chips = [source.draw(step, 0) for step in range(50)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(plan.blocks) + len(plan.held_out) == 400
    assert all(chip.valid.all() for chip in chips)
    tiles = 4 * 320**2  # a block or a chip meets at most four tiles
    assert isinstance(place.imagery, Computed)
    assert place.imagery.pixels_read <= (400 + 256 + 50) * tiles
    assert peak < 600 * 2**20
