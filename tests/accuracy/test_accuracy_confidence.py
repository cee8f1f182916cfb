"""Calibration of the confidence band: small tables whose scores are counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from l2h.accuracy.confidence import calibration_scores, census_confidence, confidence_counts, point_confidence
from l2h.accuracy.weighted import Drawn
from l2h.core.legend import load_legend

LEGEND = load_legend("sinolc1")
CITIES = [{"index": 1, "region": "R", "province": "P", "city": "C", "name": "R_P_C"}]


def table(*cells: tuple[int, int, int]) -> np.ndarray:
    """(per cent, wrong, right) of each filled row."""
    weight = np.zeros((101, 2), "int64")
    for per_cent, wrong, right in cells:
        weight[per_cent] = wrong, right
    return weight


def test_half_right_at_ninety_per_cent():
    found = calibration_scores(table((90, 5, 5)))
    assert found["ece"] == pytest.approx(0.4)
    assert found["brier"] == pytest.approx(0.5 * 0.01 + 0.5 * 0.81)
    assert found["log_loss"] == pytest.approx(-0.5 * np.log(0.9) - 0.5 * np.log(0.1))
    assert (found["accuracy"], found["mean_confidence"], found["n"]) == (0.5, pytest.approx(0.9), 10)
    assert found["ece_by_chance"] is None


def test_perfect_calibration_has_no_error():
    assert calibration_scores(table((80, 2, 8), (30, 7, 3)))["ece"] == pytest.approx(0.0)


def test_errors_of_two_bins_do_not_cancel():
    # 60 %: all right (+0.4); 100 %: six of ten right (-0.4)
    assert calibration_scores(table((60, 0, 10), (100, 4, 6)))["ece"] == pytest.approx(0.4)


def test_within_a_bin_they_do():
    # 60 and 64 per cent share a bin: mean confidence 62, right 62
    assert calibration_scores(table((60, 38, 12), (64, 0, 50)))["ece"] == pytest.approx(0.0)


def test_an_empty_table_has_no_scores():
    assert calibration_scores(table()) is None


def test_few_points_err_by_chance():
    n = table((50, 2, 2))
    found = calibration_scores(n / 4, n)
    assert found["ece"] == pytest.approx(0.0)
    assert found["ece_by_chance"] == pytest.approx((2 * 0.25 / (np.pi * 4)) ** 0.5)
    assert found["n"] == 4


def test_certain_and_wrong_costs_no_more_than_rounding_hides():
    assert calibration_scores(table((100, 1, 0)))["log_loss"] == pytest.approx(-np.log(0.005))


def test_pixels_are_counted_by_city_and_kind():
    reference = np.array([[2, 2, 9, 0, 9]], "uint8")
    bands = np.array([[[2, 9, 9, 9, 0]], [[70, 70, 40, 50, 0]], [[1, 2, 3, 1, 0]]], "uint8")
    cities = np.array([[1, 1, 2, 1, 1]], "uint16")
    found = confidence_counts(reference, bands, cities, LEGEND)
    assert found[1][0, 70].tolist() == [1, 1]
    assert found[2][1, 40].tolist() == [0, 1]  # drawn from a vector
    assert sum(c.sum() for c in found.values()) == 3  # no reference, no map: not counted


def test_points_count_by_their_weight():
    # two strata of 3 : 1 in area, two points each: the right pair stands for three quarters
    drawn = Drawn("stratified", np.array([0, 0, 1, 1]), np.array([3.0, 1.0]), np.array([]))
    points = [(1, True, 80, 1), (1, True, 80, 1), (1, False, 80, 2), (1, False, 80, 1)]
    nation = point_confidence(points, drawn, CITIES)[0]
    assert nation["predicted"]["accuracy"] == pytest.approx(0.75)
    assert nation["predicted"]["ece"] == pytest.approx(0.05)
    assert nation["drawn"] is None


def test_provinces_stand_beside_the_nation():
    told = census_confidence({1: np.stack([table((80, 2, 8)), table()])}, CITIES)
    assert [(t["level"], t["predicted"]["n"]) for t in told] == [("nation", 10), ("province", 10)]


@given(arrays("int64", (101, 2), elements=st.integers(0, 1000)))
def test_scores_stay_in_their_bounds(weight):
    found = calibration_scores(weight)
    if found is None:
        assert weight.sum() == 0
        return
    assert abs(found["accuracy"] - found["mean_confidence"]) <= found["ece"] + 1e-9 <= 1 + 2e-9
    assert 0 <= found["brier"] <= 1
    assert sum(b["share"] for b in found["bins"]) == pytest.approx(1.0)
