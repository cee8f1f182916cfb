"""Neighbours of like colour."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from l2h.mapping.pairs import REACH_PX, refine


def flat(height: int, width: int) -> np.ndarray:
    return np.zeros((3, height, width), "float32")


def seen(height: int, width: int) -> np.ndarray:
    return np.ones((height, width), bool)


def lone(height: int, width: int) -> np.ndarray:
    """Two classes: .8 for the first everywhere but in the middle, where it has .4."""
    first = np.full((height, width), 0.8, "float32")
    first[height // 2, width // 2] = 0.4
    return np.stack([first, 1 - first])


def test_a_lone_pixel_of_its_neighbours_colour_takes_their_class() -> None:
    refined = refine(lone(9, 9), flat(9, 9), seen(9, 9), 8.0, 0.5)
    assert (refined.argmax(axis=0) == 0).all()


def test_a_lone_pixel_of_another_colour_keeps_its_class() -> None:
    colours = flat(9, 9)
    colours[:, 4, 4] = 10
    refined = refine(lone(9, 9), colours, seen(9, 9), 8.0, 0.5)
    assert refined.argmax(axis=0)[4, 4] == 1
    np.testing.assert_allclose(refined[:, 4, 4], [0.4, 0.6], atol=1e-6)  # it hears nobody


def test_pixels_without_imagery_are_nobodys_neighbours() -> None:
    valid = seen(9, 9)
    valid[:] = False
    valid[4, 4] = True
    refined = refine(lone(9, 9), flat(9, 9), valid, 8.0, 0.5)
    np.testing.assert_allclose(refined[:, 4, 4], [0.4, 0.6], atol=1e-6)


def test_one_round_by_hand() -> None:
    """Two pixels two columns apart, one colour, twelve partners of which one is there: log q = log p + w/12 q."""
    p = np.array([[[0.9, 0.5, 0.5]], [[0.1, 0.5, 0.5]]], "float32")
    refined = refine(p, flat(1, 3), seen(1, 3), 12.0, 1.0)
    left, right = p[:, 0, 0], p[:, 0, 2]
    for _ in range(2):
        left, right = (soft(np.log(own) + other) for own, other in ((p[:, 0, 0], right), (p[:, 0, 2], left)))
    np.testing.assert_allclose(refined[:, 0, 0], left, rtol=1e-5)
    np.testing.assert_allclose(refined[:, 0, 2], right, rtol=1e-5)
    np.testing.assert_allclose(refined[:, 0, 1], [0.5, 0.5], rtol=1e-5)


def soft(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum()


@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 12))
def test_a_pixel_depends_on_its_reach_alone(seed: int, row: int, col: int) -> None:
    rng = np.random.default_rng(seed)
    side = 2 * REACH_PX + 13
    p = rng.dirichlet((1, 1, 1), (side, side)).transpose(2, 0, 1).astype("float32")
    colours, valid = rng.normal(size=(3, side, side)).astype("float32"), rng.random((side, side)) < 0.9
    around = np.s_[row : row + 2 * REACH_PX + 1, col : col + 2 * REACH_PX + 1]
    whole = refine(p, colours, valid, 8.0, 0.5)
    part = refine(p[:, *around], colours[:, *around], valid[around], 8.0, 0.5)
    np.testing.assert_allclose(
        part[:, REACH_PX, REACH_PX], whole[:, row + REACH_PX, col + REACH_PX], rtol=1e-5, atol=1e-7
    )
    np.testing.assert_allclose(whole.sum(axis=0), 1, rtol=1e-5)
