"""Products beside the map: agreement and pairs with answers checked in the head, any cut, every refusal."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from tiny_project import H, W, X, Y, edit, quarters, write_tif

from l2h.accuracy.compare.agreement import candidates, cell_sums, choose, crossed, variety
from l2h.accuracy.compare.gather import agreement_of, stated_places
from l2h.accuracy.compare.lineup import Entry, Lineup
from l2h.accuracy.compare.pairs import holm
from l2h.accuracy.maps import MAP
from l2h.accuracy.weighted import Drawn, paired, ratio_difference
from l2h.core.errors import InputError, SettingsError
from l2h.core.grid import Grid, Window
from l2h.core.raster import BlockStore, write_raster
from l2h.project import load_project

GRID = Grid("EPSG:3035", 4_000_000.0, 3_000_000.0, 1.0, 100, 100)


def drawn(n: int) -> Drawn:
    return Drawn("simple_random", np.zeros(n, "int64"), np.zeros(0), np.zeros(0))


# --- agreement --------------------------------------------------------------------------------------------------------


def test_classes_crossed_with_exact_areas() -> None:
    first, second = np.array([[2, 2, 0], [5, 5, 5]], "uint8"), np.array([[2, 9, 2], [0, 5, 5]], "uint8")
    inside = np.array([[1, 1, 1], [1, 1, 0]], bool)
    found = crossed(first, second, inside, np.array([1.0, 2.0]))
    assert found == {2: {2: (1, 10**9), 9: (1, 10**9)}, 5: {0: (1, 2 * 10**9), 5: (1, 2 * 10**9)}}
    flat = {(a, b): list(v) for a, row in found.items() for b, v in row.items()}
    told = agreement_of(flat)
    assert (told["agreeing_px"], told["both_px"], told["agreeing_m2"], told["both_m2"]) == (2, 3, 3.0, 4.0)
    assert told["agreement"] == 0.75
    assert agreement_of({})["agreement"] is None


@given(
    st.data(), array_shapes(min_dims=2, max_dims=2, max_side=9), st.integers(0, 7), st.integers(0, 7), st.integers(1, 5)
)
def test_cells_hold_every_pixel_once(
    data: st.DataObject, shape: tuple[int, int], row: int, col: int, factor: int
) -> None:
    window = Window(row, row + shape[0], col, col + shape[1])
    values = data.draw(arrays(bool, shape))
    cells = cell_sums(values, window, factor)
    expected = np.zeros(window.coarsen(factor).shape, "int64")
    for r, c in np.argwhere(values):
        expected[(row + r) // factor - row // factor, (col + c) // factor - col // factor] += 1
    assert cells.tolist() == expected.tolist()


def test_places_of_many_classes_are_chosen_and_each_commonest_class_once() -> None:
    def counts(**classes: int) -> Any:
        table = np.zeros(256, "int64")
        for name, pixels in classes.items():
            table[int(name[1:])] = pixels
        return table

    a, b, c, d = (Window(0, 10, i * 10, i * 10 + 10) for i in range(4))
    places = {a: counts(c2=50, c5=30, c9=20), b: counts(c2=60, c5=40), c: counts(c5=90, c2=10), d: counts(c9=100)}
    assert choose(places, 3) == [a, c, b]  # b shows more than c, but the same commonest class as a; d shows one class
    assert variety(counts(c2=25, c5=25), 100) == pytest.approx(0.5 * np.log(2))
    assert variety(counts(), 100) == 0


def test_candidates_are_whole_windows_of_the_lattice() -> None:
    found = list(candidates(GRID, 40, GRID.window))
    assert found == [Window(r, r + 40, c, c + 40) for r in (0, 40) for c in (0, 40)]
    halves = [set(candidates(GRID, 40, w)) for w in GRID.window.strips(45)]
    assert set().union(*halves) == set(found)


def test_stated_places_stay_on_the_lattice() -> None:
    assert stated_places(GRID, [(4_000_001.0, 2_999_999.0)], 20) == [Window(0, 20, 0, 20)]
    assert stated_places(GRID, [(4_000_050.0, 2_999_950.0)], 20) == [Window(40, 60, 40, 60)]
    with pytest.raises(InputError, match="outside the project's grid"):
        stated_places(GRID, [(0.0, 0.0)], 20)


# --- pairs ------------------------------------------------------------------------------------------------------------


def test_the_difference_of_two_ratios_on_the_same_points() -> None:
    """Ten points; one map right on 8, the other on 6 of which 5 are also the first's: d = 0.2, b = 3, c = 1."""
    first = np.array([1, 1, 1, 1, 1, 1, 1, 1, 0, 0], "float64")
    second = np.array([1, 1, 1, 1, 1, 0, 0, 0, 1, 0], "float64")
    ones = np.ones(10)
    found = ratio_difference(drawn(10), (first, ones), (second, ones))
    assert found.value == pytest.approx(0.2)
    assert found.standard_error == pytest.approx(((4 - 0.4) / 9 / 10) ** 0.5)  # Σ d² = 4, n d̄² = 0.4
    test = paired(drawn(10), first > 0, second > 0).difference
    assert (found.value, found.standard_error) == pytest.approx((test.value, test.standard_error))


