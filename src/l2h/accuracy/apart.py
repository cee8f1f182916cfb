"""Points to calibrate by: located like reference points, and kept apart from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from l2h.accuracy.points import Points, read_points
from l2h.accuracy.settings import CalibrationSettings, ReferenceSettings
from l2h.core.crs import metres_per_unit
from l2h.core.errors import InputError
from l2h.core.files import write_text
from l2h.core.grid import Grid
from l2h.core.legend import load_legend
from l2h.core.tasks import Context, Made, Task

Step = Callable[[Context], list[Task]]


def calibration_step(settings: CalibrationSettings, reference: ReferenceSettings | None, out: str) -> Step:
    """The step that locates calibration points into `out`, below the work folder; it goes before what uses them."""

    def tasks(context: Context) -> list[Task]:
        named = [settings.points, *([reference.points] if reference and reference.points else [])]
        path = context.work / out
        told: dict[str, Any] = {"calibration": settings.model_dump(mode="json")}
        told["reference"] = reference.model_dump(mode="json") if reference else None
        arguments = {
            "folder": context.project_dir, "settings": settings, "reference": reference, "grid": context.grid,
            "out": path,
        }  # fmt: skip
        inputs = tuple(context.project_dir / name for name in named)
        return [Task("map/calibration-points", locate, arguments, inputs, (path,), context.place() | told)]

    return tasks


def locate(
    folder: Path, settings: CalibrationSettings, reference: ReferenceSettings | None, grid: Grid, out: Path
) -> Made:
    """Read, place and write calibration points; InputError where one lies too near a point of the assessment."""
    points = _read(folder, ReferenceSettings(**settings.model_dump(exclude={"apart_m"})), grid)
    if reference is not None and reference.points:
        check_apart(points, _read(folder, reference, grid), grid, settings.apart_m, settings.points)
    write_text(out, points.to_csv())
    return Made(info={"points": len(points)})


def check_apart(points: Points, judges: Points, grid: Grid, apart_m: float, where: str) -> None:
    """Refuse points nearer than `apart_m` to points that judge: what was fitted to them cannot be judged by them."""
    side = grid.pixel * metres_per_unit(grid.crs)
    ours, theirs = (np.stack([p.rows, p.cols], axis=1) * side for p in (points, judges))
    distance, nearest = (np.atleast_1d(found) for found in cKDTree(theirs).query(ours))
    near = (distance < apart_m) | (distance == 0)
    if near.any():
        i = int(np.argmax(near))
        raise InputError(
            f"{int(near.sum())} calibration points lie where the assessment's points lie",
            where=f"{where}, point {points.ids[i]} and reference point {judges.ids[int(nearest[i])]}",
            expected=f"at least {apart_m:g} m between them",
            got=f"{distance[i]:.1f} m",
            hint="A map may not be judged by what it was fitted to: draw two samples, or leave these points out.",
        )


def _read(folder: Path, settings: ReferenceSettings, grid: Grid) -> Points:
    return read_points(folder / str(settings.points), settings, grid, load_legend("sinolc1"))
