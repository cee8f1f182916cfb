"""Sample areas, and the original picture with its result (Figs 1 and 6 of the guide of SinoLC-1)."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l2h.core.crs import transformer
from l2h.core.files import read_json, write_text
from l2h.core.grid import Grid, Window
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore
from l2h.core.tasks import Made
from l2h.report.figures.frame import HALO, draw_outlines, draw_scale, map_axes, show
from l2h.report.figures.graticule import GEOGRAPHIC, label
from l2h.report.figures.nation import drawn_bounds, drawn_codes, map_height, nation_picture
from l2h.report.figures.outlines import Outlines, read_outlines
from l2h.report.figures.plate import INK, WIDTH_IN, new_figure, save, style
from l2h.report.overview import Overview
from l2h.report.pictures import RGB, class_picture, image_picture

AREAS, PAIRS = "sample-areas", "image-and-result"
MOST_AREAS, MOST_PAIRS = 6, 4
COLUMNS = (
    "letter", "region", "province", "city", "longitude", "latitude", "left", "bottom", "right", "top", "image_date",
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A window that is shown, at full resolution.

    letter : its name in the figure; city : its row of regions.json
    date  : of the scene most of it shows, "undated", or "" where it shows none
    codes : uint8 [H, W]; image : uint8 [H, W, 3]
    """

    letter: str
    city: dict[str, Any]
    bounds: tuple[float, float, float, float]
    date: str
    codes: Any
    image: RGB


def draw_areas(work: Path, grid: Grid, block_px: int, windows: Sequence[tuple[int, Window]], folder: Path) -> Made:
    """Task: sample-areas.pdf, .png, .csv."""
    places = read_places(work, grid, block_px, windows[:MOST_AREAS])
    overview = Overview.load(work / "report" / "overview.npz")
    with style():
        told = save(area_figure(places, overview, grid, read_outlines(work, grid)), folder, AREAS)
    write_text(folder / f"{AREAS}.csv", places_csv(places, grid.crs))
    return Made(info=told)


def draw_pairs(work: Path, grid: Grid, block_px: int, windows: Sequence[tuple[int, Window]], folder: Path) -> Made:
    """Task: image-and-result.pdf, .png, .csv."""
    places = read_places(work, grid, block_px, windows[:MOST_PAIRS])
    with style():
        told = save(pair_figure(places, grid), folder, PAIRS)
    write_text(folder / f"{PAIRS}.csv", places_csv(places, grid.crs))
    return Made(info=told)


def read_places(work: Path, grid: Grid, block_px: int, windows: Sequence[tuple[int, Window]]) -> list[Place]:
    """The windows with their map and image, lettered in order."""
    cities = {int(c["index"]): c for c in read_json(work / "layers" / "regions.json")["cities"]}
    dates = {int(s["index"]): s.get("date") for s in read_json(work / "layers" / "scenes.json")}
    stores = [BlockStore(work / name, grid, block_px) for name in ("map", "layers/imagery", "layers/scene")]
    places = []
    for i, (city, window) in enumerate(windows):
        mapped, image, scene = (store.read(window) for store in stores)
        picture = image_picture(image.values.astype("uint8"), image.valid)
        date = main_date(scene.values[0], dates)
        places.append(Place(chr(65 + i), cities[city], grid.bounds(window), date, mapped.values[0], picture))
    for store in stores:
        store.close()
    return places


def main_date(scene: Any, dates: dict[int, str | None]) -> str:
    """Date of the scene that most pixels show, the lower number on a tie."""
    counts = np.bincount(scene.ravel().astype("int64"))
    counts[0] = 0
    return (dates.get(int(counts.argmax())) or "undated") if counts.any() else ""


def places_csv(places: Sequence[Place], crs: str) -> str:
    """A row a place: letter, names, middle in degrees, bounds in the map's CRS, date of its image, pixels per class."""
    legend = load_legend("sinolc1")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *legend.names, "no_class"])
    for place in places:
        lon, lat = middle(place.bounds, crs)
        counts = np.bincount(place.codes.ravel(), minlength=256)
        names = (place.letter, place.city["region"], place.city["province"], place.city["city"])
        pixels = [int(counts[value]) for value in (*legend.values, legend.nodata)]
        writer.writerow([*names, f"{lon:.6f}", f"{lat:.6f}", *place.bounds, place.date, *pixels])
    return out.getvalue()


