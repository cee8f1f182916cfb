"""Province archives: zips of stored members, the same bytes for the same members; and a reader that trusts nothing.

Members are stored, not deflated: the rasters are compressed already (deflating them again saves a third of a per cent),
and a stored member can be read window by window inside the archive, from a disk or over HTTP, by anything that knows
GDAL's /vsizip/.
"""

import stat
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from l2h.core.errors import InputError
from l2h.core.files import atomic_path

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment a zip can name; no time zone can change it
MODE = 0o100644  # a regular file, whatever the umask
UNIX = 3
PIECE = 2**20
ENCRYPTED = 0x1


@dataclass(frozen=True)
class Limits:
    """How much an archive from elsewhere may hold.

    ratio : the most a member above `ratio_from_bytes` may grow when unpacked. Rasters inside are compressed already and
            hardly grow; deflate itself can reach 1032
    """

    members: int = 100_000
    member_bytes: int = 200 * 10**9
    total_bytes: int = 1000 * 10**9
    ratio: int = 200
    ratio_from_bytes: int = 16 * 2**20


DEFAULT_LIMITS = Limits()


def write_archive(path: Path, members: Sequence[Path]) -> None:
    """Write the files as stored members in the order of their names, whole or not at all.

    Names are the files' own. InputError where two share a name or one is missing.
    """
    by_name = {member.name: member for member in members}
    if len(by_name) < len(members):
        raise InputError("two members of an archive share a name", where=str(path))
    with atomic_path(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=True) as out:
        for name in sorted(by_name):
            _add(out, name, by_name[name])


def _add(out: zipfile.ZipFile, name: str, source: Path) -> None:
    if not source.is_file():
        raise InputError("a member of an archive is missing", where=str(source))
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr = UNIX, MODE << 16
    info.file_size = source.stat().st_size  # tells whether the header needs 64-bit sizes
    with source.open("rb") as stream, out.open(info, "w") as member:
        while piece := stream.read(PIECE):
            member.write(piece)


class Archive:
    """An archive whose directory has been checked; `names` are its files, in the order of the directory."""

    def __init__(self, path: Path, zipped: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo]) -> None:
        self.path, self._zip, self._files = path, zipped, files

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._files)

    def size(self, name: str) -> int:
        """Bytes of a member when unpacked, as its directory says."""
        return self._files[name].file_size

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member in pieces; InputError where they are not those its directory promised."""
        info, seen = self._files[name], 0
        try:
            with self._zip.open(info) as stream:
                for piece in _pieces(stream):
                    seen += len(piece)
                    if seen > info.file_size:
                        raise _refused(self.path, name, "it unpacks to more bytes than its directory says")
                    yield piece
        except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError) as error:
            raise _refused(self.path, name, str(error) or type(error).__name__) from error
        if seen != info.file_size:
            raise _refused(self.path, name, "it unpacks to fewer bytes than its directory says")


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(PIECE):
        yield piece


@contextmanager
def open_archive(path: Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[Archive]:
    """Open an archive from anywhere, after checking all of its directory.

    InputError names the first member that could leave the folder it is unpacked to (absolute, `..`, drive, backslash),
    that is a link or a device, that comes twice (letter case aside), is encrypted, overlaps another, or is a bomb.
    """
    try:
        zipped = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise InputError("an archive is missing", where=str(path)) from error
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise InputError("an archive cannot be opened", where=str(path), got=str(error)) from error
    with zipped:
        yield Archive(path, zipped, _checked(path, zipped, limits))


def extract_archive(path: Path, folder: Path, limits: Limits = DEFAULT_LIMITS) -> list[Path]:
    """Unpack an archive below a folder; nothing is written unless all of the directory is in order."""
    written = []
    with open_archive(path, limits) as archive:
        for name in archive.names:
            target = folder / PurePosixPath(name)
            with atomic_path(target) as part, part.open("wb") as out:
                for piece in archive.chunks(name):
                    out.write(piece)
            written.append(target)
    return written


def _checked(path: Path, zipped: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    infos = zipped.infolist()
    if len(infos) > limits.members:
        raise InputError("an archive holds too many members", where=str(path), expected=f"≤ {limits.members:,}")
    files: dict[str, zipfile.ZipInfo] = {}
    folded: set[str] = set()
    for info in infos:
        reason = _fault(info, limits)
        if not reason and info.filename.rstrip("/").casefold() in folded:
            reason = "its name comes twice"
        if reason:
            raise _refused(path, info.orig_filename, reason)
        folded.add(info.filename.rstrip("/").casefold())
        if not info.is_dir():
            files[info.filename] = info
    if sum(info.file_size for info in files.values()) > limits.total_bytes:
        raise InputError("an archive unpacks to too many bytes", where=str(path), expected=f"≤ {limits.total_bytes:,}")
    _refuse_overlaps(path, list(files.values()))
    _refuse_nesting(path, files)
    return files


def _fault(info: zipfile.ZipInfo, limits: Limits) -> str:
    """Why a member is refused; empty when it is not."""
    reason = _name_fault(info.orig_filename)
    if reason:
        return reason
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFDIR if info.is_dir() else stat.S_IFREG):
        return "it is a link or a device"
    if info.flag_bits & ENCRYPTED:
        return "it is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"it is compressed by method {info.compress_type}, not stored or deflated"
    if info.is_dir() and info.file_size:
        return "it is a folder with bytes"
    if info.file_size > limits.member_bytes:
        return f"it unpacks to {info.file_size:,} bytes"
    if info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size:
        return "it is stored, yet has two sizes"
    if info.file_size > max(limits.ratio_from_bytes, limits.ratio * info.compress_size):
        return f"it grows {info.file_size // max(1, info.compress_size):,} times when unpacked"
    return ""


def _name_fault(name: str) -> str:
    if not name or "\x00" in name or any(ord(c) < 32 for c in name):
        return "its name is empty or holds control characters"
    if "\\" in name or ":" in name or name.startswith("/"):
        return "its name is absolute or holds a backslash or a colon"
    parts = name.rstrip("/").split("/")
    return "its name leaves the folder or holds an empty part" if {"", ".", ".."} & set(parts) else ""


def _refuse_overlaps(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    """Members that share bytes are how a small archive unpacks to a huge one (Fifield, 2019)."""
    end = 0
    for info in sorted(infos, key=lambda i: i.header_offset):
        if info.header_offset < end:
            raise _refused(path, info.filename, "it overlaps another member")
        end = info.header_offset + 30 + len(info.orig_filename.encode()) + info.compress_size
    if end > path.stat().st_size:
        raise _refused(path, infos[-1].filename, "it ends beyond the archive")


def _refuse_nesting(path: Path, files: dict[str, zipfile.ZipInfo]) -> None:
    """A file cannot be a folder of another."""
    names = {name.casefold() for name in files}
    for name in files:
        if {str(parent).casefold() for parent in PurePosixPath(name).parents} & names:
            raise _refused(path, name, "its folder is a file")


def _refused(path: Path, name: str, reason: str) -> InputError:
    return InputError("a member of an archive is refused", where=f"{path}, {name!r}", got=reason)
