"""A real 1 m map sampled, counted and compared with its own 10 m version, each answer beside one computed otherwise.

    python benchmarks/drcog.py DRCOG.tif          # writes docs/benchmarks/drcog.md

The map: 83.6 km² east of Denver, 1 m, eight classes (Denver Regional Council of Governments, 2018), in a CRS of US
survey feet. Its 10 m version is the commonest class of every 10 × 10 pixels (at a tie the one of the smaller code); a
second one is the class of one pixel of them. Both are then maps to be judged, and the 1 m map is the truth of every
pixel, so whatever a sample estimates is known whole. The other computations are numpy on whole arrays, GDAL's mode,
pyproj's geodesic area and exactextract.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
from affine import Affine
from exactextract import exact_extract
from pyproj import Geod, Transformer
from rasterio.enums import Resampling
from rasterio.features import shapes
from rasterio.io import MemoryFile

from l2h.accuracy.sampling.census import count
from l2h.accuracy.sampling.make import draw_sample
from l2h.accuracy.sampling.settings import SampleSettings
from l2h.accuracy.weighted import Drawn, mean, ratio, ratio_difference
from l2h.core.areas import NANO
from l2h.core.files import write_text
from l2h.core.grid import Grid, Window
from l2h.core.raster import grid_of, open_raster, read_window
from l2h.core.zones import zone_areas

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "drcog.md"
NAMES = {1: "structure", 2: "impervious", 3: "water", 4: "prairie", 5: "tree", 6: "turf", 7: "barren", 8: "crop"}
CELL = 10
DESIGNS = ("simple_random", "systematic", "stratified", "two_stage")
N = 600
SHOWN = "## What it shows"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("map", type=Path)
    parser.add_argument("--draws", type=int, default=60, help="samples of each design")
    parser.add_argument("--side", type=int, help="use only so many rows and columns in the middle")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args()
    ground = open_ground(options.map, options.side)
    tables = [counting(ground), ten_metres(ground), *sampling(ground, options.draws)]
    write_text(options.page, "\n\n".join([head(ground), *tables, SHOWN]) + "\n" + said_before(options.page))
    return 0


def said_before(page: Path) -> str:
    """What somebody wrote below the figures, which is kept: check it against the new ones."""
    return page.read_text("utf-8").partition(SHOWN + "\n")[2] if page.is_file() else ""


@dataclass(frozen=True, eq=False)
class Ground:
    """The 1 m map whole in memory, cut to whole cells, on its own grid."""

    grid: Grid
    truth: np.ndarray

    @cached_property
    def cells(self) -> np.ndarray:
        """uint8 [h, w, 100]: the pixels of each cell."""
        h, w = (side // CELL for side in self.grid.shape)
        return self.truth.reshape(h, CELL, w, CELL).transpose(0, 2, 1, 3).reshape(h, w, CELL * CELL)

    @cached_property
    def majority(self) -> np.ndarray:
        """uint8 [h, w]: the commonest class of each cell."""
        votes = np.stack([(self.cells == value).sum(2) for value in NAMES])
        return (votes.argmax(0) + 1).astype("uint8")

    @cached_property
    def maps(self) -> dict[str, np.ndarray]:
        """The two 10 m versions on the 1 m lattice."""
        single = self.cells[:, :, CELL * CELL // 2 + CELL // 2]
        return {"majority": refined(self.majority), "one pixel": refined(single)}


def open_ground(path: Path, side: int | None = None) -> Ground:
    with open_raster(path) as data:
        whole = grid_of(data)
        height, width = (min(n, side or n) // CELL * CELL for n in whole.shape)
        top, left = (whole.height - height) // 2, (whole.width - width) // 2
        window = Window(top, top + height, left, left + width)
        truth = read_window(data, window).values[0]
    x, _, _, y = whole.bounds(window)
    return Ground(Grid(whole.crs, x, y, whole.pixel, height, width), truth)


def refined(cells: np.ndarray) -> np.ndarray:
    return np.repeat(np.repeat(cells, CELL, 0), CELL, 1)


# --- counting ---------------------------------------------------------------------------------------------------------


def wards(grid: Grid) -> np.ndarray:
    """uint16 [H, W]: nine wards with wavy borders."""
    rows, cols = np.mgrid[: grid.height, : grid.width].astype("float32")
    wave = grid.height / 25
    across = np.clip((cols + wave * np.sin(rows / wave)) * 3 // grid.width, 0, 2)
    down = np.clip((rows + wave * np.cos(cols / wave)) * 3 // grid.height, 0, 2)
    return (1 + down * 3 + across).astype("uint16")


def count_ours(ground: Ground, zones: np.ndarray) -> dict[tuple[int, int], tuple[int, int]]:
    """(ward, class) → (pixels, 10^-9 m²), tile by tile."""
    total: dict[tuple[int, int], tuple[int, int]] = {}
    for tile in ground.grid.tiles(1024):
        part = np.s_[tile.row_start : tile.row_stop, tile.col_start : tile.col_stop]
        area = ground.grid.row_area(tile.row_start, tile.row_stop)
        for zone, found in zone_areas(ground.truth[part], zones[part], area).items():
            for value, (pixels, nano) in found.items():
                old = total.get((zone, value), (0, 0))
                total[zone, value] = (old[0] + pixels, old[1] + nano)
    return total


def geodesic_m2(grid: Grid) -> float:
    """Area of the grid's outline on the ellipsoid by pyproj, its edges followed in 2,000 steps a side."""
    left, bottom, right, top = grid.bounds()
    outline = shapely.segmentize(shapely.box(left, bottom, right, top), (right - left) / 2000)
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4269", always_xy=True)
    x, y = to_degrees.transform(*np.asarray(outline.exterior.coords).T)
    return abs(Geod(ellps="GRS80").polygon_area_perimeter(x, y)[0])


