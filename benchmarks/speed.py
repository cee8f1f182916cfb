#!/usr/bin/env python3
"""Speed of the chain's joints beside named peers that do the same work in the same run.

    python benchmarks/speed.py [--side 6000] [--rounds 3] [--table docs/benchmarks/speed.md]

Each pair runs in turn, A B A B …, on the same generated input; the table gives Mpx/s and the median of the ratios ours
/ peer, which hold when the machine's speed drifts. What the pair computes is compared first: a peer that gives another
answer is no peer.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import geopandas
import numpy as np
import rasterio
import shapely
import torch
from exactextract import exact_extract
from rasterio.features import rasterize
from rasterio.warp import Resampling, reproject
from rio_cogeo.cogeo import cog_translate
from rio_cogeo.profiles import cog_profiles

from l2h.core.cog import CogStyle, write_cog
from l2h.core.files import write_text
from l2h.core.grid import Grid, Window
from l2h.core.legend import load_legend
from l2h.core.patch import Patch
from l2h.core.raster import BlockStore, open_raster, read_window, write_raster
from l2h.labels.settings import VectorSettings
from l2h.labels.vectors import Vectors, rasterise
from l2h.mapping.predict import Predictor
from l2h.nets.normalise import Normalisation
from l2h.nets.registry import build_network
from l2h.product.areas import row_counts
from l2h.sources.products import list_sheets, product_codes
from l2h.sources.settings import ProductSettings

LEGEND = load_legend("sinolc1")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Pair:
    """The same work done by us and by a peer; `same` says whether their answers agree."""

    work: str
    peer: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    same: Callable[[object, object], bool]


def main() -> int:
    options = _parse()
    torch.set_num_threads(1)
    grid = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, options.side, options.side)
    pixels = grid.window.pixels
    rows = []
    with tempfile.TemporaryDirectory(prefix="l2h-speed-") as scratch:
        for pair in pairs(Path(scratch), grid):
            sys.stderr.write(f"{pair.work}\n")
            rows.append(measure(pair, pixels, options.rounds))
    rows += [network_row(name) for name in ("unet", "l2hnet")]
    write_text(options.table, page(rows, options))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=6000, help="side of the square raster, px")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--table", type=Path, default=HERE.parent / "docs" / "benchmarks" / "speed.md")
    return parser.parse_args()


def classes(grid: Grid) -> np.ndarray:
    """A class map with patches of many sizes, uint8 [H, W]: a few Voronoi cells, then small objects."""
    rng = np.random.default_rng(0)
    coarse = rng.choice(LEGEND.values, size=(-(-grid.height // 60), -(-grid.width // 60)))
    values = np.repeat(np.repeat(coarse, 60, 0), 60, 1)[: grid.height, : grid.width].astype("uint8")
    for row, col in zip(rng.integers(0, grid.height, 40_000), rng.integers(0, grid.width, 40_000), strict=True):
        values[row : row + 7, col : col + 5] = LEGEND.values[(row + col) % len(LEGEND)]
    return values


def pairs(folder: Path, grid: Grid) -> Iterator[Pair]:
    values = classes(grid)
    store = BlockStore(folder / "map", grid, grid.height)
    (block,) = store.blocks
    write_raster(store.path(block), values[None], grid, block.window, nodata=0, legend=LEGEND)
    yield cog_pair(folder, store, block.window)
    yield zonal_pair(store.path(block), grid)
    yield warp_pair(folder, grid)
    yield roads_pair(grid)


def cog_pair(folder: Path, store: BlockStore, window: Window) -> Pair:
    """A COG with mode overviews: rio-cogeo's translation of the same file."""
    source, ours, theirs = store.path(store.blocks[0]), folder / "ours.tif", folder / "theirs.tif"
    profile = cog_profiles.get("deflate")

    def translate() -> Path:
        cog_translate(
            source, theirs, profile, nodata=0, overview_resampling="mode", quiet=True, in_memory=False,
            config={"GDAL_NUM_THREADS": "1"},
        )  # fmt: skip
        return theirs

    def write() -> Path:
        write_cog(ours, store, window, CogStyle(0, "mode", LEGEND))
        return ours

    return Pair("city COG, DEFLATE, mode overviews", "rio-cogeo", write, translate, _same_pixels)


def zonal_pair(path: Path, grid: Grid) -> Pair:
    """Pixels per class in one zone: exactextract's fractions of the same raster."""
    zone = shapely.box(*grid.bounds())
    table = geopandas.GeoDataFrame({"zone": [1]}, geometry=[zone], crs=grid.crs)

    def count() -> np.ndarray:
        total = np.zeros(len(LEGEND) + 1, "int64")
        with open_raster(path) as data:
            for strip in grid.tiles(1024):
                codes = read_window(data, strip).values[0]
                total += row_counts(codes, np.ones(codes.shape, bool), LEGEND).sum(axis=0)
        return total[1:]

    def extract() -> np.ndarray:
        found = exact_extract(str(path), table, ["unique", "frac", "count"])[0]["properties"]
        shares = dict(zip(found["unique"], found["frac"], strict=True))
        return np.array([shares.get(value, 0.0) * found["count"] for value in LEGEND.values])

    return Pair("pixels per class of a zone", "exactextract", count, extract, lambda a, b: np.allclose(a, b, rtol=1e-6))


