"""Cells, reliability and fusion on arrays that fit a hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.core.grid import Window
from l2h.labels.cells import agreement, cell_mode, reliability
from l2h.labels.compose import from_intersection, from_posterior, spread
from l2h.labels.fusion import cell_codes, class_of, fuse
from l2h.labels.quality import LabelQuality, label_quality
from l2h.labels.settings import LabelSettings

OLD = ("worldcover", "esri2020", "from_glc10")


def test_mode_of_cells_with_ties_and_a_rim() -> None:
    values = np.array([[5, 5, 7, 0, 9], [5, 7, 7, 0, 9], [1, 2, 3, 3, 8]], "uint8")
    # 5 three times | 0 and 7 twice each: the lower | 9; below: 1 and 2 tie | 3 | 8
    assert cell_mode(values, 2).tolist() == [[5, 0, 9], [1, 3, 8]]


def test_mode_keeps_the_type() -> None:
    cities = np.array([[300, 300, 2], [300, 2, 2]], "uint16")
    assert cell_mode(cities, 3).tolist() == [[2]]  # three each
    assert cell_mode(cities, 2).tolist() == [[300, 2]]
    assert cell_mode(cities, 1).dtype == np.uint16


@given(st.integers(1, 12), st.integers(1, 25), st.integers(1, 25))
def test_cells_do_not_depend_on_the_window(cell_px: int, height: int, width: int) -> None:
    values = np.random.default_rng(height * 31 + width).integers(0, 3, (height, width), "uint8")
    whole = cell_mode(values, cell_px)
    np.testing.assert_array_equal(cell_mode(values[cell_px:], cell_px), whole[1:])
    np.testing.assert_array_equal(cell_mode(values[:, : 2 * cell_px], cell_px), whole[:, :2])


def test_agreement_counts_neighbours_with_a_class() -> None:
    top = np.array([[0, 0, 0, 0], [0, 1, 1, 2], [0, 1, 2, 2]], "uint8")
    same, some = agreement(top)
    assert same.tolist() == [[3, 3]]
    assert some.tolist() == [[4, 6]]


def test_reliability_is_probability_times_agreement() -> None:
    posterior = np.zeros((2, 3, 4), "uint8")
    posterior[0, :, :3] = 255
    posterior[:, 1, 1] = 204, 51  # 80 %, and all nine like it
    posterior[:, 1, 3] = 0
    # second cell: 100 %, six of the six neighbours that have a product
    assert reliability(posterior).tolist() == [[80, 100]]
    posterior[:, 0, 0] = 0, 255
    assert reliability(posterior).tolist() == [[71, 100]]  # 80 · 8 / 9 = 71.1
    posterior[:, (0, 0, 1, 2), (0, 1, 0, 0)] = [[0], [255]]
    posterior[:, 2, 1] = 0, 255
    assert reliability(posterior)[0, 0] == 36  # 80 · 4 / 9 = 35.6, to the nearest


def test_fusion_follows_two_of_three_and_knows_where_nothing_is() -> None:
    codes = np.array([[[10] * 8 + [0]], [[2] * 7 + [5] + [0]], [[20] * 8 + [0]]], "uint8")
    (out,) = fuse([codes], OLD)
    assert out.shape == (11, 1, 9)
    assert class_of(out).tolist() == [[2] * 8 + [0]]
    assert out[:-1].sum(0, dtype=int).tolist() == [[255] * 8 + [0]]
    assert out[:, 0, 8].tolist() == [0] * 11
    assert class_of(out, void_below=101).tolist() == [[0] * 9]


def test_a_model_without_anchors_and_without_smoothing_still_labels() -> None:
    free = LabelSettings(anchor_strength=0, prior_smoothing=0)
    (out,) = fuse([np.array([[[10, 10, 40]], [[2, 2, 5]], [[20, 20, 10]]], "uint8")], OLD, free)
    assert set(out[:-1].sum(0, dtype=int).ravel()) == {255}


def test_cells_where_all_products_say_nothing_have_no_posterior() -> None:
    (out,) = fuse([np.array([[[10, 0]], [[2, 10]], [[20, 0]]], "uint8")], OLD)
    assert out[:, 0, 1].tolist() == [0] * 11


def test_areas_of_one_call_share_one_model() -> None:
    rng = np.random.default_rng(3)
    codes = np.stack([rng.choice(c, (6, 10)) for c in ([10, 40], [2, 5], [20, 10])]).astype("uint8")
    alone = LabelSettings(neighbour_rounds=0)  # an area cut in two loses neighbours, not its model
    whole = fuse([codes], OLD, alone)[0]
    parts = fuse([codes[..., :4], codes[..., 4:]], OLD, alone)
    np.testing.assert_array_equal(np.concatenate([p[:10] for p in parts], axis=2), whole[:10])


def test_codes_per_cell() -> None:
    codes = np.zeros((2, 4, 6), "uint8")
    codes[0, :, :2], codes[1, 2:] = 10, 5
    assert cell_codes(codes, 2).tolist() == [[[10, 0, 0]] * 2, [[0, 0, 0], [5, 5, 5]]]


def test_cells_spread_over_the_pixels_of_any_window() -> None:
    window = Window(1, 4, 2, 7)  # cells of 3 px: rows 0..1, columns 0..2
    cells = np.array([[[1, 2, 3], [4, 5, 6]]], "uint8")
    assert spread(cells, 3, window).tolist() == [[[1, 2, 2, 2, 3], [1, 2, 2, 2, 3], [4, 5, 5, 5, 6]]]


def test_label_from_posterior_and_evidence() -> None:
    label, trust = np.array([[2, 5, 0, 5, 5]], "uint8"), np.array([[90, 40, 10, 70, 70]], "uint8")
    vectors = np.array([[[0, 255, 1, 6, 0]], [[0, 1, 1, 6, 1]]], "uint8")
    out = from_posterior(label, trust, vectors)
    assert out.tolist() == [[[2, 0, 1, 6, 5]], [[90, 0, 100, 100, 70]], [[1, 4, 2, 3, 1]]]


def test_label_from_intersection_burns_roads_and_nothing_else() -> None:
    label = np.array([[2, 5, 0, 5, 0]], "uint8")
    vectors = np.array([[[0, 255, 1, 6, 255]], [[0, 1, 1, 6, 0]]], "uint8")
    out = from_intersection(label, vectors)
    assert out.tolist() == [[[2, 1, 1, 5, 0]], [[100, 100, 100, 100, 0]], [[1, 2, 2, 1, 0]]]


def test_quality_counts() -> None:
    label = np.array([2, 6, 6, 0, 5, 2], "uint8")
    reference = np.array([2, 1, 21, 2, 2, 0], "uint8")
    accept = {1: (1,), 2: (2,), 21: (1, 6)}
    assert label_quality(label, reference, accept) == LabelQuality(known=5, kept=4, right=3)
    assert label_quality(label, reference, accept, coarse=False) == LabelQuality(5, 4, 2)
    total = LabelQuality(5, 4, 3) + LabelQuality(5, 1, 1)
    assert (total.kept_share, total.right_share) == (0.5, 0.8)
    assert np.isnan(LabelQuality(0, 0, 0).right_share)


def test_settings_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="extra"):
        LabelSettings(anker=1)  # type: ignore[call-arg]
