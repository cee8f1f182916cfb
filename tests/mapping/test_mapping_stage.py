"""The map: the same bytes however it is cut, by whom, and in what order; what cannot be computed is said."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from l2h.core.errors import CheckpointError, InputError, L2HError, SettingsError
from l2h.core.executors import Executor, ProcessExecutor, SerialExecutor
from l2h.core.files import read_json
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.core.tasks import Context, Hole, run_stage
from l2h.mapping.classify import NETWORK, NETWORK_AND_PRIOR, NOTHING, VECTOR
from l2h.mapping.mapper import Mapper, Readers
from l2h.mapping.pairs import refine
from l2h.mapping.predict import Predictor
from l2h.mapping.settings import MappingSettings
from l2h.mapping.stage import Layers, stage
from l2h.nets.base import PixelNetwork, probabilities
from l2h.nets.context import coarse_pixels
from l2h.nets.normalise import Normalisation

SMALL = MappingSettings(window_px=80, prior="on")
NORMALISATION = Normalisation((120.0, 110.0, 100.0), (50.0, 50.0, 50.0))
KINDS = ["unet", "l2hnet", "slim", "surround", "hybrid"]
ALL = Layers()


def run(context: Context, settings: MappingSettings = SMALL, layers: Layers = ALL) -> np.ndarray:
    run_stage(stage(settings, layers), context)
    return context.store("map").read(context.grid.window).values


@pytest.mark.parametrize("kind", KINDS)
def test_same_bytes_for_any_block_size(tmp_path: Path, world: Callable, network: Callable, kind: str) -> None:
    place, net = world(107, 83), network(kind)
    maps = {size: run(place.store(tmp_path / str(size), size, net)) for size in (40, 64, 96, 100, 200)}
    assert len(np.unique(maps[40][0])) > 4  # the test would see a difference
    for size in (64, 96, 100, 200):
        assert (maps[size] == maps[40]).all(), size


class Reversed(SerialExecutor):
    """Tasks in the opposite order."""

    def map(self, function, items):
        return super().map(function, reversed(list(items)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unet", "l2hnet", "surround"])
def test_same_files_for_any_executor_and_order(tmp_path: Path, world: Callable, network: Callable, kind: str) -> None:
    place, net = world(107, 83), network(kind)
    found = []
    executors: list[Executor] = [SerialExecutor(), Reversed(), ProcessExecutor(1), ProcessExecutor(2)]
    for number, executor in enumerate(executors):
        with executor:
            context = replace(place.store(tmp_path / str(number), 40, net), executor=executor)
            run(context, MappingSettings(window_px=80, prior="auto", prior_margin=0.0))
        found.append({p.name: p.read_bytes() for p in (context.work / "map").iterdir()})
    assert len(found[0]) == 11  # 3 × 3 blocks, the evidence, the calibration
    assert all(files == found[0] for files in found[1:])


def test_threads_do_not_show_and_are_given_back(tmp_path: Path, world: Callable, network: Callable) -> None:
    place, net, before = world(60, 70), network("unet"), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        two = run(place.store(tmp_path / "2", 64, net))
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        assert (run(place.store(tmp_path / "1", 64, net)) == two).all()
    finally:
        torch.set_num_threads(before)


def at_once(net: PixelNetwork, imagery: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Probabilities of a picture in one pass, so far inside the tensor that its rim is no rim of the tensor."""
    height, width = valid.shape
    before, side, normal = 320, 800, NORMALISATION  # a multiple of every stride, more than any field
    rims = ((before, side - before - height), (before, side - before - width))
    values, seen = np.pad(imagery, ((0, 0), *rims)), np.pad(valid, rims)
    context = None
    if net.view is not None:
        margin = (net.view.margin,) * 2
        around = coarse_pixels(np.pad(values, ((0, 0), margin, margin)), np.pad(seen, margin), net.view.step)
        context = torch.from_numpy(normal.apply_context(around)[None])
    with torch.inference_mode():
        p = probabilities(net(torch.from_numpy(normal.apply(values, seen)[None]), context))[0]
    return p[:, before : before + height, before : before + width].numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_windows_give_what_the_whole_picture_gives(
    tmp_path: Path, world: Callable, network: Callable, kind: str
) -> None:
    place, net = world(112, 96), network(kind)
    context = place.store(tmp_path, 64, net)
    window_px = net.stride * (16 // net.stride or 1)
    plain = MappingSettings(
        window_px=window_px, prior="off", draw_vectors=False, calibration="off", trust="off", pair_weight=0
    )
    cut = run(context, plain)
    whole = at_once(net, place.imagery, place.valid)
    assert (np.abs(cut[1] - np.where(place.valid, whole.max(axis=0) * 100, 0)) <= 0.51).all()
    values = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12])
    sure = np.diff(np.sort(whole, axis=0)[-2:], axis=0)[0] > 1e-5  # sums in another order differ in the last bits
    assert (cut[0] == values[whole.argmax(axis=0)])[sure & place.valid].all()


