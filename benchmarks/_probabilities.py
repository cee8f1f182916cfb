"""What a trained family says at labelled pixels, with the reference beside it. Opens the references: scorers only."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from _cases import BLOCK_PX, PRODUCTS, Case

from l2h.core.files import read_json
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.core.raster import BlockStore, open_raster
from l2h.labels.desk import Desk
from l2h.labels.fusion import expected_accuracy, fit_joint, fuse_priors, table_of
from l2h.labels.fusion import fuse as fuse_labels
from l2h.labels.joint import add_joint, count_joint
from l2h.labels.settings import LabelSettings
from l2h.mapping.calibration import Calibration
from l2h.mapping.engine import Engine
from l2h.mapping.evidence import Agreement, class_sums, count_agreement, shares_of
from l2h.mapping.mapper import Mapper, Readers, inside
from l2h.mapping.settings import MappingSettings

MOST_PIXELS = 60_000  # labelled pixels of a case that are looked at, drawn at random
CELL_PX = 10
ALONE = "no prior"
Doubles = npt.NDArray[np.float64]


@dataclass
class Told:
    """What is said at the labelled pixels of a family, by the rules of the map.

    alone, with_prior : how the network is calibrated by default
    shares  : of the land that the network alone gives traffic and building
    heard : ALONE, and name of a set of products → [n, K] probabilities of the network with that prior, as far as it is
            trusted, before calibration
    best : the same name → int [n], place of the class that the map takes: neighbours of like colour have their say
    agreement : name of a set of products → counts of network against label, and what both expect of themselves
    expected  : the same name → share of cells the label model expects to get right, before they hear their neighbours
    truth   : bool [n, K], classes that are right; group : int [K], classes the reference cannot tell apart
    place   : [n, 3], case, row, column; drawn : class of a known vector there, 0 where none
    """

    mapper: Mapper
    alone: Calibration
    with_prior: Calibration
    shares: dict[int, float]
    heard: dict[str, Doubles]
    best: dict[str, npt.NDArray[np.int64]]
    agreement: dict[str, Agreement]
    expected: dict[str, float]
    truth: npt.NDArray[np.bool_]
    group: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    drawn: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Layer:
    """A layer in memory, [C, H, W], read like a file: 0 beyond its grid."""

    grid: Grid
    values: np.ndarray

    def read(self, window: Window) -> Patch:
        found, part = np.zeros((len(self.values), *window.shape), "uint8"), window.intersect(self.grid.window)
        found[:, *part.slices_in(window)] = self.values[:, *part.slices_in(self.grid.window)]
        return Patch(found, np.ones(window.shape, bool), window)


def subsets() -> Iterator[tuple[int, ...]]:
    """All sets of products but the empty one, the whole last."""
    for size in range(1, len(PRODUCTS) + 1):
        yield from itertools.combinations(range(len(PRODUCTS)), size)


def tell(cases: Sequence[Case], work: Path, sets: Sequence[tuple[int, ...]]) -> Told:
    """Ask the network of a family, trained in `work`, at its labelled pixels; priors are of these sets of products.

    The network was trained on labels of all products: a set of fewer is a worse label than it has learned from.
    """
    engine = Engine(work / "train/network.safetensors", MappingSettings(), "cpu")
    mapper, alone = engine.mapper(), engine.default_calibration(prior=False)
    desks = [_desk(case, work) for case in cases]
    codes = [desk.codes_of_cells(desk.grid.coarsen(CELL_PX).window, CELL_PX) for desk in desks]
    labels = {chosen: _labels(desks, codes, chosen) for chosen in sets}
    priors = {chosen: _priors(desks, codes, chosen) for chosen in sets}
    parts = [
        _case(mapper, alone, case, desk, {s: (labels[s][i], priors[s][i]) for s in sets})
        for i, (case, desk) in enumerate(zip(cases, desks, strict=True))
    ]
    shares = shares_of(mapper.values, sum(p["sums"] for p in parts))
    accept = {tuple(a) for case in cases for a in _accept(case).values()}
    names = [name_of(s) for s in sets]
    return Told(
        mapper,
        alone,
        engine.default_calibration(prior=True, shares=shares),
        shares or {},
        {n: np.concatenate([p["heard"][n] for p in parts]) for n in (ALONE, *names)},
        {n: np.concatenate([p["best"][n] for p in parts]) for n in (ALONE, *names)},
        {n: sum((p["agreement"][n] for p in parts), start=Agreement()) for n in names},
        {name_of(s): _expected(desks[0], codes, s) for s in sets},
        np.concatenate([p["truth"] for p in parts]),
        _groups(mapper.values, accept),
        np.concatenate([np.insert(p["place"], 0, i, axis=1) for i, p in enumerate(parts)]),
        np.concatenate([p["drawn"] for p in parts]),
    )  # fmt: skip


def name_of(chosen: Sequence[int]) -> str:
    return "+".join(list(PRODUCTS)[k] for k in chosen)


def _desk(case: Case, work: Path) -> Desk:
    folder = work / case.name / "work"
    products = tuple((p["name"], p["legend"]) for p in read_json(folder / "layers/products.json"))
    return Desk(folder, case.grid, BLOCK_PX, products)


def _labels(desks: Sequence[Desk], codes: Sequence[np.ndarray], chosen: tuple[int, ...]) -> list[np.ndarray]:
    """Posterior of each case, uint8 [11, h, w]: the workspace's own where all products are chosen."""
    if len(chosen) == len(PRODUCTS):
        stores = [BlockStore(d.work / "labels/posterior", d.grid.coarsen(CELL_PX), BLOCK_PX // CELL_PX) for d in desks]
        return [store.read(store.grid.window).values.astype("uint8") for store in stores]
    return fuse_labels([c[list(chosen)] for c in codes], [desks[0].legends[k] for k in chosen])


def _priors(desks: Sequence[Desk], codes: Sequence[np.ndarray], chosen: tuple[int, ...]) -> list[np.ndarray]:
    """What the map of each case multiplies the network with, uint8 [10, h, w]."""
    return fuse_priors([c[list(chosen)] for c in codes], [desks[0].legends[k] for k in chosen])


def priors_of(cases: Sequence[Case], work: Path) -> list[Layer]:
    """What the maps of a family are multiplied with, of labels of all products."""
    desks = [_desk(case, work) for case in cases]
    codes = [desk.codes_of_cells(desk.grid.coarsen(CELL_PX).window, CELL_PX) for desk in desks]
    priors = _priors(desks, codes, tuple(range(len(PRODUCTS))))
    return [Layer(desk.grid.coarsen(CELL_PX), prior) for desk, prior in zip(desks, priors, strict=True)]


def _expected(desk: Desk, codes: Sequence[np.ndarray], chosen: tuple[int, ...]) -> float:
    """What the label model of these products expects of itself."""
    legends = [desk.legends[k] for k in chosen]
    joint = add_joint([count_joint(c[list(chosen)]) for c in codes], len(chosen))
    return expected_accuracy(joint, table_of(joint, legends, fit_joint(joint, legends, LabelSettings()))) or 0.0


def _accept(case: Case) -> dict[int, list[int]]:
    meta = json.loads((case.folder / "meta.json").read_text("utf-8"))
    return {int(code): values for code, values in meta["accept"].items()}


def _groups(values: tuple[int, ...], accept: set[tuple[int, ...]]) -> npt.NDArray[np.int64]:
    """Number of the group of each class: classes that one reference code admits share one."""
    group = np.arange(len(values))
    for admitted in accept:
        members = [values.index(v) for v in admitted]
        group[members] = min(members)
    return group


def _case(
    mapper: Mapper, alone: Calibration, case: Case, desk: Desk, labels: dict[tuple[int, ...], tuple[np.ndarray, ...]]
) -> dict:
    accept, whole = _accept(case), desk.grid.window
    with open_raster(case.folder / "reference.tif") as dataset:
        reference = dataset.read(1)
    imagery, cells = desk.store("layers/imagery"), desk.grid.coarsen(CELL_PX)
    valid = imagery.read(whole).valid
    rows, cols = np.nonzero(np.isin(reference, list(accept)) & valid)
    chosen = np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST_PIXELS])
    rows, cols = rows[chosen], cols[chosen]
    readers = {
        name_of(s): Readers(imagery, Layer(cells, posterior), None, CELL_PX, prior=Layer(cells, prior))
        for s, (posterior, prior) in labels.items()
    }
    heard, best, network = _said(mapper, readers, (rows, cols))
    told = alone.apply(network, mapper.index, len(mapper.coarse))
    agreement = {
        name_of(s): count_agreement(told, valid, posterior[: len(mapper.coarse)], mapper.index, CELL_PX)
        for s, (posterior, _) in labels.items()
    }
    known = desk.store("labels/vectors").read(whole).values[1]
    truth = np.array([[v in accept[int(c)] for v in mapper.values] for c in range(256) if c in accept])
    return {
        "heard": heard,
        "best": best,
        "agreement": agreement,
        "sums": class_sums(told, valid),
        "truth": truth[np.searchsorted(sorted(accept), reference[rows, cols])],
        "place": np.stack([rows, cols], axis=1),
        "drawn": known[rows, cols].astype("uint8"),
    }


