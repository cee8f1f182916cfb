"""Executors: where a task runs. One `map(function, items)`; results come in the order they are done.

The function is importable by name, items and results can be pickled. What is computed never depends on the executor.
"""

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar

from l2h.core.errors import L2HError, UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")
Kind = Literal["serial", "processes", "ray"]
MAX_DEATHS = 10  # how often an item may lose its worker; neighbours of a deadly item lose theirs too


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


class ProcessExecutor:
    """A pool of spawned processes (never forked: GDAL and torch hold threads).

    At most two items per worker are in flight, so that a million items cost no memory. A worker that dies (out of
    memory, killed) takes nothing with it: its items run again in a new pool, each at most MAX_DEATHS times.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        queue = iter(items)
        deaths: dict[int, int] = {}
        again: list[tuple[int, Item]] = []
        numbered = enumerate(queue)
        running: dict[Future[Result], tuple[int, Item]] = {}
        while True:
            room = 2 * self.workers - len(running)
            returning = _take(again, room)
            for number, item in [*returning, *islice(numbered, room - len(returning))]:
                running[self._submit(function, item)] = (number, item)
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                number, item = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool as error:
                    lost = [(number, item), *running.values()]
                    running.clear()
                    self._restart()
                    again = _count_deaths(lost, deaths, error) + again
                    break
                yield result

    def _submit(self, function: Callable[[Item], Result], item: Item) -> Future[Result]:
        try:
            return self._open().submit(function, item)
        except BrokenProcessPool:  # died between two submissions; what was running is found broken by wait()
            self._restart()
            return self._open().submit(function, item)

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_one_thread)
        return self._pool

    def _restart(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restart()


class RayExecutor:
    """Tasks of a Ray cluster (the running one, else a local one). Needs the extra `l2h[ray]`."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._ray: Any = None
        self._started = False

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        ray = self._open()
        remote = ray.remote(num_cpus=1, max_retries=MAX_DEATHS)(function)
        queue = iter(items)
        running = [remote.remote(item) for item in islice(queue, 2 * self.workers)]
        while running:
            done, running = ray.wait(running, num_returns=1)
            running += [remote.remote(item) for item in islice(queue, len(done))]
            for reference in done:
                yield ray.get(reference)

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


def _one_thread() -> None:
    """Workers share the cores by processes, not by threads inside each."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def _take(items: list[tuple[int, Item]], count: int) -> list[tuple[int, Item]]:
    taken, items[:] = items[: max(0, count)], items[max(0, count) :]
    return taken


def _count_deaths(lost: list[tuple[int, Item]], deaths: dict[int, int], error: BaseException) -> list[tuple[int, Item]]:
    for number, item in lost:
        deaths[number] = deaths.get(number, 0) + 1
        if deaths[number] > MAX_DEATHS:
            raise L2HError(
                "a worker process died again and again at the same work",
                where=str(item)[:200],
                hint="It may need more memory: use fewer workers or smaller blocks and windows.",
            ) from error
    return lost
