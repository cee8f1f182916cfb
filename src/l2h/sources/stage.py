"""The stage "layers": everything that comes in, resampled once onto the project's lattice.

First the tables of what there is (scenes, products, cities, vectors, survey), then one task per block and layer. A
block's task reads only the files that can touch the block, so a new scene far away remakes nothing here.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import geopandas
import numpy as np

from l2h.core.errors import InputError
from l2h.core.files import write_json
from l2h.core.grid import Block, Grid
from l2h.core.legend import load_legend
from l2h.core.raster import write_raster
from l2h.core.tasks import Context, Made, Stage, Task
from l2h.sources.arrivals import arrival_tasks
from l2h.sources.atlas import Atlas
from l2h.sources.boundaries import Cities, own_pixels, read_cities
from l2h.sources.capture import capture_path, capture_tasks, count_scenes
from l2h.sources.extra_settings import ExtraSettings
from l2h.sources.extra_tasks import extras_step, extras_table
from l2h.sources.imagery import mosaic
from l2h.sources.near import Near
from l2h.sources.paths import shown
from l2h.sources.products import Sheet, list_sheets, product_codes, product_table
from l2h.sources.radiometry import NAME as RADIOMETRY
from l2h.sources.radiometry import radiometry_tasks, recorded_scales
from l2h.sources.scenes import Roll, Scene, call_roll, scaled, scene_table
from l2h.sources.settings import BoundarySettings, ImagerySettings, OsmSettings, ProductSettings, SurveySettings
from l2h.sources.tables import LAYERS, cities_task, osm_task, survey_task


def stage(
    imagery: tuple[ImagerySettings, ...],
    products: tuple[ProductSettings, ...],
    osm: OsmSettings | None,
    boundary: BoundarySettings,
    survey: SurveySettings | None = None,
    extras: tuple[ExtraSettings, ...] = (),
) -> Stage:
    """The tasks that fill `work/layers`. Nothing runs, and no file is opened, until the stage is planned."""
    register = Register(imagery)
    tables = partial(_table_tasks, register=register, products=products, osm=osm, boundary=boundary, survey=survey)
    blocks = partial(_block_tasks, register=register, products=products)
    beside = (partial(extras_table, extras), partial(extras_step, extras)) if extras else ()
    return Stage(LAYERS, (tables, blocks, capture_tasks, *beside))


class Register:
    """The scenes of a project, called once for both steps of the stage: a picture may have tens of thousands."""

    def __init__(self, imagery: tuple[ImagerySettings, ...]) -> None:
        self.imagery = imagery
        self._called: tuple[Context, Roll] | None = None

    def call(self, context: Context) -> Roll:
        """All scenes, looked at anew."""
        roll = call_roll(self.imagery, context.project_dir, context.grid)
        self._called = context, roll
        return roll

    def stretched(self, context: Context) -> tuple[Scene, ...]:
        """The scenes as the step before called them, with the stretches that were found since."""
        called, roll = self._called or (None, None)
        roll = roll if roll and called is context else self.call(context)
        return scaled(roll.scenes, self.imagery, context.project_dir, recorded_scales(context.work))


# --- step 1: tables ---------------------------------------------------------------------------------------------------


def _table_tasks(
    context: Context,
    register: Register,
    products: tuple[ProductSettings, ...],
    osm: OsmSettings | None,
    boundary: BoundarySettings,
    survey: SurveySettings | None,
) -> list[Task]:
    folder = context.work / LAYERS
    imagery = register.imagery
    layers = (*products, *imagery, *((osm,) if osm else ()), boundary, *((survey,) if survey else ()))
    arrivals = arrival_tasks(context, layers, partial(_read_cities, context, boundary))
    roll = register.call(context)
    tasks = [
        _scenes_task(context, roll, imagery),
        *radiometry_tasks(context, roll.scenes, imagery),
        _json_task("products", folder, product_table(products)),
        cities_task(context, boundary),
        osm_task(context, osm),
        *arrivals,
    ]
    return tasks + ([survey_task(context, survey)] if survey else [])


def _read_cities(context: Context, boundary: BoundarySettings) -> Cities:
    return read_cities(context.project_dir / boundary.local, boundary, context.grid.crs)


def _scenes_task(context: Context, roll: Roll, imagery: tuple[ImagerySettings, ...]) -> Task:
    folder = context.work / LAYERS
    outputs = folder / "scenes.json", folder / "beside.json"
    rows = scene_table(roll.scenes, imagery, context.project_dir)
    beside = [{"layer": layer, "path": shown(path, context.project_dir)} for layer, path in roll.beside]
    settings = {"rows": rows, "beside": beside}
    return Task(f"{LAYERS}/scenes", make_scenes, settings | {"outputs": outputs}, (), outputs, settings)


def make_scenes(rows: list[dict[str, Any]], beside: list[dict[str, Any]], outputs: tuple[Path, Path]) -> Made:
    """Write the table of scenes, and the list of those that lie beside the grid."""
    write_json(outputs[0], rows)
    write_json(outputs[1], beside)
    told = f"{len(beside)} of {len(rows) + len(beside)} scenes lie beside the grid: {LAYERS}/beside.json"
    return Made(info={"scenes": len(rows), "beside": len(beside)} | ({"notice": told} if beside else {}))


def _json_task(name: str, folder: Path, rows: list[dict[str, Any]]) -> Task:
    path = folder / f"{name}.json"
    return Task(f"{LAYERS}/{name}", make_json, {"path": path, "rows": rows}, (), (path,), {"rows": rows})


def make_json(path: Path, rows: list[dict[str, Any]]) -> Made:
    """Write a table that is already known from the settings and the files' headers."""
    write_json(path, rows)
    return Made(info={"rows": len(rows)})


