"""Days of capture, as names and tags of files write them."""

import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date

from l2h.sources.reading import DATE_TAGS, Header

DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_:]?(\d\d)[-_:]?(\d\d)(?!\d)")


def scene_date(header: Header, dates: Mapping[str, date]) -> date | None:
    """The day a scene was taken: from the settings, else a TIFF tag, else eight digits in its name; None if unknown."""
    stem = header.path.stem
    if stem in dates:
        return dates[stem]
    texts = [header.tags[tag] for tag in DATE_TAGS if tag in header.tags]
    return next((day for text in [*texts, stem] if (day := find_date(text)) is not None), None)


def find_date(text: str) -> date | None:
    """The first real calendar day written in a text as YYYYMMDD, with or without "-", "_" or ":" between."""
    days = (_day(*map(int, digits)) for digits in DAY.findall(text))
    return next((day for day in days if day is not None), None)


def _day(year: int, month: int, day: int) -> date | None:
    """A calendar day; None for eight digits that are no day, such as the number of a tile."""
    fits = 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    return date(year, month, day) if fits else None