def middle(bounds: tuple[float, float, float, float], crs: str) -> tuple[float, float]:
    """Longitude and latitude of the middle of a frame."""
    lon, lat = transformer(crs, GEOGRAPHIC).transform((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2)
    return float(lon), float(lat)


def area_figure(places: Sequence[Place], overview: Overview, grid: Grid, outlines: Outlines) -> Any:
    """The country with the places marked, and each of them at full resolution."""
    legend = load_legend("sinolc1")
    rows = -(-len(places) // 3)
    above = map_height(grid, 0.62 * WIDTH_IN)
    figure = new_figure(min(9.2, above + 0.4 + rows * (WIDTH_IN / 3 + 0.25)))
    below = rows * (WIDTH_IN / 3 + 0.2)
    top, bottom = figure.subfigures(2, 1, height_ratios=[above + 0.3, below]) if rows else (figure, None)
    axes = top.subplots()
    show(axes, nation_picture(drawn_codes(overview), overview.city, legend), drawn_bounds(grid))
    draw_outlines(axes, outlines.provinces.values(), 0.4)
    map_axes(axes, grid)
    for place in places:
        mark(axes, place)
    for panel, place in _panels(bottom, rows, 3, places):
        show(panel, class_picture(place.codes, legend), place.bounds)
        _finish(panel, place, grid, f"({place.letter}) {place.city['city']}", coordinates(place, grid.crs))
    return figure


def mark(axes: Any, place: Place) -> None:
    """A frame with a letter where a place lies; a dot where it would be too small to see."""
    from matplotlib.patches import Rectangle

    left, bottom, right, top = place.bounds
    axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, ec="white", lw=2.2, zorder=8))
    axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, ec=INK, lw=1.0, zorder=9))
    axes.text(
        (left + right) / 2, (bottom + top) / 2, place.letter, ha="center", va="center", fontsize=8, fontweight="bold",
        bbox=HALO, zorder=10,
    )  # fmt: skip


def pair_figure(places: Sequence[Place], grid: Grid) -> Any:
    """Image and map side by side, two places a row."""
    legend = load_legend("sinolc1")
    rows = -(-len(places) // 2)
    figure = new_figure(max(1.0, rows * (WIDTH_IN / 4 + 0.35)))
    twice = [place for place in places for _ in range(2)]
    for number, (panel, place) in enumerate(_panels(figure, rows, 4, twice)):
        if number % 2 == 0:
            show(panel, place.image, place.bounds)
            _finish(panel, place, grid, f"({place.letter}) {place.city['city']}", place.date or "no image")
        else:
            show(panel, class_picture(place.codes, legend), place.bounds)
            _finish(panel, place, grid, "", coordinates(place, grid.crs), scale=False)
    return figure


def coordinates(place: Place, crs: str) -> str:
    lon, lat = middle(place.bounds, crs)
    return f"{label(lat, 1, 'NS')} {label(lon, 1, 'EW')}"


def _panels(parent: Any, rows: int, columns: int, places: Sequence[Place]) -> Any:
    """Axes and places in order; what is left over stays empty."""
    if not places:
        return []
    grid = parent.subplots(rows, columns, squeeze=False).ravel()
    for spare in grid[len(places) :]:
        spare.set_axis_off()
    return list(zip(grid, places, strict=False))


def _finish(axes: Any, place: Place, grid: Grid, title: str, below: str, scale: bool = True) -> None:
    axes.set_xlim(place.bounds[0], place.bounds[2])
    axes.set_ylim(place.bounds[1], place.bounds[3])
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=7.5)
    axes.set_xlabel(below, fontsize=6.5, labelpad=2)
    if scale:
        draw_scale(axes, grid, place.bounds)
