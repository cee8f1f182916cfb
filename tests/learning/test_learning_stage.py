"""The stage on a small workspace of block files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from virtual_areas import TINY, make_area

from l2h.core.errors import InputError
from l2h.core.executors import SerialExecutor
from l2h.core.ledger import Ledger
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore, write_raster
from l2h.core.tasks import Context, plan_stage, run_stage
from l2h.learning.settings import LearningSettings
from l2h.learning.stage import stage
from l2h.nets.checkpoint import read_checkpoint

LAYERS = {
    "imagery": "layers/imagery",
    "posterior": "labels/posterior",
    "label": "labels/label",
    "vectors": "labels/vectors",
}


def workspace(folder: Path, block_px: int) -> Context:
    """The virtual area as the block files earlier stages leave."""
    area = make_area(300, 480)
    context = Context(folder, area.imagery.grid, block_px, Ledger(folder), SerialExecutor())
    for layer, name in LAYERS.items():
        store = context.cell_store(name, 10) if layer == "posterior" else context.store(name)
        reader = getattr(area, layer)
        for block in store.blocks:
            patch = reader.read(block.window)
            valid = patch.valid if layer == "imagery" else None
            write_raster(store.path(block), patch.values, store.grid, block.window, valid=valid)
    return context


def trained(folder: Path, block_px: int, **settings: Any) -> Path:
    context = workspace(folder, block_px)
    run_stage(stage(LearningSettings(**TINY | settings)), context)
    return context.work / "train"


def test_stage_writes_a_checkpoint_for_the_project(tmp_path: Path) -> None:
    folder = trained(tmp_path, 200)
    found = read_checkpoint(folder / "network.safetensors", load_legend("sinolc1"), bands=3)
    assert found.training["areas"] == ["project"]
    steps = [json.loads(line)["step"] for line in (folder / "log.jsonl").read_text().splitlines()]
    assert steps[-1] == 12


def test_network_is_the_same_for_any_block_size(tmp_path: Path) -> None:
    files = [trained(tmp_path / str(size), size) for size in (110, 480)]
    for name in ("network.safetensors", "network.json"):
        assert len({(folder / name).read_bytes() for folder in files}) == 1


def test_what_is_trained_is_kept_and_remade_when_labels_or_settings_change(tmp_path: Path) -> None:
    context = workspace(tmp_path, 480)
    plan = stage(LearningSettings(**TINY))
    assert [decision for _, decision in plan_stage(plan, context)] == ["make"]
    assert run_stage(plan, context).made == 1
    assert run_stage(plan, context).kept == 1
    more_threads = stage(LearningSettings(**TINY | {"threads": 2}))
    assert [decision for _, decision in plan_stage(more_threads, context)] == ["keep"]
    other = stage(LearningSettings(**TINY, seed=4))
    assert [decision for _, decision in plan_stage(other, context)] == ["remake"]
    store = context.cell_store("labels/posterior", 10)
    patch = store.read(store.grid.window)
    cells = np.roll(patch.values, 1, axis=1)  # the same labels one cell further south
    store.close()
    write_raster(store.path(store.blocks[0]), cells, store.grid, store.grid.window)
    assert [decision for _, decision in plan_stage(plan, context)] == ["remake"]
    before = (context.work / "train/network.safetensors").read_bytes()
    assert run_stage(plan, context).made == 1  # not resumed from the finished state of the other labels
    assert (context.work / "train/network.safetensors").read_bytes() != before


def test_recipes_read_only_the_labels_they_use(tmp_path: Path) -> None:
    context = workspace(tmp_path, 480)
    for recipe, layers in (("default", {"imagery", "posterior", "vectors"}), ("l2h", {"imagery", "label"})):
        ((task, _),) = plan_stage(stage(LearningSettings(recipe=recipe)), context)
        assert {path.parent.name for path in task.inputs} == layers


def test_a_missing_block_is_an_error_that_names_it(tmp_path: Path) -> None:
    context = workspace(tmp_path, 200)
    store = BlockStore(context.work / "labels/vectors", context.grid, 200)
    store.path(store.blocks[1]).unlink()
    with pytest.raises(InputError, match="r0000c0001"):
        run_stage(stage(LearningSettings(**TINY)), context)
