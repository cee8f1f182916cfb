"""Ledger: what was made from what, by which settings, with which digest; an append-only file of JSON lines.

A line is written, under a lock, only after the files it describes are whole. A torn last line (power cut, kill) is a
record that never was. The newest line of a key wins.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from l2h.core.errors import InputError, StorageError
from l2h.core.files import canonical_json, sha256_file

Decision = Literal["make", "remake", "keep"]


@dataclass(frozen=True)
class FileState:
    """What identifies a file: its digest, and the size and time that tell whether it needs hashing again."""

    sha256: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> "FileState":
        stat = path.stat()
        return cls(sha256_file(path), stat.st_size, stat.st_mtime_ns)


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

    def __init__(self, project_dir: Path) -> None:
        self.root = Path(project_dir)
        self.path = self.root / "work" / "ledger.jsonl"
        self.torn = 0
        self._records: dict[str, Record] = {}
        self._files: dict[str, FileState] = {}
        self._external: dict[str, FileState] = {}
        for line in self._lines():
            self._take(line)

    def get(self, key: str) -> Record | None:
        return self._records.get(key)

    def records(self) -> Iterator[Record]:
        yield from self._records.values()

    def add(self, record: Record) -> None:
        """Append a record; it is on the disk when this returns."""
        self._append({"kind": "task", **asdict(record)})

    def digest_of(self, path: Path) -> str:
        """SHA-256 of a file: as recorded when size and time still agree, else hashed and remembered."""
        name = self._name(path)
        known = self._files.get(name) or self._external.get(name)
        try:
            stat = path.stat()
        except FileNotFoundError as error:
            raise InputError("a file is missing", where=str(path)) from error
        if known and (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns):
            return known.sha256
        state = FileState.of(path)
        self._append({"kind": "file", "path": name, **asdict(state)})
        return state.sha256

    def intact(self, record: Record) -> bool:
        """Whether every output of a record is there with the recorded bytes; hashes only what looks touched."""
        return all(self._same(self.root / name, state) for name, state in record.outputs.items())

    def _same(self, path: Path, state: FileState) -> bool:
        if not path.is_file():
            return False
        stat = path.stat()
        if stat.st_size != state.size:
            return False
        return stat.st_mtime_ns == state.mtime_ns or sha256_file(path) == state.sha256

    def _name(self, path: Path) -> str:
        path, root = Path(path).absolute(), self.root.absolute()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        for raw in self.path.read_bytes().split(b"\n"):
            if not raw:
                continue
            try:
                line = json.loads(raw)
            except ValueError:  # torn by a kill: the record never was, its task is made again
                self.torn += 1
                continue
            yield line

    def _take(self, line: dict[str, Any]) -> None:
        kind = line.pop("kind")
        if kind == "file":
            self._external[line.pop("path")] = FileState(**line)
            return
        line["outputs"] = {name: FileState(**state) for name, state in line["outputs"].items()}
        line["holes"] = tuple(line["holes"])
        record = Record(**line)
        self._records[record.key] = record
        self._files.update(record.outputs)

    def _append(self, line: dict[str, Any]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                size = stream.seek(0, os.SEEK_END)
                if size and (stream.seek(size - 1), stream.read(1))[1] != b"\n":
                    stream.write(b"\n")  # close a torn line, so that this one stands alone
                stream.write(canonical_json(line).encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise StorageError("cannot write the ledger", where=str(self.path), got=str(error)) from error
        self._take(json.loads(canonical_json(line)))
