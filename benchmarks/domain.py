#!/usr/bin/env python3
"""What a network's map is worth on pictures unlike those it learned from, and what it says of itself there.

    python benchmarks/domain.py CASES RUNS [--networks FOLDER] [--seeds 0 1 2] [--families zurich …]
                                [--others deepglobe …] [--page docs/benchmarks/domain.md]

RUNS/<seed>/<family>/ are workspaces that `accuracy.py --work RUNS/<seed> --seed <seed>` left, or they lie in
--networks, where nothing is written; references are opened only here. Class and confidence are those of the map. The
network of every family maps its own pictures, the same spoiled (blurred, tinted, hazy, dark, bands swapped, noisy), and
the pictures of the other families, each with that family's labels as the prior: without trust in the network
(`mapping.trust = "off"`) and with it. One network window of each picture is looked at, and the first picture of a
family is spoiled. RUNS/<seed>/<family>-domain.json keeps what was measured; the marked tables of the page are written
from all of them.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from _cases import BLOCK_PX, Case, find_families
from _pages import fill, parser_of, workspaces
from _probabilities import CELL_PX, Layer, _accept, _desk, priors_of
from scipy.ndimage import gaussian_filter

from l2h.accuracy.confidence import calibration_scores
from l2h.core.files import read_json, write_json
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.core.raster import BlockStore, RasterReader, open_raster
from l2h.mapping.engine import Engine
from l2h.mapping.mapper import Mapper, Readers
from l2h.mapping.settings import MappingSettings

SPOILED = ("blurred", "tinted", "hazy", "dark", "swapped", "noisy")
REACH = 12  # px beyond a window that blurring looks at
SIDE = 480  # of a network window, px
GROUPS = ("own", "spoiled", "foreign")


def main() -> int:
    page = Path(__file__).parent.parent / "docs/benchmarks/domain.md"
    parser = parser_of(__doc__, page, ["loveda", "newbrunswick", "zurich"])
    parser.add_argument(
        "--others", nargs="*", default=[], help="families that are mapped, their networks not looked at"
    )
    options = parser.parse_args()
    found = find_families(options.cases)
    for seed, family, work in workspaces(options, found):
        out = options.runs / str(seed) / f"{family}-domain.json"
        if not out.exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            mapped = sorted({*options.families, *options.others})
            write_json(out, {"rows": list(measure(family, found, work.parent, mapped))})
            sys.stderr.write(f"{family} {seed}\n")
    rows = read_rows(options.runs, options.seeds, options.families)
    fill(options.page, {"networks": by_network(rows, options.families), "pictures": by_pictures(rows)})
    return 0


@dataclass(frozen=True)
class Spoiled:
    """Imagery as a worse camera would have seen it; the same pixels whatever window asks."""

    reader: RasterReader
    how: str

    @property
    def grid(self) -> Grid:
        return self.reader.grid

    def read(self, window: Window) -> Patch:
        around = self.reader.read(window.pad(REACH))
        rows, cols = window.slices_in(around.window)
        values = spoil(around.values.astype("float64"), self.how)[:, rows, cols]
        return Patch(np.clip(np.rint(values), 0, 255).astype("uint8"), around.valid[rows, cols], window)


def spoil(values: np.ndarray, how: str) -> np.ndarray:
    """float64 [3, H, W] of 0 to 255."""
    if how == "blurred":
        return np.stack([gaussian_filter(band, 3.0) for band in values])
    if how == "tinted":
        return values * np.array([1.3, 1.0, 0.65])[:, None, None]
    if how == "hazy":
        return 0.45 * values + 125
    if how == "dark":
        return 0.4 * values
    if how == "swapped":
        return values[[2, 0, 1]]
    return values + np.random.default_rng(0).normal(0, 25, values.shape)


def measure(family: str, found: dict[str, list[Case]], runs: Path, mapped: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One row per picture and state of it: what the map is worth without and with trust."""
    weights = runs / family / "train/network.safetensors"
    mapper = Engine(weights, MappingSettings(), "cpu").mapper(prior=True)
    told = Engine(weights, MappingSettings(), "cpu").default_calibration(prior=True)
    mapper = replace(mapper, calibration=told)
    for other in mapped:
        priors = priors_of(found[other], runs / other)
        for number, case in enumerate(found[other]):
            for how in ("", *SPOILED) if other == family and number == 0 else ("",):
                group = "foreign" if other != family else "spoiled" if how else "own"
                row = {"case": case.name, "how": how, "group": group}
                yield row | score(mapper, case, runs / other, priors[number], how)


