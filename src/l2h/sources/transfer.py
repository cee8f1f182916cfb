"""One file from a store to this disk: resumed at the byte where it broke off, verified, whole or absent.

Beside the final name lie, while a file comes in, its beginning (`.NAME.coming`) and a note of how much of it is safely
on the disk and of which version of the file it is (`.NAME.coming.json`); when it is whole, a receipt
(`NAME.fetched.json`) and then the file itself.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from l2h.core.errors import InputError, StorageError
from l2h.core.files import read_json, sha256_file, sync, write_json
from l2h.core.formats import TruncatedError, check_tiff_whole, driver_of
from l2h.sources.links import fault_of
from l2h.sources.pace import Pace, patiently
from l2h.sources.stores import ChangedError, Remote, Store, TransientError
from l2h.sources.veil import veiled

CHECKPOINT = 8 << 20  # bytes between two moments at which the beginning is surely on the disk
RESTARTS = 3  # how often a file may turn out to be another before it is given up
RECEIPT = ".fetched.json"


class WrongBytesError(InputError):
    """What came is not what was promised."""


@dataclass(frozen=True)
class Receipt:
    """What came in: from where, when, with which digest.

    address  : without keys and signatures, so that the file is known again when they are renewed
    verified : what the bytes were checked against: "size", "md5", or "nothing" where the store states neither
    part     : the part of the file that was taken; empty for the whole
    came     : bytes that came for a part
    """

    address: str
    size: int
    mtime_ns: int
    sha256: str
    version: str
    verified: str
    fetched_at: str
    seconds: float
    part: str = ""
    came: int | None = None


def receipt_of(target: Path) -> Receipt | None:
    """The receipt of a file; None where there is none, InputError where it cannot be read."""
    path = target.with_name(target.name + RECEIPT)
    if not path.is_file():
        return None
    try:
        receipt = Receipt(**read_json(path))
        return replace(receipt, address=veiled(receipt.address))
    except (TypeError, AttributeError) as error:
        raise InputError(
            "a receipt is not of this version", where=str(path), hint="Remove it: its file is fetched anew."
        ) from error


def is_whole(target: Path, address: str, part: str = "") -> bool:
    """Whether a file, or this part of it, is here as its receipt says, from this address.

    Hashed only when its size or time differ.
    """
    receipt = receipt_of(target)
    if receipt is None or (receipt.address, receipt.part) != (address, part) or not target.is_file():
        return False
    stat = target.stat()
    if (stat.st_size, stat.st_mtime_ns) == (receipt.size, receipt.mtime_ns):
        return True
    return stat.st_size == receipt.size and sha256_file(target) == receipt.sha256


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """A full disk is told as such; what had come before stays."""
    try:
        yield
    except OSError as error:
        hint = "Free some space and run again: what has come is kept."
        raise StorageError("cannot write a file", where=str(path), got=str(error), hint=hint) from error


class Part:
    """The beginning of a file that is coming in."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f".{target.name}.coming")
        self.note = self.path.with_name(self.path.name + ".json")
        self.size = 0

    def resume(self, remote: Remote) -> None:
        """Keep what is surely here of this very version of the file, else begin anew."""
        here = self.safe(remote)
        with storage_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as stream:
                stream.truncate(here)
        self.size = here

    def safe(self, remote: Remote) -> int:
        """Bytes that are surely here of this very version of the file."""
        if not (remote.version and self.note.is_file() and self.path.is_file()):
            return 0
        note = read_json(self.note)
        same = (note.get("address"), note.get("version")) == (remote.address, remote.version)
        safe = int(note.get("bytes", 0)) if same else 0
        return safe if safe <= self.path.stat().st_size else 0

    @contextmanager
    def append(self, start: int, remote: Remote) -> Iterator[Callable[[bytes], None]]:
        """Write from byte `start` on; however this ends, the note says how much is here."""
        with storage_errors(self.path), self.path.open("r+b") as stream:
            stream.truncate(start)
            stream.seek(start)
            self.size = noted = start

            def write(chunk: bytes) -> None:
                nonlocal noted
                stream.write(chunk)
                self.size += len(chunk)
                if self.size - noted >= CHECKPOINT:
                    noted = self._checkpoint(stream, remote)

            try:
                yield write
            finally:
                self._checkpoint(stream, remote)

    def _checkpoint(self, stream: BinaryIO, remote: Remote) -> int:
        stream.flush()
        sync(self.path)
        write_json(self.note, {"address": remote.address, "version": remote.version, "bytes": self.size})
        return self.size

    def drop(self) -> None:
        """Forget what is here."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
        self.size = 0


class Transfer:
    """One file on its way. `advance` is told of bytes as they come, and of bytes lost with a negative number."""

    def __init__(self, store: Store, name: str, target: Path, pace: Pace, advance: Callable[[int], None]) -> None:
        self.store, self.name, self.target, self.pace, self.advance = store, name, target, pace, advance
        self._part = Part(target)
        self._told = self._furthest = 0

    def run(self) -> Receipt:
        """Fetch the file; its receipt.

        AbsentError, AddressError, StorageError, or InputError with the last reason where it could not be had. Nothing
        of it then bears its final name; what has come stays for the next time unless it was wrong.
        """
        began, restarts, deadline = time.monotonic(), 0, self.pace.deadline()
        while True:
            try:
                remote = stat_patiently(self.store, self.name, self.pace, deadline)
                self._read(remote, deadline)
                verified = verify(self._part.path, self.target.name, remote)
            except (ChangedError, WrongBytesError):
                self._part.drop()
                self._tell()
                restarts += 1
                if restarts == RESTARTS:
                    raise
            else:
                return self._finish(remote, verified, time.monotonic() - began)

    def _read(self, remote: Remote, deadline: float) -> None:
        self._part.resume(remote)
        self._tell()
        patiently(lambda: self._step(remote, deadline), lambda: self._furthest, self.pace, deadline)

    def _step(self, remote: Remote, deadline: float) -> None:
        """Read on from where the part ends, to the end of the file."""
        part = self._part
        if part.size == remote.size:
            return
        with self.store.open(self.name, part.size, remote.version) as stream:
            if None not in (stream.total, remote.size) and stream.total != remote.size:
                raise ChangedError(
                    "a server contradicts itself", where=remote.address,
                    expected=f"{remote.size} bytes, as it said at first", got=f"{stream.total}",
                )  # fmt: skip
            with part.append(stream.start, remote) as write:
                for chunk in stream.chunks:
                    write(chunk)
                    self._tell()
                    self.pace.check(deadline)
        if remote.size is not None and part.size < remote.size:
            raise TransientError(
                "a file ends early", where=remote.address, expected=f"{remote.size} bytes", got=f"{part.size}"
            )

    def _tell(self) -> None:
        size = self._part.size
        self.advance(size - self._told)
        self._told, self._furthest = size, max(self._furthest, size)

    def _finish(self, remote: Remote, verified: str, seconds: float) -> Receipt:
        """Receipt first, then the name: a file under its name has a receipt."""
        path = self._part.path
        stat = path.stat()
        receipt = Receipt(
            remote.address, stat.st_size, stat.st_mtime_ns, sha256_file(path), remote.version, verified,
            datetime.now(UTC).isoformat(timespec="seconds"), round(seconds, 3),
        )  # fmt: skip
        write_json(self.target.with_name(self.target.name + RECEIPT), asdict(receipt))
        with storage_errors(self.target):
            path.replace(self.target)  # its bytes were synced when the part was closed
            sync(self.target.parent)
        self._part.drop()
        return receipt


def stat_patiently(store: Store, name: str, pace: Pace, deadline: float) -> Remote:
    """What a store says of a file, asked again after failures that may pass."""
    return patiently(lambda: store.stat(name), lambda: 0, pace, deadline)


def verify(path: Path, name: str, remote: Remote) -> str:
    """What a file was checked against; WrongBytesError where it is not what it should be, by its name's end."""
    size = path.stat().st_size
    if remote.size is not None and size != remote.size:
        raise WrongBytesError(
            "a file has the wrong length", where=remote.address, expected=f"{remote.size} bytes", got=f"{size}"
        )
    if remote.md5 is not None:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "md5").hexdigest()
        if found != remote.md5:
            raise WrongBytesError("a file's digest differs", where=remote.address, expected=remote.md5, got=found)
    if name.endswith(".tif"):
        _check_tiff(path, remote)
    elif fault := fault_of(path, name):
        raise WrongBytesError(f"a file {fault}", where=remote.address, got=f"{size} bytes")
    return "md5" if remote.md5 else "nothing" if remote.size is None else "size"


def _check_tiff(path: Path, remote: Remote) -> None:
    """A page that says "not found" under status 200, and a file cut short on the server, are no tiles."""
    if driver_of(path) != "GTiff":
        with path.open("rb") as stream:
            head = stream.read(24)
        raise WrongBytesError("a file is no GeoTIFF", where=remote.address, got=f"{head!r}…")
    try:
        check_tiff_whole(path)
    except TruncatedError as error:
        raise WrongBytesError(error.what, where=remote.address, expected=error.expected, got=error.got) from error