def warp_pair(folder: Path, grid: Grid) -> Pair:
    """A 10 m product in degrees onto the 1 m lattice, nearest: GDAL's warper.

    GDAL's transformer stays an approximation even with tolerance 0 (rasterio 1.4): places are off by up to 0.01 source
    pixels, and 0.7 % of the pixels get their neighbour's code. Ours are exact, so the answers agree but for those.
    """
    size = 1 / 12000
    side = int(grid.width / 8) + 600
    source = Grid("EPSG:4326", 116.99, 30.02, size, side, side)
    rng = np.random.default_rng(1)
    codes = rng.choice(load_legend("worldcover").values, size=source.shape).astype("uint8")
    path = folder / "worldcover.tif"
    write_raster(path, codes[None], source, source.window, nodata=0)
    product = ProductSettings(name="esa", legend="worldcover", paths=(path.name,), licence="generated")
    sheets = list_sheets(product, folder, grid)

    def ours() -> np.ndarray:
        return product_codes(product, sheets, grid, grid.window, "whole")[0]

    def gdal() -> np.ndarray:
        out = np.zeros(grid.shape, "uint8")
        with rasterio.open(path) as data:
            reproject(
                rasterio.band(data, 1), out, dst_transform=grid.transform, dst_crs=grid.crs,
                resampling=Resampling.nearest, tolerance=0, num_threads=1,
            )  # fmt: skip
        return out

    return Pair("10 m product in degrees → 1 m lattice", "GDAL warp", ours, gdal, partial(_nearly_equal, share=0.02))


def roads_of(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Two thousand straight roads across a grid, and half their widths in metres."""
    rng = np.random.default_rng(2)
    left, bottom, right, top = grid.bounds()
    ends = rng.uniform((left, bottom, left, bottom), (right, top, right, top), size=(2000, 4))
    lines = shapely.linestrings(ends.reshape(-1, 2, 2))
    return lines, rng.uniform(2, 7, len(lines))


def roads_pair(grid: Grid) -> Pair:
    """Roads at full width: rasterio's rasterize of the same buffered lines, whole."""
    lines, half = roads_of(grid)
    vectors = Vectors(lines, half, np.ones(len(lines), bool), np.empty(0, object))
    settings = VectorSettings()

    def ours() -> np.ndarray:
        return rasterise(vectors, grid, grid.window, settings)[1] == 1

    def theirs() -> np.ndarray:
        shapes = shapely.buffer(lines, half)
        rings = shapely.buffer(lines, half * settings.road_ring_factor + settings.road_ring_m)
        cores = shapely.buffer(lines, half * settings.road_core_share)
        full, _, _ = (
            rasterize(kind, grid.shape, transform=grid.transform, dtype="uint8") for kind in (shapes, rings, cores)
        )
        return full == 1

    return Pair("2,000 long roads: core, ring, full width", "shapely + rasterio", ours, theirs, _nearly_equal)


def _same_pixels(first: object, second: object) -> bool:
    with rasterio.open(first) as a, rasterio.open(second) as b:
        return bool(np.array_equal(a.read(1), b.read(1)) and a.overviews(1) and b.overviews(1))


def _nearly_equal(first: object, second: object, share: float = 1e-4) -> bool:
    return bool(np.mean(np.asarray(first) != np.asarray(second)) < share)


def measure(pair: Pair, pixels: int, rounds: int) -> tuple[str, ...]:
    """One row: after a compared warm-up, `rounds` runs of each in turn."""
    if not pair.same(pair.ours(), pair.theirs()):
        raise SystemExit(f"{pair.work}: {pair.peer} gives another answer, so the times say nothing")
    times = [(_seconds(pair.ours), _seconds(pair.theirs)) for _ in range(rounds)]
    ours, theirs = (median(column) for column in zip(*times, strict=True))
    ratio = median(a / b for a, b in times)
    return pair.work, pair.peer, *(f"{pixels / 1e6 / s:.1f}" for s in (ours, theirs)), f"{ratio:.2f}"


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def network_row(name: str) -> tuple[str, ...]:
    """Prediction of one window of 512 px with its halo, one thread; kept pixels count, the halo does not."""
    network = build_network(name, 3, len(LEGEND), width=32)
    predictor = Predictor.of(network, Normalisation((0.0,) * 3, (1.0,) * 3), precision="32-true")
    side = 512 + 2 * network.halo
    values = np.random.default_rng(3).integers(0, 256, (3, side, side)).astype("uint8")
    patch = Patch(values, np.ones((side, side), bool), Window(0, side, 0, side))
    predictor.probabilities([patch], rim=network.halo)
    seconds = median(_seconds(lambda: predictor.probabilities([patch], rim=network.halo)) for _ in range(5))
    return f"prediction, {name} width 32, windows of 512 px", "–", f"{512**2 / 1e6 / seconds:.2f}", "–", "–"


def page(rows: list[tuple[str, ...]], options: argparse.Namespace) -> str:
    cores = len(os.sched_getaffinity(0))
    head = (
        f"Made by `benchmarks/speed.py`: {options.side} × {options.side} px, one thread, median of {options.rounds} "
        f"runs in turn, on {cores} cores of {processor()}, Python {platform.python_version()}, "
        f"GDAL {rasterio.__gdal_version__}, torch {torch.__version__}. Processor seconds; ratio: "
        "ours over the peer's, below 1 is faster. Both answers are compared before anything is timed."
    )
    table = ["| Work | Peer | Ours, Mpx/s | Peer, Mpx/s | Ratio |", "|---|---|---|---|---|"]
    table += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(["# Speed", "", head, "", *table, ""])


def processor() -> str:
    """What the system calls its processor."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
