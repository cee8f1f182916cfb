"""Calibrated confidence: temperatures by hand, what they keep, what points make of them."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.core.errors import InputError
from l2h.core.files import read_json, write_text
from l2h.core.tasks import Context, Stage, run_stage
from l2h.mapping.calibrating import Places, read_calibration
from l2h.mapping.calibration import LEAST_POINTS, Calibration, default_calibration, fit_points
from l2h.mapping.classify import classify, per_cent
from l2h.mapping.settings import MappingSettings
from l2h.mapping.stage import POINTS, Layers, sets_step, stage

# three fine classes: traffic and building are one coarse class, tree another
INDEX = np.array([0, 1, 0])
ALONE, WITH_PRIOR = Calibration(1.0, 2.5), Calibration(1.1, 2.5)
HEADER = "id,row,col,reference,second,stratum\n"


def column(*values: float) -> np.ndarray:
    return np.array(values, "float32")[:, None]


def test_one_changes_nothing() -> None:
    given_ = column(0.3, 0.5, 0.2)
    np.testing.assert_allclose(Calibration().apply(given_, INDEX, 2), given_, rtol=1e-6)


def test_the_coarse_temperature_keeps_the_ratio_inside() -> None:
    # built-up .8 against tree .2 at T = 2: √.8 : √.2 = 2 : 1; inside still 3 : 1
    told = Calibration(coarse=2.0).apply(column(0.6, 0.2, 0.2), INDEX, 2)
    np.testing.assert_allclose(told[:, 0], [2 / 3 * 0.75, 1 / 3, 2 / 3 * 0.25], rtol=1e-5)


def test_the_split_temperature_keeps_the_coarse_classes() -> None:
    # traffic .64 against building .16 at S = 2: 2 : 1
    told = Calibration(split=2.0).apply(column(0.64, 0.2, 0.16), INDEX, 2)
    np.testing.assert_allclose(told[:, 0], [0.8 * 2 / 3, 0.2, 0.8 / 3], rtol=1e-5)


def test_a_bias_multiplies_a_coarse_class() -> None:
    told = Calibration(bias=(float(np.log(4)), 0.0)).apply(column(0.25, 0.5, 0.25), INDEX, 2)
    np.testing.assert_allclose(told[:, 0], [0.4, 0.2, 0.4], rtol=1e-5)


def test_low_temperatures_of_unlikely_classes_stay_numbers() -> None:
    # 1e-6 to the power of ten is no float32
    told = Calibration(coarse=0.1, split=0.1).apply(column(2e-6, 1 - 3e-6, 1e-6), INDEX, 2)
    np.testing.assert_allclose(told.sum(axis=0), 1, rtol=1e-6)
    even = Calibration(split=0.1).apply(column(1e-9, 1.0, 0.0), INDEX, 2)
    np.testing.assert_allclose(even[0], even[2])
    assert np.isfinite(told).all()


@given(
    st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda p: sum(p) > 0.1),
    st.floats(0.2, 5), st.floats(0.2, 5), st.floats(-2, 2),
)  # fmt: skip
def test_probabilities_stay_probabilities(raw: list[float], coarse: float, split: float, bias: float) -> None:
    p = column(*(np.array(raw) / sum(raw)))
    told = Calibration(coarse, split, (bias, 0.0)).apply(p, INDEX, 2)
    assert told.min() >= 0
    assert told.sum() == pytest.approx(1, abs=1e-5)
    if p[0, 0] > p[2, 0] + 1e-3:
        assert told[0, 0] >= told[2, 0]  # order inside a coarse class never turns


def test_pixels_do_not_look_at_each_other() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(3), (7, 5)).transpose(2, 0, 1).astype("float32")
    whole = WITH_PRIOR.apply(p, INDEX, 2)
    assert (WITH_PRIOR.apply(p[:, 2:4, 1:3], INDEX, 2) == whole[:, 2:4, 1:3]).all()


def test_the_class_is_that_of_what_came_in() -> None:
    raw, told = np.zeros((2, 1, 1), "float32"), np.zeros((2, 1, 1), "float32")
    raw[:, 0, 0], told[:, 0, 0] = (0.6, 0.4), (0.45, 0.55)
    found = classify(raw, np.ones((1, 1), bool), (2, 9), told=told)
    assert (found.classes[0, 0], found.confidence[0, 0]) == (2, per_cent(np.float32(0.45)))


@pytest.mark.parametrize(
    ("training", "alone", "with_prior"),
    [
        ({}, 1.0, 1.1),
        ({"settings": {"loss": "ce", "alpha": 8.0}}, 1.0, 1.1),
        ({"settings": {"loss": "cell", "alpha": 1.0}}, 1.0, 1.1),
        ({"settings": {"loss": "cell", "alpha": 8.0}}, 0.25, 0.55),  # the cube root of 8 is 2
        ({"settings": {"loss": "cell", "alpha": "high"}}, 1.0, 1.1),
    ],
)
def test_the_default_knows_how_the_network_was_trained(training: dict, alone: float, with_prior: float) -> None:
    assert default_calibration(training, prior=False).coarse == pytest.approx(alone)
    assert default_calibration(training, prior=True).coarse == pytest.approx(with_prior)


def overconfident(n: int, truth: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points of two coarse classes: probabilities whose logits are `truth` times too large, and what is right."""
    generator = np.random.default_rng(seed)
    logit = generator.normal(0, 2, n)
    real = 1 / (1 + np.exp(-logit))
    told = 1 / (1 + np.exp(-truth * logit))
    first = generator.random(n) < real
    p = np.stack([told / 2, 1 - told, told / 2], axis=1)
    right = np.zeros((n, 3), bool)
    right[np.arange(n), np.where(first, generator.choice([0, 2], n), 1)] = True
    return p, right


