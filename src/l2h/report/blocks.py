"""Per block: the sums the page needs, in one small file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.files import atomic_path
from l2h.core.grid import Block, Grid, Window
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore
from l2h.core.tasks import Made
from l2h.report.digest import (
    Array,
    Counts,
    candidate_step,
    candidates,
    cell_sums,
    class_cells,
    corner_values,
    overview_factor,
    tile_counts,
    tile_px,
    window_counts,
)
from l2h.report.overview import empty_sums

STRIP_PX = 512  # rows read at once
DOUBTED = 4  # of the map's source band: added where the labels contradict the network
LAYERS = ("layers/imagery", "map", "layers/regions", "layers/scene")


def digest_block(work: Path, grid: Grid, block_px: int, block: Block, window_px: int, out: Path) -> Made:
    """Write the sums of one block: overview cells, class and city counts of candidate windows, pixels in doubt."""
    legend, factor = load_legend("sinolc1"), overview_factor(grid)
    stores = [BlockStore(work / name, grid, block_px) for name in LAYERS]
    cells = block.window.coarsen(factor)
    total = empty_sums(cells.shape, len(legend), factor)
    tiles: Counts = {}
    doubted = np.zeros(2, "int64")
    windows: dict[tuple[int, int], dict[int, int]] = {}
    for strip in block.window.strips(STRIP_PX):
        arrays = [store.read(strip) for store in stores]
        image, valid = _three_bands(arrays[0].values), arrays[0].valid
        mapped, confidence, source = (band.astype("uint8") for band in arrays[1].values)
        cities, scenes = (array.values[0].astype("uint16") for array in arrays[2:])
        doubted += doubt_counts(mapped, source, cities)
        sums = {
            "image": cell_sums(np.where(valid, image, 0), strip, factor),
            "seen": cell_sums(valid, strip, factor),
            "classes": class_cells(mapped, strip, factor, legend),
            "confidence": cell_sums(np.where(mapped > 0, confidence, 0), strip, factor),
            "city": corner_values(cities, strip, factor),
            "scene": corner_values(scenes, strip, factor),
        }
        rows, cols = strip.coarsen(factor).slices_in(cells)
        for name, values in sums.items():
            total[name][..., rows, cols] += values.astype(total[name].dtype)
        for window in candidates(grid, window_px, strip):
            _count_window(
                windows, window_counts(mapped, cities, strip, window), window, candidate_step(grid, window_px)
            )
        for key, pixels in tile_counts(scenes, strip, tile_px(grid)).items():
            tiles[key] = tiles.get(key, 0) + pixels
    for store in stores:
        store.close()
    _save(out, total | {"doubted": doubted}, windows, tiles)
    return Made()


@dataclass(frozen=True)
class Digest:
    """What is kept of a block.

    sums    : on cells, as `Overview` adds them
    windows : int64 [n, 5], window row, column, kind (0 class, 1 city), value, pixels
    tiles   : int64 [n, 4], tile row, column, scene, pixels
    doubted : int64 [2], as `doubt_counts`
    """

    sums: dict[str, Array]
    windows: Array
    tiles: Array
    doubted: Array


def read_digest(path: Path) -> Digest:
    """The digest of a block."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: np.asarray(file[name]) for name in file.files}
    return Digest(sums=arrays, windows=arrays.pop("windows"), tiles=arrays.pop("tiles"), doubted=arrays.pop("doubted"))


def doubt_counts(mapped: npt.NDArray[np.uint8], source: npt.NDArray[np.uint8], cities: npt.NDArray[np.uint16]) -> Array:
    """Mapped pixels of cities, and how many of them are in doubt: int64 [2].

    >>> doubt_counts(np.array([2, 2, 2, 0], "uint8"), np.array([2, 6, 5, 0], "uint8"), np.array([1, 1, 0, 1], "uint16"))
    array([2, 1])
    """
    inside = (mapped > 0) & (cities > 0)
    return np.array([np.count_nonzero(inside), np.count_nonzero(inside & (source >= DOUBTED))], "int64")


def _three_bands(values: Any) -> Any:
    return values[:3] if len(values) >= 3 else np.repeat(values[:1], 3, 0)


def _count_window(
    windows: dict[tuple[int, int], dict[int, int]],
    counts: tuple[dict[int, int], dict[int, int]],
    window: Window,
    step: int,
) -> None:
    into = windows.setdefault((window.row_start // step, window.col_start // step), {})
    for kind, found in enumerate(counts):
        for value, pixels in found.items():
            key = kind * 65536 + value
            into[key] = into.get(key, 0) + pixels


def _save(out: Path, total: dict[str, Any], windows: dict[tuple[int, int], dict[int, int]], tiles: Counts) -> None:
    rows = [
        (row, col, key // 65536, key % 65536, pixels)
        for (row, col), found in sorted(windows.items())
        for key, pixels in sorted(found.items())
    ]
    table = np.array(rows, "int64").reshape(-1, 5)
    counted = np.array([(*key, pixels) for key, pixels in sorted(tiles.items())], "int64").reshape(-1, 4)
    with atomic_path(out) as part, part.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, windows=table, tiles=counted, **total)
