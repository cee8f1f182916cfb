"""What the report is told of a project."""

from pathlib import Path

from tiny_project import edit

from l2h.facts import page_settings
from l2h.project import load_project

PRODUCTS = {"worldcover", "esri2020", "from_glc10"}


def test_what_teaches_is_named_and_what_is_only_compared_with_is_not(tiny: Path) -> None:
    assert set(page_settings(load_project(tiny)).teachers) == PRODUCTS | {"OpenStreetMap"}
    edit(tiny, 'name = "esri2020"', 'name = "esri2020"\nuse = "compare"')
    found = page_settings(load_project(tiny, ['learning.clean.points="seen.csv"'])).teachers
    assert set(found) == PRODUCTS - {"esri2020"} | {"OpenStreetMap", "clean points"}
    assert found["clean points"] == ("seen.csv",)
    drawn = page_settings(load_project(tiny, ['learning.clean.drawn=["a.gpkg", "b.tif"]'])).teachers
    assert drawn["drawn clean ground"] == ("a.gpkg", "b.tif")