def test_points_find_the_temperature() -> None:
    found = fit_points(*overconfident(1500, 2.0), INDEX, 2, ALONE)
    assert found.coarse == pytest.approx(2.0, rel=0.2)


def test_few_points_leave_the_default() -> None:
    assert fit_points(*overconfident(LEAST_POINTS - 1, 2.0), INDEX, 2, WITH_PRIOR) == WITH_PRIOR
    some = fit_points(*overconfident(LEAST_POINTS, 2.0), INDEX, 2, WITH_PRIOR)
    assert some.bias == ()
    assert len(fit_points(*overconfident(200, 2.0), INDEX, 2, WITH_PRIOR).bias) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"coarse": 0.0, "split": 1.0, "bias": [], "road": 0.0, "building": 0.0},
        {"coarse": 1.0, "split": float("nan"), "bias": [], "road": 0.0, "building": 0.0},
        {"coarse": 1.0, "split": 1.0, "bias": [0.0], "road": 0.0, "building": 0.0},
        {"coarse": 1.0, "bias": [], "road": 0.0, "building": 0.0},
        {"coarse": 1.0, "split": 1.0, "bias": [], "road": float("inf"), "building": 0.0},
        {"coarse": 1.0, "split": 1.0, "bias": []},
        {"coarse": "hot", "split": 1.0, "bias": [], "road": 0.0, "building": 0.0},
    ],
)
def test_a_broken_calibration_is_refused(values: dict) -> None:
    with pytest.raises(InputError, match="malformed"):
        Calibration.from_dict(values, "calibration.json", 2)


def test_a_foreign_table_of_points_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "p.csv", "a,b\n1,2\n")
    with pytest.raises(InputError, match="located points"):
        Places.from_csv(tmp_path / "p.csv")


def test_points_that_are_not_placed_yet_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read.*p\.csv"):
        Places.from_csv(tmp_path / "p.csv")


def with_points(context: Context, n: int, mapped: np.ndarray | None = None) -> Context:
    """Points of random classes; given a map, two in three of them of its class."""
    generator = np.random.default_rng(1)
    places = [(r, c) for r in range(0, context.grid.height, 7) for c in range(0, context.grid.width, 9)][:n]
    classes = [int(generator.choice([2, 5, 9])) for _ in places]
    if mapped is not None:
        classes = [
            int(mapped[at]) or value if i % 3 else value
            for i, (at, value) in enumerate(zip(places, classes, strict=True))
        ]
    rows = [f"p{i},{r},{c},{value},0,0\n" for i, ((r, c), value) in enumerate(zip(places, classes, strict=True))]
    write_text(context.work / POINTS, HEADER + "".join(rows))
    return context


