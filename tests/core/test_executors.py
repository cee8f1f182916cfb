"""Executors: the same results wherever the work runs, whoever dies."""

import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import active_children
from pathlib import Path

import coretasks
import pytest

from l2h.core.errors import GridError, L2HError, StorageError, UsageError
from l2h.core.executors import MAX_DEATHS, make_executor

KINDS = ["serial", "processes", pytest.param("ray", marks=pytest.mark.slow)]


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("kind", KINDS)
def test_every_item_is_done_once(kind: str) -> None:
    with make_executor(kind, 2) as executor:
        assert sorted(executor.map(coretasks.square, range(23))) == [n * n for n in range(23)]
        assert list(executor.map(coretasks.square, [])) == []
        assert list(executor.map(coretasks.square, [5])) == [25]  # an executor serves many maps


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("kind", KINDS)
def test_errors_arrive_as_they_were_raised(kind: str) -> None:
    with make_executor(kind, 2) as executor:
        with pytest.raises(GridError) as caught:
            list(executor.map(coretasks.refuse_seven, range(12)))
        error = caught.value
        assert (error.what, error.where, error.expected, error.got, error.hint) == (
            "seven", "here", "less", "7", "Do not.",
        )  # fmt: skip
        with pytest.raises(ZeroDivisionError):
            list(executor.map(coretasks.fail_at_seven, range(12)))
        assert sorted(executor.map(coretasks.square, range(3))) == [0, 1, 4]  # and the executor still works


@pytest.mark.usefixtures("importable")
def test_what_cannot_travel_is_an_error_and_not_a_hang() -> None:
    with make_executor("processes", 2) as executor:
        with pytest.raises((AttributeError, pickle.PicklingError), match="lambda") as caught:
            list(executor.map(coretasks.unpicklable, [0]))
        assert "raised in a worker process" in str(caught.value.__cause__)
        with pytest.raises(L2HError, match=r"UnpicklableError: .*lock"):
            list(executor.map(coretasks.unpicklable, [1]))
        with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
            list(executor.map(coretasks.square, [lambda: 3]))  # type: ignore[list-item]
        assert list(executor.map(coretasks.square, [3])) == [9]


@pytest.mark.usefixtures("importable")
def test_large_items_and_results_pass_the_pipes() -> None:
    """Far more than a pipe holds, both ways at once."""
    with make_executor("processes", 2) as executor:
        done = sorted(executor.map(coretasks.longer, [bytes([n]) * 3_000_000 for n in range(6)]))
    assert [(d[0], len(d)) for d in done] == [(n, 6_000_000) for n in range(6)]


@pytest.mark.usefixtures("importable")
def test_workers_are_started_as_they_are_needed_and_kept() -> None:
    with make_executor("processes", 4) as executor:
        assert list(executor.map(coretasks.square, [2])) == [4]
        (worker,) = active_children()
        assert list(executor.map(coretasks.square, [3])) == [9]
        assert active_children() == [worker]
        worker.kill()  # while it has nothing to do
        worker.join()
        assert sorted(executor.map(coretasks.square, range(5))) == [0, 1, 4, 9, 16]
    assert active_children() == []


@pytest.mark.slow
@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("kind", ["processes", "ray"])
def test_a_deadly_item_is_one_clear_error(kind: str) -> None:
    """It is named, although its neighbours die with it, and it does not hang."""
    done = []
    with make_executor(kind, 2) as executor, pytest.raises(L2HError) as caught:
        done += executor.map(coretasks.die_at_seven, range(12))
    assert caught.value.what == f"a worker process died {MAX_DEATHS} times at the same work"
    assert caught.value.where == "7"
    assert "use fewer workers" in caught.value.hint


@pytest.mark.slow
def test_items_whose_worker_dies_once_are_done_once(tmp_path: Path) -> None:
    with make_executor("processes", 2) as executor:
        assert sorted(executor.map(coretasks.die_once, [(n, str(tmp_path)) for n in range(6)])) == list(range(6))


