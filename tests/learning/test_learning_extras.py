"""Extras in training: normalised, dropped, learned from, and each error."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from virtual_areas import TINY, ArrayReader, make_area

from l2h.core.errors import InputError, SettingsError
from l2h.core.extras import ExtraLayer
from l2h.core.legend import coarse_legend, load_legend
from l2h.learning.areas import TileCache, TrainingReaders, check_areas
from l2h.learning.classes import ClassMap
from l2h.learning.draw import ChipSource
from l2h.learning.extras import kept
from l2h.learning.loop import train
from l2h.learning.plan import make_plan
from l2h.learning.settings import LearningSettings
from l2h.learning.training import fresh_network
from l2h.nets.checkpoint import read_checkpoint
from l2h.nets.extras import LATTICE_PX, ExtraStack

CLASSES = ClassMap.of(load_legend("sinolc1"), coarse_legend())
S2 = ExtraLayer("s2", ("red", "nir"), "reflectance")
MONTH = ExtraLayer("month", ("sine", "cosine"), "turn", ((0.0, 0.5), (0.0, 0.5)))
# four steps of two chips of 80 px
HEARING = TINY | {"network": "slim", "chip_px": 80, "megapixels": 4 * 2 * 80**2 / 1e6, "score_every_share": 1.0}


def settings(**given: Any) -> LearningSettings:
    return LearningSettings(**HEARING | given)


def area_with(*layers: ExtraLayer, present: bool = True) -> TrainingReaders:
    """An area whose cells of s2 say their row and column, and whose month is missing in the south."""
    area = make_area(480, 480)
    cells = area.imagery.grid.coarsen(10)
    rows, cols = np.indices(cells.shape).astype("uint8")
    there = np.full(cells.shape, present)
    readers = {
        "s2": ArrayReader(cells, np.array([rows, cols]), there),
        "month": ArrayReader(cells, np.ones((2, *cells.shape), "uint8"), there & (rows < 24)),
    }
    stack = ExtraStack(area.imagery.grid, layers, tuple(readers[layer.name] for layer in layers))
    return replace(area, extras=stack)


def test_channels_are_normalised_over_the_ground_that_is_learned_from() -> None:
    area, cache = area_with(S2, MONTH), TileCache()
    plan = make_plan([area], settings(held_out_share=0.0), CLASSES, cache)
    s2, month = plan.extras
    np.testing.assert_allclose([s2.mean, s2.std], [[23.5, 23.5], [np.sqrt((48**2 - 1) / 12)] * 2])
    assert (month.mean, month.std) == ((0.0, 0.0), (0.5, 0.5))  # its own scale, not that of the place


def test_a_chip_carries_the_cells_around_it_in_its_own_orientation() -> None:
    chosen = settings()
    area, cache = area_with(S2), TileCache()
    plan = make_plan([area], chosen, CLASSES, cache)
    net = fresh_network(chosen, 3, 11, plan.extras)
    source = ChipSource([area], plan, chosen, cache, net)
    chip = source.draw(0, 0)
    assert chip.extras is not None
    assert chip.extras.shape == (3, 8 + 16, 8 + 16)
    inner = chip.extras[:2, 8:16, 8:16]
    assert chip.posterior is not None
    # one of rows and columns grows along each axis by one cell, as the picture was turned
    steps = {abs(int(inner[band, -1, -1] - inner[band, 0, 0])) for band in (0, 1)}
    assert steps == {7}
    stack = area.extras
    assert stack is not None
    truth = make_area(480, 480).posterior
    assert truth is not None
    row, col = int(inner[0, 2, 5]), int(inner[1, 2, 5])  # the cell that this place of the chip says it is
    np.testing.assert_array_equal(
        chip.posterior[:, 2, 5], truth.read(area.imagery.grid.coarsen(10).window).values[:, row, col]
    )


def test_dropping_follows_its_chances_and_the_place_of_the_chip() -> None:
    chosen = settings(extras_drop=0.3, extras_drop_all=0.2)
    drawn = np.array([kept(np.random.default_rng(i), 3, chosen) for i in range(4000)])
    assert (~drawn).mean() == pytest.approx(0.2 + 0.8 * 0.3, abs=0.02)
    assert (~drawn).all(axis=1).mean() == pytest.approx(0.2 + 0.8 * 0.3**3, abs=0.02)
    area, cache = area_with(S2, MONTH), TileCache()
    chosen = settings(extras_drop=0.5)
    source = ChipSource([area], make_plan([area], chosen, CLASSES, cache), chosen, cache, fresh_network(chosen, 3, 11))
    chip = source.draw(0, 0)
    bared = [source.bared(chip, step, 0).extras for step in range(40)]
    assert all(np.array_equal(a, source.bared(chip, step, 0).extras) for step, a in enumerate(bared))
    gone = {bool(stack[-2].any()) for stack in bared if stack is not None}
    assert gone == {True, False}


def test_a_network_says_what_it_was_trained_with_and_repeats_itself(tmp_path: Path) -> None:
    paths = [train([area_with(S2, MONTH)], settings(), tmp_path / name) for name in ("a", "b")]
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    found = read_checkpoint(paths[0])
    assert [(group.name, group.unit) for group in found.extras] == [("s2", "reflectance"), ("month", "turn")]
    assert found.training["extras"] == {"extras_drop": 0.3, "extras_drop_all": 0.2}
    plain = read_checkpoint(train([make_area(480, 480)], settings(), tmp_path / "plain"))
    assert plain.extras == ()
    assert "extras" not in plain.training
    other = train([area_with(S2, MONTH)], settings(extras_drop=0.9), tmp_path / "c")
    assert other.read_bytes() != first


def test_areas_must_mean_the_same_by_their_extras() -> None:
    with pytest.raises(InputError, match="the same extras"):
        check_areas([area_with(S2), replace(area_with(MONTH), name="other")], "posterior")


def test_an_extra_without_a_cell_teaches_nothing() -> None:
    with pytest.raises(InputError, match=r"extra 's2' has no cell where the network learns.*Leave its entry out"):
        make_plan([area_with(S2, present=False)], settings(), CLASSES, TileCache())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"network": "l2hnet"}, r"'l2hnet' hears no extras.*unet or slim or surround.*learning.extras = false"),
        ({"network": "hybrid"}, "hears no extras"),
        ({"chip_px": 120}, r"do not fit the cells of extras.*a multiple of 80, got 120"),
    ],
)
def test_settings_with_which_extras_cannot_be_learned(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make_plan([area_with(S2)], settings(**given), CLASSES, TileCache())


def test_chips_meet_the_lattice_of_the_network() -> None:
    with pytest.raises(SettingsError, match=f"a multiple of {LATTICE_PX}"):
        settings(chip_px=LATTICE_PX + 10).check_extras()
    settings(chip_px=2 * LATTICE_PX).check_extras()
