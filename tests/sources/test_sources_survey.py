"""Survey tables and the settings of sources."""

from datetime import date
from pathlib import Path

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
    assert survey_table(rows)[1] == {"region": "X", "level": "city", "land_class": "water", "area_m2": 0.0}


@pytest.mark.parametrize(("column", "factor"), [("a_m2", 1), ("a_ha", 1e4), ("a_km2", 1e6), ("a_10k_ha", 1e8)])
def test_the_unit_is_the_end_of_the_columns_name(tmp_path: Path, column: str, factor: float) -> None:
    path = write(tmp_path, f"region,level,class,{column}\nX,city,water,2\n")
    assert read_survey(path, SETTINGS.model_copy(update={"area": column}))[0].area_m2 == 2 * factor


def test_the_unit_may_stand_in_its_own_column(tmp_path: Path) -> None:
    path = write(tmp_path, "region,level,class,area,unit\nX,city,water,2,ha\nX,city,forest,3,km2\n")
    rows = read_survey(path, SETTINGS.model_copy(update={"area": "area"}))
    assert [row.area_m2 for row in rows] == [2e4, 3e6]


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
