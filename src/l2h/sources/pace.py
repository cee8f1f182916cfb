"""Patience: how long to wait after a failure, when to give up, and that everyone waits when a server asks for it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from l2h.core.errors import InputError, L2HError
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.stores import TransientError

Result = TypeVar("Result")


class StoppedError(L2HError):
    """The user, or another transfer's fatal error, ended the fetching; what is here stays for the next time."""


@dataclass
class Pace:
    """The pace of all transfers from one store: a server that says "later" says so to all of them.

    stop : set when all transfers must end
    """

    settings: FetchSettings
    stop: threading.Event = field(default_factory=threading.Event)
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def deadline(self) -> float:
        """When the time of a file that begins now is over."""
        return time.monotonic() + self.settings.deadline_s

    def hold(self, seconds: float) -> None:
        """Let no transfer begin for so long."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    def wait(self, deadline: float) -> None:
        """Wait until transfers may go on; StoppedError, or InputError where that is after the deadline."""
        while (left := self._until - time.monotonic()) > 0:
            if self._until > deadline:
                raise _late(self.settings)
            if self.stop.wait(left):
                break
        self.check(deadline)

    def check(self, deadline: float) -> None:
        """StoppedError when all must end, InputError when this file's time is over."""
        if self.stop.is_set():
            raise StoppedError("fetching was stopped")
        if time.monotonic() > deadline:
            raise _late(self.settings)


def patiently(step: Callable[[], Result], progress: Callable[[], int], pace: Pace, deadline: float) -> Result:
    """Do a step, again after failures that may pass; the last of `attempts` failures in a row is raised.

    progress : grows when bytes have come in; failures before that count no longer
    """
    settings = pace.settings
    failures, before = 0, progress()
    while True:
        pace.wait(deadline)
        try:
            return step()
        except TransientError as error:
            failures = 1 if progress() > before else failures + 1
            before = progress()
            if failures >= settings.attempts:
                raise
            doubled = min(settings.backoff_s * 2 ** (failures - 1), settings.backoff_max_s)
            pace.hold(doubled if error.retry_after_s is None else error.retry_after_s)


def _late(settings: FetchSettings) -> InputError:
    return InputError(
        "a file takes too long",
        expected=f"within {settings.deadline_s:g} s",
        hint="What has come stays; run again, or raise fetch.deadline_s.",
    )
