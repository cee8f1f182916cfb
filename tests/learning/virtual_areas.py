"""Training areas that exist in memory only: readers of our own protocol, with known truth."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.learning.areas import TrainingReaders

CELL = 10
COARSE = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12)
# class value → grey level of each of three bands
COLOURS = {2: (40, 90, 40), 5: (150, 140, 60), 6: (200, 60, 60), 1: (120, 120, 130), 9: (20, 40, 110)}

# twelve steps of two chips of 20 px: a tenth of a second
TINY: dict[str, Any] = {
    "network": "l2hnet",
    "width": 4,
    "chip_px": 20,
    "chips_per_step": 2,
    "megapixels": 12 * 2 * 20**2 / 1e6,
    "held_out_share": 0.1,
    "log_every_steps": 1,
    "save_every_steps": 3,
    "score_every_share": 0.5,
    "accelerator": "cpu",
    "precision": "32-true",
    "threads": 1,
}


@dataclass
class ArrayReader:
    """A raster held in an array; `tile_reads` counts what was asked for."""

    grid: Grid
    values: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_]
    pixels_read: int = 0

    def read(self, window: Window) -> Patch:
        inside = window.intersect(self.grid.window)
        values = np.zeros((self.values.shape[0], *window.shape), np.uint8)
        valid = np.zeros(window.shape, bool)
        to_rows, to_cols = inside.slices_in(window)
        rows, cols = inside.slices_in(self.grid.window)
        values[:, to_rows, to_cols], valid[to_rows, to_cols] = self.values[:, rows, cols], self.valid[rows, cols]
        self.pixels_read += window.pixels
        return Patch(values, valid, window)


def truth_map(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Class values [height, width]: 20 px patches of tree, crop, water and built-up, a road across the latter."""
    rng = np.random.default_rng(seed)
    patches = rng.choice(np.array([2, 5, 6, 9], np.uint8), size=(-(-height // 20), -(-width // 20)))
    truth = patches.repeat(20, 0).repeat(20, 1)[:height, :width]
    rows = np.arange(height) % 20
    truth[((rows >= 8) & (rows < 12))[:, None] & (truth == 6)] = 1
    return truth


def picture(truth: npt.NDArray[np.uint8], seed: int = 0) -> npt.NDArray[np.uint8]:
    """uint8 [3, H, W]: the colour of each class with noise of 10 grey levels."""
    table = np.zeros((256, 3))
    for value, colour in COLOURS.items():
        table[value] = colour
    noise = np.random.default_rng([seed, 1]).normal(0, 10, (3, *truth.shape))
    return np.clip(table[truth].transpose(2, 0, 1) + noise, 0, 255).astype(np.uint8)


def posterior_cells(truth: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """uint8 [11, h, w]: share of each coarse class in each cell, reliability 80."""
    height, width = truth.shape
    coarse = np.where(truth == 1, 6, truth).reshape(height // CELL, CELL, width // CELL, CELL)
    shares = [np.round((coarse == v).mean(axis=(1, 3)) * 255) for v in COARSE]
    return np.array([*shares, np.full_like(shares[0], 80)]).astype(np.uint8)


def make_area(height: int = 480, width: int = 480, seed: int = 0, name: str = "virtual") -> TrainingReaders:
    """An area with every layer; vectors know every third road and building pixel row of patches."""
    truth = truth_map(height, width, seed)
    grid = Grid("EPSG:32650", 0.0, 0.0, 1.0, height, width)
    all_valid = np.ones((height, width), bool)
    cells = posterior_cells(truth)
    known = np.isin(truth, (1, 6)) & ((np.arange(height) // 20 % 3 == 0)[:, None])
    evidence = np.where(known, truth, 0).astype(np.uint8)
    label = np.array([truth, np.full_like(truth, 90), np.ones_like(truth)])
    return TrainingReaders(
        name=name,
        imagery=ArrayReader(grid, picture(truth, seed), all_valid),
        posterior=ArrayReader(grid.coarsen(CELL), cells, np.ones(cells.shape[1:], bool)),
        label=ArrayReader(grid, label, all_valid),
        vectors=ArrayReader(grid, np.array([evidence, evidence]), all_valid),
    )
