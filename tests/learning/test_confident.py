"""Confident areas and the vague-area term on four pixels."""

import pytest
import torch
from torch import Tensor

from l2h.learning.confident import agreement_area, confidence_area, standardise, vague_area_term

VALID = torch.ones(1, 2, 2, dtype=torch.bool)


def two_classes(first: list[list[float]]) -> Tensor:
    """Probabilities [1, 2, 2, 2] from the first class's."""
    p = torch.tensor(first)
    return torch.stack([p, 1 - p])[None]


def test_agreement_is_arg_max_equal_to_the_label() -> None:
    probability = two_classes([[0.9, 0.9], [0.2, 0.2]])
    target = torch.tensor([[[0, 1], [1, -1]]])
    assert agreement_area(probability, target).tolist() == [[[True, False], [True, False]]]


def test_confidence_reaches_the_mean_of_its_own_predicted_class() -> None:
    # class 0 is predicted with .9 and .6 (mean .75), class 1 with .8 and .8 (mean .8)
    probability = two_classes([[0.9, 0.6], [0.2, 0.2]])
    assert confidence_area(probability, VALID).tolist() == [[[True, False], [True, True]]]


def test_invalid_pixels_are_neither_confident_nor_counted() -> None:
    probability = two_classes([[0.9, 0.6], [0.7, 0.2]])
    valid = torch.tensor([[[False, True], [True, True]]])
    # without the .9, class 0 has .6 and .7 (mean .65)
    assert confidence_area(probability, valid).tolist() == [[[False, False], [True, True]]]


def test_standardised_values_have_mean_zero_and_variance_one() -> None:
    values = torch.tensor([[[1.0, 3.0], [1.0, 3.0]]])
    torch.testing.assert_close(standardise(values, VALID), torch.tensor([[[-1.0, 1.0], [-1.0, 1.0]]]))
    assert not standardise(torch.full((1, 2, 2), 5.0), VALID).any()


def test_term_is_the_between_class_variance() -> None:
    # one class, one channel: F = -1, +1 after standardising; confident pixels at -1, vague at +1
    features = torch.tensor([[[[0.0, 2.0], [0.0, 2.0]]]])
    predicted = torch.zeros(1, 2, 2, dtype=torch.int64)
    confident = torch.tensor([[[True, False], [True, False]]])
    # w_H w_L (mu_C - mu_V)² = .5 · .5 · 4 = 1 for F_max and for F_mean, half their sum
    assert vague_area_term(features, predicted, confident, VALID, 2).item() == pytest.approx(1.0, abs=1e-5)


def test_term_vanishes_where_confident_and_vague_look_alike_or_one_is_missing() -> None:
    features = torch.tensor([[[[0.0, 0.0], [2.0, 2.0]]]])
    predicted = torch.zeros(1, 2, 2, dtype=torch.int64)
    alike = torch.tensor([[[True, False], [True, False]]])
    assert vague_area_term(features, predicted, alike, VALID, 2).item() == pytest.approx(0.0, abs=1e-9)
    assert vague_area_term(features, predicted, VALID, VALID, 2).item() == pytest.approx(0.0, abs=1e-9)


def test_gradient_reaches_the_features_and_shrinking_them_gains_nothing() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 4, 6, 6, requires_grad=True)
    predicted = torch.randint(0, 3, (2, 6, 6))
    confident = torch.rand(2, 6, 6) < 0.5
    valid = torch.ones(2, 6, 6, dtype=torch.bool)
    term = vague_area_term(features, predicted, confident, valid, 3)
    (gradient,) = torch.autograd.grad(term, features)
    assert (gradient.abs().amax(dim=(0, 2, 3)) > 1e-5).all()  # every channel feels it
    smaller = vague_area_term(0.01 * features, predicted, confident, valid, 3)
    assert smaller.item() == pytest.approx(term.item(), rel=0.05)
    step = features - 5.0 * gradient
    assert vague_area_term(step, predicted, confident, valid, 3) < term


def test_invalid_pixels_have_no_part_in_the_term() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 2, 2, 2)
    predicted = torch.zeros(1, 2, 2, dtype=torch.int64)
    confident = torch.tensor([[[True, False], [True, False]]])
    valid = torch.tensor([[[True, True], [True, False]]])
    changed = features.clone()
    changed[..., 1, 1] = 100.0
    a = vague_area_term(features, predicted, confident, valid, 2)
    b = vague_area_term(changed, predicted, confident, valid, 2)
    assert a.item() == pytest.approx(b.item(), rel=1e-6)