@pytest.mark.parametrize("kind", ["unet", "l2hnet"])
def test_windows_pair_pixels_as_the_whole_picture_does(
    tmp_path: Path, world: Callable, network: Callable, kind: str
) -> None:
    place, net = world(112, 96), network(kind)
    plain = MappingSettings(window_px=16, prior="off", draw_vectors=False, calibration="off", trust="off")
    cut = run(place.store(tmp_path, 64, net), plain)
    alone = at_once(net, place.imagery, place.valid)
    colours = NORMALISATION.apply(place.imagery, place.valid)
    whole = refine(alone, colours, place.valid, plain.pair_weight, plain.pair_colour)
    values = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12])
    sure = np.diff(np.sort(whole, axis=0)[-2:], axis=0)[0] > 1e-4
    assert (cut[0] == values[whole.argmax(axis=0)])[sure & place.valid].all()
    assert (whole.argmax(axis=0) != alone.argmax(axis=0))[place.valid].any()  # pairs do decide something here
    own = np.take_along_axis(alone, whole.argmax(axis=0)[None], axis=0)[0]  # confidence is each pixel's own
    assert (np.abs(cut[1] - own * 100) <= 0.51)[sure & place.valid].all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 97), (89, 1), (53, 31), (16, 48)])
def test_awkward_sizes(tmp_path: Path, world: Callable, network: Callable, height: int, width: int) -> None:
    place = world(height, width)
    place.valid[:] = True
    found = run(place.store(tmp_path, 32, network("unet")))
    assert found.shape == (3, height, width)
    assert found[0].min() > 0
    assert found[1].max() <= 100


def test_a_black_picture_is_mapped_and_a_missing_one_is_not(tmp_path: Path, world: Callable, network: Callable) -> None:
    place = world(40, 40)
    place.imagery[:], place.valid[:] = 0, True
    assert (run(place.store(tmp_path / "black", 64, network("unet")))[0] > 0).all()
    place.valid[:] = False
    assert (run(place.store(tmp_path / "missing", 64, network("unet"))) == 0).all()


def test_imagery_missing_inside_a_city_is_a_hole(tmp_path: Path, world: Callable, network: Callable) -> None:
    place = world(40, 60)
    place.valid[:] = True
    place.valid[10:20, 10:50] = False  # 400 px in 30 × 30 blocks: 200, 200
    place.regions[0, :, 30:] = 0  # the second half lies in no city
    context = place.store(tmp_path, 30, network("l2hnet"))
    told = (Hole("map, block r0000c0000", "200 px inside cities have no imagery"),)
    assert run_stage(stage(SMALL), context).holes == told
    assert run_stage(stage(SMALL), context).holes == told  # kept, and still said
    record = context.ledger.get("map/r0000c0001")
    assert record is not None
    assert record.info["without_imagery_px"] == 200


def test_imagery_under_a_hole_does_not_matter(tmp_path: Path, world: Callable, network: Callable) -> None:
    place, net = world(60, 60), network("unet")
    first = run(place.store(tmp_path / "a", 64, net))
    place.imagery[:, ~place.valid] = 99
    assert (run(place.store(tmp_path / "b", 64, net)) == first).all()
    assert (first[:, ~place.valid] == 0).all()
    assert (first[0, place.valid] > 0).all()


def test_source_tells_what_decided(tmp_path: Path, world: Callable, network: Callable) -> None:
    place, net = world(60, 60), network("l2hnet")
    drawn, seen = place.vectors[1] > 0, place.valid
    with_prior = run(place.store(tmp_path / "on", 64, net))
    assert (with_prior[2] == np.where(~seen, NOTHING, np.where(drawn, VECTOR, NETWORK_AND_PRIOR))).all()
    assert (with_prior[0] == place.vectors[1])[drawn & seen].all()
    plain = MappingSettings(window_px=48, prior="off", draw_vectors=False)
    alone = run(place.store(tmp_path / "off", 64, net), plain)
    assert (alone[2] == np.where(seen, NETWORK, NOTHING)).all()
    assert (alone[0] != with_prior[0])[seen & ~drawn].any()


def test_labels_are_not_needed(tmp_path: Path, world: Callable, network: Callable) -> None:
    place, net = world(60, 60), network("l2hnet")
    bare = Layers(posterior=False, vectors=False, regions=False)
    context = place.store(tmp_path, 64, net)
    assert (run(context, MappingSettings(window_px=48), bare)[2] == np.where(place.valid, NETWORK, NOTHING)).all()
    with pytest.raises(SettingsError, match="needs the posterior"):
        stage(SMALL, bare)


