"""Areas: by hand on two rows, closing on anything."""

import csv
import io
from decimal import Decimal
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.core.areas import hundredths, nano_areas, square_metres
from l2h.core.grid import Grid
from l2h.core.legend import load_legend
from l2h.product.areas import PlaceTally, Tally, areas_csv, roll_up, row_counts, tally

LEGEND = load_legend("sinolc1")


def test_counts_by_hand():
    codes = np.array([[2, 2, 0], [9, 5, 1]], "uint8")
    inside = np.array([[True, True, True], [True, False, True]])
    counts = row_counts(codes, inside, LEGEND)
    named = dict(zip((0, *LEGEND.values), counts.T.tolist(), strict=True))
    assert {value: rows for value, rows in named.items() if any(rows)} == {0: [1, 0], 1: [0, 1], 2: [2, 0], 9: [0, 1]}


def test_areas_by_hand():
    counts = np.array([[1, 2], [0, 3]])
    nano = nano_areas(counts, np.array([1.5, 0.25]))
    assert nano == [1_500_000_000, 3_750_000_000]
    sums = tally([1, 5, *[0] * 10], [*nano, *[0] * 10], LEGEND)
    assert (sums.hundredths[0], sums.hundredths[1], sums.pixels[1]) == (150, 375, 5)
    assert square_metres(375) == "3.75"
    assert square_metres(5) == "0.05"


def test_a_city_is_rounded_once_to_the_nearest_hundredth():
    assert [hundredths(nano) for nano in (4_999_999, 5_000_000, 14_999_999, 15_000_000, 0)] == [0, 1, 1, 2, 0]


def test_no_rows_have_no_area():
    assert nano_areas(np.zeros((0, 3), "int64"), np.zeros(0)) == [0, 0, 0]


def test_the_area_of_a_degree_grid_is_that_of_the_ellipsoid():
    grid = Grid("EPSG:4326", 100.0, 40.0, 1 / 120, 120, 120)
    counts = np.full((120, 1), 120)
    area = nano_areas(counts, grid.row_area(0, 120))[0] / 1e9
    assert abs(area / 9_544_000_000 - 1) < 1e-3  # a degree square at 39.5° north has about 9,544 km²


def test_sums_beyond_64_bits_stay_exact():
    counts = np.full((4, 1), 9_000_000_000)
    assert nano_areas(counts, np.full(4, 987.654321)) == [4 * 9_000_000_000 * 987_654_321_000]


PLACES = st.lists(
    st.tuples(
        st.sampled_from("NS"),
        st.sampled_from("pq"),
        st.sampled_from("abcd"),
        st.dictionaries(
            st.sampled_from((0, *LEGEND.values)), st.tuples(st.integers(0, 10**15), st.integers(0, 10**17))
        ),
    ),
    min_size=1,
    unique_by=lambda row: row[:3],
)


@settings(deadline=None)
@given(PLACES)
def test_printed_areas_close_at_every_level(rows):
    places = [
        PlaceTally(g, p, c, Tally({v: n for v, (n, _) in sums.items()}, {v: a for v, (_, a) in sums.items()}))
        for g, p, c, sums in rows
    ]
    table = list(csv.DictReader(io.StringIO(areas_csv(places, LEGEND))))
    keys = {"city": ("region", "province"), "province": ("region",), "region": ()}
    parent = {"city": "province", "province": "region", "region": "nation"}
    for level, columns in keys.items():
        for upper in (r for r in table if r["level"] == parent[level]):
            parts = [
                r for r in table
                if r["level"] == level and r["value"] == upper["value"] and all(r[c] == upper[c] for c in columns)
            ]  # fmt: skip
            assert sum(int(r["pixels"]) for r in parts) == int(upper["pixels"])
            assert sum(Decimal(r["area_m2"]) for r in parts) == Decimal(upper["area_m2"])


@given(st.integers(0, 5000), st.lists(st.integers(1, 19), unique=True, max_size=4).map(sorted))
def test_any_cut_gives_the_same_area(seed, cuts):
    rng = np.random.default_rng(seed)
    codes = rng.choice((0, *LEGEND.values), (20, 7)).astype("uint8")
    area = rng.random(20) * 10
    whole = nano_areas(row_counts(codes, np.ones(codes.shape, bool), LEGEND), area)
    edges = [0, *cuts, 20]
    parts = [
        nano_areas(row_counts(codes[a:b], np.ones((b - a, 7), bool), LEGEND), area[a:b]) for a, b in pairwise(edges)
    ]
    assert [sum(column) for column in zip(*parts, strict=True)] == whole


def test_order_of_levels():
    places = [PlaceTally("S", "q", "b", Tally({2: 1}, {2: 100})), PlaceTally("N", "p", "a", Tally({2: 2}, {2: 200}))]
    assert [(level, *place) for level, *place, _ in roll_up(places)] == [
        ("nation", "", "", ""), ("region", "N", "", ""), ("region", "S", "", ""), ("province", "N", "p", ""),
        ("province", "S", "q", ""), ("city", "N", "p", "a"), ("city", "S", "q", "b"),
    ]  # fmt: skip
