"""The chain: a project's stages in order, each a description that is planned, run or reported by its name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from l2h.core.errors import SettingsError, UsageError
from l2h.core.executors import Kind, make_executor
from l2h.core.files import remove_parts
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.tasks import Context, Progress, Silent, Stage, StageReport, plan_stage, run_stage
from l2h.facts import layer_facts, page_settings, release_facts
from l2h.project import Project, load_project, save_settings

STAGES = ("layers", "labels", "train", "map", "release", "assess", "report")


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
        from l2h.sources.boundaries import read_cities
        from l2h.sources.grids import grid_for

        lattice, cell_px = self.project.grid, self.project.labels.cell_px
        if lattice.bounds is not None:
            return grid_for(lattice.bounds, lattice.crs, lattice.pixel_m, cell_px, keep_corner=True)
        boundary = self.project.boundary
        cities = read_cities(self.folder / boundary.path, boundary, lattice.crs)
        return grid_for(cities.bounds(), lattice.crs, lattice.pixel_m, cell_px)

    @property
    def release_dir(self) -> Path:
        return self.folder / "release" / self.project.project.version

    def stage(self, name: str) -> Stage:
        """The description of a stage; UsageError for a name that is none."""
        if name not in STAGES:
            raise UsageError("no such stage", expected=", ".join(STAGES), got=name)
        stage: Stage = getattr(self, f"_{name}")()
        return stage

    @contextmanager
    def context(self, executor: Kind, workers: int, progress: Progress | None = None) -> Iterator[Context]:
        """Everything a stage needs to run; cleans up what killed runs left half-written."""
        remove_parts(self.folder / "work")
        remove_parts(self.folder / "release")
        save_settings(self.project, self.folder)
        with make_executor(executor, workers) as pool:
            yield self._context(pool, progress or Silent())

    def run(self, name: str, context: Context) -> StageReport:
        """Run one stage: keep what is good, make the rest."""
        if name == "train":
            self._refuse_training()
        return run_stage(self.stage(name), context)

    def status(self) -> list[dict[str, Any]]:
        """Per stage: how many tasks are to keep, remake, make; what failed, holes, seconds spent, pixels to make."""
        with make_executor("serial", 1) as pool:
            context = self._context(pool, Silent())
            return [self._stage_status(name, context) for name in STAGES]

    def _context(self, pool: Any, progress: Progress) -> Context:
        return Context(self.folder, self.grid, self.project.grid.block_px, Ledger(self.folder), pool, progress)

    def _stage_status(self, name: str, context: Context) -> dict[str, Any]:
        row: dict[str, Any] = {"stage": name, "keep": 0, "remake": 0, "make": 0, "failed": 0, "holes": 0}
        row |= {"seconds": 0.0, "pixels_to_make": 0, "waiting": False}
        complete = False
        for task, decision in plan_stage(self.stage(name), context):
            complete = True
            if decision is None:
                row["waiting"] = True
                continue
            row[decision] += 1
            row["pixels_to_make"] += 0 if decision == "keep" else task.pixels
            record = context.ledger.get(task.key)
            if record is not None:
                row["failed"] += bool(record.failed)
                row["holes"] += len(record.holes)
                row["seconds"] += record.info.get("seconds", 0.0)
        row["waiting"] = row["waiting"] or not complete
        row["seconds"] = round(row["seconds"], 2)
        return row

    def _refuse_training(self) -> None:
        barred = [fact for fact in layer_facts(self.project) if not fact.may_train]
        if barred:
            raise SettingsError(
                f"layer '{barred[0].name}' may not be used for training",
                where="may_train = false",
                got=f"licence {barred[0].licence}",
                hint="Leave the layer out, or set may_train where its terms allow it.",
            )

    def _layers(self) -> Stage:
        from l2h.sources.stage import stage

        p = self.project
        return stage(p.imagery, p.products, p.osm, p.boundary, p.survey)

    def _labels(self) -> Stage:
        from l2h.labels.stage import stage

        return stage(self.project.labels)

    def _train(self) -> Stage:
        from l2h.learning.stage import stage

        return stage(self.project.learning, self.project.labels.cell_px)

    def _map(self) -> Stage:
        from l2h.mapping.stage import Layers, stage

        return stage(self.project.mapping, Layers(cell_px=self.project.labels.cell_px), self.device)

    def _release(self) -> Stage:
        from l2h.product.stage import stage

        return stage(self.project.release, release_facts(self.project))

    def _assess(self) -> Stage:
        from l2h.accuracy.stage import stage

        return stage(self.project.reference)

    def _report(self) -> Stage:
        from l2h.report.stage import stage

        return stage(page_settings(self.project))
