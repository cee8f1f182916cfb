#!/usr/bin/env python3
"""What the scorer of maps does not say: edges, roads nobody gave, calibration. Opens the references of the cases.

    python benchmarks/columns.py CASES MAPS [--json OUT.json]

CASES/<name>/ holds reference.tif, meta.json ("accept": reference code → map codes that are right) and osm.osm, the
vectors that were given; MAPS/<name>.tif is a map on the reference's grid, MAPS/confidence/<name>.tif its confidence in
per cent. Per family, of all its cases together:

    edge          overall accuracy of labelled pixels within 4 px of a pixel labelled otherwise
    far_traffic   F1 of traffic route on labelled pixels farther than 6 m from every given road line and footprint;
                  null where the references do not tell traffic from building
    ece           expected calibration error: Σ_b n_b / n · |share right_b - mean confidence_b| over twenty bins of
                  confidence, 5 % wide, half-open but the last. Not of pixels mapped as a class that the reference
                  does not tell from another: it takes both for right, and the confidence is told of one
    reliability   the bins themselves: pixels, mean confidence, share right
"""

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
from _cases import Case, find_families
from rasterio.features import geometry_mask

from l2h.core.errors import GridError
from l2h.core.files import write_json
from l2h.core.grid import Grid
from l2h.core.legend import TRAFFIC
from l2h.core.raster import grid_of, open_raster

EDGE_PX, FAR_M, BINS = 4, 6.0, 20
Bytes = npt.NDArray[np.uint8]
Groups = npt.NDArray[np.int16]
Mask = npt.NDArray[np.bool_]


@dataclass
class Counts:
    """Integer sums that add over cases. ``bins``: int64 [BINS, 3] of pixels, right pixels, per cents of confidence."""

    edge: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))
    traffic: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(3, np.int64))
    bins: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((BINS, 3), np.int64))

    def add(self, other: "Counts") -> None:
        for name in ("edge", "traffic", "bins"):
            getattr(self, name).__iadd__(getattr(other, name))


def near_other_class(group: Groups, reach_px: int = EDGE_PX) -> Mask:
    """Whether a pixel labelled otherwise lies within ``reach_px``; bool [H, W].

    group : class of each pixel, -1 unlabelled; an unlabelled gap between two classes is crossed, not counted.

    >>> near_other_class(np.array([[0, 0, -1, 1]], np.int16), 2).tolist()
    [[False, True, False, True]]
    """
    near = np.zeros(group.shape, bool)
    for row in range(reach_px + 1):
        for col in range(-reach_px, reach_px + 1):
            if 0 < row * row + col * col <= reach_px**2 and (row > 0 or col > 0):
                here, there = _pair(group.shape, row, col)
                differ = (group[here] != group[there]) & (group[here] >= 0) & (group[there] >= 0)
                near[here] |= differ
                near[there] |= differ
    return near


