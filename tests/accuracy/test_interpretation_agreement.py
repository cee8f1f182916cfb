"""Agreement, against published examples and cases counted by hand."""

import numpy as np
import pytest

from l2h.accuracy.interpretation.agreement import agreement, cohen_kappa, fleiss_kappa
from l2h.accuracy.interpretation.answers import Answer

# Fleiss (1971) as worked through in textbooks: 10 subjects, 14 raters, 5 categories; P = .378, Pe = .213
FOURTEEN = np.array(
    [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]
)  # fmt: skip


def test_cohen_of_the_grant_reviewers() -> None:
    """po = 35 / 50, pe = .5 · .6 + .5 · .4 = .5, so kappa = .2 / .5."""
    found = cohen_kappa(np.array([[20, 5], [10, 15]]))
    assert found.value == pytest.approx(0.4)
    assert found.n == 50


def test_fleiss_of_fourteen_raters() -> None:
    assert fleiss_kappa(FOURTEEN).value == pytest.approx(0.210, abs=5e-4)


def test_error_of_fleiss_kappa_is_what_repeating_gives() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, (400, 300))
    answers = np.where(rng.random((2, 400, 300)) < 0.8, truth, rng.integers(0, 3, (2, 400, 300)))
    found = [fleiss_kappa((answers[:, k, :, None] == np.arange(3)).sum(0)) for k in range(400)]
    spread = np.std([e.value for e in found], ddof=1)
    assert np.mean([e.standard_error for e in found]) == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("counts", [np.zeros((0, 3), "int64"), np.array([[2, 0, 0], [2, 0, 0]])])
def test_kappa_of_nothing_or_of_one_class_is_undefined(counts: np.ndarray) -> None:
    assert fleiss_kappa(counts).value is None


def test_full_agreement_has_a_value_and_no_error() -> None:
    """Ten points all alike in pairs vary in nothing: an interval from 1 to 1 would promise too much."""
    for found in (cohen_kappa(np.diag([5, 5])), fleiss_kappa(np.repeat([[2, 0], [0, 2]], 5, 0))):
        assert (found.value, found.standard_error, found.low) == (1.0, None, None)


def said(**values: int | None) -> list[Answer]:
    return [Answer("", who, "interpret", "", value) for who, value in values.items()]


def test_by_class_and_by_pair() -> None:
    points = [said(A=2, B=2), said(A=2, B=5), said(A=5, B=5), said(A=2, C=2), said(B=None, C=None), said(A=9)]
    found = agreement(points, (2, 5, 9))
    assert found.points == 5
    assert found.agree.value == pytest.approx(4 / 5)
    classes = {c.value: c for c in found.classes}
    assert classes[2].specific == pytest.approx(4 / 5)  # of five answers "2", four meet a "2"
    assert classes[5].specific == pytest.approx(2 / 3)
    assert (classes[0].answers, classes[0].specific) == (2, 1.0)
    assert (classes[9].answers, classes[9].specific) == (0, None)
    assert [(p.first, p.second, p.points) for p in found.pairs] == [("A", "B", 3), ("A", "C", 1), ("B", "C", 1)]
    assert found.pairs[0].counts.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert found.pairs[0].kappa.value == pytest.approx((2 / 3 - 4 / 9) / (5 / 9))
    assert found.pairs[1].kappa.value is None


def test_without_answers_nothing_is_known() -> None:
    found = agreement([], (2, 5))
    assert (found.points, found.agree.value, found.kappa.value, found.pairs) == (0, None, None, ())
