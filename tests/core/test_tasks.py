"""Stages: keep, make, remake; holes and failures; killed at any moment and resumed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import coretasks
import pytest

from l2h.core.errors import InputError, L2HError, StorageError, TaskError
from l2h.core.executors import SerialExecutor, make_executor
from l2h.core.files import sha256_file
from l2h.core.grid import Window
from l2h.core.ledger import Ledger
from l2h.core.tasks import Context, Hole, Made, Stage, StageReport, Task, plan_stage, run_stage


def context(folder: Path) -> Context:
    """A fresh look at a project, as a new run has it."""
    return Context(folder, coretasks.GRID, coretasks.BLOCK_PX, Ledger(folder), SerialExecutor())


def run(folder: Path, *steps: Callable[[Context], list[Task]]) -> StageReport:
    return run_stage(Stage("toy", steps), context(folder))


def text_task(folder: Path, name: str, text: str, *sources: str, **settings: object) -> Task:
    target, inputs = folder / "work" / name, tuple(folder / "work" / source for source in sources)
    arguments = {"target": target, "text": text, "sources": inputs}
    return Task(f"toy/{name}", coretasks.copy_text, arguments, inputs, (target,), {"text": text, **settings})


def failing(folder: Path, name: str, function: Callable[..., Made], **arguments: object) -> Task:
    return Task(f"toy/{name}", function, arguments, (), (folder / "work" / name,))


def chain(folder: Path, a: str = "A", b: str = "B", c: str = "C") -> tuple[Callable[[Context], list[Task]], ...]:
    """Two first texts, then a third made from one of them, then a fourth from that."""
    return (
        lambda _: [text_task(folder, "a", a), text_task(folder, "b", b)],
        lambda _: [text_task(folder, "c", c, "a")],
        lambda _: [text_task(folder, "d", "D", "c")],
    )


def counts(report: StageReport) -> tuple[int, int]:
    return report.made, report.kept


def test_a_chain_is_made_once_and_then_kept(tmp_path: Path) -> None:
    assert counts(run(tmp_path, *chain(tmp_path))) == (4, 0)
    assert (tmp_path / "work" / "d").read_text() == "DCA"
    before = (tmp_path / "work" / "ledger.jsonl").read_bytes()
    assert counts(run(tmp_path, *chain(tmp_path))) == (0, 4)
    assert (tmp_path / "work" / "ledger.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "made"),
    [({"a": "X"}, ["a", "c", "d"]), ({"b": "X"}, ["b"]), ({"c": "X"}, ["c", "d"]), ({}, [])],
)
def test_changed_settings_remake_only_what_depends_on_them(
    tmp_path: Path, change: dict[str, str], made: list[str]
) -> None:
    run(tmp_path, *chain(tmp_path))
    before = {name: (tmp_path / "work" / name).stat().st_ino for name in "abcd"}
    assert counts(run(tmp_path, *chain(tmp_path, **change))) == (len(made), 4 - len(made))
    assert [name for name in "abcd" if (tmp_path / "work" / name).stat().st_ino != before[name]] == made


def test_a_place_is_told_by_lattice_and_window(tmp_path: Path) -> None:
    here = context(tmp_path)
    assert here.place() == {"grid": coretasks.GRID.to_dict()}
    assert here.place(Window(0, 2, 3, 5)) == {"grid": coretasks.GRID.to_dict(), "window": "rows 0:2, columns 3:5"}


def test_a_remade_file_with_the_same_bytes_remakes_nothing_more(tmp_path: Path) -> None:
    """The digest of bytes counts, not that something ran."""
    run(tmp_path, *chain(tmp_path))
    steps = (lambda _: [text_task(tmp_path, "a", "A", unused=1)], *chain(tmp_path)[1:])
    assert counts(run(tmp_path, *steps)) == (1, 2)


@pytest.mark.parametrize("harm", ["removed", "changed", "cut"])
def test_harmed_outputs_are_made_again(tmp_path: Path, harm: str) -> None:
    run(tmp_path, *chain(tmp_path))
    path = tmp_path / "work" / "c"
    if harm == "removed":
        path.unlink()
    else:
        time.sleep(0.01)  # beyond the tick of the file system's clock
        path.write_text("XY" if harm == "changed" else "C")
    assert counts(run(tmp_path, *chain(tmp_path))) == (1, 3)
    assert path.read_text() == "CA"


def test_a_changed_input_from_outside_is_noticed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("1")
    task = text_task(tmp_path, "a", "A")
    task = Task(task.key, task.function, {**task.arguments, "sources": (outside,)}, (outside,), task.outputs)
    assert counts(run(tmp_path, lambda _: [task])) == (1, 0)
    assert counts(run(tmp_path, lambda _: [task])) == (0, 1)
    outside.write_text("2")
    assert counts(run(tmp_path, lambda _: [task])) == (1, 0)
    assert (tmp_path / "work" / "a").read_text() == "A2"


def test_settings_back_and_forth_never_mix(tmp_path: Path) -> None:
    for text in ("X", "A", "X"):
        run(tmp_path, *chain(tmp_path, a=text))
        assert (tmp_path / "work" / "d").read_text() == "DC" + text


def test_the_plan_says_what_a_run_would_do(tmp_path: Path) -> None:
    def plan(**change: str) -> dict[str, str | None]:
        found = plan_stage(Stage("toy", chain(tmp_path, **change)), context(tmp_path))
        return {task.key: decision for task, decision in found}

    assert plan() == {"toy/a": "make", "toy/b": "make", "toy/c": None, "toy/d": None}
    run(tmp_path, *chain(tmp_path))
    assert plan() == dict.fromkeys(["toy/a", "toy/b", "toy/c", "toy/d"], "keep")
    assert plan(b="X") == {"toy/a": "keep", "toy/b": "remake", "toy/c": "keep", "toy/d": "keep"}


def test_holes_are_told_again_when_they_are_kept(tmp_path: Path) -> None:
    task = failing(tmp_path, "a", coretasks.with_hole, target=tmp_path / "work" / "a")
    hole = Hole("block r0c0", "the bytes are corrupt")
    for expected in ((1, 0), (0, 1)):
        report = run(tmp_path, lambda _: [task])
        assert counts(report) == expected
        assert report.holes == (hole,)


def test_what_a_task_tells_is_recorded(tmp_path: Path) -> None:
    run(tmp_path, *chain(tmp_path, a="four"))
    found = Ledger(tmp_path).get("toy/a")
    assert found is not None
    assert found.info["letters"] == 4
    assert found.info["pixels"] == 1
    assert found.info["peak_mb"] > 1
    assert set(found.outputs) == {"work/a"}


def test_one_failure_is_its_own_error_and_the_others_are_kept(tmp_path: Path) -> None:
    def step(_: Context) -> list[Task]:
        return [failing(tmp_path, "bad", coretasks.refuse, why="esa10"), text_task(tmp_path, "a", "A")]

    with pytest.raises(InputError, match=r"the input is bad \(esa10\)\. Mend it\."):
        run(tmp_path, step)
    ledger = Ledger(tmp_path)
    bad, good = ledger.get("toy/bad"), ledger.get("toy/a")
    assert bad is not None
    assert good is not None
    assert (bad.failed, good.failed) == ("the input is bad (esa10). Mend it.", "")
    decisions = {task.key: what for task, what in plan_stage(Stage("toy", (step,)), context(tmp_path))}
    assert decisions == {"toy/bad": "make", "toy/a": "keep"}


def test_several_failures_are_counted_and_named(tmp_path: Path) -> None:
    def step(_: Context) -> list[Task]:
        bad = [failing(tmp_path, f"bad{n}", coretasks.refuse, why=str(n)) for n in range(7)]
        return [*bad, text_task(tmp_path, "a", "A")]

    with pytest.raises(TaskError) as caught:
        run(tmp_path, step)
    assert str(caught.value) == (
        "7 of 8 tasks of stage 'toy' failed; the first: the input is bad (0). Mend it. "
        "(toy/bad0, toy/bad1, toy/bad2, toy/bad3, toy/bad4…). "
        "What was finished is kept; mend the cause and run again."
    )
    assert (tmp_path / "work" / "a").read_text() == "A"


def test_hopeless_stages_stop_early(tmp_path: Path) -> None:
    def step(_: Context) -> list[Task]:
        return [failing(tmp_path, f"bad{n}", coretasks.refuse, why=str(n)) for n in range(100)]

    with pytest.raises(TaskError, match="20 of 100 tasks"):
        run(tmp_path, step)


def test_a_full_disk_stops_at_once(tmp_path: Path) -> None:
    def step(_: Context) -> list[Task]:
        return [failing(tmp_path, "full", coretasks.fill_disk), text_task(tmp_path, "a", "A")]

    with pytest.raises(StorageError, match="cannot write a file"):
        run(tmp_path, step)
    assert not (tmp_path / "work" / "a").exists()


def test_an_unforeseen_error_brings_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(L2HError, match=r"(?s)task 'toy/odd' hit .* KeyError: 'missing'.*Traceback.*in stumble"):
        run(tmp_path, lambda _: [failing(tmp_path, "odd", coretasks.stumble)])


def test_an_output_that_was_not_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing.*work/gone"):
        run(tmp_path, lambda _: [failing(tmp_path, "gone", coretasks.forget)])


def test_a_missing_input_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing.*work/none"):
        run(tmp_path, lambda _: [text_task(tmp_path, "a", "A", "none")])


def test_two_tasks_of_one_key_are_refused(tmp_path: Path) -> None:
    with pytest.raises(L2HError, match=r"same key.*toy/a"):
        run(tmp_path, lambda _: [text_task(tmp_path, "a", "A"), text_task(tmp_path, "a", "B")])


class Counter:
    """Progress that only counts."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def start(self, name: str, total: int) -> None:
        self.calls.append((name, total))

    def advance(self, amount: int) -> None:
        self.calls.append(("+", amount))

    def finish(self) -> None:
        self.calls.append(("end", 0))


