"""A project with extras through the whole chain, and the same network where they are missing."""

from pathlib import Path

import numpy as np
import pytest
from tiny_project import QUICK, RIGHTS, H, W, edit, make_project, write_tif

from l2h.core.errors import CheckpointError, SettingsError
from l2h.core.files import read_json
from l2h.pipeline import STAGES, Pipeline
from l2h.project import load_project

HEARING = (*QUICK, "learning.chip_px=80", "learning.network=slim")
EXTRAS = f"""
[[extras]]
name = "s2"
paths = ["s2.tif"]
bands = [1, 2]
unit = "reflectance"
{RIGHTS}attribution = "Seen from above"
[[extras]]
kind = "latitude"
[[extras]]
kind = "month"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The tiny project with two bands of noise at 10 m, the last column of cells missing."""
    folder = make_project(tmp_path / "p")
    values = np.random.default_rng(0).normal(0.3, 0.1, (2, H // 10, W // 10))
    values[:, :, -1] = np.nan
    write_tif(folder / "s2.tif", values, pixel=10.0, dtype="float32")
    edit(folder, "[osm]", EXTRAS + "[osm]")
    return folder


@pytest.mark.slow
def test_a_network_with_extras_maps_with_and_without_them(project: Path) -> None:
    pipeline = Pipeline.open(project, HEARING)
    with pipeline.context("serial", 1) as context:
        for name in STAGES:
            pipeline.run(name, context)
        info = context.ledger.get("layers/extras/s2/r0000c0001").info
    assert (info["valid_cells"], info["cells"]) == (8 * 7, 8 * 8)
    network = read_json(project / "work/train/network.json")
    assert [extra["name"] for extra in network["extras"]] == ["s2", "latitude", "month"]
    assert read_json(project / "work/map/extras.json")["missing"] == []
    assert "Seen from above" in (project / "release/1.0/ATTRIBUTION.txt").read_text("utf-8")
    assert "s2" in (project / "release/1.0/report.html").read_text("utf-8")
    assert all(row["make"] == row["remake"] == 0 for row in pipeline.status())

    # the same network in a project that lost its Sentinel-2
    (project / "s2.tif").unlink()
    start, end = (
        (project / "project.toml").read_text().index('[[extras]]\nname = "s2"'),
        '[[extras]]\nkind = "latitude"',
    )
    text = (project / "project.toml").read_text()
    (project / "project.toml").write_text(text[:start] + text[text.index(end) :])
    bare = Pipeline.open(project, HEARING)
    with bare.context("serial", 1) as context:
        bare.run("layers", context)
        report = bare.run("map", context)
    assert report.notices == ("mapped without extras s2",)
    assert read_json(project / "work/map/extras.json")["used"] == ["latitude", "month"]


@pytest.mark.slow
def test_an_extra_of_another_unit_is_refused_before_a_pixel_is_mapped(project: Path) -> None:
    pipeline = Pipeline.open(project, HEARING)
    with pipeline.context("serial", 1) as context:
        for name in ("layers", "labels", "train"):
            pipeline.run(name, context)
    edit(project, 'unit = "reflectance"', 'unit = "digital numbers"')
    other = Pipeline.open(project, HEARING)
    with (
        other.context("serial", 1) as context,
        pytest.raises(CheckpointError, match=r"another extra 's2'.*digital num"),
    ):
        other.run("map", context)


def test_what_cannot_hear_extras_says_so_and_how_to_go_on(project: Path) -> None:
    pipeline = Pipeline.open(project, ("learning.recipe=l2h",))
    with pipeline.context("serial", 1) as context, pytest.raises(SettingsError, match=r"learning\.extras = false"):
        pipeline.run("train", context)


def test_an_extra_that_may_not_be_learned_from_stops_training(project: Path) -> None:
    edit(
        project,
        'unit = "reflectance"\nlicence = "CC0-1.0"\nmay_train = true',
        'unit = "x"\nlicence = "X"\nmay_train = false',
    )
    with pytest.raises(SettingsError, match=r"may not be trained on: 's2' \(X\)"):
        Pipeline.open(project).check({"train"})


def test_an_extra_may_not_have_the_name_of_another_layer(project: Path) -> None:
    edit(project, 'name = "s2"', 'name = "esri2020"')
    with pytest.raises(SettingsError, match="two layers bear the name 'esri2020'"):
        load_project(project)
