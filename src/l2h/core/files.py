"""Files that are whole or absent: written beside, synced, renamed; known by their SHA-256."""

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError, StorageError

PART = ".part-"  # marks a file that is being written; never a final name


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise InputError("a file is missing", where=str(path)) from error


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: one text per value, so that it can be hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well.

    The bytes reach the disk before the name does (fsync of the file, rename, fsync of the folder), so a file under its
    final name is whole whatever happens in between. When the block raises, the temporary file goes and a file that
    bore the name before stays as it was. A full disk becomes a StorageError.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # the suffix stays last: drivers choose their format by it
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}{PART}", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        part = Path(name)
    except OSError as error:
        raise _storage_error(path, error) from error
    try:
        yield part
        _sync(part)
        part.chmod(0o644)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        if _is_storage(error):
            raise _storage_error(path, error) from error
        raise
    finally:
        part.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file whole."""
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
    except FileNotFoundError as error:
        raise InputError("a file is missing", where=str(path)) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError("a file is not JSON", where=str(path), got=str(error)) from error


def remove_parts(folder: Path) -> int:
    """Remove what killed writers left in `folder` and below; how many files went."""
    parts = [p for p in Path(folder).rglob(f".*{PART}*") if p.is_file()] if Path(folder).is_dir() else []
    for part in parts:
        part.unlink(missing_ok=True)
    return len(parts)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_storage(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EIO)


def _storage_error(path: Path, error: OSError) -> StorageError:
    return StorageError(
        "cannot write a file",
        where=str(path),
        got=error.strerror or str(error),
        hint="Free some space or mend the folder's rights and run again: what was finished is kept.",
    )