def test_progress_counts_pixels(tmp_path: Path) -> None:
    counter, found = Counter(), context(tmp_path)
    told = Context(tmp_path, found.grid, found.block_px, found.ledger, found.executor, counter)
    run_stage(Stage("toy", (chain(tmp_path)[0],)), told)
    assert counter.calls == [("toy", 2), ("+", 1), ("+", 1), ("end", 0)]


# the small chain of noise, neighbours and sum, by every executor and under fire


def digests(folder: Path) -> dict[str, str]:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "ledger.jsonl"]
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in paths}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("undisturbed")
    report = run_stage(coretasks.CHAIN, context(folder))
    assert counts(report) == (41, 0)
    assert report.holes == (Hole("r0000c0000", "on purpose"),)
    return digests(folder)


@pytest.mark.slow
@pytest.mark.usefixtures("importable")
@pytest.mark.parametrize("kind", ["processes", "ray"])
def test_executors_make_the_same_bytes(tmp_path: Path, kind: str, undisturbed: dict[str, str]) -> None:
    found = context(tmp_path)
    with make_executor(kind, 2) as executor:  # type: ignore[arg-type]
        told = Context(tmp_path, found.grid, found.block_px, found.ledger, executor)
        assert counts(run_stage(coretasks.CHAIN, told)) == (41, 0)
    assert digests(tmp_path) == undisturbed


