"""The stage: kept when nothing changed, the same for any block size, silent about what may not be shown."""

import re
from dataclasses import replace

import pytest
from pypdf import PdfReader

from l2h.core.errors import InputError
from l2h.core.files import read_json
from l2h.core.ledger import Record
from l2h.core.tasks import plan_stage, run_stage
from l2h.report.figures.tasks import FIGURES
from l2h.report.stage import stage

PUBLIC = "release/1.0/report.html"


@pytest.fixture(scope="module")
def other(make_settings, make_workspace):
    """The same country in other blocks, with its report; tests may change it, each makes the page it needs."""
    context = make_workspace(27)
    run_stage(stage(make_settings()), context)
    return context


def test_a_second_run_makes_nothing(workspace, make_settings):
    assert run_stage(stage(make_settings()), workspace).made == 0


def test_any_block_size_gives_the_same_page(workspace, other):
    names = [
        "overview-map.png",
        "overview-image.jpg",
        "overview-confidence.png",
        "windows.json",
        "tiles.json",
        "trust.json",
    ]
    names += [f"figures/{name}" for spec in FIGURES for name in spec.files]
    for name in names:
        assert (other.work / "report" / name).read_bytes() == (workspace.work / "report" / name).read_bytes()
    costs = '<section id="costs">'
    first, second = ((c.project_dir / PUBLIC).read_text("utf-8").split(costs)[0] for c in (workspace, other))
    assert first == second


def test_pixels_in_doubt_are_counted_in_cities(workspace):
    # ten of the 66 columns that belong to cities, 48 rows; 6 × 5 px of them have no image
    assert read_json(workspace.work / "report/trust.json") == {"pixels": 48 * 66 - 30, "doubted": 480}
    told = "480 of 3 138 pixels mapped in cities (15.3 %)"
    page = workspace.project_dir / PUBLIC
    assert told in page.read_text("utf-8")
    paper = " ".join(sheet.extract_text() for sheet in PdfReader(page.with_suffix(".pdf")).pages)
    assert told in re.sub(r"\s+", " ", paper)


def test_new_costs_make_a_new_page_only(other, make_settings):
    other.ledger.add(Record("map/r0000c0001", "x", info={"seconds": 9.0, "pixels": 10, "peak_mb": 999}))
    assert run_stage(stage(make_settings()), other).made == 1
    assert "999 MB" in (other.project_dir / PUBLIC).read_text("utf-8")


def test_pixels_that_may_not_be_passed_on_stay_private(other, make_settings):
    run_stage(stage(make_settings(may_redistribute=False)), other)
    public = (other.project_dir / PUBLIC).read_text("utf-8")
    private = (other.work / "report/report.html").read_text("utf-8")
    assert 'alt="Image' not in public
    assert 'alt="esa, Ava"' not in public
    assert "Pixels of scenes, esa are left out" in public
    assert 'alt="Image, Ava"' in private
    assert 'alt="esa, Ava"' in private


def test_before_the_layers_are_made_nothing_can_be_planned(workspace, make_settings, tmp_path):
    bare = replace(workspace, project_dir=tmp_path)
    assert {decision for _, decision in plan_stage(stage(make_settings()), bare)} == {None}


def test_a_missing_layer_is_named(other, make_settings):
    path = other.store("map").path(other.store("map").blocks[0])
    aside = path.rename(path.with_suffix(".aside"))
    with pytest.raises(InputError, match=r"map/r0000c0000\.tif"):
        run_stage(stage(make_settings()), other)
    aside.rename(path)
