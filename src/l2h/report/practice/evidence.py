"""What the project's files say of its validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from l2h.accuracy.interpretation.agreement import agreement
from l2h.accuracy.interpretation.answers import Answer, Undo
from l2h.accuracy.interpretation.board import Board
from l2h.accuracy.sampling.files import points_layer
from l2h.core.files import read_json
from l2h.core.legend import load_legend

COLUMNS = ("answers", "interpreters", "decided", "scene_dates", "confidence")  # what `l2h interpret` adds to points
UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class Interpretation:
    """What a points' file says of how its classes came about; columns that `l2h interpret` wrote.

    points     : with a class; fewest : the smallest number of blind answers one of them has
    people     : everyone who answered
    dates      : days of the pictures they looked at; undated : points without one
    unsure, waiting : points without a class: nobody could tell, or answers are still to come or to be settled
    """

    points: int
    fewest: int
    people: tuple[str, ...]
    dates: tuple[str, ...]
    undated: int
    unsure: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class Evidence:
    """All that the rules look at.

    points     : the reference "points" of assess/accuracy.json, None where the map was not held against points
    truth      : whether it was held against a raster of the whole truth
    design     : assess/design.json
    map_now    : digest of the map as it is, to hold against the one the sample was drawn from
    answered   : how the points were interpreted, None where their file does not say
    agreed     : {"points", "agree", "kappa"} of blind answers, None where they are not there
    classes    : (label, value) of the classes the map has area of
    scenes     : day of each image, None where it is not known
    teachers   : names and files of what the network learned from; points_file : the reference's own
    survey     : whether areas were held against a survey
    """

    points: Mapping[str, Any] | None = None
    truth: bool = False
    design: Mapping[str, Any] | None = None
    map_now: str = ""
    answered: Interpretation | None = None
    agreed: Mapping[str, Any] | None = None
    classes: Sequence[tuple[str, int]] = ()
    scenes: Sequence[str | None] = ()
    teachers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    points_file: str = ""
    survey: bool = False

    @property
    def nation(self) -> Mapping[str, Any]:
        """Scores of the map over the whole country at the points."""
        places = (self.points or {})["maps"][0]["places"]
        found: Mapping[str, Any] = next(p for p in places if p["level"] == "nation")["fine"]
        return found

    @property
    def provinces(self) -> list[Mapping[str, Any]]:
        return [p for p in (self.points or {})["maps"][0]["places"] if p["level"] == "province"]


def read_evidence(
    work: Path, points: Path | None, layer: str | None, teachers: Mapping[str, tuple[str, ...]], map_now: str, name: str
) -> Evidence:
    """From the work folder and the points' file. name : of that file, as the settings have it"""
    references = {r["name"]: r for r in read_json(work / "assess" / "accuracy.json")["references"]}
    design = work / "assess" / "design.json"
    nation = next(p for p in read_json(work / "assess" / "areas.json") if p["level"] == "nation")
    legend = load_legend("sinolc1")
    mapped = {row["value"] for row in nation["classes"] if row["pixels"]}
    told = points is not None and "points" in references
    return Evidence(
        points=references.get("points"),
        truth="truth" in references,
        design=read_json(design) if design.is_file() and told else None,
        map_now=map_now,
        answered=read_interpretation(points, layer) if told and points else None,
        agreed=read_agreement(points) if told and points else None,
        classes=[(c.label, c.value) for c in legend.classes if c.value in mapped],
        scenes=[scene.get("date") for scene in read_json(work / "layers" / "scenes.json")],
        teachers=teachers,
        points_file=name,
        survey=(work / "survey" / "survey.json").is_file(),
    )


def read_interpretation(path: Path, layer: str | None) -> Interpretation | None:
    """How the points of a file were interpreted; None where it lacks the columns of `l2h interpret`."""
    table, rest = _tables(path, layer)
    if not {"answers", "interpreters"} <= set(table):
        return None
    dates = [_words(text, ";") for text in table.get("scene_dates", [""] * len(table["answers"]))]
    states = [str(s) for s in rest.get("state", [])]
    return Interpretation(
        points=len(table["answers"]),
        fewest=min((int(n) for n in table["answers"]), default=0),
        people=tuple(sorted({name for text in table["interpreters"] for name in _words(text, ";")})),
        dates=tuple(sorted({day for days in dates for day in days})),
        undated=sum(not days for days in dates),
        unsure=states.count("cannot tell"),
        waiting=sum(state != "cannot tell" for state in states),
    )


def answers_of(points: Path) -> Path:
    """Where `l2h interpret` puts the single answers to the points of a file."""
    return points.with_name(points.stem.removesuffix("-interpreted") + "-answers.csv")


def read_agreement(path: Path) -> dict[str, Any] | None:
    """Agreement of the blind answers beside a points' file; None where there are none, or no two share a point."""
    answers = answers_of(path)
    if not answers.is_file():
        return None
    import csv

    with answers.open(encoding="utf-8", newline="") as stream:
        events = [_event(row) for row in csv.DictReader(stream)]
    board = Board(list(dict.fromkeys(event.point for event in events)), 2)
    for event in events:
        board.apply(event)
    found = agreement([board.interpretations(point) for point in board.points], load_legend("sinolc1").values)
    if not found.points:
        return None
    return {"points": found.points, "agree": found.agree.value, "kappa": found.kappa.value}


def _event(row: Mapping[str, str]) -> Answer | Undo:
    who = {"key": row["key"], "interpreter": row["interpreter"], "role": row["role"], "point": row["point"]}
    if row["kind"] == "undo":
        return Undo(**who, undoes=row["undoes"])  # type: ignore[arg-type]
    return Answer(**who, value=int(row["value"]) if row["value"] else None)  # type: ignore[arg-type]


def _tables(path: Path, layer: str | None) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Columns of the points, and of those that have no class."""
    if path.suffix.lower() == ".csv":
        import csv

        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}, {}
    import pyogrio

    def read(name: str | None) -> dict[str, list[Any]]:
        frame = pyogrio.read_dataframe(path, layer=name, read_geometry=False)
        return {str(column): frame[column].tolist() for column in frame}

    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    return read(layer or points_layer(path)), read(UNRESOLVED) if UNRESOLVED in names else {}


def _words(text: Any, between: str) -> list[str]:
    return [word.strip() for word in str(text or "").split(between) if word.strip() and word.strip() != "nan"]