@pytest.mark.slow
def test_two_runs_of_one_project_at_once_end_in_the_same_bytes(
    tmp_path: Path, importable: None, undisturbed: dict[str, str]
) -> None:
    runs = [start(tmp_path, "serial") for _ in range(2)]
    assert [run.wait() for run in runs] == [0, 0]
    assert digests(tmp_path) == undisturbed
    assert counts(run_stage(coretasks.CHAIN, context(tmp_path))) == (0, 41)


def start(folder: Path, kind: str) -> subprocess.Popen[bytes]:
    code = "import coretasks; coretasks.main()"
    return subprocess.Popen([sys.executable, "-c", code, str(folder), kind, "2"], start_new_session=True)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "trials"), [("serial", 20), ("processes", 6)])
def test_killed_at_random_moments_and_resumed_ends_in_the_same_bytes(
    tmp_path: Path, importable: None, undisturbed: dict[str, str], kind: str, trials: int
) -> None:
    """SIGKILL to the run alone or to all its processes; what was recorded is never made twice."""
    rng, killed, project = random.Random(kind), 0, 0
    while killed < trials:
        folder, project = tmp_path / str(project), project + 1
        while True:
            recorded = {r.key for r in Ledger(folder).records()}
            run = start(folder, kind)
            wait_for_progress(run, folder, rng)
            if run.poll() is not None:
                break
            (os.kill if killed % 2 else os.killpg)(run.pid, signal.SIGKILL)
            run.wait()
            killed += 1
            assert recorded <= {r.key for r in Ledger(folder).records()}
        assert run.returncode == 0
        keys = [line for line in (folder / "work" / "ledger.jsonl").read_text().splitlines() if '"kind":"task"' in line]
        assert len(keys) == 41
        leave_parts = {path for path in digests(folder) if ".part-" in path}
        assert {k: v for k, v in digests(folder).items() if k not in leave_parts} == undisturbed
        assert counts(run_stage(coretasks.CHAIN, context(folder))) == (0, 41)


def wait_for_progress(run: subprocess.Popen[bytes], folder: Path, rng: random.Random) -> None:
    """Wait until a run has recorded a few more tasks and a random moment has passed, or until it ends."""
    ledger = folder / "work" / "ledger.jsonl"
    goal, end = size_of(ledger) + rng.randint(1, 4000), time.monotonic() + 60
    while run.poll() is None and size_of(ledger) < goal:
        assert time.monotonic() < end, "the run hangs"
        time.sleep(0.002)
    time.sleep(rng.random() * 0.03)


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
