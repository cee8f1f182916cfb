#!/usr/bin/env python3
"""How good the labels are: share of cells kept and share right against the references, per rule and family.

    python benchmarks/labels.py CASES [--table docs/benchmarks/labels.md]

A case is a folder with three products, `reference.tif` and `meta.json`. A cell's reference is the code that most of its
pixels bear (unlabelled ones count as a code: a cell mostly unlabelled is not known). Traffic and building are one class
here, as no product tells them apart. One label model per family, fitted without any reference.

A second table asks what becomes of the rules where products share their errors: in a share of the blocks of 200 m the
second and third product repeat the first, in their own codes; means of three draws of the blocks.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import numpy.typing as npt
from _cases import PRODUCTS, Case, find_families
from rasterio.warp import Resampling, reproject

from l2h.core.files import write_text
from l2h.core.legend import BUILDING, TRAFFIC, load_crosswalk
from l2h.core.raster import grid_of, open_raster
from l2h.labels.cells import cell_mode
from l2h.labels.fusion import cell_codes, class_of, fuse
from l2h.labels.quality import LabelQuality, label_quality
from l2h.labels.settings import LabelSettings
from l2h.labels.votes import intersection, majority

HERE, CELL_PX = Path(__file__).parent, 10
BLOCK_CELLS, DRAWS = 20, 3  # shared errors: blocks of 200 m
LEGENDS = tuple(PRODUCTS.values())
Bytes = npt.NDArray[np.uint8]
HEAD = """# Label quality

Ten-metre labels against hand-drawn references of real pictures, per family and rule. The three products are
**simulated** from those references by an assumed error model fitted to no product: the figures rank rules and promise
nothing of real products. No reference enters a rule. Made by `benchmarks/labels.py`.

Kept: share of the cells whose reference is known that get a label. Right: share of those kept whose label is right.
Both: their product, the share of known cells that are labelled and right. Told: what the label model itself expects of
the cells it keeps, the mean of its largest probability; a rule of votes tells nothing.

| Family | Rule | cells | kept | right | both | told |
|---|---|---|---|---|---|---|
"""
SHARED_HEAD = """
## Where products share their errors

In a share of the blocks of 200 m the second and third product repeat the first in codes of their own. Every cell a rule
labels counts; means of three draws of the blocks. ρ: tempering of the likelihood (`labels.tempering`).

| Family | Repeated | Rule | kept | right | told |
|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class CellArea:
    """One case at 10 m: product codes [3, h, w], reference codes [h, w], code → label values that are right."""

    codes: Bytes
    reference: Bytes
    accept: dict[int, tuple[int, ...]]


def read_area(case: Case) -> CellArea:
    """Products by nearest neighbour on the reference's grid, then the most frequent code of each cell."""
    with open_raster(case.folder / "reference.tif") as dataset:
        grid, reference = grid_of(dataset), dataset.read(1)
    codes = np.zeros((len(PRODUCTS), *grid.shape), "uint8")
    for layer, name in zip(codes, PRODUCTS, strict=True):
        with open_raster(case.folder / f"{name}.tif") as dataset:
            reproject(
                dataset.read(1),
                layer,
                src_transform=dataset.transform,
                src_crs=dataset.crs,
                dst_transform=grid.transform,
                dst_crs=grid.crs,
                resampling=Resampling.nearest,
            )
    meta = json.loads((case.folder / "meta.json").read_text("utf-8"))
    accept = {int(code): tuple(values) for code, values in meta["accept"].items()}
    built = [code for code, values in accept.items() if set(values) & {TRAFFIC, BUILDING}]
    reference[np.isin(reference, built)] = BUILDING
    return CellArea(cell_codes(codes, CELL_PX), cell_mode(reference, CELL_PX), {**accept, BUILDING: (BUILDING,)})


def score(labels: Sequence[Bytes], areas: Sequence[CellArea]) -> LabelQuality:
    """Exact counts over all areas of a family."""
    parts = [label_quality(label, area.reference, area.accept) for label, area in zip(labels, areas, strict=True)]
    return sum(parts, LabelQuality(0, 0, 0))


def rules(areas: Sequence[CellArea]) -> Iterator[tuple[str, list[Bytes], list[Bytes] | None]]:
    """Name, labels of each area, and the posteriors they come from."""
    codes = [area.codes for area in areas]
    yield "majority of the products", [majority(c, LEGENDS) for c in codes], None
    yield "intersection (SinoLC-1)", [intersection(c, LEGENDS) for c in codes], None
    settings = LabelSettings()
    fused = fuse(codes, LEGENDS, settings)
    kept = f"Dawid–Skene, anchored, with neighbours, reliability ≥ {settings.void_below} (default)"
    yield kept, [class_of(cells, settings.void_below) for cells in fused], fused
    yield "the same, every cell", [class_of(cells) for cells in fused], fused
    alone = fuse(codes, LEGENDS, LabelSettings(neighbour_rounds=0))
    yield "… without neighbours, every cell", [class_of(cells) for cells in alone], alone
    free = fuse(codes, LEGENDS, LabelSettings(neighbour_rounds=0, anchor_strength=0.0))
    yield "… without anchors and neighbours, every cell", [class_of(cells) for cells in free], free


