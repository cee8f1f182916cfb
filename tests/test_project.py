"""The project file: what is accepted, and in which words the rest is refused."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from tiny_project import RIGHTS, edit

from l2h.core.errors import SettingsError
from l2h.project import PROJECT_FILE, apply_override, load_project, save_settings


def test_a_project_is_read_and_its_settings_are_kept(tiny: Path) -> None:
    project = load_project(tiny)
    assert (project.project.name, project.grid.block_px, len(project.products)) == ("tiny", 80, 3)
    saved = save_settings(project, tiny)
    assert project.digest() in saved.read_text()
    assert load_project(tiny).digest() == project.digest()
    assert load_project(tiny, ["learning.seed=1"]).digest() != project.digest()


def test_a_byte_order_mark_is_no_fault(tiny: Path) -> None:
    path = tiny / PROJECT_FILE
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_project(tiny).project.name == "tiny"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=3", {"a": {"b": 3}}),
        ("a.b=true", {"a": {"b": True}}),
        ("a.b=[1, 2]", {"a": {"b": [1, 2]}}),
        ("a.b=auto", {"a": {"b": "auto"}}),
        ('a.b="3"', {"a": {"b": "3"}}),
        ("a.b=x=y", {"a": {"b": "x=y"}}),
        (" a.b =2020-06-01", {"a": {"b": tomllib.loads("d = 2020-06-01")["d"]}}),
    ],
)
def test_overrides_are_toml_else_text(text: str, expected: dict[str, Any]) -> None:
    values: dict[str, Any] = {}
    apply_override(values, text)
    assert values == expected


def test_overrides_reach_entries_of_lists_by_number() -> None:
    values: dict[str, Any] = {"products": [{"date": "2020"}, {}]}
    apply_override(values, "products.1.date=2021")
    assert values["products"] == [{"date": "2020"}, {"date": 2021}]


def test_a_recipe_reaches_the_other_rooms_and_yields_to_the_user(tiny: Path) -> None:
    recipe = load_project(tiny, ["learning.recipe=l2h"])
    assert (recipe.labels.method, recipe.mapping.prior, recipe.learning.network) == ("intersection", "off", "l2hnet")
    own = load_project(tiny, ["learning.recipe=l2h", "mapping.prior=on"])
    assert (own.mapping.prior, own.mapping.draw_vectors) == ("on", False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[labels]", "[labels]\ntemperin = 1", r"unknown setting 'labels.temperin' .*Did you mean 'tempering'\?"),
        ("[labels]", "[label]", r"unknown setting 'label' .*Did you mean 'labels'\?"),
        ("[labels]", "[labels]\nseed = 1", r"unknown setting 'labels.seed' .*It belongs into \[learning\]"),
        ("[labels]", "[labels]\nxyzzy = 1", r"unknown setting 'labels.xyzzy' .*Known here: method, cell_px"),
        ("[labels]", "[labels.vectors]\nlane = 1\n[labels]", r"'labels.vectors.lane' .*Did you mean 'lane_m'\?"),
        ('"scenes"', '"scenes"\nband = [1]', r"'imagery.0.band' .*\[\[imagery\]\] 'scenes'.*Did you mean 'bands'\?"),
        (RIGHTS, "", r"'imagery.0.licence' is missing .*\[\[imagery\]\] 'scenes'.*an SPDX name"),
        ('name = "tiny"', "", r"setting 'project.name' is missing .*docs/settings.md explains"),
        ("[boundary]", "[survey]", r"section \[boundary\] is missing .*outlines of the cities"),
        ("cell_px = 10", 'cell_px = "ten"', r"'labels.cell_px' .*expected a whole number, got 'ten'"),
        ("cell_px = 10", "cell_px = 0", r"'labels.cell_px' .*expected greater than or equal to 1, got 0"),
        ("[labels]", '[labels]\nmethod = "posterier"', r"did you mean 'posterior'\?\), got 'posterier'"),
        ("[[imagery]]", "[imagery]", r"setting 'imagery' cannot be used .*expected a list.*double brackets"),
        ('"esri2020"', '"worldcover"', r"^two layers bear the name 'worldcover'"),
        ('name = "tiny"', 'name = "Tiny"', r"expected a text that matches pattern .*got 'Tiny'"),
        ("[labels]", '[learning]\nlabels = "label"\n[labels]', r"\[learning\] does not fit together: loss 'cell'"),
        (
            "[labels]",
            '[calibration]\npoints = "a.csv"\n[learning.clean]\npoints = "./a.csv"\n[labels]',
            r"'./a.csv' cannot both teach the network \(\[learning.clean\]\) and calibrate it",
        ),
        ("[grid]", "[grid", r"not TOML .*line 4"),
    ],
)
def test_refusals_name_the_place_and_what_is_meant(tiny: Path, old: str, new: str, message: str) -> None:
    edit(tiny, old, new)
    with pytest.raises(SettingsError, match=message) as caught:
        load_project(tiny)
    assert str(tiny / PROJECT_FILE) in str(caught.value)
    assert "Input should" not in str(caught.value)
    assert "Value error" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("nonsense", "an override needs key=value: got nonsense"),
        ("learning..seed=3", "an override needs key=value"),
        ("learning.sed=3", r"unknown setting 'learning.sed' \(--set learning.sed=3\)\. Did you mean 'seed'\?"),
        ("learnin.seed=3", r"unknown setting 'learnin' \(--set learnin.seed=3\)\. Did you mean 'learning'\?"),
        ("learning=3", r"\(--set learning=3\): expected a table of settings, got 3"),
        ("products.9.date=2020", "no such list item .*expected a number below 3, got 9"),
        ("project.name.x=1", r"reaches into a plain value \(--set project.name.x\): got 'name' = 'tiny'"),
    ],
)
def test_overrides_are_refused_where_they_were_given(tiny: Path, override: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_project(tiny, [override])
