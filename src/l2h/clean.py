"""Clean samples of a project: read as points, held apart from those of the assessment, put on the lattice for training.

Stands above the rooms: training may not know the assessment, and somebody has to keep them apart.
"""

from functools import partial
from pathlib import Path

from l2h.accuracy.apart import ASSESSMENT, UNJUDGED, Sample, check_apart
from l2h.accuracy.points import read_points
from l2h.accuracy.settings import ReferenceSettings
from l2h.core.files import write_text
from l2h.core.grid import Grid
from l2h.core.legend import load_legend
from l2h.core.tasks import Context, Made, Stage, Task
from l2h.learning.clean import CleanPoints
from l2h.learning.files import CLEAN
from l2h.learning.settings import CleanSettings


def with_clean(train: Stage, clean: CleanSettings, reference: ReferenceSettings | None) -> Stage:
    """The stage of training with a step before it that reads the clean points; as it is where there are none."""
    if clean.points is None:
        return train
    return Stage(train.name, (partial(clean_tasks, clean, reference), *train.steps))


def clean_tasks(clean: CleanSettings, reference: ReferenceSettings | None, context: Context) -> list[Task]:
    """work/train/clean.csv: row, column and class of each point."""
    assert clean.points is not None  # else there is no such step
    paths = [context.project_dir / clean.points]
    if reference and reference.points:
        paths.append(context.project_dir / reference.points)
    out = context.work / "train" / CLEAN
    judges = reference.model_dump(mode="json") if reference else None
    arguments = {"folder": context.project_dir, "clean": clean, "reference": reference, "grid": context.grid}
    return [
        Task(
            key="train/clean",
            function=locate_clean,
            arguments=arguments | {"out": out},
            inputs=tuple(paths),
            outputs=(out,),
            settings=context.place() | {"clean": clean.model_dump(mode="json"), "reference": judges},
        )
    ]  # fmt: skip


def locate_clean(
    folder: Path, clean: CleanSettings, reference: ReferenceSettings | None, grid: Grid, out: Path
) -> Made:
    """Read, check and place the points; InputError where one lies too near a point of the assessment."""
    legend, path = load_legend("sinolc1"), folder / str(clean.points)
    table = ReferenceSettings(points=clean.points, layer=clean.layer, class_column=clean.class_column)
    points = read_points(path, table, grid, legend)
    if reference and reference.points:
        judges = read_points(folder / reference.points, reference, grid, legend)
        ours = Sample.of(points, "clean points", str(clean.points))
        check_apart(ours, Sample.of(judges, ASSESSMENT, reference.points), grid, clean.apart_m, UNJUDGED)
    write_text(out, CleanPoints(points.rows, points.cols, points.reference).to_csv())
    return Made(info={"points": len(points)})
