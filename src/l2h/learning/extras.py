"""Extras in training: how they are normalised, and which of them a chip goes without."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.extras import EXTRA_PX, ExtraLayer
from l2h.core.grid import Window
from l2h.learning.areas import TILE_CELLS, TileCache, TrainingReaders
from l2h.learning.settings import LearningSettings
from l2h.nets.extras import ExtraGroup


def extra_groups(
    areas: Sequence[TrainingReaders], blocks: npt.NDArray[np.int64], block_px: int, cache: TileCache
) -> tuple[ExtraGroup, ...]:
    """The areas' extras with mean and standard deviation of each channel over the cells of some blocks.

    Latitude and month keep the scale they have everywhere. Blocks are added up in their order, whatever the rasters'
    storage. A channel without variation gets 1. InputError for an extra that has no cell there.
    """
    layers = areas[0].extras.layers if areas and areas[0].extras else ()
    sums = [np.zeros((2, len(layer.channels))) for layer in layers]
    counts = [0] * len(layers)
    for block in blocks if layers else ():
        stack = areas[int(block[0])].extras
        assert stack is not None  # `check_areas` has looked
        row, col = int(block[1]) * block_px, int(block[2]) * block_px
        cells = Window(row, row + block_px, col, col + block_px).coarsen(EXTRA_PX)
        values, first = cache.read(stack, cells, TILE_CELLS).values, 0
        for number, layer in enumerate(layers):
            there = values[number - len(layers)] > 0
            seen = values[first : first + len(layer.channels), there].astype(np.float64)
            sums[number] += [seen.sum(axis=1), (seen**2).sum(axis=1)]
            counts[number] += seen.shape[1]
            first += len(layer.channels)
    return tuple(_group(*each) for each in zip(layers, sums, counts, strict=True))


def _group(layer: ExtraLayer, sums: npt.NDArray[np.float64], count: int) -> ExtraGroup:
    if not count:
        raise InputError(
            f"extra '{layer.name}' has no cell where the network learns", expected="some cells with all its bands",
            hint="Leave its entry out: a network can only learn to look at what it sees.",
        )  # fmt: skip
    if layer.scale:
        mean, std = (tuple(side) for side in zip(*layer.scale, strict=True))
        return ExtraGroup(layer.name, layer.channels, layer.unit, mean, std)
    means = sums[0] / count
    spread = np.sqrt(np.maximum(sums[1] / count - means**2, 0))
    spread = np.where(spread > 1e-9 * np.maximum(1, np.abs(means)), spread, 1.0)
    return ExtraGroup(layer.name, layer.channels, layer.unit, tuple(means.tolist()), tuple(spread.tolist()))


def kept(rng: np.random.Generator, groups: int, settings: LearningSettings) -> list[bool]:
    """Which extras a chip keeps: none with the chance ``extras_drop_all``, else each with 1 - ``extras_drop``."""
    if rng.random() < settings.extras_drop_all:
        return [False] * groups
    return [bool(chance >= settings.extras_drop) for chance in rng.random(groups)]
