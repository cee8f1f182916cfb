"""Trust in the network: what it says of cells, held against their labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.core.files import read_json
from l2h.core.grid import Window
from l2h.core.tasks import run_stage
from l2h.mapping.classify import DOUBTED, NETWORK, NETWORK_AND_PRIOR
from l2h.mapping.evidence import Agreement
from l2h.mapping.mapper import Readers
from l2h.mapping.settings import MappingSettings
from l2h.mapping.stage import Layers, stage
from l2h.mapping.trust import Edge, believed, cell_votes, edges, field, field_of, trust, without_opinion

FIRST, SECOND = np.array([1.0, 0.0]), np.array([0.0, 1.0])
INDEX = np.array([1, 0, 1])  # traffic and building of two coarse classes, tree of its own


def cells(*groups: tuple[int, np.ndarray]) -> np.ndarray:
    return np.concatenate([np.tile(values[:, None], n) for n, values in groups], axis=1)


def test_where_no_cell_is_known_the_network_is_trusted() -> None:
    assert trust(np.zeros((2, 0)), np.zeros((2, 0))) == 1.0


def test_network_and_labels_that_say_the_same() -> None:
    assert trust(cells((100_000, FIRST)), cells((100_000, FIRST))) == 1.0


def test_a_quarter_of_the_cells_contradict() -> None:
    # labels are smoothed to .99 and .01, so (.99 · 3 + .01) / 4 = .745 of what they say agrees. Of an agreeing cell
    # knowledge explains 2 τ / (1 + τ): 1 + τ = 2 · .745, τ = .49, of .8 that is .61
    assert trust(cells((100_000, FIRST)), cells((75_000, FIRST), (25_000, SECOND))) == 0.61


def test_a_network_that_is_always_contradicted() -> None:
    assert trust(cells((100_000, FIRST)), cells((100_000, SECOND))) == 0.0


def test_few_cells_do_not_outweigh_what_is_usual() -> None:
    # the usual counts as 38 cells of 40: with thirty against it τ is 38 of 70 and a little, of .8 that is .68
    assert trust(cells((30, FIRST)), cells((30, SECOND))) == pytest.approx(0.68, abs=0.02)


def test_a_network_that_says_nothing_loses_no_trust() -> None:
    even = np.array([0.5, 0.5])
    assert trust(cells((1000, even)), cells((1000, SECOND))) == 1.0


@given(st.integers(0, 300), st.integers(0, 300))
def test_more_agreement_is_more_trust(agreeing: int, more: int) -> None:
    def found(right: int) -> float:
        return trust(cells((600, FIRST)), cells((right, FIRST), (600 - right, SECOND)))

    assert found(agreeing) <= found(agreeing + more)


def test_votes_of_cells_that_a_window_cuts() -> None:
    # cells of 2 px; the window owns columns 1 to 4: half of the first cell, two of the second, one of the third
    probability = np.zeros((3, 2, 4), "float32")
    probability[1] = 1  # tree
    probability[:, :, 1:3] = np.array([0.5, 0.25, 0.25])[:, None, None]  # .75 built-up
    posterior = np.zeros((2, 1, 3), "uint8")
    posterior[:, 0, 0], posterior[:, 0, 1], posterior[:, 0, 2] = (255, 0), (51, 204), (0, 0)
    valid = np.ones((2, 4), bool)
    votes, labels = cell_votes(probability, valid, posterior, Window(0, 2, 1, 5), INDEX, (2.0, 2))
    np.testing.assert_allclose(votes, [[1, 0.1], [0, 0.9]], atol=1e-9)  # ¼² : ¾² is 1 : 9; the third has no label
    np.testing.assert_allclose(labels, [[1, 0.2], [0, 0.8]])
    valid[0, 0] = False  # a quarter of the first cell is left
    assert cell_votes(probability, valid, posterior, Window(0, 2, 1, 5), INDEX, (2.0, 2))[0].shape == (2, 1)


def test_belief_in_part() -> None:
    assert without_opinion(INDEX, 3).tolist() == [0.25, 0.5, 0.25]
    np.testing.assert_allclose(without_opinion(None, 3), 1 / 3)
    sure = np.array([1, 0, 0], "float32")[:, None, None]
    some = np.array([[0.6]], "float32")
    np.testing.assert_allclose(believed(sure, some, without_opinion(INDEX, 3)).ravel(), [0.7, 0.2, 0.1], rtol=1e-6)
    assert believed(sure, None, without_opinion(INDEX, 3)) is sure


def test_edges_are_those_that_two_windows_share() -> None:
    grid = Window(0, 100, 0, 80)
    assert [(e.at, e.across_rows, e.strip, e.reach) for e in edges(Window(0, 80, 0, 80), grid)] == [
        (80, True, Window(72, 88, 0, 80), 20)
    ]
    (other,) = edges(Window(80, 100, 0, 80), grid)  # the same strip, heard in a quarter of a smaller window
    assert (other.at, other.strip, other.reach) == (80, Window(72, 88, 0, 80), 5)
    assert edges(grid, grid) == []


def test_trust_runs_from_the_window_to_the_edge() -> None:
    edge = Edge(Window(32, 48, 0, 2), True, 40, 10.0)
    own = field(1.0, [(edge, 0.5)], Window(0, 40, 0, 2))
    assert own.shape == (40, 2)
    assert (own[:30] == 1).all()  # beyond its reach
    # a half px from the edge it weighs .95² · 20 = 18.05, and four and a half away .55² · 10 / 4.5 = .672
    assert own[39, 0] == pytest.approx((1 + 18.05 * 0.5) / 19.05)
    assert own[35, 0] == pytest.approx((1 + 0.6722 * 0.5) / 1.6722, abs=1e-4)
    theirs = field(0.2, [(edge, 0.5)], Window(40, 80, 0, 2))
    assert abs(own[39, 0] - theirs[0, 0]) < 0.05  # .8 lie between the two windows
    assert (np.diff(own[:, 0]) <= 0).all()


def test_a_window_without_doubt_has_no_field() -> None:
    place = Window(0, 80, 0, 80)
    assert field_of(place, place, Window(0, 160, 0, 160), lambda window, strength: 1.0) is None
    assert field_of(place, place, Window(0, 160, 0, 160), lambda window, strength: None) is None
    doubted = field_of(place, place, place, lambda window, strength: 0.25)
    assert doubted is not None
    assert (doubted == 0.25).all()


def test_a_doubted_network_does_not_switch_the_prior_off() -> None:
    sure = Agreement(1000, 10, 0, 100, 255 * 97)
    doubted = Agreement(1000, 10, 0, 100, 255 * 97, doubted=255 * 800)
    assert (sure.trust, doubted.trust) == (1.0, pytest.approx(0.2))
    assert doubted.network_accuracy == pytest.approx(0.2 * 0.97)
    assert (sure.wants_prior(0.9, 0.05), doubted.wants_prior(0.9, 0.05)) == (False, True)


def mapped(context, prior: str, trusting: str = "auto", window_px: int = 80) -> np.ndarray:
    # without pairs: they weigh the more the less the network is believed, so that the class would not stay
    settings = MappingSettings(window_px=window_px, prior=prior, trust=trusting, draw_vectors=False, pair_weight=0)
    run_stage(stage(settings, Layers(vectors=False)), context)
    return context.store("map").read(context.grid.window).values


def contradict(place, context, columns: slice) -> None:
    """Give cells the class that the network finds least likely there, the others the one it finds likeliest."""
    from l2h.mapping.engine import Engine

    mapper = Engine(context.work / "train/network.safetensors", MappingSettings(), "cpu").mapper()
    readers = Readers(context.store("layers/imagery"))
    rows, cols = (a.ravel() for a in np.indices(place.grid.shape))
    asked = mapper.at_places(readers, rows, cols).probability
    coarse = np.zeros((10, place.grid.window.pixels))
    np.add.at(coarse, mapper.index, asked.T)
    side = place.grid.height // 10
    sums = coarse.reshape(10, side, 10, side, 10).sum(axis=(2, 4))
    chosen = sums.argmax(axis=0)
    chosen[:, columns] = sums.argmin(axis=0)[:, columns]
    place.posterior[:10] = 255 * (np.arange(10)[:, None, None] == chosen)


def test_only_what_the_labels_contradict_is_doubted(tmp_path: Path, world: Callable, network: Callable) -> None:
    place, net = world(240, 240), network("l2hnet")
    contradict(place, place.store(tmp_path / "first", 240, net), slice(16, 24))  # the third column of windows
    context = place.store(tmp_path / "one", 240, net)
    found = mapped(context, "on")
    strange = np.zeros(place.grid.shape, bool)
    strange[:, 160:] = True
    expected = np.where(strange, NETWORK_AND_PRIOR | DOUBTED, NETWORK_AND_PRIOR)
    clear = np.ones(place.grid.shape, bool)
    clear[:, 140:180] = False  # at the edge trust runs from one to the other
    assert (found[2] == np.where(place.valid, expected, 0))[clear].all()
    assert set(np.unique(found[2])) == {0, NETWORK_AND_PRIOR, NETWORK_AND_PRIOR | DOUBTED}
    record = context.ledger.get("map/r0000c0000")
    assert record is not None
    assert record.info["doubted_px"] == np.count_nonzero(found[2] >= DOUBTED)
    # whatever the block, its rim among them
    assert (mapped(place.store(tmp_path / "many", 70, net), "on") == found).all()
    # the class comes from the labels there
    labels = np.array([2, 3, 4, 5, 6, 7, 8, 9, 10, 12])[place.posterior[:10].argmax(axis=0)].repeat(10, 0).repeat(10, 1)
    same = (np.where(found[0] == 1, 6, found[0]) == labels)[strange & place.valid]
    trusted = mapped(place.store(tmp_path / "off", 240, net), "on", "off")
    before = (np.where(trusted[0] == 1, 6, trusted[0]) == labels)[strange & place.valid]
    assert same.mean() > before.mean()


def test_without_the_prior_the_class_stays_and_the_confidence_falls(
    tmp_path: Path, world: Callable, network: Callable
) -> None:
    place, net = world(160, 160), network("l2hnet")
    contradict(place, place.store(tmp_path / "first", 240, net), slice(0, 16))
    context = place.store(tmp_path / "doubted", 240, net)
    doubted, trusted = mapped(context, "off"), mapped(place.store(tmp_path / "off", 240, net), "off", "off")
    seen = place.valid
    assert (doubted[2][seen] == NETWORK | DOUBTED).all()
    assert (trusted[2][seen] == NETWORK).all()
    assert (doubted[0] == trusted[0])[seen].mean() > 0.999  # equal but for ties in the last bit
    assert (doubted[1] <= trusted[1]).all()
    assert doubted[1][seen].mean() < trusted[1][seen].mean() - 1
    assert read_json(context.work / "map" / "evidence.json")["trust"] < 0.5
