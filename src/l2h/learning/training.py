"""One process of a training: what happens in a step, and around the steps."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from l2h.core.errors import L2HError
from l2h.core.legend import Legend, coarse_legend, load_legend
from l2h.learning.album import Album
from l2h.learning.areas import TileCache, TrainingReaders
from l2h.learning.batch import Batch, collate, jittered
from l2h.learning.classes import ClassMap
from l2h.learning.draw import ChipSource
from l2h.learning.files import ALBUM, LOG, STATE, WEIGHTS
from l2h.learning.log import Report, TrainingLog
from l2h.learning.objective import Objective
from l2h.learning.plan import ChipPlan, Progress
from l2h.learning.prefetch import read_ahead
from l2h.learning.schedule import one_cycle
from l2h.learning.score import agreement, confusion, held_out_batches, mean_iou
from l2h.learning.settings import LearningSettings
from l2h.learning.state import load_state, save_state
from l2h.nets.base import PixelNetwork
from l2h.nets.checkpoint import Checkpoint, write_checkpoint
from l2h.nets.extras import ExtraGroup
from l2h.nets.registry import build_network


class DivergedError(L2HError):
    """The loss or its gradient is no longer a number."""


class WithFeatures(nn.Module):
    """Features and logits by one ``forward``, the only call that processes synchronise."""

    def __init__(self, net: PixelNetwork) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor, context: Tensor | None, extras: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features [N, C, H, W] and logits [N, K, H, W] of an image [N, B, H, W] with its context and extras."""
        return self.net.features_and_logits(image, context, extras)


def arguments(settings: LearningSettings, extras: Sequence[ExtraGroup]) -> dict[str, int]:
    """What `build_network` is told."""
    heard = {"extra_channels": sum(len(group.channels) for group in extras), "extra_groups": len(extras)}
    return {"width": settings.width} | (heard if extras else {})


def fresh_network(
    settings: LearningSettings, bands: int, classes: int, extras: Sequence[ExtraGroup] = ()
) -> PixelNetwork:
    """The network of the settings with weights drawn from the seed, channels-last."""
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        net = build_network(settings.network, bands, classes, **arguments(settings, extras))
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True)
class Files:
    """Where a training writes."""

    out_dir: Path

    @property
    def weights(self) -> Path:
        return self.out_dir / WEIGHTS

    @property
    def state(self) -> Path:
        return self.out_dir / STATE

    @property
    def album(self) -> Path:
        return self.out_dir / ALBUM

    @property
    def log(self) -> Path:
        return self.out_dir / LOG


