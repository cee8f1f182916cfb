"""Ledger: what was made from what, by which settings, with which digest; an append-only file of JSON lines.

A line is written, under a lock, only after the files it describes are whole. A torn last line (power cut, kill) is a
record that never was. The newest line of a key wins.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from l2h.core.errors import InputError, StorageError
from l2h.core.files import canonical_json, sha256_file, sync

Decision = Literal["make", "remake", "keep"]
TICK_NS = 2_000_000_000  # the coarsest clock of a file system: a file younger than this may change without a new time


@dataclass(frozen=True)
class FileState:
    """What identifies a file: its digest, and the size and time that tell whether it needs hashing again."""

    sha256: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> "FileState":
        """The state of a file; InputError where it is missing."""
        stat = _stat(path)  # before hashing: a change while hashing then shows in the time
        return cls(sha256_file(path), stat.st_size, stat.st_mtime_ns)

    def agrees(self, stat: os.stat_result) -> bool:
        """Whether size and time say that the file is the one hashed."""
        return (self.size, self.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError as error:
        raise InputError("a file is missing", where=str(path)) from error


@dataclass(frozen=True)
class Record:
    """One finished (or failed) task.

    key     : what was made ("map/r0000c0001")
    wanted  : digest of settings and inputs it was made with
    outputs : path below the project → state of the file
    holes   : what could not be read, each with its place and reason
    info    : seconds, pixels, peak_mb, and whatever the task tells of itself
    failed  : why it failed; empty when it was made
    """

    key: str
    wanted: str
    outputs: dict[str, FileState] = field(default_factory=dict)
    holes: tuple[dict[str, str], ...] = ()
    info: dict[str, Any] = field(default_factory=dict)
    failed: str = ""


def decide(record: Record | None, wanted: str, intact: bool) -> Decision:
    """What to do about a task, from the state found alone.

    record : what the ledger says was made under the task's key
    wanted : the digest of today's settings and inputs
    intact : whether every recorded output is there with the recorded bytes
    """
    if record is None or record.failed:
        return "make"
    return "keep" if record.wanted == wanted and intact else "remake"


class Ledger:
    """The ledger of one project folder; several processes may append to it at once."""

    def __init__(self, project_dir: Path, *, read_only: bool = False) -> None:
        """Read the ledger of a project. `read_only` ledgers remember digests for themselves and write nothing.

        InputError names the line that is whole and yet no record of this version.
        """
        self.root = Path(project_dir)
        self.path = self.root / "work" / "ledger.jsonl"
        self.read_only = read_only
        self.torn = 0
        self._records: dict[str, Record] = {}
        self._files: dict[str, FileState] = {}
        self._external: dict[str, FileState] = {}
        for number, line in self._lines():
            try:
                self._take(line)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise InputError(
                    "the ledger holds a line that is not of this version",
                    where=f"{self.path}, line {number}",
                    got=f"{type(error).__name__} {error}",
                    hint="Remove the line, or the whole ledger: what it told of is made again.",
                ) from error

    def get(self, key: str) -> Record | None:
        return self._records.get(key)

    def records(self) -> Iterator[Record]:
        yield from self._records.values()

    def add(self, record: Record) -> None:
        """Append a record; it is on the disk when this returns."""
        self._append({"kind": "task", **asdict(record)})

    def digest_of(self, path: Path) -> str:
        """SHA-256 of a file: as recorded when size and time still agree, else hashed and remembered."""
        name, stat = self._name(path), _stat(path)
        for known in (self._files.get(name), self._external.get(name)):
            if known is not None and known.agrees(stat):
                return known.sha256
        state = FileState.of(path)
        if time.time_ns() - state.mtime_ns < TICK_NS:
            state = replace(state, mtime_ns=-1)  # too young for its time to vouch for it: hashed again when next asked
        if state != self._external.get(name):
            self._append({"kind": "file", "path": name, **asdict(state)})
        return state.sha256

    def intact(self, record: Record) -> bool:
        """Whether every output of a record is there with the recorded bytes; hashes only what looks touched."""
        return all(self._same(self.root / name, state) for name, state in record.outputs.items())

    def _same(self, path: Path, state: FileState) -> bool:
        return path.is_file() and path.stat().st_size == state.size and self.digest_of(path) == state.sha256

    def _name(self, path: Path) -> str:
        path, root = Path(path).absolute(), self.root.absolute()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        if not self.path.exists():
            return
        for number, raw in enumerate(self.path.read_bytes().split(b"\n"), start=1):
            if not raw:
                continue
            try:
                line = json.loads(raw)
            except ValueError:  # torn by a kill: the record never was, its task is made again
                self.torn += 1
                continue
            yield number, line

    def _take(self, line: dict[str, Any]) -> None:
        kind = line.pop("kind")
        if kind == "file":
            name = line.pop("path")
            self._external[name] = FileState(**line)
            return
        line["outputs"] = {name: FileState(**state) for name, state in line["outputs"].items()}
        line["holes"] = tuple(line["holes"])
        record = Record(**line)
        self._records[record.key] = record
        self._files.update(record.outputs)

    def _append(self, line: dict[str, Any]) -> None:
        if not self.read_only:
            self._write(line)
        self._take(json.loads(canonical_json(line)))

    def _write(self, line: dict[str, Any]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = not self.path.exists()
            with self.path.open("ab+") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                size = stream.seek(0, os.SEEK_END)
                if size and (stream.seek(size - 1), stream.read(1))[1] != b"\n":
                    stream.write(b"\n")  # close a torn line, so that this one stands alone
                stream.write(canonical_json(line).encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            if new:
                sync(self.path.parent)
        except OSError as error:
            raise StorageError("cannot write the ledger", where=str(self.path), got=str(error)) from error
