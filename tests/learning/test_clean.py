"""Clean points: drawn around, learned at their pixels alone, and no part of held-out ground."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from virtual_areas import TINY, make_area

from l2h.core.grid import Grid, Window
from l2h.core.legend import coarse_legend, load_legend
from l2h.core.patch import Patch
from l2h.core.raster import BlockStore, write_raster
from l2h.learning.areas import TileCache
from l2h.learning.batch import collate
from l2h.learning.chips import read_chip
from l2h.learning.classes import ClassMap
from l2h.learning.clean import CleanPoints, CleanTable
from l2h.learning.draw import ChipSource
from l2h.learning.drawn import DrawnCells, DrawnGround, SparseStore
from l2h.learning.loop import fingerprint, train
from l2h.learning.objective import Objective
from l2h.learning.plan import make_plan
from l2h.learning.settings import CleanSettings, LearningSettings
from l2h.nets.checkpoint import read_checkpoint

POINTS = CleanPoints(np.array([5, 200, 460]), np.array([7, 300, 20]), np.array([2, 9, 9], np.uint8))
SETTINGS = LearningSettings(**TINY)
CLASSES = ClassMap.of(load_legend("sinolc1"), coarse_legend())


def source_of(points: CleanPoints | None, settings: LearningSettings = SETTINGS) -> ChipSource:
    areas, cache = [replace(make_area(), clean=points)], TileCache()
    return ChipSource(areas, make_plan(areas, settings, CLASSES, cache), settings, cache)


def test_points_come_back_from_their_file() -> None:
    back = CleanPoints.from_csv(POINTS.to_csv())
    assert [column.tolist() for column in (back.rows, back.cols, back.classes)] == [
        [5, 200, 460],
        [7, 300, 20],
        [2, 9, 9],
    ]
    assert len(CleanPoints.from_csv("row,col,class\n")) == 0


def test_classes_are_drawn_as_evenly_as_asked() -> None:
    even = CleanTable.of([POINTS], set(), 60, class_balance=1.0)
    assert even.weights.tolist() == pytest.approx([1 / 2, 1 / 4, 1 / 4])
    assert CleanTable.of([POINTS], set(), 60, class_balance=0.0).weights.tolist() == pytest.approx([1 / 3] * 3)
    held = CleanTable.of([None, POINTS], {(1, 0, 0)}, 60, class_balance=0.0)
    assert held.places.tolist() == [[1, 200, 300], [1, 460, 20]]


def test_the_first_slots_of_a_step_hold_a_point_and_the_others_are_what_they_were() -> None:
    source, plain = source_of(POINTS), source_of(None)
    assert (source.clean_slots, plain.clean_slots) == (1, 0)
    for step in range(20):
        clean = source.draw(step, 0).clean
        assert clean is not None
        assert (clean > 0).sum() == 1
        np.testing.assert_array_equal(source.draw(step, 1).image, plain.draw(step, 1).image)
        assert plain.draw(step, 0).clean is None


def test_slots_follow_the_share() -> None:
    assert [CleanSettings(chips_share=share).slots(8) for share in (0.0, 0.01, 0.25, 1.0)] == [0, 1, 2, 8]


def test_the_loss_hears_the_points_and_nothing_else() -> None:
    area = replace(make_area(), clean=POINTS)
    plan = make_plan([area], SETTINGS, CLASSES, TileCache())
    chip = read_chip(area, Window(0, 20, 0, 20), TileCache())
    batch = collate([chip], plan.normalisation, load_legend("sinolc1").index_of)
    assert batch.clean is not None
    assert torch.nonzero(batch.clean >= 0).tolist() == [[0, 5, 7]]
    tree = load_legend("sinolc1").values.index(2)
    logits = torch.zeros(1, 11, 20, 20)
    logits[0, tree, 5, 7] = 50.0
    terms = Objective(SETTINGS, CLASSES).terms(torch.zeros(1, 4, 20, 20), logits, batch, 0.0)
    assert float(terms["clean"]) == pytest.approx(0.0, abs=1e-5)
    terms = Objective(SETTINGS, CLASSES).terms(torch.zeros(1, 4, 20, 20), 0 * logits, batch, 0.0)
    assert float(terms["clean"]) == pytest.approx(np.log(11), abs=1e-5)


def test_drawn_ground_is_drawn_from_by_class_and_shares_the_chips_with_points() -> None:
    cells = DrawnCells.gather([(Window(0, 2, 9, 12), np.array([[2, 2, 2], [9, 2, 0]], np.uint8))], 10)
    table = CleanTable.of_cells([cells], set(), 60, class_balance=0.0, cell_px=10)
    assert table.places.tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 10]]  # cell 0 holds classes 2 and 9, cell 1 class 2
    assert table.weights.tolist() == pytest.approx([1 / 5, 1 / 5, 3 / 5])
    even = CleanTable.of_cells([cells], set(), 60, class_balance=1.0, cell_px=10)
    assert even.weights.tolist() == pytest.approx([1 / 8, 1 / 2, 3 / 8])
    points = CleanTable.of([POINTS], set(), 60, class_balance=0.0)
    both = points.beside(table)
    assert both.weights.tolist() == pytest.approx([1 / 6] * 3 + [1 / 10, 1 / 10, 3 / 10])
    empty = CleanTable.of([None], set(), 60, class_balance=0.0)
    assert empty.beside(table).weights.tolist() == table.weights.tolist()
    assert points.beside(empty).weights.tolist() == points.weights.tolist()
    held = CleanTable.of_cells([cells], {(0, 0, 0)}, 10, class_balance=0.0, cell_px=10)
    assert held.places.tolist() == [[0, 0, 10]]


class Painted:
    """Class 9 in the rows 20 to 39 of columns 30 to 49, nothing elsewhere."""

    grid = make_area().imagery.grid

    def read(self, window: Window) -> Patch:
        rows, cols = np.mgrid[window.row_start : window.row_stop, window.col_start : window.col_stop]
        inside = (rows >= 20) & (rows < 40) & (cols >= 30) & (cols < 50)
        return Patch(np.where(inside, 9, 0).astype(np.uint8)[None], np.ones(window.shape, bool), window)


PAINTED = DrawnGround(Painted(), DrawnCells(*np.array([[2, 2, 3, 3], [3, 4, 3, 4], [9] * 4, [100] * 4])))


def test_drawn_ground_is_learned_densely_and_on_its_own(tmp_path: Path) -> None:
    area = replace(make_area(), clean=POINTS, drawn=PAINTED)
    plan = make_plan([area], SETTINGS, CLASSES, TileCache())
    chip = read_chip(area, Window(10, 30, 20, 40), TileCache())
    batch = collate([chip], plan.normalisation, load_legend("sinolc1").index_of)
    assert batch.drawn is not None
    water = load_legend("sinolc1").values.index(9)
    assert torch.nonzero(batch.drawn[0] == water).tolist() == [[r, c] for r in range(10, 20) for c in range(10, 20)]
    assert int((batch.drawn >= 0).sum()) == 100
    logits = torch.zeros(1, 11, 20, 20)
    logits[0, water] = 50.0
    terms = Objective(SETTINGS, CLASSES).terms(torch.zeros(1, 4, 20, 20), logits, batch, 0.0)
    assert float(terms["drawn"]) == pytest.approx(0.0, abs=1e-5)
    terms = Objective(SETTINGS, CLASSES).terms(torch.zeros(1, 4, 20, 20), 0 * logits, batch, 0.0)
    assert float(terms["drawn"]) == pytest.approx(np.log(11), abs=1e-5)
    assert float(terms["clean"]) == 0.0  # no point in the chip


def test_the_first_slots_of_a_step_hold_drawn_ground() -> None:
    areas, cache = [replace(make_area(), drawn=PAINTED)], TileCache()
    source = ChipSource(areas, make_plan(areas, SETTINGS, CLASSES, cache), SETTINGS, cache)
    assert source.clean_slots == 1
    for step in range(10):
        drawn = source.draw(step, 0).drawn
        assert drawn is not None
        assert (drawn == 9).any()


def test_a_sparse_store_is_zero_where_it_has_no_block(tmp_path: Path) -> None:
    grid = Grid("EPSG:32650", 0.0, 0.0, 1.0, 4, 6)
    store = BlockStore(tmp_path, grid, 3)
    block = store.blocks[1]  # rows 0 to 2, columns 3 to 5
    write_raster(store.path(block), np.full((1, 3, 3), 7, np.uint8), grid, block.window)
    (tmp_path / "r0001c0000.tif").write_text("left over, and not in the list")
    patch = SparseStore(store, frozenset({block.name})).read(Window(1, 5, 1, 5))
    assert patch.values[0].tolist() == [[0, 0, 7, 7], [0, 0, 7, 7], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert patch.valid[:, 0].tolist() == [True, True, True, False]


def test_an_area_without_points_beside_one_with_some() -> None:
    chips = [read_chip(replace(make_area(), clean=p), Window(0, 20, 0, 20), TileCache()) for p in (None, POINTS)]
    plan = make_plan([make_area()], SETTINGS, CLASSES, TileCache())
    batch = collate(chips, plan.normalisation, load_legend("sinolc1").index_of)
    assert batch.clean is not None
    assert (batch.clean >= 0).sum(dim=(1, 2)).tolist() == [0, 1]


def test_points_change_the_training_and_its_fingerprint_and_are_recorded(tmp_path: Path) -> None:
    areas = {name: make_area() for name in ("plain", "clean", "drawn")}
    areas["clean"], areas["drawn"] = replace(make_area(), clean=POINTS), replace(make_area(), drawn=PAINTED)
    plan = make_plan([areas["plain"]], SETTINGS, CLASSES, TileCache())
    marks = {fingerprint([area], SETTINGS, plan, "") for area in areas.values()}
    assert len(marks) == 3
    made = {name: read_checkpoint(train([area], SETTINGS, tmp_path / name)) for name, area in areas.items()}
    assert made["clean"].training["clean_points"] == 3
    assert made["drawn"].training["drawn_pixels"] == 400
    assert "clean_points" not in made["plain"].training
    assert "clean" not in made["plain"].training["settings"]
