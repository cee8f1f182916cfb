"""What a trained family says at labelled pixels, with the reference beside it. Opens the references: scorers only."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from _cases import BLOCK_PX, PRODUCTS, Case

from l2h.core.files import read_json
from l2h.core.grid import Window
from l2h.core.raster import BlockStore, open_raster
from l2h.labels.desk import Desk
from l2h.labels.fusion import expected_accuracy, fit_joint, fuse_priors, table_of
from l2h.labels.fusion import fuse as fuse_labels
from l2h.labels.joint import add_joint, count_joint
from l2h.labels.settings import LabelSettings
from l2h.mapping.calibration import Calibration
from l2h.mapping.engine import Engine
from l2h.mapping.evidence import (
    Agreement,
    at_pixels,
    class_sums,
    count_agreement,
    shares_of,
    smooth_posterior,
    smoothing_radius,
)
from l2h.mapping.mapper import Mapper, Readers
from l2h.mapping.settings import MappingSettings

MOST_PIXELS = 60_000  # labelled pixels of a case that are looked at, drawn at random
CELL_PX = 10
Doubles = npt.NDArray[np.float64]


@dataclass
class Told:
    """What is said at the labelled pixels of a family.

    alone, with_prior : how the network is calibrated by default
    shares  : of the land that the network alone gives traffic and building
    network : [n, K] probabilities of the network alone
    prior   : name of a set of products → [n, J] smoothed coarse distribution there
    agreement : the same name → counts of network against label, and what both expect of themselves
    expected  : the same name → share of cells the label model expects to get right, before they hear their neighbours
    truth   : bool [n, K], classes that are right; group : int [K], classes the reference cannot tell apart
    place   : [n, 3], case, row, column; drawn : class of a known vector there, 0 where none
    """

    mapper: Mapper
    alone: Calibration
    with_prior: Calibration
    shares: dict[int, float]
    network: Doubles
    prior: dict[str, Doubles]
    agreement: dict[str, Agreement]
    expected: dict[str, float]
    truth: npt.NDArray[np.bool_]
    group: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    drawn: npt.NDArray[np.uint8]


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
        np.concatenate([p["network"] for p in parts]),
        {n: np.concatenate([p["prior"][n] for p in parts]) for n in names},
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
    accept = _accept(case)
    with open_raster(case.folder / "reference.tif") as dataset:
        reference = dataset.read(1)
    probability, valid = _whole(mapper, desk)
    rows, cols = np.nonzero(np.isin(reference, list(accept)) & valid)
    chosen = np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST_PIXELS])
    rows, cols = rows[chosen], cols[chosen]
    known = desk.store("labels/vectors").read(desk.grid.window).values[1]
    told = alone.apply(probability, mapper.index, len(mapper.coarse))
    found: dict = {"prior": {}, "agreement": {}, "sums": class_sums(told, valid)}
    for name, (posterior, prior) in labels.items():
        shares = posterior[: len(mapper.coarse)]
        found["prior"][name_of(name)] = _prior(mapper, prior, desk.grid.window)[:, rows, cols].T.astype("float64")
        counted = count_agreement(told, valid, shares, mapper.index, CELL_PX)
        found["agreement"][name_of(name)] = counted
    truth = np.array([[v in accept[int(c)] for v in mapper.values] for c in range(256) if c in accept])
    place = np.searchsorted(sorted(accept), reference[rows, cols])
    return found | {
        "network": probability[:, rows, cols].T.astype("float64"),
        "truth": truth[place],
        "place": np.stack([rows, cols], axis=1),
        "drawn": known[rows, cols].astype("uint8"),
    }


def _whole(mapper: Mapper, desk: Desk) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [K, H, W] and validity of a whole case."""
    store, whole = desk.store("layers/imagery"), desk.grid.window
    probability = np.zeros((len(mapper.values), *whole.shape), "float32")
    valid = np.zeros(whole.shape, bool)
    plan = mapper.plan(store)
    for owner, asked, answer in mapper._ask(plan, Readers(store), plan.owners(whole)):
        own, (rows, cols) = owner.slices_in(asked.window), owner.slices_in(whole)
        probability[:, rows, cols], valid[rows, cols] = answer[:, *own], asked.valid[own]
    return probability, valid


def _prior(mapper: Mapper, shares: np.ndarray, whole: Window) -> np.ndarray:
    """What `Mapper` takes as the prior, float32 [J, H, W]."""
    sigma = mapper.settings.prior_sigma_cells
    radius = smoothing_radius(sigma)
    padded = np.pad(shares, ((0, 0), (radius, radius), (radius, radius)))
    return at_pixels(smooth_posterior(padded, sigma), whole.coarsen(CELL_PX).pad(radius), whole, CELL_PX)
