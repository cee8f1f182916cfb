"""Worker processes of this machine: one item at a time for each, on a pipe of its own, and what if one dies."""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from types import TracebackType
from typing import Any, Self, TypeVar

from l2h.core.errors import L2HError

Item = TypeVar("Item")
Result = TypeVar("Result")
MAX_DEATHS = 3  # how often an item that runs alone may lose its worker


class ProcessExecutor:
    """Spawned processes (never forked: GDAL and torch hold threads), started when they are needed, kept until the end.

    They share nothing, so a worker that dies (out of memory, killed) takes nothing with it: its pipe ends, however much
    of a result it had sent, and its item is known. That item runs again with nothing beside it, so that a death there
    is its own, and is given up after MAX_DEATHS of them. Items are taken as workers are free: a million cost no memory.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._free: list[_Worker] = []
        self._busy: dict[Connection, _Worker] = {}

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        queue, suspects = iter(items), list[Item]()
        try:
            while True:
                self._feed(function, queue)
                while self._busy:
                    told = self._answers()
                    suspects += [item for item, answer in told if answer is None]
                    if not suspects:
                        self._feed(function, queue)  # before the caller takes its time over what is done
                    yield from (answer.result() for _, answer in told if answer is not None)
                if not suspects:
                    return
                while suspects:
                    yield self._alone(function, suspects.pop())
        finally:
            self._drop(self._busy.values())  # what still runs is wanted by nobody; files are whole or absent

    def _feed(self, function: Callable[[Item], Result], queue: Iterator[Item]) -> None:
        """Give every worker something to do."""
        for item in islice(queue, self.workers - len(self._busy)):
            self._start(function, item)

    def _alone(self, function: Callable[[Item], Result], item: Item) -> Result:
        """Run one item with nothing beside it, so that a death is its own."""
        for _ in range(MAX_DEATHS):
            self._start(function, item)
            ((_, answer),) = self._answers()
            if answer is not None:
                result: Result = answer.result()
                return result
        raise given_up(item)

    def _start(self, function: Callable[[Item], Result], item: Item) -> None:
        """Give an item to a free worker, to a new one where none is free."""
        message = ForkingPickler.dumps((function, item))  # what cannot be pickled fails here, before it is sent
        worker = self._free.pop() if self._free else _Worker()
        self._busy[worker.pipe] = worker
        worker.begin(item, message)

    def _answers(self) -> list[tuple[Any, "Answer | None"]]:
        """Items whose workers have something to say, one at least, with what they say; None from one that is dead."""
        told = []
        for pipe in wait(list(self._busy)):
            worker = self._busy.pop(pipe)  # type: ignore[call-overload]
            answer = worker.answer()
            told.append((worker.item, answer))
            if answer is None:
                worker.end()
            else:
                self._free.append(worker)
        return told

    def _drop(self, workers: Iterable["_Worker"]) -> None:
        for worker in list(workers):
            self._busy.pop(worker.pipe, None)
            worker.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop([*self._busy.values(), *self._free])
        self._free.clear()


class _Worker:
    """A spawned process, our end of its pipe, and the item it works at."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.item: Any = None
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()  # the last open end is the worker's: when it dies, our end says so

    def begin(self, item: Any, message: Any) -> None:
        """Send an item. Whether it ever arrived, the answer tells: a dead worker's is None."""
        self.item = item
        try:
            self.pipe.send_bytes(message)
        except OSError:
            return

    def answer(self) -> "Answer | None":
        """What it says of its item; None where it died before it had said all."""
        try:
            answer: Answer = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self.pipe.close()


@dataclass(frozen=True)
class Answer:
    """What came of an item, as it travels back: its result, or the error and the lines of code it came from."""

    value: Any = None
    error: Exception | None = None
    lines: str = ""

    def result(self) -> Any:
        if self.error is not None:
            raise self.error from InWorker(self.lines)
        return self.value


class InWorker(Exception):  # noqa: N818 - the cause of an error, never raised itself
    """Where in a worker an error was raised."""

    def __str__(self) -> str:
        return f"raised in a worker process:\n{self.args[0]}"


def _work(pipe: Connection) -> None:
    """The life of a worker: an item, an answer, until nobody asks any more."""
    _start_worker()
    while True:
        try:
            function, item = pipe.recv()
        except EOFError:
            return
        try:
            message = ForkingPickler.dumps(Answer(function(item)))
        except Exception as error:
            message = _told(error)
        pipe.send_bytes(message)


def _told(error: Exception) -> Any:
    """An answer with the error, as bytes; where it does not survive pickling, with one that tells of it."""
    lines = traceback.format_exc()
    try:
        message = ForkingPickler.dumps(Answer(error=error, lines=lines))
        pickle.loads(message)
    except Exception:
        return ForkingPickler.dumps(Answer(error=L2HError(f"{type(error).__name__}: {error}"), lines=lines))
    return message


def _start_worker() -> None:
    """What every worker process does first."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"  # workers share the cores by processes, not by threads inside each
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer: it ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when its parent is gone, however it went: nobody wants what it computes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def given_up(item: object) -> L2HError:
    """The error for an item that kills whatever works at it."""
    return L2HError(
        f"a worker process died {MAX_DEATHS} times at the same work",
        where=str(item)[:200],
        hint="It may need more memory: use fewer workers or smaller blocks and windows.",
    )
