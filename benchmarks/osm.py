#!/usr/bin/env python3
"""Reading OpenStreetMap at country size, beside osmium's command-line tool and bare pyosmium on the same file.

    python benchmarks/osm.py [--ways 2000000] [--extract FILE] [--rounds 3] [--table docs/benchmarks/osm.md]

A generated extract (benchmarks/osm_country.py) is read by each tool in turn, every time in a process of its own whose
processor seconds are counted and whose memory is looked at every 20 ms: its own pages, and with those of files it has
mapped (the places of the nodes), which the system can take back.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import osmium
import pyogrio
from osm_country import CELL, SOUTH, WAYS, WEST, write_country
from osmium.filter import EntityFilter, KeyFilter
from osmium.osm import NODE, RELATION, WAY

from l2h.core.crs import transformer
from l2h.core.files import write_text
from l2h.core.grid import Grid
from l2h.sources.osm_layers import write_layers

HERE = Path(__file__).parent
KEYS = ("highway", "railway", "aeroway", "building")
CRS = "EPSG:32632"


@dataclass(frozen=True)
class Run:
    """What one process took."""

    wall_s: float
    cpu_s: float
    own_mb: float
    all_mb: float


def main() -> int:
    options = _parse()
    if options.work:
        WORKS[options.work](options.extract, options.folder)
        return 0
    with tempfile.TemporaryDirectory(prefix="l2h-osm-") as name:
        folder = Path(name)
        extract = options.extract or folder / "country.osm.pbf"
        if not options.extract:
            write_country(extract, options.ways)
        write_text(options.table, page(extract, list(measured(extract, folder, options.rounds)), options))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", type=int, default=2_000_000)
    parser.add_argument("--extract", type=Path, help="a file of write_country to read instead of a new one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--table", type=Path, default=HERE.parent / "docs" / "benchmarks" / "osm.md")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _country(extract: Path, share: float) -> Grid:
    """A grid over so much of each side of the generated country, in its middle."""
    box = osmium.FileProcessor(str(extract)).header.box()
    side = (box.top_right.lon - WEST) if box.valid() else CELL * (count(extract, WAY) / WAYS) ** 0.5
    middle, half = side / 2, side / 2 * share
    corners = (WEST + middle - half, SOUTH + middle - half, WEST + middle + half, SOUTH + middle + half)
    left, bottom, right, top = transformer("EPSG:4326", CRS).transform_bounds(*corners)
    return Grid(CRS, left, top, 1.0, int(top - bottom), int(right - left))


def count(extract: Path, kind: object) -> int:
    return sum(1 for _ in osmium.FileProcessor(str(extract), kind))


def ours(extract: Path, folder: Path, share: float) -> None:
    outputs = folder / "roads.parquet", folder / "buildings.parquet", folder / "osm.json", folder / "notes.parquet"
    write_layers([extract], _country(extract, share), 100.0, outputs)


def bare(extract: Path, folder: Path) -> None:
    """What pyosmium alone takes to bring the lines of tagged ways to Python as WKB, one after the other."""
    line = osmium.geom.WKBFactory().create_linestring
    index = f"sparse_file_array,{folder / 'bare.index'}"
    processor = osmium.FileProcessor(str(extract), NODE | WAY).with_locations(index)
    for way in processor.with_filter(EntityFilter(WAY)).with_filter(KeyFilter(*KEYS)):
        line(way)
        way.tags.get("building")


def gdal(extract: Path, _: Path) -> None:
    """GDAL's driver for OpenStreetMap through Arrow: all lines and areas in degrees, whatever their tags."""
    for layer in ("lines", "multipolygons"):
        with pyogrio.open_arrow(extract, layer=layer, batch_size=16_384, use_pyarrow=True) as (_meta, reader):
            sum(len(batch) for batch in reader)


