"""What a map needs around it: coordinates, scale, north, outlines."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from l2h.core.grid import Grid
from l2h.report.figures.graticule import Bounds, graticule, north_angle
from l2h.report.figures.plate import INK
from l2h.report.numbers import scale_bar

HALO = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "boxstyle": "square,pad=0.15"}


def map_axes(axes: Any, grid: Grid, bounds: Bounds | None = None) -> None:
    """Set axes to a part of the lattice (all of it), with lines of longitude and latitude, scale and north."""
    box = bounds or grid.bounds()
    axes.set_xlim(box[0], box[2])
    axes.set_ylim(box[1], box[3])
    middle = np.radians((box[1] + box[3]) / 2)
    axes.set_aspect(1 / max(0.1, float(np.cos(middle))) if _is_degrees(grid) else "equal")
    draw_graticule(axes, grid.crs, box)
    draw_scale(axes, grid, box)
    draw_north(axes, grid.crs, box)


def show(axes: Any, picture: Any, bounds: Bounds) -> Any:
    """A picture [H, W, 3 or 4] laid on axes in map coordinates, pixel by pixel."""
    left, bottom, right, top = bounds
    return axes.imshow(picture, extent=(left, right, bottom, top), interpolation="nearest", zorder=1)


def draw_graticule(axes: Any, crs: str, bounds: Bounds) -> None:
    """Thin lines, labelled where they meet the lower and the left edge."""
    meridians, parallels = graticule(crs, bounds)
    for line in (*meridians, *parallels):
        axes.plot(line.x, line.y, color=INK, lw=0.25, alpha=0.35, zorder=4, scalex=False, scaley=False)
    across = [line for line in meridians if line.meets is not None]
    up = [line for line in parallels if line.meets is not None]
    axes.set_xticks([line.meets for line in across], [line.label for line in across])
    axes.set_yticks([line.meets for line in up], [line.label for line in up], rotation=90, va="center")


def draw_scale(axes: Any, grid: Grid, bounds: Bounds) -> None:
    """A bar of a round length, true in the middle of the frame."""
    width = bounds[2] - bounds[0]
    share, words = scale_bar(1, width / grid.pixel * middle_pixel_m(grid, bounds))
    share, words = (share / 2, _halved(words)) if share > 0.22 else (share, words)
    x, y = 0.03, 0.035
    for colour, width in (("white", 4.0), (INK, 2.2)):
        axes.plot(
        [x, x + share], [y, y], transform=axes.transAxes, color=colour, lw=width, solid_capstyle="butt", zorder=7,
        scalex=False, scaley=False,
    )  # fmt: skip
    axes.text(
        x + share / 2, y + 0.018, words, transform=axes.transAxes, ha="center", va="bottom", fontsize=6.5, bbox=HALO,
        zorder=6,
    )  # fmt: skip


def _halved(words: str) -> str:
    number, unit = words.split()
    half = float(number) / 2
    return f"{half:g} {unit}" if half >= 1 or unit == "m" else f"{half * 1000:g} m"


def middle_pixel_m(grid: Grid, bounds: Bounds) -> float:
    """Side of a pixel on the ground, in the middle of a frame."""
    row = int(np.clip((grid.y - (bounds[1] + bounds[3]) / 2) // grid.pixel, 0, grid.height - 1))
    return float(grid.row_area(row, row + 1)[0] ** 0.5)


def draw_north(axes: Any, crs: str, bounds: Bounds) -> None:
    """An arrow to true north in the upper right corner."""
    turn = np.radians(north_angle(crs, bounds))
    head, foot = (0.965, 0.965), (-15 * np.sin(turn), -15 * np.cos(turn))
    axes.annotate(
        "N", xy=head, xytext=(foot[0], foot[1] - 1), xycoords="axes fraction", textcoords="offset points", ha="center",
        va="top", fontsize=6.5, fontweight="bold", zorder=7, bbox=HALO,
    )  # fmt: skip
    axes.annotate(
        "", xy=head, xytext=foot, xycoords="axes fraction", textcoords="offset points", zorder=7,
        arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 0.9, "mutation_scale": 8, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip


def draw_outlines(axes: Any, shapes: Iterable[Any], width: float = 0.4, colour: str = INK) -> None:
    """Outlines of polygons, as lines that stay lines in print."""
    from matplotlib.collections import LineCollection

    rings = [np.asarray(ring.coords)[:, :2] for shape in shapes for ring in rings_of(shape)]
    axes.add_collection(LineCollection(rings, colors=colour, linewidths=width, zorder=5), autolim=False)


def fill(axes: Any, shape: Any, **look: Any) -> None:
    """A polygon with its holes."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    paths = [Path(np.asarray(ring.coords)[:, :2], closed=True) for ring in rings_of(shape)]
    if paths:
        axes.add_patch(PathPatch(Path.make_compound_path(*paths), **look))


def rings_of(shape: Any) -> list[Any]:
    """Outer and inner rings of a polygon or of several; lines and points of a collection have none."""
    if shape.geom_type == "Polygon":
        return [] if shape.is_empty else [shape.exterior, *shape.interiors]
    return [ring for part in getattr(shape, "geoms", ()) for ring in rings_of(part)]


def _is_degrees(grid: Grid) -> bool:
    from l2h.core.crs import parse_crs

    return bool(parse_crs(grid.crs).is_geographic)
