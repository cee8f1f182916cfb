"""The section of the confidence."""

import pytest

from l2h.report.confidence import confidence_view, diagram
from l2h.report.page import environment

BINS = [
    {"low": 0.9, "high": 0.95, "n": None, "share": 0.75, "confidence": 0.92, "accuracy": 0.6},
    {"low": 0.95, "high": 1.0, "n": None, "share": 0.0, "confidence": None, "accuracy": None},
    {"low": 0.3, "high": 0.35, "n": None, "share": 0.25, "confidence": 0.33, "accuracy": 0.4},
]
SCORES = {
    "n": 8, "mean_confidence": 0.773, "accuracy": 0.55, "ece": 0.2575, "ece_by_chance": None, "brier": 0.2,
    "log_loss": 0.6, "bins": BINS,
}  # fmt: skip
NATION = {"level": "nation", "name": "", "predicted": SCORES, "drawn": None}


def accuracy(*places, design="census"):
    return {"references": [{"name": "truth", "design": design, "confidence": list(places)}]}


def test_marks_stand_where_the_bins_are():
    marks = diagram(BINS)
    assert [(m["x"], m["y"], m["line"]) for m in marks] == [(92.0, 40.0, 8.0), (33.0, 60.0, 67.0)]
    assert marks[0]["radius"] > marks[1]["radius"]


def test_one_province_is_the_nation():
    province = NATION | {"level": "province", "name": "Hill"}
    one, two = (confidence_view(accuracy(NATION, *[province] * n), None) for n in (1, 2))
    assert [row["place"] for row in one["references"][0]["rows"]] == ["Nation"]
    assert [row["place"] for row in two["references"][0]["rows"]] == ["Nation", "Hill", "Hill"]


def test_where_nothing_judged_there_is_no_section():
    empty = NATION | {"predicted": None}
    assert confidence_view({"references": []}, None) is None
    assert confidence_view(accuracy(empty), None) is None


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        (None, "Not calibrated"),
        ({"source": "points", "points": 120, "coarse": 1.31, "split": 2.0}, "Calibrated at 120"),
        ({"source": "default", "points": 0, "coarse": 1.5, "split": 2.0}, "default temperatures 1.50"),
    ],
)
def test_the_page_says_how_it_was_calibrated(calibration, words):
    html = (
        environment()
        .get_template("sections/confidence.html.j2")
        .render(v=confidence_view(accuracy(NATION), calibration))
    )
    assert words in html
    assert "25.8" in html  # the calibration error
    assert "by chance alone</span>" not in html  # a census has no chance
    assert html.count("<circle") == 2