def shared_rules(areas: Sequence[CellArea]) -> Iterator[tuple[str, list[Bytes], list[Bytes] | None]]:
    """As `rules`, those that the second table compares."""
    codes = [area.codes for area in areas]
    yield "majority", [majority(c, LEGENDS) for c in codes], None
    yield "intersection", [intersection(c, LEGENDS) for c in codes], None
    for tempering in (1.0, 0.7, 0.5):
        fused = fuse(codes, LEGENDS, LabelSettings(tempering=tempering))
        yield f"Dawid–Skene, ρ = {tempering:g}", [class_of(cells) for cells in fused], fused


def repeating(area: CellArea, share: float, rng: np.random.Generator) -> CellArea:
    """The area with the first product repeated by the others in ``share`` of its blocks."""
    shape = area.reference.shape
    drawn = rng.random([-(-side // BLOCK_CELLS) for side in shape]) < share
    inside = np.kron(drawn, np.ones((BLOCK_CELLS, BLOCK_CELLS), bool))[: shape[0], : shape[1]]
    first = area.codes[0]
    others = [
        np.where(inside & (first > 0), as_code_of(legend)[first], c)
        for legend, c in zip(LEGENDS, area.codes, strict=True)
    ]
    return replace(area, codes=np.stack([first, *others[1:]]))


def as_code_of(legend: str) -> Bytes:
    """uint8 [256]: code of the first product → code of ``legend`` that shares most of what it admits, 0 for none."""
    theirs, ours = load_crosswalk(legend).admits, load_crosswalk(LEGENDS[0]).admits
    common = (ours[:, None] & theirs[None]).sum(axis=2)
    share = common / np.maximum(theirs.sum(axis=1), 1) + common / 100  # of two with the same share the wider
    return np.where(common.any(axis=1), share.argmax(axis=1), 0).astype("uint8")


def told(labels: Sequence[Bytes], posteriors: Sequence[Bytes]) -> float:
    """Mean largest probability of the cells kept."""
    return fmean(
        np.concatenate([cells[:-1].max(axis=0)[label > 0] for label, cells in zip(labels, posteriors, strict=True)])
        / 255
    )


def rows(family: str, areas: Sequence[CellArea]) -> Iterator[str]:
    """One line of the table per rule."""
    for name, labels, posteriors in rules(areas):
        quality = score(labels, areas)
        kept, right = quality.kept_share, quality.right_share
        expected = f"{told(labels, posteriors):.3f}" if posteriors else "–"
        cells = [family, name, quality.known, f"{kept:.3f}", f"{right:.3f}", f"{kept * right:.3f}", expected]
        yield "| " + " | ".join(map(str, cells)) + " |\n"


def shared_rows(family: str, areas: Sequence[CellArea]) -> Iterator[str]:
    """Lines of the second table."""
    for share in (0.3, 0.6):
        found: dict[str, list[tuple[float, float, float | None]]] = {}
        for seed in range(DRAWS):
            rng = np.random.default_rng(seed)
            drawn = [repeating(area, share, rng) for area in areas]
            for name, labels, posteriors in shared_rules(drawn):
                quality = score(labels, drawn)
                expected = told(labels, posteriors) if posteriors else None
                found.setdefault(name, []).append((quality.kept_share, quality.right_share, expected))
        for name, figures in found.items():
            kept, right, expected = zip(*figures, strict=True)
            says = "–" if None in expected else f"{fmean(expected):.3f}"
            yield f"| {family} | {share} | {name} | {fmean(kept):.3f} | {fmean(right):.3f} | {says} |\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--table", type=Path, default=HERE.parent / "docs" / "benchmarks" / "labels.md")
    options = parser.parse_args()
    families = find_families(options.cases)
    if not families:
        sys.stderr.write(f"no case in {options.cases}\n")
        return 1
    areas = {family: [read_area(case) for case in cases] for family, cases in families.items()}
    lines = [line for family, found in areas.items() for line in rows(family, found)]
    shared = [line for family, found in areas.items() for line in shared_rows(family, found)]
    write_text(options.table, HEAD + "".join(lines) + SHARED_HEAD + "".join(shared))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