def products_step(products: tuple[ProductSettings, ...], boundary: BoundarySettings) -> Callable[[Context], list[Task]]:
    """The step that brings products onto the lattice which nothing is learnt from: they are compared with the map."""
    return partial(_products_tasks, products, boundary)


def _products_tasks(products: tuple[ProductSettings, ...], boundary: BoundarySettings, context: Context) -> list[Task]:
    arrivals = arrival_tasks(context, products, partial(_read_cities, context, boundary), f"{LAYERS}/fetched_compared")
    sheets = [(product, _sheets_near(context, product)) for product in products]
    blocks = context.grid.blocks(context.block_px)
    tasks = [_product_task(context, block, product, near) for block in blocks for product, near in sheets]
    return [*arrivals, *tasks]


def _sheets_near(context: Context, product: ProductSettings) -> Near[Sheet]:
    return Near.of(list_sheets(product, context.project_dir, context.grid))


def survey_step(survey: SurveySettings) -> Callable[[Context], list[Task]]:
    """The step that reads the survey, for a comparison whose table came after the layers were made."""
    return partial(survey_tasks, survey)


def survey_tasks(survey: SurveySettings, context: Context) -> list[Task]:
    return [survey_task(context, survey)]


# --- step 2: blocks ---------------------------------------------------------------------------------------------------


def _block_tasks(context: Context, register: Register, products: tuple[ProductSettings, ...]) -> list[Task]:
    scenes = register.stretched(context)
    for scene in scenes:
        if scene.unscaled:
            raise InputError("the stretch of a layer is not found yet", where=str(context.work / f"{RADIOMETRY}.json"))
    atlas = Atlas(scenes)
    sheets = [(product, _sheets_near(context, product)) for product in products]
    tasks = []
    for block in context.grid.blocks(context.block_px):
        tasks.append(_imagery_task(context, block, atlas, len(register.imagery[0].bands)))
        tasks += [_product_task(context, block, product, near) for product, near in sheets]
        tasks.append(_regions_task(context, block))
    return tasks


def _imagery_task(context: Context, block: Block, atlas: Atlas, bands: int) -> Task:
    here = atlas.meeting(block.window)
    stores = tuple(context.store(f"{LAYERS}/{name}").path(block) for name in ("imagery", "scene"))
    outputs = (*stores, capture_path(context, block.name))
    arguments = {"scenes": here, "grid": context.grid, "block": block, "bands": bands, "outputs": outputs}
    settings = context.place(block.window) | {
        "bands": bands,
        "scenes": [
            (scene.index, *(shown(path, context.project_dir) for path in scene.files), vars(scene.recipe))
            for scene in here
        ],
    }
    paths = tuple(path for scene in here for path in scene.files)
    return Task(
        f"{LAYERS}/imagery/{block.name}", make_imagery, arguments, paths, outputs, settings, block.window.pixels
    )


def make_imagery(scenes: tuple[Scene, ...], grid: Grid, block: Block, bands: int, outputs: tuple[Path, ...]) -> Made:
    """Write a block of the picture, of the index of scenes it came from, and how much each of them gave."""
    picture = mosaic(scenes, grid, block.window, bands)
    write_raster(outputs[0], picture.values, grid, block.window, valid=picture.valid)
    write_raster(outputs[1], picture.scene[None], grid, block.window, nodata=0)
    rows = grid.row_area(block.window.row_start, block.window.row_stop)
    write_json(outputs[2], count_scenes(picture.scene, rows))
    return Made(picture.holes, {"valid_px": int(picture.valid.sum())})


def _product_task(context: Context, block: Block, product: ProductSettings, sheets: Near[Sheet]) -> Task:
    here = sheets.meeting(block.window)
    output = context.store(f"{LAYERS}/{product.name}").path(block)
    arguments = {"product": product, "sheets": here, "grid": context.grid, "block": block, "output": output}
    settings = context.place(block.window) | {
        "legend": product.legend,
        "sheets": [(shown(sheet.path, context.project_dir), vars(sheet.recipe)) for sheet in here],
    }
    paths = tuple(sheet.path for sheet in here)
    key = f"{LAYERS}/{product.name}/{block.name}"
    return Task(key, make_product, arguments, paths, (output,), settings, block.window.pixels)


def make_product(product: ProductSettings, sheets: tuple[Sheet, ...], grid: Grid, block: Block, output: Path) -> Made:
    """Write a block of a product's own codes."""
    codes, holes = product_codes(product, sheets, grid, block.window, f"block {block.name}")
    write_raster(output, codes[None], grid, block.window, nodata=0, legend=load_legend(product.legend))
    return Made(holes, {"valid_px": int(np.count_nonzero(codes))})


def _regions_task(context: Context, block: Block) -> Task:
    source = context.work / LAYERS / "regions.parquet"
    output = context.store(f"{LAYERS}/regions").path(block)
    arguments = {"source": source, "grid": context.grid, "block": block, "output": output}
    key = f"{LAYERS}/regions/{block.name}"
    return Task(key, make_regions, arguments, (source,), (output,), context.place(block.window), block.window.pixels)


def make_regions(source: Path, grid: Grid, block: Block, output: Path) -> Made:
    """Write which city owns each pixel of a block."""
    shapes = np.asarray(geopandas.read_parquet(source).geometry.array, object)
    owner = own_pixels(shapes, grid, block.window)
    write_raster(output, owner[None], grid, block.window, nodata=0)
    return Made(info={"owned_px": int(np.count_nonzero(owner))})
