"""Training a network, from areas to a checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from l2h.core.files import canonical_json, sha256_bytes
from l2h.core.legend import coarse_legend, load_legend
from l2h.learning.areas import TileCache, TrainingReaders
from l2h.learning.classes import ClassMap
from l2h.learning.clean import CleanPoints
from l2h.learning.devices import count_devices, make_fabric, threads
from l2h.learning.files import WEIGHTS
from l2h.learning.plan import ChipPlan, Progress, make_plan
from l2h.learning.settings import LearningSettings
from l2h.learning.training import Training


def train(
    areas: Sequence[TrainingReaders],
    settings: LearningSettings,
    out_dir: Path,
    progress: Progress | None = None,
    data_digest: str = "",
) -> Path:
    """Train one network on all areas and write it to ``out_dir``; returns the path of the weights.

    Writes ``network.safetensors`` with ``network.json``, ``log.jsonl``, and while it runs ``state.safetensors``, from
    which a killed training of the same settings and data goes on: on the CPU its losses continue to the bit.
    ``data_digest`` names the data's contents, for callers whose files may change between runs.
    ``progress(phase, done, total)`` is called for "plan" (blocks) and "train" (steps), in this process when
    ``devices`` is 1. Raises InputError for unusable areas, DivergedError when the loss is not finite.
    """
    settings = settings.sized(sum(area.imagery.grid.window.pixels for area in areas))
    out_dir.mkdir(parents=True, exist_ok=True)
    cache = TileCache(own_readers=settings.readers > 1)
    classes = ClassMap.of(load_legend("sinolc1"), coarse_legend())
    plan = make_plan(areas, settings, classes, cache, progress)
    fabric = make_fabric(settings)
    with threads(settings):
        own_cache = cache if count_devices(settings) == 1 else None  # other processes read for themselves
        # bound, not passed: Fabric walks through passed arguments and refuses frozen dataclasses
        fabric.launch(
            partial(_train_process, job=_Job(areas, settings, out_dir, plan, data_digest, own_cache, progress))
        )
    return out_dir / WEIGHTS


@dataclass(frozen=True)
class _Job:
    """What goes to each process of a training."""

    areas: Sequence[TrainingReaders]
    settings: LearningSettings
    out_dir: Path
    plan: ChipPlan
    data_digest: str
    cache: TileCache | None
    progress: Progress | None


def _train_process(fabric: Fabric, job: _Job) -> None:
    """What each process of a training runs."""
    with threads(job.settings):
        training = Training(
            fabric, job.areas, job.settings, job.plan, job.cache or TileCache(own_readers=job.settings.readers > 1)
        )
        mark = fingerprint(job.areas, job.settings, job.plan, job.data_digest)
        training.run(job.out_dir, mark, job.progress)


def fingerprint(areas: Sequence[TrainingReaders], settings: LearningSettings, plan: ChipPlan, data_digest: str) -> str:
    """Digest of what determines the losses, by which a state knows whether it is this training's."""
    values: dict[str, Any] = {
        "settings": settings.what(),
        "devices": count_devices(settings),
        "areas": [(area.name, area.imagery.grid.to_dict()) for area in areas],
        "plan": [sha256_bytes(plan.members.tobytes()), plan.blocks.tolist(), plan.held_out.tolist()],
        "normalisation": [plan.normalisation.mean, plan.normalisation.std],
        "data": data_digest,
    }
    points = [area.clean and [len(area.clean), *_digests(area.clean)] for area in areas]
    if any(points):  # a state of a training without any stays what it was
        values["clean"] = [settings.clean.model_dump(mode="json"), points]
    drawn = [area.drawn and sha256_bytes(area.drawn.cells.to_csv().encode()) for area in areas]
    if any(drawn):
        values["drawn"] = [settings.clean.model_dump(mode="json"), drawn]
    if plan.extras:
        values["extras"] = [settings.extras_what(), [vars(group) for group in plan.extras]]
    return sha256_bytes(canonical_json(values).encode())


def _digests(points: CleanPoints) -> list[str]:
    return [sha256_bytes(column.tobytes()) for column in (points.rows, points.cols, points.classes)]
