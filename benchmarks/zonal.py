"""Pixels and areas of classes by zone, beside exactextract's coverage fractions on the same file in the same run.

    python benchmarks/zonal.py                   # writes docs/benchmarks/zonal.md
    python benchmarks/zonal.py --sides 2000 4000

A country of wavy cities is drawn, once as a raster of labels and once as polygons that follow its pixels' edges; with
those, a pixel lies whole inside one city, so that coverage fractions and pixel counts must agree to rounding. A third
set of polygons keeps the smooth outlines: there the answers differ by the pixels on the rim, and by how much is told.
Each measurement is a process of its own, so that its peak memory is its own. Seconds are those of the processor, since
other work may share the machine; both sides use one thread.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
from exactextract import exact_extract
from rasterio.features import rasterize, shapes
from rasterio.windows import Window as Box

from l2h.core.files import write_text
from l2h.core.grid import Grid, Window
from l2h.core.legend import load_legend
from l2h.core.raster import open_raster, read_window
from l2h.core.zones import zone_areas

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "zonal.md"
VALUES = load_legend("sinolc1").values
TILE = 2048  # of what is in memory at a time; the files' own tiles are 512
CITIES = 5  # along a side
Counts = dict[str, float]  # "zone value" → pixels


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[2000, 4000, 8000, 16000])
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument(
        "--one", nargs=2, metavar=("WORK", "FOLDER"), help="one measurement, as JSON on standard output"
    )
    options = parser.parse_args()
    if options.one:
        return _one(*options.one)
    rows = []
    for side in options.sides:
        with tempfile.TemporaryDirectory(prefix="l2h-zonal-") as scratch:
            write_country(Path(scratch), side)
            found = {work: _measured(work, scratch) for work in WORKS}
        rows.append((side, found))
        sys.stderr.write(f"{side}: " + ", ".join(f"{w} {f['cpu_s']:.2f} s" for w, f in found.items()) + "\n")
    write_text(options.page, page(rows))
    return 0


def grid_of_side(side: int) -> Grid:
    return Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, side, side)


def write_country(folder: Path, side: int) -> None:
    """map.tif and zones.tif, written by windows; edges.gpkg and smooth.gpkg, the cities as polygons."""
    grid = grid_of_side(side)
    rng = np.random.default_rng(0)
    (folder / "grid.json").write_text(json.dumps(grid.to_dict()))
    common = {
        "driver": "GTiff", "width": side, "height": side, "count": 1, "crs": grid.crs, "transform": grid.transform,
        "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "nodata": 0,
    }  # fmt: skip
    smooth = cities(side, grid)
    smooth.to_file(folder / "smooth.gpkg")
    zones = rasterize(zip(smooth.geometry, smooth["zone"], strict=True), grid.shape, transform=grid.transform)
    with rasterio.open(folder / "zones.tif", "w", dtype="uint16", **common) as out:
        out.write(zones.astype("uint16"), 1)
    parts: dict[int, list[Any]] = {}
    for geometry, value in shapes(zones.astype("uint8"), zones > 0, transform=grid.transform):
        parts.setdefault(int(value), []).append(shapely.geometry.shape(geometry))
    edges = [shapely.union_all(parts[zone]) for zone in sorted(parts)]
    geopandas.GeoDataFrame({"zone": sorted(parts)}, geometry=edges, crs=grid.crs).to_file(folder / "edges.gpkg")
    with rasterio.open(folder / "map.tif", "w", dtype="uint8", **common) as out:
        for tile in grid.tiles(TILE):
            box = Box(tile.col_start, tile.row_start, tile.width, tile.height)
            out.write(classes(rng, tile), 1, window=box)


def cities(side: int, grid: Grid) -> geopandas.GeoDataFrame:
    """5 × 5 cities with wavy common borders, cut to the grid."""
    step, along = side / CITIES, np.linspace(0, side, 400)
    wave = [step * 0.12 * np.sin(along / step * (3 + k) + k) for k in range(2 * CITIES)]
    pairs = [(k * step + wave[k], along) for k in range(1, CITIES)]
    pairs += [(along, k * step + wave[k + CITIES]) for k in range(1, CITIES)]
    lines = [shapely.linestrings(np.stack(pair, 1)) for pair in pairs]
    frame = shapely.box(0, 0, side, side)
    faces = shapely.get_parts(shapely.polygonize([shapely.node(shapely.union_all([frame.exterior, *lines]))]))
    moved = shapely.transform(faces, lambda p: p * [1, -1] + [grid.x, grid.y])
    return geopandas.GeoDataFrame({"zone": range(1, len(moved) + 1)}, geometry=moved, crs=grid.crs)


def classes(rng: np.random.Generator, tile: Window) -> np.ndarray:
    """Fields of 60 px with small objects in them, uint8 [H, W]."""
    coarse = rng.choice(VALUES, size=(-(-tile.height // 60), -(-tile.width // 60)))
    values = np.repeat(np.repeat(coarse, 60, 0), 60, 1)[: tile.height, : tile.width].astype("uint8")
    for _ in range(tile.pixels // 900):
        row, col = int(rng.integers(tile.height)), int(rng.integers(tile.width))
        values[row : row + 7, col : col + 5] = VALUES[(row + col) % len(VALUES)]
    return values


def count_labels(folder: Path) -> Counts:
    """Ours, from the map and the raster of labels."""
    grid = Grid.from_dict(json.loads((folder / "grid.json").read_text()))
    with open_raster(folder / "zones.tif") as zones:
        return _counted(folder, grid, lambda tile: read_window(zones, tile).values[0])


def count_burnt(folder: Path) -> Counts:
    """Ours, with the labels burnt from the smooth polygons on the way."""
    grid = Grid.from_dict(json.loads((folder / "grid.json").read_text()))
    table = geopandas.read_file(folder / "smooth.gpkg")
    pairs = list(zip(table.geometry, table["zone"], strict=True))

    def burn(tile: Window) -> np.ndarray:
        return rasterize(pairs, tile.shape, transform=grid.window_transform(tile), dtype="uint16")

    return _counted(folder, grid, burn)


def _counted(folder: Path, grid: Grid, labels: Callable[[Window], np.ndarray]) -> Counts:
    total: dict[str, float] = {}
    with open_raster(folder / "map.tif") as data:
        for tile in grid.tiles(TILE):
            codes = read_window(data, tile).values[0]
            for zone, found in zone_areas(codes, labels(tile), grid.row_area(tile.row_start, tile.row_stop)).items():
                for value, (pixels, _) in found.items():
                    total[f"{zone} {value}"] = total.get(f"{zone} {value}", 0) + pixels
    return total


def extract_edges(folder: Path) -> Counts:
    return _extracted(folder, "edges.gpkg")


def extract_smooth(folder: Path) -> Counts:
    return _extracted(folder, "smooth.gpkg")


def _extracted(folder: Path, outlines: str) -> Counts:
    """exactextract's coverage fractions: pixels of each value, the rim's by their share inside."""
    table = geopandas.read_file(folder / outlines)
    found = exact_extract(str(folder / "map.tif"), table, ["unique", "frac", "count"], include_cols=["zone"])
    rows = [feature["properties"] for feature in found]
    return {
        f"{row['zone']} {int(value)}": share * row["count"]
        for row in rows
        for value, share in zip(row["unique"], row["frac"], strict=True)
    }


WORKS: dict[str, Callable[[Path], Counts]] = {
    "labels": count_labels, "burnt": count_burnt, "edges": extract_edges, "smooth": extract_smooth,
}  # fmt: skip


def _one(work: str, folder: str) -> int:
    began, cpu = time.perf_counter(), time.process_time()
    counts = WORKS[work](Path(folder))
    told = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu, "counts": counts}
    sys.stdout.write(json.dumps(told | {"peak_mb": _peak_mb()}))
    return 0


def _peak_mb() -> float:
    """The most memory this program held; getrusage would tell that of the process it was forked from, too."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def _measured(work: str, folder: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.zonal", "--one", work, folder]
    done = subprocess.run(command, cwd=Path(__file__).resolve().parents[1], capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def apart(one: Counts, other: Counts) -> tuple[float, float]:
    """Largest difference of a figure in pixels, and the sum of all as a share of the pixels."""
    off = [abs(one.get(key, 0) - other.get(key, 0)) for key in {*one, *other}]
    return max(off), sum(off) / sum(one.values())


def page(rows: list[tuple[int, dict[str, Any]]]) -> str:
    from benchmarks.speed import processor  # it brings torch, which no measurement here shall hold in memory

    head = (
        f"Made by `benchmarks/zonal.py` on {processor()}, Python {platform.python_version()}, GDAL "
        f"{rasterio.__gdal_version__}: classes of a map (uint8, DEFLATE, tiles of 512) in {CITIES**2} cities with wavy "
        "borders. Seconds of one processor, one process a figure; peak memory is the whole process, libraries included."
    )
    names = ("Map, px", "Ours, from labels", "Ours, burning polygons", "exactextract", "Times faster", "Ours, MB")
    table = ["| " + " | ".join([*names, "exactextract, MB"]) + " |", "|---|---|---|---|---|---|---|"]
    table += [_row(side, found) for side, found in rows]
    return "\n".join(["# Counting by zone", "", head, "", *table, "", *_words(rows), ""])


def _row(side: int, found: dict[str, Any]) -> str:
    cpu = {work: told["cpu_s"] for work, told in found.items()}
    fast = " / ".join(f"{cpu['edges'] / cpu[ours]:.1f}" for ours in ("labels", "burnt"))
    cells = [f"{side:,} × {side:,}", *(f"{cpu[w]:.2f} s" for w in ("labels", "burnt", "edges")), fast]
    return "| " + " | ".join([*cells, *(f"{found[w]['peak_mb']:.0f}" for w in ("labels", "edges"))]) + " |"


def _words(rows: list[tuple[int, dict[str, Any]]]) -> Iterator[str]:
    same = [apart(found["labels"]["counts"], found["edges"]["counts"]) for _, found in rows]
    rim = [apart(found["burnt"]["counts"], found["smooth"]["counts"]) for _, found in rows]
    cpu = [found["smooth"]["cpu_s"] / found["burnt"]["cpu_s"] for _, found in rows]
    yield (
        "- Times faster: exactextract's seconds over ours from labels / over ours burning the polygons first. What we "
        "pay once a process (PROJ's database, for true areas) is in our seconds, and rules the smallest map."
    )
    yield (
        f"- Polygons on pixel edges: the largest difference of any class in any city is {max(s[0] for s in same):.2g} "
        "pixels, the rounding of exactextract's fractions."
    )
    yield (
        "- Smooth polygons: a pixel belongs to the city that holds its centre, here, and by its covered share, there. "
        f"All differences together are {', '.join(f'{100 * r[1]:.3f} %' for r in rim)} of the pixels (sizes as above), "
        f"the largest of one figure {max(r[0] for r in rim):.0f} pixels; exactextract took "
        f"{', '.join(f'{c:.1f}' for c in cpu)} times our seconds with the same polygons. Where a fraction of a pixel "
        "matters (coarse rasters, small zones), coverage fractions are the better answer; at 1 m cities add up to "
        "their nation only if each pixel has one owner."
    )
    yield f"- Ours reads tiles of {TILE} px, whatever the map's size; the labels are {TILE}² of uint16 beside them."


if __name__ == "__main__":
    sys.exit(main())
