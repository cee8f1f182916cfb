"""Stage `compare`: products beside the map, in one legend, on the same points and the same ground.

Files below work/compare:

    blocks/<block>.json, .npz   exact sums of a block (`blocks.compare_block`)
    accuracy.json, .csv         every map at the reference points: nation, regions, provinces; needs [reference] points
    pairs.csv                   every two maps as a pair: difference, standard error, McNemar with the design's weights
    overall.png, classes.png    the same as figures
    agreement.json, .csv        ground on which every two maps agree; the crosswalks to the one legend
    agreement_classes.csv       area of every pair of classes
    agreement/<a>__<b>.tif      per cent of agreeing pixels by cell; all.tif, where all maps agree
    matrix.png, agreement.png   the same as figures
    places.png, places.csv      chosen places side by side
"""

from functools import partial
from pathlib import Path

from l2h.accuracy.compare.agreement import cell_side
from l2h.accuracy.compare.blocks import compare_block
from l2h.accuracy.compare.lineup import OWN, Entry, Lineup
from l2h.accuracy.compare.settings import Comparison
from l2h.accuracy.compare.summary import (
    ACCURACY,
    AGREEMENT,
    PLACES,
    raster_names,
    write_accuracy,
    write_agreement,
    write_places,
)
from l2h.accuracy.maps import MAP, Product, open_shelf
from l2h.core.grid import Block
from l2h.core.tasks import Context, Stage, Task


def stage(settings: Comparison, products: tuple[Product, ...], points: bool) -> Stage:
    """The stage `compare`.

    products : those named for comparison alone; their layers lie in the workspace like the inputs'
    points   : whether the project names reference points; `assess` has put them on the lattice
    """
    return Stage(
        "compare", (partial(_blocks, settings, products, points), partial(_sum_up, settings, products, points))
    )


def _lineup(settings: Comparison, products: tuple[Product, ...], context: Context) -> Lineup:
    inputs = open_shelf(context).products if settings.inputs else ()
    others = tuple(Entry(p.name, p.legend, f"layers/{p.name}") for p in (*inputs, *products))
    return Lineup(context.work, context.grid, context.block_px, (Entry(MAP, OWN, "map"), *others), settings.legend)


def _blocks(settings: Comparison, products: tuple[Product, ...], points: bool, context: Context) -> list[Task]:
    lineup = _lineup(settings, products, context)
    located = _located(context) if points else None
    cell_px, place_px = cell_side(context.grid, settings.cell_px), _place_px(settings, context)
    tasks = []
    for block in context.grid.blocks(context.block_px):
        outputs = _outputs(context, block)
        arguments = {
            "lineup": lineup, "block": block, "cell_px": cell_px, "place_px": place_px, "located": located,
            "outputs": outputs,
        }  # fmt: skip
        told = lineup.told() | {"cell_px": cell_px, "place_px": place_px, "points": points}
        inputs = (*lineup.paths(block), *((located,) if located else ()))
        key, place = f"compare/{block.name}", context.place(block.window)
        tasks.append(Task(key, compare_block, arguments, inputs, outputs, place | told, block.window.pixels))
    return tasks


def _sum_up(settings: Comparison, products: tuple[Product, ...], points: bool, context: Context) -> list[Task]:
    lineup, folder = _lineup(settings, products, context), context.work / "compare"
    blocks = context.grid.blocks(context.block_px)
    tallies = tuple(_outputs(context, block)[0] for block in blocks)
    regions = context.work / "layers" / "regions.json"
    told = context.place() | lineup.told()
    common = {"lineup": lineup, "tallies": tallies, "regions": regions, "folder": folder}
    tasks = [_agreement_task(context, settings, common, told)]
    if points:
        located = _located(context)
        tasks.append(
            Task(
                key="compare/accuracy",
                function=write_accuracy,
                arguments=common | {"located": located, "least": settings.minimum_points},
                inputs=(*tallies, regions, located, located.with_name("design.json")),
                outputs=tuple(folder / name for name in ACCURACY),
                settings=told | {"least": settings.minimum_points},
            )
        )
    if settings.places or settings.panels:
        stores = ["layers/imagery", "layers/regions", *(entry.folder for entry in lineup.entries)]
        pixels = tuple(lineup.store(name).path(block) for name in stores for block in blocks)
        shown = settings.model_dump(mode="json", include={"places", "panels", "place_px"})
        names = tuple(folder / name for name in PLACES)
        inputs = (*tallies, regions, *pixels)
        arguments = common | {"settings": settings.model_copy(update={"place_px": _place_px(settings, context)})}
        tasks.append(Task("compare/places", write_places, arguments, inputs, names, told | shown))
    return tasks


def _agreement_task(context: Context, settings: Comparison, common: dict, told: dict) -> Task:  # type: ignore[type-arg]
    lineup, folder, regions = common["lineup"], common["folder"], common["regions"]
    blocks = context.grid.blocks(context.block_px)
    cells = tuple((block, _outputs(context, block)[1]) for block in blocks)
    cell_px = cell_side(context.grid, settings.cell_px)
    rasters = tuple(folder / "agreement" / name for name in raster_names(lineup).values())
    return Task(
        key="compare/agreement",
        function=write_agreement,
        arguments=common | {"cells": cells, "cell_px": cell_px},
        inputs=(*common["tallies"], *(path for _, path in cells), regions, regions.with_suffix(".parquet")),
        outputs=(*(folder / name for name in AGREEMENT), *rasters),
        settings=told | {"cell_px": cell_px, "block_px": context.block_px},
    )


def _place_px(settings: Comparison, context: Context) -> int:
    """Side of a place; a small country is shown whole."""
    return min(settings.place_px, *context.grid.shape)


def _located(context: Context) -> Path:
    return context.work / "assess" / "located.csv"


def _outputs(context: Context, block: Block) -> tuple[Path, Path]:
    folder = context.work / "compare" / "blocks"
    return folder / f"{block.name}.json", folder / f"{block.name}.npz"
