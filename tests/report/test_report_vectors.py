"""Roads and buildings on the page."""

from pathlib import Path

from l2h.core.files import write_json
from l2h.report.page import environment
from l2h.report.vectors import view

ACCOUNT = {
    "roads": 4700,
    "buildings": 4906,
    "timestamp": "2021-04-14T20:21:42Z",
    "files": {"a.osm.pbf": "2021-04-14T20:21:42Z", "<b>.gpkg": ""},
    "left_out": {"road: tunnel": 43},
    "repaired": {"building: Self-intersection": {"count": 7, "first": [f"w{i}" for i in range(7)]}},
    "dropped": {"building: its outline is open": {"count": 1, "first": ["w99"]}},
}


def test_the_account_is_shown_with_times_reasons_and_names(tmp_path: Path) -> None:
    write_json(tmp_path / "osm.json", ACCOUNT)
    values = view(tmp_path / "osm.json")
    assert [(row["what"], row["reason"], row["count"], row["names"]) for row in values["rows"]] == [
        ("left out", "road: tunnel", 43, ""),
        ("mended", "building: Self-intersection", 7, "w0, w1, w2, w3, w4…"),
        ("lost", "building: its outline is open", 1, "w99"),
    ]
    html = environment().get_template("sections/vectors.html.j2").render(v=values)
    assert "state of 2021-04-14 20:21:42 UTC" in html
    assert "&lt;b&gt;.gpkg</dt><dd>does not say of what time it is" in html
    assert "4,906" in html or "4\u202f906" in html or "4 906" in html


def test_a_project_without_vectors_has_no_such_section(tmp_path: Path) -> None:
    write_json(tmp_path / "osm.json", ACCOUNT | {"files": {}})
    assert view(tmp_path / "osm.json") is None
