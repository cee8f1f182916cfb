"""Tasks and stages: what is to be made, decided from the ledger, run by an executor, recorded when it is whole."""

import resource
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import l2h
from l2h.core.errors import InputError, L2HError, StorageError, TaskError
from l2h.core.executors import Executor
from l2h.core.files import canonical_json, sha256_bytes
from l2h.core.grid import Grid, Window
from l2h.core.ledger import Decision, FileState, Ledger, Record, decide
from l2h.core.progress import Progress, Silent
from l2h.core.raster import BlockStore

TOO_MANY_FAILURES = 20


@dataclass(frozen=True)
class Hole:
    """Something that could not be read: where, and why. Its pixels are nodata and the run ends with status 3."""

    where: str
    reason: str


@dataclass(frozen=True)
class Made:
    """What a task tells of itself when it is done; its outputs are on the disk.

    info : for the ledger; a text `notice` is also told to the user: something left out that leaves no hole
    """

    holes: tuple[Hole, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One thing to make.

    key       : its name in the ledger, "stage/…"
    function  : top-level function called with **arguments; writes exactly `outputs`, returns Made
    arguments : plain values that can be pickled. Not part of the digest: whatever changes the bytes of the outputs
                must also stand in `settings` or come from `inputs`
    inputs    : files it reads
    outputs   : files it writes, below the project folder
    settings  : the values that change its outputs
    pixels    : size of the work, for progress
    inline    : run in the calling process whatever the executor, with the keyword `progress`: for work that is long in
                itself and brings its own processes (training). Its `pixels` are announced and advanced by the function
    """

    key: str
    function: Callable[..., Made]
    arguments: Mapping[str, Any]
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    pixels: int = 1
    inline: bool = False


@dataclass(frozen=True)
class Context:
    """Where a stage works: the project's folder, lattice, ledger and executor."""

    project_dir: Path
    grid: Grid
    block_px: int
    ledger: Ledger
    executor: Executor
    progress: Progress = field(default_factory=Silent)

    @property
    def work(self) -> Path:
        return self.project_dir / "work"

    def store(self, name: str) -> BlockStore:
        """The block store `work/<name>` on the project's lattice."""
        return BlockStore(self.work / name, self.grid, self.block_px)

    def cell_store(self, name: str, cell_px: int) -> BlockStore:
        """The block store `work/<name>` on the lattice of `cell_px` × `cell_px` cells."""
        return BlockStore(self.work / name, self.grid.coarsen(cell_px), max(1, self.block_px // cell_px))

    def place(self, window: Window | None = None) -> dict[str, Any]:
        """The lattice and a window, for the settings of a task whose outputs depend on where it works.

        The name of a block tells neither its size nor where on the ground it lies.
        """
        lattice = {"grid": self.grid.to_dict()}
        return lattice if window is None else lattice | {"window": str(window)}


@dataclass(frozen=True)
class Stage:
    """A named part of the chain: steps run one after another; the tasks of one step do not need each other."""

    name: str
    steps: tuple[Callable[[Context], list[Task]], ...]


@dataclass(frozen=True)
class StageReport:
    """What a stage did: how many tasks were made and kept, the holes and the notices of all of them."""

    name: str
    made: int
    kept: int
    holes: tuple[Hole, ...]
    seconds: float
    notices: tuple[str, ...] = ()


def wanted_digest(task: Task, ledger: Ledger) -> str:
    """SHA-256 of everything that determines a task's outputs: function, package version, settings, inputs' bytes."""
    return sha256_bytes(
        canonical_json(
            {
                "function": f"{task.function.__module__}.{task.function.__qualname__}",
                "version": l2h.__version__,
                "settings": dict(task.settings),
                "inputs": [ledger.digest_of(path) for path in task.inputs],
                "outputs": [path.name for path in task.outputs],
            }
        ).encode()
    )


def plan_task(task: Task, ledger: Ledger) -> tuple[Decision, str]:
    """What is to be done about a task, and the digest it would be made with."""
    wanted = wanted_digest(task, ledger)
    record = ledger.get(task.key)
    return decide(record, wanted, record is not None and ledger.intact(record)), wanted


def plan_stage(
    stage: Stage, context: Context, waits: list[InputError] | None = None
) -> Iterator[tuple[Task, Decision | None]]:
    """Every task of a stage with what is to be done; None where its inputs are not made yet.

    What was never made needs no digest to be known as missing, so a fresh project's inputs are not hashed for a plan.
    waits : takes the reason why a step cannot be described yet; the plan ends there
    """
    for step in stage.steps:
        try:
            tasks = step(context)
        except InputError as error:  # the step is described by files of an earlier step that are not there yet
            if waits is not None:
                waits.append(error)
            return
        for task in tasks:
            if not all(path.exists() for path in task.inputs):
                yield task, None
                continue
            record = context.ledger.get(task.key)
            never = record is None or bool(record.failed)
            yield task, "make" if never else plan_task(task, context.ledger)[0]


def run_stage(stage: Stage, context: Context) -> StageReport:
    """Run a stage: keep what is good, make the rest, record each task when its files are whole.

    Raises TaskError when tasks failed; what the others made stays made.
    """
    started, made, kept, records = time.monotonic(), 0, 0, []
    for number, step in enumerate(stage.steps, start=1):
        todo: list[Task] = []
        wanted: dict[str, str] = {}
        for task in step(context):
            if task.key in wanted:
                raise L2HError("two tasks of one step have the same key", where=task.key)
            decision, wanted[task.key] = plan_task(task, context.ledger)
            if decision == "keep":
                kept += 1
                records.append(_record(context, task))
            else:
                todo.append(task)
        title = f"{stage.name} {number}/{len(stage.steps)}" if len(stage.steps) > 1 else stage.name
        for outcome in _run_tasks(stage.name, title, todo, context):
            record = outcome.record(wanted[outcome.key])
            context.ledger.add(record)
            records.append(record)
        made += len(todo)
    return StageReport(stage.name, made, kept, *_told(records, time.monotonic() - started))


def _told(records: list[Record], seconds: float) -> tuple[tuple[Hole, ...], float, tuple[str, ...]]:
    """Holes, seconds and notices for a report, each thing once."""
    holes = dict.fromkeys(Hole(**hole) for record in records for hole in record.holes)
    notices = dict.fromkeys(str(record.info["notice"]) for record in records if "notice" in record.info)
    return tuple(holes), seconds, tuple(notices)


def _record(context: Context, task: Task) -> Record:
    record = context.ledger.get(task.key)
    if record is None:
        raise L2HError("the ledger lost a record it had", where=task.key)
    return record


def _run_tasks(name: str, title: str, tasks: list[Task], context: Context) -> Iterator["Outcome"]:
    if not tasks:
        return
    failures: list[Outcome] = []
    context.progress.start(title, sum(task.pixels for task in tasks))
    try:
        for outcome in _outcomes(tasks, context):
            if outcome.error is None:
                yield outcome
                continue
            failures.append(outcome)
            context.ledger.add(outcome.record(""))
            if len(failures) >= TOO_MANY_FAILURES or isinstance(outcome.error, StorageError):
                break
    finally:
        context.progress.finish()
    if failures:
        _raise_failures(name, failures, len(tasks))


def _outcomes(tasks: list[Task], context: Context) -> Iterator["Outcome"]:
    """Outcomes as they come: inline tasks here and first, the others from the executor."""
    root = str(context.project_dir)
    for task in tasks:
        if task.inline:
            yield execute((replace(task, arguments={**task.arguments, "progress": context.progress}), root))
    others = [(task, root) for task in tasks if not task.inline]
    for outcome in context.executor.map(execute, others):
        context.progress.advance(outcome.pixels)
        yield outcome


def _raise_failures(name: str, failures: list["Outcome"], total: int) -> None:
    first = failures[0].error
    if isinstance(first, L2HError) and len(failures) == 1:
        raise first
    raise TaskError(
        f"{len(failures)} of {total} tasks of stage '{name}' failed; the first: {first}",
        where=", ".join(f.key for f in failures[:5]) + ("…" if len(failures) > 5 else ""),
        hint="What was finished is kept; mend the cause and run again.",
    ) from first


@dataclass(frozen=True)
class Outcome:
    """How a task ended, as it travels back from a worker."""

    key: str
    made: Made
    outputs: Mapping[str, FileState]
    seconds: float
    peak_mb: float
    pixels: int
    error: L2HError | None = None

    def record(self, wanted: str) -> Record:
        info = {
            "seconds": round(self.seconds, 3),
            "pixels": self.pixels,
            "peak_mb": round(self.peak_mb),
            **self.made.info,
        }
        holes = tuple({"where": hole.where, "reason": hole.reason} for hole in self.made.holes)
        return Record(self.key, wanted, dict(self.outputs), holes, info, str(self.error) if self.error else "")


def execute(item: tuple[Task, str]) -> Outcome:
    """Run one task where the worker is, hash what it wrote, and turn whatever went wrong into an outcome."""
    task, root = item
    started = time.monotonic()
    made, outputs, error = Made(), {}, None
    try:
        made = task.function(**task.arguments)
        outputs = {path.relative_to(root).as_posix(): FileState.of(path) for path in task.outputs}
    except L2HError as caught:
        error = caught
    except Exception as caught:
        error = L2HError(
            f"task '{task.key}' hit an unforeseen error: {type(caught).__name__}: {caught}",
            hint="Please report it with the lines below.\n" + traceback.format_exc(),
        )
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Outcome(task.key, made, outputs, time.monotonic() - started, peak_mb, task.pixels, error)
