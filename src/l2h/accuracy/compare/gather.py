"""All blocks together: agreement of every pair in exact areas and by cell, places to show, points in order."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.compare.agreement import choose
from l2h.accuracy.compare.lineup import Lineup
from l2h.accuracy.compare.pairs import PointRow
from l2h.core.areas import NANO
from l2h.core.errors import InputError
from l2h.core.files import read_json
from l2h.core.grid import Block, Grid, Window

NOTHING = 255  # of the agreement maps: no pixel of the cell has a class of both
Areas = dict[str, dict[tuple[int, int], list[int]]]  # "a|b" → (class of a, class of b) → [pixels, 10^-9 m²]


def sum_pairs(tallies: Iterable[dict[str, Any]]) -> Areas:
    total: Areas = {}
    for tally in tallies:
        for pair, rows in tally["pairs"].items():
            into = total.setdefault(pair, {})
            for first, row in rows.items():
                for second, (pixels, area) in row.items():
                    old = into.get((int(first), int(second)), [0, 0])
                    into[int(first), int(second)] = [old[0] + pixels, old[1] + area]
    return total


def agreement_of(crossed: dict[tuple[int, int], list[int]]) -> dict[str, Any]:
    """Share of the ground on which two maps say the same, of that on which both say something; exact sums of areas."""
    both = {k: v for k, v in crossed.items() if k[0] and k[1]}
    same = [sum(v[i] for (a, b), v in both.items() if a == b) for i in (0, 1)]
    whole = [sum(v[i] for v in both.values()) for i in (0, 1)]
    return {
        "agreeing_px": same[0],
        "both_px": whole[0],
        "agreeing_m2": same[1] / NANO,
        "both_m2": whole[1] / NANO,
        "agreement": same[1] / whole[1] if whole[1] else None,
    }


def pair_table(lineup: Lineup, areas: Areas) -> list[dict[str, Any]]:
    """Each pair's agreement; "classes": area in m² of every pair of classes, first × second, in order of the legend."""
    values, rows = lineup.legend.values, []
    for a, b in lineup.pairs:
        crossed = areas.get(f"{a}|{b}", {})
        table = [[crossed.get((r, c), [0, 0])[1] / NANO for c in values] for r in values]
        rows.append({"first": a, "second": b} | agreement_of(crossed) | {"classes": table})
    return rows


def gather_points(tallies: Iterable[dict[str, Any]]) -> list[PointRow]:
    """Rows of all blocks in the order of the point file."""
    rows = [(int(n), int(city), dict(codes)) for tally in tallies for n, city, codes in tally["points"]]
    return sorted(rows, key=lambda row: row[0])


def agreement_raster(cells: Iterable[tuple[Block, Path]], name: str, grid: Grid, cell_px: int) -> npt.NDArray[np.uint8]:
    """Per cent of agreeing pixels in each cell, uint8 [h, w] on `grid.coarsen(cell_px)`; NOTHING where there are none.

    name : "a|b" or "all". Cells that blocks share are summed before anything is divided.
    """
    coarse = grid.coarsen(cell_px)
    sums = {kind: np.zeros(coarse.shape, "int64") for kind in ("agree", "both")}
    for block, path in cells:
        rows, cols = block.window.coarsen(cell_px).slices_in(coarse.window)
        with np.load(path, allow_pickle=False) as file:
            for kind, into in sums.items():
                into[rows, cols] += file[f"{name} {kind}"]
    share = np.rint(100 * sums["agree"] / np.maximum(sums["both"], 1))
    return np.where(sums["both"] > 0, share, NOTHING).astype("uint8")


def chosen_places(tallies: Iterable[dict[str, Any]], place_px: int, number: int) -> list[Window]:
    """The places that are shown, chosen by what our map shows there."""
    counts: dict[Window, npt.NDArray[np.int64]] = {}
    for tally in tallies:
        for key, classes in tally["places"].items():
            row, col = map(int, key.split())
            into = counts.setdefault(Window(row, row + place_px, col, col + place_px), np.zeros(256, "int64"))
            for value, pixels in classes.items():
                into[int(value)] += pixels
    return choose(counts, number)


def stated_places(grid: Grid, centres: Iterable[tuple[float, float]], place_px: int) -> list[Window]:
    """Windows around stated centres, moved to lie within the lattice; InputError for a centre that lies outside."""
    places = []
    side = (min(place_px, grid.height), min(place_px, grid.width))
    for x, y in centres:
        rows, cols = grid.rowcol([x], [y])
        row, col = int(rows[0]), int(cols[0])
        if not (0 <= row < grid.height and 0 <= col < grid.width):
            raise InputError(
                "a place to show lies outside the project's grid", where="[compare] places",
                expected=f"x, y within {grid.bounds()} of {grid.crs}", got=f"{x}, {y}",
            )  # fmt: skip
        top = min(max(0, row - side[0] // 2), grid.height - side[0])
        left = min(max(0, col - side[1] // 2), grid.width - side[1])
        places.append(Window(top, top + side[0], left, left + side[1]))
    return places


def read_tallies(paths: Iterable[Path]) -> Iterable[dict[str, Any]]:
    for path in paths:
        yield read_json(path)
