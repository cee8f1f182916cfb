"""Error models of the three 10 m products: what each would have said of the true ground.

Each product looks at the shares of the true classes in its cell, misplaced by its own registration error, decides by
its own weights, then errs in patches (correlated confusion), in single cells (speckle) and by its mapping unit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtr

from l2h.toy.noise import Field, smooth_noise

Codes = NDArray[np.uint8]
Coordinates = tuple[NDArray[np.float64], NDArray[np.float64]]

# The ten classes a 10 m product can speak of (traffic counts as built-up), as sinolc1 values.
COARSE = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12)
_INDEX = {value: i for i, value in enumerate(COARSE)}


@dataclass(frozen=True)
class ErrorModel:
    """How one product errs.

    codes: sinolc1 value → the product's code. weights: factor on a class's share before the largest wins. confusion:
    value → {other value: chance}. support_m: side of the square it looks at. shift_m: misregistration (x, y).
    patch_cells: size of patches of confusion. speckle: chance that a cell errs alone. unit_cells: side of the majority
    filter that makes its mapping unit (1: none). old: whether it saw the older year.
    """

    codes: dict[int, int]
    weights: dict[int, float]
    confusion: dict[int, dict[int, float]]
    support_m: int
    shift_m: tuple[float, float]
    patch_cells: float
    speckle: float
    unit_cells: int
    old: bool


WORLDCOVER = ErrorModel(
    codes={2: 10, 3: 20, 4: 30, 5: 40, 6: 50, 7: 60, 8: 70, 9: 80, 10: 90, 12: 100},
    weights={4: 1.25, 6: 0.85, 3: 0.9, 10: 0.9},
    confusion={
        2: {4: 0.04, 3: 0.03},
        3: {4: 0.30, 2: 0.16},
        4: {5: 0.08, 2: 0.05, 7: 0.03},
        5: {4: 0.16, 7: 0.02},
        6: {4: 0.07, 7: 0.07, 5: 0.03},
        7: {4: 0.24, 6: 0.05},
        8: {7: 0.10},
        9: {10: 0.04},
        10: {4: 0.26, 9: 0.09},
        12: {4: 0.32, 7: 0.18},
    },
    support_m=10,
    shift_m=(3.5, -2.0),
    patch_cells=5.0,
    speckle=0.03,
    unit_cells=1,
    old=False,
)
ESRI = ErrorModel(
    codes={2: 2, 3: 6, 4: 3, 5: 5, 6: 7, 7: 8, 8: 9, 9: 1, 10: 4, 12: 8},
    weights={6: 1.35, 3: 1.25, 4: 0.75, 2: 0.95, 10: 0.9},
    confusion={
        2: {3: 0.08},
        3: {2: 0.12, 5: 0.06},
        4: {3: 0.25, 5: 0.13},
        5: {3: 0.06, 6: 0.04},
        6: {5: 0.04},
        7: {3: 0.24, 6: 0.10},
        8: {7: 0.08},
        9: {10: 0.03},
        10: {3: 0.20, 5: 0.10, 9: 0.08},
        12: {3: 0.5},
    },
    support_m=22,
    shift_m=(-6.0, 4.5),
    patch_cells=9.0,
    speckle=0.0,
    unit_cells=5,
    old=False,
)
FROM_GLC = ErrorModel(
    codes={2: 20, 3: 40, 4: 30, 5: 10, 6: 80, 7: 90, 8: 100, 9: 60, 10: 50, 12: 70},
    weights={6: 0.8, 5: 1.15, 3: 0.85},
    confusion={
        2: {3: 0.06, 4: 0.03, 5: 0.02},
        3: {2: 0.22, 4: 0.18, 5: 0.08},
        4: {5: 0.20, 3: 0.07},
        5: {4: 0.08, 2: 0.03},
        6: {5: 0.08, 7: 0.08},
        7: {4: 0.14, 5: 0.10, 6: 0.08},
        8: {7: 0.12},
        9: {5: 0.03, 10: 0.02},
        10: {4: 0.24, 9: 0.14, 5: 0.14},
        12: {7: 0.34, 4: 0.22},
    },
    support_m=10,
    shift_m=(5.5, 4.0),
    patch_cells=3.5,
    speckle=0.05,
    unit_cells=1,
    old=True,
)


def class_shares(truth: Codes, value: int, centres: Coordinates, side_m: int) -> Field:
    """Share of class `value` in the square of `side_m` around each cell centre (x, y in local pixels): [h, w]."""
    member = (truth == value) if value != 6 else (truth == 6) | (truth == 1)
    share = ndimage.uniform_filter(member.astype(np.float32), side_m, mode="nearest")
    rows = np.clip(np.floor(centres[1]).astype(int), 0, truth.shape[0] - 1)
    cols = np.clip(np.floor(centres[0]).astype(int), 0, truth.shape[1] - 1)
    picked: Field = share[rows, cols]
    return picked


def dominant(truth: Codes, centres: Coordinates, side_m: int, weights: dict[int, float]) -> Codes:
    """Coarse class of the largest weighted share in each cell: sinolc1 values, uint8 [h, w]."""
    best = np.full(centres[0].shape, -1, np.float32)
    winner = np.zeros(centres[0].shape, np.uint8)
    for value in COARSE:
        share = class_shares(truth, value, centres, side_m) * np.float32(weights.get(value, 1.0))
        ahead = share > best
        best[ahead], winner[ahead] = share[ahead], value
    return winner


def _chances(model: ErrorModel) -> NDArray[np.float32]:
    """Row-stochastic table [10, 10] of what each class becomes."""
    table = np.zeros((len(COARSE), len(COARSE)), np.float32)
    for value, others in model.confusion.items():
        for other, chance in others.items():
            table[_INDEX[value], _INDEX[other]] = chance
    np.fill_diagonal(table, 1 - table.sum(axis=1))
    return table


def confuse(rng: np.random.Generator, classes: Codes, model: ErrorModel) -> Codes:
    """Swap classes in patches, with the chances of the model's table; whole patches take the same wrong class."""
    index = np.zeros(256, np.int64)
    index[list(COARSE)] = range(len(COARSE))
    true = index[classes]
    table = _chances(model)
    field = 0.9 * smooth_noise(rng, classes.shape, model.patch_cells)
    field += 0.436 * rng.standard_normal(classes.shape, dtype=np.float32)
    wrong = ndtr(field) > np.diagonal(table)[true]
    off = table - np.diag(np.diagonal(table))
    ladder = np.cumsum(off, axis=1) / np.maximum(off.sum(axis=1, keepdims=True), 1e-9)
    pick = ndtr(smooth_noise(rng, classes.shape, 1.6 * model.patch_cells))
    other = (pick[..., None] >= ladder[true]).sum(axis=-1).clip(0, len(COARSE) - 1)
    values = np.array(COARSE, np.uint8)
    return np.where(wrong, values[other], classes)


