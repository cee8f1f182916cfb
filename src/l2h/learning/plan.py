"""The plan of a training: which blocks are learned from, which are held out, which classes lie where."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError, SettingsError
from l2h.core.grid import Window
from l2h.core.legend import BUILDING, TRAFFIC
from l2h.learning.areas import TILE_CELLS, TileCache, TrainingReaders, check_areas
from l2h.learning.blocks import choose_blocks
from l2h.learning.chips import Bytes, Chip, Mask, likeliest, read_chip
from l2h.learning.classes import ClassMap
from l2h.learning.extras import extra_groups
from l2h.learning.settings import LearningSettings
from l2h.nets.extras import ExtraGroup
from l2h.nets.normalise import Normalisation

STATISTICS_BLOCKS = 256
BLOCK_CHIPS = 3  # side of a block in chips: held-out ground lies in squares of 240 m
Progress = Callable[[str, int, int], None]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ChipPlan:
    """What chips are drawn from.

    block_px      side of a block, on the lattice of its area
    blocks        int64 [n, 3]: area, block row, block column of the training blocks, in that order
    members       uint8 [n, S, ⌈c² / 8⌉]: bit-packed, whether each of a block's c × c cells belongs to each stratum
    counts        int64 [n, S]: cells of each stratum
    held_out      int64 [m, 3]: blocks no chip may touch
    strata        names of the S strata: a class value, or "vector 1", "vector 6"
    extras        what is learned from beside the picture
    """

    block_px: int
    cell_px: int
    blocks: Ints
    members: Bytes
    counts: Ints
    held_out: Ints
    strata: tuple[str, ...]
    normalisation: Normalisation
    extras: tuple[ExtraGroup, ...] = ()

    def cells_of(self, block: int, stratum: int) -> Ints:
        """Indices (row-major within the block) of the cells of a stratum, int64, ascending."""
        side = self.block_px // self.cell_px
        return np.flatnonzero(np.unpackbits(self.members[block, stratum], count=side * side))

    def summary(self) -> dict[str, object]:
        """For the training record: blocks and cells by stratum."""
        totals = dict(zip(self.strata, self.counts.sum(axis=0).tolist(), strict=True))
        return {"training_blocks": len(self.blocks), "held_out_blocks": len(self.held_out), "cells": totals}


def make_plan(
    areas: Sequence[TrainingReaders],
    settings: LearningSettings,
    classes: ClassMap,
    cache: TileCache,
    progress: Progress | None = None,
) -> ChipPlan:
    """Look once at the labels of the blocks of all areas and decide what is learned from.

    Blocks, held-out blocks and statistics depend on the lattice and the areas' names only: neither on the training
    seed, so that seeds compare, nor on how the rasters are stored. Of more than MAX_BLOCKS blocks a sample spread
    evenly over the ground is read, and no pixel of the others. Raises InputError where nothing is labelled,
    SettingsError where chips do not fit the cells.
    """
    check_areas(areas, settings.labels)
    if any(area.extras for area in areas):
        settings.check_extras()
    cell_px = areas[0].cell_px
    if settings.chip_px % cell_px:
        raise SettingsError(
            "chip_px must be a multiple of the cell", expected=f"multiple of {cell_px}", got=str(settings.chip_px)
        )
    block_px = BLOCK_CHIPS * settings.chip_px
    order = choose_blocks(areas, block_px)
    held = round(settings.held_out_share * len(order))
    training = sorted_rows(order[held:])
    reader = _StrataReader(areas, settings, classes, block_px, cache)
    members, counts = [], []
    for done, block in enumerate(training):
        cells = reader.strata(block)
        members.append(np.packbits(cells.reshape(len(reader.names), -1), axis=1))
        counts.append(cells.sum(axis=(1, 2)))
        if progress:
            progress("plan", done + 1, len(training))
    plan = ChipPlan(
        block_px,
        cell_px,
        training,
        np.array(members),
        np.array(counts, np.int64),
        sorted_rows(order[:held]),
        reader.names,
        statistics(areas, order[held:][:STATISTICS_BLOCKS], block_px, cache),
        extra_groups(areas, order[held:][:STATISTICS_BLOCKS], block_px, cache),
    )
    if not plan.counts.any():
        raise InputError(f"no cell of layer '{settings.labels}' has a class", where=", ".join(a.name for a in areas))
    return plan


def block_window(block: Sequence[int] | Ints, block_px: int) -> Window:
    """The whole window of a block (area, row, column); it may reach beyond the grid."""
    row, col = int(block[1]) * block_px, int(block[2]) * block_px
    return Window(row, row + block_px, col, col + block_px)


def sorted_rows(blocks: Ints) -> Ints:
    """Rows in lexicographic order."""
    return blocks[np.lexsort(blocks.T[::-1])] if len(blocks) else blocks


def statistics(areas: Sequence[TrainingReaders], blocks: Ints, block_px: int, cache: TileCache) -> Normalisation:
    """Mean and standard deviation of each band over the valid pixels of some blocks.

    Sums are integers, so the order of reading cannot show. A band without variation gets 1.
    """
    count, total, squares = 0, np.zeros(0, np.int64), np.zeros(0, np.int64)
    for block in blocks:
        area = areas[int(block[0])]
        patch = cache.read(area.imagery, block_window(block, block_px), TILE_CELLS * area.cell_px)
        pixels = patch.values[:, patch.valid].astype(np.int64)
        if total.size and total.size != pixels.shape[0]:
            raise InputError(
                "training areas have different bands",
                where=area.name,
                expected=str(total.size),
                got=str(pixels.shape[0]),
            )
        total = pixels.sum(axis=1) + (total if total.size else 0)
        squares = (pixels**2).sum(axis=1) + (squares if squares.size else 0)
        count += pixels.shape[1]
    if not count:
        raise InputError("no valid pixel in the imagery of the training areas", where=", ".join(a.name for a in areas))
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return Normalisation(tuple(mean.tolist()), tuple(np.where(std > 0, std, 1.0).tolist()))


class _StrataReader:
    """Which strata the cells of a block belong to."""

    def __init__(
        self,
        areas: Sequence[TrainingReaders],
        settings: LearningSettings,
        classes: ClassMap,
        block_px: int,
        cache: TileCache,
    ) -> None:
        self.areas, self.classes, self.block_px, self.cache = areas, classes, block_px, cache
        self.by_posterior = settings.labels == "posterior"
        values = classes.coarse if self.by_posterior else classes.fine
        use_vectors = settings.split_weight > 0 and any(area.vectors for area in areas)
        self.codes = (TRAFFIC, BUILDING) if use_vectors else ()
        self.values = values
        self.names = (*(str(v) for v in values), *(f"vector {code}" for code in self.codes))

    def strata(self, block: Ints) -> Mask:
        """bool [S, c, c]: a class stratum holds the cells of that class, a vector stratum those a core touches."""
        area = self.areas[int(block[0])]
        chip = read_chip(area, block_window(block, self.block_px), self.cache)
        side = self.block_px // area.cell_px
        found = list(self._class_strata(chip, area.cell_px))
        for code in self.codes:
            core = np.zeros_like(chip.valid) if chip.evidence is None else chip.evidence == code
            found.append(cell_counts(core & chip.valid, area.cell_px) > 0)
        return np.array(found).reshape(len(self.names), side, side)

    def _class_strata(self, chip: Chip, cell_px: int) -> Iterator[Mask]:
        seen = cell_counts(chip.valid, cell_px) > 0
        if self.by_posterior and chip.posterior is not None:
            top = likeliest(chip.posterior)
            yield from ((top == j) & seen for j in range(len(self.values)))
        elif chip.label is not None:
            # a road is narrower than a cell: any labelled pixel makes the cell a member
            yield from (cell_counts((chip.label[0] == v) & chip.valid, cell_px) > 0 for v in self.values)


def cell_counts(pixels: Mask, cell_px: int) -> Ints:
    """True pixels per cell: bool [h · cell_px, w · cell_px] to int64 [h, w]."""
    height, width = pixels.shape
    counts: Ints = pixels.reshape(height // cell_px, cell_px, width // cell_px, cell_px).sum(axis=(1, 3))
    return counts