@pytest.mark.parametrize(("size", "expected", "prior"), [(100, 0.0, True), (250, 0.0, False), (250, 1.0, True)])
def test_evidence_decides_once(
    tmp_path: Path, world: Callable, network: Callable, size: int, expected: float, prior: bool
) -> None:
    place = world(size, size)
    place.expected = expected  # on few cells that is not asked
    context = place.store(tmp_path, 64, network("l2hnet"))
    found = run(context, MappingSettings(window_px=48, prior_margin=0.0, draw_vectors=False))
    record = read_json(context.work / "map" / "evidence.json")
    assert record["cells"] == {100: 99, 250: 625}[size]  # a cell of the smaller's hole has too little imagery
    assert (record["label_accuracy"], record["posterior_accuracy"]) == (expected, 1.0)
    assert record["network_accuracy"] > 0.1
    assert record["agreement"] < 0.5  # a random network
    assert record["prior"] is prior
    assert (found[2][place.valid] == (NETWORK_AND_PRIOR if prior else NETWORK)).all()


def test_nothing_is_made_twice_and_only_what_depends_is_made_again(
    tmp_path: Path, world: Callable, network: Callable
) -> None:
    place, net = world(100, 100), network("l2hnet")
    context = place.store(tmp_path, 48, net)
    settings = MappingSettings(window_px=48, prior="off")
    assert run_stage(stage(settings), context).made == 11
    assert run_stage(stage(settings), context).made == 0
    changed = settings.model_copy(update={"gpu_batch": 2, "prior_margin": 0.2})
    assert run_stage(stage(changed), context).made == 1  # the evidence; not a pixel depends on it
    assert run_stage(stage(settings.model_copy(update={"draw_vectors": False})), context).made == 10
    assert run_stage(stage(settings.model_copy(update={"calibration": "off"})), context).made == 9


def test_no_file_stays_open(tmp_path: Path, world: Callable, network: Callable) -> None:
    context = world(100, 100).store(tmp_path, 40, network("l2hnet"))
    run(context)  # steps are planned from what earlier ones left
    tasks = [task for step in stage(SMALL).steps for task in step(context)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    for task in tasks:
        task.function(**task.arguments)
    assert len(tasks) == 11
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_weights_that_overflow_are_an_error(tmp_path: Path, world: Callable, network: Callable) -> None:
    net = network("unet")
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.mul_(1e8)
    context = world(40, 40).store(tmp_path, 64, net)
    with pytest.raises(L2HError, match=r"not numbers.*rows -96:144"):
        run_stage(stage(MappingSettings(window_px=48, prior="off"), Layers(posterior=False)), context)


def test_a_missing_block_is_an_error(tmp_path: Path, world: Callable, network: Callable) -> None:
    context = world(100, 100).store(tmp_path, 48, network("l2hnet"))
    (context.work / "layers" / "imagery" / "r0001c0001.tif").unlink()
    with pytest.raises(InputError, match=r"missing.*r0001c0001"):
        run(context)


def test_a_missing_network_is_an_error(tmp_path: Path, world: Callable, network: Callable) -> None:
    context = world(40, 40).store(tmp_path, 48, network("l2hnet"))
    (context.work / "train" / "network.json").unlink()
    with pytest.raises(CheckpointError, match="cannot read the checkpoint"):
        run(context)


def test_windows_off_the_stride_are_an_error(tmp_path: Path, world: Callable, network: Callable) -> None:
    context = world(40, 40).store(tmp_path, 64, network("unet"))
    with pytest.raises(SettingsError, match=r"mapping.window_px.*multiple of 16"):
        run(context, MappingSettings(window_px=100, prior="off"))


class Plain:
    """A virtual raster: every pixel grey."""

    def __init__(self, grid: Grid, bands: int = 3) -> None:
        self.grid, self.bands = grid, bands

    def read(self, window: Window) -> Patch:
        return Patch(np.full((self.bands, *window.shape), 128, "uint8"), np.ones(window.shape, bool), window)


def test_wrong_bands_are_an_error(network: Callable) -> None:
    net: PixelNetwork = network("l2hnet")
    predictor = Predictor.of(net, Normalisation((0.0,) * 3, (1.0,) * 3), precision="32-true")
    mapper = Mapper(predictor, tuple(range(1, 12)), MappingSettings())
    grid = Grid("EPSG:32650", 0.0, 0.0, 1.0, 20, 20)
    with pytest.raises(InputError, match=r"bands.*expected 3.*got 4"):
        mapper.map(Readers(Plain(grid, bands=4)), grid.window)
