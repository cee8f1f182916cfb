"""Census: which cities own pixels where, so that a city's files depend only on the blocks it meets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from l2h.core.files import read_json, write_json
from l2h.core.grid import Block, Grid, Window
from l2h.core.raster import BlockStore
from l2h.core.tasks import Made


@dataclass(frozen=True)
class Extent:
    """Where a city lies: its pixels, the window around them, the blocks that hold them."""

    pixels: int
    window: Window
    blocks: tuple[str, ...]


def census(indices: npt.NDArray[np.uint16], window: Window) -> dict[int, tuple[int, Window]]:
    """Pixels and enclosing window of every index in a block; 0 is outside.

    indices : uint16 [H, W] over `window`
    """
    counts = np.bincount(indices.ravel(), minlength=1)
    boxes = ndimage.find_objects(indices.astype("int32"))
    found = {}
    for index, box in enumerate(boxes, start=1):
        if box is not None:
            rows, cols = box
            place = Window(rows.start, rows.stop, cols.start, cols.stop).shift(window.row_start, window.col_start)
            found[index] = (int(counts[index]), place)
    return found


def merge(censuses: Iterable[tuple[str, Mapping[int, tuple[int, Window]]]]) -> dict[int, Extent]:
    """Extents over all blocks, from (block name, census) pairs in any order."""
    found: dict[int, Extent] = {}
    for name, block in censuses:
        for index, (pixels, window) in block.items():
            before = found.get(index)
            if before is None:
                found[index] = Extent(pixels, window, (name,))
            else:
                blocks = tuple(sorted((*before.blocks, name)))
                found[index] = Extent(before.pixels + pixels, before.window.hull(window), blocks)
    return found


def census_block(output: Path, regions: Path, grid: Grid, block_px: int, block: Block) -> Made:
    """Task: count the cities of one block into a JSON file."""
    store = BlockStore(regions, grid, block_px)
    try:
        patch = store.read(block.window)
    finally:
        store.close()
    indices = np.where(patch.valid, patch.values[0], 0).astype("uint16")
    found = census(indices, block.window)
    write_json(output, {str(i): {"pixels": n, "window": list(w.edges)} for i, (n, w) in found.items()})
    return Made(info={"cities": len(found)})


def read_census(paths: Mapping[str, Path]) -> dict[int, Extent]:
    """Extents from the census files of all blocks (block name → path)."""
    return merge((name, _parse(read_json(path))) for name, path in paths.items())


def _parse(rows: dict[str, Any]) -> dict[int, tuple[int, Window]]:
    return {int(i): (int(row["pixels"]), Window(*row["window"])) for i, row in rows.items()}
