"""The accuracy program on one real picture, trained for seconds: it must run and keep to the picture's grid."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from l2h.core.legend import load_legend

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "accuracy.py"


@pytest.mark.slow
@pytest.mark.real_data
def test_a_real_picture_is_mapped_without_its_reference(tmp_path: Path, real_data: Path) -> None:
    case = tmp_path / "cases" / "newbrunswick_1of2"
    case.mkdir(parents=True)
    for path in (real_data / "cases" / case.name).iterdir():
        if path.name not in ("reference.tif", "meta.json"):
            (case / path.name).symlink_to(path)
    out = tmp_path / "out"
    small = ["--set", "learning.megapixels=0.2", "--set", "learning.threads=1", "--set", "mapping.prior=on"]
    command = [sys.executable, str(PROGRAM), str(tmp_path / "cases"), str(out), "--seed", "3", *small]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with rasterio.open(case / "image.tif") as image, rasterio.open(out / f"{case.name}.tif") as made:
        assert (made.crs, made.transform, made.shape) == (image.crs, image.transform, image.shape)
        assert set(np.unique(made.read(1))) <= set(load_legend("sinolc1").values)
        with rasterio.open(out / "confidence" / f"{case.name}.tif") as confidence:
            assert (confidence.transform, confidence.shape) == (made.transform, made.shape)
            assert 10 <= confidence.read(1).max() <= 100
    family = json.loads((out / "run.json").read_text())["families"]["newbrunswick"]
    assert family["settings"]["learning"]["seed"] == 3
    assert family["prior"] is True
    assert family["mflop_per_px"] == 0.0783
    assert family["map_mpx_s"] > 0
    assert set(family["seconds"]) == {"labels", "training", "evidence", "maps"}
