"""Days of capture, as names and tags of files write them."""

import re
from calendar import monthrange
from datetime import date

DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_:]?(\d\d)[-_:]?(\d\d)(?!\d)")


def find_date(text: str) -> date | None:
    """The first real calendar day written in a text as YYYYMMDD, with or without "-", "_" or ":" between."""
    days = (_day(*map(int, digits)) for digits in DAY.findall(text))
    return next((day for day in days if day is not None), None)


def _day(year: int, month: int, day: int) -> date | None:
    """A calendar day; None for eight digits that are no day, such as the number of a tile."""
    fits = 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    return date(year, month, day) if fits else None
