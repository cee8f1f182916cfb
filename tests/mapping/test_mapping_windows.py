"""Network windows partition the grid; inputs have one shape and depend on nothing but the lattice."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.core.errors import SettingsError
from l2h.core.grid import Grid, Window
from l2h.mapping.sample import evidence_step, spread_windows
from l2h.mapping.windows import WindowPlan


def like(stride: int, halo: int, step: int | None = None) -> Any:
    """What a plan asks of a network."""
    return SimpleNamespace(stride=stride, halo=halo, step=step or stride, view=None)


def grid(height: int, width: int) -> Grid:
    return Grid("EPSG:32650", 0.0, 0.0, 1.0, height, width)


def test_plan_of_a_small_grid_owns_no_more_than_it_needs() -> None:
    plan = WindowPlan.of(grid(20, 300), 64, like(16, 80))
    assert (plan.height, plan.width) == (32, 64)
    assert plan.input_shape == (192, 224)
    owners = list(plan.owners())
    assert len(owners) == 5
    assert owners[-1] == Window(0, 20, 256, 300)
    assert plan.read_window(owners[-1]) == Window(-80, 112, 176, 400)


def test_reach_of_one_pixel_is_its_window_and_halo_within_the_grid() -> None:
    plan = WindowPlan.of(grid(100, 100), 32, like(16, 16))
    assert plan.reach(Window(40, 41, 5, 6)) == Window(16, 80, 0, 48)


def test_windows_must_start_on_the_stride() -> None:
    with pytest.raises(SettingsError, match="multiple of 16"):
        WindowPlan.of(grid(100, 100), 40, like(16, 80))


def test_the_picture_is_read_in_small_steps_and_what_lies_beside_it_in_whole_strides() -> None:
    plan = WindowPlan.of(grid(1000, 1000), 480, like(80, 80, step=16), margin=8)
    assert (plan.around, plan.rim, plan.input_shape) == (96, 88, (672, 672))
    owner = next(plan.owners())
    assert plan.read_window(owner) == Window(-96, 576, -96, 576)
    assert plan.answer_window(owner) == Window(-8, 488, -8, 488)
    assert plan.beside_window(owner) == Window(-160, 640, -160, 640)


sizes = st.integers(1, 150)


@given(sizes, sizes, st.sampled_from([16, 32, 48]), st.data())
def test_every_pixel_of_any_region_has_one_owner(height: int, width: int, step: int, data: st.DataObject) -> None:
    plan = WindowPlan.of(grid(height, width), step, like(16, 16))
    rows = sorted(data.draw(st.tuples(st.integers(0, height), st.integers(0, height))))
    cols = sorted(data.draw(st.tuples(st.integers(0, width), st.integers(0, width))))
    within = Window(*rows, *cols)
    owned = np.zeros((height, width), int)
    for owner in plan.owners(within):
        piece = owner.intersect(within)
        owned[piece.row_start : piece.row_stop, piece.col_start : piece.col_stop] += 1
        assert plan.read_window(owner).shape == plan.input_shape
        assert plan.reach(within).contains(plan.read_window(owner).intersect(plan.grid.window))
    inside = np.zeros_like(owned)
    inside[rows[0] : rows[1], cols[0] : cols[1]] = 1
    assert (owned == inside).all()


@given(sizes, sizes)
def test_owners_do_not_depend_on_who_asks(height: int, width: int) -> None:
    plan = WindowPlan.of(grid(height, width), 32, like(16, 16))
    whole = set(plan.owners())
    assert {o for block in plan.grid.blocks(50) for o in plan.owners(block.window)} == whole


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 40))
def test_spread_windows_are_different_lattice_windows(height: int, width: int, limit: int) -> None:
    place = grid(height, width)
    windows = list(spread_windows(place, 16, limit))
    assert len(set(windows)) == len(windows) == min(limit, -(-height // 16) * -(-width // 16))
    assert set(windows) <= set(place.tiles(16))


def test_spread_windows_cover_a_large_grid_evenly() -> None:
    windows = list(spread_windows(grid(1_000_000, 2_000_000), 240, 64))
    quarters = {(w.row_start > 500_000, w.col_start > 1_000_000) for w in windows}
    assert len(quarters) == 4
    assert sum(w.col_start > 1_000_000 for w in windows) in range(28, 37)


@pytest.mark.parametrize(("stride", "cell_px", "step"), [(16, 10, 240), (1, 10, 240), (16, 30, 240), (16, 7, 224)])
def test_evidence_windows_fit_stride_and_cells(stride: int, cell_px: int, step: int) -> None:
    assert evidence_step(stride, cell_px) == step
