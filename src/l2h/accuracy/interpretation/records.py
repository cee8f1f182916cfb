"""Records: the events of an interpretation in one SQLite file, added and never changed.

Write-ahead log, and every answer synced to the disk before it is acknowledged: a process killed at any moment loses
nothing it has said "saved" to. Triggers refuse to change or remove an event, also to those who open the file by hand.
"""

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from l2h.accuracy.interpretation.answers import Answer, Event, Undo
from l2h.core.errors import InputError, StorageError, UsageError

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('answer', 'undo')),
  at TEXT NOT NULL,
  interpreter TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('interpret', 'adjudicate')),
  point TEXT NOT NULL,
  value INTEGER,
  confidence TEXT CHECK (confidence IN ('high', 'medium', 'low')),
  comment TEXT,
  scene INTEGER,
  scene_date TEXT,
  seconds REAL,
  undoes TEXT REFERENCES events (key)
);
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_last BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
"""
COLUMNS = (
    "key", "kind", "at", "interpreter", "role", "point", "value", "confidence", "comment", "scene", "scene_date",
    "seconds", "undoes",
)  # fmt: skip
ANSWER = tuple(Answer.__dataclass_fields__)
OTHER = {"points": "other points", "legend": "another legend", "per_point": "another --per-point"}
BUSY_S = 30.0


class Records:
    """An open file of records; safe to use from several threads, and from several processes at once."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self.path, self._lock = connection, path, threading.Lock()
        self.meta: dict[str, str] = dict(connection.execute("SELECT name, value FROM meta"))

    @classmethod
    def open(cls, path: Path, points: str, legend: str, per_point: int) -> "Records":
        """Open the records of these points, or begin them.

        points : digest of the points' identities and places; UsageError where the file was begun with other points,
                 another legend or another number of interpretations a point; InputError where it is no such file
        """
        wanted = {"points": points, "legend": legend, "per_point": str(per_point)}
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            _begin(connection, wanted)
            records = cls(connection, path)
        except sqlite3.Error as error:
            raise InputError("a file of records cannot be opened", where=str(path), got=str(error)) from error
        odd = next((name for name in wanted if records.meta.get(name) != wanted[name]), None)
        if odd is not None:
            got = records.meta.get(odd, "nothing")
            records.close()
            raise UsageError(
                f"these records were begun with {OTHER[odd]}",
                where=str(path),
                expected=wanted[odd],
                got=got,
                hint="Use what they were begun with, or name another file with --records.",
            )
        return records

    @property
    def salt(self) -> str:
        """Random text of this file: the order of points comes from it, so the order tells nothing of the sample."""
        return self.meta["salt"]

    def add(self, event: Event) -> Event:
        """Keep one event and return it as kept, with its time; one whose key is kept already is returned as it was.

        InputError where that key belongs to something else; StorageError where the disk refuses.
        """
        stamped = replace(event, at=datetime.now(UTC).isoformat(timespec="milliseconds"))
        row = dict.fromkeys(COLUMNS) | asdict(stamped)
        row["kind"] = "undo" if isinstance(event, Undo) else "answer"
        marks = ", ".join(f":{name}" for name in COLUMNS)
        with self._guarded():
            self._connection.execute(f"INSERT OR IGNORE INTO events ({', '.join(COLUMNS)}) VALUES ({marks})", row)
            found = self._connection.execute(
                f"SELECT {', '.join(COLUMNS)} FROM events WHERE key = ?", [event.key]
            ).fetchone()
        kept = _event(dict(zip(COLUMNS, found, strict=True)))
        if (type(kept), kept.interpreter, kept.role, kept.point) != (
            type(event), event.interpreter, event.role, event.point,
        ):  # fmt: skip
            raise InputError("the key of an answer was used for another", got=event.key)
        return kept

    def since(self, number: int) -> list[tuple[int, Event]]:
        """Events after the given number, in order, with their numbers."""
        with self._guarded():
            rows = self._connection.execute(
                f"SELECT number, {', '.join(COLUMNS)} FROM events WHERE number > ? ORDER BY number", [number]
            ).fetchall()
        return [(row[0], _event(dict(zip(COLUMNS, row[1:], strict=True)))) for row in rows]

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.OperationalError as error:
                raise StorageError("cannot write records", where=str(self.path), got=str(error)) from error


def _begin(connection: sqlite3.Connection, meta: dict[str, str]) -> None:
    """Lay out a file that is new; whole or not at all, and once where two begin together."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
            for statement in _statements(SCHEMA):
                connection.execute(statement)
            connection.executemany("INSERT INTO meta VALUES (?, ?)", [*meta.items(), ("salt", secrets.token_hex(8))])
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """Statements of a script, whose triggers hold semicolons of their own."""
    done, part = [], ""
    for line in script.splitlines():
        part += line + "\n"
        if sqlite3.complete_statement(part):
            done.append(part)
            part = ""
    return done


def _event(row: dict[str, Any]) -> Event:
    if row["kind"] == "undo":
        return Undo(*(row[name] for name in Undo.__dataclass_fields__))
    return Answer(*(row[name] for name in ANSWER))
