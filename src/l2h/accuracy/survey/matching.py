"""Matching: figures of a survey and areas of a map put side by side, place by place and group by group."""

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from l2h.accuracy.survey.grouping import Grouping
from l2h.accuracy.survey.settings import Level, SurveyComparison
from l2h.core.errors import InputError
from l2h.core.regions import fold

LEVELS: tuple[Level, ...] = ("nation", "region", "province", "city")
NATION_WORDS = ("nation", "national", "country")
HUNDREDTHS = 100  # in a square metre
Key = tuple[Level, str]  # of a place: its level, and its name with those above it


@dataclass(frozen=True)
class MapPlace:
    """A place of the map: hundredths of a m² of every value, holes (value 0) included; sums of its cities'."""

    level: Level
    region: str
    province: str
    name: str
    hundredths: Mapping[int, int]

    @property
    def whole(self) -> int:
        return sum(self.hundredths.values())

    @property
    def full_name(self) -> str:
        """`Region_Province_City` down to its own level; empty of the nation."""
        parts = [p for p in (self.region, self.province) if p]
        return "_".join([*parts, self.name] if self.level == "city" else parts)

    @property
    def told(self) -> str:
        """Level and name, for messages and lists."""
        return f"{self.level} {self.name}".strip()


@dataclass(frozen=True)
class Cell:
    """One group in one place: what the map and the survey say. Areas of the map are exact hundredths of a m²."""

    place: MapPlace
    group: str
    map_hundredths: int
    survey_m2: float

    @property
    def map_m2(self) -> float:
        return self.map_hundredths / HUNDREDTHS

    @property
    def place_m2(self) -> float:
        return self.place.whole / HUNDREDTHS

    @property
    def difference_m2(self) -> float:
        return self.map_m2 - self.survey_m2

    @property
    def relative(self) -> float | None:
        """(map − survey) / survey; None where the survey has nothing."""
        return self.difference_m2 / self.survey_m2 if self.survey_m2 > 0 else None


@dataclass(frozen=True)
class Matched:
    """All cells that can be compared, and what cannot: (place, group or "", why)."""

    cells: tuple[Cell, ...]
    left_out: tuple[tuple[str, str, str], ...] = field(default=())


def map_places(areas: Iterable[Mapping[str, Any]]) -> list[MapPlace]:
    """Nation, regions, provinces and cities of `areas.json`, each the sum of its cities' rounded areas.

    InputError where the nation that the file states is not that sum: the file is broken.
    """
    rows = list(areas)
    sums: dict[tuple[Level, str, str, str], Counter[int]] = {}
    for row in rows:
        if row["level"] != "city":
            continue
        own = Counter({int(c["value"]): int(c["hundredths"]) for c in row["classes"]})
        region, province, city = row["region"], row["province"], row["name"]
        for key in (
            ("nation", "", "", ""), ("region", region, "", region), ("province", region, province, province),
            ("city", region, province, city),
        ):  # fmt: skip
            sums.setdefault(cast(Any, key), Counter()).update(own)
    places = [MapPlace(*key, dict(values)) for key, values in sums.items()]
    stated = [sum(int(c["hundredths"]) for c in row["classes"]) for row in rows if row["level"] == "nation"]
    if stated != [p.whole for p in places if p.level == "nation"]:
        raise InputError("the cities' areas do not add up to the nation's", got=f"{stated}", hint="Run `l2h assess`.")
    return sorted(places, key=lambda p: (LEVELS.index(p.level), p.region, p.province, p.name))


def level_of(word: str, where: str) -> Level:
    """Our name of a survey's level: country and national are nation."""
    plain = word.strip().lower()
    if plain in NATION_WORDS:
        return "nation"
    if plain not in LEVELS:
        raise InputError("a survey table has an unknown level", where=where, expected=", ".join(LEVELS), got=word)
    return plain


def match(
    rows: Sequence[Mapping[str, Any]],
    places: Sequence[MapPlace],
    grouping: Grouping,
    settings: SurveyComparison,
    where: str,
) -> Matched:
    """Put a survey's rows and the map's places together.

    rows : of survey.json: region, level, land_class, area_m2
    where : the survey's file, for messages

    LegendError for classes that the grouping does not place or that are missing; InputError for places the map lacks,
    for figures a place lacks (unless the settings list them), and for areas that cannot be of this ground.
    """
    grouping.check_table((row["land_class"] for row in rows), where)
    figures, left = _by_place(rows, places, dict(grouping.places) | dict(settings.places), settings, where)
    cells: list[Cell] = []
    for place in places:
        if place.level not in {level for level, _ in figures} or (
            settings.levels and place.level not in settings.levels
        ):
            continue
        found, lacking = _cells(place, figures.get(_key(place), {}), grouping)
        if lacking and settings.gaps == "refuse":
            raise InputError(
                "a survey table lacks a figure", where=f"{where}, {place.told}", expected=lacking[0][1],
                hint='Complete the table, or say gaps = "list" in [survey] to compare what can be compared.',
            )  # fmt: skip
        _check_sizes(found, not lacking, where)
        cells += found
        left += [(place.told, group, f"no figure of {name}") for group, name in lacking]
    if not cells:
        raise InputError("the survey and the map share no place and class", where=where, got=f"{len(rows)} figures")
    return Matched(tuple(cells), tuple(left))