def test_points_calibrate_the_same_whatever_the_blocks(tmp_path: Path, world: Callable, network: Callable) -> None:
    place, net, found = world(107, 83), network("l2hnet"), []
    settings, layers = MappingSettings(window_px=48, prior="on"), Layers(points=True)
    for size in (40, 100):
        context = with_points(place.store(tmp_path / str(size), size, net), 100)
        run_stage(stage(settings, layers), context)
        found.append((context.work / "map/calibration.json").read_bytes())
        maps = context.store("map").read(context.grid.window).values
        found.append(maps.tobytes())
    assert found[:2] == found[2:]
    record = read_json(tmp_path / "40" / "work" / "map" / "calibration.json")
    assert record["source"] == "points"
    assert record["coarse"] > 1.1  # random classes at random points: the network learns that it knows nothing
    assert read_calibration(tmp_path / "40" / "work" / "map" / "calibration.json")[0].coarse == record["coarse"]


def test_weights_of_vectors_alone_are_no_temperatures(tmp_path: Path, world: Callable, network: Callable) -> None:
    place = world(60, 60)
    place.vectors[1] = 1  # a road is drawn everywhere
    context = with_points(place.store(tmp_path, 60, network("l2hnet")), 40)
    run_stage(stage(MappingSettings(window_px=48, prior="on"), Layers(points=True)), context)
    record = read_json(context.work / "map" / "calibration.json")
    context = with_points(place.store(tmp_path / "few", 60, network("l2hnet")), 10)
    run_stage(stage(MappingSettings(window_px=48, prior="on"), Layers(points=True)), context)
    few = read_json(context.work / "map" / "calibration.json")
    assert record["drawn"]["road"] >= 20 > few["drawn"]["road"]
    assert (record["coarse"], record["split"]) == (few["coarse"], few["split"])
    assert record["road"] < few["road"]  # no point says road: the fitted weight is lower than the default
    assert record["source"] == few["source"] == "default"


@pytest.mark.parametrize("levels", [(0.9, 0.9), (0.95, 0.9, 0.95), (0.9999999,), (0.900000001, 0.9), (1.0,), (0.0,)])
def test_levels_that_share_a_name_or_say_nothing_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="set_levels"):
        MappingSettings(set_levels=levels)


def test_sets_are_the_same_whatever_the_blocks_and_what_the_map_says(
    tmp_path: Path, world: Callable, network: Callable
) -> None:
    place, net, found = world(107, 83), network("l2hnet"), []
    settings, layers = MappingSettings(window_px=48, prior="on", set_levels=(0.5, 0.9)), Layers(points=True)
    for size in (40, 100):
        context = with_points(place.store(tmp_path / str(size), size, net), 100)
        mapped = stage(settings, layers)
        run_stage(mapped, context)
        run_stage(Stage("assess", (sets_step(settings, layers, POINTS),)), context)  # any located points will do
        found.append([(context.work / name).read_bytes() for name in ("map/sets.json", "assess/told.csv")])
        maps = context.store("map").read(context.grid.window).values
    assert found[0] == found[1]
    rows = list(csv.DictReader(found[0][1].decode().splitlines()))
    assert [int(row["class"]) for row in rows] == [int(maps[0, int(row["row"]), int(row["col"])]) for row in rows]
    seen = [row for row in rows if row["class"] != "0"]
    assert 0 < len(seen) < len(rows)  # the world has a hole
    assert all(row["class"] in row["set_0.5"].split() for row in seen)
    assert all(set(row["set_0.5"].split()) <= set(row["set_0.9"].split()) for row in rows)
    # the points were drawn with these sets in hand, so they hold the truth at least as often as they say
    truth = [line.split(",")[3] for line in (context.work / POINTS).read_text().splitlines()[1:]]
    hit = [t in row["set_0.9"].split() for t, row in zip(truth, rows, strict=True) if row["class"] != "0"]
    assert np.mean(hit) >= 0.9
    assert all(row["set_0.5"] == row["set_0.9"] == "" for row in rows if row["class"] == "0")


