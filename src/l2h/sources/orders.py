"""Orders: the files that a layer needs, and who can bring them."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, Self

from l2h.core.errors import InputError, L2HError, StorageError
from l2h.core.grid import Grid
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.ground import Ground
from l2h.sources.pace import StoppedError

State = Literal["kept", "wanted", "beside", "missing"]
FATAL = (StorageError, StoppedError)  # what ends the fetching; all else is told file by file


@dataclass(frozen=True)
class Order:
    """One file that a layer needs.

    address  : as it may be written: without keys and signatures
    size     : bytes, where the store says so, or as reckoned where `requests` are many
    here     : bytes of it that are here already
    part     : the part of the file that is taken; empty for the whole. How many bytes it needs shows when it is read
    state    : `kept` (here and whole), `wanted`, `beside` (does not meet the grid), `missing` (could not be had, for
               `reason`)
    requests : of which a file is put together; 1 where it comes as it is
    expected : bytes that the catalogue expects of such a file, where the store was not asked
    provinces : that have ground in the file, where that is known
    """

    layer: str
    file: str
    address: str
    target: Path
    state: State
    size: int | None = None
    here: int = 0
    part: str = ""
    reason: str = ""
    requests: int = 1
    expected: int | None = None
    provinces: tuple[str, ...] = ()

    @property
    def to_come(self) -> int:
        return max(0, (self.size or self.expected or 0) - self.here) if self.state == "wanted" else 0

    def missing(self, error: L2HError) -> Self:
        """The order, not fulfilled."""
        return replace(self, state="missing", reason=str(error))


@dataclass(frozen=True)
class Site:
    """Where files are fetched to, and how.

    lattice : of the project; None while only its outlines are fetched, from which it follows
    stop    : ends all transfers
    ground  : that of the cities, where known
    """

    lattice: Grid | None
    project_dir: Path
    settings: FetchSettings
    stop: threading.Event = field(default_factory=threading.Event)
    ground: Ground | None = None

    @property
    def grid(self) -> Grid:
        """The lattice; InputError while there is none."""
        if self.lattice is None:
            raise InputError("there is no lattice yet", where=str(self.project_dir), hint="Its outlines come first.")
        return self.lattice


class Supply(Protocol):
    """Who brings the files of one layer.

    layer      : its name
    per_second : requests that may be made in a second; None where only the line limits them
    """

    @property
    def layer(self) -> str: ...

    @property
    def per_second(self) -> float | None: ...

    def about(self) -> Sequence[str]:
        """What it is, under which terms: lines for people, the first one a title."""

    def orders(self) -> Sequence[Order]:
        """Every file the grid needs. May ask a server which there are."""

    def look(self, order: Order) -> Order:
        """The order, now `kept`, `wanted`, `beside` or `missing`. Writes nothing."""

    def begin(self, orders: Sequence[Order]) -> None:
        """Note what will come, before the first byte does."""

    def fetch(self, order: Order, advance: Callable[[int], None]) -> Order:
        """Bring a wanted file; the order, now `kept` or `missing`."""

    def settle(self, orders: Sequence[Order]) -> None:
        """What can be done only when all that could be had is here."""

    def close(self) -> None:
        """Give back what is held open."""