def test_a_map_does_not_differ_from_itself_and_a_class_without_points_is_undefined() -> None:
    y, x = np.array([1.0, 0, 1, 0]), np.ones(4)
    same = ratio_difference(drawn(4), (y, x), (y, x))
    assert (same.value, same.standard_error) == (0.0, 0.0)
    assert ratio_difference(drawn(4), (y, x), (y * 0, x * 0)).value is None
    assert ratio_difference(drawn(4), (y, x), (y, x), least=5).value is None


def test_the_standard_error_of_a_difference_is_that_of_many_samples() -> None:
    """User's accuracies, whose denominators differ: the spread of 3,000 samples of 400 points."""
    rng = np.random.default_rng(0)
    values, errors = [], []
    for _ in range(3000):
        in_a, in_b = rng.random(400) < 0.4, rng.random(400) < 0.5
        hit = rng.random(400) < 0.7
        a = ((in_a & hit).astype(float), in_a.astype(float))
        b = ((in_b & hit & (rng.random(400) < 0.9)).astype(float), in_b.astype(float))
        found = ratio_difference(drawn(400), a, b)
        values.append(found.value)
        errors.append(found.standard_error)
    assert np.mean(values) == pytest.approx(0.07, abs=0.005)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.05)


def test_holm() -> None:
    """Three tests: 0.01 × 3, 0.03 × 2, and 0.04 × 1 raised to the one before."""
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_codes_that_admit_several_classes_are_told_and_counted_apart() -> None:
    lineup = Lineup(Path(), GRID, 100, (Entry(MAP, "sinolc1", "map"), Entry("esri", "esri", "layers/esri")), "coarse")
    (_, esri) = lineup.crosswalks()
    codes = {row["code"]: row["admits"] for row in esri["codes"]}
    assert codes[1] == ["water"]
    assert {"grass", "shrub"} <= set(codes[11])
    assert "moss" in esri["never"]
    assert lineup.luts[MAP][1] == lineup.luts[MAP][6] == 6  # traffic is built-up in the coarse legend
    assert lineup.admits["esri"][11, [3, 4]].all()
    assert not lineup.admits["esri"][11, 9]


# --- a small project --------------------------------------------------------------------------------------------------

POINTS = [(r, c) for r in (5, 40, 55, 80, 110) for c in (20, 100)]
SINO = """
[[compare.products]]
name = "older"
legend = "sinolc1"
paths = ["older.tif"]
licence = "CC0-1.0"
[reference]
points = "points.csv"
design = "simple_random"
[compare]
cell_px = 30
place_px = 50
panels = 2
"""


