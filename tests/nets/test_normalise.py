import numpy as np
import pytest

from l2h.core.errors import InputError
from l2h.nets.normalise import Normalisation


def test_values_are_scaled_and_invalid_pixels_are_the_mean() -> None:
    values = np.array([[[10, 30]], [[5, 0]]], np.uint8)
    valid = np.array([[True, False]])
    out = Normalisation((20.0, 5.0), (10.0, 1.0)).apply(values, valid)
    assert out.dtype == np.float32
    assert out.tolist() == [[[-1.0, 0.0]], [[0.0, 0.0]]]


@pytest.mark.parametrize(("mean", "std"), [((1.0,), (0.0,)), ((1.0, 2.0), (1.0,)), ((), ()), ((float("nan"),), (1.0,))])
def test_numbers_that_cannot_scale_are_refused(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="normalisation"):
        Normalisation(mean, std)


def test_other_bands_are_refused() -> None:
    with pytest.raises(InputError, match="wrong number of bands: expected 1, got 2"):
        Normalisation((1.0,), (1.0,)).apply(np.zeros((2, 1, 1)), np.ones((1, 1), bool))
