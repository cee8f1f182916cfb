"""Sets of classes: small cases by hand, and the promise that gives them their name."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.core.errors import InputError
from l2h.mapping.conformal import LEAST_OF_GROUP, LEAST_POINTS, Group, Sets, fit_sets, nonconformity, quantile

VALUES = (2, 5, 9)


def test_the_score_is_what_the_truth_was_not_given() -> None:
    told = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    truth = np.array([[False, True, False], [False, True, True]])  # at the second point two are right
    scores, true = nonconformity(told, truth)
    np.testing.assert_allclose(scores, [0.8, 0.7])
    assert true.tolist() == [1, 1]


def test_a_set_by_hand() -> None:
    sets = Sets((0.8, 0.9), (Group((2, 9), 40, (0.5, 0.6)), Group((5,), 30, (0.9, math.inf))))
    # tree .45 is .55 away, cropland .15 is .85 away, water .4 is .6 away
    found = sets.of(np.array([[0.45, 0.15, 0.4]]), np.array([2]), VALUES)
    assert found[0, 0].tolist() == [False, True, True]  # water: the map's class, though beyond the threshold
    assert found[1, 0].tolist() == [True, True, True]


def test_the_rank_counts_the_new_point() -> None:
    scores = np.arange(1.0, 20.0)  # 19 of them: 20 · .95 = 19
    assert quantile(scores, 0.95) == 19
    assert quantile(scores, 0.5) == 10
    assert quantile(scores[:18], 0.95) == math.inf


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of a network that is too sure, and what is true: one class each."""
    generator = np.random.default_rng(seed)
    real = generator.dirichlet((0.5, 0.4, 0.3), n)
    said = real**2 + 1e-6
    true = (real.cumsum(axis=1) > generator.random((n, 1))).argmax(axis=1)
    return said / said.sum(axis=1, keepdims=True), np.eye(3, dtype=bool)[true]


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_the_promise_holds_in_the_mean_and_in_every_group(level: float) -> None:
    hit, of, trials = np.zeros(3), np.zeros(3), 400
    for seed in range(trials):
        told, truth = sample(180, seed)
        sets = fit_sets(told[:150], truth[:150], VALUES, (level,))
        found = sets.of(told[150:], told[150:].argmax(axis=1), VALUES)[0]
        hit += (found & truth[150:]).sum(axis=0)
        of += truth[150:].sum(axis=0)
    error = 4 * np.sqrt(level * (1 - level) * (1 / of + 1 / (trials * LEAST_OF_GROUP)))
    assert (hit / of >= level - error).all()
    assert hit.sum() / of.sum() <= level + 0.1  # and not by telling every class


@settings(deadline=None)
@given(st.integers(0, 500), st.integers(LEAST_POINTS, 200))
def test_a_higher_level_never_loses_a_class(seed: int, n: int) -> None:
    told, truth = sample(n + 20, seed)
    sets = fit_sets(told[:n], truth[:n], VALUES, (0.5, 0.8, 0.9, 0.95, 0.99))
    found = sets.of(told[n:], told[n:].argmax(axis=1), VALUES)
    assert (found[:-1] <= found[1:]).all()
    assert found.any(axis=2).all()
    assert sorted(v for g in sets.groups for v in g.classes) == list(VALUES)
    assert min(g.points for g in sets.groups) >= min(n, LEAST_OF_GROUP)


def test_the_order_of_the_points_does_not_matter() -> None:
    told, truth = sample(100, 0)
    turned = np.random.default_rng(1).permutation(100)
    assert fit_sets(told, truth, VALUES, (0.9,)) == fit_sets(told[turned], truth[turned], VALUES, (0.9,))


def test_few_points_give_no_sets() -> None:
    told, truth = sample(LEAST_POINTS - 1, 0)
    assert fit_sets(told, truth, VALUES, (0.9,)).groups == ()


def test_it_is_written_and_read() -> None:
    sets = Sets((0.9, 0.95), (Group((2, 9), 40, (0.5, math.inf)), Group((5,), 30, (0.9, 0.95))))
    assert Sets.from_dict(sets.to_dict(), "sets.json", VALUES) == sets


@pytest.mark.parametrize(
    "groups",
    [
        [{"classes": [2, 5], "points": 40, "thresholds": [0.5]}],  # water is in none
        [{"classes": [2, 5, 9], "points": 40, "thresholds": [0.5, 0.6]}],  # two numbers, one level
        [{"classes": [2, 5, 9], "points": 40, "thresholds": [float("nan")]}],
        [{"classes": [2, 5, 9], "thresholds": [0.5]}],
    ],
)
def test_broken_thresholds_are_refused(groups: list) -> None:
    with pytest.raises(InputError, match="malformed"):
        Sets.from_dict({"levels": [0.9], "groups": groups}, "sets.json", VALUES)
