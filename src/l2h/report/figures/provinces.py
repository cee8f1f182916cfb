"""Regions, and overall accuracy per province, as maps (Fig. 2 of the guide of SinoLC-1)."""

import csv
import io
from pathlib import Path
from typing import Any

from l2h.core.files import read_json, write_text
from l2h.core.grid import Grid
from l2h.core.tasks import Made
from l2h.report.figures.frame import draw_outlines, fill, map_axes
from l2h.report.figures.nation import map_height
from l2h.report.figures.outlines import Outlines, inside_point, read_outlines
from l2h.report.figures.plate import EMPTY, INK, WIDTH_IN, new_figure, save, style

STEM = "regions-and-accuracy"
# Okabe and Ito (2008), lightened so that black words stand on them; told apart by people who see no red or green
COLOURS = ("#8ecae6", "#f3c677", "#8fd3bb", "#f2eb8c", "#93a8d8", "#e6a58a", "#d9b3cf", "#cccccc")
COLUMNS = (
    "region", "province", "reference", "design", "n", "overall_accuracy", "standard_error", "low", "high",
)  # fmt: skip


def draw_provinces(work: Path, grid: Grid, folder: Path) -> Made:
    """Task: regions-and-accuracy.pdf, .png, .csv."""
    rows = province_rows(read_json(work / "assess" / "accuracy.json"), read_json(work / "layers" / "regions.json"))
    with style():
        told = save(province_figure(rows, grid, read_outlines(work, grid)), folder, STEM)
    write_text(folder / f"{STEM}.csv", province_csv(rows))
    return Made(info=told)


def province_rows(accuracy: dict[str, Any], regions: dict[str, Any]) -> list[dict[str, Any]]:
    """A row a province, by region: the map's overall accuracy against the first reference, with its error and design.

    Accuracy is None where the province has no (or too few) units of the reference, or the map was not assessed.
    """
    provinces = sorted({(c["region"], c["province"]) for c in regions["cities"]})
    reference = next(iter(accuracy["references"]), None)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    if reference:
        places = reference["maps"][0]["places"]
        found = {(p["region"], p["name"]): p["fine"] for p in places if p["level"] == "province"}
    rows = []
    for region, province in provinces:
        scores = found.get((region, province))
        told = scores["overall_accuracy"] if scores else {}
        rows.append(
            {
                "region": region, "province": province, "reference": reference["name"] if reference else "",
                "design": reference["design"] if reference else "", "n": scores["n"] if scores else 0,
                "overall_accuracy": told.get("value"), "standard_error": told.get("standard_error"),
                "low": told.get("low"), "high": told.get("high"),
            }
        )  # fmt: skip
    return rows


def province_csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def province_figure(rows: list[dict[str, Any]], grid: Grid, outlines: Outlines) -> Any:
    """Two maps: side by side where the country is tall, one above the other where it is wide."""
    wide = grid.width > 1.6 * grid.height
    width = WIDTH_IN if wide else WIDTH_IN / 2
    height = map_height(grid, width)
    figure = new_figure(2 * height + 0.8 if wide else height + 0.75)
    left, right = figure.subplots(2 if wide else 1, 1 if wide else 2)
    _draw_regions(left, outlines)
    scale = _draw_accuracy(right, rows, outlines)
    for axes, title in ((left, "(a) Regions"), (right, f"(b) {_title(rows)}")):
        draw_outlines(axes, outlines.provinces.values(), 0.35)
        draw_outlines(axes, outlines.regions.values(), 0.8)
        map_axes(axes, grid)
        axes.set_title(title)
    if scale is not None:
        bar = {"location": "bottom", "shrink": 0.5, "aspect": 35, "label": "(b) overall accuracy, %"}
        figure.colorbar(scale, ax=[left, right], **bar)
    return figure


def _title(rows: list[dict[str, Any]]) -> str:
    if all(row["overall_accuracy"] is None for row in rows):
        return "Overall accuracy: not assessed"
    return "Overall accuracy by province, %"


def _draw_regions(axes: Any, outlines: Outlines) -> None:
    for i, (name, shape) in enumerate(sorted(outlines.regions.items())):
        fill(axes, shape, facecolor=COLOURS[i % len(COLOURS)], edgecolor="none", zorder=2)
        axes.text(*inside_point(shape), name, ha="center", va="center", fontweight="bold", fontsize=7.5, zorder=8)


def _draw_accuracy(axes: Any, rows: list[dict[str, Any]], outlines: Outlines) -> Any:
    """Provinces in the colour of their accuracy, each with its number; the scale, None where nothing is assessed."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    values = [100 * row["overall_accuracy"] for row in rows if row["overall_accuracy"] is not None]
    low, high = accuracy_range(values)
    scale = ScalarMappable(Normalize(low, high), "cividis")
    for row in rows:
        shape = outlines.provinces.get((row["region"], row["province"]))
        if shape is None:
            continue
        value = row["overall_accuracy"]
        if value is None:
            fill(axes, shape, facecolor=EMPTY, edgecolor=INK, hatch="////", lw=0, zorder=2)
            continue
        colour = scale.to_rgba(100 * value)
        fill(axes, shape, facecolor=colour, edgecolor="none", zorder=2)
        dark = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] < 0.5
        words = accuracy_words(row, len(rows) <= 12)
        point = inside_point(shape)
        axes.text(
            *point, words, ha="center", va="center", fontsize=7 if len(rows) <= 12 else 5.5,
            color="white" if dark else INK, zorder=8,
        )  # fmt: skip
    return scale if values else None


def accuracy_range(values: list[float]) -> tuple[float, float]:
    """Ends of the colour scale, on multiples of five per cent.

    >>> accuracy_range([61.7, 73.2]), accuracy_range([])
    ((60.0, 75.0), (0.0, 100.0))
    """
    if not values:
        return 0.0, 100.0
    low, high = 5.0 * (min(values) // 5), -5.0 * (-max(values) // 5)
    return (low, high) if high > low else (low, low + 5)


def accuracy_words(row: dict[str, Any], named: bool) -> str:
    """A province's number, with one standard error where there is one, and its name where there is room."""
    text = f"{100 * row['overall_accuracy']:.1f}"
    if row["standard_error"]:
        text += f" ± {100 * row['standard_error']:.1f}"
    return f"{row['province']}\n{text}" if named else text
