"""Executors: where a task runs. One `map(function, items)`; results come in the order they are done.

The function is importable by name, items and results can be pickled. What is computed never depends on the executor.
"""

import logging
import multiprocessing
import os
import signal
import threading
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
MAX_DEATHS = 3  # how often an item that runs alone may lose its worker
WATCH_S = 5.0  # a pool that has lost a worker says so at once; this long after, it never will


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

    At most two items per worker are in flight, so that a million items cost no memory. When a worker dies (out of
    memory, killed) the items in flight run again, one at a time, so that it shows which of them is deadly; that one
    is given up after MAX_DEATHS deaths of its own.

    A worker killed in the middle of sending its result leaves half a message: the pool's thread waits for the rest for
    ever and never notices the death. So a dead worker without news for WATCH_S counts as a broken pool.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        queue = iter(items)
        running: dict[Future[Result], Item] = {}
        while True:
            for item in islice(queue, 2 * self.workers - len(running)):
                running[self._submit(function, item)] = item
            if not running:
                return
            done = self._wait(running)
            if any(_is_lost(future) for future in done):
                self._restart()  # joins what is left of the pool, which settles everything in flight
                done = set(running)
            suspects = []
            for future in done:
                item = running.pop(future)
                if _is_lost(future):
                    suspects.append(item)
                else:
                    yield future.result()
            for item in suspects:
                yield self._alone(function, item)

    def _alone(self, function: Callable[[Item], Result], item: Item) -> Result:
        """Run one item with nothing beside it, so that a death is its own."""
        for _ in range(MAX_DEATHS):
            future = self._submit(function, item)
            self._wait([future])
            if not _is_lost(future):
                return future.result()
            self._restart()
        raise _given_up(item)

    def _wait(self, running: Iterable[Future[Result]]) -> set[Future[Result]]:
        """Futures of `running` that are settled, one at least."""
        while not (done := wait(running, timeout=WATCH_S, return_when=FIRST_COMPLETED).done):
            if any(process.exitcode is not None for process in self._processes()):
                self._restart()
        return set(done)

    def _processes(self) -> list[multiprocessing.process.BaseProcess]:
        return list(((self._pool and self._pool._processes) or {}).values())

    def _submit(self, function: Callable[[Item], Result], item: Item) -> Future[Result]:
        try:
            return self._open().submit(function, item)
        except BrokenProcessPool:  # died between two submissions; what was running is found broken by wait()
            self._restart()
            return self._open().submit(function, item)

    def _open(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_start_worker)
        return self._pool

    def _restart(self) -> None:
        """Leave the broken pool; its other workers may wait for a lock that died with the one that held it."""
        for process in self._processes():
            process.kill()
        if self._pool is not None:
            # the last open end of the pipe of results: a thread that waits for half a message now reads its end
            self._pool._result_queue._writer.close()  # type: ignore[attr-defined]
        self._close()

    def _close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:  # nobody wants what still runs; files are whole or absent
            for process in self._processes():
                process.terminate()
        self._close()


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
            raise _given_up(item) from error

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


def _start_worker() -> None:
    """What every worker process does first."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"  # workers share the cores by processes, not by threads inside each
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer: it ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when its parent is gone, however it went: a pool's worker would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _is_lost(future: Future[Any]) -> bool:
    """Whether a settled future never ran to its end, because its worker or its pool died."""
    return future.cancelled() or isinstance(future.exception(), BrokenProcessPool)


def _given_up(item: object) -> L2HError:
    return L2HError(
        f"a worker process died {MAX_DEATHS} times at the same work",
        where=str(item)[:200],
        hint="It may need more memory: use fewer workers or smaller blocks and windows.",
    )
