"""Label quality on real pictures: references drawn by hand, products simulated from them (so: upper bounds)."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rasterio.warp import Resampling, reproject

from l2h.core.raster import grid_of, open_raster
from l2h.labels.cells import cell_mode
from l2h.labels.fusion import cell_codes, class_of, fuse
from l2h.labels.quality import LabelQuality, label_quality
from l2h.labels.settings import LabelSettings
from l2h.labels.votes import intersection, majority

FILES = ("esa_worldcover", "esri_lulc", "from_glc10")
LEGENDS = ("worldcover", "esri2020", "from_glc10")
# measured: kept and right share of the cells whose reference is known, per rule
MEASURED = {
    "zurich": {"majority": (0.985, 0.875), "intersection": (0.469, 0.990), "posterior": (0.964, 0.938)},
    "newbrunswick": {"majority": (1.000, 0.967), "intersection": (0.820, 1.000), "posterior": (0.984, 0.983)},
    "loveda": {"majority": (0.943, 0.952), "intersection": (0.653, 0.996), "posterior": (0.938, 0.986)},
    "deepglobe": {"majority": (0.990, 0.867), "intersection": (0.452, 0.992), "posterior": (0.980, 0.933)},
}
Area = tuple[np.ndarray, np.ndarray, dict[int, tuple[int, ...]]]


@cache
def area(folder: Path) -> Area:
    """Product codes and reference per cell; built-up undivided, as a cell of 10 m is mostly both."""
    with open_raster(folder / "reference.tif") as dataset:
        grid, reference = grid_of(dataset), dataset.read(1)
    codes = np.zeros((3, *grid.shape), "uint8")
    for layer, name in zip(codes, FILES, strict=True):
        with open_raster(folder / f"{name}.tif") as dataset:
            reproject(
                dataset.read(1),
                layer,
                src_transform=dataset.transform,
                src_crs=dataset.crs,
                dst_transform=grid.transform,
                dst_crs=grid.crs,
                resampling=Resampling.nearest,
            )
    accept = {int(code): tuple(v) for code, v in json.loads((folder / "meta.json").read_text())["accept"].items()}
    built = [code for code, values in accept.items() if set(values) & {1, 6}]
    reference[np.isin(reference, built)] = 6
    return cell_codes(codes, 10), cell_mode(reference, 10), {**accept, 6: (6,)}


def score(labels: list[np.ndarray], areas: list[Area]) -> LabelQuality:
    parts = [label_quality(label, truth, accept) for label, (_, truth, accept) in zip(labels, areas, strict=True)]
    return sum(parts, LabelQuality(0, 0, 0))


@pytest.mark.real_data
@pytest.mark.parametrize("family", MEASURED)
def test_quality_of_labels(real_data: Path, family: str) -> None:
    areas = [area(folder) for folder in sorted((real_data / "cases").glob(f"{family}_*"))]
    fused = fuse([codes for codes, _, _ in areas], LEGENDS)
    scores = {
        "majority": score([majority(codes, LEGENDS) for codes, _, _ in areas], areas),
        "intersection": score([intersection(codes, LEGENDS) for codes, _, _ in areas], areas),
        "posterior": score([class_of(cells, LabelSettings().void_below) for cells in fused], areas),
    }
    measured = {name: (quality.kept_share, quality.right_share) for name, quality in scores.items()}
    for name, shares in MEASURED[family].items():
        assert measured[name] == pytest.approx(shares, abs=0.01), name
    everywhere = score([class_of(cells) for cells in fused], areas)
    assert everywhere.kept == scores["majority"].kept
    assert everywhere.right > scores["majority"].right
