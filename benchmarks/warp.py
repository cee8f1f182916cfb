#!/usr/bin/env python3
"""What makes layers out of sources, beside GDAL's command-line tools doing the same work: each in its own process.

    python benchmarks/warp.py [--side 3000] [--rounds 3] [--table docs/benchmarks/warp.md]

A 10 m product in degrees onto the 1 m lattice, nearest; two thousand roads drawn as core, full width and ring. Given
are processor seconds without start-up (of GDAL's tools, the whole process: its start is a few hundredths), Mpx per
processor second, and peak memory, libraries included. GDAL's tools also write a file, uncompressed; the others hand
over an array. `gdal_rasterize` gets the roads buffered beforehand and is run once for each of the three kinds.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import geopandas
import rasterio
import shapely

sys.path.insert(0, str(Path(__file__).parent))
from speed import Pair, processor, roads_of, roads_pair, warp_pair

from l2h.core.files import write_text
from l2h.core.grid import Grid
from l2h.labels.settings import VectorSettings

PAIRS = {"warp": warp_pair, "roads": lambda folder, grid: roads_pair(grid)}
KINDS = ("full", "ring", "core")
POLL_S = 0.002


def main() -> int:
    options = _parse()
    grid = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, options.side, options.side)
    if options.inner:
        work, whose = options.inner.split("-")
        pair: Pair = PAIRS[work](options.folder, grid)
        began = time.process_time()
        getattr(pair, whose)()
        sys.stdout.write(f"{time.process_time() - began}\n")
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        warp_pair(folder, grid)  # writes the product
        write_roads(folder, grid)
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        for _ in range(options.rounds):
            for key, commands in contenders(folder, grid, options.side).items():
                parts = [measure(command) for command in commands]
                found.setdefault(key, []).append((sum(s for s, _ in parts), max(mb for _, mb in parts)))
    write_text(options.table, page(found, grid, options))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--table", type=Path, default=Path(__file__).parent.parent / "docs" / "benchmarks" / "warp.md")
    parser.add_argument("--inner", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def write_roads(folder: Path, grid: Grid) -> None:
    """The roads at their three widths, a file of each."""
    lines, half = roads_of(grid)
    settings = VectorSettings()
    widths = half, half * settings.road_ring_factor + settings.road_ring_m, half * settings.road_core_share
    for kind, width in zip(KINDS, widths, strict=True):
        geopandas.GeoSeries(shapely.buffer(lines, width), crs=grid.crs).to_file(folder / f"{kind}.gpkg")


def contenders(folder: Path, grid: Grid, side: int) -> dict[tuple[str, str], list[list[str]]]:
    me = [sys.executable, __file__, "--side", str(side), "--folder", str(folder), "--inner"]
    named = {
        ("product", "ours"): [[*me, "warp-ours"]],
        ("product", "rasterio's `reproject`, tolerance 0"): [[*me, "warp-theirs"]],
        ("roads", "ours"): [[*me, "roads-ours"]],
        ("roads", "shapely's `buffer`, rasterio's `rasterize`"): [[*me, "roads-theirs"]],
    }
    left, bottom, right, top = map(str, grid.bounds())
    place = ["-q", "-te", left, bottom, right, top, "-tr", "1", "1"]
    out = str(folder / "out.tif")
    if shutil.which("gdalwarp"):
        warp = ["gdalwarp", "-overwrite", "-t_srs", grid.crs, *place]
        files = [str(folder / "worldcover.tif"), out]
        named["product", "`gdalwarp`"] = [[*warp, *files]]
        named["product", "`gdalwarp -et 0`, exact"] = [[*warp, "-et", "0", *files]]
    if shutil.which("gdal_rasterize"):
        draw = ["gdal_rasterize", "-burn", "1", "-ot", "Byte", *place]
        named["roads", "`gdal_rasterize`, buffered beforehand"] = [
            [*draw, str(folder / f"{kind}.gpkg"), str(folder / f"{kind}.tif")] for kind in KINDS
        ]
    return named


def measure(command: list[str]) -> tuple[float, float]:
    """Processor seconds (as printed, else of the whole process) and peak memory in MB of a command.

    The peak is that of the program alone: what wait4 tells begins with the memory of whoever started it.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said)
        peak, done = 0.0, 0
        while not done:
            peak = max(peak, peak_of(process.pid))
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            time.sleep(POLL_S)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with status {process.returncode}")
    return float(text) if command[0] == sys.executable else usage.ru_utime + usage.ru_stime, peak


def peak_of(pid: int) -> float:
    """The most memory a running program has had since it began, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def page(found: dict[tuple[str, str], list[tuple[float, float]]], grid: Grid, options: argparse.Namespace) -> str:
    tools = subprocess.run(["gdalinfo", "--version"], capture_output=True, text=True, check=False).stdout.split(",")[0]
    head = (
        f"Made by `benchmarks/warp.py`: {options.side} × {options.side} px of 1 m, each in a process of its own, in "
        f"turn, median of {options.rounds}, one thread of {len(os.sched_getaffinity(0))} cores of {processor()}, other "
        f"work beside it, Python {platform.python_version()}, GDAL {rasterio.__gdal_version__} in rasterio, {tools} as "
        "tools. Seconds are the processor's. GDAL's tools also write a file, uncompressed."
    )
    rows = ["| Work | Whose | Seconds | Mpx/s | Peak memory, MB |", "|---|---|---|---|---|"]
    for (work, name), runs in sorted(found.items(), key=lambda item: item[0][0]):
        seconds, memory = median(s for s, _ in runs), median(mb for _, mb in runs)
        speed = grid.window.pixels / 1e6 / seconds
        rows.append(f"| {work} | {name} | {seconds:.2f} | {speed:.1f} | {memory:.0f} |")
    return "\n".join(["# Layers beside GDAL's tools", "", head, "", *rows, "", NOTES, ""])


NOTES = """Product: 10 m in degrees onto the lattice, nearest. Ours hits the true pixel everywhere; `reproject` gives
0.7 % of the pixels their neighbour's code even with tolerance 0, `gdalwarp` is approximate, `gdalwarp -et 0` exact.
Roads: 2,000 straight ones of kilometres, drawn as core, full width and ring. Ours buffers, cuts and draws them tile by
tile, so that no pixel depends on the block; shapely and rasterio buffer and draw the whole raster at once;
`gdal_rasterize` is given the buffers."""


if __name__ == "__main__":
    raise SystemExit(main())
