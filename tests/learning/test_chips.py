"""Chips, the plan they are drawn by, and the cache they are read through."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from virtual_areas import COARSE, ArrayReader, make_area

from l2h.core.errors import GridError, InputError, SettingsError
from l2h.core.grid import Grid, Window
from l2h.core.legend import coarse_legend, load_legend
from l2h.core.patch import Patch
from l2h.learning.areas import TileCache, TrainingReaders, check_areas
from l2h.learning.batch import Batch, collate, colour_jitter, jittered
from l2h.learning.chips import Chip, likeliest, read_chip, unanimous
from l2h.learning.classes import ClassMap
from l2h.learning.draw import ChipSource
from l2h.learning.plan import ChipPlan, cell_counts, make_plan, statistics
from l2h.learning.settings import LearningSettings
from l2h.nets.context import coarse_pixels
from l2h.nets.normalise import Normalisation
from l2h.nets.surround import Surround

CLASSES = ClassMap.of(load_legend("sinolc1"), coarse_legend())
SETTINGS = LearningSettings(held_out_share=0.25)


def plan_of(*areas: TrainingReaders, settings: LearningSettings = SETTINGS) -> ChipPlan:
    return make_plan(areas, settings, CLASSES, TileCache())


def test_likeliest_class_and_no_product() -> None:
    cells = np.zeros((4, 1, 3), np.uint8)
    cells[:, 0, 0], cells[:, 0, 1] = [10, 200, 45, 90], [255, 0, 0, 10]
    assert likeliest(cells).tolist() == [[1, 0, -1]]


def test_unanimous_needs_all_nine_known_and_equal() -> None:
    classes = np.ones((5, 6), np.int64)
    classes[0, 0], classes[4, 5] = 2, -1
    assert unanimous(classes).tolist() == [[False, True, True, True], [True] * 4, [True, True, True, False]]
    assert not unanimous(np.full((3, 3), -1)).any()


def test_turning_moves_pixels_and_cells_together() -> None:
    pixels = np.arange(400, dtype=np.int64).reshape(20, 20)
    cells = (pixels // 100 % 2)[None, ::10, ::10].astype(np.uint8)
    chip = Chip((pixels % 251)[None].astype(np.uint8), pixels > 30, cells)
    for turns in range(4):
        for mirrored in (False, True):
            turned = chip.turned(turns, mirrored)
            flipped = np.rot90(pixels[:, ::-1] if mirrored else pixels, turns)
            assert np.array_equal(turned.image[0], flipped % 251)
            assert np.array_equal(turned.valid, flipped > 30)
            assert turned.posterior is not None
            assert np.array_equal(turned.posterior, np.rot90(cells[..., ::-1] if mirrored else cells, turns, (1, 2)))
            assert turned.label is None


def test_a_chip_at_the_rim_is_invalid_outside() -> None:
    area = make_area(100, 100)
    chip = read_chip(area, Window(60, 140, -20, 60), TileCache())
    assert chip.valid.sum() == 40 * 60
    assert chip.posterior is not None
    assert chip.posterior.shape == (11, 8, 8)
    assert not chip.posterior[:, :, :2].any()
    assert chip.pure is not None
    assert chip.pure.shape == (8, 8)


def test_cache_reads_a_small_area_once_and_stays_within_its_bound() -> None:
    area = make_area(640, 640)
    reader = area.imagery
    assert isinstance(reader, ArrayReader)
    cache = TileCache()
    for start in range(0, 560, 40):
        patch = cache.read(reader, Window(start, start + 80, start, start + 80), 320)
        assert np.array_equal(patch.values, reader.values[:, start : start + 80, start : start + 80])
    assert reader.pixels_read == 640 * 640
    small = TileCache(capacity_bytes=5 * 320 * 320)
    for start in range(0, 560, 40):
        small.read(reader, Window(start, start + 80, start, start + 80), 320)
        assert small.held_bytes <= max(5 * 320 * 320, 4 * 320 * 320)


def test_a_window_off_the_grid_is_an_error() -> None:
    with pytest.raises(GridError, match="outside the grid"):
        TileCache().read(make_area(100, 100).imagery, Window(200, 280, 0, 80), 320)


def test_plan_counts_cells_by_class_and_vector() -> None:
    area = make_area(480, 480)
    plan = plan_of(area, settings=LearningSettings(held_out_share=0))
    assert plan.strata == (*map(str, COARSE), "vector 1", "vector 6")
    assert isinstance(area.posterior, ArrayReader)
    top = likeliest(area.posterior.values)
    totals = plan.counts.sum(axis=0)
    assert totals[:10].tolist() == [int((top == j).sum()) for j in range(10)]
    assert isinstance(area.vectors, ArrayReader)
    roads = cell_counts(area.vectors.values[0] == 1, 10) > 0
    assert totals[10] == roads.sum()
    cells = [plan.cells_of(0, 10) // 24, plan.cells_of(0, 10) % 24]
    assert roads[cells[0], cells[1]].all()


def test_hard_labels_make_fine_strata() -> None:
    plan = plan_of(make_area(480, 480), settings=LearningSettings(recipe="l2h", held_out_share=0))
    assert plan.strata == ("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "12")
    assert plan.counts.sum(axis=0)[0] > 0


def test_held_out_blocks_hang_on_name_and_place_only() -> None:
    areas = make_area(960, 960, seed=1, name="a"), make_area(480, 960, seed=2, name="b")
    plan = plan_of(*areas)
    assert len(plan.held_out) == 6  # a quarter of 16 + 8
    assert len(plan.blocks) == 18
    assert not {*map(tuple, plan.blocks.tolist())} & {*map(tuple, plan.held_out.tolist())}
    other_seed = plan_of(*areas, settings=SETTINGS.model_copy(update={"seed": 9}))
    assert np.array_equal(plan.held_out, other_seed.held_out)


def test_statistics_are_those_of_the_valid_pixels() -> None:
    values = np.array([[[1, 3], [5, 200]]], np.uint8).repeat(10, 1).repeat(10, 2)
    valid = values[0] < 100
    grid = Grid("EPSG:32650", 0, 0, 1, 20, 20)
    area = TrainingReaders("a", ArrayReader(grid, values, valid))
    found = statistics([area], np.array([[0, 0, 0]]), 240, TileCache())
    assert found.mean == (3.0,)
    assert found.std == pytest.approx((np.sqrt(8 / 3),))


def source_of(area: TrainingReaders, settings: LearningSettings = SETTINGS) -> ChipSource:
    return ChipSource([area], plan_of(area, settings=settings), settings, TileCache())


def test_chips_repeat_by_seed_step_and_slot_and_differ_otherwise() -> None:
    area = make_area(960, 960)
    first, again = source_of(area), source_of(area)
    again.draw(0, 0)  # what was drawn before does not matter
    assert np.array_equal(first.draw(5, 3).image, again.draw(5, 3).image)
    assert not np.array_equal(first.draw(5, 3).image, first.draw(5, 4).image)
    assert not np.array_equal(first.draw(5, 3).image, first.draw(6, 3).image)


def test_chips_never_touch_held_out_ground() -> None:
    area = make_area(960, 960)
    source = source_of(area)
    # paint the held-out blocks: no chip may show the paint
    assert isinstance(area.imagery, ArrayReader)
    for _, row, col in source.plan.held_out.tolist():
        area.imagery.values[:, row * 240 : row * 240 + 240, col * 240 : col * 240 + 240] = 255
        area.imagery.valid[row * 240 : row * 240 + 240, col * 240 : col * 240 + 240] = True
    fresh = ChipSource([area], source.plan, SETTINGS, TileCache())
    assert all((fresh.draw(step, 0).image.min(axis=0) < 255).all() for step in range(100))


def test_balance_brings_rare_classes_forward() -> None:
    area = make_area(960, 960)
    assert isinstance(area.posterior, ArrayReader)
    cells = area.posterior.values
    cells[:, :, :] = 0
    cells[0], cells[10] = 255, 80  # tree everywhere ...
    cells[0, 40:44, 40:44], cells[8, 40:44, 40:44] = 0, 255  # ... but for 16 cells of wetland
    shares = []
    for strength in (0.0, 1.0):
        settings = LearningSettings(held_out_share=0, class_balance=strength, split_weight=0)
        source = source_of(area, settings)
        chips = [source.draw(step, 0).posterior for step in range(60)]
        shares.append(sum(bool(chip is not None and chip[8].any()) for chip in chips))
    assert shares[0] < 10
    assert shares[1] > 24


def test_strata_weights() -> None:
    area = make_area(960, 960)
    totals = plan_of(area).counts.sum(axis=0)
    even = source_of(area, SETTINGS.model_copy(update={"class_balance": 1.0})).weights
    assert set(even.round(6).tolist()) == {0.0, round(1 / (totals > 0).sum(), 6)}
    by_area = source_of(area, SETTINGS.model_copy(update={"class_balance": 0.0})).weights
    assert by_area == pytest.approx(totals / totals.sum())


class Striped:
    """The same raster as another reader, but read in narrow stripes: a store cut another way."""

    def __init__(self, reader: ArrayReader, step: int) -> None:
        self.reader, self.step, self.grid = reader, step, reader.grid

    def read(self, window: Window) -> Patch:
        whole = self.reader.read(window)
        values, valid = np.zeros_like(whole.values), np.zeros_like(whole.valid)
        for top in range(window.row_start // self.step * self.step, window.row_stop, self.step):
            stripe = Window(top, top + self.step, window.col_start, window.col_stop).intersect(window)
            part = self.reader.read(stripe)
            rows, cols = stripe.slices_in(window)
            values[:, rows, cols], valid[rows, cols] = part.values, part.valid
        return Patch(values, valid, window)


def test_chips_do_not_depend_on_how_the_stores_are_cut() -> None:
    area = make_area(960, 960)
    layers = {name: getattr(area, name) for name in ("imagery", "posterior", "label", "vectors")}
    striped = replace(area, **{name: Striped(reader, 37) for name, reader in layers.items()})
    a, b = source_of(area), source_of(striped)
    assert np.array_equal(a.plan.members, b.plan.members)
    assert a.plan.normalisation == b.plan.normalisation
    for step in range(5):
        assert np.array_equal(a.draw(step, 1).image, b.draw(step, 1).image)


def test_chips_with_too_few_valid_pixels_are_drawn_again_and_none_is_an_error() -> None:
    area = make_area(480, 480)
    assert isinstance(area.imagery, ArrayReader)
    area.imagery.valid[:, 200:] = False
    source = source_of(area, LearningSettings(held_out_share=0, min_valid_share=0.9))
    assert min(source.draw(step, 0).valid.mean() for step in range(50)) >= 0.9
    area.imagery.valid[:] = False
    area.imagery.valid[::10, ::10] = True
    hopeless = source_of(area, LearningSettings(held_out_share=0, min_valid_share=0.9))
    with pytest.raises(InputError, match="no usable training chip"):
        hopeless.draw(0, 0)


def test_an_area_smaller_than_a_chip_still_gives_chips() -> None:
    area = make_area(60, 70)
    chip = source_of(area, LearningSettings(held_out_share=0)).draw(0, 0)
    assert chip.image.shape == (3, 80, 80)
    assert chip.valid.sum() == 60 * 70


def test_batch_holds_what_the_losses_want() -> None:
    posterior = np.zeros((11, 1, 2), np.uint8)
    posterior[:, 0, 0] = [51, 0, 0, 204, 0, 0, 0, 0, 0, 0, 40]
    label = np.zeros((3, 10, 20), np.uint8)
    label[0], label[2] = 12, 1
    label[0, 0, 0], label[2, 0, 1] = 0, 4  # void, ignore ring
    valid = np.ones((10, 20), bool)
    valid[0, 2] = False
    chip = Chip(
        np.full((1, 10, 20), 30, np.uint8),
        valid,
        posterior,
        np.zeros((1, 2), bool),
        label,
        np.full((10, 20), 6, np.uint8),
    )
    batch = collate([chip], Normalisation((20.0,), (5.0,)), load_legend("sinolc1").index_of)
    assert batch.image[0, 0, 0, :3].tolist() == [2.0, 2.0, 0.0]
    assert batch.posterior is not None
    assert batch.posterior[0, :, 0, 0].tolist() == pytest.approx([0.2, 0, 0, 0.8, 0, 0, 0, 0, 0, 0])
    assert batch.weight is not None
    assert batch.weight[0, 0].tolist() == pytest.approx([0.4, 0.0])
    assert batch.label is not None
    assert batch.label[0, 0, :4].tolist() == [-1, -1, -1, 10]
    assert batch.evidence is not None
    assert batch.evidence[0, 0, 1:4].tolist() == [6, 0, 6]
    assert isinstance(batch, Batch)


def test_colour_jitter_scales_bands_shifts_all_and_stays_in_range() -> None:
    image = np.array([[[100]], [[250]]], np.uint8)
    out = colour_jitter(image, np.array([0.98, 1.03], np.float32), 2.0)
    assert out.ravel().tolist() == pytest.approx([100.0, 255.0])


def test_jitter_changes_a_context_as_it_changes_its_pixels() -> None:
    image = np.array([[[10, 20], [30, 40]]], np.uint8)
    chip = Chip(image, np.ones((2, 2), bool), context=coarse_pixels(image, np.ones((2, 2), bool), 2))
    out = jittered(chip, np.array([1.5], np.float32), 4.0)
    assert out.context is not None
    again = coarse_pixels(out.image.astype(np.uint8), out.valid, 2)  # 19, 34, 49, 64: whole numbers
    assert out.context == pytest.approx(again)


def test_a_chip_of_a_network_that_looks_around_has_its_context_turned_with_it() -> None:
    area = make_area(960, 960)
    source = ChipSource([area], plan_of(area, settings=SETTINGS), SETTINGS, TileCache(), Surround)
    for step in range(4):
        chip = source.draw(step, 0)
        assert chip.context is not None
        assert chip.context.shape == (7, 56, 56)
        own = coarse_pixels(chip.image, chip.valid, 10)
        assert np.array_equal(chip.context[:, 24:32, 24:32], own)
    assert source_of(area).draw(0, 0).context is None


def test_traffic_is_added_to_built_up() -> None:
    p = torch.arange(1.0, 12.0)[None, :, None, None]  # traffic 1, tree 2, ..., building 6, ..., moss 11
    assert CLASSES.to_coarse(p).flatten().tolist() == [2, 3, 4, 5, 6 + 1, 7, 8, 9, 10, 11]


def test_areas_must_fit_together() -> None:
    area = make_area(100, 100)
    with pytest.raises(InputError, match="no training area"):
        check_areas([], "posterior")
    with pytest.raises(InputError, match="different names"):
        check_areas([area, area], "posterior")
    with pytest.raises(InputError, match="layer 'posterior' is missing"):
        check_areas([replace(area, posterior=None)], "posterior")
    with pytest.raises(GridError, match="'label' is not on the lattice"):
        replace(area, label=make_area(100, 110).label)
    with pytest.raises(SettingsError, match="multiple of the cell"):
        plan_of(area, settings=LearningSettings(chip_px=75))


def test_nothing_labelled_is_an_error() -> None:
    area = make_area(100, 100)
    assert isinstance(area.posterior, ArrayReader)
    area.posterior.values[:] = 0
    with pytest.raises(InputError, match="no cell of layer 'posterior' has a class"):
        plan_of(area, settings=LearningSettings(split_weight=0, held_out_share=0))
