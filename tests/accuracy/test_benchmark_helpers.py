"""What benchmarks share: pages whose tables are written anew, and ground that stands in for interpreters."""

import argparse
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from l2h.core.errors import InputError
from l2h.core.grid import Grid
from l2h.core.raster import write_raster

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
GRID = Grid("EPSG:32632", 500_000.0, 5_200_000.0, 1.0, 40, 60)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import _pages

    return _pages


@pytest.fixture
def ground(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import _clean_ground

    return _clean_ground


@pytest.fixture
def cases(ground: ModuleType, tmp_path: Path) -> list:
    """One picture of 40 × 60 px: trees, a strip of water of 40 px, and the right third not labelled."""
    folder = tmp_path / "town_1"
    folder.mkdir()
    reference = np.full((1, 40, 60), 2, "uint8")
    reference[0, :, 5] = 9
    reference[0, :, 40:] = 0
    for name in ("reference.tif", "image.tif"):
        write_raster(folder / name, reference, GRID, GRID.window)
    (folder / "meta.json").write_text(json.dumps({"accept": {"2": [2], "9": [9]}}))
    from _cases import find_families

    return find_families(tmp_path)["town"]


def test_only_what_stands_between_the_marks_is_written_anew(pages: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("head\n<!-- a b -->\nold\n<!-- /a b -->\nbetween\n<!-- c -->\n<!-- /c -->\ntail\n")
    for rows in (["| x |", "|---|"], ["| y |"]):
        pages.fill(page, {"a b": rows, "c": ["\\1"]})
    expected = "head\n<!-- a b -->\n\n| y |\n\n<!-- /a b -->\nbetween\n<!-- c -->\n\n\\1\n\n<!-- /c -->\ntail\n"
    assert page.read_text() == expected


@pytest.mark.parametrize("text", ["", "<!-- a -->\n", "<!-- a -->\n<!-- /a -->\n<!-- a -->\n<!-- /a -->\n"])
def test_a_page_without_its_marks_stays_as_it_is(pages: ModuleType, tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(InputError, match="marks of a table"):
        pages.fill(page, {"a": ["| x |"]})
    assert page.read_text() == text


def test_networks_are_found_by_seed_and_family(pages: ModuleType, tmp_path: Path) -> None:
    options = argparse.Namespace(runs=tmp_path, networks=None, seeds=[0, 1], families=None)
    with pytest.raises(InputError, match="no trained network"):
        list(pages.workspaces(options, ["town"]))
    weights = tmp_path / "1/town/train/network.safetensors"
    weights.parent.mkdir(parents=True)
    weights.touch()
    assert list(pages.workspaces(options, ["farm", "town"])) == [(1, "town", tmp_path / "1/town")]


def test_points_of_each_class_are_as_many_and_nested(ground: ModuleType, cases: list) -> None:
    many = ground.draw_strata(cases, 17, 0)
    assert Counter(value for *_, value in many) == {2: 17, 9: 17}
    assert {col for _, _, col, value in many if value == 9} == {5}
    assert set(ground.draw_strata(cases, 5, 0)) < set(many)
    # all there are, where there are fewer
    assert Counter(value for *_, value in ground.draw_strata(cases, 50, 0)) == {2: 50, 9: 40}


def test_chips_lie_apart_on_labelled_ground(ground: ModuleType, cases: list) -> None:
    # of 20 × 20 px, half labelled: columns 0 to 30; two beside each other and two below
    chips = ground.draw_chips(cases, 2, 0)
    assert chips == ground.draw_chips(cases, 2, 0)
    (_, row, col), (_, other_row, other_col) = chips
    assert abs(row - other_row) >= 20 or abs(col - other_col) >= 20
    assert max(col, other_col) <= 30
    with pytest.raises(InputError, match="too little is labelled"):
        ground.draw_chips(cases, 5, 0)
