"""The map's areas against a survey's: small figures checked in the head, every refusal, and the toy's own truth."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.features import rasterize

from l2h.accuracy.survey.dates import dates_of
from l2h.accuracy.survey.grouping import Grouping, by_name, load_grouping, parse_grouping
from l2h.accuracy.survey.matching import Cell, MapPlace, Matched, map_places, match
from l2h.accuracy.survey.misestimation import misestimation, regression
from l2h.accuracy.survey.result import misestimation_csv, result
from l2h.accuracy.survey.settings import SurveyComparison
from l2h.cli.survey import dates_line
from l2h.core.errors import InputError, LegendError, SettingsError
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore, grid_of, read_window, write_raster
from l2h.project import load_project
from l2h.sources.settings import SurveySettings
from l2h.sources.survey import read_survey, survey_table
from l2h.toy.stage import make_toy

LEGEND = load_legend("sinolc1")
TWO = """
name = "two"
[[group]]
name = "woods"
survey = ["forest", "garden"]
map = [2, 3]
reason = "woody plants"
[[group]]
name = "fields"
survey = ["arable"]
map = [5]
reason = "the same"
[[left_out]]
survey = ["other"]
map = [1, 4, 6, 7, 8, 9, 10, 12]
reason = "no figure"
[places]
"Provinz P" = "P"
"""
Row = dict[str, Any]


def areas(cities: dict[tuple[str, str, str], dict[int, int]]) -> list[Row]:
    """areas.json from square metres of each value in each city."""

    def classes(values: dict[int, int]) -> list[Row]:
        return [{"value": v, "pixels": a, "hundredths": a * 100} for v, a in values.items()]

    whole: dict[int, int] = {}
    for values in cities.values():
        whole = {v: whole.get(v, 0) + values.get(v, 0) for v in {*whole, *values}}
    rows = [{"level": "nation", "name": "", "region": "", "province": "", "classes": classes(whole)}]
    return rows + [
        {"level": "city", "name": c, "region": r, "province": p, "classes": classes(v)}
        for (r, p, c), v in cities.items()
    ]


CITIES = {
    ("R", "P", "A"): {2: 30, 3: 10, 5: 60},
    ("R", "P", "B"): {2: 0, 5: 50, 0: 50},
    ("R", "Q", "C"): {2: 100, 5: 100},
}


def rows(*figures: tuple[str, str, str, float]) -> list[Row]:
    return [dict(zip(("region", "level", "land_class", "area_m2"), figure, strict=True)) for figure in figures]


def complete(level: str, name: str, forest: float, garden: float, arable: float) -> list[Row]:
    return rows((name, level, "forest", forest), (name, level, "garden", garden), (name, level, "arable", arable))


def grouping() -> Grouping:
    return parse_grouping(TWO, LEGEND, "two.toml")


def matched(table: list[Row], **settings: Any) -> Matched:
    return match(table, map_places(areas(CITIES)), grouping(), SurveyComparison(**settings), "s.csv")


def test_places_are_sums_of_their_cities() -> None:
    places = {p.full_name: p for p in map_places(areas(CITIES))}
    assert list(places) == ["", "R", "R_P", "R_Q", "R_P_A", "R_P_B", "R_Q_C"]
    assert places["R_P"].hundredths == {2: 3000, 3: 1000, 5: 11000, 0: 5000}
    assert places[""].whole == places["R"].whole == 40_000


def test_a_nation_that_is_not_the_sum_of_its_cities_is_refused() -> None:
    broken = areas(CITIES)
    broken[0]["classes"][0]["hundredths"] += 1
    with pytest.raises(InputError, match="do not add up"):
        map_places(broken)


def test_figures_meet_by_place_and_group() -> None:
    found = matched(complete("province", "Provinz P", 40, 10, 120) + complete("province", "Q", 50, 50, 90))
    assert [(c.place.full_name, c.group, c.map_m2, c.survey_m2) for c in found.cells] == [
        ("R_P", "woods", 40.0, 50.0), ("R_P", "fields", 110.0, 120.0),
        ("R_Q", "woods", 100.0, 100.0), ("R_Q", "fields", 100.0, 90.0),
    ]  # fmt: skip


def test_the_three_readings() -> None:
    """|40 − 50|, |110 − 120|, 0 and |100 − 90| m²; each province has 200 m²; 360 m² are surveyed."""
    found = misestimation(matched(complete("province", "P", 40, 10, 120) + complete("province", "Q", 50, 50, 90)).cells)
    assert found.total == pytest.approx(30 / 360)
    assert found.relative == pytest.approx((10 / 50 + 10 / 120 + 0 + 10 / 90) / 4)
    assert found.share == pytest.approx((10 + 10 + 0 + 10) / 200 / 4)
    assert found.net == pytest.approx(-10 / 360)
    assert (found.cells, found.unsurveyed) == (4, 0)


def test_what_the_survey_has_none_of_has_no_relative_error() -> None:
    found = misestimation(matched(complete("city", "C", 0, 0, 100), levels=("city",), gaps="list").cells)
    assert (found.total, found.relative, found.unsurveyed) == (1.0, 0.0, 1)


def test_nothing_surveyed_at_all_is_undefined_not_zero() -> None:
    place = MapPlace("city", "R", "P", "A", {2: 100})
    found = misestimation([Cell(place, "woods", 100, 0.0)])
    assert (found.total, found.relative, found.net, found.share) == (None, None, None, 1.0)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**7)), min_size=1, max_size=20), st.integers(1, 9))
def test_readings_do_not_know_the_unit(pairs: list[tuple[int, int]], factor: int) -> None:
    def of(scale: int) -> tuple[float | None, ...]:
        place = MapPlace("city", "R", "P", "A", {2: (sum(m for m, _ in pairs) + 1) * scale})
        found = misestimation([Cell(place, str(i), m * scale, float(s * scale)) for i, (m, s) in enumerate(pairs)])
        return found.total, found.relative, found.share, found.net

    assert of(1) == pytest.approx(of(factor))


def test_the_regression_line() -> None:
    """Through (1, 3), (2, 5), (3, 7) km²: y = 2 x + 1, R² = 1; differences 2, 3, 4."""
    place = MapPlace("city", "R", "P", "A", {2: 1})
    cells = [Cell(place, str(x), (2 * x + 1) * 10**8, x * 1e6) for x in (1, 2, 3)]
    line = regression(cells)
    assert line is not None
    assert (line.slope, line.intercept_km2, line.r2, line.n) == pytest.approx((2, 1, 1, 3))
    assert line.rmse_km2 == pytest.approx((29 / 3) ** 0.5)
    assert regression(cells[:2]) is None
    assert regression([cells[0]] * 3) is None


def test_what_is_left_out_is_listed_with_its_reason() -> None:
    table = complete("province", "P", 40, 10, 120) + rows(
        ("Q", "province", "arable", 90), ("X", "province", "arable", 1)
    )
    found = matched(table, gaps="list", elsewhere="list")
    assert found.left_out == (("province X", "", "not on the map"), ("province Q", "woods", "no figure of forest"))
    assert len(found.cells) == 3


def test_the_nation_is_known_by_its_level_and_a_city_by_its_full_name() -> None:
    table = complete("country", "Anywhere", 140, 10, 210) + complete("city", "R_P_A", 40, 0, 60)
    found = matched(table, gaps="list")
    assert {c.place.full_name: c.difference_m2 for c in found.cells} == {"": 0.0, "R_P_A": 0.0}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (complete("province", "P", 1, 1, 1)[:2], "no figure for a class.*arable"),
        (complete("province", "P", 40, 10, 120) + rows(("P", "province", "sand", 1)), "does not place.*sand"),
        (complete("province", "P", 40, 10, 120), "lacks a figure.*province Q"),
        (complete("province", "P", 40, 10, 120) + complete("province", "Qu", 1, 1, 1), "lacks.*expected 'Q', got Qu"),
        (complete("province", "p", 40, 10, 120), "map lacks.*expected 'P', got p"),
        (complete("parish", "P", 40, 10, 120), "unknown level.*parish"),
        (complete("province", "P", 40, 10, 120) + complete("province", "Provinz P", 1, 1, 1), "are one of the map"),
        (complete("nation", "N", 1.4e4, 1e3, 2.1e4), "do not fit the ground.*unit"),
        (complete("nation", "N", 1.4, 0.1, 2.1), "do not fit the ground.*unit"),
    ],
    ids=["class missing", "class unknown", "gap", "place unknown", "place spelt", "level", "twice", "ha", "m2"],
)  # fmt: skip
def test_tables_that_do_not_fit_are_refused(table: list[Row], message: str) -> None:
    with pytest.raises(InputError, match=message):
        matched(table)


def test_a_name_of_two_places_is_refused() -> None:
    twins = {("R", "P", "A"): {2: 10}, ("S", "P", "B"): {2: 10}}
    with pytest.raises(InputError, match=r"the name of two places.*R_P or S_P"):
        match(complete("province", "P", 9, 0, 1), map_places(areas(twins)), grouping(), SurveyComparison(), "s.csv")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("map = [5]", "map = [5, 2]", "map class occurs twice.*2"),
        ("map = [5]", "map = [5, 11]", "no class of the map.*11"),
        (", 12]", "]", "leaves out a map class.*12"),
        ('["arable"]', '["arable", "forest"]', "survey class occurs twice.*forest"),
        ('name = "fields"', 'name = "woods"', "group occurs twice"),
        ('reason = "the same"', 'reason = " "', "not whole.*reason is empty"),
        ('reason = "the same"', "", "not whole.*reason"),
        ('survey = ["arable"]', "survey = []", "not whole.*no survey class"),
        ('name = "two"', 'nam = "two"', "unknown key.*nam"),
        ('name = "two"', "name =", "not TOML"),
    ],
)
def test_groupings_that_are_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_grouping(TWO.replace(old, new, 1), LEGEND, "two.toml")


def test_a_grouping_by_name() -> None:
    found = by_name(["Tree cover", "water", "Tree cover"], LEGEND)
    assert [(g.name, g.values) for g in found.groups] == [("tree", (2,)), ("water", (9,))]
    with pytest.raises(LegendError, match=r"no name of the map's legend.*forest"):
        by_name(["forest"], LEGEND)
    with pytest.raises(LegendError, match="group occurs twice"):
        by_name(["tree", "Tree cover"], LEGEND)
    with pytest.raises(InputError, match="grouping of survey classes is missing"):
        load_grouping("none.toml", Path("/nowhere"), [], LEGEND)


def test_the_tables_hold_the_document() -> None:
    found = matched(complete("province", "P", 40, 10, 120) + complete("province", "Q", 50, 50, 90))
    document = result(found, grouping())
    assert document["levels"]["province"]["total"] == pytest.approx(30 / 360)
    assert {row["name"]: row["unmapped"] for row in document["places"]} == {"P": 0.25, "Q": 0.0}
    assert document["cells"][1]["map_m2"] == "110.00"
    lines = list(csv.DictReader(io.StringIO(misestimation_csv(document))))
    assert [(r["of"], r["name"] or r["group"]) for r in lines] == [
        ("level", ""), ("place", "P"), ("place", "Q"), ("class", "woods"), ("class", "fields"),
    ]  # fmt: skip
    assert float(lines[3]["total"]) == pytest.approx(10 / 150)


@pytest.mark.real_data
def test_the_third_survey_meets_the_grouping_that_is_supplied(real_data: Path) -> None:
    """Every class of the table has its group, every province its name; a map that repeats the survey is not off."""
    table = survey_table(read_survey(real_data / "survey/nlrs3_areas.csv", SurveySettings(path="nlrs3_areas.csv")))
    nlrs3 = load_grouping("nlrs3", Path(), [], LEGEND)
    first = {"cropland": 5, "woody vegetation": 2, "grassland": 4, "wetland": 10, "built-up and transport": 6,
             "water and ice": 9}  # fmt: skip
    group_of = {c: g.name for g in nlrs3.groups for c in g.survey}
    cities: dict[tuple[str, str, str], dict[int, int]] = {}
    for row in table:
        if row["level"] == "province":
            city = cities.setdefault(("G", nlrs3.places[row["region"]], "C"), {})
            value = first[group_of[row["land_class"]]]
            city[value] = city.get(value, 0) + round(row["area_m2"])
    settings = SurveyComparison(grouping="nlrs3", levels=("province",), gaps="list")
    found = match(table, map_places(areas(cities)), nlrs3, settings, "nlrs3")
    assert misestimation(found.cells).total == pytest.approx(0, abs=1e-9)
    whole = [p for p in {c.place.name for c in found.cells} if sum(c.place.name == p for c in found.cells) == 6]
    assert whole == ["Sichuan"]
    assert ("province Henan", "woody vegetation", "no figure of garden/orchard") in found.left_out


# --- the toy country -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small toy country whose map is its truth, wrong in a known way: grass is cropland, and a strip is water."""
    from l2h.cli.main import main

    folder = make_toy(tmp_path_factory.mktemp("survey") / "toy", seed=3, km2=0.5).parent
    for command in ("layers", "labels"):
        with pytest.raises(SystemExit) as ended:
            main([command, str(folder), "--executor", "serial"])
        assert ended.value.code == 0
    project = load_project(folder)
    with rasterio.open(folder / "truth/truth.tif") as data:
        grid, truth = grid_of(data), read_window(data, grid_of(data).window).values[0]
    wrong = truth.copy()
    wrong[truth == 4] = 5
    wrong[100:140][wrong[100:140] > 0] = 9
    store = BlockStore(folder / "work/map", grid, project.grid.block_px)
    for block in store.blocks:
        rows, cols = block.window.slices_in(grid.window)
        bands = np.stack([wrong[rows, cols], np.full(block.window.shape, 50), np.ones(block.window.shape)])
        write_raster(store.path(block), bands.astype("uint8"), grid, block.window)
    with pytest.raises(SystemExit) as ended:
        main(["assess", str(folder), "--executor", "serial"])
    assert ended.value.code == 0
    np.save(folder / "wrong.npy", wrong)
    return folder


