"""Pictures of a training: the same few places at several moments, so that people see what the network learns."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from l2h.core.files import write_bytes
from l2h.core.grid import Window
from l2h.core.legend import Legend, coarse_legend
from l2h.learning.batch import Batch, collate
from l2h.learning.chips import Chip, likeliest
from l2h.learning.draw import ChipSource
from l2h.learning.plan import ChipPlan, block_window

PLACES, SIDE_PX = 4, 240  # few and small: under two megabytes whatever the country
MOMENTS = (1 / 8, 1 / 2, 1.0)  # shares of the training
Bytes = npt.NDArray[np.uint8]
Predict = Callable[[Batch], Tensor]


class Album:
    """Takes the pictures when they are due and keeps them in one file.

    The file (NPZ): image uint8 [n, B, S, S]; valid bool [n, S, S]; label uint8 [n, S, S], the class learned from, 0
    void; steps int64 [m]; prediction uint8 [m, n, S, S], class values.
    """

    def __init__(self, path: Path, source: ChipSource, legend: Legend, resumed_step: int) -> None:
        self.path, self.legend, self.source = path, legend, source
        steps = source.settings.steps
        self.due = sorted({max(1, round(share * steps)) for share in MOMENTS})
        self.chips = [source.read(int(block[0]), window_of(block, source.plan)) for block in diverse(source.plan)]
        self.taken = _taken(path, resumed_step) if resumed_step else {}

    def take(self, done: int, predict: Predict) -> None:
        """Take the pictures after ``done`` steps where they are due and not there yet."""
        if done not in self.due or done in self.taken:
            return
        values = np.array(self.legend.values, np.uint8)
        told = []
        with torch.no_grad():
            for chip in self.chips:
                plan = self.source.plan
                batch = collate([chip], plan.normalisation, self.legend.index_of, plan.extras)
                best = predict(batch)[0].argmax(dim=0).cpu().numpy()
                told.append(np.where(chip.valid, values[best], np.uint8(0)))
        self.taken[done] = np.array(told, np.uint8)
        self._write()

    def _write(self) -> None:
        out = io.BytesIO()
        steps = sorted(self.taken)
        np.savez_compressed(
            out,
            image=np.array([np.where(chip.valid, chip.image, 0) for chip in self.chips], np.uint8),
            valid=np.array([chip.valid for chip in self.chips]),
            label=np.array([label_of(chip, self.source.settings.labels) for chip in self.chips], np.uint8),
            steps=np.array(steps, np.int64),
            prediction=np.array([self.taken[step] for step in steps], np.uint8),
        )
        write_bytes(self.path, out.getvalue())


def diverse(plan: ChipPlan) -> npt.NDArray[np.int64]:
    """The PLACES training blocks whose cells are most evenly of different classes, by Shannon entropy; int64 [n, 3]."""
    classes = [i for i, name in enumerate(plan.strata) if not name.startswith("vector")]
    counts = plan.counts[:, classes].astype(float)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    entropy = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1)
    return plan.blocks[np.argsort(-np.round(entropy, 9), kind="stable")[:PLACES]]


def window_of(block: npt.NDArray[np.int64], plan: ChipPlan) -> Window:
    """The upper left of a block, at most SIDE_PX a side."""
    whole = block_window(block, plan.block_px)
    side = min(plan.block_px, SIDE_PX // plan.cell_px * plan.cell_px)
    return Window(whole.row_start, whole.row_start + side, whole.col_start, whole.col_start + side)


def label_of(chip: Chip, labels: str) -> Bytes:
    """Class the pixels are learned from, uint8 [S, S]: the hard ``label``, or the cell's likeliest class; 0 void."""
    if labels == "label" and chip.label is not None:
        return np.where(chip.valid, chip.label[0], np.uint8(0))
    if chip.posterior is None:
        return np.zeros(chip.valid.shape, np.uint8)
    top = likeliest(chip.posterior)
    values = np.where(top >= 0, np.array(coarse_legend().values, np.uint8)[top], np.uint8(0))
    cell_px = chip.valid.shape[0] // top.shape[0]
    return np.where(chip.valid, values.repeat(cell_px, 0).repeat(cell_px, 1), np.uint8(0))


def _taken(path: Path, resumed_step: int) -> dict[int, Bytes]:
    """Predictions of a stopped training, by step, up to where it goes on."""
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        steps, predictions = file["steps"].tolist(), file["prediction"]
    return {step: told for step, told in zip(steps, predictions, strict=True) if step <= resumed_step}
