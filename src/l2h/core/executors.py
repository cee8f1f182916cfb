"""Executors: where a task runs. One `map(function, items)`; results come in the order they are done.

The function is importable by name, items and results can be pickled. What is computed never depends on the executor.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar

from l2h.core.errors import UsageError
from l2h.core.processes import MAX_DEATHS, ProcessExecutor, given_up

Item = TypeVar("Item")
Result = TypeVar("Result")
Kind = Literal["serial", "processes", "ray"]


class Executor(Protocol):
    """Runs a function on items somewhere; a context manager that frees its workers."""

    workers: int

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SerialExecutor:
    """In this process, one after another."""

    workers = 1

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        return (function(item) for item in items)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class RayExecutor:
    """Tasks of a Ray cluster (the running one, else a local one). Needs the extra `l2h[ray]`."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._ray: Any = None
        self._started = False

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        ray = self._open()
        remote = ray.remote(num_cpus=1, max_retries=MAX_DEATHS - 1)(function)
        queue = iter(items)
        running = {remote.remote(item): item for item in islice(queue, 2 * self.workers)}
        while running:
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                item = running.pop(reference)
                result = self._get(reference, item)
                running.update({remote.remote(following): following for following in islice(queue, 1)})
                yield result

    def _get(self, reference: Any, item: object) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause from error
        except (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError) as error:
            raise given_up(item) from error

    def _open(self) -> Any:
        if self._ray is not None:
            return self._ray
        try:
            import ray
        except ImportError as error:
            raise UsageError("the executor 'ray' needs Ray", hint="Install it: pip install 'l2h[ray]'.") from error
        if not ray.is_initialized():
            address = os.environ.get("RAY_ADDRESS")
            local: dict[str, Any] = {} if address else {"num_cpus": self.workers, "include_dashboard": False}
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
            self._started = True
        self._ray = ray
        return ray

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._started:
            self._ray.shutdown()


def make_executor(kind: Kind, workers: int) -> Executor:
    """The executor of that name with that many workers (`serial` has one)."""
    if workers < 1:
        raise UsageError("an executor needs at least one worker", got=str(workers))
    if kind == "serial":
        return SerialExecutor()
    if kind == "processes":
        return ProcessExecutor(workers)
    if kind == "ray":
        return RayExecutor(workers)
    raise UsageError("no such executor", expected="serial, processes or ray", got=kind)
