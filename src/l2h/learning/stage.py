"""The stage `train`: imagery and labels to `work/train/network.safetensors`, with its JSON, log and pictures."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from l2h.core.extras import ExtraLayer, extra_store
from l2h.core.files import canonical_json, read_json, sha256_bytes
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.progress import Progress
from l2h.core.raster import BlockStore
from l2h.core.tasks import Context, Made, Stage, Task
from l2h.learning.clean import CleanPoints
from l2h.learning.drawn import DrawnCells, DrawnGround, SparseStore
from l2h.learning.files import ALBUM, CLEAN, DRAWN, DRAWN_CELLS, DRAWN_INDEX, LOG, WEIGHTS
from l2h.learning.settings import LearningSettings


def stage(settings: LearningSettings, cell_px: int = 10, extras: tuple[ExtraLayer, ...] = ()) -> Stage:
    """One task: a network trained on everything labelled.

    Reads `layers/imagery`, `labels/posterior` or `labels/label` as the recipe wants, `labels/vectors` where traffic
    and building are split, `layers/extras` where the project has some, `train/clean.csv` where it has clean points,
    and `train/drawn` where it has drawn ground. Killed, it goes on from `work/train/state.safetensors`.
    """
    heard = extras if settings.extras else ()

    def tasks(context: Context) -> list[Task]:
        chosen = settings.sized(context.grid.window.pixels)
        if heard:
            chosen.check_extras()
        stores = _stores(context.work, context.grid, context.block_px, cell_px, chosen)
        read = (*stores.values(), *_extra_stores(context.work, context.grid, context.block_px, heard))
        inputs = tuple(store.path(block) for store in read for block in store.blocks)
        inputs += clean_files(context.work, chosen)
        folder = context.work / "train"
        arguments = {
            "work": str(context.work),
            "grid": context.grid.to_dict(),
            "block_px": context.block_px,
            "cell_px": cell_px,
            "settings": chosen.model_dump(mode="json"),
            "extras": heard,
            "data_digest": _data_digest(context.ledger, inputs),
        }
        return [
            Task(
                key="train/network",
                function=train_project,
                arguments=arguments,
                inputs=inputs,
                outputs=(folder / WEIGHTS, (folder / WEIGHTS).with_suffix(".json"), folder / LOG, folder / ALBUM),
                settings=context.place() | chosen.what() | {"cell_px": cell_px} | _told(chosen, heard),
                pixels=chosen.steps * chosen.chips_per_step * chosen.chip_px**2,
                inline=True,
            )
        ]

    return Stage("train", (tasks,))


def train_project(
    work: str,
    grid: Mapping[str, Any],
    block_px: int,
    cell_px: int,
    settings: Mapping[str, Any],
    data_digest: str,
    progress: Progress,
    extras: tuple[ExtraLayer, ...] = (),
) -> Made:
    """Train on the block stores below ``work`` and write `train/`; tells steps and the last held-out score."""
    from l2h.learning.areas import TrainingReaders  # torch and Fabric take seconds to load: a plan needs neither
    from l2h.learning.loop import train
    from l2h.nets.checkpoint import read_checkpoint
    from l2h.nets.extras import ExtraStack

    chosen = LearningSettings(**settings)
    stores = _stores(Path(work), Grid.from_dict(dict(grid)), block_px, cell_px, chosen)
    beside = _extra_stores(Path(work), stores["imagery"].grid, block_px, extras)
    area = TrainingReaders(
        "project",
        stores["imagery"],
        stores.get("posterior"),
        stores.get("label"),
        stores.get("vectors"),
        cell_px,
        _points(Path(work), chosen),
        _drawn(Path(work), stores["imagery"].grid, chosen),
        ExtraStack(stores["imagery"].grid, extras, beside) if extras else None,
    )
    path = train([area], chosen, Path(work) / "train", partial(_pass_on, progress, chosen), data_digest)
    for store in (*stores.values(), *beside):
        store.close()
    record = read_checkpoint(path).training
    return Made(info={"steps": record["steps"], "held_out": record["held_out"]})


def _told(settings: LearningSettings, extras: tuple[ExtraLayer, ...]) -> dict[str, Any]:
    """Which extras are learned from, and how, where there are any."""
    return {"extras": [layer.row() for layer in extras], **settings.extras_what()} if extras else {}


def _extra_stores(work: Path, grid: Grid, block_px: int, extras: tuple[ExtraLayer, ...]) -> tuple[BlockStore, ...]:
    return tuple(extra_store(work, grid, block_px, layer.name) for layer in extras)


def _pass_on(progress: Progress, settings: LearningSettings, phase: str, *_steps: int) -> None:
    """One step done is so many pixels of the task."""
    if phase == "train":
        progress.advance(settings.chips_per_step * settings.chip_px**2)


def _stores(work: Path, grid: Grid, block_px: int, cell_px: int, settings: LearningSettings) -> dict[str, BlockStore]:
    stores = {"imagery": BlockStore(work / "layers/imagery", grid, block_px)}
    if settings.labels == "posterior":
        cells = grid.coarsen(cell_px)
        stores["posterior"] = BlockStore(work / "labels/posterior", cells, max(1, block_px // cell_px))
    else:
        stores["label"] = BlockStore(work / "labels/label", grid, block_px)
    if settings.split_weight > 0:
        stores["vectors"] = BlockStore(work / "labels/vectors", grid, block_px)
    return stores


def clean_files(work: Path, settings: LearningSettings) -> tuple[Path, ...]:
    """Files of the clean samples on the lattice; InputError where the list of drawn blocks is not made yet."""
    folder, clean = work / "train", settings.clean
    files = (folder / CLEAN,) if clean.points else ()
    if not clean.drawn:
        return files
    names = read_json(folder / DRAWN_INDEX)["blocks"]
    return (*files, folder / DRAWN_INDEX, folder / DRAWN_CELLS, *(folder / DRAWN / f"{name}.tif" for name in names))


def _points(work: Path, settings: LearningSettings) -> CleanPoints | None:
    if settings.clean.points is None:
        return None
    return CleanPoints.from_csv((work / "train" / CLEAN).read_text("utf-8"))


def _drawn(work: Path, grid: Grid, settings: LearningSettings) -> DrawnGround | None:
    if not settings.clean.drawn:
        return None
    folder = work / "train"
    index = read_json(folder / DRAWN_INDEX)
    store = SparseStore(BlockStore(folder / DRAWN, grid, index["block_px"]), frozenset(index["blocks"]))
    return DrawnGround(store, DrawnCells.from_csv((folder / DRAWN_CELLS).read_text("utf-8")))


def _data_digest(ledger: Ledger, inputs: tuple[Path, ...]) -> str:
    """Digest of the inputs' contents, so that a half-done training is not resumed on other data."""
    present = [path for path in inputs if path.exists()]  # a plan may be asked for before the labels are made
    return sha256_bytes(canonical_json([ledger.digest_of(path) for path in present]).encode())
