"""One block: how every pair of maps agrees there, what each says at the points, and what places show."""

from pathlib import Path
from typing import Any

import numpy as np

from l2h.accuracy.compare.agreement import candidates, cell_sums, crossed
from l2h.accuracy.compare.lineup import Lineup, LineupReader
from l2h.accuracy.owned import points_within
from l2h.core.files import atomic_path, write_json
from l2h.core.grid import Block, Window
from l2h.core.tasks import Made

STRIP_PX = 512  # rows read at once: bounds memory on wide blocks
ALL = "all"  # the cells in which all maps agree


def compare_block(
    lineup: Lineup, block: Block, cell_px: int, place_px: int, located: Path | None, outputs: tuple[Path, Path]
) -> Made:
    """Write what a block gives: exact sums as JSON, sums by cell as npz.

    JSON: {"pairs": {"a|b": {class of a: {class of b: [pixels, 10^-9 m²]}}}, "places": {"row col": {class: pixels}},
           "points": [[number, city, {map: own code}]]}
    npz : "a|b agree", "a|b both", "all agree", "all both": int64 over the block's cells
    """
    told: dict[str, Any] = {"pairs": {}, "places": {}, "points": []}
    cells: dict[str, Any] = {}
    with LineupReader(lineup) as reader:
        for strip in block.window.strips(STRIP_PX):
            _add_strip(reader, block.window, strip, cell_px, place_px, told, cells)
        if located is not None:
            told["points"] = _at_points(reader, block.window, located)
    write_json(outputs[0], told)
    with atomic_path(outputs[1]) as part, part.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **cells)
    return Made()


def _add_strip(
    reader: LineupReader, window: Window, strip: Window, cell_px: int, place_px: int, told: Any, cells: Any
) -> None:
    lineup, classes = reader.lineup, reader.classes(strip)
    inside = reader.cities(strip) > 0
    row_area = lineup.grid.row_area(strip.row_start, strip.row_stop)
    for a, b in lineup.pairs:
        _add_crossed(told["pairs"].setdefault(f"{a}|{b}", {}), crossed(classes[a], classes[b], inside, row_area))
        both = inside & (classes[a] > 0) & (classes[b] > 0)
        _add_cells(cells, f"{a}|{b}", both & (classes[a] == classes[b]), both, window, strip, cell_px)
    every = np.stack(list(classes.values()))
    both = inside & (every > 0).all(0)
    _add_cells(cells, ALL, both & (every == every[0]).all(0), both, window, strip, cell_px)
    own = np.where(inside, classes[lineup.names[0]], 0)
    for place in candidates(lineup.grid, place_px, strip):
        part = place.intersect(strip)
        rows, cols = part.slices_in(strip)
        into = told["places"].setdefault(f"{place.row_start} {place.col_start}", {})
        for value, pixels in enumerate(np.bincount(own[rows, cols].ravel(), minlength=256).tolist()):
            if value and pixels:
                into[str(value)] = into.get(str(value), 0) + pixels


def _add_crossed(into: dict[str, Any], found: Any) -> None:
    for first, row in found.items():
        mine = into.setdefault(str(first), {})
        for second, (pixels, area) in row.items():
            old = mine.get(str(second), [0, 0])
            mine[str(second)] = [old[0] + pixels, old[1] + area]


def _add_cells(cells: Any, name: str, agree: Any, both: Any, window: Window, strip: Window, cell_px: int) -> None:
    whole = window.coarsen(cell_px)
    rows, cols = strip.coarsen(cell_px).slices_in(whole)
    for kind, values in (("agree", agree), ("both", both)):
        into = cells.setdefault(f"{name} {kind}", np.zeros(whole.shape, "int64"))
        into[rows, cols] += cell_sums(values, strip, cell_px)


def _at_points(reader: LineupReader, window: Window, located: Path) -> list[list[Any]]:
    """[[number, city, {map: own code}], …] of the points of the block, by their number in the file."""
    rows = []
    for _, number, pixel, city in points_within(reader.cities, window, located):
        rows.append([number, city, {name: int(codes[0, 0]) for name, codes in reader.raw(pixel).items()}])
    return rows
