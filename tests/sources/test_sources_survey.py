"""Survey tables and the settings of sources."""

import sys
import zipfile
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from pydantic import ValidationError

from l2h.core.errors import InputError
from l2h.sources.settings import BoundarySettings, ImagerySettings, OsmSettings, ProductSettings, SurveySettings
from l2h.sources.survey import SurveyRow, read_survey, survey_table

SETTINGS = SurveySettings(path="s.csv", land_class="class")


def write(folder: Path, text: str) -> Path:
    path = folder / "s.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_areas_become_square_metres(tmp_path: Path) -> None:
    path = write(tmp_path, "region,level,class,area_10k_ha\n四川省,province,forest,2541.5\nX,city,water,0\n")
    rows = read_survey(path, SETTINGS)
    assert rows == (SurveyRow("四川省", "province", "forest", 2541.5e8), SurveyRow("X", "city", "water", 0.0))
    assert survey_table(rows)[1] == {"region": "X", "level": "city", "land_class": "water", "area_m2": 0.0, "date": ""}


@pytest.mark.parametrize(("column", "factor"), [("a_m2", 1), ("a_ha", 1e4), ("a_km2", 1e6), ("a_10k_ha", 1e8)])
def test_the_unit_is_the_end_of_the_columns_name(tmp_path: Path, column: str, factor: float) -> None:
    path = write(tmp_path, f"region,level,class,{column}\nX,city,water,2\n")
    assert read_survey(path, SETTINGS.model_copy(update={"area": column}))[0].area_m2 == 2 * factor


def test_the_unit_may_stand_in_its_own_column(tmp_path: Path) -> None:
    path = write(tmp_path, "region,level,class,area,unit\nX,city,water,2,ha\nX,city,forest,3,km2\n")
    rows = read_survey(path, SETTINGS.model_copy(update={"area": "area"}))
    assert [row.area_m2 for row in rows] == [2e4, 3e6]


