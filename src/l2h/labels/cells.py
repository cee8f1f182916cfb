"""Cells: what a product says in a cell of 10 × 10 pixels, and how far a cell can be trusted."""

from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.labels.posterior import WHOLE


def cell_mode(values: npt.NDArray[Any], cell_px: int) -> npt.NDArray[Any]:
    """The most frequent value of each cell; ties go to the lowest value.

    values : integers [H, W] of a window that starts on a cell; cells cut by the grid's rim count what they have
    Returns the same dtype, [ceil(H / cell_px), ceil(W / cell_px)].

    The mode, not the centre pixel: a product's own cells straddle ours (WorldCover's are not even square on the
    ground), and the one that covers most of ours speaks for it, wherever its corner falls. Nodata is a value like
    any other: a cell mostly without product has none.
    """
    height, width = values.shape
    rows, cols = -(-height // cell_px), -(-width // cell_px)
    best = np.zeros((rows, cols), values.dtype)
    most = np.zeros((rows, cols), "uint16")
    for value in np.unique(values):
        padded = np.zeros((rows * cell_px, cols * cell_px), "uint8")
        padded[:height, :width] = values == value
        along = padded.reshape(rows, cell_px, cols * cell_px).sum(axis=1, dtype="uint8")
        count = along.reshape(rows, cols, cell_px).sum(axis=2, dtype="uint16")
        better = count > most
        best[better], most[better] = value, count[better]
    return best


def agreement(top: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """How many of the 3 × 3 cells around each cell have its class, and how many have any.

    top : classes [h + 2, w + 2], 0 = none, with a margin of one cell; returns two uint8 [h, w], itself counted.
    """
    height, width = top.shape[0] - 2, top.shape[1] - 2
    centre = top[1:-1, 1:-1]
    same = np.zeros((height, width), "uint8")
    some = np.zeros((height, width), "uint8")
    for row in range(3):
        for col in range(3):
            other = top[row : row + height, col : col + width]
            same += other == centre
            some += other > 0
    return same, some


def reliability(posterior: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Reliability of each cell, 0 to 100: the largest probability times the share of like cells around it.

        reliability = 100 · max_c q(c) · same / some

    posterior : uint8 [K, h + 2, w + 2] of 255, all 0 = no product, with a margin of one cell
    Returns uint8 [h, w], rounded to nearest, in integers throughout. `same` of the `some` cells with a product in the
    3 × 3 neighbourhood, itself counted, have the same most likely class (ties: the earlier class). An isolated
    cell is either a small object or an error, and registration is not good to a cell: both speak against its label.
    """
    strongest = posterior.max(axis=0)
    top = np.where(strongest > 0, posterior.argmax(axis=0) + 1, 0).astype("uint8")
    same, some = (part.astype("int64") for part in agreement(top))
    numerator = 100 * strongest[1:-1, 1:-1].astype("int64") * same
    denominator = np.maximum(WHOLE * some, 1)
    return np.asarray((2 * numerator + denominator) // (2 * denominator), "uint8")