def areas_of_arrays(folder: Path, codes: np.ndarray) -> dict[str, np.ndarray]:
    """m² of every value in every province and the nation, from the outlines: no code of the package but row_area."""
    cities = geopandas.read_file(folder / "inputs/boundary.gpkg", layer="cities")
    found: dict[str, np.ndarray] = {}
    with rasterio.open(folder / "truth/truth.tif") as data:
        place, area = data.transform, grid_of(data).row_area(0, data.height)
    for province, shape in zip(cities["province"], cities.geometry, strict=True):
        inside = rasterize([shape], codes.shape, transform=place) == 1
        weights = np.broadcast_to(area[:, None], codes.shape)
        here = np.bincount(codes[inside], weights[inside], minlength=256)
        for name in (province, "nation"):
            found[name] = found.get(name, 0) + here
    return found


@pytest.mark.slow
def test_the_toys_survey_tells_the_misestimation_that_its_truth_tells(country: Path, l2h: Callable[..., Any]) -> None:
    said = l2h("survey", country, "--executor", "serial", "--json")
    assert said.status == 0, said.err
    document = json.loads(said.out)
    with rasterio.open(country / "truth/truth.tif") as data:
        truth = areas_of_arrays(country, data.read(1))
    mapped = areas_of_arrays(country, np.load(country / "wrong.npy"))
    values = list(LEGEND.values)
    off = {name: np.abs(mapped[name] - truth[name])[values] for name in truth}
    nation, provinces = document["levels"]["nation"], [name for name in truth if name != "nation"]
    assert nation["total"] == pytest.approx(off["nation"].sum() / truth["nation"][values].sum(), abs=1e-5)
    relative = [off["nation"][i] / truth["nation"][v] for i, v in enumerate(values) if truth["nation"][v] > 0]
    assert nation["relative"] == pytest.approx(np.mean(relative), rel=1e-3)  # the survey is written to the square metre
    shares = np.mean([off[p] / mapped[p].sum() for p in provinces])
    assert document["levels"]["province"]["share"] == pytest.approx(shares, abs=5e-6)
    assert nation["total"] > 0.1  # the map is wrong indeed


