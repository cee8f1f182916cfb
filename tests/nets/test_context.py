"""Context pixels: what they hold, and that they do not depend on who asks."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.core.errors import GridError, InputError
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.nets.context import CoarseImagery, ContextView, coarse_pixels
from l2h.nets.normalise import Normalisation


class Picture:
    """A raster in memory."""

    def __init__(self, values: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_]) -> None:
        self.values, self.valid = values, valid
        self.grid = Grid("EPSG:32650", 0.0, 0.0, 1.0, *valid.shape)

    def read(self, window: Window) -> Patch:
        values, valid = np.zeros((len(self.values), *window.shape), "uint8"), np.zeros(window.shape, bool)
        inside = window.intersect(self.grid.window)
        to, of = inside.slices_in(window), inside.slices_in(self.grid.window)
        values[:, *to], valid[to] = self.values[:, *of], self.valid[of]
        return Patch(values, valid, window)


def test_a_context_pixel_is_mean_spread_and_share_of_what_is_valid() -> None:
    values = np.array([[[1, 3, 9, 9], [5, 7, 9, 200]]], "uint8")
    valid = np.array([[True, True, False, True], [True, True, False, False]])
    found = coarse_pixels(values, valid, 2)
    assert found.tolist() == [[[4.0, 9.0]], [[pytest.approx(np.sqrt(5)), 0.0]], [[1.0, 0.25]]]


def test_no_valid_pixel_says_nothing() -> None:
    assert not coarse_pixels(np.full((3, 4, 4), 255, "uint8"), np.zeros((4, 4), bool), 4).any()


@given(st.integers(1, 45), st.integers(1, 45), st.integers(-2, 4), st.integers(-2, 4), st.integers(1, 4))
def test_any_window_reads_the_same_context_pixels(height: int, width: int, row: int, col: int, side: int) -> None:
    rng = np.random.default_rng(height * 100 + width)
    picture = Picture(rng.integers(0, 256, (2, height, width), "uint8"), rng.random((height, width)) > 0.2)
    coarse = CoarseImagery(picture, 10)
    whole = coarse.read(Window(-3, 9, -3, 9))
    part = coarse.read(Window(row, row + side, col, col + side))
    assert (part.values == whole.crop(part.window).values).all()
    assert (part.valid == whole.crop(part.window).valid).all()
    outside = ~np.pad(np.ones(coarse.grid.shape, bool), 20)[17:29, 17:29]  # rows and columns -3 to 8
    assert not whole.valid[outside].any()


def test_the_context_of_a_window_is_its_padded_shape_and_margin_on_the_coarse_lattice() -> None:
    view = ContextView(step=10, margin=240)
    assert view.window(Window(80, 160, -80, 20), 80) == Window(-16, 40, -32, 32)
    assert view.channels(3) == 7


def test_a_window_off_the_context_lattice_is_refused() -> None:
    with pytest.raises(GridError, match="multiples of 10"):
        ContextView(10, 240).window(Window(5, 85, 0, 80), 80)


def test_context_is_normalised_as_pixels_are() -> None:
    normal = Normalisation((10.0, 20.0), (2.0, 4.0))
    context = np.array([14, 12, 6, 8, 0.5, 0, 0, 0, 0, 0], "float32").reshape(2, 5).T[..., None]
    assert normal.apply_context(context).ravel().tolist() == [2, 0, -2, 0, 3, 0, 2, 0, -0.5, -1]


def test_a_context_of_other_bands_is_refused() -> None:
    with pytest.raises(InputError, match="context channels"):
        Normalisation((0.0,), (1.0,)).apply_context(np.zeros((7, 2, 2), "float32"))
