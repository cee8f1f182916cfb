"""Smooth random fields, the raw material of everything that looks natural."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

Field = NDArray[np.float32]

# Standard deviation of a cubic B-spline surface with unit normal coefficients, averaged over positions:
# per axis the integral of B(t)^2 is 151/315.
_SPLINE_SD = 151.0 / 315.0


def _spline_weights(size: int, scale_px: float) -> sparse.csr_matrix:
    """Sparse cubic B-spline matrix [size, knots]: row i holds the four weights of pixel centre i."""
    t = (np.arange(size) + 0.5) / scale_px
    knot = np.floor(t).astype(np.int64)
    f = t - knot
    weights = np.stack([(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3], axis=1) / 6
    columns = knot[:, None] + np.arange(4)
    rows = np.repeat(np.arange(size), 4)
    shape = (size, int(knot[-1]) + 4)
    return sparse.csr_matrix((weights.ravel().astype(np.float32), (rows, columns.ravel())), shape=shape)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], scale_px: float) -> Field:
    """Gaussian field [H, W] of mean about 0 and standard deviation about 1, smooth over `scale_px` pixels.

    A cubic B-spline surface through normal coefficients `scale_px` apart. Sparse products keep it fast and, unlike
    BLAS, the same to the bit for any number of threads.
    """
    rows, cols = (_spline_weights(size, scale_px) for size in shape)
    coefficients = rng.standard_normal((rows.shape[1], cols.shape[1]), dtype=np.float32)
    along_rows = rows @ coefficients
    field = (cols @ np.ascontiguousarray(along_rows.T)).T
    return np.ascontiguousarray(field, dtype=np.float32) / np.float32(_SPLINE_SD)


def fractal_noise(
    rng: np.random.Generator, shape: tuple[int, int], scale_px: float, octaves: int = 4, gain: float = 0.5
) -> Field:
    """Sum of `octaves` smooth fields, each of half the scale and `gain` times the amplitude; variance about 1."""
    total = np.zeros(shape, np.float32)
    power = 0.0
    for octave in range(octaves):
        scale = max(scale_px / 2**octave, 1.0)
        amplitude = np.float32(gain**octave)
        total += amplitude * smooth_noise(rng, shape, scale)
        power += float(amplitude) ** 2
    total /= np.float32(np.sqrt(power))
    return total


def curve_noise(rng: np.random.Generator, count: int, period: float, closed: bool = False) -> NDArray[np.float64]:
    """Smooth noise [count] along a curve, standard deviation about 1; `closed` makes its ends meet."""
    white = rng.standard_normal(count)
    smooth = ndimage.gaussian_filter1d(white, period / 2, mode="wrap" if closed else "reflect")
    return smooth / max(float(smooth.std()), 1e-9)


def quantise(field: Field, step: float = 1 / 32) -> NDArray[np.int8]:
    """Keep a field in one byte a pixel: integer multiples of `step`, clipped at ±127 steps."""
    steps: NDArray[np.int8] = np.clip(np.rint(field / step), -127, 127).astype(np.int8)
    return steps