@pytest.mark.slow
def test_a_worker_killed_while_it_sends_does_not_stall_the_rest(tmp_path: Path) -> None:
    start = time.monotonic()
    with make_executor("processes", 2) as executor:
        done = executor.map(coretasks.die_while_sending, [(n, str(tmp_path)) for n in range(6)])
        assert sorted(done) == list(range(6))
    assert (tmp_path / "sent").exists()
    assert time.monotonic() - start < 60


def test_workers_are_spawned_with_one_thread_and_leave_ctrl_c_to_their_parent() -> None:
    """Never forked: GDAL and torch hold threads, and a forked lock stays locked."""
    with make_executor("processes", 2) as executor:
        seen = set(executor.map(coretasks.surroundings, range(8)))
    assert {rest for _, *rest in map(list, seen) for rest in [tuple(rest)]} == {("1", "spawn", True)}
    assert os.getpid() not in {process for process, *_ in seen}


class Counting:
    """A million items that count how many were taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[int]:
        for number in range(1_000_000):
            self.taken += 1
            yield number


@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("kind", KINDS)
def test_a_million_items_are_taken_as_they_are_needed(kind: str) -> None:
    items = Counting()
    with make_executor(kind, 2) as executor:
        results = executor.map(coretasks.square, items)
        for done in range(1, 50):
            next(results)
            assert items.taken - done <= 2 * 2
        results.close()  # type: ignore[attr-defined]


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def kill_workers(progress: list[int], kills: int, rng: random.Random, stop: threading.Event) -> None:
    """SIGKILL a random worker at a random moment, again and again, each time after some progress."""
    for _ in range(kills):
        goal = len(progress) + rng.randint(1, 4)
        wait_for(lambda goal=goal: len(progress) >= goal or stop.is_set(), 120)
        time.sleep(rng.random() * 0.05)
        workers = active_children()
        if workers and not stop.is_set():
            os.kill(rng.choice(workers).pid or 0, signal.SIGKILL)


@pytest.mark.slow
def test_workers_killed_at_random_lose_and_repeat_nothing() -> None:
    progress: list[int] = []
    stop, kills = threading.Event(), 12
    killer = threading.Thread(target=kill_workers, args=(progress, kills, random.Random(4), stop))
    with make_executor("processes", 2) as executor:
        killer.start()
        for result in executor.map(coretasks.slow_square, range(100)):
            progress.append(result)
        stop.set()
        killer.join()
    assert sorted(progress) == [n * n for n in range(100)]


@pytest.fixture
def listening() -> Iterator[None]:
    """Answer to Ctrl-C even where the tests run in the background, whose signal it is not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
def test_ctrl_c_does_not_wait_for_work_nobody_wants(tmp_path: Path) -> None:
    def interrupt() -> None:
        wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    def work() -> None:
        with make_executor("processes", 2) as executor:
            threading.Thread(target=interrupt).start()
            list(executor.map(coretasks.sleep_long, [str(tmp_path)] * 4))

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        work()
    assert time.monotonic() - started < 40
    for mark in tmp_path.iterdir():
        assert not Path(f"/proc/{mark.name}").exists()


ORPHANS = """
import sys, coretasks
from l2h.core.executors import make_executor
with make_executor("processes", 2) as executor:
    list(executor.map(coretasks.sleep_long, [sys.argv[1]] * 4))
"""


@pytest.mark.usefixtures("importable")
def test_workers_end_with_their_parent_however_it_went(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ORPHANS, str(tmp_path)]) as parent:
        wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
        parent.kill()
    workers = [Path("/proc") / mark.name for mark in tmp_path.iterdir()]
    wait_for(lambda: not any(is_alive(worker) for worker in workers))
    assert len(workers) == 2


def is_alive(process: Path) -> bool:
    """Whether a process runs; one that ended and waits to be collected does not."""
    try:
        return "(zombie)" not in (process / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize("error", [StorageError("full", where="/x"), GridError("bad", expected="a", got="b", hint="c")])
def test_errors_survive_pickling(error: L2HError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


def test_executors_that_do_not_exist_are_refused() -> None:
    with pytest.raises(UsageError, match="serial, processes or ray, got threads"):
        make_executor("threads", 2)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least one worker"):
        make_executor("processes", 0)
