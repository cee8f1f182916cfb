"""The tasks that bring extras into the workspace: their table, and a block of cells of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from l2h.core.extras import EXTRA_PX, TABLE, extra_store
from l2h.core.files import read_json, write_json
from l2h.core.grid import Block, Grid
from l2h.core.raster import BlockStore, write_raster
from l2h.core.tasks import Context, Made, Task
from l2h.sources.extra_settings import ExtraSettings
from l2h.sources.extras import Cells, ExtraSheet, extra_cells, latitude_cells, list_extra_sheets, month_cells
from l2h.sources.layer_settings import RIGHTS
from l2h.sources.near import Near
from l2h.sources.paths import shown


def extras_table(extras: Sequence[ExtraSettings], context: Context) -> list[Task]:
    """One task that writes what the extras are."""
    rows = [extra.layer().row() | {"kind": extra.kind} | extra.model_dump(include=RIGHTS) for extra in extras]
    path = context.work / TABLE
    return [Task(TABLE.removesuffix(".json"), make_table, {"path": path, "rows": rows}, (), (path,), {"rows": rows})]


def make_table(path: Path, rows: list[dict[str, Any]]) -> Made:
    """Write channels, units and rights of the extras."""
    write_json(path, rows)
    return Made(info={"rows": len(rows)})


def extras_step(extras: tuple[ExtraSettings, ...], context: Context) -> list[Task]:
    """The blocks of all extras; a step after that of the imagery, whose scenes say the month."""
    tasks: list[Task] = []
    for extra in extras:
        if extra.kind == "raster":
            tasks += _raster_tasks(context, extra)
        elif extra.kind == "latitude":
            tasks += _latitude_tasks(context, extra)
        else:
            tasks += _month_tasks(context, extra)
    return tasks


def _store(context: Context, extra: ExtraSettings) -> BlockStore:
    return extra_store(context.work, context.grid, context.block_px, extra.name)


def _key(extra: ExtraSettings, block: Block) -> str:
    return f"layers/extras/{extra.name}/{block.name}"


def _raster_tasks(context: Context, extra: ExtraSettings) -> list[Task]:
    store, tasks = _store(context, extra), []
    sheets = Near.of(list_extra_sheets(extra, context.project_dir, store.grid))
    for block in store.blocks:
        here = sheets.meeting(block.window)
        output = store.path(block)
        settings = context.place(block.window) | {
            "bands": extra.bands,
            "nodata": extra.nodata,
            "sheets": [(shown(sheet.path, context.project_dir), sheet.how) for sheet in here],
        }
        arguments = {"extra": extra, "sheets": here, "cells": store.grid, "block": block, "output": output}
        paths = tuple(sheet.path for sheet in here)
        tasks.append(Task(_key(extra, block), make_extra, arguments, paths, (output,), settings, block.window.pixels))
    return tasks


def make_extra(extra: ExtraSettings, sheets: tuple[ExtraSheet, ...], cells: Grid, block: Block, output: Path) -> Made:
    """Write a block of an extra that comes from files."""
    return _write(extra_cells(extra, sheets, cells, block.window), cells, block, output)


def _latitude_tasks(context: Context, extra: ExtraSettings) -> list[Task]:
    store, tasks = _store(context, extra), []
    for block in store.blocks:
        output = store.path(block)
        arguments = {"cells": store.grid, "block": block, "output": output}
        settings = context.place(block.window)
        tasks.append(Task(_key(extra, block), make_latitude, arguments, (), (output,), settings, block.window.pixels))
    return tasks


def make_latitude(cells: Grid, block: Block, output: Path) -> Made:
    """Write a block of latitudes."""
    return _write(latitude_cells(cells, block.window), cells, block, output)


def _month_tasks(context: Context, extra: ExtraSettings) -> list[Task]:
    store, scenes, tasks = _store(context, extra), context.store("layers/scene"), []
    rows = read_json(context.work / "layers" / "scenes.json")
    months = {row["index"]: int(row["date"][5:7]) for row in rows if row["date"]}
    for block in store.blocks:
        output = store.path(block)
        arguments = {"scenes": scenes, "months": months, "block": block, "output": output}
        settings = context.place(block.window) | {"months": sorted(months.items())}
        paths = scenes.paths_of(block.window.refine(EXTRA_PX))
        tasks.append(Task(_key(extra, block), make_month, arguments, paths, (output,), settings, block.window.pixels))
    return tasks


def make_month(scenes: BlockStore, months: Mapping[int, int], block: Block, output: Path) -> Made:
    """Write a block of months of capture."""
    scene_of = scenes.read(block.window.refine(EXTRA_PX)).values[0]
    scenes.close()
    return _write(month_cells(scene_of, months, EXTRA_PX), scenes.grid.coarsen(EXTRA_PX), block, output)


def _write(found: Cells, cells: Grid, block: Block, output: Path) -> Made:
    write_raster(output, found.values, cells, block.window, valid=found.valid)
    return Made(found.holes, {"valid_cells": int(np.count_nonzero(found.valid)), "cells": block.window.pixels})
