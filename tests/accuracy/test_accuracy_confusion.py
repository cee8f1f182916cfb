"""ConfusionMatrix: cases for the head, published examples, identities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from l2h.accuracy.confusion import ConfusionMatrix
from l2h.core.errors import LegendError
from l2h.core.legend import LandClass, Legend, coarse_legend, load_legend


def legend(k: int) -> Legend:
    return Legend("test", "Test", tuple(LandClass(i + 1, f"c{i + 1}", f"Class {i + 1}", (i, i, i)) for i in range(k)))


def matrix(rows, design="simple_random") -> ConfusionMatrix:
    counts = np.array(rows, "int64")
    if counts.shape[0] == counts.shape[1]:
        counts = np.hstack([counts, np.zeros((len(counts), 1), "int64")])
    return ConfusionMatrix(legend(len(counts)), counts, design)


TWO = matrix([[3, 1], [2, 4]])  # reference × map


def test_two_classes_by_hand():
    assert TWO.overall_accuracy().value == 0.7
    assert [e.value for e in TWO.users_accuracy()] == [3 / 5, 4 / 5]
    assert [e.value for e in TWO.producers_accuracy()] == [3 / 4, 4 / 6]
    assert [e.value for e in TWO.iou()] == [3 / 6, 4 / 7]
    assert [e.value for e in TWO.f1()] == pytest.approx([6 / 9, 8 / 11])
    assert TWO.mean_iou().value == pytest.approx((1 / 2 + 4 / 7) / 2)
    # pe = 0.4 × 0.5 + 0.6 × 0.5 = 0.5
    assert TWO.kappa().value == pytest.approx(0.4)


def test_each_number_knows_how_many_units_stand_behind_it():
    assert TWO.overall_accuracy().n == 10
    assert [e.n for e in TWO.users_accuracy()] == [5, 5]
    assert [e.n for e in TWO.producers_accuracy()] == [4, 6]
    assert [e.n for e in TWO.iou()] == [6, 7]


def test_map_nodata_counts_as_wrong_and_can_be_left_out():
    m = matrix([[3, 1, 4], [2, 4, 0]])
    assert m.overall_accuracy().value == 0.5
    assert m.mapped().value == pytest.approx(10 / 14)
    assert m.producers_accuracy()[0].value == 3 / 8
    assert m.users_accuracy()[0].value == 3 / 5
    assert m.iou()[0].value == 3 / (8 + 5 - 3)
    assert m.where_mapped().overall_accuracy().value == 0.7
    assert m.where_mapped() == TWO


def test_a_class_nobody_saw_is_undefined():
    m = matrix([[2, 0, 0], [1, 3, 0], [0, 0, 0]])
    absent = [m.users_accuracy()[2], m.producers_accuracy()[2], m.f1()[2], m.iou()[2]]
    assert [e.value for e in absent] == [None] * 4
    assert m.mean_iou().value == pytest.approx((2 / 3 + 3 / 4) / 2)


def test_an_empty_matrix_has_no_scores():
    m = ConfusionMatrix.empty(legend(2), "simple_random")
    assert [e.value for e in (m.overall_accuracy(), m.kappa(), m.mean_iou(), m.mapped())] == [None] * 4


def test_kappa_is_undefined_where_all_is_one_class():
    assert matrix([[5, 0], [0, 0]]).kappa().value is None


def test_census_scores_have_no_sampling_error():
    m = matrix([[3, 1], [2, 4]], "census")
    whole = [m.overall_accuracy(), m.kappa(), m.mean_iou(), *m.users_accuracy(), *m.f1()]
    assert [e.standard_error for e in whole] == [0.0] * 7
    assert {e.design for e in whole} == {"census"}


def test_kappa_of_congalton_and_green():
    # Congalton and Green (2009), table 5.1: overall accuracy 74 %, KHAT 0.65. They print a variance of 0.0007778, which
    # pairs row share i with column share j; the delta method (Fleiss and others 1969) pairs column i with row j.
    m = matrix(np.array([[65, 4, 22, 24], [6, 81, 5, 8], [0, 11, 85, 19], [4, 7, 3, 90]]).T)
    assert round(m.overall_accuracy().value, 2) == 0.74
    assert round(m.kappa().value, 2) == 0.65
    assert round(m.kappa().standard_error ** 2, 7) == 0.00077


def test_kappa_interval_of_a_second_program():
    # `kapci` of Stata, analytical interval: 1395, 118, 261, 158
    k = matrix([[1395, 118], [261, 158]]).kappa()
    assert k.value == pytest.approx(0.3411969207847029, abs=1e-12)
    assert k.standard_error == pytest.approx(
        (0.3927270629422889 - 0.2896667786271169) / 2 / 1.959963984540054, rel=1e-9
    )


def test_standard_errors_match_repeated_sampling():
    rng = np.random.default_rng(0)
    shares = np.array([[0.30, 0.06, 0.04], [0.05, 0.25, 0.02], [0.03, 0.05, 0.20]])
    draws = [matrix(rng.multinomial(400, shares.ravel()).reshape(3, 3)) for _ in range(1500)]
    exact = matrix((shares * 400).round().astype(int))
    for score in (ConfusionMatrix.kappa, ConfusionMatrix.mean_iou, lambda m: m.f1()[0], lambda m: m.iou()[1]):
        spread = np.std([score(d).value for d in draws])
        assert score(exact).standard_error == pytest.approx(spread, rel=0.08)


def test_counting_codes():
    reference = np.array([[1, 2, 0], [2, 2, 1]], "uint8")
    mapped = np.array([[1, 1, 1], [2, 0, 1]], "uint8")
    m = ConfusionMatrix.from_codes(reference, mapped, legend(2), "census")
    assert m.counts.tolist() == [[2, 0, 0], [1, 1, 1]]


def test_a_code_outside_the_legend_is_named():
    with pytest.raises(LegendError, match="code 7"):
        ConfusionMatrix.from_codes(np.array([1], "uint8"), np.array([7], "uint8"), legend(2), "census")


def test_matrices_of_different_designs_do_not_add():
    with pytest.raises(LegendError, match="do not add"):
        TWO + matrix([[1, 0], [0, 1]], "census")


def test_counts_of_the_wrong_shape_are_refused():
    with pytest.raises(LegendError, match="needs counts"):
        ConfusionMatrix(legend(2), np.zeros((2, 2), "int64"), "census")


def test_traffic_taken_for_building_is_right_in_the_coarse_legend():
    fine = load_legend("sinolc1")
    m = ConfusionMatrix.from_codes(np.array([1, 6, 1], "uint8"), np.array([6, 6, 2], "uint8"), fine, "simple_random")
    coarse = m.merged(coarse_legend(), {1: 6})
    assert (m.overall_accuracy().value, coarse.overall_accuracy().value) == (1 / 3, 2 / 3)
    assert coarse.n == m.n


counts3 = arrays("int64", (3, 4), elements=st.integers(0, 50))
codes = arrays("uint8", (6, 7), elements=st.sampled_from([0, 1, 2, 3]))


@given(counts3)
def test_identities(counts):
    m = ConfusionMatrix(legend(3), counts, "simple_random")
    for ua, pa, f1, iou in zip(m.users_accuracy(), m.producers_accuracy(), m.f1(), m.iou(), strict=True):
        if ua.value and pa.value:
            assert f1.value == pytest.approx(2 * ua.value * pa.value / (ua.value + pa.value))
            assert iou.value == pytest.approx(f1.value / (2 - f1.value))
    if m.n:
        weighted = sum((e.value or 0) * e.n for e in m.producers_accuracy()) / m.n
        assert m.overall_accuracy().value == pytest.approx(weighted)
        assert m.kappa().value is None or m.kappa().value <= m.overall_accuracy().value + 1e-12


@given(codes, codes, st.integers(0, 6))
def test_parts_add_to_the_whole(reference, mapped, cut):
    def count(cols):
        return ConfusionMatrix.from_codes(reference[:, cols], mapped[:, cols], legend(3), "census")

    assert count(slice(0, cut)) + count(slice(cut, None)) == count(slice(None))


@given(counts3)
def test_scores_are_plain_values(counts):
    scores = ConfusionMatrix(legend(3), counts, "simple_random").scores()
    assert scores["counts"] == counts.tolist()
    assert {row["name"] for row in scores["classes"]} == {"c1", "c2", "c3"}
