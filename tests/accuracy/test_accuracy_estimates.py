"""Estimates: values, standard errors and intervals a reader can check."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.accuracy.estimates import delta_variance, paired_difference, proportion, with_error


def test_nothing_counted_is_undefined_and_not_zero():
    e = proportion(0, 0, "simple_random")
    assert (e.value, e.standard_error, e.low, e.high, e.n) == (None, None, None, None, 0)


def test_a_census_has_no_sampling_error():
    e = proportion(3, 4, "census")
    assert (e.value, e.standard_error, e.low, e.high, e.n) == (0.75, 0.0, 0.75, 0.75, 4)


def test_standard_error_of_a_simple_random_sample():
    e = proportion(80, 101, "simple_random")  # p (1 - p) / (n - 1)
    assert e.standard_error == pytest.approx(math.sqrt(80 / 101 * 21 / 101 / 100))


def test_one_point_has_no_standard_error():
    assert proportion(1, 1, "simple_random").standard_error is None


def test_wilson_interval_of_a_published_case():
    # Newcombe (1998), table I, method 3: 81 of 263
    e = proportion(81, 263, "simple_random")
    assert (round(e.low, 4), round(e.high, 4)) == (0.2553, 0.3662)


def test_interval_keeps_its_width_where_all_points_are_right():
    # Newcombe (1998), table I, method 3: 0 of 20 gives 0.0000 to 0.1611
    e = proportion(20, 20, "simple_random")
    assert e.standard_error == 0
    assert (round(e.low, 4), e.high) == (0.8389, 1.0)


def test_bounds_cut_the_interval():
    e = with_error(0.99, 0.01, "simple_random", 10)
    assert e.high == 1.0


def test_delta_variance_of_a_share_is_the_binomial_variance():
    counts = np.array([30, 70])
    assert delta_variance(counts, np.array([1.0, 0.0])) == pytest.approx(0.3 * 0.7 / 100)


def test_paired_difference_counts_only_points_the_maps_disagree_on():
    first = np.array([True, True, True, False])
    second = np.array([True, False, False, True])
    e = paired_difference(first, second, "simple_random")  # b = 2, c = 1
    assert e.value == 0.25
    assert e.standard_error == pytest.approx(math.sqrt((3 - 1 / 4) / 16))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_value(case):
    k, n = case
    e = proportion(k, n, "simple_random")
    assert 0 <= e.low <= e.value <= e.high <= 1
    assert e.low < e.high