def extracted(ground: Ground, zones: np.ndarray) -> dict[tuple[int, int], float]:
    """exactextract's counts in polygons along the wards' pixel edges, from a file.

    File and polygons are in pixels, not in feet: where the edges of polygons and pixels are the same but for rounding,
    exactextract 0.3 loses pixels on them (16 of 249,588 in one ward of the first 1,500 rows and columns).
    """
    height, width = ground.grid.shape
    parts: dict[int, list[Any]] = {}
    place = Affine(1, 0, 0, 0, -1, height)
    for geometry, value in shapes(zones.astype("uint8"), transform=place):
        parts.setdefault(int(value), []).append(shapely.geometry.shape(geometry))
    outlines = [shapely.union_all(parts[zone]) for zone in sorted(parts)]
    table = geopandas.GeoDataFrame({"zone": sorted(parts)}, geometry=outlines, crs="EPSG:3035")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "map.tif"
        size = {"height": height, "width": width, "count": 1, "dtype": "uint8", "nodata": 0, "crs": "EPSG:3035"}
        with rasterio.open(path, "w", driver="GTiff", transform=place, compress="deflate", tiled=True, **size) as out:
            out.write(ground.truth, 1)
        rows = exact_extract(str(path), table, ["unique", "frac", "count"], include_cols=["zone"])
    return {
        (row["zone"], int(value)): share * row["count"]
        for row in (found["properties"] for found in rows)
        for value, share in zip(row["unique"], row["frac"], strict=True)
    }


