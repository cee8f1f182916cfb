"""The objective of a recipe: which losses, on which pixels, with which weights."""

import torch
from torch import Tensor

from l2h.learning import confident, losses
from l2h.learning.batch import Batch
from l2h.learning.classes import ClassMap
from l2h.learning.settings import LearningSettings
from l2h.nets.base import probabilities


class Objective:
    """Loss terms of a batch, each already weighted; their sum is ``loss``.

    default   L = cell_loss + 0.5 pure_pixel_loss + split_loss + 0.1 rest_loss
    ce        L = pixel_posterior_loss + split_loss + 0.1 rest_loss
    l2h       L = masked_cross_entropy inside the confident area + γ L_DVA
    and, where there are clean points or drawn ground, + w · masked_cross_entropy at each of them
    """

    def __init__(self, settings: LearningSettings, classes: ClassMap) -> None:
        self.settings, self.classes = settings, classes

    def terms(self, features: Tensor, logits: Tensor, batch: Batch, done: float) -> dict[str, Tensor]:
        """``done``: share of the training that is over, 0..1, for the ramp of α and the start of area selection."""
        s = self.settings
        probability = probabilities(logits)
        area = self._confident_area(probability, batch, done)
        if s.loss == "cell":
            terms = self._cell_terms(probability, batch, done)
        else:
            terms = {"ce": self._cross_entropy(probability, batch, area)}
        if s.dva_gamma > 0 and area is not None:
            predicted = probability.argmax(dim=1)
            spread = confident.vague_area_term(features.float(), predicted, area, batch.valid, probability.shape[1])
            terms["dva"] = s.dva_gamma * spread
        if batch.evidence is not None:
            terms |= self._built_up_terms(logits, batch, batch.evidence)
        for name, known in (("clean", batch.clean), ("drawn", batch.drawn)):
            if known is not None and s.clean.weight > 0:
                terms[name] = s.clean.weight * losses.masked_cross_entropy(probability, known, batch.valid)
        return terms | {"loss": torch.stack(list(terms.values())).sum()}

    def alpha(self, done: float) -> float:
        """Sharpness of the cell vote: from 1 to ``alpha`` over the first half of the training."""
        return 1 + (self.settings.alpha - 1) * min(1.0, 2 * done)

    def _cell_terms(self, probability: Tensor, batch: Batch, done: float) -> dict[str, Tensor]:
        posterior, weight, pure = _cells(batch)
        coarse = self.classes.to_coarse(probability)
        terms = {"cell": losses.cell_loss(coarse, posterior, weight, batch.valid, self.alpha(done))}
        if self.settings.pure_weight > 0:
            terms["pure"] = self.settings.pure_weight * losses.pure_pixel_loss(coarse, posterior, pure, batch.valid)
        return terms

    def _built_up_terms(self, logits: Tensor, batch: Batch, evidence: Tensor) -> dict[str, Tensor]:
        """What tells traffic from building: vectors, and the lean of what they leave out."""
        s, terms = self.settings, {}
        traffic, building = logits[:, self.classes.traffic].float(), logits[:, self.classes.building].float()
        if s.split_weight > 0:
            terms["split"] = s.split_weight * losses.split_loss(traffic, building, evidence)
        if s.rest_weight > 0 and batch.posterior is not None:
            cell_px = evidence.shape[-1] // batch.posterior.shape[-1]
            built = losses.upsample_cells(batch.posterior[:, self.classes.built_up], cell_px)
            rest = built * ((evidence == 0) & batch.valid)
            terms["rest"] = s.rest_weight * losses.rest_loss(traffic, building, rest)
        return terms

    def _cross_entropy(self, probability: Tensor, batch: Batch, area: Tensor | None) -> Tensor:
        mask = batch.valid if area is None else area
        if self.settings.labels == "label" and batch.label is not None:
            return losses.masked_cross_entropy(probability, batch.label, mask)
        posterior, weight, _ = _cells(batch)
        return losses.pixel_posterior_loss(self.classes.to_coarse(probability), posterior, weight, mask)

    def _confident_area(self, probability: Tensor, batch: Batch, done: float) -> Tensor | None:
        """bool [N, H, W], or None while all pixels count. Selection is a choice, not a path for the gradient."""
        if self.settings.cas == "none" or done < self.settings.cas_start_share:
            return None
        probability = probability.detach()
        if self.settings.cas == "confidence":
            return confident.confidence_area(probability, batch.valid)
        if self.settings.labels == "label" and batch.label is not None:
            return confident.agreement_area(probability, batch.label) & batch.valid
        posterior, weight, _ = _cells(batch)
        cell_px = probability.shape[-1] // posterior.shape[-1]
        spoken = torch.where(weight > 0, posterior.argmax(dim=1), -1)
        return (
            confident.agreement_area(self.classes.to_coarse(probability), losses.upsample_cells(spoken, cell_px))
            & batch.valid
        )


def _cells(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Posterior, weight and purity; `check_areas` has made sure that a recipe that needs them has them."""
    if batch.posterior is None or batch.weight is None or batch.pure is None:
        raise ValueError("the batch has no posterior")
    return batch.posterior, batch.weight, batch.pure
