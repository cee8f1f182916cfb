"""Tasks that put the blocks together: accuracies and pairs, agreement maps, places."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.compare.figures import draw_agreement, draw_classes, draw_matrix, draw_overall, draw_places
from l2h.accuracy.compare.gather import (
    NOTHING,
    agreement_raster,
    chosen_places,
    gather_points,
    pair_table,
    read_tallies,
    stated_places,
    sum_pairs,
)
from l2h.accuracy.compare.lineup import Lineup, LineupReader
from l2h.accuracy.compare.pairs import Panel, pair_rows, scores
from l2h.accuracy.compare.panels import pictures_of
from l2h.accuracy.compare.settings import Comparison
from l2h.accuracy.compare.tables import accuracy_csv, agreement_csv, classes_csv, pairs_csv, places_csv
from l2h.accuracy.designs import REFUSED
from l2h.accuracy.places import places_of
from l2h.accuracy.points import Points
from l2h.accuracy.sampling.design import WORDS, SampleDesign
from l2h.core.errors import InputError
from l2h.core.files import read_json, write_json, write_text
from l2h.core.grid import Block, Grid, Window
from l2h.core.raster import write_raster
from l2h.core.tasks import Made

LEVELS: Any = ("nation", "region", "province")
BACKGROUND = 0  # the value of `regions` where no city owns the pixel
AGREEMENT = ("agreement.json", "agreement.csv", "agreement_classes.csv", "matrix.png", "agreement.png")
ACCURACY = ("accuracy.json", "accuracy.csv", "pairs.csv", "overall.png", "classes.png")
PLACES = ("places.csv", "places.png")


def raster_names(lineup: Lineup) -> dict[str, str]:
    """Name of the sums → file of the agreement map."""
    return {f"{a}|{b}": f"{a}__{b}.tif" for a, b in lineup.pairs} | {"all": "all.tif"}


def write_agreement(
    lineup: Lineup, tallies: tuple[Path, ...], cells: tuple[tuple[Block, Path], ...], cell_px: int, regions: Path,
    folder: Path,
) -> Made:  # fmt: skip
    """Task: how every two maps agree, as table, matrix and maps."""
    areas = sum_pairs(read_tallies(tallies))
    table = pair_table(lineup, areas)
    coarse = lineup.grid.coarsen(cell_px)
    shown: dict[str, npt.NDArray[np.uint8]] = {}
    for name, file in raster_names(lineup).items():
        values = agreement_raster(cells, name, lineup.grid, cell_px)
        write_raster(folder / "agreement" / file, values[None], coarse, coarse.window, nodata=NOTHING)
        shown["all maps" if name == "all" else " · ".join(name.split("|"))] = values
    document = {
        "legend": lineup.legend.name, "classes": list(lineup.legend.names), "cell_px": cell_px, "pairs": table,
        "crosswalks": lineup.crosswalks(),
    }  # fmt: skip
    write_json(folder / "agreement.json", document)
    write_text(folder / "agreement.csv", agreement_csv(table))
    write_text(folder / "agreement_classes.csv", classes_csv(table, lineup.legend.names))
    draw_matrix(folder / "matrix.png", lineup.names, table)
    side = cell_px * lineup.grid.pixel
    draw_agreement(folder / "agreement.png", shown, f"{side:g} m", _outlines(regions, coarse))
    return Made(info={"pairs": len(table)})


def write_accuracy(
    lineup: Lineup, tallies: tuple[Path, ...], located: Path, regions: Path, least: int, folder: Path
) -> Made:
    """Task: every map at the same points, and every two as a pair."""
    path = located.with_name("design.json")
    design = SampleDesign.from_json(path.read_text("utf-8"), str(path))
    points = Points.from_csv(located.read_text("utf-8"))
    panel = Panel(lineup, gather_points(read_tallies(tallies)), points, design, str(path))
    places = places_of(read_json(regions)["cities"], LEVELS)
    each = [scores(panel, name, place, least) for place in places for name in lineup.names]
    pairs = [row for place in places for row in pair_rows(panel, place, least)]
    document = {
        "legend": lineup.legend.name, "design": design.method, "words": WORDS[design.method], "n": len(panel.numbers),
        "crosswalks": lineup.crosswalks(), "maps": each, "pairs": pairs,
    }  # fmt: skip
    write_json(folder / "accuracy.json", document | ({"refused": REFUSED} if design.method == "none" else {}))
    write_text(folder / "accuracy.csv", accuracy_csv(each))
    write_text(folder / "pairs.csv", pairs_csv(pairs))
    nation = [row for row in each if row["level"] == "nation"]
    draw_overall(folder / "overall.png", nation, [row for row in pairs if row["level"] == "nation"])
    draw_classes(folder / "classes.png", nation)
    return Made(info={"points": len(panel.numbers)})


def write_places(lineup: Lineup, tallies: tuple[Path, ...], settings: Comparison, regions: Path, folder: Path) -> Made:
    """Task: chosen places side by side."""
    if settings.places:
        windows = stated_places(lineup.grid, settings.places, settings.place_px)
    else:
        windows = chosen_places(read_tallies(tallies), settings.place_px, settings.panels)
    if not windows:
        raise InputError("there is no place to show: the map says nothing anywhere", where="[compare]")
    names = {int(c["index"]): c["name"] for c in read_json(regions)["cities"]} | {BACKGROUND: "outside"}
    labels = {c.value: c.name for c in lineup.legend.classes} | {0: "nothing"}
    rows, shown = [], []
    for number, window in enumerate(windows, start=1):
        pictures, counts = pictures_of(lineup, window)
        city = names[_commonest_city(lineup, window)]
        left, bottom, right, top = lineup.grid.bounds(window)
        classes = {name: {labels[v]: n for v, n in found.items()} for name, found in counts.items()}
        rows.append(
            {"number": number, "window": window.edges, "x": (left + right) / 2, "y": (bottom + top) / 2}
            | {"city": city, "classes": classes}
        )
        shown.append((f"{number}  {city.split('_')[-1]}", pictures))
    write_text(folder / "places.csv", places_csv(rows))
    draw_places(folder / "places.png", shown, lineup.legend, windows[0].width * lineup.grid.pixel)
    return Made(info={"places": len(rows)})


def _commonest_city(lineup: Lineup, window: Window) -> int:
    with LineupReader(lineup) as reader:
        counts = np.bincount(reader.cities(window).ravel())
    counts[0] = 0
    return int(counts.argmax()) if counts.any() else BACKGROUND


def _outlines(regions: Path, coarse: Grid) -> list[tuple[Any, Any]]:
    """Outlines of the cities in cells of the agreement maps: x and y of each ring."""
    import geopandas
    import shapely

    shapes = geopandas.read_parquet(regions.with_suffix(".parquet")).geometry.simplify(coarse.pixel / 8)
    return [_in_cells(ring, coarse) for ring in _rings(shapely.get_parts(shapes.to_numpy()))]


def _rings(parts: Iterable[Any]) -> Iterable[Any]:
    return (ring for part in parts if part.geom_type == "Polygon" for ring in (part.exterior, *part.interiors))


def _in_cells(ring: Any, coarse: Grid) -> tuple[Any, Any]:
    x, y = np.asarray(ring.coords)[:, :2].T
    return (x - coarse.x) / coarse.pixel - 0.5, (coarse.y - y) / coarse.pixel - 0.5
