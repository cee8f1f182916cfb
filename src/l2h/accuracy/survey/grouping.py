"""Grouping: which classes of a survey and which of a map are the same ground, each set with its reason."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError, LegendError
from l2h.core.legend import Legend

SHIPPED = ("nlrs3",)
BY_NAME = "by_name"
KEYS = {"name", "title", "source", "group", "left_out", "places"}


@dataclass(frozen=True)
class Group:
    """Survey classes and map values that together cover the same ground, and why."""

    name: str
    survey: tuple[str, ...]
    values: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Grouping:
    """A total table: every survey class and every map class stands in one group, or is left out with a reason.

    left_out : (survey classes, map values, reason)
    places   : the survey's name of a place → ours
    """

    name: str
    title: str
    groups: tuple[Group, ...]
    left_out: tuple[tuple[tuple[str, ...], tuple[int, ...], str], ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    @property
    def survey_classes(self) -> list[str]:
        """All survey classes it knows."""
        return [c for g in self.groups for c in g.survey] + [c for classes, _, _ in self.left_out for c in classes]

    @property
    def compared_classes(self) -> list[str]:
        return [c for g in self.groups for c in g.survey]

    @property
    def values(self) -> list[int]:
        """All map values it knows."""
        return [v for g in self.groups for v in g.values] + [v for _, values, _ in self.left_out for v in values]

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "groups": [
                {"name": g.name, "survey": list(g.survey), "map": list(g.values), "reason": g.reason}
                for g in self.groups
            ],
            "left_out": [{"survey": list(s), "map": list(m), "reason": why} for s, m, why in self.left_out],
        }

    def check_table(self, classes: Iterable[str], where: str) -> None:
        """LegendError where a survey table has a class that the grouping lacks, or lacks one that it names."""
        found = set(classes)
        strange = sorted(found - set(self.survey_classes))
        if strange:
            raise LegendError(
                f"the survey has a class that grouping '{self.name}' does not place", where=where,
                expected=f"one of {', '.join(self.survey_classes)}", got=strange[0],
                hint="Add it to a [[group]] of the grouping file, or to [[left_out]] with the reason.",
            )  # fmt: skip
        missing = [c for c in self.compared_classes if c not in found]
        if missing:
            raise LegendError(
                f"the survey has no figure for a class of grouping '{self.name}'", where=where, expected=missing[0],
                got=", ".join(sorted(found)), hint="Its name may be spelt otherwise in the table.",
            )  # fmt: skip


def load_grouping(choice: str, folder: Path, classes: Iterable[str], legend: Legend) -> Grouping:
    """The grouping that the settings choose: ours by name, a file of the project, or one class to one by name.

    classes : the survey's classes in their order, for "by_name"
    """
    if choice == BY_NAME:
        return by_name(classes, legend)
    if choice in SHIPPED:
        text = files("l2h.accuracy.survey").joinpath(f"tables/{choice}.toml").read_text("utf-8")
        return parse_grouping(text, legend, f"grouping '{choice}'")
    path = grouping_path(choice, folder)
    if path is None or not path.is_file():
        raise InputError(
            "a grouping of survey classes is missing", where=str(path),
            expected=f"a TOML file, or one of {', '.join((BY_NAME, *SHIPPED))}",
        )  # fmt: skip
    try:
        return parse_grouping(path.read_text("utf-8"), legend, str(path))
    except UnicodeDecodeError as error:
        raise InputError("a grouping is not UTF-8", where=str(path), got=str(error)) from error


def grouping_path(choice: str, folder: Path) -> Path | None:
    """The file behind a choice; None where it is one of ours."""
    return None if choice in (BY_NAME, *SHIPPED) else folder / choice


def by_name(classes: Iterable[str], legend: Legend) -> Grouping:
    """One group a class, the survey's classes named as the map's (short name or label, in any case)."""
    known = {c.name.lower(): c for c in legend.classes} | {c.label.lower(): c for c in legend.classes}
    groups = []
    for name in dict.fromkeys(classes):
        found = known.get(name.lower())
        if found is None:
            raise LegendError(
                "a survey class has no name of the map's legend", where="grouping 'by_name'",
                expected=f"one of {', '.join(legend.names)}", got=name,
                hint="Write a grouping file and name it in [survey] grouping (docs/survey.md).",
            )  # fmt: skip
        groups.append(Group(found.name, (name,), (found.value,), "the same name"))
    seen = [g.values[0] for g in groups]
    rest = tuple(v for v in legend.values if v not in seen)
    left = (((), rest, "the survey has no class of this name"),) if rest else ()
    grouping = Grouping(BY_NAME, "classes of the same name", tuple(groups), left)
    _check(grouping, legend, "grouping 'by_name'")
    return grouping


def parse_grouping(text: str, legend: Legend, where: str) -> Grouping:
    """A grouping from TOML; InputError or LegendError where it is none or does not cover the legend exactly once."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("a grouping is not TOML", where=where, got=str(error)) from error
    strange = sorted(set(table) - KEYS)
    if strange:
        raise InputError("unknown key in a grouping", where=where, expected=", ".join(sorted(KEYS)), got=strange[0])
    try:
        grouping = Grouping(
            str(table["name"]),
            str(table.get("title", "")),
            tuple(_group(row) for row in table["group"]),
            tuple((_texts(r, "survey"), _values(r), _reason(r)) for r in table.get("left_out", [])),
            {str(theirs): str(ours) for theirs, ours in table.get("places", {}).items()},
            str(table.get("source", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            "a grouping is not whole", where=where, expected="name, and [[group]] with name, survey, map and reason",
            got=f"{type(error).__name__}: {error}",
        ) from error  # fmt: skip
    _check(grouping, legend, where)
    return grouping


def _group(row: Mapping[str, Any]) -> Group:
    group = Group(str(row["name"]), _texts(row, "survey"), _values(row), _reason(row))
    if not group.survey or not group.values:
        raise ValueError(f"group '{group.name}' has no survey class or no map class")
    return group


def _texts(row: Mapping[str, Any], key: str) -> tuple[str, ...]:
    return tuple(str(v) for v in row.get(key, []))


def _values(row: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(v) for v in row.get("map", []))


def _reason(row: Mapping[str, Any]) -> str:
    reason = str(row["reason"]).strip()
    if not reason:
        raise ValueError("a reason is empty")
    return reason


def _check(grouping: Grouping, legend: Legend, where: str) -> None:
    """Every map class once, no survey class and no group's name twice."""
    names = [g.name for g in grouping.groups]
    for kind, items in (("group", names), ("survey class", grouping.survey_classes), ("map class", grouping.values)):
        twice = next((item for i, item in enumerate(items) if item in items[:i]), None)
        if twice is not None:
            raise LegendError(f"a {kind} occurs twice in a grouping", where=where, got=str(twice))
    wrong = sorted(set(grouping.values) ^ set(legend.values))
    if wrong:
        lacks = wrong[0] in legend.values
        raise LegendError(
            "a grouping leaves out a map class without saying so" if lacks else "a grouping names no class of the map",
            where=where, expected=f"each of {legend.values} once", got=str(wrong[0]),
            hint="Add it to a [[group]], or to [[left_out]] with the reason.",
        )  # fmt: skip
