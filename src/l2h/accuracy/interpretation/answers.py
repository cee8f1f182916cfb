"""Answer, Undo: what an interpreter said of a point, and that it was taken back. Events are added, never changed."""

import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from l2h.core.errors import InputError
from l2h.core.legend import Legend

Role = Literal["interpret", "adjudicate"]
Confidence = Literal["high", "medium", "low"]
ROLES: tuple[Role, ...] = get_args(Role)
CONFIDENCES: tuple[Confidence, ...] = get_args(Confidence)
MAX_NAME, MAX_COMMENT, MAX_KEY = 40, 2000, 64


@dataclass(frozen=True)
class Answer:
    """One person's word on one point.

    key        : chosen by the sender and unique, so that an answer sent twice counts once
    point      : identity of the point in its file
    value      : class value of the legend; None for "cannot tell"
    scene      : index of the scene that was on the screen, 0 where none is known; scene_date: its day
    seconds    : time spent on the point
    at         : when it was recorded, ISO 8601 in UTC
    """

    key: str
    interpreter: str
    role: Role
    point: str
    value: int | None
    confidence: Confidence = "high"
    comment: str = ""
    scene: int = 0
    scene_date: str | None = None
    seconds: float = 0.0
    at: str = ""


@dataclass(frozen=True)
class Undo:
    """The answer with the key `undoes` is taken back by the one who gave it."""

    key: str
    interpreter: str
    role: Role
    point: str
    undoes: str
    at: str = ""


Event = Answer | Undo


def check_name(name: str) -> str:
    """An interpreter's name as it is kept: form NFC, single spaces; InputError where it is empty, long or strange.

    >>> check_name("  Li  Na ")
    'Li Na'
    """
    tidy = " ".join(unicodedata.normalize("NFC", name).split())
    strange = next((c for c in tidy if unicodedata.category(c)[0] not in "LMN" and c not in " .-'’_"), "")
    if not tidy or len(tidy) > MAX_NAME or strange:
        raise InputError(
            "this is no name for an interpreter",
            expected=f"1 to {MAX_NAME} letters, digits, spaces and . - ' _",
            got=repr(name[:MAX_NAME]),
        )
    return tidy


def check_answer(answer: Answer, legend: Legend) -> Answer:
    """The answer, when it can be kept; InputError or LegendError naming what is wrong with it."""
    if answer.value is not None:
        legend.by_value(answer.value)
    if answer.role not in ROLES:
        raise InputError("no such role", expected=" or ".join(ROLES), got=repr(answer.role))
    if answer.confidence not in CONFIDENCES:
        raise InputError("no such confidence", expected=", ".join(CONFIDENCES), got=repr(answer.confidence))
    if len(answer.comment) > MAX_COMMENT:
        raise InputError("a comment is too long", expected=f"≤ {MAX_COMMENT} characters", got=str(len(answer.comment)))
    if not 0 < len(answer.key) <= MAX_KEY:
        raise InputError("an answer needs a key of its own", expected=f"1 to {MAX_KEY} characters")
    if not 0 <= answer.seconds < 1e7:
        raise InputError("the time spent on a point cannot be", got=str(answer.seconds))
    return answer
