#!/usr/bin/env python3
"""Train on real pictures without their references and map them.

    python benchmarks/accuracy.py CASES OUT [--recipe default|l2h] [--seed N] [--families zurich …]
                                  [--set learning.megapixels=50 …]

One network per family (the name of a case before its first underscore), from image, three 10 m products and
OpenStreetMap of all its cases; the hand-drawn references are never opened. Writes OUT/<case>.tif in SinoLC-1 codes on
the image's own grid, OUT/confidence/<case>.tif in per cent, and OUT/run.json with settings, seconds and speeds.
Families already in a run.json of the same recipe, seed and settings stay there.

`default` is the recipe of the package: U-Net, cell loss on the fused posterior, vectors as positives only, the prior by
its switch, known vectors on top. `l2h` is SinoLC-1's: labels where the products agree, roads burnt in, L2HNet with
confident areas and the dynamic-vague-area term, no prior, nothing drawn.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _cases import Case, find_families, prepare

from l2h.core.files import read_json, write_json
from l2h.core.legend import load_legend
from l2h.core.raster import write_raster
from l2h.core.tasks import Context
from l2h.labels.settings import LabelSettings
from l2h.learning.areas import TrainingReaders
from l2h.learning.clean import CleanPoints
from l2h.learning.drawn import DrawnGround
from l2h.learning.loop import train
from l2h.learning.settings import RECIPES as LEARNING_RECIPES
from l2h.learning.settings import LearningSettings
from l2h.mapping.engine import Engine
from l2h.mapping.evidence import Agreement, expected_of_labels, shares_of
from l2h.mapping.mapper import Mapper, Readers
from l2h.mapping.settings import MappingSettings
from l2h.nets.checkpoint import read_checkpoint
from l2h.nets.measure import mflop_per_pixel
from l2h.project import RECIPES

ROOMS = {"labels": LabelSettings, "learning": LearningSettings, "mapping": MappingSettings}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    families = find_families(options.cases)
    if not families:
        sys.stderr.write(f"no case in {options.cases}: expected folders with an image.tif\n")
        return 1
    (options.out / "confidence").mkdir(parents=True, exist_ok=True)
    record = record_of(options)
    for family, cases in families.items():
        if options.families and family not in options.families:
            continue
        with tempfile.TemporaryDirectory(prefix="l2h-accuracy-") as scratch:
            folder = Path(options.work or scratch) / family
            record["families"][family] = run_family(cases, folder, options)
        write_json(options.out / "run.json", record)
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", choices=sorted(LEARNING_RECIPES), default="default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="ROOM.KEY=VALUE")
    parser.add_argument("--families", nargs="+", help="only these; all by default")
    parser.add_argument("--work", type=Path, help="keep workspaces here instead of a temporary folder")
    return parser.parse_args(arguments)


def record_of(options: argparse.Namespace) -> dict[str, Any]:
    """The record to go on with: that of an earlier run of the same recipe, seed and settings, else an empty one."""
    same = {"recipe": options.recipe, "seed": options.seed, "set": options.overrides}
    path = options.out / "run.json"
    before: dict[str, Any] = read_json(path) if path.exists() else {}
    if same.items() <= before.items():
        return before
    return {**same, "families": {}}


def settings_of(options: argparse.Namespace, cases: Sequence[Case]) -> dict[str, Any]:
    """The settings of each room: the recipe's, the size of the training by the area, then what --set says."""
    pixels = sum(case.grid.window.pixels for case in cases)
    values = {room: dict(RECIPES.get(options.recipe, {}).get(room, {})) for room in ROOMS}
    values["learning"]["recipe"] = options.recipe
    values["learning"] |= {"seed": options.seed, "held_out_share": 0.0}
    for text in options.overrides:
        key, _, value = text.partition("=")
        room, _, name = key.partition(".")
        values[room][name] = json.loads(value) if value[:1] in '-0123456789[{tf"' else value
    chosen = {room: ROOMS[room](**given) for room, given in values.items()}
    return chosen | {"learning": chosen["learning"].sized(pixels)}


