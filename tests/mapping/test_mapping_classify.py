"""Class, confidence and source."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.mapping.classify import NETWORK, NETWORK_AND_PRIOR, NOTHING, VECTOR, classify, draw_vectors, per_cent

VALUES = (1, 2, 6)


def one_row(*pixels: tuple[float, float, float]) -> np.ndarray:
    return np.array(pixels, "float32").T[:, None]


def test_likeliest_class_and_its_per_cent() -> None:
    result = classify(
        one_row((0.1, 0.7, 0.2), (0.2, 0.2, 0.6), (0.5, 0.5, 0.0)), np.array([[True, True, True]]), VALUES
    )
    assert result.classes.tolist() == [[2, 6, 1]]  # of equals the first
    assert result.confidence.tolist() == [[70, 60, 50]]
    assert result.source.tolist() == [[NETWORK] * 3]


def test_no_imagery_is_nothing() -> None:
    result = classify(one_row((0.1, 0.7, 0.2)), np.array([[False]]), VALUES, NETWORK_AND_PRIOR)
    assert result.stack().tolist() == [[[0]], [[0]], [[NOTHING]]]


def test_vectors_on_top_keep_the_networks_opinion() -> None:
    probability = one_row((0.1, 0.7, 0.2), (0.1, 0.7, 0.2), (0.1, 0.7, 0.2))
    before = classify(probability, np.array([[True, True, False]]), VALUES)
    drawn = draw_vectors(before, np.array([[6, 0, 6]], "uint8"), probability, VALUES)
    assert drawn.classes.tolist() == [[6, 2, 0]]
    assert drawn.confidence.tolist() == [[20, 70, 0]]
    assert drawn.source.tolist() == [[VECTOR, NETWORK, NOTHING]]


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20))
def test_confidence_lies_between_0_and_100(values: list[float]) -> None:
    result = per_cent(np.array(values, "float32"))
    assert result.dtype == np.uint8
    assert result.max() <= 100


@pytest.mark.parametrize(("share", "confidence"), [(0.0, 0), (0.004, 0), (0.006, 1), (0.996, 100), (1.0000001, 100)])
def test_rounding(share: float, confidence: int) -> None:
    assert per_cent(np.array([share], "float32"))[0] == confidence