def _key(place: MapPlace) -> Key:
    return place.level, place.full_name


def _by_place(
    rows: Sequence[Mapping[str, Any]],
    places: Sequence[MapPlace],
    names: Mapping[str, str],
    settings: SurveyComparison,
    where: str,
) -> tuple[dict[Key, dict[str, float]], list[tuple[str, str, str]]]:
    """{place: {survey class: m²}}, and the survey's places that the map lacks."""
    figures: dict[Key, dict[str, float]] = {}
    elsewhere: dict[str, None] = {}
    spelt: dict[Key, str] = {}
    for row in rows:
        level, name = level_of(row["level"], where), str(row["region"])
        place = _find(level, names.get(name, name), places, where)
        if place is None:
            if settings.elsewhere == "refuse":
                raise _unknown(level, name, places, where)
            elsewhere[f"{level} {name}"] = None
            continue
        if spelt.setdefault(_key(place), name) != name:
            raise InputError(
                "two places of a survey are one of the map", where=where, expected=f"one name for {place.told}",
                got=f"{spelt[_key(place)]} and {name}",
            )  # fmt: skip
        figures.setdefault(_key(place), {})[row["land_class"]] = float(row["area_m2"])
    return figures, [(told, "", "not on the map") for told in elsewhere]


def _find(level: Level, name: str, places: Sequence[MapPlace], where: str) -> MapPlace | None:
    """The map's place of a name (its own, or with those above it); the nation, whatever it is called."""
    here = [p for p in places if p.level == level]
    found = here if level == "nation" else [p for p in here if name in (p.name, p.full_name)]
    if len(found) > 1:
        raise InputError(
            f"a survey's {level} has the name of two places", where=where, got=name,
            expected=" or ".join(p.full_name for p in found), hint="Say which in [survey] places.",
        )  # fmt: skip
    return found[0] if found else None


def _unknown(level: Level, name: str, places: Sequence[MapPlace], where: str) -> InputError:
    """What to say of a place the map lacks: the nearest name, and both ways out."""
    here = {fold(p.name): p.name for p in places if p.level == level}
    near = difflib.get_close_matches(fold(name), list(here), n=1)
    known = list(here.values())
    return InputError(
        f"the survey has a {level} that the map lacks", where=where, got=name,
        expected=f"'{here[near[0]]}'" if near else f"one of {', '.join(known[:8])}{' …' if len(known) > 8 else ''}",
        hint='Say which it is in [survey] places, or elsewhere = "list" where it lies outside the map.',
    )  # fmt: skip


def _cells(
    place: MapPlace, figures: Mapping[str, float], grouping: Grouping
) -> tuple[list[Cell], list[tuple[str, str]]]:
    """The cells of one place, and (group, survey class) of what it lacks."""
    cells, lacking = [], []
    for group in grouping.groups:
        missing = [name for name in group.survey if name not in figures]
        if missing:
            lacking.append((group.name, missing[0]))
            continue
        mapped = sum(place.hundredths.get(value, 0) for value in group.values)
        cells.append(Cell(place, group.name, mapped, sum(figures[name] for name in group.survey)))
    return cells, lacking


def _check_sizes(cells: Sequence[Cell], whole: bool, where: str) -> None:
    """InputError where a place's surveyed areas cannot be of its ground: their unit is wrong, or the place is.

    Real tables cover between a third (a desert's bare ground is in no class) and all of a place.
    """
    if not cells:
        return
    surveyed, ground = sum(c.survey_m2 for c in cells), cells[0].place_m2
    if surveyed > 2 * ground or (whole and surveyed < ground / 10):
        raise InputError(
            "a survey's areas do not fit the ground", where=f"{where}, {cells[0].place.told}",
            expected=f"at most {ground / 1e6:.6g} km², of which the map's part of this place has so many",
            got=f"{surveyed / 1e6:.6g} km², {surveyed / ground:.3g} times as much",
            hint="Check the unit of the table's area column, and that the place is the same.",
        )  # fmt: skip