def run_family(
    cases: Sequence[Case],
    folder: Path,
    options: argparse.Namespace,
    clean: Mapping[str, CleanPoints] | None = None,
    drawn: Mapping[str, DrawnGround] | None = None,
) -> dict[str, Any]:
    """Layers, labels, one network and the maps of a family; what is worth recording.

    clean, drawn: points and drawn ground by case, for those that have any
    """
    settings, clock = settings_of(options, cases), Clock(cases[0].family)
    contexts = prepare(cases, folder, settings["labels"])
    clock.lap("labels", f"{len(cases)} cases")
    cell_px = settings["labels"].cell_px
    areas = [_area(case, context, cell_px) for case, context in zip(cases, contexts, strict=True)]
    areas = [replace(a, clean=(clean or {}).get(a.name), drawn=(drawn or {}).get(a.name)) for a in areas]
    weights = train(areas, settings["learning"], folder / "train", progress=partial(_tell, clock))
    clock.lap("training", f"{settings['learning'].megapixels} Mpx")
    engine = Engine(weights, settings["mapping"], "cpu")
    priors = [context.cell_store("labels/prior", cell_px) for context in contexts]
    readers = [
        Readers(area.imagery, area.posterior, area.vectors, cell_px, prior=prior)
        for area, prior in zip(areas, priors, strict=True)
    ]
    label_accuracy = expected_of_labels(read_json(contexts[0].work / "labels/model.json"), cases[0].family)
    agreement, prior, shares = decide(engine, readers, label_accuracy)
    clock.lap("evidence", f"agreement {agreement.agreement:.3f} of {label_accuracy:.3f}, prior {prior}")
    for case, reader in zip(cases, readers, strict=True):
        calibration = None if engine.settings.calibration == "off" else engine.default_calibration(prior, shares)
        write_map(engine.mapper(prior, calibration), reader, options.out, case.name)
    clock.lap("maps", f"{len(cases)} cases")
    pixels = sum(case.grid.window.pixels for case in cases)
    return {
        "settings": {room: chosen.model_dump(mode="json") for room, chosen in settings.items()},
        "agreement": {**asdict(agreement), "share": agreement.agreement, "label_accuracy": label_accuracy},
        "prior": prior,
        "seconds": clock.seconds,
        "mflop_per_px": round(mflop_per_pixel(read_checkpoint(weights).network), 4),
        "map_mpx_s": round(pixels / 1e6 / max(clock.seconds["maps"], 0.01), 3),
    }


def _area(case: Case, context: Context, cell_px: int) -> TrainingReaders:
    return TrainingReaders(
        case.name,
        imagery=context.store("layers/imagery"),
        posterior=context.cell_store("labels/posterior", cell_px),
        label=context.store("labels/label"),
        vectors=context.store("labels/vectors"),
        cell_px=cell_px,
    )


def decide(
    engine: Engine, readers: Sequence[Readers], label_accuracy: float
) -> tuple[Agreement, bool, dict[int, float] | None]:
    """The switch of the prior, once for the family; and the shares of the land of traffic and building."""
    mapper, settings = engine.mapper(calibration=engine.default_calibration(prior=False)), engine.settings
    measured = [mapper.measure(reader) for reader in readers]
    agreement = sum((found for found, _, _ in measured), start=Agreement())
    shares = shares_of(mapper.values, np.sum([sums for _, sums, _ in measured], axis=0))
    if settings.prior != "auto":
        return agreement, settings.prior == "on", shares
    return agreement, agreement.wants_prior(label_accuracy, settings.prior_margin), shares


def write_map(mapper: Mapper, readers: Readers, out: Path, name: str) -> None:
    """Class and confidence of a case on its own grid, a file each: scorers want one band."""
    grid = readers.imagery.grid
    classes, confidence, _ = mapper.map(readers, grid.window)
    write_raster(out / f"{name}.tif", classes[None], grid, grid.window, nodata=0, legend=load_legend("sinolc1"))
    write_raster(out / "confidence" / f"{name}.tif", confidence[None], grid, grid.window)


class Clock:
    """Tells on standard error how long each part of a family took."""

    def __init__(self, family: str) -> None:
        self.family, self.seconds, self._last = family, {}, time.monotonic()  # type: ignore[var-annotated]

    def lap(self, part: str, note: str) -> None:
        now = time.monotonic()
        self.seconds[part] = round(now - self._last, 2)
        self._last = now
        self.tell(f"{part} {self.seconds[part]} s ({note})")

    def tell(self, text: str) -> None:
        sys.stderr.write(f"{self.family:<13} {text}\n")
        sys.stderr.flush()


def _tell(clock: Clock, phase: str, done: int, total: int) -> None:
    if phase == "train" and (done % max(1, total // 10) == 0 or done == total):
        clock.tell(f"step {done} of {total}")


if __name__ == "__main__":
    raise SystemExit(main())
