"""The stage of the labels: which files are made, from what, by which settings."""

from functools import partial
from pathlib import Path

from l2h.core.grid import Window
from l2h.core.raster import BlockStore
from l2h.core.tasks import Context, Stage, Task
from l2h.labels import work
from l2h.labels.desk import Desk
from l2h.labels.fusion import margin_cells
from l2h.labels.settings import LabelSettings

NAME = "labels"
MODEL_KEYS = {"per", "anchor_strength", "tempering", "prior_smoothing"}
POSTERIOR_KEYS = {"cell_px", "per", "neighbour_cells", "neighbour_rounds", "prior_neighbours"}


def stage(settings: LabelSettings) -> Stage:
    """Labels from the layers of a workspace: joint counts, model, vectors, posterior per cell, label per pixel, and
    what these tell of themselves.

    The posterior is made for both methods: mapping and the report use it.
    """
    steps = (joint_tasks, model_tasks, vector_tasks, posterior_tasks, label_tasks, tally_tasks, quality_tasks)
    return Stage(NAME, tuple(partial(step, settings) for step in steps))


def joint_tasks(settings: LabelSettings, context: Context) -> list[Task]:
    """work/labels/joint/<block>.json: region → combination of codes → cells, per block of cells."""
    desk = Desk.of(context)
    return [
        Task(
            key=f"{NAME}/joint/{block.name}",
            function=work.count_block,
            arguments={"desk": desk, "cells": block.window, "path": path, "cell_px": settings.cell_px},
            inputs=desk.cell_paths(block.window, settings.cell_px),
            outputs=(path,),
            settings={**context.place(block.window), "cell_px": settings.cell_px, "products": desk.products},
            pixels=block.window.pixels * settings.cell_px**2,
        )
        for block, path in zip(
            work.posterior_store(desk, settings.cell_px).blocks, _joint_paths(desk, settings), strict=True
        )
    ]


def model_tasks(settings: LabelSettings, context: Context) -> list[Task]:
    """work/labels/model.json: the fitted label models."""
    desk = Desk.of(context)
    joints = _joint_paths(desk, settings)
    path = _model_path(desk)
    return [
        Task(
            key=f"{NAME}/model",
            function=work.fit_model,
            arguments={"desk": desk, "joints": joints, "path": path, "settings": settings},
            inputs=joints,
            outputs=(path,),
            settings={**settings.model_dump(include=MODEL_KEYS), "products": desk.products},
        )
    ]


def vector_tasks(settings: LabelSettings, context: Context) -> list[Task]:
    """work/labels/vectors/<block>.tif: evidence and known vectors."""
    desk = Desk.of(context)
    store = desk.store("labels/vectors")
    return [
        Task(
            key=f"{NAME}/vectors/{block.name}",
            function=work.draw_vectors,
            arguments={"desk": desk, "window": block.window, "path": store.path(block), "settings": settings},
            inputs=desk.vector_paths,
            outputs=(store.path(block),),
            settings={**context.place(block.window), "vectors": settings.vectors.model_dump()},
            pixels=block.window.pixels,
        )
        for block in store.blocks
    ]


def posterior_tasks(settings: LabelSettings, context: Context) -> list[Task]:
    """work/labels/posterior/<block>.tif: probabilities and reliability per cell; work/labels/prior/<block>.tif: what
    the map multiplies the network with.
    """
    desk, model = Desk.of(context), _model_path(Desk.of(context))
    store, prior = work.posterior_store(desk, settings.cell_px), work.prior_store(desk, settings.cell_px)
    return [
        Task(
            key=f"{NAME}/posterior/{block.name}",
            function=work.weigh_block,
            arguments={
                "desk": desk,
                "cells": block.window,
                "paths": (store.path(block), prior.path(block)),
                "model": model,
                "settings": settings,
            },
            inputs=(*desk.cell_paths(block.window.pad(margin_cells(settings)), settings.cell_px), model),
            outputs=(store.path(block), prior.path(block)),
            settings={**context.place(block.window), **settings.model_dump(include=POSTERIOR_KEYS)},
            pixels=block.window.pixels * settings.cell_px**2,
        )
        for block in store.blocks
    ]


