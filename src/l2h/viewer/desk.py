"""Desk: what the interpretation page asks and tells, as plain values. Knows the points, the records and the pictures.

It never opens the map, nor any column of the points' file but their identity; and neither identity nor place of a point
goes out, only its number in a shuffled order. So nothing that is answered here can tell what the map says of a point.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal

from pydantic import Field

from l2h.accuracy.interpretation.agreement import agreement
from l2h.accuracy.interpretation.answers import Answer, Confidence, Event, Role, Undo, check_answer, check_name
from l2h.accuracy.interpretation.board import Board
from l2h.accuracy.interpretation.export import Exported
from l2h.accuracy.interpretation.records import Records
from l2h.accuracy.interpretation.sheet import Sheet
from l2h.core.errors import InputError
from l2h.core.legend import Legend
from l2h.core.settings import Settings
from l2h.viewer.keys import class_keys
from l2h.viewer.pictures import Album, SceneDay, window_around, zoom_sides

HOLD_S = 1800.0  # a point on a screen is kept from others this long


class Person(Settings):
    """Who asks, and in which role."""

    interpreter: str
    role: Role = "interpret"


class Wish(Person):
    """Which point: the one with a number, else the next one; `skip` names a number to leave for later."""

    point: int | None = Field(None, ge=1)
    skip: int | None = Field(None, ge=1)


class Given(Person):
    """An answer as the page sends it."""

    key: str
    point: int = Field(ge=1)
    value: int | None
    confidence: Literal["high", "medium", "low"] = "high"
    comment: str = ""
    scene: int = Field(0, ge=0)
    seconds: float = Field(0.0, ge=0)


class TakeBack(Person):
    """The wish to take the newest answer back."""

    key: str


@dataclass(frozen=True)
class Job:
    """What is interpreted, and by which rules.

    export    : writes the files of an export; the desk hears only where they are and how many points they hold
    only      : the one interpreter this server works for; "" where everyone states a name
    """

    title: str
    legend: Legend
    pixel_m: float
    per_point: int
    export: Callable[[Board, Sequence[Event]], Exported]
    only: str = ""


class Desk:
    """All requests of the page; safe to use from several threads."""

    def __init__(self, job: Job, sheet: Sheet, records: Records, album: Album) -> None:
        self.job, self._records, self._album = job, records, album
        self._places = dict(zip(sheet.ids, zip(sheet.rows.tolist(), sheet.cols.tolist(), strict=True), strict=True))
        self._board = Board(sheet.order(records.salt), job.per_point)
        self._sides = zoom_sides(job.pixel_m)
        self._events: dict[str, Event] = {}
        self._seen = 0
        self._holds: dict[str, dict[str, float]] = {}
        self._lock = threading.RLock()
        self._scenes = lru_cache(maxsize=4096)(lambda point: self._album.scenes_at(*self._places[point]))
        self._sync()

    def setup(self) -> dict[str, Any]:
        """What the page needs once: classes with their keys, zooms, names that are known."""
        keys = {key.value: key for key in class_keys(self.job.legend)}
        classes = [
            {
                "value": c.value, "label": c.label, "definition": c.definition, "colour": list(c.colour),
                "digit": keys[c.value].digit, "letter": keys[c.value].letter,
            }
            for c in self.job.legend.classes
        ]  # fmt: skip
        with self._lock:
            self._sync()
            people = self._board.people()
        zooms = [{"pixels": side, "metres": side * self.job.pixel_m} for side in self._sides]
        return {
            "title": self.job.title,
            "classes": classes,
            "zooms": zooms,
            "pixel_m": self.job.pixel_m,
            "per_point": self.job.per_point,
            "points": len(self._board.points),
            "people": [self.job.only] if self.job.only else people,
            "only": self.job.only,
            "version": self._records.salt,
            "lacking": self._album.lacking,
        }

    def point(self, wish: Wish) -> dict[str, Any]:
        """A point to look at, or `point: None` where nothing is left to do in this role."""
        who = self._name(wish)
        with self._lock:
            self._sync()
            if wish.point is not None:
                return self._view(self._point(wish.point), who, wish.role)
            last = self._board.last(who, wish.role)
            after = self._point(wish.skip) if wish.skip else (last.point if last else None)
            self._release(who)
            found = self._board.next_point(who, wish.role, self._held(), after)
            return self._view(found, who, wish.role)

    def answer(self, given: Given) -> dict[str, Any]:
        """Keep an answer. When this returns it is on the disk; the same key again changes nothing."""
        who = self._name(given)
        with self._lock:
            self._sync()
            point = self._point(given.point)
            if given.key not in self._events:
                self._records.add(self._checked(given, who, point))
                self._sync()
            self._release(who)
            return self._view(point, who, given.role)

    def undo(self, wish: TakeBack) -> dict[str, Any]:
        """Take the newest answer of a person back, and show its point again."""
        who = self._name(wish)
        with self._lock:
            self._sync()
            last = self._board.last(who, wish.role)
            if wish.key not in self._events:
                if last is None:
                    raise InputError("there is nothing to undo")
                self._records.add(Undo(wish.key, who, wish.role, last.point, last.key))
                self._sync()
            return self._view(self._events[wish.key].point, who, wish.role)

    def agreement(self) -> dict[str, Any]:
        """How far people agree, and where the points stand."""
        with self._lock:
            self._sync()
            found = agreement([self._board.interpretations(p) for p in self._board.points], self.job.legend.values)
            states = self._board.states()
        labels = {c.value: c.label for c in self.job.legend.classes} | {0: "Cannot tell"}
        classes = [asdict(c) | {"label": labels[c.value]} for c in found.classes if c.answers]
        pairs = [asdict(pair) | {"counts": pair.counts.tolist()} for pair in found.pairs]
        return {
            "title": self.job.title,
            "labels": [labels[v] for v in found.values],
            "points": found.points,
            "agree": found.agree.to_dict(),
            "kappa": found.kappa.to_dict(),
            "classes": classes,
            "pairs": pairs,
            "states": states,
        }

    def export(self) -> dict[str, Any]:
        """Write the files on this host; their names and the counts are all that is told."""
        with self._lock:
            self._sync()
            done = self.job.export(self._board, list(self._events.values()))
        return asdict(done) | {"files": [path.name for path in done.files], "folder": str(done.files[0].parent)}

    def picture(self, number: int, zoom: int, scene: int | None) -> bytes:
        """PNG of a point's surroundings at a zoom (0, 1, 2), as mapped or from one scene alone."""
        if zoom not in range(len(self._sides)):
            raise InputError("there is no such zoom", got=str(zoom))
        place = self._places[self._point(number)]
        return self._album.picture(window_around(*place, self._sides[zoom]), scene)

    def close(self) -> None:
        """Close records and pictures; a last word on them has been kept already."""
        self._records.close()
        self._album.close()

    def _view(self, point: str | None, who: str, role: Role) -> dict[str, Any]:
        progress = self._progress(who, role)
        if point is None:
            history = self._board.history(who, role)
            return {"point": None, "previous": self._number(history[-1]) if history else None, "progress": progress}
        self._hold(point, who)
        answer = self._board.answer_of(point, who, role)
        before, after = self._neighbours(point, who, role)
        coming = self._board.next_point(who, role, self._held(), point)
        return {
            "point": self._number(point),
            "role": role,
            "scenes": [asdict(day) for day in self._scenes_at(point)],
            "answer": _shown(answer) if answer else None,
            "others": self._others(point) if role == "adjudicate" else [],
            "previous": self._number(before),
            "next": self._number(after),
            "coming": self._number(coming) if coming != point else None,
            "progress": progress,
        }

    def _others(self, point: str) -> list[dict[str, Any]]:
        """The blind answers to adjudicate between, without their names."""
        found = [_shown(answer) for answer in self._board.interpretations(point)]
        return sorted(found, key=lambda answer: (answer["value"] is None, answer["value"] or 0))

    def _scenes_at(self, point: str) -> tuple[SceneDay, ...]:
        found: tuple[SceneDay, ...] = self._scenes(point)
        return found

    def _progress(self, who: str, role: Role) -> dict[str, Any]:
        return {
            "done": len(self._board.history(who, role)),
            "left": self._board.left(who, role),
            "points": len(self._board.points),
            "states": self._board.states(),
            "seconds_per_point": self._board.seconds_per_point(who, role),
            "disputed_for_me": self._board.left(who, "adjudicate"),
            "can_undo": self._board.last(who, role) is not None,
        }

    def _neighbours(self, point: str, who: str, role: Role) -> tuple[str | None, str | None]:
        """The points a person answered before and after this one."""
        history = self._board.history(who, role)
        if point not in history:
            return (history[-1] if history else None), None
        at = history.index(point)
        return (history[at - 1] if at else None), (history[at + 1] if at + 1 < len(history) else None)

    def _checked(self, given: Given, who: str, point: str) -> Answer:
        confidence: Confidence = given.confidence
        days = {day.index: day.date for day in self._scenes_at(point)}
        if given.scene and given.scene not in days:
            raise InputError("this scene does not show the point", got=str(given.scene))
        if given.role == "adjudicate" and self._board.answer_of(point, who, "interpret") is not None:
            raise InputError("a dispute is decided by a third person", got=who)
        seconds = round(given.seconds, 1)
        answer = Answer(
            given.key, who, given.role, point, given.value, confidence, given.comment.strip(), given.scene,
            days.get(given.scene), seconds,
        )  # fmt: skip
        return check_answer(answer, self.job.legend)

    def _name(self, person: Person) -> str:
        who = check_name(person.interpreter)
        if self.job.only and who != self.job.only:
            raise InputError("this server works for one interpreter", expected=self.job.only, got=who)
        return who

    def _point(self, number: int) -> str:
        if number > len(self._board.points):
            raise InputError("there is no such point", expected=f"1 to {len(self._board.points)}", got=str(number))
        return self._board.points[number - 1]

    def _number(self, point: str | None) -> int | None:
        return None if point is None else self._board.place(point) + 1

    def _sync(self) -> None:
        """Take in what was recorded since, by whichever server."""
        for number, event in self._records.since(self._seen):
            self._board.apply(event)
            self._events[event.key] = event
            self._seen = number

    def _hold(self, point: str, who: str) -> None:
        self._release(who)
        self._holds.setdefault(point, {})[who] = time.monotonic() + HOLD_S

    def _release(self, who: str) -> None:
        for people in self._holds.values():
            people.pop(who, None)
        self._holds = {point: people for point, people in self._holds.items() if people}

    def _held(self) -> dict[str, frozenset[str]]:
        now = time.monotonic()
        return {
            point: frozenset(who for who, until in people.items() if until > now)
            for point, people in self._holds.items()
        }


def _shown(answer: Answer) -> dict[str, Any]:
    return {"value": answer.value, "confidence": answer.confidence, "comment": answer.comment}
