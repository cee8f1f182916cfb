"""Reading ahead: the next batches are read and turned while the network learns from this one."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from l2h.learning.batch import Batch

AHEAD = 3


def read_ahead(make: Callable[[int], Batch], start: int, stop: int, readers: int = 1) -> Iterator[tuple[int, Batch]]:
    """(step, make(step)) for start ≤ step < stop, in order, made by ``readers`` threads up to AHEAD steps early each.

    An error of ``make`` is raised at its own step.
    """
    with ThreadPoolExecutor(readers, thread_name_prefix="chips") as pool:
        waiting: deque[tuple[int, Future[Batch]]] = deque()
        try:
            for step in range(start, stop):
                waiting.append((step, pool.submit(make, step)))
                if len(waiting) > AHEAD * readers:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