def score(mapper: Mapper, case: Case, work: Path, prior: Layer, how: str) -> dict[str, Any]:
    """Right share, mean confidence and calibration error without and with trust; and the trust."""
    desk = _desk(case, work)
    imagery: RasterReader = desk.store("layers/imagery")
    posterior = BlockStore(desk.work / "labels/posterior", desk.grid.coarsen(CELL_PX), BLOCK_PX // CELL_PX)
    readers = Readers(Spoiled(imagery, how) if how else imagery, posterior, None, CELL_PX, prior=prior)
    known = desk.store("labels/vectors").read(desk.grid.window).values[1]
    with open_raster(case.folder / "reference.tif") as dataset:
        reference = dataset.read(1)
    accept = _accept(case)
    plan = mapper.plan(readers.imagery)
    mappers = {"off": replace(mapper, settings=MappingSettings(trust="off")), "on": mapper}
    heard: dict[str, list[np.ndarray]] = {name: [] for name in mappers}
    trusts = []
    for owner, asked, probability in mapper._ask(plan, readers, plan.owners(_middle(desk.grid))):
        own, (rows, cols) = owner.slices_in(asked.window), owner.slices_in(desk.grid.window)
        valid = asked.valid[own]
        free = valid & np.isin(reference[rows, cols], list(accept)) & (known[rows, cols] == 0)
        trusted = mapper._trust(readers, owner, probability[:, *own], valid)
        trusts.append((1.0 if trusted is None else trusted, int(valid.sum())))
        truth = np.stack([np.isin(reference[rows, cols], [c for c in accept if v in accept[c]]) for v in mapper.values])
        for name, one in mappers.items():
            p = one._heard(readers, owner, asked, probability)[0]
            best = one._refined(asked, p)[:, *own].argmax(axis=0)[free]
            told = one._told(p[:, *own])[:, free]
            heard[name].append(_counts(best, told, truth[:, free], _same(mapper.values, accept)))
    weights = [n for _, n in trusts]
    result: dict[str, Any] = {"trust": float(np.average([t for t, _ in trusts], weights=weights))}
    for name, counts in heard.items():
        scores = calibration_scores(np.sum(counts, axis=0)) or {}
        result[name] = {key: scores[key] for key in ("n", "accuracy", "mean_confidence", "ece")}
    return result


def _middle(grid: Grid) -> Window:
    """One network window near the middle of a picture."""
    row, col = (max(0, (side // 2) // SIDE * SIDE) for side in grid.shape)
    return Window(row, row + 1, col, col + 1)


def _same(values: tuple[int, ...], accept: dict[int, list[int]]) -> np.ndarray:
    """bool [K, K]: classes that the reference does not tell apart."""
    same = np.eye(len(values), dtype=bool)
    for admitted in accept.values():
        same[np.ix_(*[[values.index(v) for v in admitted]] * 2)] = True
    return same


def _counts(best: np.ndarray, told: np.ndarray, truth: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Pixels by confidence in whole per cent, wrong or right, of the class taken: int64 [101, 2]."""
    confidence = np.where(same[best].T, told, 0).sum(axis=0)
    per_cent = np.rint(100 * np.minimum(confidence, 1)).astype(int)
    counts = np.zeros((101, 2), "int64")
    np.add.at(counts, (per_cent, truth[best, np.arange(len(best))].astype(int)), 1)
    return counts


def read_rows(runs: Path, seeds: Sequence[int], families: Sequence[str]) -> list[dict[str, Any]]:
    """All that was measured of these networks."""
    return [
        row | {"network": family, "seed": seed}
        for family in families
        for seed in seeds
        if (path := runs / str(seed) / f"{family}-domain.json").exists()
        for row in read_json(path)["rows"]
    ]


def by_network(rows: Sequence[dict[str, Any]], families: Sequence[str]) -> Iterator[str]:
    """Means over pictures and seeds by network and group."""
    yield "| Network of | Pictures | maps | trust | map right off → on | says off → on | ECE off → on |"
    yield "|---|---|---|---|---|---|---|"
    for family in families:
        for group in GROUPS:
            yield from _line([r for r in rows if (r["network"], r["group"]) == (family, group)], f"{family} | {group}")


def by_pictures(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The same by how pictures were spoiled, and by the family of foreign ones."""
    yield "| Pictures | maps | trust | map right off → on | says off → on | ECE off → on |"
    yield "|---|---|---|---|---|---|"
    for how in SPOILED:
        yield from _line([r for r in rows if r["how"] == how], how)
    for family in sorted({r["case"].split("_")[0] for r in rows}):
        chosen = [r for r in rows if r["group"] == "foreign" and r["case"].split("_")[0] == family]
        yield from _line(chosen, f"{family}, by foreign networks")


def _line(rows: Sequence[dict[str, Any]], name: str) -> Iterator[str]:
    if not rows:
        return
    pairs = [
        " → ".join(f"{mean(r[state][key] for r in rows):.3f}" for state in ("off", "on"))
        for key in ("accuracy", "mean_confidence", "ece")
    ]
    yield f"| {name} | {len(rows)} | {mean(r['trust'] for r in rows):.2f} | {' | '.join(pairs)} |"


if __name__ == "__main__":
    raise SystemExit(main())
