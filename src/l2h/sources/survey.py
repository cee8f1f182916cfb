"""Survey tables: areas by place and class, in square metres."""

import csv
import math
import re
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError
from l2h.sources.settings import SurveySettings
from l2h.sources.spreadsheet import read_spreadsheet

Table = tuple[list[str], list[dict[str, str | None]]]  # header, rows
DATES = ("date", "year")  # columns that say when a figure was surveyed
DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
UNITS = {"m2": 1.0, "ha": 1e4, "km2": 1e6, "10k_ha": 1e8}  # 10k_ha: the 万公顷 of Chinese surveys


@dataclass(frozen=True)
class SurveyRow:
    """One figure of a survey.

    date : the year, month or day it speaks of; empty where nobody says
    """

    region: str
    level: str
    land_class: str
    area_m2: float
    date: str = ""


def read_survey(path: Path, settings: SurveySettings) -> tuple[SurveyRow, ...]:
    """The rows of a survey table in file order: CSV in UTF-8, or the first sheet of a spreadsheet (.xlsx).

    A figure is of the day in its column `date` or `year`, else of the settings' `date`.
    InputError names the line of a missing figure, a negative or infinite area, an unknown unit, a repeated figure or a
    date that is none.
    """
    if not path.is_file():
        raise InputError("a survey table is missing", where=str(path))
    header, lines = read_spreadsheet(path) if path.suffix.lower() == ".xlsx" else _read_csv(path)
    area = settings.area or next((name for name in header if name in {f"area_{unit}" for unit in UNITS}), "area")
    columns = (settings.region, settings.level, settings.land_class, area)
    for name in columns:
        if name not in header:
            raise InputError(f"a survey table lacks the column '{name}'", where=str(path), got=", ".join(header))
    dated = next((name for name in DATES if name in header), "")
    rows = tuple(
        replace(_row(line, columns, where), date=_date(line, dated, where) or settings.date or "")
        for line, where in ((line, f"{path}, line {number}") for number, line in enumerate(lines, start=2))
    )
    _check_once(rows, path)
    return rows


def _read_csv(path: Path) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            table = csv.DictReader(stream)
            lines = list(table)
            return list(table.fieldnames or []), lines
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError("a survey table cannot be read", where=str(path), got=str(error)) from error


def survey_table(rows: tuple[SurveyRow, ...]) -> list[dict[str, Any]]:
    """What `survey.json` holds."""
    return [asdict(row) for row in rows]


def _row(line: dict[str, str | None], columns: tuple[str, str, str, str], where: str) -> SurveyRow:
    region, level, land_class, text = ((line[name] or "").strip() for name in columns)
    if not (region and level and land_class):
        raise InputError("a row of a survey table is not whole", where=where, got=str(line))
    try:
        area = float(text)
    except ValueError as error:
        raise InputError("an area is no number", where=where, got=repr(text)) from error
    if not (math.isfinite(area) and area >= 0):
        raise InputError("an area is negative or infinite", where=where, got=text)
    return SurveyRow(region, level, land_class, area * _unit(line, columns[3], where))


def _date(line: dict[str, str | None], column: str, where: str) -> str:
    """The date in a row's column; empty where there is none."""
    text = (line[column] or "").strip().replace("/", "-") if column else ""
    if not text:
        return ""
    text = text.removesuffix(" 00:00:00")  # a day, as a spreadsheet writes it
    try:
        date.fromisoformat(f"{text}-01-01"[:10] if DATE.fullmatch(text) else "")
    except ValueError as error:
        expected = "2019, 2019-12 or 2019-12-31"
        raise InputError("a date cannot be read", where=where, expected=expected, got=text) from error
    return text


def _unit(line: dict[str, str | None], column: str, where: str) -> float:
    """Square metres in the unit of a row: from its column `unit`, else from the end of the area column's name."""
    unit = line.get("unit")
    names = [unit.strip()] if unit else sorted((u for u in UNITS if column.endswith(f"_{u}")), key=len, reverse=True)
    if not names or names[0] not in UNITS:
        raise InputError(
            "the unit of an area is not known",
            where=where,
            expected=f"a column `unit`, or a column name that ends in _{', _'.join(UNITS)}",
            got=unit or column,
        )
    return UNITS[names[0]]


def _check_once(rows: tuple[SurveyRow, ...], path: Path) -> None:
    seen: set[tuple[str, str, str]] = set()
    for number, row in enumerate(rows, start=2):
        key = (row.region, row.level, row.land_class)
        if key in seen:
            raise InputError("a figure occurs twice in a survey table", where=f"{path}, line {number}", got=str(key))
        seen.add(key)
