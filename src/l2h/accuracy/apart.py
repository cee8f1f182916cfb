"""Points of different purposes are kept apart: those that judge, those that calibrate, those the network learned from.

One rule for all of them: a point lies too near another when it is nearer than `apart_m`, or in the same pixel.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.points import Points, read_points
from l2h.accuracy.settings import CalibrationSettings, ReferenceSettings
from l2h.core.crs import metres_per_unit
from l2h.core.errors import InputError
from l2h.core.files import write_text
from l2h.core.grid import Grid
from l2h.core.legend import load_legend
from l2h.core.tasks import Context, Made, Task

NAMED = 5  # rows that an error names
ASSESSMENT = "points of the assessment"
UNJUDGED = "A map may not be judged by what it was fitted to: draw two samples, or leave these points out."
UNSEEN = "A network is surer of what it has seen than it is right elsewhere: leave these points out of one of the two."

Step = Callable[[Context], list[Task]]


@dataclass(frozen=True)
class Sample:
    """Points of one purpose as errors name them: what they are, their file, identities, rows and columns int64 [n]."""

    name: str
    where: str
    ids: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]

    @classmethod
    def of(cls, points: Points, name: str, where: str) -> "Sample":
        return cls(name, where, points.ids, points.rows, points.cols)

    @classmethod
    def learned(cls, text: str, where: str) -> "Sample":
        """What the stage `train` wrote of the points it learned from: columns row, col, class; known by their row."""
        rows = list(csv.reader(io.StringIO(text)))[1:]
        numbers = np.array([row[:2] for row in rows], "int64").reshape(-1, 2)
        return cls("clean points", where, tuple(map(str, range(len(rows)))), numbers[:, 0], numbers[:, 1])


def calibration_step(
    settings: CalibrationSettings, reference: ReferenceSettings | None, out: str, learned: tuple[str, str] | None = None
) -> Step:
    """The step that locates calibration points into `out`, below the work folder; it goes before what uses them.

    learned : file below the work folder with the points the network learned from, and how the user calls them
    """

    def tasks(context: Context) -> list[Task]:
        named = [settings.points, *([reference.points] if reference and reference.points else [])]
        path = context.work / out
        told: dict[str, Any] = {"calibration": settings.model_dump(mode="json")}
        told["reference"] = reference.model_dump(mode="json") if reference else None
        seen = None if learned is None else (context.work / learned[0], learned[1])
        arguments = {
            "folder": context.project_dir, "settings": settings, "reference": reference, "grid": context.grid,
            "out": path, "learned": seen,
        }  # fmt: skip
        inputs = (*(context.project_dir / name for name in named), *([seen[0]] if seen else []))
        return [Task("map/calibration-points", locate, arguments, inputs, (path,), context.place() | told)]

    return tasks


def locate(
    folder: Path,
    settings: CalibrationSettings,
    reference: ReferenceSettings | None,
    grid: Grid,
    out: Path,
    learned: tuple[Path, str] | None = None,
) -> Made:
    """Read, place and write calibration points.

    InputError where one lies too near a point of the assessment or one that the network learned from (`learned`).
    """
    points = _read(folder, ReferenceSettings(**settings.model_dump(exclude={"apart_m"})), grid)
    ours = Sample.of(points, "calibration points", settings.points)
    if reference is not None and reference.points:
        judges = Sample.of(_read(folder, reference, grid), ASSESSMENT, reference.points)
        check_apart(ours, judges, grid, settings.apart_m, UNJUDGED)
    if learned is not None:
        seen = Sample.learned(learned[0].read_text("utf-8"), learned[1])
        check_apart(ours, seen, grid, settings.apart_m, UNSEEN)
    write_text(out, points.to_csv())
    return Made(info={"points": len(points)})


def check_apart(ours: Sample, others: Sample, grid: Grid, apart_m: float, hint: str) -> None:
    """InputError naming the first of our points nearer than `apart_m` to one of the others, or in its pixel."""
    nearest, distance = nearest_of(ours, others, grid)
    near = np.flatnonzero((distance < apart_m) | (distance == 0))
    if not near.size:
        return
    worst = near[np.argmin(distance[near])]
    names = ", ".join(ours.ids[i] for i in near[:NAMED]) + (", …" if near.size > NAMED else "")
    raise InputError(
        f"{near.size} of {len(ours.ids)} {ours.name} lie at or near {others.name}",
        where=f"{ours.where}, points {names}",
        expected=f"at least {apart_m:g} m between them, and another pixel",
        got=f"{distance[worst]:.1f} m from point {ours.ids[worst]} to point {others.ids[int(nearest[worst])]} of "
        f"{others.where}",
        hint=hint,
    )


def nearest_of(ours: Sample, others: Sample, grid: Grid) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Number of the nearest of the others to each of our points, and the distance of their pixels in metres."""
    from scipy.spatial import KDTree

    side = grid.pixel * metres_per_unit(grid.crs)
    places, those = (np.stack([sample.rows, sample.cols], axis=1) * side for sample in (ours, others))
    distance, nearest = KDTree(those).query(places)
    return np.asarray(nearest, "int64"), np.asarray(distance, "float64")


def _read(folder: Path, settings: ReferenceSettings, grid: Grid) -> Points:
    return read_points(folder / str(settings.points), settings, grid, load_legend("sinolc1"))