WORKS: dict[str, Callable[[Path, Path], None]] = {
    "l2h, the whole country": lambda extract, folder: ours(extract, folder, 1.05),
    "l2h, a project of a 25th of it": lambda extract, folder: ours(extract, folder, 0.2),
    "pyosmium alone: lines as WKB, nothing written": bare,
    "GDAL through pyogrio: lines and areas as Arrow, nothing written": gdal,
}


def measured(extract: Path, folder: Path, rounds: int) -> Iterator[tuple[str, list[Run]]]:
    """Each work's runs; the tools take turns."""
    runs: dict[str, list[Run]] = {}
    for _ in range(rounds):
        for work in WORKS:
            words = [sys.executable, __file__, "--work", work, "--extract", str(extract), "--folder", str(folder)]
            runs.setdefault(work, []).append(watched(words, folder))
        if shutil.which("osmium"):
            for work, words in tool_words(extract, folder).items():
                runs.setdefault(work, []).append(watched(words, folder))
    yield from runs.items()


def tool_words(extract: Path, folder: Path) -> dict[str, list[str]]:
    """osmium's own commands for the same things: shapes with tags as lines of GeoJSON, in degrees."""
    chosen = str(folder / "chosen.osm.pbf")
    wanted = [f"wr/{key}" for key in KEYS]
    return {
        "osmium tags-filter: roads and buildings to a PBF": [
            "osmium", "tags-filter", "--no-progress", "-O", "-o", chosen, str(extract), *wanted,
        ],
        "osmium export of that: GeoJSON lines": [
            "osmium", "export", "--no-progress", "-O", "-f", "geojsonseq", "-o", str(folder / "x.geojsonseq"), chosen,
        ],
    }  # fmt: skip


def watched(words: list[str], folder: Path) -> Run:
    """Run a command to its end and look at its memory."""
    for stale in folder.glob("*.index"):
        stale.unlink()
    began = time.perf_counter()
    child = subprocess.Popen(words)
    own = mapped = 0.0
    while True:
        own, mapped = (max(pair) for pair in zip((own, mapped), _memory_mb(child.pid), strict=True))
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            break
        time.sleep(0.02)
    if child.returncode:
        raise SystemExit(f"{' '.join(words)}: exit status {child.returncode}")
    run = Run(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, own, mapped)
    sys.stderr.write(f"{' '.join(words[1:4])}: {run}\n")
    return run


def _memory_mb(pid: int) -> tuple[float, float]:
    """A process's own pages, and all it has in memory."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0, 0.0
    facts = (line.partition(":") for line in lines)
    found = {key: float(text.split()[0]) / 1024 for key, _, text in facts if key in ("RssAnon", "VmRSS")}
    return found.get("RssAnon", 0.0), found.get("VmRSS", 0.0)


def page(extract: Path, rows: list[tuple[str, list[Run]]], options: argparse.Namespace) -> str:
    nodes, ways, relations = (count(extract, kind) for kind in (NODE, WAY, RELATION))
    tool = subprocess.run(["osmium", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    head = (
        f"Made by `benchmarks/osm.py`: {ways:,} ways, {nodes:,} nodes, {relations:,} relations, "
        f"{extract.stat().st_size / 1e6:.0f} MB, generated (`benchmarks/osm_country.py`); median of {options.rounds} "
        f"runs in turn on {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}, pyosmium "
        f"{version('osmium')}, {tool or 'no osmium tool'}. CPU seconds count all threads; a command's start "
        "(Python, libraries) is in them."
    )
    table = [
        "| Work | Wall, s | CPU, s | Ways/s, wall | Ways per CPU second | Own memory, MB | with mapped files, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for work, runs in rows:
        wall, cpu, own, every = (median(getattr(run, name) for run in runs) for name in Run.__dataclass_fields__)
        speed = f"{ways / wall:,.0f} | {ways / cpu:,.0f}"
        table.append(f"| {work} | {wall:.1f} | {cpu:.1f} | {speed} | {own:.0f} | {every:.0f} |")
    return "\n".join(["# Reading OpenStreetMap", "", head, "", *table, ""])


if __name__ == "__main__":
    sys.exit(main())