@pytest.fixture
def project(tiny_layers: Path) -> Path:
    """The tiny project with a map that calls its first 12 rows grass; an older map covers the left half, all tree."""
    truth = quarters((2, 5, 9, 6), H, W).astype("uint8")
    mapped = truth.copy()
    mapped[:12] = 4
    grid = Grid("EPSG:32650", X, Y, 1.0, H, W)
    store = BlockStore(tiny_layers / "work/map", grid, 80)
    for block in store.blocks:
        rows, cols = block.window.slices_in(grid.window)
        bands = np.stack([mapped[rows, cols], np.full(block.window.shape, 50), np.ones(block.window.shape)])
        write_raster(store.path(block), bands.astype("uint8"), grid, block.window)
    write_tif(tiny_layers / "older.tif", np.full((1, H // 2, W // 4), 2), pixel=2.0)
    lines = ["x,y,class", *(f"{X + c + 0.5},{Y - r - 0.5},{truth[r, c]}" for r, c in POINTS)]
    (tiny_layers / "points.csv").write_text("\n".join(lines))
    edit(tiny_layers, "[labels]", SINO + "[labels]")
    return tiny_layers


def compare(project: Path, l2h: Callable[..., Any], *options: str) -> dict[str, Any]:
    said = l2h("compare", project, "--executor", "serial", "--json", *options)
    assert said.status == 0, said.err
    told: dict[str, Any] = json.loads(said.out)
    return told


@pytest.mark.slow
def test_agreement_is_what_numpy_counts(project: Path, l2h: Callable[..., Any]) -> None:
    rows = {(r["first"], r["second"]): r for r in compare(project, l2h)["agreement"]["pairs"]}
    names = [MAP, "worldcover", "esri2020", "from_glc10", "older"]
    assert list(rows) == [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    pixels = {pair: (row["agreeing_px"], row["both_px"]) for pair, row in rows.items()}
    assert pixels["map", "worldcover"] == (108 * W, H * W)
    assert pixels["worldcover", "esri2020"] == (H * W, H * W)
    assert pixels["map", "older"] == (48 * W // 2, H * W // 2)  # tree in the upper left, below the grass
    assert rows["map", "worldcover"]["agreement"] == pytest.approx(0.9, abs=1e-6)
    classes = rows["map", "worldcover"]["classes"]
    grass, tree = 2, 0
    assert classes[grass][tree] == pytest.approx(12 * W / 2, rel=2e-3)


@pytest.mark.slow
def test_agreement_maps_are_shares_of_cells(project: Path, l2h: Callable[..., Any]) -> None:
    compare(project, l2h)
    with rasterio.open(project / "work/compare/agreement/map__worldcover.tif") as data:
        values = data.read(1)
        assert (data.res, data.nodata, data.bounds.left, data.bounds.top) == ((30.0, 30.0), 255, X, Y)
    assert values.tolist() == [[60] * 6] + [[100] * 6] * 3  # 18 of 30 rows of the first cells
    with rasterio.open(project / "work/compare/agreement/map__older.tif") as data:
        assert data.read(1).tolist() == [[60, 60, 60, 255, 255, 255], [100] * 3 + [255] * 3] + [[0] * 3 + [255] * 3] * 2


@pytest.mark.slow
def test_maps_are_judged_as_pairs_at_the_same_points(project: Path, l2h: Callable[..., Any]) -> None:
    """Two of ten points lie in the false grass; the products are right everywhere: d = −0.2, Σ d² = 2."""
    told = compare(project, l2h)["accuracy"]
    nation = {row["map"]: row for row in told["maps"] if row["level"] == "nation"}
    assert nation["map"]["overall_accuracy"]["value"] == pytest.approx(0.8)
    assert nation["worldcover"]["overall_accuracy"]["value"] == 1.0
    (pair,) = [
        row
        for row in told["pairs"]
        if (row["level"], row["first"], row["second"], row["measure"])
        == ("nation", "map", "worldcover", "overall_accuracy")
    ]
    difference = pair["difference"]
    assert difference["value"] == pytest.approx(-0.2)
    assert difference["standard_error"] == pytest.approx(((2 - 0.4) / 9 / 10) ** 0.5)
    assert (pair["only_first"], pair["only_second"]) == pytest.approx((0.0, 0.2))
    assert pair["chi2"] == pytest.approx(0.04 / (1.6 / 90))
    levels = {row["level"] for row in told["pairs"]}
    assert levels == {"nation", "region", "province"}
    west = [r for r in told["maps"] if (r["level"], r["name"], r["map"]) == ("region", "West", "older")]
    assert west[0]["n"] == 5
    assert west[0]["overall_accuracy"]["value"] == pytest.approx(0.6)  # tree at rows 5, 40, 55


@pytest.mark.slow
def test_the_cut_changes_no_byte(project: Path, tmp_path: Path, l2h: Callable[..., Any]) -> None:
    compare(project, l2h)
    other = shutil.copytree(project, tmp_path / "other")
    grid = Grid("EPSG:32650", X, Y, 1.0, H, W)
    whole = BlockStore(other / "work/map", grid, 80).read(grid.window)
    shutil.rmtree(other / "work")
    edit(other, "block_px = 80", "block_px = 50")
    assert l2h("layers", other, "--executor", "serial").status == 0
    store = BlockStore(other / "work/map", grid, 50)
    for block in store.blocks:
        rows, cols = block.window.slices_in(grid.window)
        write_raster(store.path(block), whole.values[:, rows, cols], grid, block.window)
    compare(other, l2h)
    files = [p.relative_to(project) for p in (project / "work/compare").rglob("*") if p.parent.name != "blocks"]
    files = [f for f in files if (project / f).is_file()]
    assert len(files) == 10 + 1 + 12
    assert [f for f in files if (project / f).read_bytes() != (other / f).read_bytes()] == []


@pytest.mark.slow
def test_places_are_shown_with_their_classes(project: Path, l2h: Callable[..., Any]) -> None:
    compare(project, l2h, "--set", f"compare.places=[[{X + 80}, {Y - 60}]]")
    lines = list(csv.DictReader((project / "work/compare/places.csv").read_text().splitlines()))
    mine = {row["class"]: int(row["pixels"]) for row in lines if row["map"] == "worldcover"}
    assert mine == dict.fromkeys(("tree", "cropland", "water", "building"), 25 * 25)
    assert {row["class"] for row in lines if row["map"] == "older"} == {"tree", "nothing"}
    assert (project / "work/compare/places.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_without_points_there_is_agreement_alone_and_it_is_said(project: Path, l2h: Callable[..., Any]) -> None:
    edit(project, '[reference]\npoints = "points.csv"\ndesign = "simple_random"\n', "")
    said = l2h("compare", project, "--executor", "serial")
    assert said.status == 0
    assert "no reference points" in said.err
    assert not (project / "work/compare/accuracy.json").exists()


@pytest.mark.slow
def test_points_without_a_design_get_no_intervals(project: Path, l2h: Callable[..., Any]) -> None:
    edit(project, 'design = "simple_random"', 'design = "none"')
    told = compare(project, l2h)["accuracy"]
    assert "Intervals refused" in told["refused"]
    assert {row["p"] for row in told["pairs"]} == {None}
    assert {row["difference"]["standard_error"] for row in told["pairs"]} == {None}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "older"', 'name = "esri2020"', "two layers bear the name 'esri2020'"),
        ('name = "older"', 'name = "map"', "two layers bear the name 'map'"),
        ('legend = "sinolc1"', 'legend = "sinolc9"', "sinolc9"),
        ("place_px = 50", "place_px = 1", "greater than or equal to 16"),
        ("cell_px = 30", "cells_px = 30", "Did you mean 'cell_px'"),
    ],
)
def test_settings_that_are_refused(project: Path, old: str, new: str, message: str) -> None:
    edit(project, old, new)
    with pytest.raises(SettingsError, match=message):
        load_project(project)


def test_codes_that_a_legend_lacks_are_one_error(project: Path, l2h: Callable[..., Any]) -> None:
    write_tif(project / "older.tif", np.full((1, H // 2, W // 4), 77), pixel=2.0)
    said = l2h("compare", project, "--executor", "serial")
    assert said.status == 1
    assert "code 77 is absent from legend 'sinolc1'" in said.err


def test_nothing_to_compare_with_is_one_error(project: Path, l2h: Callable[..., Any]) -> None:
    text = (project / "project.toml").read_text()
    start, end = text.index("[[compare.products]]"), text.index("[reference]")
    (project / "project.toml").write_text(text[:start] + text[end:])
    said = l2h("compare", project, "--executor", "serial", "--set", "compare.inputs=false")
    assert said.status == 1
    assert "nothing to compare" in said.err


def test_a_dry_run_writes_nothing(project: Path, l2h: Callable[..., Any]) -> None:
    said = l2h("compare", project, "--dry-run", "--json")
    assert said.status == 0
    assert [row["stage"] for row in json.loads(said.out)["stages"]] == ["compare"]
    assert not (project / "work/compare").exists()
