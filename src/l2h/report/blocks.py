"""Per block: the sums the page needs, in one small file."""

from pathlib import Path
from typing import Any

import numpy as np

from l2h.core.files import atomic_path
from l2h.core.grid import Block, Grid, Window
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore
from l2h.core.tasks import Made
from l2h.report.digest import (
    Array,
    candidate_step,
    candidates,
    cell_sums,
    class_cells,
    corner_values,
    overview_factor,
    window_counts,
)

STRIP_PX = 512  # rows read at once
LAYERS = ("layers/imagery", "map", "layers/regions")


def digest_block(work: Path, grid: Grid, block_px: int, block: Block, window_px: int, out: Path) -> Made:
    """Write the sums of one block: overview cells, and the class and city counts of candidate windows."""
    legend, factor = load_legend("sinolc1"), overview_factor(grid)
    stores = [BlockStore(work / name, grid, block_px) for name in LAYERS]
    cells = block.window.coarsen(factor)
    total = {
        "image": np.zeros((3, *cells.shape), "int64"),
        "seen": np.zeros(cells.shape, "int64"),
        "classes": np.zeros((len(legend), *cells.shape), "int64"),
        "confidence": np.zeros(cells.shape, "int64"),
        "city": np.zeros(cells.shape, "int64"),
    }
    windows: dict[tuple[int, int], dict[int, int]] = {}
    for strip in block.window.strips(STRIP_PX):
        arrays = [store.read(strip) for store in stores]
        image, valid = _three_bands(arrays[0].values), arrays[0].valid
        mapped, confidence = arrays[1].values[0].astype("uint8"), arrays[1].values[1]
        cities = arrays[2].values[0].astype("uint16")
        sums = {
            "image": cell_sums(np.where(valid, image, 0), strip, factor),
            "seen": cell_sums(valid, strip, factor),
            "classes": class_cells(mapped, strip, factor, legend),
            "confidence": cell_sums(np.where(mapped > 0, confidence, 0), strip, factor),
            "city": corner_values(cities, strip, factor),
        }
        rows, cols = strip.coarsen(factor).slices_in(cells)
        for name, values in sums.items():
            total[name][..., rows, cols] += values
        for window in candidates(grid, window_px, strip):
            _count_window(
                windows, window_counts(mapped, cities, strip, window), window, candidate_step(grid, window_px)
            )
    for store in stores:
        store.close()
    _save(out, total, windows)
    return Made()


def read_digest(path: Path) -> tuple[dict[str, Array], Array]:
    """The overview sums of a block and its window counts: int64 [n, 5] of window row, column, kind, value, pixels.

    kind is 0 for a class and 1 for a city.
    """
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: np.asarray(file[name], "int64") for name in file.files}
    return arrays, arrays.pop("windows")


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


def _save(out: Path, total: dict[str, Array], windows: dict[tuple[int, int], dict[int, int]]) -> None:
    rows = [
        (row, col, key // 65536, key % 65536, pixels)
        for (row, col), found in sorted(windows.items())
        for key, pixels in sorted(found.items())
    ]
    table = np.array(rows, "int64").reshape(-1, 5)
    with atomic_path(out) as part, part.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, windows=table, **total)
