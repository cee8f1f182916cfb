"""Imagery: overlapping scenes become one picture on our lattice, one scene per pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.grid import Grid, Window
from l2h.core.tasks import Hole
from l2h.sources.quilt import open_picture
from l2h.sources.reading import UnreadableError, read_tile
from l2h.sources.resample import TILE_PX
from l2h.sources.scenes import Scene


@dataclass(frozen=True)
class Mosaic:
    """A window of the picture.

    values : uint8 [B, H, W], 0 where not valid;  valid : [H, W]
    scene  : uint16 [H, W], index of the scene each pixel came from, 0 = none
    holes  : what could not be read
    """

    values: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_]
    scene: npt.NDArray[np.uint16]
    holes: tuple[Hole, ...]


def mosaic(scenes: Sequence[Scene], grid: Grid, window: Window, bands: int) -> Mosaic:
    """One picture of a window from its scenes, best rank first: a pixel belongs to the first scene that has it.

    What a scene cannot give because its bytes are broken is left to the scenes below, and recorded as a hole.
    InputError for a scene of more than 8 bits whose stretch is not known.
    """
    values, scene_of = np.zeros((bands, *window.shape), "uint8"), np.zeros(window.shape, "uint16")
    holes: list[Hole] = []
    for scene in sorted(scenes, key=lambda scene: scene.rank):
        if scene.unscaled:
            raise InputError("a scene of 16 bits has no stretch", where=f"layer '{scene.layer}', {scene.path}")
        with open_picture(scene.path, scene.pieces, scene.dtype) as dataset:
            for tile in grid.tiles(TILE_PX, window.intersect(scene.covers)):
                part = tile.intersect(window)
                rows, cols = part.slices_in(window)
                free = scene_of[rows, cols] == 0
                if not free.any():
                    continue
                try:
                    patch = read_tile(dataset, scene.frame, grid, tile, scene.recipe).crop(part)
                except UnreadableError as error:
                    holes.append(Hole(f"imagery, scene '{scene.name}', {tile}", str(error)))
                    continue
                take = free & patch.valid
                values[:, rows, cols][:, take] = patch.values[:, take]
                scene_of[rows, cols][take] = scene.index
    return Mosaic(values, scene_of > 0, scene_of, tuple(holes))