def test_without_points_or_levels_there_are_no_sets(tmp_path: Path, world: Callable, network: Callable) -> None:
    context = with_points(world(40, 40).store(tmp_path, 40, network("l2hnet")), 20)
    for settings, layers in (
        (MappingSettings(window_px=48), Layers()),
        (MappingSettings(window_px=48, set_levels=()), Layers(points=True)),
        (MappingSettings(window_px=48, calibration="off"), Layers(points=True)),
    ):
        run_stage(stage(settings, layers), context)
    assert not (context.work / "map/sets.json").exists()
    few = MappingSettings(window_px=48)
    run_stage(stage(few, Layers(points=True)), context)
    run_stage(Stage("assess", (sets_step(few, Layers(points=True), POINTS),)), context)
    assert (context.work / "assess/told.csv").read_text().splitlines()[0] == "id,row,col,class"


def test_a_region_with_points_enough_has_its_own_temperatures(
    tmp_path: Path, world: Callable, network: Callable
) -> None:
    place, net, found = world(107, 83), network("l2hnet"), []
    place.regions[0, :, 75:] = 2  # nine columns of points in West, one in East
    settings, layers = MappingSettings(window_px=48, prior="on"), Layers(points=True)
    # random classes alone would push the temperature to its bound, where no region could differ
    bare = place.store(tmp_path / "bare", 100, net)
    run_stage(stage(settings, Layers(vectors=False)), bare)
    mapped = bare.store("map").read(bare.grid.window).values[0]
    for size in (40, 100):
        context = with_points(place.store(tmp_path / str(size), size, net), 160, mapped)
        run_stage(stage(settings, layers), context)
        maps = context.store("map").read(context.grid.window).values
        found.append(((context.work / "map/calibration.json").read_bytes(), maps.tobytes()))
    assert found[0] == found[1]
    nation, regions = read_calibration(context.work / "map/calibration.json")
    assert list(regions) == ["West"]  # East has sixteen points
    assert regions["West"] != nation
    assert replace(regions["West"], coarse=nation.coarse, split=nation.split) == nation
    place.regions[:] = 1
    one = with_points(place.store(tmp_path / "one", 100, net), 160, mapped)
    run_stage(stage(settings, layers), one)
    whole = one.store("map").read(one.grid.window).values  # one region: the nation's temperatures everywhere
    assert read_json(one.work / "map/calibration.json")["regions"] == {}
    assert (whole[[0, 2]] == maps[[0, 2]]).all()  # the class never depends on it
    assert (whole[1, :, 75:] == maps[1, :, 75:]).all()
    assert (whole[1, :, :75] != maps[1, :, :75]).any()


def test_only_confidence_depends_on_the_points(tmp_path: Path, world: Callable, network: Callable) -> None:
    place, net, maps = world(107, 83), network("l2hnet"), []
    settings = MappingSettings(window_px=48, prior="on")
    for number, layers in enumerate((Layers(), Layers(points=True))):
        context = with_points(place.store(tmp_path / str(number), 40, net), 100)
        run_stage(stage(settings, layers), context)
        maps.append(context.store("map").read(context.grid.window).values)
    assert (maps[0][[0, 2]] == maps[1][[0, 2]]).all()
    assert (maps[0][1] != maps[1][1]).any()


def test_what_is_asked_at_places_is_what_the_map_takes_its_class_from(
    tmp_path: Path, world: Callable, network: Callable
) -> None:
    from l2h.mapping.engine import Engine
    from l2h.mapping.mapper import Readers

    context = world(107, 83).store(tmp_path, 40, network("l2hnet"))
    settings = MappingSettings(window_px=48, prior="on", draw_vectors=False, calibration="off")
    run_stage(stage(settings), context)
    maps = context.store("map").read(context.grid.window).values
    rows, cols = (places.ravel() for places in np.indices(maps[0].shape))
    mapper = Engine(context.work / "train/network.safetensors", settings, "cpu").mapper(prior=True)
    readers = Readers(context.store("layers/imagery"), context.cell_store("labels/posterior", 10))
    readers = replace(readers, prior=context.cell_store("labels/prior", 10))
    asked = mapper.at_places(readers, rows, cols)
    assert (np.where(asked.seen, np.array(mapper.values)[asked.best], 0) == maps[0].ravel()).all()
    told = asked.probability[np.arange(len(rows)), asked.best]
    assert (per_cent(told)[asked.seen] == maps[1].ravel()[asked.seen]).all()
    assert (asked.best != asked.probability.argmax(axis=1))[asked.seen].any()  # neighbours have their say
    assert (asked.drawn == 0).all()
