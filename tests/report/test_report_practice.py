"""Every rule is decided both ways from small evidence, and the evidence is read from files."""

import geopandas
import pytest

from l2h.accuracy.interpretation.answers import Answer, Undo
from l2h.accuracy.interpretation.export import answers_csv
from l2h.accuracy.sampling.design import SampleDesign
from l2h.accuracy.sampling.make import make_sample
from l2h.accuracy.sampling.settings import SampleSettings
from l2h.core.files import read_json, write_text
from l2h.core.legend import load_legend
from l2h.core.tasks import run_stage
from l2h.report.practice.evidence import Evidence, Interpretation, answers_of, read_agreement, read_interpretation
from l2h.report.practice.rules import RULES, judge_all
from l2h.report.practice.section import practice_view
from l2h.report.practice.tasks import map_now
from l2h.report.practice.validation import image_dates
from l2h.report.stage import stage

RULE_OF = {rule.key: rule for rule in RULES}


def share(value=0.8, error=0.02, n=100):
    return {"value": value, "standard_error": error, "low": 0.7, "high": 0.9, "n": n, "design": "simple_random"}


def reference(design="simple_random", error=0.02, counts=(60, 60), **more):
    classes = [{"value": v, "users_accuracy": share(n=n)} for v, n in zip((2, 9), counts, strict=True)]
    fine = {"overall_accuracy": share(error=error), "classes": classes}
    places = [{"level": "nation", "name": "", "fine": fine}, {"level": "province", "name": "Ava", "fine": fine}]
    adjusted = {"missing": [], "classes": [{"value": 2}]}
    told = {"name": "points", "design": design, "maps": [{"name": "map", "places": places}], "adjusted": adjusted}
    return told | {"differences": {"esa": {}}} | more


ASKED = Interpretation(100, 2, ("Ann", "Bob"), ("2020-05-01",), 0)
STRATUM = {"code": 2, "name": "tree", "pixels": 10, "area_m2": 10.0, "points": 120}
GOOD = Evidence(
    points=reference(),
    design={"method": "stratified", "seed": 3, "strata": [STRATUM], "strata_of": "map", "map_digest": "abc"},
    map_now="abc",
    answered=ASKED,
    agreed={"points": 100, "agree": 0.9, "kappa": 0.85},
    classes=[("Tree cover", 2), ("Water", 9)],
    scenes=["2020-06-01", "2020-07-01"],
    teachers={"esa": ("inputs/esa*.tif",)},
    points_file="samples/a.gpkg",
    survey=True,
)


def changed(**given):
    return Evidence(**{**vars(GOOD), **given})


def test_a_good_validation_meets_every_rule():
    assert {row["key"]: row["verdict"] for row in judge_all(GOOD)} == dict.fromkeys(RULE_OF, "met")


@pytest.mark.parametrize(
    ("key", "found", "verdict", "words"),
    [
        ("probability", changed(points=reference("none")), "not met", "carries no design"),
        ("design", changed(design={"method": "simple_random", "strata": []}), "not met", "a word"),
        ("design", changed(points=reference("none"), design=None), "not met", "no design in the file"),
        ("same-map", changed(map_now="other"), "not met", "another map"),
        ("same-map", changed(design={"strata_of": "province"}), "no need", "not the map's classes"),
        ("counts", changed(points=reference(counts=(60, 49))), "not met", "Water 49"),
        ("counts", changed(classes=[("Wetland", 10)]), "not met", "Wetland 0"),
        ("provinces", changed(points=reference(error=None)), "not met", "Ava"),
        ("reference", changed(answered=None), "not known", "does not say"),
        ("blind", changed(answered=None), "not known", "does not say"),
        ("two", changed(answered=Interpretation(9, 1, ("Ann",), (), 9)), "not met", "1 blind"),
        ("two", changed(answered=None), "not known", "no answers"),
        ("agreement", changed(agreed=None), "not met", "cannot be told"),
        ("resolved", changed(answered=Interpretation(90, 2, ("A", "B"), (), 0, 4, 6)), "not met", "10.0 %"),
        ("resolved", changed(answered=Interpretation(96, 2, ("A", "B"), (), 0, 4, 0)), "met", "4.0 %"),
        ("independent", changed(points_file="inputs/esa_points.tif"), "not met", "esa"),
        ("time", changed(answered=Interpretation(9, 2, ("A", "B"), ("2018-05-01",), 0)), "not met", "2018-05-01"),
        ("time", changed(answered=Interpretation(9, 2, ("A", "B"), (), 9)), "not known", "no dates"),
        ("time", changed(scenes=[None]), "not known", "no dates"),
        ("dates", changed(scenes=["2020-06-01", None]), "not met", "1 of 2"),
        ("intervals", changed(points=reference(error=None, refused="Intervals refused")), "not met", "refused"),
        ("areas", changed(points=reference(adjusted={"missing": ["shrub"], "classes": []})), "not met", "shrub"),
        ("areas", changed(points=reference("none", adjusted={"missing": [], "classes": []})), "not met", "not known"),
        ("matrix", changed(points=reference(counts=(0, 0))), "not met", "0 classes"),
        ("paired", changed(points=reference(differences={})), "not met", "0 other maps"),
        ("survey", changed(survey=False), "not met", "no comparison"),
    ],
)
def test_each_rule_can_fail_and_says_why(key, found, verdict, words):
    finding = RULE_OF[key].judge(found)
    assert finding.verdict == verdict
    assert words in finding.evidence


