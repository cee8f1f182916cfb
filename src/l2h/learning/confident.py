"""Confident-area selection and the dynamic-vague-area term of L2HNet (Li et al. 2022), each switchable.

The original selection rule is not public; both candidates of docs/method.md 3.2 are here.
"""

import torch
from torch import Tensor
from torch.nn import functional

TINY = 1e-6


def agreement_area(probability: Tensor, target: Tensor) -> Tensor:
    """CAS-A: ``G = 1`` where arg max p equals the coarse label; bool [N, H, W].

    probability [N, K, H, W]; target [N, H, W] int64, outside 0..K-1 unlabelled and never confident.
    As in the authors' second-generation trainer (Paraformer).
    """
    return probability.argmax(dim=1) == target


def confidence_area(probability: Tensor, valid: Tensor) -> Tensor:
    """CAS-B: ``G = 1`` where max p reaches the mean of max p over the batch's pixels of the same predicted class.

    probability [N, K, H, W]; valid [N, H, W] bool; result bool [N, H, W], false where not valid.
    """
    surest, predicted = probability.max(dim=1)
    level = _class_means(surest, predicted, valid, probability.shape[1])
    # float rounding must not drop a class whose pixels all have one value: its mean is that value
    return valid & (surest >= level[predicted] - TINY)


def vague_area_term(features: Tensor, predicted: Tensor, confident: Tensor, valid: Tensor, classes: int) -> Tensor:
    """Spread between confident and vague pixels of a predicted class, to be made small (docs/method.md 3.3).

        D_l(F) = w_H (mu(F; P_l ∩ C) - mu(F; P_l))² + w_L (mu(F; P_l ∩ V) - mu(F; P_l))²
        L_DVA  = ½ Σ_l [D_l(F_max) + D_l(F_mean)]

    F_max, F_mean: maximum and mean over channels; P_l: pixels predicted l; C: confident, V: the rest of ``valid``;
    w_H = |P_l ∩ C| / |P_l|, w_L = 1 - w_H. Equals Otsu's between-class variance w_H w_L (mu_C - mu_V)².

    Two departures. The gradient flows into the features (a public descendant detaches them, which leaves a constant).
    F is standardised over the valid pixels first: otherwise shrinking all features minimises the term trivially.
    features [N, C, H, W] float32; predicted [N, H, W] int64; confident, valid [N, H, W] bool.
    """
    maps = (features.amax(dim=1), features.mean(dim=1))
    return 0.5 * sum(
        (_between(standardise(f, valid), predicted, confident, valid, classes) for f in maps), start=_zero(features)
    )


def standardise(values: Tensor, valid: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the valid pixels; differentiable, 0 where all values are one."""
    weight = valid.to(values.dtype)
    count = weight.sum().clamp_min(1.0)
    centred = (values - (values * weight).sum() / count) * weight
    return centred / torch.sqrt((centred**2).sum() / count + TINY)


def _between(values: Tensor, predicted: Tensor, confident: Tensor, valid: Tensor, classes: int) -> Tensor:
    sure, vague = valid & confident, valid & ~confident
    n_sure, n_vague = _class_counts(predicted, sure, classes), _class_counts(predicted, vague, classes)
    total = (n_sure + n_vague).clamp_min(1.0)
    mean = _class_means(values, predicted, valid, classes)
    from_sure = _class_means(values, predicted, sure, classes) - mean
    from_vague = _class_means(values, predicted, vague, classes) - mean
    return (n_sure / total * from_sure**2 + n_vague / total * from_vague**2).sum()


def _class_counts(predicted: Tensor, mask: Tensor, classes: int) -> Tensor:
    return torch.bincount(predicted[mask], minlength=classes).to(torch.float32)


def _class_means(values: Tensor, predicted: Tensor, mask: Tensor, classes: int) -> Tensor:
    """Mean of ``values`` over the pixels of ``mask`` predicted as each class, float32 [K]; 0 for classes not met."""
    # one-hot product instead of index_add: the order of summation is fixed, so runs repeat to the bit
    members = functional.one_hot(predicted[mask], classes).to(torch.float32)  # [M, K]
    return (values[mask].float() @ members) / members.sum(dim=0).clamp_min(1.0)


def _zero(features: Tensor) -> Tensor:
    return torch.zeros((), dtype=torch.float32, device=features.device)