def _said(
    mapper: Mapper, readers: dict[str, Readers], places: tuple[np.ndarray, np.ndarray]
) -> tuple[dict[str, Doubles], dict[str, np.ndarray], np.ndarray]:
    """At places, with each prior and alone: probabilities [n, K] and class [n]; and the network's on the whole case.

    Window by window as the map does it, each asked once.
    """
    (rows, cols), last = places, list(readers.values())[-1]
    ways = {ALONE: (replace(mapper, prior=False), last)} | {
        name: (replace(mapper, prior=True), reader) for name, reader in readers.items()
    }
    heard: dict = {name: np.zeros((len(rows), len(mapper.values))) for name in ways}
    best: dict = {name: np.zeros(len(rows), "int64") for name in ways}
    plan, whole = mapper.plan(last.imagery), last.imagery.grid.window
    network = np.zeros((len(mapper.values), *whole.shape), "float32")
    for owner, asked, answer in mapper._ask(plan, last, plan.owners(whole)):
        own = np.s_[:, *owner.slices_in(asked.window)]
        network[:, *owner.slices_in(whole)] = answer[own]
        chosen = np.flatnonzero(inside(owner, rows, cols))
        place = rows[chosen] - owner.row_start, cols[chosen] - owner.col_start
        for name, (one, reader) in ways.items():
            probability = one._heard(reader, owner, asked, answer)[0]
            heard[name][chosen] = probability[own][:, *place].T
            best[name][chosen] = one._refined(asked, probability)[own].argmax(axis=0)[place]
    return heard, best, network
