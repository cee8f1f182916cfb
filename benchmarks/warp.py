#!/usr/bin/env python3
"""A 10 m product in degrees onto the 1 m lattice, nearest: ours beside GDAL, each in a process of its own.

    python benchmarks/warp.py [--side 3000] [--rounds 3]

Prints processor seconds without start-up (of `gdalwarp`, the whole process: its start is a few hundredths), Mpx per
processor second and, of the Python processes, peak memory (of `gdalwarp` the kernel would tell this script's own, which
started it). `gdalwarp` also writes a file, uncompressed; the others hand over an array.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))
from speed import warp_pair

from l2h.core.grid import Grid


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inner", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    grid = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, options.side, options.side)
    if options.inner:
        pair = warp_pair(options.folder, grid)
        began = time.process_time()
        getattr(pair, options.inner)()
        print(time.process_time() - began)
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        warp_pair(Path(scratch), grid)  # writes the product
        found: dict[str, list[tuple[float, float]]] = {}
        for _ in range(options.rounds):
            for name, command in contenders(Path(scratch), grid, options.side).items():
                found.setdefault(name, []).append(measure(command))
    for name, runs in found.items():
        seconds, memory = median(s for s, _ in runs), median(m for _, m in runs)
        told = "" if name.startswith("gdalwarp") else f"  {memory:6.0f} MB"
        print(f"{name:<32} {seconds:6.2f} s  {grid.window.pixels / 1e6 / seconds:7.1f} Mpx/s{told}")
    return 0


def contenders(folder: Path, grid: Grid, side: int) -> dict[str, list[str]]:
    me = [sys.executable, __file__, "--side", str(side), "--folder", str(folder), "--inner"]
    named = {"ours": [*me, "ours"], "rasterio reproject, tolerance 0": [*me, "theirs"]}
    left, bottom, right, top = map(str, grid.bounds())
    warp = ["gdalwarp", "-q", "-overwrite", "-t_srs", grid.crs, "-te", left, bottom, right, top, "-tr", "1", "1"]
    files = [str(folder / "worldcover.tif"), str(folder / "out.tif")]
    if shutil.which("gdalwarp"):
        named |= {"gdalwarp": [*warp, *files], "gdalwarp -et 0 (exact)": [*warp, "-et", "0", *files]}
    return named


def measure(command: list[str]) -> tuple[float, float]:
    """Processor seconds (as printed, else of the whole process) and peak memory in MB of a command."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with status {process.returncode}")
    return float(said) if said else usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