def label_tasks(settings: LabelSettings, context: Context) -> list[Task]:
    """work/labels/label/<block>.tif: class, reliability and source per pixel."""
    desk = Desk.of(context)
    store = desk.store("labels/label")
    return [
        Task(
            key=f"{NAME}/label/{block.name}",
            function=work.label_block,
            arguments={"desk": desk, "window": block.window, "path": store.path(block), "settings": settings},
            inputs=(desk.store("labels/vectors").path(block), *_evidence_paths(desk, block.window, settings)),
            outputs=(store.path(block),),
            settings={**context.place(block.window), **_label_settings(desk, settings)},
            pixels=block.window.pixels,
        )
        for block in store.blocks
    ]


def tally_tasks(settings: LabelSettings, context: Context) -> list[Task]:
    """work/labels/quality/cells/<block>.json and …/pixels/<block>.json: counts that add."""
    desk = Desk.of(context)
    posterior, label = work.posterior_store(desk, settings.cell_px), desk.store("labels/label")
    cells = [
        Task(
            key=f"{NAME}/quality/cells/{block.name}",
            function=work.tally_cells,
            arguments={"desk": desk, "cells": block.window, "path": path, "settings": settings},
            inputs=(posterior.path(block),),
            outputs=(path,),
            settings={**context.place(block.window), **settings.model_dump(include={"cell_px", "void_below"})},
            pixels=block.window.pixels,
        )
        for block, path in zip(posterior.blocks, _tally_paths(desk, "cells", posterior), strict=True)
    ]
    pixels = [
        Task(
            key=f"{NAME}/quality/pixels/{block.name}",
            function=work.tally_pixels,
            arguments={"desk": desk, "window": block.window, "path": path},
            inputs=(label.path(block),),
            outputs=(path,),
            settings=context.place(block.window),
            pixels=block.window.pixels,
        )
        for block, path in zip(label.blocks, _tally_paths(desk, "pixels", label), strict=True)
    ]
    return cells + pixels


def quality_tasks(settings: LabelSettings, context: Context) -> list[Task]:
    """work/labels/quality.json: cells kept, expected accuracy, agreement of products, reliability."""
    desk = Desk.of(context)
    cells = _tally_paths(desk, "cells", work.posterior_store(desk, settings.cell_px))
    pixels = _tally_paths(desk, "pixels", desk.store("labels/label"))
    joints, path = _joint_paths(desk, settings), desk.work / "labels" / "quality.json"
    arguments = {"desk": desk, "cells": cells, "pixels": pixels, "joints": joints, "path": path, "settings": settings}
    return [
        Task(
            key=f"{NAME}/quality",
            function=work.sum_quality,
            arguments=arguments,
            inputs=(*cells, *pixels, *joints),
            outputs=(path,),
            settings={"method": settings.method, "products": desk.products},
        )
    ]


def _tally_paths(desk: Desk, kind: str, store: BlockStore) -> tuple[Path, ...]:
    folder = desk.work / "labels" / "quality" / kind
    return tuple(folder / f"{block.name}.json" for block in store.blocks)


def _evidence_paths(desk: Desk, window: Window, settings: LabelSettings) -> tuple[Path, ...]:
    if settings.method == "intersection":
        return desk.product_paths(window)
    return work.posterior_store(desk, settings.cell_px).paths_of(window.coarsen(settings.cell_px))


def _label_settings(desk: Desk, settings: LabelSettings) -> dict[str, object]:
    """Only what the chosen method uses: another threshold does not remake the intersection."""
    if settings.method == "intersection":
        return {"method": settings.method, "legends": desk.legends}
    return settings.model_dump(include={"method", "cell_px", "void_below"})


def _joint_paths(desk: Desk, settings: LabelSettings) -> tuple[Path, ...]:
    blocks = work.posterior_store(desk, settings.cell_px).blocks
    return tuple(desk.work / "labels" / "joint" / f"{block.name}.json" for block in blocks)


def _model_path(desk: Desk) -> Path:
    return desk.work / "labels" / "model.json"
