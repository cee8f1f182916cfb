"""Clean samples as steps of the stage `train`: read, held apart from the assessment, put on the lattice.

Stands above the rooms: training may not know the assessment, and somebody has to keep them apart.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from l2h.accuracy.apart import ASSESSMENT, UNJUDGED, Learned, Sample, check_apart, check_off_drawn
from l2h.accuracy.points import Points, read_points
from l2h.accuracy.settings import ReferenceSettings
from l2h.clean.burn import DISPUTED, agreed, burn
from l2h.clean.polygons import PolygonFile
from l2h.clean.rasters import LabelRaster
from l2h.core.errors import InputError
from l2h.core.files import read_json, write_json, write_text
from l2h.core.formats import driver_of
from l2h.core.grid import Block, Grid
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore, write_raster
from l2h.core.tasks import Context, Made, Stage, Task
from l2h.learning.clean import CleanPoints
from l2h.learning.drawn import DrawnCells
from l2h.learning.files import CLEAN, DRAWN, DRAWN_CELLS, DRAWN_INDEX
from l2h.learning.settings import CleanSettings

Source = PolygonFile | LabelRaster


def learned(clean: CleanSettings) -> Learned:
    """What the stage `train` leaves of the clean samples, for whoever must keep away from them."""
    points = f"train/{CLEAN}" if clean.points else None
    return Learned(points, clean.points or "", f"train/{DRAWN_INDEX}" if clean.drawn else None)


def with_clean(train: Stage, clean: CleanSettings, reference: ReferenceSettings | None, cell_px: int = 10) -> Stage:
    """The stage of training with steps before it that read the clean samples; as it is where there are none."""
    steps: list[Any] = []
    if clean.points is not None:
        steps.append(partial(clean_tasks, clean, reference))
    if clean.drawn:
        steps += [partial(index_tasks, clean), partial(block_tasks, clean)]
        steps.append(partial(cell_tasks, clean, reference, cell_px))
    return Stage(train.name, (*steps, *train.steps))


def clean_tasks(clean: CleanSettings, reference: ReferenceSettings | None, context: Context) -> list[Task]:
    """work/train/clean.csv: row, column and class of each point."""
    assert clean.points is not None  # else there is no such step
    out = context.work / "train" / CLEAN
    judges = reference.model_dump(mode="json") if reference else None
    arguments = {"folder": context.project_dir, "clean": clean, "reference": reference, "grid": context.grid}
    return [
        Task(
            key="train/clean",
            function=locate_clean,
            arguments=arguments | {"out": out},
            inputs=(context.project_dir / clean.points, *_judges(reference, context)),
            outputs=(out,),
            settings=context.place() | {"clean": clean.model_dump(mode="json"), "reference": judges},
        )
    ]  # fmt: skip


def locate_clean(
    folder: Path, clean: CleanSettings, reference: ReferenceSettings | None, grid: Grid, out: Path
) -> Made:
    """Read, check and place the points; InputError where one lies too near a point of the assessment."""
    points = read_clean(folder, clean, reference, grid)
    write_text(out, CleanPoints(points.rows, points.cols, points.reference).to_csv())
    return Made(info={"points": len(points)})


def read_clean(folder: Path, clean: CleanSettings, reference: ReferenceSettings | None, grid: Grid) -> Points:
    """The clean points on the lattice; InputError where one lies too near a point of the assessment."""
    legend, path = load_legend("sinolc1"), folder / str(clean.points)
    table = ReferenceSettings(points=clean.points, layer=clean.layer, class_column=clean.class_column)
    points = read_points(path, table, grid, legend)
    judges = read_judges(folder, reference, grid)
    if judges:
        check_apart(Sample.of(points, "clean points", str(clean.points)), judges, grid, clean.apart_m, UNJUDGED)
    return points


def read_judges(folder: Path, reference: ReferenceSettings | None, grid: Grid) -> Sample | None:
    """The points of the assessment, where there are any."""
    if reference is None or reference.points is None:
        return None
    points = read_points(folder / reference.points, reference, grid, load_legend("sinolc1"))
    return Sample.of(points, ASSESSMENT, reference.points)


def index_tasks(clean: CleanSettings, context: Context) -> list[Task]:
    """work/train/drawn.json: which blocks of the lattice hold drawn ground. Checks every file as a whole."""
    paths, out = [context.project_dir / name for name in clean.drawn], context.work / "train" / DRAWN_INDEX
    arguments = {"paths": paths, "clean": clean, "grid": context.grid, "block_px": context.block_px, "out": out}
    told = context.place() | _drawn_settings(clean) | {"block_px": context.block_px}
    return [Task("train/drawn-index", index_drawn, arguments, tuple(paths), (out,), told)]


def index_drawn(paths: list[Path], clean: CleanSettings, grid: Grid, block_px: int, out: Path) -> Made:
    """Check each file and list the blocks it touches; InputError and its kinds for what cannot be used."""
    legend, store = load_legend("sinolc1"), BlockStore(out.parent / DRAWN, grid, block_px)
    windows = [window for path in paths for window in _source(path, clean).check(grid, legend)]
    blocks = sorted({block.name for window in windows for block in store.blocks_of(window)})
    write_json(out, {"block_px": block_px, "blocks": blocks})
    return Made(info={"files": len(paths), "blocks": len(blocks)})


def block_tasks(clean: CleanSettings, context: Context) -> list[Task]:
    """work/train/drawn: the listed blocks, uint8, class of each drawn pixel, 0 where nothing is drawn."""
    paths, store = [context.project_dir / name for name in clean.drawn], context.store(f"train/{DRAWN}")
    listed = set(read_json(context.work / "train" / DRAWN_INDEX)["blocks"])
    return [
        Task(
            key=f"train/drawn/{block.name}",
            function=draw_block,
            arguments={"paths": paths, "clean": clean, "grid": context.grid, "block": block, "out": store.path(block)},
            inputs=tuple(paths),
            outputs=(store.path(block),),
            settings=context.place(block.window) | _drawn_settings(clean),
            pixels=block.window.pixels,
        )
        for block in store.blocks
        if block.name in listed
    ]


def draw_block(paths: list[Path], clean: CleanSettings, grid: Grid, block: Block, out: Path) -> Made:
    """One block from all files. Where two of them, or two polygons, name different classes, nothing is said."""
    legend = load_legend("sinolc1")
    layers = (_layer(_source(path, clean), grid, block) for path in paths)
    drawn = agreed(layers, block.window.shape)
    disputed = int((drawn == DISPUTED).sum())
    drawn[drawn == DISPUTED] = 0
    write_raster(out, drawn[None], grid, block.window, nodata=0, legend=legend)
    return Made(info={"drawn_px": int(np.count_nonzero(drawn)), "disputed_px": disputed})


def cell_tasks(clean: CleanSettings, reference: ReferenceSettings | None, cell_px: int, context: Context) -> list[Task]:
    """work/train/drawn.csv: cells with drawn pixels, by class. Checks that none lies near a point of the assessment."""
    index, out = context.work / "train" / DRAWN_INDEX, context.work / "train" / DRAWN_CELLS
    store = context.store(f"train/{DRAWN}")
    names = read_json(index)["blocks"]
    judges = reference.model_dump(mode="json") if reference else None
    arguments = {
        "folder": context.project_dir, "clean": clean, "reference": reference, "store": store, "names": names,
        "cell_px": cell_px, "out": out,
    }  # fmt: skip
    told = context.place() | {"clean": clean.model_dump(mode="json"), "reference": judges, "cell_px": cell_px}
    blocks = (store.folder / f"{name}.tif" for name in names)
    return [
        Task("train/drawn-cells", list_cells, arguments, (index, *blocks, *_judges(reference, context)), (out,), told)
    ]


def list_cells(
    folder: Path,
    clean: CleanSettings,
    reference: ReferenceSettings | None,
    store: BlockStore,
    names: list[str],
    cell_px: int,
    out: Path,
) -> Made:
    """Cells that drawn pixels touch, block by block; InputError where a pixel lies too near a point of the assessment,
    or no pixel is drawn at all."""
    judges, blocks = read_judges(folder, reference, store.grid), [b for b in store.blocks if b.name in set(names)]
    if judges:
        check_off_drawn(judges, store, blocks, clean.apart_m, UNJUDGED)
    cells = DrawnCells.gather(((block.window, store.read(block.window).values[0]) for block in blocks), cell_px)
    if not len(cells):
        raise InputError(
            "no pixel of the map is drawn",
            where=", ".join(clean.drawn),
            hint="Polygons count by the centres of pixels, and not where two classes overlap.",
        )
    write_text(out, cells.to_csv())
    return Made(info={"drawn_px": int(cells.pixels.sum()), "cells": len(cells)})


def _source(path: Path, clean: CleanSettings) -> Source:
    """A raster by its first bytes, else polygons."""
    if driver_of(path) == "unknown":
        return PolygonFile(path, clean.drawn_layer, clean.class_column)
    return LabelRaster(path)


def _layer(source: Source, grid: Grid, block: Block) -> Any:
    if isinstance(source, LabelRaster):
        return source.read(grid, block.window)
    return burn(source.near(grid, block.window, load_legend("sinolc1")), grid, block.window)


def _drawn_settings(clean: CleanSettings) -> dict[str, Any]:
    return {"drawn": list(clean.drawn), "layer": clean.drawn_layer, "class_column": clean.class_column}


def _judges(reference: ReferenceSettings | None, context: Context) -> list[Path]:
    return [context.project_dir / reference.points] if reference and reference.points else []