class Training:
    """One process of a training: network, optimiser, chips and objective."""

    def __init__(
        self,
        fabric: Fabric,
        areas: Sequence[TrainingReaders],
        settings: LearningSettings,
        plan: ChipPlan,
        cache: TileCache,
    ) -> None:
        self.fabric, self.areas, self.settings, self.plan, self.cache = fabric, areas, settings, plan, cache
        self.legend: Legend = load_legend("sinolc1")
        self.classes = ClassMap.of(self.legend, coarse_legend())
        self.objective = Objective(settings, self.classes)
        self.bands = len(plan.normalisation.mean)
        self.net = fresh_network(settings, self.bands, len(self.legend), plan.extras)
        self.source = ChipSource(areas, plan, settings, cache, self.net)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)
        self.model, self.wrapped = fabric.setup(WithFeatures(self.net), self.optimiser)

    def run(self, out_dir: Path, mark: str, progress: Progress | None) -> None:
        """Train from the saved state, if it bears ``mark``, to the end; the first process writes."""
        files, steps, s = Files(out_dir), self.settings.steps, self.settings
        start = load_state(files.state, mark, self.net, self.optimiser)
        self.fabric.barrier()
        writer = self.fabric.is_global_zero
        log = TrainingLog(files.log, start) if writer else None
        report = Report(log, s, time.monotonic())
        album = Album(files.album, self.source, self.legend, start) if writer else None
        for step, batch in read_ahead(self.batch, start, steps, s.readers):
            report.step(step + 1, self.step(step, batch))
            done = step + 1
            if self._score_now(done) and writer:
                report.score(done, self.score())
            if album:
                album.take(done, self.judge)
            if (done % self.save_every == 0 or done == steps) and writer:
                save_state(files.state, done, mark, self.net, self.optimiser)
            if progress and writer:
                progress("train", done, steps)
        if album:  # a training killed after its last step, and before its last picture
            album.take(steps, self.judge)
        if writer:
            write_checkpoint(files.weights, self.checkpoint(log.lines() if log else []))
        self.fabric.barrier()

    @property
    def save_every(self) -> int:
        """A multiple of the log's interval, so that a resumed log continues with whole means."""
        every = self.settings.log_every_steps
        return -(-self.settings.save_every_steps // every) * every

    def batch(self, step: int) -> Batch:
        """This process's chips of a step."""
        ranks, rank = self.fabric.world_size, self.fabric.global_rank
        slots = range(rank, self.settings.chips_per_step, ranks)
        colour = self.source.colour
        chips = [jittered(self.source.draw(step, slot), *colour(step, slot, self.bands)) for slot in slots]
        chips = [self.source.bared(chip, step, slot) for chip, slot in zip(chips, slots, strict=True)]
        return collate(chips, self.plan.normalisation, self.legend.index_of, self.plan.extras)

    def step(self, step: int, batch: Batch) -> dict[str, float]:
        """One optimiser step; the loss terms and the rate. Raises DivergedError before a bad gradient is applied."""
        rate = one_cycle(step, self.settings.steps, self.settings.rate, self.settings.warmup_share)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.model.train()
        batch = batch.to(self.fabric.device)
        features, logits = self.model(batch.image, batch.context, batch.extras)
        terms = self.objective.terms(features, logits, batch, step / self.settings.steps)
        self.wrapped.zero_grad()
        self.fabric.backward(terms["loss"])
        norm = self.fabric.clip_gradients(
            self.model, self.wrapped, max_norm=self.settings.gradient_clip, error_if_nonfinite=False
        )
        values = {name: float(value.detach()) for name, value in terms.items()}
        self._check_finite(step, values, float(norm) if norm is not None else 0.0)
        self.wrapped.step()
        return values | {"rate": rate}

    def _check_finite(self, step: int, values: dict[str, float], norm: float) -> None:
        if all(map(math.isfinite, [*values.values(), norm])):
            return
        facts = ", ".join(f"{name} {value:g}" for name, value in values.items())
        raise DivergedError(
            "training diverged: loss or gradient is not finite",
            where=f"step {step + 1} of {self.settings.steps}",
            got=f"{facts}, gradient norm {norm:g}",
            hint="Lower rate or raise warmup_share; the last saved state is kept.",
        )

    def _score_now(self, done: int) -> bool:
        every = max(1, round(self.settings.score_every_share * self.settings.steps))
        if not len(self.plan.held_out):
            return False
        return done % every == 0 or done == self.settings.steps

    def judge(self, batch: Batch) -> Tensor:
        """Logits of the network as it would map now."""
        self.net.eval()
        return self.predict(batch)

    def score(self) -> dict[str, Any]:
        """Agreement and mIoU with the labels of the held-out blocks; None where those say nothing."""
        self.net.eval()
        counts = confusion(
            self.predict,
            held_out_batches(self.source, self.legend),
            self.classes,
            self.settings.labels,
        )
        told = int(counts.sum())
        return {
            "held_out_places": told,
            "agreement": round(agreement(counts), 6) if told else None,
            "miou": round(mean_iou(counts), 6) if told else None,
        }

    def predict(self, batch: Batch) -> Tensor:
        """Logits of a batch in the training's precision."""
        batch = batch.to(self.fabric.device)
        with self.fabric.autocast():
            logits: Tensor = self.net(batch.image, batch.context, batch.extras)
        return logits

    def checkpoint(self, lines: list[dict[str, Any]]) -> Checkpoint:
        """The network with its record. Seconds stay out of it: two equal trainings give equal bytes."""
        scores = [line for line in lines if "agreement" in line]
        losses = [line for line in lines if "loss" in line]
        record: dict[str, Any] = {
            "settings": self.settings.what(),
            "areas": [area.name for area in self.areas],
            "steps": self.settings.steps,
            "pixels": self.settings.steps * self.settings.chips_per_step * self.settings.chip_px**2,
            "plan": self.plan.summary(),
            "last_terms": _timeless(losses[-1]) if losses else None,
            "held_out": _timeless(scores[-1]) if scores else None,
        }
        record |= self._clean_record()
        if self.plan.extras:
            record["extras"] = self.settings.extras_what()
        return Checkpoint(
            self.settings.network,
            arguments(self.settings, self.plan.extras),
            self.net,
            self.legend.name,
            self.legend.values,
            self.plan.normalisation,
            record,
            extras=self.plan.extras,
        )

    def _clean_record(self) -> dict[str, int]:
        """How many points and drawn pixels there were, where there were any, outside held-out ground or not."""
        points = sum(len(area.clean) for area in self.areas if area.clean)
        pixels = sum(int(area.drawn.cells.pixels.sum()) for area in self.areas if area.drawn)
        return ({"clean_points": points} if points else {}) | ({"drawn_pixels": pixels} if pixels else {})


def _timeless(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "seconds"}
