"""When the survey and the picture were taken, and how far apart: land changes between the two."""

from collections.abc import Mapping, Sequence
from typing import Any

UNDATED = "undated"


def dates_of(rows: Sequence[Mapping[str, Any]], capture: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What survey.json says under "dates".

    rows    : of layers/survey.json, each with the date it speaks of, if any
    capture : of layers/capture.json: year, pixels

    "survey" : the dates of the figures, in order; "undated_figures": how many have none
    "picture": year of capture → share of the pixels
    "years_apart": least and greatest difference of their years; None where either has no date

    >>> dates_of([{"date": "2019-12-31"}], [{"year": "2021", "pixels": 3}, {"year": "undated", "pixels": 1}])
    {'survey': ['2019-12-31'], 'undated_figures': 0, 'picture': {'2021': 0.75, 'undated': 0.25}, 'years_apart': [2, 2]}
    """
    dates = [str(row.get("date") or "") for row in rows]
    known = sorted({date for date in dates if date})
    total = sum(int(row["pixels"]) for row in capture)
    picture = {str(row["year"]): int(row["pixels"]) / total for row in capture} if total else {}
    apart = [abs(int(date[:4]) - int(year)) for date in known for year in picture if year != UNDATED]
    return {
        "survey": known,
        "undated_figures": dates.count(""),
        "picture": picture,
        "years_apart": [min(apart), max(apart)] if apart else None,
    }
