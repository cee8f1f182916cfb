"""Held-out scores: how well a network agrees with labels of ground it has not seen.

Agreement with noisy labels is no accuracy (copying blocks agrees best); it tells a training that
fails from one that does not.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from l2h.core.errors import InputError
from l2h.core.legend import Legend
from l2h.learning.batch import Batch, collate
from l2h.learning.classes import ClassMap
from l2h.learning.draw import ChipSource
from l2h.learning.losses import cell_means
from l2h.learning.plan import block_window
from l2h.nets.base import probabilities

Counts = npt.NDArray[np.int64]
MAX_SCORED_BLOCKS = 100
Predict = Callable[[Batch], Tensor]


def held_out_batches(source: ChipSource, legend: Legend) -> Iterator[Batch]:
    """One batch per held-out block that holds any valid pixel, at most MAX_SCORED_BLOCKS; read one by one."""
    plan = source.plan
    for block in plan.held_out[:: -(-len(plan.held_out) // MAX_SCORED_BLOCKS) or 1]:
        chip = source.read(int(block[0]), block_window(block, plan.block_px))
        if chip.valid.any():
            yield collate([chip], plan.normalisation, legend.index_of, plan.extras)


def confusion(predict: Predict, batches: Iterable[Batch], classes: ClassMap, labels: str) -> Counts:
    """Counts [reference, prediction]: of cells by likeliest coarse class (``posterior``), or of pixels (``label``).

    ``predict`` gives the logits of a batch.
    """
    size = len(classes.coarse if labels == "posterior" else classes.fine)
    counts = np.zeros((size, size), np.int64)
    with torch.no_grad():
        for batch in batches:
            probability = probabilities(predict(batch)).cpu()
            pair = (
                _cell_pairs(probability, batch, classes) if labels == "posterior" else _pixel_pairs(probability, batch)
            )
            counts += torch.bincount(pair[0] * size + pair[1], minlength=size * size).reshape(size, size).numpy()
    return counts


def _cell_pairs(probability: Tensor, batch: Batch, classes: ClassMap) -> tuple[Tensor, Tensor]:
    if batch.posterior is None or batch.weight is None:
        raise InputError("held-out areas have no posterior")
    cell_px = probability.shape[-1] // batch.posterior.shape[-1]
    means, share = cell_means(classes.to_coarse(probability), batch.valid, cell_px)
    told = (batch.weight > 0) & (share[:, 0] > 0)
    return batch.posterior.argmax(dim=1)[told], means.argmax(dim=1)[told]


def _pixel_pairs(probability: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    if batch.label is None:
        raise InputError("held-out areas have no label")
    told = batch.label >= 0
    return batch.label[told], probability.argmax(dim=1)[told]


def agreement(counts: Counts) -> float:
    """Share of places where prediction and label agree; NaN where there are none."""
    return float(np.trace(counts) / counts.sum()) if counts.any() else float("nan")


def mean_iou(counts: Counts) -> float:
    """Mean of intersection over union of the classes the labels hold; NaN where there are none."""
    present = counts.sum(axis=1) > 0
    union = counts.sum(axis=0) + counts.sum(axis=1) - counts.diagonal()
    return float((counts.diagonal()[present] / union[present]).mean()) if present.any() else float("nan")
