"""Estimators for any design: Stehman (2014), agreement with the counts' formulas, and simulation-free identities."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.accuracy.confusion import ConfusionMatrix
from l2h.accuracy.estimates import paired_difference
from l2h.accuracy.stratified import stratified_accuracy
from l2h.accuracy.weighted import Drawn, mean, paired, ratio
from l2h.accuracy.weighted_scores import weighted_scores
from l2h.core.errors import InputError
from l2h.core.legend import load_legend

LEGEND = load_legend("sinolc1")
NONE = np.zeros(0)

# The worked example of Stehman (2014): forty points, ten in each of four strata that are not the map's classes. The
# article itself was not at hand; points, sizes and figures as republished by the manual of the R package mapac
# (aa_stratified), an independent program, to seven digits
STRATUM = np.repeat(np.arange(4), 10)
MAPPED = np.array(list("AAAAAAABBBABBBBBBBBBBBCCCCCCBBDDDDDDDDDD"))
REFERENCE = np.array(list("AAAAACBABCABBBBBAABBCCCCCDDBBADDDDDDDCCB"))
UNITS = np.array([40_000.0, 30_000.0, 20_000.0, 10_000.0])
STEHMAN = Drawn("stratified", STRATUM, UNITS, UNITS)


def simple(n, design="simple_random"):
    return Drawn(design, np.zeros(n, "int64"), NONE, NONE)


def told(estimate):
    return round(estimate.value, 3), round(estimate.standard_error, 3)


def is_(column, name):
    return (column == name).astype("float64")


def test_stehman_areas_and_overall_accuracy():
    assert told(mean(STEHMAN, is_(REFERENCE, "A"))) == (0.35, 0.082)
    assert told(mean(STEHMAN, is_(REFERENCE, "C"))) == (0.20, 0.064)
    assert told(mean(STEHMAN, (MAPPED == REFERENCE).astype(float))) == (0.63, 0.085)


def test_stehman_class_b_and_a_cell():
    hit = is_(MAPPED, "B") * is_(REFERENCE, "B")
    assert told(ratio(STEHMAN, hit, is_(MAPPED, "B"))) == (0.574, 0.125)
    assert told(ratio(STEHMAN, hit, is_(REFERENCE, "B"))) == (0.794, 0.117)
    assert round(mean(STEHMAN, is_(MAPPED, "B") * is_(REFERENCE, "C")).value, 3) == 0.08


@pytest.mark.parametrize(
    ("name", "users", "producers"),
    [
        ("A", (0.7419355, 0.1645627), (0.6571429, 0.1477318)),
        ("B", (0.5744681, 0.1248023), (0.7941176, 0.1165671)),
        ("C", (0.5, 0.2151657), (0.3, 0.1504438)),
    ],
)
def test_stehman_users_and_producers_accuracy_as_another_program_prints_them(name, users, producers):
    hit = is_(MAPPED, name) * is_(REFERENCE, name)
    endless = Drawn("stratified", STRATUM, UNITS, NONE)  # it leaves out the finite population correction
    for whole, printed in ((MAPPED, users), (REFERENCE, producers)):
        estimate = ratio(endless, hit, is_(whole, name))
        assert (round(estimate.value, 7), round(estimate.standard_error, 7)) == printed


def test_strata_that_are_the_maps_classes_give_the_formulas_of_olofsson():
    counts = np.array([[40, 6, 1], [5, 30, 2], [3, 4, 20]], "int64")  # reference × map
    areas = np.array([5.0, 3.0, 2.0])
    reference, mapped = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices((3, 3)))
    drawn, printed = Drawn("stratified", mapped, areas, NONE), stratified_accuracy(counts, areas)
    for c in range(3):
        hit = ((mapped == c) & (reference == c)).astype(float)
        for found, wanted in (
            (ratio(drawn, hit, (mapped == c).astype(float)), printed.users_accuracy[c]),
            (ratio(drawn, hit, (reference == c).astype(float)), printed.producers_accuracy[c]),
        ):
            assert found.value == pytest.approx(wanted.value)
            assert found.standard_error == pytest.approx(wanted.standard_error)
        assert mean(drawn, (reference == c).astype(float)).value * 10 == pytest.approx(printed.areas[c].value)
    assert mean(drawn, (mapped == reference).astype(float)).standard_error == pytest.approx(
        printed.overall_accuracy.standard_error
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([0, 1, 2, 4])), min_size=3, max_size=40))
def test_a_simple_random_sample_gives_the_scores_of_its_counts(pairs):
    reference, mapped = (np.array(column, "uint8") for column in zip(*pairs, strict=True))
    counted = ConfusionMatrix.from_codes(reference, mapped, LEGEND, "simple_random").scores()
    weighed = weighted_scores(simple(len(pairs)), reference, mapped, np.ones(len(pairs), bool), LEGEND)
    assert weighed["counts"] == counted["counts"]
    for name in ("overall_accuracy", "where_mapped", "mapped", "kappa", "mean_iou"):
        assert weighed[name]["value"] == pytest.approx(counted[name]["value"], abs=1e-12), name
    for mine, theirs in zip(weighed["classes"], counted["classes"], strict=True):
        for name in ("users_accuracy", "producers_accuracy", "f1", "iou"):
            assert mine[name]["value"] == pytest.approx(theirs[name]["value"], abs=1e-12), name
            assert mine[name]["n"] == theirs[name]["n"] or name == "f1"
    larger = math.sqrt(len(pairs) / (len(pairs) - 1))  # n against n - 1 below the variance
    for name in ("kappa", "mean_iou"):
        if counted[name]["standard_error"] is not None:
            assert weighed[name]["standard_error"] == pytest.approx(counted[name]["standard_error"] * larger, abs=1e-7)


def test_blocks_of_equal_means_leave_no_variance_between_them():
    blocks = np.repeat(np.arange(5), 4)
    drawn = Drawn("two_stage", blocks, NONE, NONE)
    same, apart = np.tile([1.0, 1, 0, 0], 5), (blocks < 2).astype(float)
    assert mean(drawn, same).standard_error == pytest.approx(0)
    assert mean(drawn, apart).value == pytest.approx(0.4)
    assert mean(drawn, apart).standard_error == pytest.approx(math.sqrt(0.3 / 5))  # s² of 1, 1, 0, 0, 0 is 0.3


def test_without_a_design_there_is_a_table_and_no_interval():
    found = mean(simple(4, "none"), np.array([1.0, 1, 0, 1]))
    assert (found.value, found.standard_error, found.low, found.high) == (0.75, None, None, None)


def test_too_few_points_are_not_told():
    y = np.array([1.0, 1, 0, 1])
    assert mean(simple(4), y, least=5).value is None
    assert mean(simple(4), y, least=5).n == 4


def test_a_perfect_score_keeps_a_width():
    found = mean(simple(20), np.ones(20))
    assert (found.value, found.high) == (1.0, 1.0)
    assert 0.8 < found.low < 0.9


def test_a_part_of_the_country_is_a_domain():
    part = np.array([True] * 6 + [False] * 4)
    right = np.array([1.0, 1, 1, 0, 1, 1, 0, 0, 0, 0])
    found = ratio(simple(10), right * part, part.astype(float))
    assert found.value == pytest.approx(5 / 6)
    e = (right - 5 / 6) * part / 0.6
    assert found.standard_error == pytest.approx(math.sqrt((e**2).sum() / 9 / 10))


@pytest.mark.parametrize(
    ("design", "stratum", "sizes"),
    [("stratified", [0, 0, 1], [5.0, 5.0]), ("stratified", [0, 0, 0], [5.0, 5.0]), ("two_stage", [0, 0, 0], [])],
)
def test_a_stratum_or_a_block_alone(design, stratum, sizes):
    with pytest.raises(InputError, match="too small for its design"):
        Drawn(design, np.array(stratum), np.array(sizes), NONE)


def test_pairs_of_a_simple_random_sample_are_mcnemars():
    first, second = np.array([1, 1, 1, 0, 1, 0, 1, 1], bool), np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    found, counted = paired(simple(8), first, second), paired_difference(first, second, "simple_random")
    assert found.difference.value == counted.value == 2 / 8
    assert found.difference.standard_error == pytest.approx(counted.standard_error * math.sqrt(8 / 7))
    assert (found.only_first, found.only_second) == (pytest.approx(3 / 8), pytest.approx(1 / 8))
    assert found.chi2 == pytest.approx((found.difference.value / found.difference.standard_error) ** 2)
    assert found.p == pytest.approx(math.erfc(math.sqrt(found.chi2 / 2)))


def test_two_maps_that_are_one():
    right = np.array([1, 0, 1], bool)
    found = paired(simple(3), right, right)
    assert (found.difference.value, found.chi2, found.p) == (0.0, None, None)


def test_what_is_drawn_of_a_small_stratum_is_known():
    """Σ W² (1 - n / N) s² / n with W = ½, s² = ½, n = 2 of N = 4 and of 8: ¼ · ¼ · (½ + ¾); of all of them, nothing."""
    stratum, values = np.array([0, 0, 1, 1]), np.array([0.0, 1.0, 0.0, 1.0])
    for units, variance in (([4.0, 8.0], 0.078125), ([2.0, 2.0], 0.0), ([], 0.125)):
        drawn = Drawn("stratified", stratum, np.array([1.0, 1.0]), np.array(units))
        assert drawn.variance(values) == pytest.approx(variance)


def test_intervals_of_few_blocks_are_students():
    """Three blocks: two degrees of freedom, 4.30 standard errors where a thousand blocks have 1.96."""
    for blocks, z in ((3, 4.302653), (11, 2.228139), (1000, 1.962341)):
        assert Drawn("two_stage", np.arange(blocks), NONE, NONE).z == pytest.approx(z, abs=1e-6)
    assert Drawn("simple_random", np.zeros(3, int), NONE, NONE).z == pytest.approx(1.959964, abs=1e-6)
