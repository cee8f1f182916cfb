"""Losses on probabilities: what a pixel, a cell or a vector says of the prediction.

All take float32 tensors. ``N`` chips, ``K`` fine classes, ``J`` coarse classes (traffic and building summed to
built-up), ``[H, W]`` pixels, ``[h, w]`` cells of ``cell_px`` pixels a side. A loss with nothing to say is 0 with a
gradient of 0, never NaN.
"""

import torch
from torch import Tensor
from torch.nn import functional

# Point spread of a 10 m product over 3 × 3 cells, absorbs misregistration (docs/method.md 3.4); sums to 1
POINT_SPREAD = ((0.04, 0.10, 0.04), (0.10, 0.44, 0.10), (0.04, 0.10, 0.04))
SMOOTHING = 0.02
PURE_Q = 0.7
SPLIT_Q = 0.5
REST_Q = 0.7
TINY = 1e-6


def mean_where(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean ``Σ w v / Σ w``; 0 where every weight is 0. Values under weight 0 are never looked at."""
    weight = weight.to(values.dtype)
    kept = torch.where(weight > 0, values, torch.zeros_like(values))
    return (weight * kept).sum() / weight.sum().clamp_min(TINY)


def masked_cross_entropy(probability: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean of ``-log p_u(y_u)`` over the pixels of ``mask``.

    probability [N, K, H, W]; target [N, H, W] int64 class index, anything outside 0..K-1 counts as unlabelled;
    mask [N, H, W] bool. Li et al. 2022 (L2HNet): cross entropy inside the confident area G.
    """
    picked, labelled = _of_target(probability, target)
    return mean_where(-torch.log(picked.clamp_min(TINY)), mask & labelled)


def generalised_cross_entropy(picked: Tensor, q: float) -> Tensor:
    """``(1 - p^q) / q`` of the probability of the labelled class: cross entropy for q → 0, absolute error for q = 1.

    A wrong label pulls less the surer the network is of something else (Zhang and Sabuncu 2018, eq. 6).
    """
    return (1 - picked.clamp_min(TINY) ** q) / q


def _of_target(probability: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Probability of each pixel's labelled class, and where there is a label at all; both [N, H, W]."""
    labelled = (target >= 0) & (target < probability.shape[1])
    index = torch.where(labelled, target, torch.zeros_like(target))
    return probability.gather(1, index[:, None])[:, 0], labelled


def soft_cross_entropy(probability: Tensor, posterior: Tensor) -> Tensor:
    """``-Σ_c q'(c) log p(c)`` per place, with ``q' = (1 - s) q + s / J`` (s = 0.02); [N, J, …] to [N, …]."""
    smooth = (1 - SMOOTHING) * posterior + SMOOTHING / posterior.shape[1]
    return -(smooth * torch.log(probability.clamp_min(TINY))).sum(dim=1)


def upsample_cells(cells: Tensor, cell_px: int) -> Tensor:
    """Each cell's value for each of its pixels: [N, …, h, w] to [N, …, h·cell_px, w·cell_px]."""
    return cells.repeat_interleave(cell_px, -2).repeat_interleave(cell_px, -1)


def pixel_posterior_loss(probability: Tensor, posterior: Tensor, weight: Tensor, valid: Tensor) -> Tensor:
    """The control: every valid pixel against its own cell's posterior, weighted by the cell's reliability.

    probability [N, J, H, W]; posterior [N, J, h, w]; weight [N, h, w]; valid [N, H, W].
    """
    cell_px = probability.shape[-1] // posterior.shape[-1]
    target = upsample_cells(posterior, cell_px)
    return mean_where(soft_cross_entropy(probability, target), upsample_cells(weight, cell_px) * valid)


def cell_means(probability: Tensor, valid: Tensor, cell_px: int) -> tuple[Tensor, Tensor]:
    """Mean probability of the valid pixels of each cell [N, J, h, w], and the share of valid pixels [N, 1, h, w]."""
    share = functional.avg_pool2d(valid[:, None].to(probability.dtype), cell_px)
    total = functional.avg_pool2d(probability * valid[:, None], cell_px)
    return total / share.clamp_min(TINY), share


def blur_cells(means: Tensor, share: Tensor) -> Tensor:
    """Means [N, J, h, w] seen through the product's point spread over 3 × 3 cells.

    Neighbours count by their share of valid pixels [N, 1, h, w], those outside the chip not at all: weights are
    renormalised over what is there.
    """
    kernel = torch.tensor(POINT_SPREAD, dtype=means.dtype, device=means.device)[None, None]
    classes = means.shape[1]
    spread = functional.conv2d(means * share, kernel.expand(classes, 1, 3, 3), padding=1, groups=classes)
    return spread / functional.conv2d(share, kernel, padding=1).clamp_min(TINY)


def sharpen(means: Tensor, alpha: float) -> Tensor:
    """Soft majority ``M_α(x)_c = x_c^α / Σ x^α`` (docs/method.md 3.4): 1 leaves the mean, ∞ is the majority vote."""
    powered = means.clamp_min(TINY) ** alpha
    return powered / powered.sum(dim=1, keepdim=True)


def cell_loss(probability: Tensor, posterior: Tensor, weight: Tensor, valid: Tensor, alpha: float) -> Tensor:
    """Cells must match their posterior; how a cell's pixels share it out is left to the image.

        L = Σ_i w_i CE(q'_i, M_α(blur(p̄)_i)) / Σ_i w_i

    p̄_i: mean of p over the cell's valid pixels; w_i: reliability × share of valid pixels. The product is taken as a
    noisy observation of 100 pixels, not as a label of each, so that copying blocks earns nothing.
    probability [N, J, H, W]; posterior [N, J, h, w]; weight [N, h, w] (0: no product); valid [N, H, W].
    docs/method.md 3.4.
    """
    cell_px = probability.shape[-1] // posterior.shape[-1]
    means, share = cell_means(probability, valid, cell_px)
    prediction = sharpen(blur_cells(means, share), alpha)
    return mean_where(soft_cross_entropy(prediction, posterior), weight * share[:, 0])


def pure_pixel_loss(probability: Tensor, posterior: Tensor, pure: Tensor, valid: Tensor) -> Tensor:
    """Generalised cross entropy (q = 0.7) of the pixels of ``pure`` cells against their cell's likeliest class.

    pure [N, h, w] bool: the cell and its eight neighbours agree on the likeliest class, so it holds for pixels too.
    """
    cell_px = probability.shape[-1] // posterior.shape[-1]
    picked, _ = _of_target(probability, upsample_cells(posterior.argmax(dim=1), cell_px))
    return mean_where(generalised_cross_entropy(picked, PURE_Q), upsample_cells(pure, cell_px) & valid)


def split_loss(traffic: Tensor, building: Tensor, evidence: Tensor, codes: tuple[int, int] = (1, 6)) -> Tensor:
    """Traffic against building where a vector says which, and nothing anywhere else.

        L = ½ mean_{traffic cores} GCE(p_t / (p_t + p_b)) + ½ mean_{building cores} GCE(p_b / (p_t + p_b)),  q = 0.5

    traffic, building: logits [N, H, W]; evidence [N, H, W] with ``codes`` on cores, 255 on the ignore ring, 0 where
    no vector lies. Neither 0 nor 255 is ever a negative: OpenStreetMap lacks most buildings of the world.
    """
    difference = traffic - building
    on_road = generalised_cross_entropy(torch.sigmoid(difference), SPLIT_Q)
    on_roof = generalised_cross_entropy(torch.sigmoid(-difference), SPLIT_Q)
    return 0.5 * (mean_where(on_road, evidence == codes[0]) + mean_where(on_roof, evidence == codes[1]))


def rest_loss(traffic: Tensor, building: Tensor, rest: Tensor) -> Tensor:
    """Built-up ground that no vector speaks of leans to building, the legend's class of built-up ground.

        L = Σ_u r_u GCE(p_b / (p_t + p_b)) / Σ_u r_u,  q = 0.7

    traffic, building: logits [N, H, W]; rest [N, H, W] float: how surely a pixel's cell is built-up, 0 on vectors, on
    their rings and where there is no picture. With the two alone, the pull on a pixel is p_b^q p_t: next to none where
    the network is sure of a road, so most unmapped roads stay roads. It decides for what looks like neither:
    yards, squares, roofs unlike the mapped ones, which the split alone gives to traffic when roofs are what is mapped.
    """
    picked = torch.sigmoid(building - traffic)
    return mean_where(generalised_cross_entropy(picked, REST_Q), rest)