def counting(ground: Ground) -> str:
    """Pixels by class and ward, and the area of all of it, by three ways."""
    zones = wards(ground.grid)
    ours = count_ours(ground, zones)
    table = np.bincount((zones.astype("int64") * 256 + ground.truth).ravel(), minlength=10 * 256).reshape(10, 256)
    numpy_ = {(z, v): int(table[z, v]) for z in range(1, 10) for v in (0, *NAMES)}
    off_numpy = max(abs(ours.get(key, (0, 0))[0] - n) for key, n in numpy_.items())
    theirs = extracted(ground, zones)
    # what has no class is nodata to exactextract, and is left out there
    off_theirs = max(abs(n[0] - theirs.get(key, 0.0)) for key, n in ours.items() if key[1])
    area, geodesic = sum(nano for _, nano in ours.values()) / NANO, geodesic_m2(ground.grid)
    by_class = {v: sum(ours.get((z, v), (0, 0))[1] for z in range(1, 10)) / NANO / 1e6 for v in NAMES}
    lines = ["| Class | km² |", "|---|---|", *(f"| {NAMES[v]} | {km2:.4f} |" for v, km2 in by_class.items())]
    words = (
        f"Classes in nine wards of {ground.grid.height:,} × {ground.grid.width:,} pixels. Largest difference of any "
        f"figure: {off_numpy} pixels from numpy on whole arrays, {off_theirs:.2g} pixels from exactextract. All pixels "
        f"cover {area / 1e6:.6f} km² by row areas, {geodesic / 1e6:.6f} km² by pyproj's geodesic polygon "
        f"({(area / geodesic - 1) * 1e6:+.2f} millionths); as if every pixel had 1 m² it would be "
        f"{ground.grid.window.pixels / 1e6:.6f} km²."
    )
    return "\n".join(["## Counted", "", words, "", *lines])


# --- 10 m -------------------------------------------------------------------------------------------------------------


def gdal_mode(ground: Ground) -> np.ndarray:
    """The 10 m version by GDAL's mode, as it reads a raster at a tenth of its size."""
    height, width = ground.grid.shape
    size = {"height": height, "width": width, "count": 1, "dtype": "uint8", "crs": ground.grid.crs}
    with MemoryFile() as memory:
        with memory.open(driver="GTiff", transform=ground.grid.transform, **size) as out:
            out.write(ground.truth, 1)
        with memory.open() as data:
            return data.read(1, out_shape=ground.majority.shape, resampling=Resampling.mode)


def ten_metres(ground: Ground) -> str:
    """How the 10 m versions agree with the 1 m map, class by class, every pixel counted."""
    votes = np.sort(np.stack([(ground.cells == value).sum(2) for value in NAMES]), 0)
    sole = votes[-1] > votes[-2]
    same = (gdal_mode(ground) == ground.majority)[sole].mean()
    rows = ["| | " + " | ".join(ground.maps) + " |", "|---|---|---|"]
    rows.append("| overall | " + " | ".join(f"{100 * overall(ground, m):.2f} %" for m in ground.maps) + " |")
    for value, label in NAMES.items():
        cells = [_kept(ground, mapped, value) for mapped in ground.maps.values()]
        rows.append(f"| {label} | " + " | ".join(cells) + " |")
    words = (
        f"Cells with one commonest class: {100 * sole.mean():.2f} %; on those GDAL's mode says the same in "
        f"{100 * same:.4f} %. Overall: the share of 1 m pixels whose class the 10 m version gives. By class: "
        "producer's accuracy / its area by the 10 m version over that by the 1 m map."
    )
    return "\n".join(["## Its own 10 m version", "", words, "", *rows])


def _kept(ground: Ground, mapped: np.ndarray, value: int) -> str:
    here = ground.truth == value
    if not here.any():
        return "–"
    return f"{100 * (mapped[here] == value).mean():.1f} % / {(mapped == value).sum() / here.sum():.3f}"


def overall(ground: Ground, name: str) -> float:
    return float((ground.maps[name] == ground.truth).mean())


# --- sampling ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ByClass:
    """Strata: the classes of the 10 m version, whole in memory."""

    grid: Grid
    codes: np.ndarray

    @property
    def names(self) -> dict[int, str]:
        return NAMES

    def read(self, window: Window) -> np.ndarray:
        rows, cols = window.slices_in(self.grid.window)
        return self.codes[rows, cols].astype("int64")


def settings_of(design: str, seed: int) -> SampleSettings:
    more: dict[str, Any] = {"allocation": "equal"} if design == "stratified" else {}
    more |= {"block_px": 500, "per_block": 10} if design == "two_stage" else {}
    return SampleSettings(method=design, size=N, seed=seed, **more)  # type: ignore[arg-type]