def _pair(shape: tuple[int, ...], row: int, col: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of all pixels that have a neighbour ``row`` down and ``col`` to the right, and of those neighbours."""
    height, width = shape
    here = slice(0, max(height - row, 0)), slice(max(-col, 0), max(width - max(col, 0), 0))
    there = slice(row, height), slice(max(col, 0), max(width + min(col, 0), 0))
    return here, there


def bin_confidence(confidence: Bytes, right: Mask) -> npt.NDArray[np.int64]:
    """Pixels, right pixels and summed confidence of each bin, int64 [BINS, 3]; confidence 0..100 of pixels [N]."""
    bins = np.minimum(confidence.astype(np.int64) * BINS // 100, BINS - 1)
    columns = [None, right, confidence]
    return np.stack([np.bincount(bins, weights=w, minlength=BINS).astype(np.int64) for w in columns], axis=1)


def calibration_error(bins: npt.NDArray[np.int64]) -> float:
    """Σ_b |right_b - confidence_b| / n, from integer sums; NaN without pixels.

    >>> round(calibration_error(np.array([[10, 5, 900], [10, 10, 1000]])), 3)
    0.2
    """
    pixels, right, per_cents = bins.T
    return float(np.abs(right - per_cents / 100).sum() / pixels.sum()) if pixels.any() else float("nan")


def f1(counts: npt.NDArray[np.int64]) -> float | None:
    """2 TP / (2 TP + FP + FN) of (TP, FP, FN); None where there is none of any."""
    hit, false, missed = (int(n) for n in counts)
    return 2 * hit / (2 * hit + false + missed) if counts.any() else None


def count_case(case: Case, maps: Path, groups: dict[tuple[int, ...], int]) -> Counts:
    """The counts of one case. GridError where its map is on another grid."""
    grid, reference = read_reference(case)
    mapped, confidence = _read(maps / f"{case.name}.tif", grid), _read(maps / "confidence" / f"{case.name}.tif", grid)
    truth, told = groups_of(accepted(case), groups)[reference], groups_of(_by_code(groups), groups)[mapped]
    labelled, right = truth >= 0, truth == told
    judged = labelled & ~np.isin(mapped, [code for group in groups if len(group) > 1 for code in group])
    edge = near_other_class(truth)
    counts = Counts(
        edge=np.array([(edge & right).sum(), edge.sum()]),
        bins=bin_confidence(confidence[judged], right[judged]),
    )
    road = groups.get((TRAFFIC,))
    if road is not None:
        far = labelled & far_from_vectors(case.folder / "osm.osm", grid)
        is_road, said = truth[far] == road, told[far] == road
        counts.traffic = np.array([(is_road & said).sum(), (~is_road & said).sum(), (is_road & ~said).sum()])
    return counts


def read_reference(case: Case) -> tuple[Grid, Bytes]:
    """Grid and codes, uint8 [H, W], of what was drawn by hand."""
    with open_raster(case.folder / "reference.tif") as dataset:
        return grid_of(dataset), np.asarray(dataset.read(1), "uint8")


def far_from_vectors(osm: Path, grid: Grid) -> Mask:
    """Pixels whose centre is farther than FAR_M from every road line and footprint of an extract; bool [H, W]."""
    lines, areas = (geopandas.read_file(osm, layer=layer) for layer in ("lines", "multipolygons"))
    shapes = [*lines.geometry[lines.highway.notna()], *areas.geometry[areas.building.notna()]]
    if not shapes:
        return np.ones(grid.shape, bool)
    around = geopandas.GeoSeries(shapes, crs="EPSG:4326").to_crs(grid.crs).buffer(FAR_M)
    return np.asarray(geometry_mask(around, grid.shape, grid.transform), bool)


def accepted(case: Case) -> dict[int, tuple[int, ...]]:
    """Reference code → map codes that are right."""
    meta = json.loads((case.folder / "meta.json").read_text("utf-8"))
    return {int(code): tuple(values) for code, values in meta["accept"].items()}


def _by_code(groups: dict[tuple[int, ...], int]) -> dict[int, tuple[int, ...]]:
    return {code: group for group in groups for code in group}


def groups_of(table: dict[int, tuple[int, ...]], groups: dict[tuple[int, ...], int]) -> Groups:
    """int16 [256]: code → number of its group, -1 where it has none."""
    numbers = np.full(256, -1, np.int16)
    for code, group in table.items():
        numbers[code] = groups[group]
    return numbers


def _read(path: Path, grid: Grid) -> Bytes:
    with open_raster(path) as dataset:
        if grid_of(dataset) != grid:
            raise GridError(
                "a map is not on its reference's grid",
                where=str(path),
                expected=str(grid),
                got=str(grid_of(dataset)),
            )
        return np.asarray(dataset.read(1), "uint8")


def score_family(cases: list[Case], maps: Path) -> dict[str, Any]:
    """The measures of a family, from the sums over its cases."""
    found = sorted({group for case in cases for group in accepted(case).values()})
    groups = {group: number for number, group in enumerate(found)}
    total = Counts()
    for case in cases:
        total.add(count_case(case, maps, groups))
    pixels, right, per_cents = total.bins.T
    used = np.flatnonzero(pixels)
    return {
        "edge": round(float(total.edge[0] / total.edge[1]), 4) if total.edge[1] else None,
        "far_traffic": _rounded(f1(total.traffic)),
        "ece": round(calibration_error(total.bins), 4),
        "reliability": {
            "pixels": pixels[used].tolist(),
            "confidence": (per_cents[used] / pixels[used] / 100).round(4).tolist(),
            "right": (right[used] / pixels[used]).round(4).tolist(),
        },
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("maps", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    report = {
        family: score_family(cases, options.maps)
        for family, cases in find_families(options.cases).items()
        if all((options.maps / f"{case.name}.tif").exists() for case in cases)
    }
    for family, row in report.items():
        sys.stdout.write(f"{family:<12} edge {row['edge']}  far traffic F1 {row['far_traffic']}  ECE {row['ece']}\n")
    if options.json:
        write_json(options.json, report)
    return 0 if report else 1


if __name__ == "__main__":
    raise SystemExit(main())
