"""Capture time of the images: a map, tiles per year, pixels per month (Fig. 5 of the guide of SinoLC-1)."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from l2h.core.files import read_json
from l2h.core.grid import Grid
from l2h.core.raster import write_raster
from l2h.core.tasks import Made
from l2h.product.desk import scene_months
from l2h.report.digest import overview_factor
from l2h.report.figures.frame import draw_outlines, map_axes, show
from l2h.report.figures.nation import drawn_bounds, map_height
from l2h.report.figures.outlines import Outlines, read_outlines
from l2h.report.figures.plate import DIM, INK, WIDTH_IN, new_figure, save, style, write_data
from l2h.report.numbers import count
from l2h.report.overview import Overview
from l2h.report.pictures import hatch

STEM = "capture-time"
UNDATED = "undated"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NO_SCENE = 0


def draw_capture(work: Path, grid: Grid, folder: Path) -> Made:
    """Task: capture-time.pdf, .png; .tif, the month of each cell that is drawn; .json, the counts of the bars."""
    months = scene_months(work / "layers" / "scenes.json")
    data = capture_data(read_json(work / "report" / "tiles.json"), months)
    overview = Overview.load(work / "report" / "overview.npz")
    stamps = cell_months(overview.scene, months)
    with style():
        told = save(capture_figure(data, stamps, overview.scene, grid, read_outlines(work, grid)), folder, STEM)
    coarse = grid.coarsen(overview_factor(grid))
    write_raster(folder / f"{STEM}.tif", stamps[None], coarse, coarse.window, nodata=0)
    write_data(folder / f"{STEM}.json", {"raster": f"{STEM}.tif", **data})
    return Made(info=told)


def cell_months(scene: Any, months: dict[int, int]) -> Any:
    """uint32 [h, w]: YYYYMM of the scene at each cell's first pixel; 0 where there is none or it has no date."""
    lut = np.zeros(int(max([*months, int(scene.max(initial=0))], default=0)) + 1, "uint32")
    for index, month in months.items():
        lut[index] = month
    return lut[scene]


def capture_data(tiles: dict[str, Any], months: dict[int, int]) -> dict[str, Any]:
    """{"tile_pixels", "years": [{"year", "tiles", "pixels"}], "months": [{"month", "pixels"}], "undated_share"}.

    A tile counts for the year that most of its pixels were captured in, the earlier on a tie; "undated" is one too.
    """
    by_tile: dict[tuple[int, int], Counter[str]] = {}
    by_year: Counter[str] = Counter()
    by_month: Counter[int] = Counter()
    for row, col, scene, pixels in tiles["tiles"]:
        stamp = months.get(scene, 0)
        year = str(stamp // 100) if stamp else UNDATED
        by_tile.setdefault((row, col), Counter())[year] += pixels
        by_year[year] += pixels
        by_month[stamp % 100] += pixels
    main = Counter(min(years, key=lambda y: (-years[y], y)) for years in by_tile.values())
    total = sum(by_year.values())
    names = sorted(set(by_year), key=lambda y: (y == UNDATED, y))
    return {
        "tile_pixels": tiles["side"],
        "years": [{"year": y, "tiles": main[y], "pixels": by_year[y]} for y in names],
        "months": [{"month": m, "pixels": by_month[m]} for m in range(1, 13)],
        "undated_share": by_year[UNDATED] / total if total else 0.0,
    }


def capture_figure(data: dict[str, Any], stamps: Any, scene: Any, grid: Grid, outlines: Outlines) -> Any:
    """Map on the left, bars on the right."""
    years = [row["year"] for row in data["years"] if row["year"] != UNDATED]
    colours = year_colours(years)
    figure = new_figure(min(7.0, max(3.1, map_height(grid, 0.56 * WIDTH_IN) + 0.8)))
    left, right = figure.subfigures(1, 2, width_ratios=(1.35, 1))
    axes = left.subplots()
    show(axes, capture_picture(stamps, scene, colours), drawn_bounds(grid))
    draw_outlines(axes, outlines.provinces.values(), 1.3, "white")
    draw_outlines(axes, outlines.provinces.values(), 0.4)
    map_axes(axes, grid)
    axes.set_title("(a) Year of the image, colours as in (b)")
    above, below = right.subplots(2, 1)
    draw_years(above, data, colours)
    draw_months(below, data)
    return figure


def year_colours(years: list[str]) -> dict[str, str]:
    """Light for old, dark for new, so that they keep their order in grey."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    ramp = colormaps["viridis_r"]
    spread = np.linspace(0.05, 0.8, len(years)) if len(years) > 1 else [0.5] * len(years)
    return {year: to_hex(ramp(float(t))) for year, t in zip(years, spread, strict=True)}


def capture_picture(stamps: Any, scene: Any, colours: dict[str, str]) -> Any:
    """uint8 [H, W, 3]: the colour of each cell's year; undated hatched; white where there is no image."""
    from matplotlib.colors import to_rgb

    picture = np.where(hatch(*stamps.shape)[..., None], 255, 150).astype("uint8") * np.ones(3, "uint8")
    for year, colour in colours.items():
        picture[stamps // 100 == int(year)] = np.rint(255 * np.array(to_rgb(colour)))
    picture[scene == NO_SCENE] = 255
    return picture


def draw_years(axes: Any, data: dict[str, Any], colours: dict[str, str]) -> None:
    """Bars of tiles per year, with their numbers; undated tiles hatched."""
    rows = data["years"]
    for place, row in enumerate(rows):
        look: dict[str, Any] = {"color": colours.get(row["year"], "white"), "edgecolor": INK, "linewidth": 0.5}
        if row["year"] == UNDATED:
            look["hatch"] = "//////"
        axes.bar(place, row["tiles"], width=0.7, **look)
        words, turn = f" {count(row['tiles'])}", 90 if len(rows) > 6 else 0
        axes.text(place, row["tiles"], words, ha="center", va="bottom", fontsize=6, rotation=turn)
    axes.set_xticks(range(len(rows)), [row["year"] for row in rows], rotation=90 if len(rows) > 6 else 0)
    side = data["tile_pixels"]
    _bare(axes, "(b) Tiles per year", f"tiles of {side} × {side} pixels")


def draw_months(axes: Any, data: dict[str, Any]) -> None:
    """Share of the dated pixels captured in each month: the season that the map shows."""
    pixels = np.array([row["pixels"] for row in data["months"]], float)
    axes.bar(range(12), 100 * pixels / max(1.0, pixels.sum()), width=0.7, color=DIM)
    axes.set_xticks(range(12), [name[0] for name in MONTHS])
    _bare(axes, "(c) Dated pixels by month", "%")


def _bare(axes: Any, title: str, unit: str) -> None:
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.margins(y=0.24)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
