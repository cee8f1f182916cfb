"""Verification of a release: every file hashed again, down to the members of its archives."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from l2h.core.errors import InputError, VerificationError
from l2h.core.files import read_json, sha256_file
from l2h.product.archive import open_archive

Fault = Literal["missing", "differs", "extra", "unreadable"]
SUMS, MANIFEST = "SHA256SUMS", "MANIFEST.json"
# what tells of a release beside it: the report tells times, so it cannot be part of what is rebuilt
UNLISTED = frozenset({SUMS, "report.html", "report.pdf", "validation.json", "guide.html", "guide.pdf"})
UNLISTED_FOLDER = "figures/"
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True)
class Difference:
    """A file (or `archive!member`) that is not what the release says."""

    path: str
    fault: Fault
    expected: str = ""
    got: str = ""


def verify_release(folder: Path) -> tuple[int, list[dict[str, Any]]]:
    """How many files and members were hashed, and every one that differs, is missing or is extra.

    VerificationError where the list itself is missing or is no list.
    """
    listed = read_sums(folder / SUMS)
    differences = [*_files(folder, listed), *_extras(folder, listed)]
    checked = len(listed)
    if not any(d.path == MANIFEST for d in differences):
        rows = read_json(folder / MANIFEST)["files"]
        checked += sum(len(row["members"]) for row in rows)
        for row in rows:
            differences += _archive(folder, row, listed)
    return checked, [asdict(d) for d in differences]


def read_sums(path: Path) -> dict[str, str]:
    """Path → SHA-256 of a list of digests; paths that leave the folder are refused."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VerificationError("the list of digests cannot be read", where=str(path), got=str(error)) from error
    listed: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = LINE.fullmatch(line)
        name = match[2] if match else ""
        if not match or name.startswith("/") or ".." in name.split("/") or name in listed:
            raise VerificationError(
                "a line of the list of digests is not one", where=f"{path}, line {number}", got=line
            )
        listed[name] = match[1]
    return listed


def _files(folder: Path, listed: Mapping[str, str]) -> Iterator[Difference]:
    for name, expected in listed.items():
        path = folder / name
        if not path.is_file():
            yield Difference(name, "missing", expected)
            continue
        got = sha256_file(path)
        if got != expected:
            yield Difference(name, "differs", expected, got)


def _extras(folder: Path, listed: Mapping[str, str]) -> Iterator[Difference]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (path.is_file() or path.is_symlink()) and name not in listed and not _beside(name):
            yield Difference(name, "extra")


def _beside(name: str) -> bool:
    """Whether a file belongs to the papers that come with a release, not to it."""
    return name in UNLISTED or name.startswith(UNLISTED_FOLDER)


def _archive(folder: Path, row: Mapping[str, Any], listed: Mapping[str, str]) -> Iterator[Difference]:
    """The members of one archive; an archive that is missing has been named already."""
    name = row["path"]
    if listed.get(name) != row["sha256"]:
        yield Difference(name, "differs", row["sha256"], listed.get(name, "not in the list of digests"))
    if name not in listed or not (folder / name).is_file():
        return
    wanted = {member["name"]: member["sha256"] for member in row["members"]}
    try:
        with open_archive(folder / name) as archive:
            for member in sorted({*wanted} - {*archive.names}):
                yield Difference(f"{name}!{member}", "missing", wanted[member])
            for member in archive.names:
                yield from _member(archive.chunks(member), f"{name}!{member}", wanted.get(member))
    except InputError as error:
        yield Difference(name, "unreadable", got=str(error))


def _member(chunks: Iterator[bytes], name: str, expected: str | None) -> Iterator[Difference]:
    if expected is None:
        yield Difference(name, "extra")
        return
    digest = hashlib.sha256()
    try:
        for chunk in chunks:
            digest.update(chunk)
    except InputError as error:  # its bytes do not even agree with the archive's own checksum
        yield Difference(name, "differs", expected, error.got)
        return
    if digest.hexdigest() != expected:
        yield Difference(name, "differs", expected, digest.hexdigest())
