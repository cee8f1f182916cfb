"""A project with points to calibrate by, through the whole chain."""

from pathlib import Path

import numpy as np
import pytest
from tiny_project import QUICK, X, Y, make_project

from l2h.core.errors import InputError
from l2h.core.files import read_json
from l2h.pipeline import STAGES, Pipeline

CLASSES = np.array([[2, 5], [9, 6]])  # tree, cropland, water, building


def points(path: Path, rows: range, cols: range) -> None:
    lines = [f"{X + c + 0.5},{Y - r - 0.5},{CLASSES[r // 60, c // 80]}" for r in rows for c in cols]
    path.write_text("x,y,class\n" + "\n".join(lines) + "\n")


@pytest.mark.slow
def test_the_chain_with_points_of_both_kinds(tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    points(folder / "ours.csv", range(5, 120, 20), range(5, 160, 15))
    points(folder / "judges.csv", range(15, 120, 20), range(5, 160, 15))
    with (folder / "project.toml").open("a") as stream:
        stream.write('[calibration]\npoints = "ours.csv"\napart_m = 10\n')
        stream.write('[reference]\npoints = "judges.csv"\ndesign = "systematic"\n')
    pipeline = Pipeline.open(folder, QUICK)
    with pipeline.context("serial", 1) as context:
        for name in STAGES:
            pipeline.run(name, context)
    record = read_json(folder / "work/map/calibration.json")
    assert (record["source"], record["points"]) == ("points", 66)
    accuracy = read_json(folder / "work/assess/accuracy.json")
    assert accuracy["references"][0]["confidence"][0]["predicted"]["n"] > 30
    assert "Calibrated at 66 interpreted points" in (folder / "release/1.0/report.html").read_text("utf-8")
    assert all(row["make"] == row["remake"] == 0 for row in pipeline.status())
    points(folder / "judges.csv", range(5, 120, 20), range(5, 160, 15))
    with pipeline.context("serial", 1) as context, pytest.raises(InputError, match="may not be judged by what"):
        pipeline.run("map", context)
