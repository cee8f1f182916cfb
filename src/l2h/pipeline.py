"""The chain: a project's stages in order, each a description that is planned, run or reported by its name."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from l2h.checks import check_crs, check_files, check_points, check_training
from l2h.core.errors import InputError, SettingsError, UsageError
from l2h.core.executors import Kind, make_executor
from l2h.core.files import remove_parts, sole
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger, Record
from l2h.core.progress import Progress, Silent
from l2h.core.tasks import Context, Stage, StageReport, Task, plan_stage, run_stage
from l2h.facts import layer_facts, page_settings, release_facts
from l2h.product.facts import check_publication
from l2h.project import PROJECT_FILE, Project, load_project, save_settings
from l2h.sources.extra_settings import extra_layers
from l2h.sources.veil import veiled

if TYPE_CHECKING:
    from l2h.sources.boundaries import Cities

STAGES = ("layers", "labels", "train", "map", "release", "assess", "report")
BESIDE = ("survey", "compare")  # what judges the map beside the chain: run when it is asked for
LOCK = ".lock"  # in work/: held by the process that works there
UNSTATED = ("", "unknown", "not stated", "?")


@dataclass(frozen=True)
class Pipeline:
    """A project and what can be done with it. Opening it reads the settings and nothing else.

    device : where networks run ("cpu", "cuda"); results of the two are not mixed, since they round differently
    """

    folder: Path
    project: Project
    device: Literal["cpu", "cuda"] = "cpu"

    @classmethod
    def open(cls, folder: Path, overrides: tuple[str, ...] = (), device: Literal["cpu", "cuda"] = "cpu") -> "Pipeline":
        """Read `folder/project.toml`; SettingsError where it is missing or says something that does not fit."""
        return cls(Path(folder).absolute(), load_project(folder, overrides), device)

    @cached_property
    def grid(self) -> Grid:
        """The lattice: the stated bounds, else the extent of the outlines, grown to whole cells."""
        from l2h.sources.grids import grid_for

        lattice, cell_px = self.project.grid, self.project.labels.cell_px
        if lattice.bounds is not None:
            return grid_for(lattice.bounds, lattice.crs, lattice.pixel_m, cell_px, keep_corner=True)
        return grid_for(self.cities.bounds(), lattice.crs, lattice.pixel_m, cell_px)

    @cached_property
    def cities(self) -> "Cities":
        """The outlines of the cities in the CRS of the lattice, checked."""
        from l2h.sources.boundaries import read_cities

        boundary = self.project.boundary
        path = self.folder / boundary.local
        if boundary.links and not path.is_file():
            hint = "Run `l2h fetch` in the project first."
            raise InputError("the outlines are not fetched yet", where=str(path), hint=hint)
        return read_cities(path, boundary, self.project.grid.crs)

    @property
    def release_dir(self) -> Path:
        return self.folder / "release" / self.project.project.version

    def stage(self, name: str) -> Stage:
        """The description of a stage; UsageError for a name that is none."""
        if name not in (*STAGES, *BESIDE):
            raise UsageError("no such stage", expected=", ".join((*STAGES, *BESIDE)), got=name)
        stage: Stage = getattr(self, f"_{name}")()
        return stage

    def check(self, names: Collection[str]) -> None:
        """Refuse at once what would fail after hours of the named stages: rights, CRS, files that are named singly.

        SettingsError for rights and the CRS, InputError for a file that is not there or points that cannot be used.
        """
        check_crs(self.project, self.folder)
        check_files(self.project, self.folder, names)
        if "train" in names:
            check_training(self.project)
        if "release" in names:
            check_publication(layer_facts(self.project))
        check_points(self.project, self.folder, names, lambda: self.grid)

    def unlicensed(self) -> list[str]:
        """Names of the layers whose licence the project leaves open."""
        return [fact.name for fact in layer_facts(self.project) if fact.licence.strip().lower() in UNSTATED]

    @contextmanager
    def context(self, executor: Kind, workers: int, progress: Progress | None = None) -> Iterator[Context]:
        """Everything a stage needs to run, for one process at a time; cleans up what killed runs left half-written.

        InputError while another process works in this project: what one makes the other would take for its own.
        """
        with sole(self.folder / "work" / LOCK, "another l2h is at work in this project"):
            remove_parts(self.folder / "work")
            remove_parts(self.folder / "release")
            save_settings(self.project, self.folder)
            with make_executor(executor, workers) as pool:
                yield self._context(pool, progress or Silent())

    def run(self, name: str, context: Context) -> StageReport:
        """Run one stage: keep what is good, make the rest."""
        if name == "train":
            check_training(self.project)
        try:
            return run_stage(self.stage(name), context)
        except InputError as error:
            if Path(error.where).exists() or not error.where.startswith(str(context.work)):
                raise
            raise InputError(
                f"stage '{name}' needs what an earlier stage makes, and it is not there",
                where=error.where,
                hint=f"Run the stages before it ({', '.join(_before(name))}), or all: l2h run.",
            ) from error

    def status(self, names: Collection[str] = STAGES) -> list[dict[str, Any]]:
        """Per named stage: how many tasks are to keep, remake, make; what failed, holes, seconds spent, pixels to make.

        What rests on something stale counts as stale. `waiting` where the whole plan shows only once earlier stages
        are made; `problem` why it cannot be made, or why a task failed last time. Writes nothing.
        """
        with make_executor("serial", 1) as pool:
            context = self._context(pool, Silent(), read_only=True)
            stale: set[Path] = set()
            chain = [*STAGES, *(name for name in BESIDE if name in names)]  # what a stage rests on is looked at first
            rows = [self._stage_status(name, context, stale) for name in chain]
        return [row for row in rows if row["stage"] in names]

    def _context(self, pool: Any, progress: Progress, *, read_only: bool = False) -> Context:
        ledger = Ledger(self.folder, read_only=read_only)
        return Context(self.folder, self.grid, self.project.grid.block_px, ledger, pool, progress)

    def _stage_status(self, name: str, context: Context, stale: set[Path]) -> dict[str, Any]:
        row: dict[str, Any] = {"stage": name, "keep": 0, "remake": 0, "make": 0, "failed": 0, "holes": 0}
        row |= {"seconds": 0.0, "pixels": 0, "pixels_to_make": 0, "waiting": False, "problem": ""}
        waits: list[InputError] = []
        for task, decision in plan_stage(self.stage(name), context, waits):
            rests_on_stale = decision == "keep" and not stale.isdisjoint(task.inputs)
            decided = "remake" if rests_on_stale else decision
            if decided is None:
                row["waiting"] = True
                continue
            if decided != "keep":
                stale.update(task.outputs)
            _count(row, task, decided, context.ledger.get(task.key))
        for error in waits:
            made_later = error.where.startswith(str(context.work)) and not Path(error.where).exists()
            row |= {"waiting": True, "problem": row["problem"] or ("" if made_later else str(error))}
        row["seconds"] = round(row["seconds"], 2)
        return row

    def _layers(self) -> Stage:
        from l2h.sources.stage import stage

        p = self.project
        return stage(p.imagery, p.products, p.osm, p.boundary, p.survey, p.extras)

    def _labels(self) -> Stage:
        from l2h.labels.stage import stage

        return stage(self.project.labels)

    def _train(self) -> Stage:
        from l2h.clean.stage import with_clean
        from l2h.learning.stage import stage

        p, cell_px = self.project, self.project.labels.cell_px
        return with_clean(stage(p.learning, cell_px, extra_layers(p.extras)), p.learning.clean, p.reference, cell_px)

    def _map(self) -> Stage:
        from l2h.accuracy.apart import calibration_step
        from l2h.clean.stage import learned
        from l2h.mapping.stage import POINTS, Layers, stage

        p, wanted = self.project, self.project.calibration
        layers = Layers(points=wanted is not None, cell_px=p.labels.cell_px, extras=extra_layers(p.extras))
        mapped = stage(p.mapping, layers, self.device)
        before = (calibration_step(wanted, p.reference, POINTS, learned(p.learning.clean)),) if wanted else ()
        return Stage(mapped.name, (*before, *mapped.steps))

    def _release(self) -> Stage:
        from l2h.product.stage import stage

        return stage(self.project.release, release_facts(self.project))

    def _assess(self) -> Stage:
        from l2h.accuracy.stage import LOCATED, stage
        from l2h.mapping.stage import Layers, sets_step

        p, reference = self.project, self.project.reference
        if not (p.calibration and p.mapping.tells_sets and reference and reference.points):
            return stage(reference)
        layers = Layers(points=True, cell_px=p.labels.cell_px, extras=extra_layers(p.extras))
        locate, *rest = stage(reference, sets=True).steps
        return Stage("assess", (locate, sets_step(p.mapping, layers, LOCATED, self.device), *rest))

    def _survey(self) -> Stage:
        from l2h.accuracy.survey.stage import stage
        from l2h.sources.stage import survey_step

        survey = self.project.survey
        if survey is None:
            raise SettingsError(
                "the project names no survey",
                where=str(self.folder / PROJECT_FILE),
                hint='Name its table in a section [survey]: path = "survey.csv".',
            )
        judged = stage(survey, veiled(survey.path))
        return Stage(judged.name, (survey_step(survey), *judged.steps))

    def _compare(self) -> Stage:
        from l2h.accuracy.compare.stage import stage
        from l2h.accuracy.maps import Product
        from l2h.accuracy.stage import locate_step
        from l2h.sources.stage import products_step

        compare, reference = self.project.compare, self.project.reference
        products = tuple(Product(product.name, product.legend) for product in compare.products)
        points = reference is not None and reference.points is not None
        judged = stage(compare, products, points)
        before = (
            products_step(compare.products, self.project.boundary),
            *((locate_step(reference),) if reference and points else ()),
        )
        return Stage(judged.name, (*before, *judged.steps))

    def _report(self) -> Stage:
        from l2h.report.stage import stage

        return stage(page_settings(self.project))


def _before(name: str) -> tuple[str, ...]:
    """The stages that a stage may rest on."""
    return STAGES[: STAGES.index(name)] if name in STAGES else STAGES[:-1]


def _count(row: dict[str, Any], task: Task, decision: str, record: Record | None) -> None:
    """Add a task to the row of its stage."""
    row[decision] += 1
    row["pixels_to_make"] += 0 if decision == "keep" else task.pixels
    if record is None:
        return
    row["failed"] += bool(record.failed)
    row["holes"] += len(record.holes)
    row["seconds"] += record.info.get("seconds", 0.0)
    row["pixels"] += record.info.get("pixels", 0)
    row["problem"] = row["problem"] or record.failed
