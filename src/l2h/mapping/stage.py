"""The stage "map": decide on the prior once, then map block by block."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from l2h.core.errors import SettingsError
from l2h.core.extras import ExtraLayer
from l2h.core.files import read_json
from l2h.core.grid import Block, Window
from l2h.core.raster import BlockStore, RasterReader, write_raster
from l2h.core.tasks import Context, Hole, Made, Stage, Task
from l2h.mapping.calibrating import Given, Places, Rules, calibrate, read_calibration
from l2h.mapping.calibration import Calibration
from l2h.mapping.classify import DOUBTED
from l2h.mapping.engine import Engine, close
from l2h.mapping.heard import Heard, close_extras, extra_files, heard_task, listen, present, stack_of
from l2h.mapping.mapper import ENOUGH, Readers, evidence_windows, prior_cells
from l2h.mapping.measuring import measure_evidence
from l2h.mapping.predict import Device
from l2h.mapping.settings import MappingSettings
from l2h.mapping.telling import tell_sets
from l2h.mapping.windows import WindowPlan
from l2h.mapping.zones import Zones

CHECKPOINT = "train/network.safetensors"
LABEL_MODEL = "labels/model.json"
EVIDENCE = "map/evidence.json"
CITIES = "layers/regions.json"
CALIBRATION = "map/calibration.json"
SETS = "map/sets.json"
SETS_TOLD = "assess/told.csv"
DECIDES = ("precision", "prior", "prior_margin", "trust")  # settings that the evidence depends on
POINTS = "map/calibration-points.csv"  # interpreted points on the lattice, where the project has some to calibrate by

Step = Callable[[Context], list[Task]]


@dataclass(frozen=True)
class Layers:
    """Which files of the workspace the map may use besides the imagery.

    posterior, vectors : of the labels; with the posterior goes the prior
    regions : to tell missing imagery inside cities, which is a hole, and to tell the confidence of regions apart
    points : interpreted points to calibrate the confidence by
    extras : the project's extras
    """

    posterior: bool = True
    vectors: bool = True
    regions: bool = True
    points: bool = False
    cell_px: int = 10
    extras: tuple[ExtraLayer, ...] = ()


ALL_LAYERS = Layers()


def stage(settings: MappingSettings, layers: Layers = ALL_LAYERS, device: Device = "cpu") -> Stage:
    """Imagery and checkpoint to `work/map/<block>.tif`: class, confidence, source; nothing runs yet.

    The first step measures how far network and labels agree (`work/map/evidence.json`) and decides on the prior, the
    second calibrates the confidence (`work/map/calibration.json`), the third maps the blocks, which depend on the
    decision and on the temperatures but not on the figures behind them. Files carry an internal
    mask that is false where there is no imagery, and no nodata value: a confidence of 0 is a value. Imagery missing
    inside a city is a recorded hole.
    """
    if settings.prior == "on" and not layers.posterior:
        raise SettingsError(
            "mapping.prior = 'on' needs the posterior of the labels", hint="Use 'auto' or 'off', or make labels first."
        )
    planner = _Planner(settings, layers, device)
    return Stage("map", (planner.extras, planner.evidence, planner.calibration, planner.blocks))


def sets_step(settings: MappingSettings, layers: Layers, located: str, device: Device = "cpu") -> Step:
    """The step that tells sets of classes at the points of `located`, a table below the work folder, into SETS_TOLD.

    For a project with calibration points and settings that tell sets: it rests on what `stage` made of them.
    """
    return partial(_Planner(settings, layers, device).sets, located)


@dataclass(frozen=True)
class _Planner:
    settings: MappingSettings
    layers: Layers
    device: Device

    def extras(self, context: Context) -> list[Task]:
        return heard_task(context, self._heard(context))

    def evidence(self, context: Context) -> list[Task]:
        readers, engine = self._readers(context), self._engine(context)
        if readers.posterior is None:
            return []
        plan = engine.evidence_plan(context, readers.cell_px)
        windows = list(evidence_windows(plan))
        inputs = [*engine.files, *_files(readers.imagery, map(plan.reach, windows))]
        inputs += extra_files(readers.extras, map(plan.extra_cells, windows))
        inputs += _files(readers.posterior, (window.coarsen(readers.cell_px) for window in windows))
        out, model = context.work / EVIDENCE, context.work / LABEL_MODEL
        return [
            Task(
                "map/evidence",
                measure_evidence,
                {"engine": engine, "readers": readers, "model": model, "out": out},
                (*inputs, model),
                (out,),
                context.place()
                | engine.digest(*DECIDES)
                | _names(readers)
                | {"cell_px": readers.cell_px, "shares": True},
                sum(window.pixels for window in windows[:ENOUGH]),
            )
        ]

    def calibration(self, context: Context) -> list[Task]:
        if self.settings.calibration == "off":
            return []
        readers, engine, out = self._readers(context), self._engine(context), context.work / CALIBRATION
        rules, given, inputs = self._rules(context), None, [*engine.files]
        outputs: tuple[Path, ...] = (out,)
        if self.layers.points:
            given = self._given(context)
            inputs += [*self._point_files(context, given.points, rules), *given.files]
            outputs = (out,) if given.sets is None else (out, given.sets)
        arguments = {"engine": engine, "readers": readers, "rules": rules, "given": given, "out": out}
        settings = self._point_settings(context, rules) | {"points": self.layers.points, "regions": self.layers.regions}
        return [Task("map/calibration", calibrate, arguments, tuple(dict.fromkeys(inputs)), outputs, settings)]

    def _given(self, context: Context) -> Given:
        sets = context.work / SETS if self.settings.tells_sets else None
        layer = context.store("layers/regions") if self.layers.regions else None
        return Given(context.work / POINTS, sets, layer, context.work / CITIES if layer else None)

    def sets(self, located: str, context: Context) -> list[Task]:
        readers, engine, rules = self._readers(context), self._engine(context), self._rules(context)
        points, sets, out = (context.work / name for name in (located, SETS, SETS_TOLD))
        inputs = [*engine.files, sets, *self._point_files(context, points, rules)]
        arguments = {"engine": engine, "readers": readers, "rules": rules, "points": points, "sets": sets, "out": out}
        settings = self._point_settings(context, rules)
        return [Task("assess/sets", tell_sets, arguments, tuple(dict.fromkeys(inputs)), (out,), settings)]

    def _point_files(self, context: Context, points: Path, rules: Rules) -> list[Path]:
        """The table of points and what is read to say something of them."""
        readers, places = self._readers(context), Places.from_csv(points)
        plan = self._engine(context).plan(context)
        owners = plan.owners_of(places.rows, places.cols)
        found = [points, *_files(readers.imagery, map(plan.reach, owners))]
        found += extra_files(readers.extras, map(plan.extra_cells, owners))
        return found + self._label_files(readers, rules.prior, plan, owners) + self._vector_files(readers, owners)

    def _point_settings(self, context: Context, rules: Rules) -> dict[str, Any]:
        """What decides what is told before any calibration point speaks, and what is said at points."""
        engine = self._engine(context)
        settings = context.place() | self._digest(engine, self._readers(context), rules.prior)
        names = ("draw_vectors", "set_levels") if self.layers.points else ()
        return settings | {"shares": rules.shares} | engine.digest("road_precision", "building_precision", *names)

    def blocks(self, context: Context) -> list[Task]:
        plan = self._engine(context).plan(context)
        prior = self._prior(context)
        told: Calibration | None = None
        own: dict[str, Calibration] = {}
        if self.settings.calibration == "auto":
            told, own = read_calibration(context.work / CALIBRATION)
        regions = context.store("layers/regions") if self.layers.regions else None
        zones = Zones.of(regions, own, read_json(context.work / CITIES)["cities"]) if regions and own else None
        shared = {"engine": self._engine(context), "readers": self._readers(context), "regions": regions}
        shared |= {"prior": prior, "calibration": told, "zones": zones}
        return [self._block(context, plan, shared, block) for block in context.store("map").blocks]

    def _block(self, context: Context, plan: WindowPlan, shared: dict[str, Any], block: Block) -> Task:
        """shared : the arguments that all blocks have"""
        engine, readers, prior, zones = (shared[name] for name in ("engine", "readers", "prior", "zones"))
        calibration, out = shared["calibration"], context.store("map").path(block)
        settings = context.place(block.window) | self._digest(engine, readers, prior) | engine.digest("draw_vectors")
        settings |= {"calibration": calibration.to_dict() if calibration else None}
        settings |= {"zones": zones.to_dict()} if zones else {}
        where = list(plan.owners(block.window)) if zones else [block.window]
        return Task(
            f"map/{block.name}",
            map_block,
            {**shared, "block": block, "out": out},
            (*engine.files, *self._inputs(readers, plan, prior, block), *_files(shared["regions"], where)),
            (out,),
            settings,
            block.window.pixels,
        )

    def _inputs(self, readers: Readers, plan: WindowPlan, prior: bool, block: Block) -> list[Path]:
        owners = list(plan.owners(block.window))
        paths = _files(readers.imagery, [plan.reach(block.window)])
        paths += self._label_files(readers, prior, plan, owners)
        paths += extra_files(readers.extras, map(plan.extra_cells, owners))
        return paths + self._vector_files(readers, owners)

    def _vector_files(self, readers: Readers, owners: list[Window]) -> list[Path]:
        return _files(readers.vectors, owners) if self.settings.draw_vectors else []

    def _label_files(self, readers: Readers, prior: bool, plan: WindowPlan, owners: list[Window]) -> list[Path]:
        """The prior around what the network is asked for, and what it is held against where it may not be trusted."""
        paths: list[Path] = []
        if prior:
            asked = map(plan.asked_window, owners)
            paths += _files(readers.prior, (prior_cells(window, readers.cell_px, self.settings) for window in asked))
        if self.settings.trust == "auto":
            paths += _files(readers.posterior, (plan.asked_window(o).coarsen(readers.cell_px) for o in owners))
        return paths

    def _digest(self, engine: Engine, readers: Readers, prior: bool) -> dict[str, Any]:
        """What decides the probabilities of a pixel."""
        settings = engine.digest("window_px", "precision", "trust", "pair_weight") | {"prior": prior} | _names(readers)
        if self.settings.pair_weight > 0:
            settings |= engine.digest("pair_colour")
        if prior:
            settings |= engine.digest("prior_sigma_cells", "prior_beta", "prior_mix")
        return settings | ({"cell_px": readers.cell_px} if self._asks_labels(prior) else {})

    def _asks_labels(self, prior: bool) -> bool:
        """Whether a pixel of the map depends on the labels."""
        return self.layers.posterior and (prior or self.settings.trust == "auto")

    def _engine(self, context: Context) -> Engine:
        return Engine(context.work / CHECKPOINT, self.settings, self.device)

    def _readers(self, context: Context) -> Readers:
        cell_px, cells = self.layers.cell_px, self.layers.posterior
        return Readers(
            context.store("layers/imagery"),
            context.cell_store("labels/posterior", cell_px) if cells else None,
            context.store("labels/vectors") if self.layers.vectors else None,
            cell_px,
            stack_of(context, context.work / CHECKPOINT, self._heard(context)),
            context.cell_store("labels/prior", cell_px) if cells else None,
        )

    def _heard(self, context: Context) -> Heard:
        return listen(context.work / CHECKPOINT, self.layers.extras, self.settings.without_extras)

    def _prior(self, context: Context) -> bool:
        """Whether the prior is heard; InputError where that is still to be measured."""
        if self.settings.prior != "auto":
            return self.settings.prior == "on"
        return self.layers.posterior and bool(read_json(context.work / EVIDENCE)["prior"])

    def _rules(self, context: Context) -> Rules:
        """What the evidence decided; InputError where that is still to be measured."""
        shares = None
        if self.layers.posterior:
            told = read_json(context.work / EVIDENCE)["shares"]
            shares = {int(value): float(share) for value, share in told.items()} if told else None
        return Rules(self._prior(context), shares)


def map_block(
    engine: Engine,
    readers: Readers,
    regions: RasterReader | None,
    prior: bool,
    calibration: Calibration | None,
    zones: Zones | None,
    block: Block,
    out: Path,
) -> Made:
    """Map one block and write it; pixels of cities that have no imagery are a hole.

    Here and not with the imagery, for only here both the picture and the cities are known; outside cities nothing was
    asked for, so nothing is missing.
    """
    values = replace(engine.mapper(prior, calibration), zones=zones).map(readers, block.window)
    seen = values[0] > 0
    write_raster(out, values, readers.imagery.grid, block.window, valid=seen)
    missing = 0 if regions is None else int(np.count_nonzero((regions.read(block.window).values[0] > 0) & ~seen))
    extras = present(readers.extras, block.window)
    close_extras(readers.extras)
    close(readers.imagery, readers.posterior, readers.prior, readers.vectors, regions)
    holes = (Hole(f"map, block {block.name}", f"{missing:,} px inside cities have no imagery"),) if missing else ()
    doubted = int(np.count_nonzero(values[2] >= DOUBTED))
    counts = {"without_imagery_px": int(np.count_nonzero(~seen)), "doubted_px": doubted}
    return Made(holes, counts | ({"extras": extras} if extras else {}))


def _names(readers: Readers) -> dict[str, Any]:
    """Which extras are there, for the digest of what they change."""
    if readers.extras is None:
        return {}
    pairs = zip(readers.extras.layers, readers.extras.readers, strict=True)
    return {"extras": [layer.name for layer, reader in pairs if reader is not None]}


def _files(reader: RasterReader | None, windows: Iterable[Window]) -> list[Path]:
    """Block files that reads of these windows need, each once; none where the layer is not used."""
    if not isinstance(reader, BlockStore):
        return []
    return list(dict.fromkeys(path for window in windows for path in reader.paths_of(window)))
