"""Settings that every layer has: its name, its legend and date where it has any, and its rights."""

from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticKnownError

from l2h.core.legend import legend_names
from l2h.core.settings import Settings

LayerName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
RIGHTS = {"licence", "attribution", "may_train", "may_publish", "may_redistribute"}  # fields that change no pixel
RESERVED_LAYERS = frozenset({"imagery", "scene", "regions", "extras"})


def _known_legend(name: str) -> str:
    """The name, if a legend ships under it."""
    if name not in legend_names():
        *first, last = (f"'{known}'" for known in legend_names())
        raise PydanticKnownError("literal_error", {"expected": f"{', '.join(first)} or {last}"})
    return name


LegendName = Annotated[str, AfterValidator(_known_legend)]


def _as_text(value: Any) -> Any:
    """TOML may say 2020 or 2020-06-01 without quotes."""
    return str(value) if isinstance(value, int | date) and not isinstance(value, bool) else value


def _real_day(text: str) -> str:
    """The text, if the calendar has its month and day."""
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError as error:
        raise ValueError(f"'{text}' is no day of the calendar") from error
    return text


PartialDate = Annotated[
    str, BeforeValidator(_as_text), Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$"), AfterValidator(_real_day)
]


class LayerSettings(Settings):
    """What every source must say of its rights.

    licence          : SPDX name or a few words; required, nothing is used without one
    attribution      : the line its licence asks for; goes into the release
    may_train        : whether a network may learn from it
    may_publish      : whether a map that was made with its help may be given away
    may_redistribute : whether its own pixels or shapes may be shown or passed on, as in the report's pictures
    """

    licence: str = Field(min_length=1)
    attribution: str = ""
    may_train: bool = True
    may_publish: bool = False
    may_redistribute: bool = False
