"""What is told where a vector is drawn: Bayes by hand, what it keeps, what points make of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.mapping.calibration import Calibration, Interpreted, default_calibration, fit
from l2h.mapping.witness import LEAST_DRAWN, fit_weight, hear, weight

VALUES = (1, 2, 6)
INDEX = np.array([0, 1, 0])


def test_a_network_that_says_what_it_says_of_the_land_leaves_the_vectors_precision() -> None:
    # a fifth of the land is traffic, the network says .2 here too: told is the precision, .8
    told = hear(np.array([[0.2], [0.6], [0.2]], "float32"), np.array([1], "uint8"), {1: weight(0.8, 0.2)}, VALUES)
    np.testing.assert_allclose(told[:, 0], [0.8, 0.15, 0.05], rtol=1e-5)  # the others still 3 : 1


def test_both_agreeing_are_surer_than_either_and_doubt_is_told() -> None:
    # weight of .8 at a share of .2: 4 · 4 = 16. Odds 1 become 16 : 1, odds 1 : 16 become even
    p = np.array([[1 / 2, 1 / 17], [1 / 2, 16 / 17], [0, 0]], "float32")
    told = hear(p, np.array([1, 1], "uint8"), {1: weight(0.8, 0.2)}, VALUES)
    np.testing.assert_allclose(told[0], [16 / 17, 1 / 2], rtol=1e-5)


def test_without_a_measured_share_an_undecided_network_leaves_the_precision() -> None:
    told = hear(np.array([[0.5], [0.5], [0]], "float32"), np.array([1], "uint8"), {1: weight(0.9, None)}, VALUES)
    assert told[0, 0] == pytest.approx(0.9, rel=1e-5)


def test_shares_of_nothing_and_of_everything_are_bounded() -> None:
    assert weight(0.5, 0.0) == pytest.approx(np.log(999))
    assert weight(0.5, 1.0) == pytest.approx(0.0)


@settings(deadline=None)
@given(st.floats(-5, 8), st.floats(-5, 8), st.integers(0, 50))
def test_it_stays_a_distribution_and_touches_drawn_pixels_alone(road: float, building: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    p = generator.dirichlet(np.ones(3), (4, 5)).transpose(2, 0, 1).astype("float32")
    known = generator.choice(np.array([0, 1, 6], "uint8"), (4, 5))
    told = Calibration(road=road, building=building).hear(p, known, VALUES)
    np.testing.assert_allclose(told.sum(axis=0), 1, rtol=1e-4)
    assert (told[:, known == 0] == p[:, known == 0]).all()
    for w, value, k in ((road, 1, 0), (building, 6, 2)):
        on = known == value
        assert ((told[k, on] >= p[k, on] - 1e-6) if w >= 0 else (told[k, on] <= p[k, on] + 1e-6)).all()


def test_pixels_do_not_look_at_each_other() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(3), (7, 5)).transpose(2, 0, 1).astype("float32")
    known = np.random.default_rng(1).choice(np.array([0, 1, 6], "uint8"), (7, 5))
    whole = hear(p, known, {1: 2.3, 6: 1.1}, VALUES)
    assert (hear(p[:, 2:4, 1:3], known[2:4, 1:3], {1: 2.3, 6: 1.1}, VALUES) == whole[:, 2:4, 1:3]).all()


def test_few_points_leave_the_weight() -> None:
    said, right = np.full(LEAST_DRAWN, 0.5), np.ones(LEAST_DRAWN, bool)
    assert fit_weight(said[1:], right[1:], 1.5) == 1.5
    assert fit_weight(said, right, 1.5) > 1.5


def test_points_find_how_often_the_vector_is_right() -> None:
    # an undecided network, right in 1,500 of 2,000: odds 3, and the prior at 0 hardly pulls
    right = np.arange(2000) < 1500
    assert fit_weight(np.full(2000, 0.5), right, 0.0) == pytest.approx(np.log(3), abs=0.01)


def test_temperatures_come_from_where_nothing_is_drawn() -> None:
    generator = np.random.default_rng(0)
    p = generator.dirichlet(np.ones(3), 400).astype("float32")
    truth = np.eye(3, dtype=bool)[generator.integers(0, 3, 400)]
    drawn = np.where(np.arange(400) < 200, 1, 0).astype("uint8")
    default = default_calibration({}, prior=True, witness=(2.0, 3.0))
    found = fit(Interpreted(p, truth, drawn), VALUES, INDEX, 2, default)
    free = Interpreted(p[200:], truth[200:], drawn[200:])
    alone = fit(free, VALUES, INDEX, 2, default)
    assert (found.coarse, found.split, found.bias) == (alone.coarse, alone.split, alone.bias)
    assert (alone.road, alone.building) == (2.0, 3.0)
    assert found.road < 1.0  # the vector is right in a third of its pixels
    assert found.building == 3.0  # no building was drawn