def test_every_rule_is_tried_both_ways():
    mark = next(m for m in test_each_rule_can_fail_and_says_why.pytestmark if m.name == "parametrize")
    assert {case[0] for case in mark.args[1]} == set(RULE_OF)


def test_without_points_there_is_nothing_to_meet():
    truth = judge_all(Evidence(truth=True))
    assert {row["verdict"] for row in truth} == {"no need"}
    nothing = {row["key"]: row["verdict"] for row in judge_all(Evidence())}
    assert nothing.pop("probability") == "not met"
    assert set(nothing.values()) == {"not known"}


def test_the_view_counts_what_applies():
    view = practice_view(judge_all(changed(design={"strata_of": "city", "strata": []}, survey=False)))
    assert (view["met"], view["apply"]) == (len(RULES) - 3, len(RULES) - 1)
    assert [stage["title"] for stage in view["stages"]] == ["Sampling design", "Response design", "Analysis"]


def test_interpretation_is_read_from_the_file_that_interpret_writes(tmp_path):
    path = tmp_path / "s-interpreted.gpkg"
    columns = {"answers": [2, 3], "interpreters": ["Ann; Bob", "Ann; Cy"], "scene_dates": ["2020-05-01", ""]}
    place = geopandas.points_from_xy([0, 1], [0, 1])
    geopandas.GeoDataFrame(columns, geometry=place, crs=32650).to_file(path, layer="points")
    rest = geopandas.GeoDataFrame({"state": ["cannot tell", "disputed"]}, geometry=place, crs=32650)
    rest.to_file(path, layer="unresolved", mode="a")
    assert read_interpretation(path, None) == Interpretation(2, 2, ("Ann", "Bob", "Cy"), ("2020-05-01",), 1, 1, 1)


def test_points_that_say_nothing_of_people(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("x,y,class\n1,2,tree\n", "utf-8")
    assert read_interpretation(path, None) is None
    assert read_agreement(path) is None


def test_agreement_is_that_of_the_answers_beside_the_points(tmp_path):
    def answer(key, who, point, value):
        return Answer(key, who, "interpret", point, value)

    events = [answer("a", "Ann", "1", 2), answer("b", "Bob", "1", 9), Undo("c", "Bob", "interpret", "1", "b")]
    events += [answer("d", "Bob", "1", 2), answer("e", "Ann", "2", 9), answer("f", "Bob", "2", None)]
    path = tmp_path / "s-interpreted.gpkg"
    answers_of(path).write_text(answers_csv(events, load_legend("sinolc1")), "utf-8")
    found = read_agreement(path)
    assert (found["points"], found["agree"]) == (2, 0.5)


def test_dates_of_images():
    assert image_dates(["2021-01-01", None, "2020-01-01"]) == {
        "images": 3, "first": "2020-01-01", "last": "2021-01-01", "undated": 1,
    }  # fmt: skip
    assert image_dates([None])["first"] == ""


def test_a_sample_by_map_class_knows_its_map(make_workspace):
    context = make_workspace(27)
    settings = SampleSettings(method="stratified", strata="map", size=60, minimum=2)
    sample = make_sample(context, settings, context.project_dir / "s.gpkg")
    write_text(context.work / "assess/design.json", sample.design.to_json())
    assert map_now(context) == sample.design.map_digest
    write_text(context.work / "assess/design.json", SampleDesign("simple_random", 0, ()).to_json())
    assert map_now(context) == ""


def test_the_project_is_judged_from_its_files(workspace, make_settings):
    document = read_json(workspace.project_dir / "release/1.0/validation.json")
    assert document == read_json(workspace.work / "report/validation.json")
    found = {row["key"]: row for row in document["practice"]}
    assert found["dates"]["verdict"] == "not met"
    assert "1 of 2 images have no date" in found["dates"]["evidence"]
    named = make_settings().model_copy(update={"points": "points.csv", "teachers": {"esa": ("points.*",)}})
    run_stage(stage(named), workspace)
    rows = read_json(workspace.work / "report/validation.json")["practice"]
    found = {row["key"]: row["verdict"] for row in rows}
    assert (found["probability"], found["independent"], found["reference"]) == ("met", "not met", "not known")
    run_stage(stage(make_settings()), workspace)