@pytest.mark.slow
def test_cities_add_up_to_the_nation_to_the_square_metre(country: Path, l2h: Callable[..., Any]) -> None:
    assert l2h("survey", country, "--executor", "serial").status == 0
    lines = list(csv.DictReader((country / "work/survey/cells.csv").read_text().splitlines()))

    def hundredths(level: str) -> dict[str, int]:
        sums: dict[str, int] = {}
        for line in lines:
            if line["level"] == level:
                sums[line["group"]] = sums.get(line["group"], 0) + int(line["map_m2"].replace(".", ""))
        return sums

    assert hundredths("province") == hundredths("region") == hundredths("nation")
    assert sum(hundredths("nation").values()) > 0


@pytest.mark.slow
def test_pictures_and_tables_are_the_same_when_made_again(
    country: Path, tmp_path: Path, l2h: Callable[..., Any]
) -> None:
    assert l2h("survey", country, "--executor", "serial").status == 0
    first = {p.name: p.read_bytes() for p in (country / "work/survey").iterdir()}
    again = shutil.copytree(country, tmp_path / "again")
    shutil.rmtree(again / "work/survey")
    assert l2h("survey", again, "--executor", "serial").status == 0
    assert {p.name: p.read_bytes() for p in (again / "work/survey").iterdir()} == first
    assert len(first) == 7
    assert all(data.startswith(b"\x89PNG") for name, data in first.items() if name.endswith(".png"))


