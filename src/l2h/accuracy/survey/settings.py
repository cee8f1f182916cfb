"""Settings of the comparison with a survey; how its table is read is the sources' affair."""

from typing import Literal

from pydantic import Field

from l2h.core.settings import Settings

Level = Literal["nation", "region", "province", "city"]


class SurveyComparison(Settings):
    """How a survey's figures and the map's are brought together.

    grouping  : which classes of the survey and of the map are the same ground: "by_name" (the survey's classes are
                named as the map's), "nlrs3" (third national land resource survey of China), or a TOML file of your own
    places    : the survey's name of a place → ours, where they differ
    levels    : levels to compare; left out, all that the survey has
    gaps      : "refuse" a table in which a place lacks a figure that others have, or "list" what cannot be compared
    elsewhere : "refuse" a table that speaks of places the map lacks, or "list" them
    """

    grouping: str = Field("by_name", min_length=1)
    places: dict[str, str] = Field(default_factory=dict)
    levels: tuple[Level, ...] | None = None
    gaps: Literal["refuse", "list"] = "refuse"
    elsewhere: Literal["refuse", "list"] = "refuse"
