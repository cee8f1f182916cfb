"""Sizes, allocations and draws: known numbers, equal chance per ground area, the same seed, one refusal a rule."""

import resource
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.accuracy.sampling import allocate
from l2h.accuracy.sampling.census import Census, count, whole_grid
from l2h.accuracy.sampling.draw import draw_random, draw_systematic
from l2h.accuracy.sampling.make import draw_sample
from l2h.accuracy.sampling.settings import SampleSettings
from l2h.core.errors import InputError
from l2h.core.grid import Grid

# half a degree high, far north: the pixels of its last row are 3 % larger than those of the first
NORTH = Grid("EPSG:4326", 10.0, 70.0, 0.005, 200, 300)


class Coded:
    """Strata given by an array of the whole grid."""

    def __init__(self, grid, codes):
        self.grid, self._codes = grid, codes
        self.names = {int(c): f"s{c}" for c in np.unique(codes) if c}

    def read(self, window):
        return self._codes[window.slices_in(self.grid.window)].astype("int64")


def halves(grid=NORTH):
    codes = np.ones(grid.shape, "int64")
    codes[:, : grid.width // 2] = 2
    codes[:4, :5] = 3  # twenty pixels
    codes[-10:] = 0
    return Coded(grid, codes)


def test_olofssons_size_and_allocation():
    shares, accuracies = np.array([0.02, 0.015, 0.32, 0.645]), np.array([0.7, 0.6, 0.9, 0.95])
    assert allocate.size_for_error(shares, accuracies, 0.01) == 641  # their section 5.1.1, before rounding by hand
    assert allocate.allocate(640, "equal", shares, accuracies, 0).tolist() == [160] * 4
    assert allocate.allocate(640, "proportional", shares, accuracies, 0).tolist() == [13, 9, 205, 413]
    assert allocate.allocate(640, "proportional", shares, accuracies, 100).tolist() == [100, 100, 146, 294]


def test_neyman_goes_where_the_doubt_is():
    found = allocate.allocate(100, "neyman", np.array([1.0, 1.0]), np.array([0.5, 0.9]), 0)
    assert found.tolist() == [63, 37]  # 0.5 against 0.3, the tie to the first


def test_size_for_a_difference_of_one_point():
    assert allocate.size_for_difference(0.01, 0.15) == 11_771
    with pytest.raises(InputError, match="more than they disagree"):
        allocate.size_for_difference(0.2, 0.1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.01, 1e6), min_size=1, max_size=8),
    st.integers(100, 2000),
    st.integers(0, 12),
    st.sampled_from(["proportional", "equal", "neyman"]),
)
def test_allocations_sum_and_keep_the_minimum(sizes, size, minimum, kind):
    found = allocate.allocate(size, kind, np.array(sizes), np.full(len(sizes), 0.8), minimum)
    assert found.sum() == size
    assert found.min() >= max(2, minimum)


def test_a_minimum_that_does_not_fit():
    with pytest.raises(InputError, match="too small for its strata"):
        allocate.allocate(10, "equal", np.ones(3), np.full(3, 0.8), 5)


def test_the_census_is_exact():
    found = count(halves())
    assert found.pixels == {1: 190 * 150, 2: 190 * 150 - 20, 3: 20}
    area = NORTH.row_area(0, 4)
    assert found.area(3) == pytest.approx(5 * area.sum(), rel=1e-12)
    everything = Coded(NORTH, np.ones(NORTH.shape))
    assert count(everything).nano == whole_grid(NORTH).nano


@pytest.mark.parametrize("method", ["simple_random", "systematic", "stratified", "two_stage"])
def test_the_same_seed_gives_the_same_points(method):
    chosen = SampleSettings(method=method, size=300, minimum=5, block_px=50, per_block=6)
    first, again = (draw_sample(halves(), chosen, "", None) for _ in range(2))
    other = draw_sample(halves(), chosen.model_copy(update={"seed": 1}), "", None)
    columns = [np.stack([s.pixels.rows, s.pixels.cols]).tolist() for s in (first, again, other)]
    assert columns[0] == columns[1] != columns[2]
    assert first.design == again.design


@pytest.mark.parametrize("method", ["simple_random", "stratified"])
def test_each_stratum_gets_its_points_once(method):
    found = draw_sample(halves(), SampleSettings(method=method, size=300, minimum=12), "", None)
    place = found.pixels.rows * NORTH.width + found.pixels.cols
    assert len(set(place.tolist())) == 300
    drawn = {s.code: s.points for s in found.design.strata}
    assert drawn == {c: int((found.pixels.stratum == c).sum()) for c in drawn}
    truth = halves().read(NORTH.window)[found.pixels.rows, found.pixels.cols]
    assert (truth > 0).all()
    if method == "stratified":
        assert drawn[3] == 12  # searched for, not thrown
        assert (truth == found.pixels.stratum).all()


