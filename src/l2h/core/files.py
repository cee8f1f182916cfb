"""Files that are whole or absent: written beside, synced, renamed; known by their SHA-256."""

import errno
import fcntl
import hashlib
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError, StorageError

PART = ".part-"  # marks a file that is being written; never a final name
STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _input_error(Path(path), error) from error


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: one text per value, so that it can be hashed.

    Sets are sorted, numpy scalars become numbers, and what has a text of its own (paths, dates) becomes that text;
    TypeError for an object that would show its address, for its text changes with every run.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value, key=canonical_json)
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return value.tolist()
    text = str(value)
    if " at 0x" in text:
        raise TypeError(f"{type(value).__qualname__} has no text of its own and cannot be hashed: {text}")
    return text


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well.

    The bytes reach the disk before the name does (fsync of the file, rename, fsync of the folder), so a file under its
    final name is whole whatever happens in between. When the block raises, the temporary file goes and a file that
    bore the name before stays as it was. A full disk becomes a StorageError.
    """
    path = Path(path)
    try:
        _make_folder(path.parent)
        # the suffix stays last: drivers choose their format by it
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}{PART}", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        part = Path(name)
    except OSError as error:
        raise _storage_error(path, error) from error
    try:
        yield part
        sync(part)
        part.chmod(0o644)
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        if _is_storage(error, part, path):
            raise _storage_error(path, error) from error
        raise
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes | memoryview) -> None:
    """Write a file whole from memory."""
    with atomic_path(path) as part:
        part.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON for people and programs: sorted keys, final newline, the same bytes for the same value."""
    write_text(path, json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON, with an error that names the file."""
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise _input_error(Path(path), error) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError("a file is not JSON", where=str(path), got=str(error)) from error


def remove_parts(folder: Path) -> int:
    """Remove what killed writers left in `folder` and below, with the folders they kept it in; how many files went."""
    found = [*Path(folder).rglob(f".*{PART}*")] if Path(folder).is_dir() else []
    parts = [path for path in found if path.is_file()]
    for part in parts:
        part.unlink(missing_ok=True)
    for path in found:
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return len(parts)


@contextmanager
def sole(lock: Path, busy: str) -> Iterator[None]:
    """Be the only process that is inside this block with this lock file; InputError with the text `busy` elsewhere.

    The lock ends with the process that holds it, however it ends; the file stays, and says who was the last.
    """
    try:
        _make_folder(lock.parent)
        stream = lock.open("a+")
    except OSError as error:
        raise _storage_error(lock, error) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            hint = "Wait until it has ended, or end it: what it has finished is kept."
            raise InputError(busy, where=str(lock.parent), got=stream.read(200).strip(), hint=hint) from error
        except OSError as error:  # a file system without locks
            raise _storage_error(lock, error) from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        stream.flush()
        yield


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it; each new name is on the disk when this returns."""
    new = [above for above in (folder, *folder.parents) if not above.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in new:
        sync(made.parent)


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_storage(error: OSError, part: Path, path: Path) -> bool:
    """Whether an error met while writing `path` is the disk's; one that names another file is that file's."""
    named = error.filename is not None and Path(error.filename) not in (part, path, path.parent)
    return not named and error.errno in STORAGE_ERRORS


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(
        "cannot write a file",
        where=str(path),
        got=error.strerror or str(error),
        hint="Free some space or mend the folder's rights and run again: what was finished is kept.",
    )


def _input_error(path: Path, error: OSError) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError("a file is missing", where=str(path))
    return InputError("a file cannot be read", where=str(path), got=error.strerror or str(error))
