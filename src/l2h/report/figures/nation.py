"""The national map with its legend (Fig. 3 of the guide of SinoLC-1)."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Grid
from l2h.core.legend import Legend, load_legend
from l2h.core.raster import write_raster
from l2h.core.tasks import Made
from l2h.report.digest import overview_factor
from l2h.report.figures.frame import draw_outlines, map_axes, middle_pixel_m, show
from l2h.report.figures.outlines import Outlines, read_outlines
from l2h.report.figures.plate import EMPTY, INK, WIDTH_IN, new_figure, save, style, write_data
from l2h.report.overview import Overview
from l2h.report.pictures import RGB, class_picture
from l2h.report.view import hexcolour

STEM = "national-map"
WHITE = 255


def draw_nation(work: Path, grid: Grid, folder: Path) -> Made:
    """Task: national-map.pdf, .png; .tif, the classes that are drawn; .json, their counts."""
    legend = load_legend("sinolc1")
    overview = Overview.load(work / "report" / "overview.npz")
    outlines = read_outlines(work, grid)
    with style():
        told = save(nation_figure(overview, grid, outlines, legend), folder, STEM)
    coarse = grid.coarsen(overview_factor(grid))
    write_raster(folder / f"{STEM}.tif", drawn_codes(overview)[None], coarse, coarse.window, legend=legend, nodata=0)
    write_data(folder / f"{STEM}.json", nation_data(overview, grid, legend))
    return Made(info=told)


def nation_data(overview: Overview, grid: Grid, legend: Legend) -> dict[str, Any]:
    """What the figure shows: the cells' side and how many of them each class has."""
    counts = np.bincount(drawn_codes(overview).ravel(), minlength=256)
    rows = [
        {"value": c.value, "class": c.label, "colour": hexcolour(c.colour), "cells": int(counts[c.value])}
        for c in legend.classes
    ]
    inside = int(((overview.codes == legend.nodata) & (overview.city > 0)).sum())
    factor = overview_factor(grid)
    return {
        "what": "commonest class of each cell, the first in order of the legend on a tie",
        "raster": f"{STEM}.tif",
        "cell_pixels": factor,
        "cell_m": round(factor * middle_pixel_m(grid, grid.bounds()), 3),
        "classes": rows,
        "cells_without_class": inside,
    }


def drawn_codes(overview: Overview) -> npt.NDArray[np.uint8]:
    """uint8 [h, w]: the classes inside the country, 0 outside: the map reaches as far as the images do."""
    return np.where(overview.city > 0, overview.codes, 0).astype("uint8")


def nation_picture(codes: npt.NDArray[np.uint8], city: npt.NDArray[np.uint16], legend: Legend) -> RGB:
    """uint8 [H, W, 3]: classes in their colours, holes hatched, outside white."""
    picture = class_picture(codes, legend)
    return np.where((city == 0)[..., None], WHITE, picture).astype("uint8")


def nation_figure(overview: Overview, grid: Grid, outlines: Outlines, legend: Legend) -> Any:
    """The figure: map above, legend below."""
    figure = new_figure(map_height(grid) + 0.75)
    axes = figure.subplots()
    show(axes, nation_picture(overview.codes, overview.city, legend), drawn_bounds(grid))
    draw_outlines(axes, outlines.provinces.values(), 0.35)
    draw_outlines(axes, outlines.regions.values(), 0.8)
    map_axes(axes, grid)
    counts = np.bincount(drawn_codes(overview).ravel(), minlength=256)
    handles = [_patch(hexcolour(c.colour), c.label) for c in legend.classes if counts[c.value]]
    if ((overview.codes == legend.nodata) & (overview.city > 0)).any():
        handles.append(_patch("white", "No class", hatch="//////"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=7, handlelength=1.5)
    return figure


def drawn_bounds(grid: Grid) -> tuple[float, float, float, float]:
    """Bounds of the overview's whole cells, which may reach a little past the lattice."""
    return grid.coarsen(overview_factor(grid)).bounds()


def map_height(grid: Grid, width: float = WIDTH_IN) -> float:
    """Inches of a map as wide as the text, within what a page holds."""
    return float(np.clip(width * grid.height / grid.width, 1.6, 7.6))


def _patch(colour: str, label: str, **more: Any) -> Any:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, edgecolor=INK if not more else EMPTY, linewidth=0.4, label=label, **more)
