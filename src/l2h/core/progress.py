"""Progress: who is told how the work goes."""

from typing import Protocol


class Progress(Protocol):
    """Who is told how the work goes."""

    def start(self, name: str, total: int) -> None: ...

    def advance(self, amount: int) -> None: ...

    def finish(self) -> None: ...


class Silent:
    """Nobody is told."""

    def start(self, name: str, total: int) -> None: ...

    def advance(self, amount: int) -> None: ...

    def finish(self) -> None: ...
