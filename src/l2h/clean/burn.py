"""Drawn ground as pixels: polygons by the centres of pixels, and what several sources say as one layer."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.features import rasterize

from l2h.core.grid import Grid, Window

TILE_PX = 512  # burning is floating point: always on these tiles of the lattice, whoever asks
UNSAID, DISPUTED = 0, 255
Bytes = npt.NDArray[np.uint8]
Shapes = npt.NDArray[np.object_]


def burn(shapes: Mapping[int, Shapes], grid: Grid, window: Window) -> Bytes:
    """Class of each pixel of a window whose centre lies in a polygon, uint8 [H, W].

    shapes : value of the legend → polygons in the grid's CRS. 0 where none lies, 255 where two classes claim a pixel.
    Neither the order of polygons nor the window shows: tiles of the lattice are burnt whole and cropped.
    """
    out = np.zeros(window.shape, np.uint8)
    trees = {value: shapely.STRtree(polygons) for value, polygons in shapes.items()}
    for tile in grid.tiles(TILE_PX, window):
        part = tile.intersect(window)
        box = shapely.box(*grid.bounds(tile))
        layers = (
            np.where(_mask(shapes[value][np.sort(tree.query(box))], grid, tile), np.uint8(value), np.uint8(UNSAID))
            for value, tree in trees.items()
        )
        out[part.slices_in(window)] = agreed(layers, tile.shape)[part.slices_in(tile)]
    return out


def _mask(polygons: Shapes, grid: Grid, tile: Window) -> npt.NDArray[np.bool_]:
    if not len(polygons):
        return np.zeros(tile.shape, bool)
    burnt: Any = rasterize(polygons, tile.shape, fill=0, transform=grid.window_transform(tile), dtype="uint8")
    return np.asarray(burnt > 0)


def agreed(layers: Iterable[Bytes], shape: tuple[int, int]) -> Bytes:
    """What layers of classes say together, uint8 [H, W]: 0 where none says anything, 255 where two disagree.

    >>> agreed([np.array([[0, 2, 2, 2]], np.uint8), np.array([[9, 0, 2, 9]], np.uint8)], (1, 4)).tolist()
    [[9, 2, 2, 255]]
    """
    out = np.zeros(shape, np.uint8)
    for layer in layers:
        disputed = (layer != UNSAID) & (out != UNSAID) & (layer != out)
        out = np.where(disputed, np.uint8(DISPUTED), np.where(out == UNSAID, layer, out))
    return out