def test_a_figure_has_the_date_of_its_row_else_that_of_the_settings(tmp_path: Path) -> None:
    path = write(tmp_path, "region,level,class,area_ha,date\nX,city,water,2,2019/12/31\nX,city,forest,3,\n")
    assert [row.date for row in read_survey(path, SETTINGS)] == ["2019-12-31", ""]
    stated = SurveySettings(path="s.csv", land_class="class", date=2018)
    assert [row.date for row in read_survey(path, stated)] == ["2019-12-31", "2018"]
    path = write(tmp_path, "region,level,class,area_ha,year\nX,city,water,2,2009\n")
    assert read_survey(path, stated)[0].date == "2009"
    for text in ("2019-13", "31.12.2019", "19", "2019-12-31T00:00"):
        with pytest.raises(InputError, match=r"a date cannot be read \(.*line 2\)"):
            read_survey(write(tmp_path, f"region,level,class,area_ha,date\nX,city,water,2,{text}\n"), SETTINGS)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("X,city,water,much", r"no number \(.*line 2"),
        ("X,city,water,", "no number"),
        ("X,city,water,-1", "negative or infinite"),
        ("X,city,water,nan", "negative or infinite"),
        ("X,,water,1", "not whole"),
        ("X,city,water,1\nX,city,water,2", r"occurs twice.*line 3"),
    ],
)
def test_figures_that_are_refused(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_survey(write(tmp_path, f"region,level,class,area_10k_ha\n{row}\n"), SETTINGS)


def test_tables_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is missing"):
        read_survey(tmp_path / "none.csv", SETTINGS)
    with pytest.raises(InputError, match="lacks the column 'class'"):
        read_survey(write(tmp_path, "region,level,area_10k_ha\nX,city,1\n"), SETTINGS)
    with pytest.raises(InputError, match="unit of an area is not known"):
        read_survey(
            write(tmp_path, "region,level,class,area\nX,city,water,1\n"), SETTINGS.model_copy(update={"area": "area"})
        )


def test_settings_ask_for_a_licence_and_keep_dates_as_they_are_said() -> None:
    for kind, keys in ((ImagerySettings, {"name": "a", "paths": ["x"]}), (BoundarySettings, {"path": "b"})):
        with pytest.raises(ValidationError, match="licence"):
            kind(**keys)
    product = ProductSettings(name="esa", legend="worldcover", paths=["x"], licence="CC-BY-4.0", date=2021)
    assert product.date == "2021"
    assert OsmSettings(paths=["x"]).licence == "ODbL-1.0"
    assert ImagerySettings(name="a", paths=["x"], licence="x", dates={"s": "2020-02-29"}).dates == {
        "s": date(2020, 2, 29)
    }


@pytest.mark.parametrize(
    "keys",
    [
        {"name": "regions"}, {"name": "../x"}, {"name": "A"}, {"paths": []}, {"legend": "none"}, {"date": "June"},
        {"nodata": [256]}, {"licence": ""}, {"colour": 1},
    ],
)  # fmt: skip
def test_product_settings_that_are_refused(keys: dict[str, object]) -> None:
    good = {"name": "esa", "legend": "worldcover", "paths": ["x"], "licence": "x", "date": "2020"}
    assert ProductSettings(**good).name == "esa"
    with pytest.raises(ValidationError):
        ProductSettings(**good | keys)


@pytest.mark.parametrize(
    "keys", [{"scale": (5, 5)}, {"bands": []}, {"bands": [0]}, {"rank": "best"}, {"resampling": "cubic"}]
)
def test_imagery_settings_that_are_refused(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ImagerySettings(**{"name": "a", "paths": ["x"], "licence": "x"} | keys)


# --- spreadsheets -----------------------------------------------------------------------------------------------------


def write_sheet(folder: Path, rows: list[list[object]]) -> Path:
    path = folder / "s.xlsx"
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("notes").append(["not read"])
    book.save(path)
    return path


def test_a_spreadsheet_reads_like_the_csv_it_could_be_saved_as(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["region", "level", "class", "area_10k_ha"],
        ["四川省", "province", "forest", 2541.96], ["X", "city", "water", 0],
    ]  # fmt: skip
    text = "\n".join(",".join(map(str, row)) for row in rows)
    sheet = read_survey(write_sheet(tmp_path, [*rows, [None, None, None, None]]), SETTINGS)
    assert sheet == read_survey(write(tmp_path, text + "\n"), SETTINGS)
    assert sheet[0].area_m2 == 2541.96 * 1e8


def test_a_spreadsheet_whose_rows_are_broken_is_one_clear_error(tmp_path: Path) -> None:
    whole = write_sheet(tmp_path, [["region", "level"], ["x", "nation"]])
    broken = tmp_path / "broken.xlsx"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(broken, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data[: len(data) // 2] if "worksheets/" in name else data)
    with pytest.raises(InputError, match=r"a spreadsheet cannot be read.*broken\.xlsx"):
        read_survey(broken, SETTINGS)


def test_spreadsheets_that_are_refused(tmp_path: Path) -> None:
    header = ["region", "level", "class", "area_10k_ha"]
    with pytest.raises(InputError, match=r"no number \(.*line 3.*'much'"):
        read_survey(write_sheet(tmp_path, [header, ["X", "city", "a", 1], ["X", "city", "b", "much"]]), SETTINGS)
    with pytest.raises(InputError, match=r"no number \(.*line 2"):
        read_survey(write_sheet(tmp_path, [header, ["X", "city", "a", "=1+1"]]), SETTINGS)  # never computed, no value
    with pytest.raises(InputError, match=r"holds an error.*line 2.*#DIV/0!"):
        read_survey(write_sheet(tmp_path, [header, ["X", "city", "a", "#DIV/0!"]]), SETTINGS)
    (tmp_path / "s.xlsx").write_text("region,level\n", "utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        read_survey(tmp_path / "s.xlsx", SETTINGS)


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_sheet(tmp_path, [["region"]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError, match=r"pip install 'l2h\[xlsx\]'"):
        read_survey(path, SETTINGS)


@pytest.mark.real_data
def test_the_real_survey_reads_as_it_is(real_data: Path) -> None:
    rows = read_survey(real_data / "survey" / "nlrs3_areas.csv", SurveySettings(path="nlrs3_areas.csv"))
    assert len(rows) == 37
    assert rows[0] == SurveyRow("全国", "country", "cultivated land", 12786.19 * 1e8)
    sichuan = {row.land_class: row.area_m2 for row in rows if row.region == "四川省"}
    assert sichuan["forest land"] == 2541.96 * 1e8
    assert len(sichuan) == 8


@pytest.mark.parametrize("day", ["2019-13", "2019-02-30", "0000"])
def test_a_date_that_no_calendar_has_is_refused_in_the_project_file_too(day: str) -> None:
    with pytest.raises(ValidationError, match=f"'{day}' is no day of the calendar"):
        SurveySettings(path="s.csv", date=day)
