"""The rules: each looks at the evidence and says met, not met, not known, or that there is no need."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatch
from typing import Any, Literal

from l2h.accuracy.sampling.design import WORDS
from l2h.report.practice.evidence import Evidence

Verdict = Literal["met", "not met", "not known", "no need"]
OLOFSSON = "Olofsson and others 2014"
STEHMAN = "Stehman and Foody 2019"
FEWEST = 50  # points of a map class: the lower end of what Olofsson and others (2014) advise for rare strata
UNSURE = 0.05  # share of points without a class that still says little
YEARS = 1.0  # between the images mapped and the images interpreted


@dataclass(frozen=True)
class Finding:
    """A verdict, and what it rests on: the file and what it says."""

    verdict: Verdict
    evidence: str


@dataclass(frozen=True)
class Rule:
    """One piece of good practice. stage : sampling, response or analysis design, as the literature parts them."""

    key: str
    stage: str
    title: str
    source: str
    judge: Callable[[Evidence], Finding]


def judge_all(found: Evidence) -> list[dict[str, str]]:
    """Every rule with its finding, in order."""
    rows = []
    for rule in RULES:
        finding = rule.judge(found) if found.points is not None else _without_points(rule, found)
        rows.append(
            {
                "key": rule.key, "stage": rule.stage, "title": rule.title, "source": rule.source,
                "verdict": finding.verdict, "evidence": finding.evidence,
            }
        )  # fmt: skip
    return rows


def _without_points(rule: Rule, found: Evidence) -> Finding:
    if found.truth:
        return Finding("no need", "The whole truth is counted, wall to wall: there is no sample.")
    if rule.key == "probability":
        return Finding("not met", "project.toml, [reference]: names neither points nor a truth; nothing is assessed.")
    return Finding("not known", "No reference points.")


def _yes(met: bool, evidence: str) -> Finding:
    return Finding("met" if met else "not met", evidence)


# sampling design


def probability(found: Evidence) -> Finding:
    design = _method(found)
    if design == "none":
        return Finding("not met", f"{found.points_file}: carries no design, and the settings state none.")
    return Finding("met", f"assess/design.json: {WORDS[design]}")


def design_kept(found: Evidence) -> Finding:
    design = found.design or {}
    if design.get("strata"):
        total = sum(stratum["points"] for stratum in design["strata"])
        words = f"{design['method'].replace('_', ' ')}, seed {design['seed']}, {total} points drawn"
        return Finding("met", f"assess/design.json: {words}, {len(design['strata'])} strata with their areas.")
    if _method(found) == "none":
        return Finding("not met", f"{found.points_file}: no design in the file.")
    return Finding("not met", f"{found.points_file}: the design is a word; seed, chances and sizes are not with it.")


def same_map(found: Evidence) -> Finding:
    design = found.design or {}
    if design.get("strata_of") != "map":
        return Finding("no need", "assess/design.json: the strata are not the map's classes.")
    return _yes(
        design.get("map_digest") == found.map_now,
        "assess/design.json: drawn from this map."
        if design.get("map_digest") == found.map_now
        else "assess/design.json: drawn from another map; estimates stay right (Stehman 2014), if less sharp.",
    )


def minimum_counts(found: Evidence) -> Finding:
    counts = {row["value"]: row["users_accuracy"]["n"] for row in found.nation["classes"]}
    few = [f"{label} {counts.get(value, 0)}" for label, value in found.classes if counts.get(value, 0) < FEWEST]
    if few:
        return Finding("not met", f"assess/accuracy.json: under {FEWEST} points mapped as: {', '.join(few)}.")
    return Finding("met", f"assess/accuracy.json: every class of the map has {FEWEST} points or more.")


def every_province(found: Evidence) -> Finding:
    bare = [p["name"] for p in found.provinces if p["fine"]["overall_accuracy"]["standard_error"] is None]
    if bare:
        return Finding("not met", f"assess/accuracy.json: no accuracy with an error for {', '.join(bare)}.")
    return Finding("met", f"assess/accuracy.json: {len(found.provinces)} provinces, each with its error.")


# response design


def better_reference(found: Evidence) -> Finding:
    if found.answered is None:
        return Finding("not known", f"{found.points_file}: does not say where its classes come from.")
    people = len(found.answered.people)
    return _yes(people > 0, f"{found.points_file}: read from pictures by {_count(people, 'person', 'people')}.")


def blind(found: Evidence) -> Finding:
    if found.answered is None:
        return Finding("not known", f"{found.points_file}: does not say what interpreters were shown.")
    return Finding("met", f"{found.points_file}: made with `l2h interpret`, which never shows the map's class.")


def two_people(found: Evidence) -> Finding:
    told = found.answered
    if told is None:
        return Finding("not known", f"{found.points_file}: no answers of single interpreters.")
    evidence = f"{found.points_file}: {told.fewest} blind answers at least a point, {len(told.people)} people."
    return _yes(told.fewest >= 2 and len(told.people) >= 2, evidence)


def agreement_told(found: Evidence) -> Finding:
    told = found.agreed
    if told is None:
        return Finding("not met", f"No answers of two people beside {found.points_file}: agreement cannot be told.")
    kappa = "undefined" if told["kappa"] is None else f"{told['kappa']:.3f}"
    return Finding("met", f"{told['points']} points with two answers: {_percent(told['agree'])} agree, kappa {kappa}.")


def resolved(found: Evidence) -> Finding:
    told = found.answered
    if told is None:
        return Finding("not known", f"{found.points_file}: no record of points left out.")
    total = told.points + told.unsure + told.waiting
    share = (told.unsure + told.waiting) / total if total else 1.0
    words = f"{told.unsure} nobody could tell, {told.waiting} not settled, of {total}"
    return _yes(share <= UNSURE, f"{found.points_file}: {words} ({_percent(share)}; {_percent(UNSURE)} is the most).")


def independent(found: Evidence) -> Finding:
    shared = [n for n, files in found.teachers.items() if any(fnmatch(found.points_file, f) for f in files)]
    if shared:
        return Finding("not met", f"project.toml: {found.points_file} is also read as {', '.join(shared)}.")
    return Finding("met", f"project.toml: the network learned from {', '.join(found.teachers)}; none is the reference.")


def same_time(found: Evidence) -> Finding:
    mapped = [date.fromisoformat(day[:10]) for day in found.scenes if day and len(day) >= 10]
    seen = [date.fromisoformat(day[:10]) for day in (found.answered.dates if found.answered else ()) if len(day) >= 10]
    if not seen or not mapped:
        return Finding("not known", f"{found.points_file}: no dates of the pictures that were interpreted.")
    years = max(_gap(day, mapped) for day in seen)
    evidence = (
        f"{found.points_file}: pictures of {min(seen)} to {max(seen)}; mapped images {min(mapped)} to {max(mapped)}."
    )
    return _yes(years <= YEARS and found.answered is not None and not found.answered.undated, evidence)


def images_dated(found: Evidence) -> Finding:
    undated = sum(not day for day in found.scenes)
    if undated:
        return Finding("not met", f"layers/scenes.json: {undated} of {len(found.scenes)} images have no date.")
    return Finding("met", f"layers/scenes.json: all {len(found.scenes)} images have a date.")


# analysis


def intervals(found: Evidence) -> Finding:
    told = found.nation["overall_accuracy"]
    if told["standard_error"] is None:
        return Finding("not met", "assess/accuracy.json: no standard error. " + (found.points or {}).get("refused", ""))
    words = f"{_percent(told['value'])}, standard error {_percent(told['standard_error'])}"
    return Finding("met", f"assess/accuracy.json: overall accuracy {words}, with its 95 % interval; classes too.")


def area_adjusted(found: Evidence) -> Finding:
    adjusted = (found.points or {}).get("adjusted") or {}
    if adjusted.get("classes") and _method(found) != "none":
        return Finding("met", "assess/accuracy.json: areas of classes corrected by the points, with their errors.")
    missing = ", ".join(adjusted.get("missing") or ())
    why = f"fewer than two points are mapped as {missing}" if missing else "the design of the points is not known"
    return Finding("not met", f"assess/accuracy.json: areas not corrected: {why}.")


def matrix_given(found: Evidence) -> Finding:
    classes = [row for row in found.nation["classes"] if row["users_accuracy"]["n"]]
    return _yes(bool(classes), f"assess/confusion.csv: error matrix; user's and producer's of {len(classes)} classes.")


def paired(found: Evidence) -> Finding:
    told = (found.points or {}).get("differences") or {}
    return _yes(bool(told), f"assess/accuracy.json: {len(told)} other maps judged on the same points, as pairs.")


def survey_held(found: Evidence) -> Finding:
    return _yes(
        found.survey,
        "work/survey/survey.json: " + ("areas held against it." if found.survey else "no comparison made."),
    )


RULES = (
    Rule("probability", "sampling", "The points are a probability sample", OLOFSSON, probability),
    Rule("design", "sampling", "The design travels with the points: seed, strata, chances", STEHMAN, design_kept),
    Rule("same-map", "sampling", "Strata by map class are those of this map", "Stehman 2014", same_map),
    Rule("counts", "sampling", f"At least {FEWEST} points in every class of the map", OLOFSSON, minimum_counts),
    Rule("provinces", "sampling", "Every province has an accuracy with its error", STEHMAN, every_province),
    Rule("reference", "response", "The reference is better than the map", OLOFSSON, better_reference),
    Rule("blind", "response", "Interpreters did not see the map", STEHMAN, blind),
    Rule("two", "response", "Two people interpreted every point", "Pengra and others 2020", two_people),
    Rule("agreement", "response", "How far interpreters agree is told", "Pengra and others 2020", agreement_told),
    Rule("resolved", "response", "Few points are left without a class", STEHMAN, resolved),
    Rule("independent", "response", "The reference taught the map nothing", STEHMAN, independent),
    Rule("time", "response", f"Reference and map are of the same time, to {YEARS:g} year", OLOFSSON, same_time),
    Rule("dates", "response", "All images that were mapped have a date", OLOFSSON, images_dated),
    Rule("intervals", "analysis", "Accuracy is given with its standard error and interval", OLOFSSON, intervals),
    Rule("areas", "analysis", "Areas are corrected for the map's errors", OLOFSSON, area_adjusted),
    Rule("matrix", "analysis", "Error matrix, user's and producer's accuracy are given", OLOFSSON, matrix_given),
    Rule("paired", "analysis", "Other maps are compared on the same points", STEHMAN, paired),
    Rule("survey", "analysis", "Areas are held against an independent survey", "Li and others 2023", survey_held),
)


def _method(found: Evidence) -> Any:
    return (found.points or {}).get("design", "none")


def _gap(day: date, others: list[date]) -> float:
    """Years from a day to the nearest of others."""
    return min(abs((day - other).days) for other in others) / 365.25


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"
