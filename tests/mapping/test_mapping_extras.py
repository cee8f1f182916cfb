"""Mapping with extras: any may be missing, no block shows, and what was used is recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from l2h.core.errors import CheckpointError, SettingsError
from l2h.core.extras import ExtraLayer, extra_store
from l2h.core.files import read_json
from l2h.core.legend import load_legend
from l2h.core.raster import write_raster
from l2h.core.tasks import Context, plan_stage, run_stage
from l2h.mapping.heard import HEARD
from l2h.mapping.settings import MappingSettings
from l2h.mapping.stage import Layers, stage
from l2h.nets.base import PixelNetwork
from l2h.nets.checkpoint import Checkpoint, write_checkpoint
from l2h.nets.extras import ExtraGroup
from l2h.nets.normalise import Normalisation
from l2h.nets.registry import build_network

VALUES = load_legend("sinolc1").values
GROUPS = (
    ExtraGroup("s2", ("red", "nir"), "reflectance", (0.0, 0.0), (1.0, 1.0)),
    ExtraGroup("dem", ("band 1",), "m", (0.0,), (1.0,)),
)
LAYERS = tuple(group.layer for group in GROUPS)
SETTINGS: dict[str, Any] = {"window_px": 80, "prior": "off", "trust": "off", "calibration": "off"}
SHAPE = (170, 230)


def hearing_network() -> PixelNetwork:
    torch.manual_seed(0)
    net = build_network("slim", 3, len(VALUES), width=4, extra_channels=3, extra_groups=2).eval()
    with torch.no_grad():
        net.classifier.weight.mul_(20)
        assert net.extra is not None
        net.extra.join.weight.mul_(20)
    return net


@pytest.fixture
def place(world: Callable[..., Any], network: Callable[..., PixelNetwork]) -> Callable[..., Context]:
    """A workspace with both extras, of which the second is missing in places, and a network that hears them."""

    def make(
        folder: Path, block_px: int, names: tuple[str, ...] = ("s2", "dem"), shape: tuple[int, int] = SHAPE
    ) -> Context:
        context: Context = world(*shape).store(folder, block_px, network("slim"))
        rng = np.random.default_rng(5)
        cells = context.grid.coarsen(10)
        all_values = {"s2": rng.normal(0, 1, (2, *cells.shape)), "dem": rng.normal(0, 1, (1, *cells.shape))}
        there = rng.random(cells.shape) > 0.4
        for name in names:
            store = extra_store(context.work, context.grid, block_px, name)
            valid = there if name == "dem" else np.ones_like(there)
            for block in store.blocks:
                rows, cols = block.window.slices_in(cells.window)
                values = all_values[name][:, rows, cols].astype("float32")
                write_raster(store.path(block), values, cells, block.window, valid=valid[rows, cols])
        arguments = {"width": 4, "extra_channels": 3, "extra_groups": 2}
        normalisation = Normalisation((120.0, 110.0, 100.0), (50.0, 50.0, 50.0))
        write_checkpoint(
            context.work / "train/network.safetensors",
            Checkpoint("slim", arguments, hearing_network(), "sinolc1", VALUES, normalisation, {}, extras=GROUPS),
        )
        return context

    return make


def mapped(context: Context, layers: tuple[ExtraLayer, ...] = LAYERS, **settings: Any) -> np.ndarray:
    made = stage(MappingSettings(**SETTINGS | settings), Layers(extras=layers))
    run_stage(made, context)
    assert {decision for _, decision in plan_stage(made, context)} == {"keep"}
    patch = context.store("map").read(context.grid.window)
    return patch.values


def test_no_block_shows(place: Callable[..., Context], tmp_path: Path) -> None:
    maps = [mapped(place(tmp_path / str(size), size)) for size in (70, 110, 400)]
    assert len(np.unique(maps[0][0])) > 2
    assert {found.tobytes() for found in maps} == {maps[0].tobytes()}


def test_extras_change_the_map_and_any_may_be_missing(place: Callable[..., Context], tmp_path: Path) -> None:
    context = place(tmp_path, 110)
    full = mapped(context)
    record = read_json(context.work / HEARD)
    assert record == {"trained": ["s2", "dem"], "used": ["s2", "dem"], "missing": [], "unheard": []}
    some = mapped(context, without_extras=("dem",))
    assert read_json(context.work / HEARD)["missing"] == ["dem"]
    none = mapped(context, without_extras=("s2", "dem"))
    assert 0 < (full[0] != some[0]).mean() < 1
    assert (some[0] != none[0]).any()
    # a project that has none maps the same as one that leaves them out, whatever its blocks
    bare = place(tmp_path / "bare", 90, names=())
    np.testing.assert_array_equal(mapped(bare, ()), none)
    record = read_json(bare.work / HEARD)
    assert (record["used"], record["missing"]) == ([], ["s2", "dem"])


def test_without_any_extra_the_map_is_that_of_the_backbone(place: Callable[..., Context], tmp_path: Path) -> None:
    context = place(tmp_path, 400)
    none = mapped(context, without_extras=("s2", "dem"))
    net = build_network("slim", 3, len(VALUES), width=4)
    net.load_state_dict({k: v for k, v in hearing_network().state_dict().items() if not k.startswith("extra.")})
    normalisation = Normalisation((120.0, 110.0, 100.0), (50.0, 50.0, 50.0))
    path = context.work / "train/network.safetensors"
    write_checkpoint(path, Checkpoint("slim", {"width": 4}, net, "sinolc1", VALUES, normalisation, {}))
    np.testing.assert_array_equal(mapped(context), none)
    record = read_json(context.work / HEARD)
    assert (record["trained"], record["unheard"]) == ([], ["s2", "dem"])


def test_only_what_a_changed_cell_reaches_is_mapped_again(place: Callable[..., Context], tmp_path: Path) -> None:
    context = place(tmp_path, 80, shape=(60, 420))
    mapped(context)
    store = extra_store(context.work, context.grid, 80, "s2")
    last = store.blocks[-1]
    patch = store.read(last.window)
    store.close()
    write_raster(store.path(last), patch.values + 1, store.grid, last.window, valid=patch.valid)
    plan = plan_stage(stage(MappingSettings(**SETTINGS), Layers(extras=LAYERS)), context)
    again = {task.key for task, decision in plan if decision == "remake"}
    assert again == {"map/evidence", *(f"map/r0000c000{column}" for column in (2, 3, 4, 5))}  # 176 px beyond a window


def test_what_is_mapped_without_is_told(place: Callable[..., Context], tmp_path: Path) -> None:
    context = place(tmp_path, 400, names=("s2",))
    report = run_stage(stage(MappingSettings(**SETTINGS), Layers(extras=LAYERS[:1])), context)
    assert report.notices == ("mapped without extras dem",)
    counts = context.ledger.get("map/r0000c0000").info["extras"]
    assert counts == {"s2": 17 * 23, "dem": 0}


def test_an_extra_that_means_something_else_is_one_clear_error(place: Callable[..., Context], tmp_path: Path) -> None:
    context = place(tmp_path, 400)
    feet = ExtraLayer("dem", ("band 1",), "feet")
    with pytest.raises(CheckpointError, match=r"another extra 'dem'.*expected band 1 in m, got band 1 in feet"):
        run_stage(stage(MappingSettings(**SETTINGS), Layers(extras=(LAYERS[0], feet))), context)
    mapped(context, (LAYERS[0], feet), without_extras=("dem",))  # left out, it does not matter what it means
    with pytest.raises(SettingsError, match=r"no such extra.*expected s2, dem, got slope"):
        run_stage(stage(MappingSettings(**SETTINGS, without_extras=("slope",)), Layers(extras=LAYERS)), context)
