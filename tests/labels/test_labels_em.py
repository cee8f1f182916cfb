"""The label model: small tables checked in the head, and what EM promises."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.core.errors import InputError
from l2h.core.legend import coarse_legend
from l2h.labels.anchors import Anchor, load_anchor
from l2h.labels.joint import JointCounts
from l2h.labels.posterior import fit, to_integers

LEGENDS = ("worldcover", "esri2020", "from_glc10")
ANCHORS = [load_anchor(legend) for legend in LEGENDS]
TREE, CROP, WATER = (coarse_legend().values.index(value) for value in (2, 5, 9))
# two products that are always right, a third that takes a fifth of each class for the other
PERFECT_TWO = {"40,5,10": 80, "40,5,20": 20, "10,2,20": 40, "10,2,10": 10}


def joint(table: dict[str, int], products: int = 3) -> JointCounts:
    return JointCounts.from_dict(table, products)


def posterior_of(table: dict[str, int], codes: str, **dials: float) -> np.ndarray:
    counts = joint(table)
    return fit(counts, ANCHORS, **dials).posterior[list(counts.to_dict()).index(codes)]


def sharpened(anchor: Anchor) -> Anchor:
    rows = np.where(anchor.rows > 0.3, 1.0, 1e-4)
    return replace(anchor, rows=rows / rows.sum(1, keepdims=True))


def test_two_perfect_products_and_a_noisy_one() -> None:
    sharp = [sharpened(anchor) for anchor in ANCHORS[:2]]  # who starts out as right
    counts, codes = joint(PERFECT_TWO), ANCHORS[2].codes
    model = fit(counts, [*sharp, ANCHORS[2]], strength=1e-9, smoothing=0)
    assert model.converged
    assert model.prior[[CROP, TREE]] == pytest.approx([100 / 150, 50 / 150], abs=1e-3)
    assert model.emissions[2][CROP, codes.index(20)] == pytest.approx(0.2, abs=1e-3)
    assert model.emissions[2][TREE, codes.index(10)] == pytest.approx(0.2, abs=1e-3)
    outvoted = list(counts.to_dict()).index("40,5,20")
    assert model.posterior[outvoted, CROP] == pytest.approx(1, abs=1e-3)


def test_a_heavy_anchor_leaves_bayes_rule_with_the_published_matrices() -> None:
    expected = ANCHORS[0].rows[:, ANCHORS[0].codes.index(40)] * ANCHORS[1].rows[:, ANCHORS[1].codes.index(3)]
    expected = expected / expected.sum()
    table = {"40,3,0": 7}  # the third product is missing: its factor is left out
    np.testing.assert_allclose(posterior_of(table, "40,3,0", strength=1e9, smoothing=1e9), expected, atol=1e-6)
    tempered = posterior_of(table, "40,3,0", strength=1e9, smoothing=1e9, tempering=0.5)
    np.testing.assert_allclose(tempered, np.sqrt(expected) / np.sqrt(expected).sum(), atol=1e-6)


def test_even_anchors_tell_no_class_from_another() -> None:
    even = [Anchor("from_glc10", a.codes, np.full(a.rows.shape, 0.1)) for a in [load_anchor("from_glc10")] * 2]
    model = fit(joint({"10,10": 5, "20,20": 3, "10,20": 1}, 2), even)
    np.testing.assert_allclose(model.posterior, 0.1)


def test_cloud_is_missing() -> None:
    with_cloud = posterior_of({"40,10,10": 9}, "40,10,10")
    without = posterior_of({"40,0,10": 9}, "40,0,10")
    np.testing.assert_allclose(with_cloud, without)


@pytest.mark.parametrize("strength", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.01, 0.05])
def test_a_class_that_is_absent_does_not_take_over_a_frequent_one(strength: float, smoothing: float) -> None:
    table = {"40,5,10": 9000, "30,5,10": 500, "40,3,10": 500, "40,5,30": 400, "80,1,60": 200, "60,8,10": 100}
    for codes in ("40,5,10", "30,5,10", "40,3,10"):
        assert posterior_of(table, codes, strength=strength, smoothing=smoothing).argmax() == CROP
    assert posterior_of(table, "80,1,60", strength=strength, smoothing=smoothing).argmax() == WATER


def test_no_cells_at_all() -> None:
    model = fit(joint({}), ANCHORS)
    assert model.posterior.shape == (0, 10)
    np.testing.assert_allclose(model.emissions[0], ANCHORS[0].rows)


def test_counts_and_anchors_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="expected 3, got 2"):
        fit(joint({"10,10": 1}, 2), ANCHORS)


combinations = st.tuples(*(st.sampled_from((0, *anchor.codes)) for anchor in ANCHORS)).filter(any)
counts_tables = st.dictionaries(
    combinations.map(lambda row: ",".join(map(str, row))), st.integers(1, 10**6), min_size=1
)


@settings(max_examples=40, deadline=None)
@given(counts_tables, st.sampled_from([0.0, 0.1, 1.0, 10.0]), st.sampled_from([0.3, 1.0]), st.sampled_from([0.0, 0.1]))
def test_the_log_posterior_never_falls(table: dict[str, int], strength: float, rho: float, smoothing: float) -> None:
    model = fit(joint(table), ANCHORS, strength=strength, tempering=rho, smoothing=smoothing, iterations=60)
    history = np.array(model.log_posterior)
    assert np.isfinite(history).all()
    assert (np.diff(history) >= -1e-12 * abs(history[0])).all()
    np.testing.assert_allclose(model.posterior.sum(1), 1)
    for theta in (model.prior, *model.emissions):
        np.testing.assert_allclose(theta.sum(-1), 1)


@settings(max_examples=20, deadline=None)
@given(counts_tables, st.permutations(range(3)))
def test_the_order_of_products_does_not_matter(table: dict[str, int], order: list[int]) -> None:
    turned = {",".join(codes.split(",")[k] for k in order): n for codes, n in table.items()}
    one, other = joint(table), joint(turned)
    ours, theirs = fit(one, ANCHORS, iterations=30), fit(other, [ANCHORS[k] for k in order], iterations=30)
    rows = [list(other.to_dict()).index(",".join(c.split(",")[k] for k in order)) for c in one.to_dict()]
    np.testing.assert_allclose(ours.posterior, theirs.posterior[rows], atol=1e-6)


def test_integers_by_largest_remainder() -> None:
    shares = np.array([[1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.998, 0.001, 0.001]])
    assert to_integers(shares).tolist() == [[85, 85, 85], [128, 127, 0], [255, 0, 0], [255, 0, 0]]


@given(st.lists(st.floats(0, 1), min_size=10, max_size=10).filter(lambda row: sum(row) > 0.01))
def test_integers_always_sum_to_the_whole(row: list[float]) -> None:
    share = np.array([row]) / sum(row)
    whole = to_integers(share)
    assert whole.sum(dtype=int) == 255
    assert (abs(whole - 255 * share) < 1).all()
