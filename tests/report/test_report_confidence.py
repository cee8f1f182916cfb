"""The section of the confidence."""

import pytest

from l2h.report.confidence import confidence_view, diagram, sets_view
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


def test_sets_are_told_of_regions_where_there_are_several_and_of_true_classes():
    row = {"coverage": {"value": 0.91, "low": 0.8, "high": 0.97, "n": 40}, "level": 0.9, "mean_size": 1.25}
    level = [row | {"sizes": [0.8, 0.15, 0.05]}]
    unknown = [level[0] | {"coverage": row["coverage"] | {"value": None}}]
    nation = {"level": "nation", "name": "", "levels": level}
    places = [nation, *({"level": "region", "name": name, "levels": level} for name in ("East", "West"))]
    classes = [{"value": 9, "name": "water", "levels": level}, {"value": 8, "name": "snow", "levels": unknown}]
    sets = {"levels": [0.9], "calibration_points": 120, "places": places, "classes": classes}
    found = sets_view(sets)
    assert [r["name"] for r in found["rows"]] == ["Nation", "East", "West", "water"]
    assert [r["name"] for r in sets_view(sets | {"places": places[:2]})["rows"]] == ["Nation", "water"]
    told = accuracy(NATION)
    told["references"][0] |= {"name": "points", "design": "simple_random", "sets": sets}
    html = environment().get_template("sections/confidence.html.j2").render(v=confidence_view(told, None))
    assert "120 calibration points" in html
    assert "80.0 to 97.0" in html
    told["references"][0]["sets"] = sets | {"places": [], "classes": [], "calibration_points": 20}
    html = environment().get_template("sections/confidence.html.j2").render(v=confidence_view(told, None))
    assert "20 calibration points are too few" in html


@pytest.mark.parametrize(
    ("source", "points", "words"),
    [
        ("points", 320, "Calibrated at 320 interpreted points"),
        ("default", 30, "30 interpreted points are too few to fit temperatures: default temperatures 0.97"),
        ("default", 0, "No interpreted points to calibrate by: default temperatures 0.97"),
    ],
)
def test_where_the_temperatures_come_from(source, points, words):
    calibration = {"source": source, "points": points, "coarse": 0.97, "split": 2.5, "regions": {}}
    view = confidence_view(accuracy(NATION), calibration)
    assert words in environment().get_template("sections/confidence.html.j2").render(v=view)


@pytest.mark.parametrize(
    ("trust", "words"),
    [
        ({"pixels": 4000, "doubted": 1000}, "1 000 of 4 000 pixels mapped in cities (25.0 %)"),
        ({"pixels": 4000, "doubted": 0}, "none of 4 000 pixels"),
        ({"pixels": 0, "doubted": 0}, None),
        (None, None),
    ],
)
def test_pixels_in_doubt_are_told(trust, words):
    view = confidence_view(accuracy(NATION), None, trust)
    html = environment().get_template("sections/confidence.html.j2").render(v=view)
    assert (words or "Confidence is") in html
    assert ("In doubt" in html) == (words is not None)


def test_pixels_in_doubt_are_told_where_nothing_judged():
    view = confidence_view({"references": []}, None, {"pixels": 8, "doubted": 2})
    html = environment().get_template("sections/confidence.html.j2").render(v=view)
    assert "2 of 8" in html
    assert "diagonal" not in html
    assert confidence_view({"references": []}, None, {"pixels": 8, "doubted": 0}) is None


def test_where_nothing_judged_there_is_no_section():
    empty = NATION | {"predicted": None}
    assert confidence_view({"references": []}, None) is None
    assert confidence_view(accuracy(empty), None) is None


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        (None, "Not calibrated"),
        ({"source": "points", "points": 120, "coarse": 1.31, "split": 2.0}, "Calibrated at 120"),
        (
            {
                "source": "points",
                "points": 300,
                "coarse": 1.31,
                "split": 2.0,
                "regions": {"East": {"coarse": 1.2, "split": 1.9}},
            },
            "East has its own: 1.20 and 1.90.",
        ),
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
