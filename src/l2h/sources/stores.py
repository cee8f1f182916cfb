"""Where files lie: a folder, an http(s) prefix, a bucket. A store says what a file is and reads it from any byte."""

import email.utils
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import quote

from l2h.core.errors import InputError, SettingsError
from l2h.sources.fetch_settings import FetchSettings

CHUNK = 1 << 18


class AbsentError(InputError):
    """The store has no such file."""


class ChangedError(InputError):
    """The file is not the one whose beginning is already here."""


class TransientError(InputError):
    """A failure that may pass; `retry_after_s` is what the server asks for."""

    retry_after_s: float | None = None


@dataclass(frozen=True)
class Remote:
    """What a store says of a file before it is read.

    address : as it may be written
    size    : bytes, None where the store does not say
    version : changes when the file does (entity tag, or time of change); empty where the store does not say
    md5     : digest the store publishes, in hexadecimal
    """

    address: str
    size: int | None
    version: str
    md5: str | None = None


@dataclass(frozen=True)
class Stream:
    """Bytes of a file from `start` on, and its whole size where the store says so."""

    start: int
    total: int | None
    chunks: Iterator[bytes]


class Store(Protocol):
    """Files under one prefix."""

    address: str

    def shown(self, name: str) -> str:
        """The address of a file as it may be written."""

    def stat(self, name: str) -> Remote:
        """What a file is; AbsentError, TransientError, AddressError, InputError."""

    def open(self, name: str, start: int, version: str, stop: int | None = None) -> AbstractContextManager[Stream]:
        """Bytes [start, stop) of the file that had this version; ChangedError where it has another by now.

        The stream may start at 0 instead, where the server cannot do better.
        """

    def close(self) -> None:
        """Give back what is held open."""


class FolderStore:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.address = folder, folder.as_posix()

    def shown(self, name: str) -> str:
        return (self.folder / name).as_posix()

    def stat(self, name: str) -> Remote:
        try:
            stat = (self.folder / name).stat()
        except FileNotFoundError as error:
            raise AbsentError("there is no such file", where=str(self.folder / name)) from error
        except OSError as error:
            raise InputError("a file cannot be read", where=str(self.folder / name), got=str(error)) from error
        return Remote(self.shown(name), stat.st_size, f"{stat.st_mtime_ns}")

    def close(self) -> None:
        """Nothing is held open."""

    @contextmanager
    def open(self, name: str, start: int, version: str, stop: int | None = None) -> Iterator[Stream]:
        remote = self.stat(name)
        if version and remote.version != version:
            raise ChangedError("a file has changed", where=remote.address)
        left = (remote.size or 0) - start if stop is None else stop - start
        with (self.folder / name).open("rb") as stream:
            stream.seek(start)
            yield Stream(start, remote.size, _pieces(stream, left))


def _pieces(stream: BinaryIO, left: int) -> Iterator[bytes]:
    try:
        while left > 0 and (chunk := stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
    except OSError as error:
        raise InputError("a file cannot be read", where=stream.name, got=str(error)) from error


def open_store(address: str, settings: FetchSettings, base: Path, region: str | None = None) -> Store:
    """The store behind an address: `s3://bucket/prefix`, `http(s)://host/prefix`, else a folder (relative to `base`).

    SettingsError for another scheme, AddressError for an address that is not followed.
    """
    scheme, found, rest = address.partition("://")
    if not found:
        return FolderStore(base / address)
    from l2h.sources.web import WebStore

    if scheme == "s3":
        return WebStore(bucket_url(rest, region, settings.s3_endpoint), settings, address)
    if scheme in ("http", "https"):
        return WebStore(address, settings)
    raise SettingsError("no such kind of source", expected="s3://, https://, http:// or a folder", got=address)


def bucket_url(rest: str, region: str | None, endpoint: str | None) -> str:
    """Where an open bucket's files are served without a signature.

    >>> bucket_url("esa-worldcover/v200/2021/map", "eu-central-1", None)
    'https://s3.eu-central-1.amazonaws.com/esa-worldcover/v200/2021/map'
    """
    if not rest.partition("/")[0]:
        raise SettingsError("an address names no bucket", expected="s3://bucket/prefix", got=f"s3://{rest}")
    host = endpoint.rstrip("/") if endpoint else f"https://s3.{region or 'us-east-1'}.amazonaws.com"
    return f"{host}/{quote(rest)}"


def seconds_to_wait(header: str | None) -> float | None:
    """The Retry-After header: seconds or a date; None where it says nothing we can read.

    >>> seconds_to_wait("120"), seconds_to_wait("soon")
    (120.0, None)
    """
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
