"""Local class shares on windows that fit a hand, and against what must hold of any window."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.labels.neighbours import (
    LEVELS,
    NAT,
    Evidence,
    expectation_table,
    kernel,
    reach_cells,
    relax,
    score_table,
    to_shares,
)

SIGMA = 1.0


def evidence(scores: np.ndarray, prior: tuple[float, ...]) -> Evidence:
    expected = expectation_table(np.array(prior))[None]
    return Evidence(scores.astype("int32"), expected, np.zeros(scores.shape[1:], np.intp))


def from_products(likelihood: np.ndarray, prior: tuple[float, ...]) -> tuple[np.ndarray, Evidence]:
    """First posterior and evidence of cells [K, h, w] by the likelihood of what their products say."""
    scores = np.rint(NAT * np.log(likelihood)).astype("int32")
    first = to_shares(scores + np.rint(NAT * np.log(np.array(prior)))[:, None, None].astype("int32"))
    return first, evidence(scores, prior)


def test_scores_are_logarithms_and_silence_says_nothing() -> None:
    table = score_table(np.array([[0.5, 0.5], [0.1, 0.9]]), (3, 7), tempering=1.0)
    assert table.shape == (2, 256)
    assert table[:, 3].tolist() == [round(NAT * np.log(0.5)), round(NAT * np.log(0.1))]
    assert table[:, 0].tolist() == [0, 0]
    assert score_table(np.array([[0.5, 0.5]]), (3, 7), tempering=0.5)[0, 3] == round(NAT * np.log(0.5) / 2)


def test_what_was_never_seen_counts_heavily_but_is_a_number() -> None:
    never = round(NAT * np.log(1e-9))
    assert score_table(np.array([[1.0, 0.0]]), (3, 7), tempering=1.0)[0, 7] == never
    assert expectation_table(np.array([0.0, 1.0]))[0, 0] == never


def test_what_is_expected_runs_from_the_regions_share_to_the_neighbours() -> None:
    table = expectation_table(np.array([0.25, 0.75]))
    assert table.shape == (2, LEVELS + 1)
    assert table[:, 0].tolist() == [round(NAT * np.log(0.025)), round(NAT * np.log(0.075))]
    assert table[0, LEVELS] == round(NAT * np.log(0.9 + 0.025))


def test_shares_sum_to_255_and_follow_the_scores() -> None:
    log = np.rint(NAT * np.log([[0.2], [0.8]])).astype("int32")
    assert to_shares(log)[:, 0].tolist() == [51, 204]
    assert to_shares(np.zeros((2, 1), "int32"))[:, 0].tolist() == [128, 127]  # a tie: the earlier class
    assert to_shares(np.array([[0], [-100 * NAT]]))[:, 0].tolist() == [255, 0]


def test_a_lone_cell_follows_its_neighbours_and_a_patch_of_a_rare_class_stays() -> None:
    prior = (0.99, 0.01)
    says_rare = np.array([0.1, 0.9])  # the products favour the rare class nine to one: not enough against its share
    likelihood = np.tile(np.array([0.9, 0.1])[:, None, None], (1, 12, 12))
    likelihood[:, 2, 2] = says_rare
    likelihood[:, 6:11, 6:11] = says_rare[:, None, None]
    first, heard = from_products(likelihood, prior)
    assert (first[1] < 128).all()  # by the region's shares the rare class is nowhere
    result = relax(first, heard, SIGMA, rounds=3)
    assert result[1, 2, 2] < 10
    assert (result[1, 7:10, 7:10] > 128).all()
    assert (result[0, :5] > 128).all()


def test_a_quieter_neighbourhood_leaves_more_to_what_a_cell_says_itself() -> None:
    likelihood = np.tile(np.array([0.9, 0.1])[:, None, None], (1, 5, 5))
    likelihood[:, 2, 2] = 0.1, 0.9  # a lone cell that says nine to one what no neighbour does
    first, heard = from_products(likelihood, (0.5, 0.5))
    alone, half, full = (relax(first, heard.quieter(e), SIGMA, rounds=1)[1, 2, 2] for e in (0.0, 0.5, 1.0))
    assert alone == 230  # 0.9 of 255: the products alone
    assert full == relax(first, heard, SIGMA, rounds=1)[1, 2, 2] < half < alone
    # around it 0.9 · 0.1 + 0.1 · 0.5 = 0.14 of the class, less what 1/255 rounds: odds 9 · (0.14 / 0.86)^e
    assert half / 255 == pytest.approx(9 * (0.14 / 0.86) ** 0.5 / (1 + 9 * (0.14 / 0.86) ** 0.5), abs=0.01)
    assert full / 255 == pytest.approx(9 * (0.14 / 0.86) / (1 + 9 * (0.14 / 0.86)), abs=0.01)


def test_nothing_changes_without_rounds_or_reach() -> None:
    first, heard = from_products(np.random.default_rng(0).uniform(0.1, 1, (3, 5, 6)), (0.5, 0.3, 0.2))
    assert relax(first, heard, SIGMA, rounds=0) is first
    assert relax(first, heard, 0.0, rounds=3) is first
    assert reach_cells(0.0, 3) == 0


def test_cells_without_product_neither_speak_nor_get_a_class() -> None:
    first, heard = from_products(np.full((2, 3, 3), 0.5), (0.5, 0.5))
    first[:, 1, 1] = 0
    first[:, 0, 0] = 255, 0
    result = relax(first, heard, SIGMA, rounds=1)
    assert result[:, 1, 1].tolist() == [0, 0]
    assert set(result.sum(axis=0, dtype=int).ravel()) == {0, 255}


def test_a_cell_with_no_neighbour_keeps_the_regions_shares() -> None:
    first, heard = from_products(np.array([[[0.5]], [[0.5]]]), (0.8, 0.2))
    assert relax(first, heard, SIGMA, rounds=1)[:, 0, 0].tolist() == [204, 51]


def test_the_kernel_ends_where_its_reach_says() -> None:
    assert kernel(1.0).tolist() == [3, 35, 155, 256, 155, 35, 3]
    assert len(kernel(2.0)) // 2 * 3 == reach_cells(2.0, 3) == 15


@given(st.integers(0, 2**32 - 1), st.integers(1, 2), st.floats(0.4, 1.2))
def test_a_window_gives_the_bytes_of_the_whole(seed: int, rounds: int, sigma: float) -> None:
    rng = np.random.default_rng(seed)
    first, heard = from_products(rng.uniform(0.01, 1, (4, 22, 20)), (0.4, 0.3, 0.2, 0.1))
    first[:, rng.random((22, 20)) < 0.1] = 0
    whole = relax(first, heard, sigma, rounds)
    reach = reach_cells(sigma, rounds)
    rows, cols = slice(3, 20), slice(2, 19)
    part = Evidence(heard.scores[:, rows, cols], heard.expected, heard.group[rows, cols])
    cut = relax(first[:, rows, cols], part, sigma, rounds)
    assert (whole.sum(axis=0, dtype=int)[first.any(axis=0)] == 255).all()
    inner = slice(reach, 17 - reach)
    np.testing.assert_array_equal(cut[:, inner, inner], whole[:, rows, cols][:, inner, inner])


def test_each_group_expects_its_own_shares() -> None:
    scores = np.zeros((2, 1, 2), "int32")
    expected = np.stack([expectation_table(np.array(prior)) for prior in ((0.9, 0.1), (0.1, 0.9))])
    first = np.full((2, 1, 2), 127, "uint8")
    first[0] = 128
    result = relax(first, Evidence(scores, expected, np.array([[0, 1]])), SIGMA, rounds=1)
    assert result[0, 0, 0] > result[1, 0, 0]
    assert result[0, 0, 1] < result[1, 0, 1]


@pytest.mark.parametrize("sigma", [0.5, 2.0, 10.0])
def test_sums_stay_exact(sigma: float) -> None:
    assert int(kernel(sigma).sum()) ** 2 * 255 * LEVELS < 2**63
    assert int(kernel(sigma).sum()) ** 2 * 255 < 2**53  # scipy adds in double precision
