"""Chips: small windows on the cell lattice, with everything the losses ask for."""

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Window
from l2h.learning.areas import TILE_CELLS, TileCache, TrainingReaders
from l2h.nets.context import CoarseImagery
from l2h.nets.extras import ExtraStack

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Chip:
    """One square window of an area. Layers the area lacks are None.

    image [B, S, S], uint8 as read; valid [S, S]; posterior [J + 1, s, s] uint8 with S = s · cell_px; pure [s, s] bool,
    the cell and its eight neighbours agree on the likeliest class; label [3, S, S] uint8; evidence [S, S] uint8; clean
    and drawn [S, S] uint8, class of the pixels somebody has looked up as points or drawn, 0 elsewhere;
    context [2 B + 1, h, w] float32, as `CoarseImagery` gives it, centred on the chip;
    extras [C + G, h, w] float32, as `ExtraStack` gives them, centred on the chip.
    """

    image: npt.NDArray[np.generic]
    valid: Mask
    posterior: Bytes | None = None
    pure: Mask | None = None
    label: Bytes | None = None
    evidence: Bytes | None = None
    clean: Bytes | None = None
    drawn: Bytes | None = None
    context: Floats | None = None
    extras: Floats | None = None

    def turned(self, quarter_turns: int, mirrored: bool) -> "Chip":
        """The chip mirrored left to right, then turned; cells stay whole because the side is a multiple of theirs."""

        def turn(layer: npt.NDArray[np.generic] | None) -> npt.NDArray[np.generic] | None:
            if layer is None:
                return None
            flipped = layer[..., ::-1] if mirrored else layer
            return np.ascontiguousarray(np.rot90(flipped, quarter_turns, axes=(-2, -1)))

        return Chip(**{f.name: turn(getattr(self, f.name)) for f in fields(self)})  # type: ignore[arg-type]


def read_chip(area: TrainingReaders, window: Window, cache: TileCache) -> Chip:
    """Read every layer of ``window``, whose rows and columns are multiples of the cell; rims are invalid."""
    tile = TILE_CELLS * area.cell_px
    image = cache.read(area.imagery, window, tile)
    label = cache.read(area.label, window, tile).values if area.label else None
    evidence = cache.read(area.vectors, window, tile).values[0] if area.vectors else None
    posterior, pure = None, None
    if area.posterior:
        cells = window.coarsen(area.cell_px)
        around = cache.read(area.posterior, cells.pad(1), TILE_CELLS).values
        posterior, pure = around[:, 1:-1, 1:-1], unanimous(likeliest(around))
    clean = area.clean.on(window) if area.clean else None
    drawn = cache.read(area.drawn.classes, window, tile).values[0] if area.drawn else None
    return Chip(image.values, image.valid, posterior, pure, label, evidence, clean, drawn)  # type: ignore[arg-type]


def with_context(chip: Chip, around: CoarseImagery, window: Window, cache: TileCache) -> Chip:
    """The chip with the context pixels of ``window`` (on the coarse lattice)."""
    return replace(chip, context=cache.read(around, window, TILE_CELLS).values.astype("float32"))


def with_extras(chip: Chip, stack: ExtraStack, window: Window, cache: TileCache) -> Chip:
    """The chip with the extras of ``window`` (on the lattice of cells)."""
    return replace(chip, extras=cache.read(stack, window, TILE_CELLS).values.astype("float32"))


def likeliest(posterior: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Channel of the largest of the J probabilities [J + 1, h, w] (the last channel is reliability); -1: no product."""
    probability = posterior[:-1]
    return np.where(probability.any(axis=0), probability.argmax(axis=0), -1)


def unanimous(classes: npt.NDArray[np.int64]) -> Mask:
    """Whether a cell and its eight neighbours have one class; [h + 2, w + 2] to [h, w].

    A neighbour of no class (-1), be it beyond the rim, is not known to agree.
    """
    around = np.lib.stride_tricks.sliding_window_view(classes, (3, 3))
    centre = classes[1:-1, 1:-1]
    agree: Mask = (around == centre[..., None, None]).all(axis=(-2, -1)) & (centre >= 0)
    return agree
