"""A project with points to calibrate by, through the whole chain."""

import csv
from pathlib import Path

import geopandas
import numpy as np
import pytest
from shapely import box
from tiny_project import QUICK, UTM, X, Y, make_project

from l2h.core.errors import InputError
from l2h.core.files import read_json
from l2h.pipeline import STAGES, Pipeline

CLASSES = np.array([[2, 5], [9, 6]])  # tree, cropland, water, building


def points(path: Path, rows: range, cols: range) -> None:
    lines = [f"{X + c + 0.5},{Y - r - 0.5},{CLASSES[r // 60, c // 80]}" for r in rows for c in cols]
    path.write_text("x,y,class\n" + "\n".join(lines) + "\n")


def paint(path: Path, row: int, col: int) -> None:
    """Two by two pixels of wood."""
    shape = box(X + col, Y - row - 2, X + col + 2, Y - row)
    geopandas.GeoDataFrame({"class": ["tree"]}, geometry=[shape], crs=UTM).to_file(path)


@pytest.mark.slow
def test_the_chain_with_points_of_both_kinds_and_drawn_ground(tmp_path: Path) -> None:
    folder = make_project(tmp_path)
    points(folder / "ours.csv", range(5, 120, 20), range(5, 160, 15))
    points(folder / "judges.csv", range(15, 120, 20), range(5, 160, 15))
    paint(folder / "drawn.gpkg", row=14, col=12)
    with (folder / "project.toml").open("a") as stream:
        stream.write('[learning.clean]\ndrawn = ["drawn.gpkg"]\napart_m = 5\n')
        stream.write('[calibration]\npoints = "ours.csv"\napart_m = 10\n')
        stream.write('[reference]\npoints = "judges.csv"\ndesign = "systematic"\n')
    pipeline = Pipeline.open(folder, QUICK)
    with pipeline.context("serial", 1) as context:
        for name in STAGES:
            pipeline.run(name, context)
    record = read_json(folder / "work/map/calibration.json")
    assert (record["source"], record["points"]) == ("points", 66)
    assert read_json(folder / "work/train/network.json")["training"]["drawn_pixels"] == 4
    accuracy = read_json(folder / "work/assess/accuracy.json")
    assert accuracy["references"][0]["confidence"][0]["predicted"]["n"] > 30
    sets = accuracy["references"][0]["sets"]
    assert (sets["levels"], sets["calibration_points"]) == ([0.9, 0.95], 66)
    nation, *regions = sets["places"]
    assert [region["name"] for region in regions] == ["East", "West"]
    assert nation["levels"][0]["coverage"]["n"] == 66
    assert 0.5 < nation["levels"][0]["coverage"]["value"] <= 1
    rows = list(csv.DictReader((folder / "work/assess/sets.csv").read_text("utf-8").splitlines()))
    assert len(rows) == 66
    assert sum(row["holds_0.9"] == "true" for row in rows) / 66 == pytest.approx(
        nation["levels"][0]["coverage"]["value"]
    )
    page = (folder / "release/1.0/report.html").read_text("utf-8")
    assert "Calibrated at 66 interpreted points" in page
    assert "Sets of classes at the points" in page
    assert all(row["make"] == row["remake"] == 0 for row in pipeline.status())
    paint(folder / "drawn.gpkg", row=24, col=5)  # calibration points lie there
    with pipeline.context("serial", 1) as context:
        pipeline.run("train", context)
        with pytest.raises(InputError, match=r"calibration points lie at or near drawn clean ground"):
            pipeline.run("map", context)
    points(folder / "judges.csv", range(5, 120, 20), range(5, 160, 15))
    with pipeline.context("serial", 1) as context, pytest.raises(InputError, match="may not be judged by what"):
        pipeline.run("map", context)
