"""How the work goes, on standard error: a bar for people at a terminal, plain lines for logs."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from rich.progress import TaskID


class TerminalProgress:
    """One rich bar per stage, with the time that remains."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Remaining

        columns = (
            TextColumn("{task.description:<12}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
            TextColumn("left"), Remaining(),
        )  # fmt: skip
        self._bars = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task: TaskID | None = None

    def start(self, name: str, total: int) -> None:
        self._task = self._bars.add_task(name, total=max(1, total))

    def advance(self, amount: int) -> None:
        if self._task is not None:
            self._bars.advance(self._task, amount)

    def finish(self) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._task = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()


class LineProgress:
    """A line now and then, with share done and time left; no control characters."""

    def __init__(self, every_s: float = 10.0) -> None:
        self.every_s = every_s
        self._name, self._total, self._done, self._began, self._said = "", 1, 0, 0.0, 0.0

    def start(self, name: str, total: int) -> None:
        self._name, self._total, self._done = name, max(1, total), 0
        self._began = self._said = time.monotonic()

    def advance(self, amount: int) -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._said >= self.every_s and self._done:
            self._said = now
            left = (now - self._began) / self._done * (self._total - self._done)
            click.echo(f"  {self._name:<12} {100 * self._done / self._total:5.1f} %   {duration(left)} left", err=True)

    def finish(self) -> None:
        self._name = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


def tell(text: str) -> None:
    """One line on standard error."""
    click.echo(f"  {text}", err=True)


def make_progress() -> TerminalProgress | LineProgress:
    """A bar where standard error is a terminal, lines elsewhere."""
    return TerminalProgress() if sys.stderr.isatty() else LineProgress()


def duration(seconds: float) -> str:
    """Seconds as people read them: "42 s", "3 min 05 s", "2 h 07 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