def known(ground: Ground) -> dict[str, float]:
    """What a sample estimates, from every pixel; a pixel's area differs by less than a millionth."""
    m, o = ground.maps["majority"], ground.maps["one pixel"]
    t = ground.truth
    return {
        "overall accuracy": float((m == t).mean()),
        "user's accuracy, impervious": float((t[m == 2] == 2).mean()),
        "producer's accuracy, tree": float((m[t == 5] == 5).mean()),
        "area share, structure": float((t == 1).mean()),
        "majority less one pixel, overall": float((m == t).mean() - (o == t).mean()),
    }


def estimated(ground: Ground, drawn: Drawn, rows: np.ndarray, cols: np.ndarray) -> dict[str, Any]:
    """The same at the points of a sample."""
    t, m, o = (a[rows, cols] for a in (ground.truth, ground.maps["majority"], ground.maps["one pixel"]))
    ones = np.ones(len(t))
    right, other = ((a == t).astype("float64") for a in (m, o))
    return {
        "overall accuracy": mean(drawn, right),
        "user's accuracy, impervious": ratio(drawn, right * (m == 2), (m == 2) * 1.0),
        "producer's accuracy, tree": ratio(drawn, right * (t == 5), (t == 5) * 1.0),
        "area share, structure": mean(drawn, (t == 1) * 1.0),
        "majority less one pixel, overall": ratio_difference(drawn, (right, ones), (other, ones)),
    }


def sampling(ground: Ground, draws: int) -> Iterator[str]:
    """How often 95 % intervals of samples of the map hold what every pixel says."""
    strata, truth = ByClass(ground.grid, ground.maps["majority"]), known(ground)
    census = count(strata)
    yield (
        f"## Sampled\n\n{N} points, drawn {draws} times by each design with the machinery of `l2h sample`; strata are "
        "the classes of the 10 m version (equal numbers), blocks of two stages 500 px with 10 points. The figure "
        "estimated is known from every pixel. Share of 95 % intervals that hold it (binomial noise of such a share: "
        f"± {196 * (0.95 * 0.05 / draws) ** 0.5:.1f} points); mean standard error told over the spread seen."
    )
    lines = [
        "| Figure | Known | " + " | ".join(d.replace("_", " ") for d in DESIGNS) + " |",
        "|---|---|---|---|---|---|",
    ]
    found = {design: _many(ground, strata, census, design, draws) for design in DESIGNS}
    for name, value in truth.items():
        cells = [_held(found[design], name, value) for design in DESIGNS]
        lines.append(f"| {name} | {100 * value:.2f} % | " + " | ".join(cells) + " |")
    yield "\n".join(lines)


def _many(ground: Ground, strata: ByClass, census: Any, design: str, draws: int) -> list[dict[str, Any]]:
    began = time.process_time()
    results = []
    for seed in range(draws):
        sample = draw_sample(strata, settings_of(design, seed), "", census)
        pixels = sample.pixels
        column = pixels.block if design == "two_stage" else pixels.stratum
        drawn = sample.design.drawn(column, design)
        results.append(estimated(ground, drawn, pixels.rows, pixels.cols))
    sys.stderr.write(f"{design}: {time.process_time() - began:.0f} s\n")
    return results


def _held(results: list[dict[str, Any]], name: str, value: float) -> str:
    mine = [r[name] for r in results if r[name].value is not None and r[name].low is not None]
    held = np.mean([e.low <= value <= e.high for e in mine])
    told = np.mean([e.standard_error for e in mine]) / np.std([e.value for e in mine])
    return f"{100 * held:.1f} %, {told:.2f}"


def head(ground: Ground) -> str:
    grid = ground.grid
    km2 = grid.row_area(0, grid.height).sum() * grid.width / 1e6
    return (
        "# A real 1 m map against its own 10 m version\n\n"
        "Made by `benchmarks/drcog.py` from the 2018 land cover of the Denver Regional Council of Governments, "
        f"{km2:.1f} km² in the middle of it: {grid.height:,} × {grid.width:,} pixels of {grid.pixel:.6f} US survey "
        "feet, eight classes. The 1 m map is the truth here, and its 10 m versions are what is judged: the commonest "
        "class of every 10 × 10 pixels, and the class of one pixel of them."
    )


if __name__ == "__main__":
    sys.exit(main())
