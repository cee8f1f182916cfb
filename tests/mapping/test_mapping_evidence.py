"""The prior's arithmetic on cases a reader checks in the head."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.core.errors import InputError, LegendError
from l2h.core.grid import Window
from l2h.core.legend import coarse_legend, load_legend
from l2h.mapping.evidence import (
    Agreement,
    at_pixels,
    coarse_index,
    count_agreement,
    expected_of_labels,
    fuse,
    smooth_posterior,
    smoothing_radius,
)

TWO = np.array([0, 1])


def column(*values: float) -> np.ndarray:
    return np.array(values, "float32")[:, None, None]


def test_fusing_two_classes() -> None:
    # prior .8 and .2, no mix, exponent 1: .5 * .8 : .5 * .2
    np.testing.assert_allclose(fuse(column(0.5, 0.5), column(0.8, 0.2), TWO, 1.0, 0.0).ravel(), [0.8, 0.2], rtol=1e-6)
    # square root of .81 : .09 is .9 : .3
    fused = fuse(column(0.25, 0.75), column(0.9, 0.1), TWO, 0.5, 0.0).ravel()
    np.testing.assert_allclose(fused, [0.25 * 3 / (0.25 * 3 + 0.75), 0.5], rtol=1e-6)


def test_the_mix_leaves_a_class_alive_that_the_products_rule_out() -> None:
    fused = fuse(column(0.01, 0.99), column(1.0, 0.0), TWO, 1.0, 0.05).ravel()
    expected = np.array([0.01 * 0.975, 0.99 * 0.025])
    np.testing.assert_allclose(fused, expected / expected.sum(), rtol=1e-5)


def test_a_uniform_prior_changes_nothing_and_no_imagery_stays_zero() -> None:
    probability = np.stack([column(0.3, 0.7), column(0.0, 0.0)], axis=-1)[..., 0]
    np.testing.assert_allclose(
        fuse(probability, np.full_like(probability, 0.5), TWO, 0.5, 0.05), probability, rtol=1e-6
    )


def test_traffic_and_building_keep_their_ratio() -> None:
    # fine classes 1 (traffic), 2 (tree), 6 (building); coarse 2 and 6
    index = coarse_index((1, 2, 6), (2, 6))
    assert index.tolist() == [1, 0, 1]
    fused = fuse(column(0.3, 0.6, 0.1), column(0.1, 0.9), index, 1.0, 0.0).ravel()
    assert fused[0] / fused[2] == pytest.approx(3.0)
    assert fused[1] == pytest.approx(0.06 / (0.27 + 0.06 + 0.09))


def test_every_class_of_the_legend_has_its_place() -> None:
    index = coarse_index(load_legend("sinolc1").values, coarse_legend().values)
    assert index.tolist() == [4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    with pytest.raises(LegendError, match="lacks classes"):
        coarse_index((1, 2), (2,))


def test_smoothing_keeps_a_constant_and_ignores_silent_cells() -> None:
    posterior = np.zeros((2, 30, 30), "uint8")
    posterior[0] = 255
    posterior[:, 10:20, 10:12] = 0  # silent
    smooth = smooth_posterior(posterior, 2.0)
    np.testing.assert_allclose(smooth[0], 1.0, atol=1e-6)
    np.testing.assert_allclose(smooth[1], 0.0, atol=1e-6)


def test_where_no_product_speaks_the_prior_is_uniform() -> None:
    assert (smooth_posterior(np.zeros((4, 5, 6), "uint8"), 2.0) == 0.25).all()


def test_smoothing_reaches_as_far_as_it_says() -> None:
    posterior = np.zeros((2, 41, 41), "uint8")
    posterior[0] = 255
    posterior[:, 20, 20] = 0, 255
    touched = np.argwhere(smooth_posterior(posterior, 2.0)[1] > 0)
    assert touched.min() == 20 - 8
    assert smoothing_radius(2.0) == 9  # one more for interpolation


def test_interpolation_between_cell_centres() -> None:
    # cells of 2 px with values 0, 1, 3 in a row; pixel centres at ¼, ¾ of a cell
    cells = np.tile(np.array([0, 1, 3], "float32"), (1, 3, 1))
    pixels = at_pixels(cells, Window(-1, 2, 4, 7), Window(0, 2, 10, 12), 2)
    np.testing.assert_allclose(pixels[0], [[0.75, 1.5], [0.75, 1.5]])


@given(st.integers(0, 60), st.integers(1, 25), st.integers(2, 12))
def test_interpolating_any_window_equals_cropping_a_larger_one(start: int, length: int, cell_px: int) -> None:
    cells = np.random.default_rng(0).random((2, 60, 60), "float32")
    window = Window(start, start + length, start, start + length + 3)
    own = window.coarsen(cell_px).pad(1)
    rows, cols = own.slices_in(Window(-1, 59, -1, 59))
    if own.row_stop > 59 or own.col_stop > 59:
        return
    part = at_pixels(cells[:, rows, cols], own, window, cell_px)
    whole = at_pixels(cells, Window(-1, 59, -1, 59), Window(0, window.row_stop, 0, window.col_stop), cell_px)
    assert (part == whole[:, window.row_start :, window.col_start :]).all()


def test_agreement_counts_cells() -> None:
    # 4 × 5 px in cells of 2: two whole rows of cells, the last column of cells has half its pixels
    probability = np.zeros((2, 4, 5), "float32")
    probability[0], probability[1, :, 2:] = 0.4, 0.6
    posterior = np.zeros((2, 2, 3), "uint8")
    posterior[0, 0] = 200  # the upper row says the first class
    posterior[1, 0] = 55
    valid = np.ones((4, 5), bool)
    counted = count_agreement(probability, valid, posterior, TWO, 2)
    assert counted == Agreement(3, 1, 600, pixels=20, sure=8 * 102 + 12 * 153)  # the lower row is silent
    valid[:2, :2] = False
    assert count_agreement(probability, valid, posterior, TWO, 2) == Agreement(
        2, 0, 400, pixels=16, sure=4 * 102 + 12 * 153
    )


def test_the_switch() -> None:
    # labels that expect to be right in 80 % of the cells, a network that expects 84 or 86 % of itself
    better = [Agreement(1000, 700, 0, 100, 255 * sure) for sure in (84, 86)]
    assert [found.wants_prior(0.8, 0.05) for found in better] == [True, False]
    assert better[0].network_accuracy == pytest.approx(0.84)
    assert not Agreement().wants_prior(0.8, 0.05)


def test_few_cells_do_not_switch_the_prior_off() -> None:
    assert Agreement(499, 499, 0, 100, 25500).wants_prior(0.5, 0.05)
    assert not Agreement(500, 500, 0, 100, 25500).wants_prior(0.5, 0.05)


def test_what_the_label_models_expect() -> None:
    groups = {
        "a": {"cells": 30, "expected": 0.9},
        "b": {"cells": 10, "expected": 0.5},
        "": {"cells": 5, "expected": None},
    }
    assert expected_of_labels({"groups": groups}, "model.json") == pytest.approx(0.8)
    for broken in ({}, {"groups": {}}, {"groups": {"a": {"cells": 3}}}):
        with pytest.raises(InputError, match="does not tell what it expects"):
            expected_of_labels(broken, "model.json")


def test_counts_add() -> None:
    assert Agreement(10, 5, 2550, 7, 3) + Agreement(20, 5, 255, 1, 2) == Agreement(30, 10, 2805, 8, 5)
