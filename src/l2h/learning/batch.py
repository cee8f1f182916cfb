"""Batches: chips as tensors, as the losses want them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from l2h.learning.chips import Chip
from l2h.nets.extras import ExtraGroup, normalise
from l2h.nets.normalise import Normalisation

IGNORE_SOURCE = 4  # source code of the ignore ring in a label raster


@dataclass(frozen=True)
class Batch:
    """Layers the areas lack are None.

    image [N, B, H, W] float32 normalised, 0 where not valid; valid [N, H, W] bool;
    posterior [N, J, h, w] float32, sums to 1 where a product speaks, else 0; weight [N, h, w] float32, reliability
    0..1, 0 where no product speaks; pure [N, h, w] bool;
    label [N, H, W] int64 class index, -1 unlabelled; evidence [N, H, W] uint8 as in the vectors, 0 where not valid;
    clean, drawn [N, H, W] int64 class index of the pixels somebody has looked up as points or drawn, -1 elsewhere;
    context [N, 2 B + 1, h', w'] float32 normalised; extras [N, C + G, h'', w''] float32 normalised.
    """

    image: Tensor
    valid: Tensor
    posterior: Tensor | None = None
    weight: Tensor | None = None
    pure: Tensor | None = None
    label: Tensor | None = None
    evidence: Tensor | None = None
    clean: Tensor | None = None
    drawn: Tensor | None = None
    context: Tensor | None = None
    extras: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """The batch on a device, what a network reads channels-last."""
        moved = {f.name: getattr(self, f.name) for f in fields(self)}
        moved = {name: None if tensor is None else tensor.to(device) for name, tensor in moved.items()}
        for name in ("image", "context", "extras"):
            if moved[name] is not None:
                moved[name] = moved[name].contiguous(memory_format=torch.channels_last)
        return Batch(**moved)


def colour_jitter(
    image: npt.NDArray[np.generic], gain: npt.NDArray[np.float32], offset: float
) -> npt.NDArray[np.float32]:
    """``image · gain + offset`` clipped to 0..255, float32 [B, H, W]; gain [B] per band, one offset for all."""
    jittered: npt.NDArray[np.float32] = image.astype(np.float32) * gain[:, None, None] + np.float32(offset)
    return np.clip(jittered, 0, 255)


def jittered(chip: Chip, gain: npt.NDArray[np.float32], offset: float) -> Chip:
    """The chip in other colours: image and context alike, whose spreads change by the gain alone."""
    image = colour_jitter(chip.image, gain, offset)
    if chip.context is None:
        return replace(chip, image=image)
    mean, spread, share = np.split(chip.context, [len(gain), 2 * len(gain)])
    context = np.concatenate([colour_jitter(mean, gain, offset), spread * gain[:, None, None], share])
    return replace(chip, image=image, context=context)


def collate(
    chips: Sequence[Chip],
    normalisation: Normalisation,
    index_of: npt.NDArray[np.uint8],
    groups: Sequence[ExtraGroup] = (),
) -> Batch:
    """Chips of one size as a batch on the CPU.

    ``index_of`` uint8 [256]: legend value → class index, 255 outside the legend. ``groups`` normalise the extras.
    """
    image = [normalisation.apply(chip.image, chip.valid) for chip in chips]
    parts: dict[str, Tensor] = {}
    if all(chip.posterior is not None for chip in chips):
        cells = _stack(chip.posterior for chip in chips).float()
        parts["posterior"], parts["weight"] = _posterior(cells)
        parts["pure"] = _stack(chip.pure for chip in chips)
    if all(chip.label is not None for chip in chips):
        parts["label"] = _stack(_class_index(chip, index_of) for chip in chips)
    if all(chip.evidence is not None for chip in chips):
        parts["evidence"] = _stack(np.where(chip.valid, chip.evidence, 0) for chip in chips)  # type: ignore[arg-type]
    if any(chip.clean is not None for chip in chips):
        parts["clean"] = _stack(_looked_up(chip, chip.clean, index_of) for chip in chips)
    if any(chip.drawn is not None for chip in chips):
        parts["drawn"] = _stack(_looked_up(chip, chip.drawn, index_of) for chip in chips)
    if all(chip.context is not None for chip in chips):
        parts["context"] = _stack(normalisation.apply_context(chip.context) for chip in chips)  # type: ignore[arg-type]
    if all(chip.extras is not None for chip in chips):
        parts["extras"] = _stack(normalise(chip.extras, groups) for chip in chips)  # type: ignore[arg-type]
    return Batch(_stack(image), _stack(chip.valid for chip in chips), **parts)


def _stack(arrays: object) -> Tensor:
    return torch.from_numpy(np.stack(list(arrays)))  # type: ignore[call-overload]


def _posterior(cells: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities that sum to 1 and reliability 0..1 from [N, J + 1, h, w] in 0..255 and 0..100."""
    raw, reliability = cells[:, :-1], cells[:, -1] / 100
    total = raw.sum(dim=1)
    return raw / total[:, None].clamp_min(1), torch.where(total > 0, reliability, torch.zeros_like(reliability))


def _class_index(chip: Chip, index_of: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Class index of labelled, valid pixels outside ignore rings; -1 elsewhere."""
    assert chip.label is not None  # the caller has looked
    index = index_of[chip.label[0]].astype(np.int64)
    labelled = (index < 255) & chip.valid & (chip.label[2] != IGNORE_SOURCE)
    return np.where(labelled, index, -1)


def _looked_up(
    chip: Chip, classes: npt.NDArray[np.uint8] | None, index_of: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Class index of the valid pixels that have a class; -1 elsewhere, and everywhere in an area without any."""
    if classes is None:
        return np.full(chip.valid.shape, -1, np.int64)
    return np.where((classes > 0) & chip.valid, index_of[classes].astype(np.int64), -1)