def test_a_stratum_can_be_taken_whole():
    found = draw_random(halves(), count(halves()), {3: 20}, 0)
    assert sorted(zip(found.rows.tolist(), found.cols.tolist(), strict=True)) == [
        (r, c) for r in range(4) for c in range(5)
    ]


@pytest.mark.parametrize("method", ["simple_random", "systematic", "two_stage"])
def test_equal_chance_per_ground_area(method):
    """From 70° to 30° north, the northern half of the rows holds 39.6 % of the ground."""
    grid = Grid("EPSG:4326", 10.0, 70.0, 0.2, 200, 300)
    chosen = SampleSettings(method=method, size=400, block_px=20, per_block=2)
    whole, census = Coded(grid, np.ones(grid.shape, "int64")), whole_grid(grid)
    drawn = [draw_sample(whole, chosen.model_copy(update={"seed": s}), "", census).pixels for s in range(6)]
    rows = np.concatenate([p.rows for p in drawn])
    area = grid.row_area(0, 200)
    wanted = area[:100].sum() / area.sum()
    assert wanted == pytest.approx(0.396, abs=1e-3)
    assert abs(float((rows < 100).mean()) - wanted) < 3.5 * np.sqrt(0.25 / len(rows))
    assert len(rows) / 6 == pytest.approx(400, rel=0.03)


def test_rare_pixels_are_drawn_by_area_too():
    """Three pixels of three rows: over many seeds each is first as often as its area says."""
    grid = Grid("EPSG:4326", 0.0, 80.0, 10.0, 3, 1)  # rows centred at 75, 65 and 55 degrees
    strata = Coded(grid, np.ones((3, 1), "int64"))
    census = count(strata)
    rows = [int(draw_random(strata, census, {1: 1}, seed).rows[0]) for seed in range(400)]
    area = grid.row_area(0, 3)
    for row in range(3):
        share = area[row] / area.sum()
        assert abs(rows.count(row) / 400 - share) < 3.5 * np.sqrt(share * (1 - share) / 400)


def test_refusals():
    census = count(halves())
    with pytest.raises(InputError, match="stratum is empty"):
        draw_random(halves(), census, {9: 1}, 0)
    with pytest.raises(InputError, match="fewer pixels than points"):
        draw_random(halves(), census, {3: 21}, 0)
    with pytest.raises(InputError, match="denser than every second pixel"):
        draw_systematic(halves(), 1e9, 10_000_000, 0)
    with pytest.raises(InputError, match="no pixel"):
        draw_sample(Coded(NORTH, np.zeros(NORTH.shape, "int64")), SampleSettings(size=5), "", None)


@pytest.mark.parametrize("given", [{}, {"size": 10, "standard_error": 0.01}])
def test_one_way_to_the_size(given):
    with pytest.raises(ValueError, match="exactly one of"):
        SampleSettings(**given)


def test_a_stratum_of_one_pixel_is_taken_whole():
    codes = np.ones((20, 20), "int64")
    codes[3, 4] = 2
    found = draw_sample(Coded(Grid("EPSG:32650", 5e5, 4e6, 1.0, 20, 20), codes), SampleSettings(
        method="stratified", size=30), "", None)  # fmt: skip
    assert {s.code: s.points for s in found.design.strata} == {1: 28, 2: 1}
    drawn = found.design.drawn(found.pixels.stratum, "here")
    assert drawn.variance((found.pixels.stratum == 2).astype(float)) == 0
    assert drawn.total((found.pixels.stratum == 2).astype(float)) == pytest.approx(1 / 400)


class Country:
    """27 million million pixels that are never stored: patches of a kilometre, three in ten of them abroad."""

    names = {1: "a", 2: "b", 3: "c", 4: "d"}  # noqa: RUF012
    grid = Grid("EPSG:4326", 73.0, 54.0, 9e-6, 4_000_000, 6_900_000)

    def read(self, window):
        rows = np.arange(window.row_start, window.row_stop)[:, None] // 1000
        cols = np.arange(window.col_start, window.col_stop)[None] // 1000
        mixed = (rows * 2_654_435_761 + cols * 40_503) % 1000
        return np.searchsorted([300, 600, 900, 990], mixed, side="right").astype("int64")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["simple_random", "systematic", "stratified"])
def test_a_hundred_thousand_points_over_a_country_at_one_metre(method):
    country, whole = Country(), Country.grid.window.pixels
    area = whole_grid(Country.grid).nano[1]
    shares = {1: 30, 2: 30, 3: 9, 4: 1}  # hundredths
    parts = [(code, whole * s // 100, area * s // 100, Country.grid.window) for code, s in shares.items()]
    began = time.monotonic()
    found = draw_sample(country, SampleSettings(method=method, size=100_000), "", Census.of(parts))
    assert len(found.pixels) == pytest.approx(100_000, rel=0.01)
    assert time.monotonic() - began < 120
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2 * 2**20  # kB
