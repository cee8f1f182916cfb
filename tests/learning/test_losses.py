"""Losses on cases checked in the head."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from l2h.learning import losses


def constant(values: list[float], size: int) -> Tensor:
    """Probabilities [1, K, size, size], the same everywhere."""
    return torch.tensor(values)[None, :, None, None].expand(1, len(values), size, size).clone()


ALL = torch.ones(1, 10, 10, dtype=torch.bool)


def test_cross_entropy_of_a_uniform_guess_is_log_k() -> None:
    target = torch.tensor([[[0, 1], [2, 3]]])
    loss = losses.masked_cross_entropy(constant([0.25] * 4, 2), target, torch.ones(1, 2, 2, dtype=torch.bool))
    assert loss.item() == pytest.approx(math.log(4))


def test_cross_entropy_looks_at_labelled_pixels_inside_the_mask_only() -> None:
    probability = constant([0.5, 0.5], 2)
    probability[0, :, 0, 0] = torch.tensor([0.25, 0.75])
    probability[0, :, 1, 1] = torch.tensor([0.0, 1.0])
    target = torch.tensor([[[0, -1], [255, 0]]])
    mask = torch.tensor([[[True, True], [True, False]]])
    assert losses.masked_cross_entropy(probability, target, mask).item() == pytest.approx(math.log(4))


def test_a_loss_with_nothing_to_say_is_zero_with_gradient_zero() -> None:
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    target = torch.full((1, 2, 2), -1)
    loss = losses.masked_cross_entropy(logits.softmax(1), target, torch.ones(1, 2, 2, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize(
    ("p", "q", "expected"), [(1.0, 0.7, 0.0), (0.25, 0.5, 1.0), (0.0, 0.5, 2.0), (0.36, 1.0, 0.64)]
)
def test_generalised_cross_entropy(p: float, q: float, expected: float) -> None:
    assert losses.generalised_cross_entropy(torch.tensor(p), q).item() == pytest.approx(expected, abs=3e-3)


def test_generalised_cross_entropy_nears_cross_entropy_for_small_q() -> None:
    p = torch.tensor([0.2, 0.9])
    torch.testing.assert_close(losses.generalised_cross_entropy(p, 1e-3), -torch.log(p), rtol=2e-3, atol=0)


def test_point_spread_sums_to_one() -> None:
    assert sum(map(sum, losses.POINT_SPREAD)) == pytest.approx(1)


def test_cell_loss_of_a_uniform_guess_is_log_j() -> None:
    posterior = torch.tensor([[[[1.0]], [[0.0]], [[0.0]], [[0.0]]]])
    loss = losses.cell_loss(constant([0.25] * 4, 10), posterior, torch.ones(1, 1, 1), ALL, alpha=1)
    assert loss.item() == pytest.approx(math.log(4))


def test_a_cell_that_matches_a_half_and_half_posterior_is_best_whoever_takes_which_half() -> None:
    left = torch.zeros(1, 2, 10, 10)
    left[:, 0, :, :5], left[:, 1, :, 5:] = 1, 1
    posterior, weight = torch.full((1, 2, 1, 1), 0.5), torch.ones(1, 1, 1)
    assert losses.cell_loss(left, posterior, weight, ALL, alpha=1).item() == pytest.approx(math.log(2))
    assert losses.cell_loss(constant([0.9, 0.1], 10), posterior, weight, ALL, alpha=1).item() > math.log(2) + 0.4


@given(st.integers(0, 10**6), st.sampled_from([1.0, 2.0]))
@settings(max_examples=20, deadline=None)
def test_cell_loss_does_not_know_where_in_the_cell_a_pixel_lies(seed: int, alpha: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    probability = torch.randn(1, 3, 20, 20, generator=generator).softmax(1)
    valid = torch.rand(1, 20, 20, generator=generator) < 0.8
    posterior = torch.randn(1, 3, 2, 2, generator=generator).softmax(1)
    weight = torch.rand(1, 2, 2, generator=generator)
    order = torch.randperm(100, generator=generator)

    def shuffle(pixels: Tensor) -> Tensor:
        """The same permutation of the pixels of every cell; [..., 20, 20]."""
        cells = pixels.unflatten(-2, (2, 10)).unflatten(-1, (2, 10)).movedim(-2, -3).flatten(-2)[..., order]
        return cells.unflatten(-1, (10, 10)).movedim(-3, -2).flatten(-2).flatten(-3, -2)

    before = losses.cell_loss(probability, posterior, weight, valid, alpha)
    after = losses.cell_loss(shuffle(probability), posterior, weight, shuffle(valid), alpha)
    torch.testing.assert_close(before, after, rtol=1e-5, atol=1e-6)


def test_cells_without_product_and_invalid_pixels_do_not_count() -> None:
    probability = torch.cat([constant([0.5, 0.5], 10), constant([0.0, 1.0], 10)], dim=3)  # two cells in a row
    posterior = torch.tensor([[[[1.0, 1.0]], [[0.0, 0.0]]]])
    no_product = losses.cell_loss(
        probability, posterior, torch.tensor([[[1.0, 0.0]]]), torch.ones(1, 10, 20, dtype=torch.bool), alpha=1
    )
    halved = torch.ones(1, 10, 20, dtype=torch.bool)
    halved[..., 10:] = False
    invalid = losses.cell_loss(probability, posterior, torch.ones(1, 1, 2), halved, alpha=1)
    # the first mixes its neighbour in through the point spread, the second has no neighbour
    assert invalid.item() == pytest.approx(math.log(2))
    share = 0.5 * 0.44 / (0.44 + 0.10)
    expected = -(0.99 * math.log(share) + 0.01 * math.log(1 - share))
    assert no_product.item() == pytest.approx(expected, rel=1e-4)


def test_blur_renormalises_at_the_rim_and_keeps_constants() -> None:
    means = torch.zeros(1, 1, 3, 3)
    means[0, 0, 1, 1] = 1
    blurred = losses.blur_cells(means, torch.ones(1, 1, 3, 3))[0, 0]
    assert blurred[1, 1].item() == pytest.approx(0.44)
    assert blurred[0, 1].item() == pytest.approx(0.10 / (0.44 + 3 * 0.10 + 2 * 0.04))
    assert blurred[0, 0].item() == pytest.approx(0.04 / (0.44 + 2 * 0.10 + 0.04))
    constant_means = torch.full((1, 2, 3, 4), 0.3)
    torch.testing.assert_close(losses.blur_cells(constant_means, torch.rand(1, 1, 3, 4) + 0.1), constant_means)


def test_sharpening_is_the_soft_majority() -> None:
    means = torch.tensor([0.6, 0.3, 0.1])[None, :, None, None]
    torch.testing.assert_close(losses.sharpen(means, 1), means)
    assert losses.sharpen(means, 2).flatten().tolist() == pytest.approx([36 / 46, 9 / 46, 1 / 46], rel=1e-5)


def test_pixel_loss_punishes_a_split_cell_where_the_cell_loss_does_not() -> None:
    left = torch.zeros(1, 2, 10, 10)
    left[:, 0, :, :5], left[:, 1, :, 5:] = 1, 1
    posterior, weight = torch.full((1, 2, 1, 1), 0.5), torch.ones(1, 1, 1)
    by_pixel = losses.pixel_posterior_loss(left, posterior, weight, ALL)
    assert by_pixel.item() == pytest.approx(-0.5 * math.log(losses.TINY), rel=1e-3)


def test_pure_pixels_are_held_to_the_likeliest_class_of_their_cell() -> None:
    posterior = torch.tensor([[[[0.4]], [[0.6]]]])
    probability = constant([0.75, 0.25], 10)
    pure = torch.ones(1, 1, 1, dtype=torch.bool)
    loss = losses.pure_pixel_loss(probability, posterior, pure, ALL)
    assert loss.item() == pytest.approx((1 - 0.25**0.7) / 0.7, rel=1e-5)
    assert losses.pure_pixel_loss(probability, posterior, ~pure, ALL).item() == 0


def test_split_loss_weighs_roads_and_roofs_equally_however_many() -> None:
    evidence = torch.tensor([[[1, 6, 6, 6]]], dtype=torch.uint8)
    even = torch.zeros(1, 1, 4)
    # q = 0.5: (1 - sqrt(1/2)) / 0.5 for either
    assert losses.split_loss(even, even, evidence).item() == pytest.approx(2 - math.sqrt(2), rel=1e-5)
    certain = torch.tensor([[[20.0, 20.0, 20.0, 20.0]]])  # the road right, all roofs wrong
    assert losses.split_loss(certain, -certain, evidence).item() == pytest.approx(1.0, abs=2e-3)


def test_split_loss_never_touches_unlabelled_pixels_rings_or_other_classes() -> None:
    logits = torch.randn(1, 11, 2, 3, requires_grad=True)
    evidence = torch.tensor([[[1, 0, 255], [6, 0, 9]]], dtype=torch.uint8)
    losses.split_loss(logits[:, 0], logits[:, 5], evidence).backward()
    assert logits.grad is not None
    touched = logits.grad.abs().sum(1)[0] > 0
    assert touched.tolist() == [[True, False, False], [True, False, False]]
    assert not logits.grad[:, [1, 2, 3, 4, 6, 7, 8, 9, 10]].any()


def test_split_loss_pulls_roads_to_traffic_and_roofs_to_building() -> None:
    traffic = torch.zeros(1, 1, 2, requires_grad=True)
    losses.split_loss(traffic, torch.zeros(1, 1, 2), torch.tensor([[[1, 6]]], dtype=torch.uint8)).backward()
    assert traffic.grad is not None
    assert traffic.grad[0, 0, 0] < 0 < traffic.grad[0, 0, 1]


def test_rest_loss_leans_to_building_and_leaves_sure_roads_alone() -> None:
    traffic = torch.tensor([[[0.0, 12.0, 0.0]]], requires_grad=True)
    rest = torch.tensor([[[1.0, 1.0, 0.0]]])
    loss = losses.rest_loss(traffic, torch.zeros(1, 1, 3), rest)
    even, sure = (1 - 0.5**0.7) / 0.7, (1 - math.exp(-12 * 0.7)) / 0.7
    assert loss.item() == pytest.approx((even + sure) / 2, rel=1e-4)
    loss.backward()
    assert traffic.grad is not None
    pull = traffic.grad[0, 0]
    assert pull[0] == pytest.approx(0.5**0.7 * 0.5 / 2, rel=1e-4)  # p_b^q (1 - p_b), of two pixels
    assert 0 < pull[1] < 2e-4  # a sure road: a thousandth of that
    assert pull[2] == 0
    assert losses.rest_loss(traffic, traffic, torch.zeros(1, 1, 3)).item() == 0


def test_upsampling_gives_each_pixel_its_cell() -> None:
    cells = torch.tensor([[[1, 2]]])
    assert losses.upsample_cells(cells, 2).tolist() == [[[1, 1, 2, 2], [1, 1, 2, 2]]]