@pytest.mark.slow
def test_a_table_in_the_wrong_unit_is_one_error(country: Path, tmp_path: Path, l2h: Callable[..., Any]) -> None:
    folder = shutil.copytree(country, tmp_path / "unit")
    table = folder / "inputs/survey.csv"
    table.write_text(table.read_text().replace("area_ha", "area_km2"))
    said = l2h("survey", folder, "--executor", "serial")
    assert said.status == 1
    assert "do not fit the ground" in said.err
    assert "unit" in said.err
    assert "Traceback" not in said.err


@pytest.mark.slow
def test_a_dry_run_plans_and_writes_nothing(country: Path, tmp_path: Path, l2h: Callable[..., Any]) -> None:
    folder = shutil.copytree(country, tmp_path / "dry")
    shutil.rmtree(folder / "work/survey", ignore_errors=True)
    said = l2h("survey", folder, "--dry-run", "--json")
    assert [row["stage"] for row in json.loads(said.out)["stages"]] == ["survey"]
    assert not (folder / "work/survey").exists()


def test_a_project_without_a_survey_says_so(tiny_layers: Path, l2h: Callable[..., Any]) -> None:
    said = l2h("survey", tiny_layers)
    assert said.status == 2
    assert "names no survey" in said.err
    with pytest.raises(SettingsError, match=r"unknown setting 'survey.groping'"):
        load_project(tiny_layers, ('survey.path="s.csv"', "survey.groping=1"))


@pytest.mark.parametrize(
    ("survey", "capture", "line"),
    [
        (["2019-12-31"], {"2019": 1}, "survey of 2019-12-31; picture of 2019 (100%): 0 years apart"),
        (
            ["2018", "2019", ""],
            {"2020": 3, "undated": 1},
            "survey of 2018 to 2019; picture of 2020 (75%), undated (25%); 1 figures have no date: 1 to 2 years apart",
        ),
        ([""], {"2020": 4}, "survey of no stated date; picture of 2020 (100%): how far apart they are is not known"),
        (["2019"], {}, "survey of 2019; picture of no stated year: how far apart they are is not known"),
    ],
)
def test_how_far_survey_and_picture_are_apart(survey: list[str], capture: dict[str, int], line: str) -> None:
    rows = [{"year": year, "pixels": pixels} for year, pixels in capture.items()]
    assert dates_line(dates_of([{"date": date} for date in survey], rows)) == line
