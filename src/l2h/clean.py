"""Clean samples of a project: read as points, held apart from those of the assessment, put on the lattice for training.

Stands above the rooms: training may not know the assessment, and somebody has to keep them apart.
"""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from l2h.accuracy.points import Points, read_points
from l2h.accuracy.settings import ReferenceSettings
from l2h.core.crs import metres_per_unit
from l2h.core.errors import InputError
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
    """Read, check and place the points; InputError where one lies within ``apart_m`` of a point of the assessment."""
    legend, path = load_legend("sinolc1"), folder / str(clean.points)
    table = ReferenceSettings(points=clean.points, layer=clean.layer, class_column=clean.class_column)
    points = read_points(path, table, grid, legend)
    if reference and reference.points:
        judges = read_points(folder / reference.points, reference, grid, legend)
        check_apart(points, judges, grid, clean.apart_m, str(path))
    write_text(out, CleanPoints(points.rows, points.cols, points.reference).to_csv())
    return Made(info={"points": len(points)})


def check_apart(points: Points, judges: Points, grid: Grid, apart_m: float, where: str) -> None:
    """InputError where a clean point lies within ``apart_m`` of a point of the assessment, or in its pixel."""
    nearest, distance = nearest_points(points, judges, grid)
    close = distance <= apart_m
    if not close.any():
        return
    first = int(np.argmin(distance))
    raise InputError(
        f"{int(close.sum())} of {len(points)} clean points lie at or near points of the assessment",
        where=where,
        expected=f"every point farther than {apart_m:g} m from all of them",
        got=f"point {points.ids[first]}, {distance[first]:.1f} m from point {judges.ids[int(nearest[first])]}",
        hint="A map is not judged by what it learned from: take these points out of one of the two files.",
    )


def nearest_points(points: Points, judges: Points, grid: Grid) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Number of the nearest point of the assessment to each clean point, and the distance of their pixels in metres."""
    from scipy.spatial import KDTree

    side = grid.pixel * metres_per_unit(grid.crs)
    tree = KDTree(np.stack([judges.rows, judges.cols], axis=1) * side)
    distance, nearest = tree.query(np.stack([points.rows, points.cols], axis=1) * side)
    return np.asarray(nearest, "int64"), np.asarray(distance, "float64")
