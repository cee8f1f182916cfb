"""Points of different purposes are kept apart: those that judge, those that calibrate, those the network learned from.

One rule for all of them: a point lies too near another when it is nearer than `apart_m`, or in the same pixel.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.points import Points, read_points
from l2h.accuracy.settings import CalibrationSettings, ReferenceSettings
from l2h.core.crs import metres_per_unit
from l2h.core.errors import InputError
from l2h.core.files import read_json, write_text
from l2h.core.grid import Block, Grid
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore
from l2h.core.tasks import Context, Made, Task

NAMED = 5  # rows that an error names
ASSESSMENT = "points of the assessment"
CALIBRATION = "calibration points"
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


@dataclass(frozen=True)
class Learned:
    """Clean samples that the network learned from, below the work folder; each may be left out.

    points : file of their pixels, written by the stage `train`; named : how the user calls it
    index  : file that lists the blocks with drawn ground, in the folder of the same name
    """

    points: str | None = None
    named: str = ""
    index: str | None = None

    def files(self, work: Path) -> tuple[Path, ...]:
        """All files, for a task's inputs. InputError where the list of blocks is not there yet."""
        points = () if self.points is None else (work / self.points,)
        if self.index is None:
            return points
        index = work / self.index
        return (*points, index, *(index.with_suffix("") / f"{name}.tif" for name in read_json(index)["blocks"]))

    def check(self, ours: Sample, work: Path, grid: Grid, apart_m: float) -> None:
        """InputError where one of our points lies too near what was learned from."""
        if self.points is not None:
            seen = Sample.learned((work / self.points).read_text("utf-8"), self.named)
            check_apart(ours, seen, grid, apart_m, UNSEEN)
        if self.index is not None:
            listed = read_json(work / self.index)
            store = BlockStore((work / self.index).with_suffix(""), grid, listed["block_px"])
            blocks = [block for block in store.blocks if block.name in set(listed["blocks"])]
            check_off_drawn(ours, store, blocks, apart_m, UNSEEN)


def calibration_step(
    settings: CalibrationSettings, reference: ReferenceSettings | None, out: str, learned: Learned | None = None
) -> Step:
    """The step that locates calibration points into `out`, below the work folder; it goes before what uses them."""

    def tasks(context: Context) -> list[Task]:
        named = [settings.points, *([reference.points] if reference and reference.points else [])]
        path = context.work / out
        told: dict[str, Any] = {"calibration": settings.model_dump(mode="json")}
        told["reference"] = reference.model_dump(mode="json") if reference else None
        seen = learned or Learned()
        arguments = {
            "folder": context.project_dir, "settings": settings, "reference": reference, "grid": context.grid,
            "out": path, "learned": seen, "work": context.work,
        }  # fmt: skip
        inputs = (*(context.project_dir / name for name in named), *seen.files(context.work))
        return [Task("map/calibration-points", locate, arguments, inputs, (path,), context.place() | told)]

    return tasks


def locate(
    folder: Path,
    settings: CalibrationSettings,
    reference: ReferenceSettings | None,
    grid: Grid,
    out: Path,
    learned: Learned,
    work: Path,
) -> Made:
    """Read, place and write calibration points.

    InputError where one lies too near a point of the assessment, or what the network below `work` learned from.
    """
    points = read_calibration(folder, settings, reference, grid)
    learned.check(Sample.of(points, CALIBRATION, settings.points), work, grid, settings.apart_m)
    write_text(out, points.to_csv())
    return Made(info={"points": len(points)})


def read_calibration(
    folder: Path, settings: CalibrationSettings, reference: ReferenceSettings | None, grid: Grid
) -> Points:
    """The calibration points on the lattice; InputError where one lies too near a point of the assessment."""
    points = _read(folder, ReferenceSettings(**settings.model_dump(exclude={"apart_m"})), grid)
    if reference is not None and reference.points:
        judges = Sample.of(_read(folder, reference, grid), ASSESSMENT, reference.points)
        check_apart(Sample.of(points, CALIBRATION, settings.points), judges, grid, settings.apart_m, UNJUDGED)
    return points


def check_apart(ours: Sample, others: Sample, grid: Grid, apart_m: float, hint: str) -> None:
    """InputError naming the first of our points nearer than `apart_m` to one of the others, or in its pixel."""
    nearest, distance = nearest_of(ours, others, grid)
    near = np.flatnonzero((distance < apart_m) | (distance == 0))
    if not near.size:
        return
    worst = near[np.argmin(distance[near])]
    raise InputError(
        f"{near.size} of {len(ours.ids)} {ours.name} lie at or near {others.name}",
        where=f"{ours.where}, points {_named(ours, near)}",
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


def check_off_drawn(ours: Sample, store: BlockStore, blocks: Sequence[Block], apart_m: float, hint: str) -> None:
    """InputError naming the first of our points nearer than `apart_m` to a drawn pixel, or on one.

    store : uint8, 0 where nothing is drawn; blocks : those of its blocks that exist, read one by one
    """
    side = store.grid.pixel * metres_per_unit(store.grid.crs)
    distance = np.full(len(ours.ids), np.inf)
    for block in blocks:
        near = block.window.pad(int(apart_m / side) + 1)
        chosen = np.flatnonzero(
            (ours.rows >= near.row_start) & (ours.rows < near.row_stop)
            & (ours.cols >= near.col_start) & (ours.cols < near.col_stop)
        )  # fmt: skip
        if chosen.size:
            found = _to_drawn(ours, chosen, store, block, int(apart_m / side) + 1)
            distance[chosen] = np.minimum(distance[chosen], found * side)
    close = np.flatnonzero((distance < apart_m) | (distance == 0))
    if close.size:
        worst = close[np.argmin(distance[close])]
        raise InputError(
            f"{close.size} of {len(ours.ids)} {ours.name} lie at or near drawn clean ground",
            where=f"{ours.where}, points {_named(ours, close)}",
            expected=f"at least {apart_m:g} m between them, and another pixel",
            got=f"{distance[worst]:.1f} m from point {ours.ids[worst]} to a drawn pixel",
            hint=hint,
        )


def _to_drawn(
    ours: Sample, chosen: npt.NDArray[np.int64], store: BlockStore, block: Block, reach_px: int
) -> npt.NDArray[np.float64]:
    """Pixels from each chosen point to the nearest drawn pixel of a block within reach; infinite without one."""
    drawn = store.read(block.window).values[0] != 0
    rows, cols = ours.rows[chosen] - block.window.row_start, ours.cols[chosen] - block.window.col_start
    found = np.full(len(chosen), np.inf)
    for i, (row, col) in enumerate(zip(rows.tolist(), cols.tolist(), strict=True)):
        top, left = max(0, row - reach_px), max(0, col - reach_px)
        at = np.nonzero(drawn[top : max(0, row + reach_px + 1), left : max(0, col + reach_px + 1)])
        if at[0].size:
            found[i] = np.hypot(at[0] + top - row, at[1] + left - col).min()
    return found


def _named(ours: Sample, chosen: npt.NDArray[np.int64]) -> str:
    """Identities of some points: the first few."""
    return ", ".join(ours.ids[i] for i in chosen[:NAMED]) + (", …" if chosen.size > NAMED else "")


def _read(folder: Path, settings: ReferenceSettings, grid: Grid) -> Points:
    return read_points(folder / str(settings.points), settings, grid, load_legend("sinolc1"))
