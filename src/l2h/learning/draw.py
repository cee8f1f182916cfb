"""Drawing chips by class: every batch is a function of the seed and the step alone, so a resumed run repeats it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from l2h.core.errors import InputError
from l2h.core.grid import Window
from l2h.learning.areas import TileCache, TrainingReaders
from l2h.learning.chips import Chip, read_chip, with_context, with_extras
from l2h.learning.clean import CleanTable
from l2h.learning.extras import kept
from l2h.learning.plan import ChipPlan
from l2h.learning.settings import LearningSettings
from l2h.nets.base import PixelNetwork
from l2h.nets.context import CoarseImagery, ContextView
from l2h.nets.extras import VIEW, without

MAX_ATTEMPTS = 200


class ChipSource:
    """Draws chips of ``areas`` by ``plan``, with the context that a (kind of) ``network`` sees and the areas' extras.

    A stratum is drawn with probability ∝ cells^(1 - class_balance), a cell of it evenly, and the chip placed so that
    the cell lies anywhere in it. Where there are clean points or drawn ground, the first slots of a step go to
    chips around them. Chips that touch held-out ground or hold too few valid pixels are drawn again.
    """

    def __init__(
        self,
        areas: Sequence[TrainingReaders],
        plan: ChipPlan,
        settings: LearningSettings,
        cache: TileCache,
        network: PixelNetwork | type[PixelNetwork] = PixelNetwork,
    ) -> None:
        self.network = network
        self.around = _coarse(areas, network.view)
        self.areas, self.plan, self.settings, self.cache = areas, plan, settings, cache
        totals = plan.counts.sum(axis=0)
        weight = np.where(totals > 0, totals.astype(float) ** (1 - settings.class_balance), 0.0)
        self.weights = weight / weight.sum()
        self._up_to = plan.counts.cumsum(axis=0)  # cells of a stratum up to and with each block
        self._held_out = {tuple(block) for block in plan.held_out.tolist()}
        self.clean = self._clean_table()
        self.clean_slots = settings.clean.slots(settings.chips_per_step) if len(self.clean) else 0

    def draw(self, step: int, slot: int) -> Chip:
        """Chip number ``slot`` of step ``step``, turned and mirrored. InputError when no drawn place will do."""
        rng = np.random.default_rng([self.settings.seed, step, slot])
        for _ in range(MAX_ATTEMPTS):
            number, window = self._place_clean(rng) if slot < self.clean_slots else self._place(rng)
            if self._touches_held_out(number, window):
                continue
            chip = self.read(number, window)
            if chip.valid.mean() >= self.settings.min_valid_share:
                return chip.turned(int(rng.integers(4)), bool(rng.integers(2)))
        raise InputError(
            f"no usable training chip in {MAX_ATTEMPTS} draws",
            where=", ".join(area.name for area in self.areas),
            expected=f"{self.settings.chip_px} px squares, {self.settings.min_valid_share:.0%} valid, not held out",
            hint="Use more imagery, smaller chips (chip_px), or lower min_valid_share or held_out_share.",
        )

    def read(self, number: int, window: Window) -> Chip:
        """A chip of area ``number`` as the network wants it: with context where it looks around, and with extras."""
        chip = read_chip(self.areas[number], window, self.cache)
        stack = self.areas[number].extras
        if self.network.view is not None:
            cells = self.network.view.window(window, self.network.stride)
            chip = with_context(chip, self.around[number], cells, self.cache)
        if stack is not None and self.plan.extras:
            chip = with_extras(chip, stack, VIEW.window(window, self.network.stride), self.cache)
        return chip

    def bared(self, chip: Chip, step: int, slot: int) -> Chip:
        """The chip with some of its extras dropped, so that the network learns to do without any and all of them."""
        if chip.extras is None:
            return chip
        rng = np.random.default_rng([self.settings.seed, step, slot, 2])
        return replace(chip, extras=without(chip.extras, kept(rng, len(self.plan.extras), self.settings)))

    def colour(self, step: int, slot: int, bands: int) -> tuple[np.ndarray, float]:
        """Gain of each band, float32 [bands], and offset (of 255) of a chip, both within ± colour_jitter."""
        rng = np.random.default_rng([self.settings.seed, step, slot, 1])
        jitter = self.settings.colour_jitter
        gain = 1 + rng.uniform(-jitter, jitter, bands)
        return gain.astype(np.float32), float(rng.uniform(-jitter, jitter) * 255)

    def _clean_table(self) -> CleanTable:
        """Clean points and drawn ground outside held-out blocks."""
        common = self._held_out, self.plan.block_px, self.settings.class_balance
        points = CleanTable.of([area.clean for area in self.areas], *common)
        cells = [area.drawn.cells if area.drawn else None for area in self.areas]
        return points.beside(CleanTable.of_cells(cells, *common, self.plan.cell_px))

    def _place(self, rng: np.random.Generator) -> tuple[int, Window]:
        """Area and window of a chip around a drawn cell, on the cell lattice, moved inside the grid."""
        stratum = int(rng.choice(len(self.weights), p=self.weights))
        up_to = self._up_to[:, stratum]
        pick = int(rng.integers(up_to[-1]))
        block = int(np.searchsorted(up_to, pick, side="right"))
        cell = int(self.plan.cells_of(block, stratum)[pick - (up_to[block - 1] if block else 0)])
        number, block_row, block_col = self.plan.blocks[block].tolist()
        side = self.plan.block_px // self.plan.cell_px
        return number, self._around(rng, number, block_row * side + cell // side, block_col * side + cell % side)

    def _place_clean(self, rng: np.random.Generator) -> tuple[int, Window]:
        """Area and window of a chip around a clean point, or a cell of drawn ground."""
        pick = int(rng.choice(len(self.clean), p=self.clean.weights))
        number, row, col = self.clean.places[pick].tolist()
        return number, self._around(rng, number, row // self.plan.cell_px, col // self.plan.cell_px)

    def _around(self, rng: np.random.Generator, number: int, cell_row: int, cell_col: int) -> Window:
        """A chip of an area in which a cell lies anywhere."""
        chip = self.settings.chip_px // self.plan.cell_px
        grid = self.areas[number].imagery.grid.coarsen(self.plan.cell_px)
        row, col = self._start(rng, cell_row, chip, grid.height), self._start(rng, cell_col, chip, grid.width)
        return Window(row, row + chip, col, col + chip).refine(self.plan.cell_px)

    @staticmethod
    def _start(rng: np.random.Generator, cell: int, chip: int, extent: int) -> int:
        return max(0, min(cell - int(rng.integers(chip)), extent - chip))

    def _touches_held_out(self, number: int, window: Window) -> bool:
        blocks = window.coarsen(self.plan.block_px)
        return any(
            (number, row, col) in self._held_out
            for row in range(blocks.row_start, blocks.row_stop)
            for col in range(blocks.col_start, blocks.col_stop)
        )


def _coarse(areas: Sequence[TrainingReaders], view: ContextView | None) -> list[CoarseImagery]:
    """The imagery of each area in context pixels; none where the network sees no context."""
    return [] if view is None else [CoarseImagery(area.imagery, view.step) for area in areas]
