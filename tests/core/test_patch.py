"""Patches: values never travel without validity and place."""

import numpy as np
import pytest

from l2h.core.errors import GridError
from l2h.core.grid import Window
from l2h.core.patch import Patch

WINDOW = Window(10, 12, 20, 23)


def test_crop_keeps_values_validity_and_place_together() -> None:
    patch = Patch(np.arange(6).reshape(1, 2, 3), np.array([[True, False, True], [True, True, False]]), WINDOW)
    part = patch.crop(Window(11, 12, 21, 23))
    assert part.values.tolist() == [[[4, 5]]]
    assert part.valid.tolist() == [[True, False]]
    assert part.window == Window(11, 12, 21, 23)


def test_crop_beyond_the_window_is_refused() -> None:
    patch = Patch(np.zeros((1, 2, 3)), np.ones((2, 3), bool), WINDOW)
    with pytest.raises(GridError, match="beyond its window"):
        patch.crop(Window(9, 12, 20, 23))


@pytest.mark.parametrize(
    ("values", "valid"),
    [((2, 3), (2, 3)), ((1, 2, 4), (2, 3)), ((1, 2, 3), (3, 2)), ((1, 3, 2), (3, 2))],
    ids=["no band axis", "values too wide", "validity turned", "both turned"],
)
def test_arrays_that_do_not_cover_the_window_are_refused(values: tuple[int, ...], valid: tuple[int, ...]) -> None:
    with pytest.raises(GridError, match="do not cover its window"):
        Patch(np.zeros(values), np.ones(valid, bool), WINDOW)


def test_an_empty_patch_is_a_patch() -> None:
    assert Patch(np.zeros((3, 0, 4)), np.zeros((0, 4), bool), Window(5, 5, 0, 4)).window.empty
