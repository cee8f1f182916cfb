"""Figures of the comparison: scatter with its regression line, and maps of the relative error."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Path2D

from l2h.accuracy.drawing import COLOURS, GREY, INK, MARKERS, figure, save
from l2h.accuracy.survey.matching import Cell, MapPlace
from l2h.accuracy.survey.misestimation import misestimation, regression

Shapes = Mapping[str, Any]  # full name of a place → geometry
MANY = {"nation": "the nation", "region": "regions", "province": "provinces", "city": "cities"}
LIMIT = 1.0  # relative errors are coloured from −100 % to +100 %; what lies beyond is drawn as the end


def draw_scatter(path: Path, cells: Sequence[Cell]) -> None:
    """Surveyed area against mapped area, a point a class and place, with the line through them and the 1:1 line."""
    most = max(max(c.survey_m2, c.map_m2) for c in cells) / 1e6 * 1.05
    with figure(6.2, 4.3) as drawn:
        axes = drawn.subplots()
        axes.plot([0, most], [0, most], color=GREY, lw=0.9, ls=(0, (4, 3)), label="1 : 1")
        line = regression(cells)
        if line is not None:
            ends = np.array([0.0, most])
            axes.plot(ends, line.intercept_km2 + line.slope * ends, color=INK, lw=1.2, label="least squares")
            sign = "−" if line.intercept_km2 < 0 else "+"
            text = f"y = {line.slope:.3f} x {sign} {abs(line.intercept_km2):.4g} km²\nR² = {line.r2:.3f}, n = {line.n}"
            axes.text(0.03, 0.97, text, transform=axes.transAxes, va="top", color=INK)
        for number, group in enumerate(dict.fromkeys(c.group for c in cells)):
            mine = [c for c in cells if c.group == group]
            axes.plot(
                [c.survey_m2 / 1e6 for c in mine], [c.map_m2 / 1e6 for c in mine], MARKERS[number % len(MARKERS)],
                color=COLOURS[number % len(COLOURS)], ms=5.5, mec="white", mew=0.5, label=group, zorder=3,
                clip_on=False,
            )  # fmt: skip
        axes.set(
            xlim=(0, most), ylim=(0, most), xlabel="surveyed area, km²", ylabel="mapped area, km²",
            title=f"Classes in {MANY[cells[0].place.level]}: mapped against surveyed area",
        )  # fmt: skip
        axes.set_box_aspect(1)
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0))
        save(drawn, path)


def draw_errors(path: Path, cells: Sequence[Cell], shapes: Shapes) -> None:
    """A map of the total misestimation of each place, and one of the signed relative error of each group."""
    import matplotlib as mpl
    from matplotlib.colors import Normalize

    groups = list(dict.fromkeys(c.group for c in cells))
    columns = min(4, len(groups) + 1)
    rows = -(-(len(groups) + 1) // columns)
    with figure(2.15 * columns + 0.6, 2.3 * rows) as drawn:
        grid = drawn.subplots(rows, columns, squeeze=False).ravel()
        totals = {_name(p): misestimation([c for c in cells if c.place is p]).total for p in _places(cells)}
        most = max((v for v in totals.values() if v is not None), default=1.0)
        one_way, both_ways = Normalize(0, most), Normalize(-LIMIT, LIMIT)
        _choropleth(grid[0], shapes, totals, mpl.colormaps["cividis_r"], one_way, "total misestimation")
        for axes, group in zip(grid[1:], groups, strict=False):
            errors = {_name(c.place): math.inf if c.relative is None else c.relative for c in cells if c.group == group}
            _choropleth(axes, shapes, errors, mpl.colormaps["PuOr_r"], both_ways, group)
        for axes in grid[len(groups) + 1 :]:
            axes.set_axis_off()
        _bar(drawn, grid[:1], one_way, "cividis_r", "Σ |map − survey| / Σ survey")
        _bar(drawn, grid[1:], both_ways, "PuOr_r", "(map − survey) / survey")
        save(drawn, path)


def shapes_of(regions: Path, places: Sequence[MapPlace]) -> dict[str, Any]:
    """Outlines of the places, from the cities' (`regions.parquet`), simplified to what a figure can show."""
    import geopandas
    import shapely

    table = geopandas.read_parquet(regions)
    left, bottom, right, top = table.total_bounds
    outlines = table.geometry.simplify(max(right - left, top - bottom) / 3000)
    named: dict[str, list[Any]] = {}
    for name, shape in zip(table["name"], outlines, strict=True):
        parts = str(name).split("_")
        for depth in range(4):
            named.setdefault("_".join(parts[:depth]), []).append(shape)
    return {p.full_name: shapely.union_all(named[p.full_name]) for p in places if p.full_name in named}


def _choropleth(
    axes: Any, shapes: Shapes, values: Mapping[str, float | None], colours: Any, scale: Any, title: str
) -> None:
    """Places in the colours of their values, with the number in each; infinite: the survey has nothing there."""
    for name, shape in shapes.items():
        value = values.get(name)
        number = math.inf if value is None else value
        known = math.isfinite(number)
        paint = colours(scale(min(max(number, scale.vmin), scale.vmax))) if known else "#ffffff"
        outline = PathPatch(_path(shape), facecolor=paint, edgecolor=GREY, lw=0.5, hatch="" if known else "////")
        axes.add_patch(outline)
        at = shape.representative_point()
        white = known and _luminance(paint) < 0.55
        box = None if known else {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        axes.text(
            at.x, at.y, _words(value, scale.vmin < 0), ha="center", va="center", fontsize=6.5, bbox=box,
            color="white" if white else INK,
        )  # fmt: skip
    axes.autoscale_view()
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_title(title)


def _words(value: float | None, signed: bool) -> str:
    if value is None:
        return "no figure"
    if math.isinf(value):
        return "none surveyed"
    return f"{value * 100:{'+' if signed else ''}.0f} %".replace("-", "−")


def _path(shape: Any) -> Path2D:
    """A shape with its holes, for an enclave is another place's."""
    rings = [
        np.asarray(ring.coords)[:, :2]
        for part in getattr(shape, "geoms", [shape])
        if part.geom_type == "Polygon"
        for ring in (part.exterior, *part.interiors)
    ]
    return Path2D.make_compound_path(*(Path2D(ring, closed=True) for ring in rings))


def _bar(drawn: Any, axes: Any, scale: Any, colours: str, label: str) -> None:
    import matplotlib as mpl
    from matplotlib.ticker import PercentFormatter

    mappable = mpl.cm.ScalarMappable(scale, colours)
    bar = drawn.colorbar(mappable, ax=list(axes), orientation="horizontal", shrink=0.8, aspect=30, extend="neither")
    bar.ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    bar.set_label(label, fontsize=7)
    bar.ax.tick_params(labelsize=6.5)


def _luminance(colour: Any) -> float:
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _places(cells: Sequence[Cell]) -> list[MapPlace]:
    return list({id(c.place): c.place for c in cells}.values())


def _name(place: MapPlace) -> str:
    return place.full_name