def speckle(rng: np.random.Generator, classes: Codes, chance: float) -> Codes:
    """Single cells that take the class of a neighbour two cells away."""
    hit = rng.random(classes.shape) < chance
    return np.where(hit, np.roll(classes, (2, -2), axis=(0, 1)), classes)


def mapping_unit(classes: Codes, side: int) -> Codes:
    """Majority in a `side` × `side` square: small patches vanish, edges grow round."""
    if side == 1:
        return classes
    best = np.full(classes.shape, -1, np.float32)
    winner = classes.copy()
    for value in COARSE:
        share = ndimage.uniform_filter((classes == value).astype(np.float32), side, mode="nearest")
        ahead = share > best + 1e-6
        best[ahead], winner[ahead] = share[ahead], value
    return winner


def simulate(rng: np.random.Generator, truth: Codes, centres: Coordinates, model: ErrorModel) -> Codes:
    """What a product says of each cell, in its own codes: uint8 [h, w].

    truth: sinolc1 values at 1 m [H, W] of the year the product saw. centres: x and y [h, w] of its cells in local
    pixels of `truth`.
    """
    seen = (centres[0] + model.shift_m[0], centres[1] + model.shift_m[1])
    classes = dominant(truth, seen, model.support_m, model.weights)
    classes = confuse(rng, classes, model)
    classes = speckle(rng, classes, model.speckle)
    classes = mapping_unit(classes, model.unit_cells)
    lut = np.zeros(256, np.uint8)
    for value, code in model.codes.items():
        lut[value] = code
    return lut[classes]
