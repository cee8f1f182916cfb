"""One block: its classes and confusions by city, and the classes at its reference points."""

from pathlib import Path
from typing import Any

import numpy as np

from l2h.accuracy.confidence import confidence_counts
from l2h.accuracy.maps import MapReader, Shelf
from l2h.accuracy.owned import points_within
from l2h.accuracy.tally import confusions
from l2h.accuracy.truth import Truth
from l2h.core.files import write_json
from l2h.core.grid import Block, Window
from l2h.core.legend import Legend, load_legend
from l2h.core.raster import open_raster
from l2h.core.tasks import Made
from l2h.core.zones import zone_areas

STRIP_PX = 512  # rows read at once: bounds memory on wide blocks


def tally_block(shelf: Shelf, block: Block, out: Path, located: Path | None, truth: Path | None) -> Made:
    """Count one block and write `out`: {"areas": …, "truth": …, "points": …} (see docs of `stage`)."""
    legend = load_legend("sinolc1")
    reader = MapReader(shelf)
    try:
        tally: dict[str, Any] = {"areas": _areas(reader, block.window, legend)}
        if truth is not None:
            tally["truth"], tally["confidence"] = _against_truth(reader, block.window, legend, truth)
        if located is not None:
            tally["points"] = _at_points(reader, block.window, located)
    finally:
        reader.close()
    write_json(out, tally)
    return Made()


def _areas(reader: MapReader, window: Window, legend: Legend) -> dict[str, dict[str, list[int]]]:
    """{city: {value: [pixels, 10^-9 m²]}} of our map."""
    total: dict[str, dict[str, list[int]]] = {}
    store = reader.shelf.store("map")
    for strip in window.strips(STRIP_PX):
        codes = store.read(strip).values[0].astype("uint8")
        legend.check(codes, f"map, {strip}")
        row_area = reader.shelf.grid.row_area(strip.row_start, strip.row_stop)
        for city, classes in zone_areas(codes, reader.cities(strip), row_area).items():
            into = total.setdefault(str(city), {})
            for value, (pixels, area) in classes.items():
                old = into.get(str(value), [0, 0])
                into[str(value)] = [old[0] + pixels, old[1] + area]
    store.close()
    return total


def _against_truth(
    reader: MapReader, window: Window, legend: Legend, path: Path
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """{map: {city: counts [K, K + 1]}}, and of our map's confidence {city: counts [2, 101, 2]}."""
    total: dict[str, dict[str, Any]] = {name: {} for name in reader.shelf.names}
    sure: dict[str, Any] = {}
    with open_raster(path) as dataset:
        truth = Truth(dataset, reader.shelf.grid)
        for strip in window.strips(STRIP_PX):
            patch = truth.read(strip)
            reference = np.where(patch.valid, patch.values[0], 0).astype("uint8")
            legend.check(reference, f"{path}, {strip}")
            cities = reader.cities(strip)
            for name, codes in reader.codes(strip).items():
                for city, counts in confusions(reference, codes, cities, legend).items():
                    total[name][str(city)] = total[name].get(str(city), 0) + counts
            for city, counts in confidence_counts(reference, reader.bands(strip), cities, legend).items():
                sure[str(city)] = sure.get(str(city), 0) + counts
    listed = {name: {city: c.tolist() for city, c in by_city.items()} for name, by_city in total.items()}
    return listed, {city: c.tolist() for city, c in sure.items()}


def _at_points(reader: MapReader, window: Window, located: Path) -> list[list[Any]]:
    """[[number, city, reference, {map: class}, confidence, source], …] of the block's points, by number in the file."""
    rows = []
    for points, number, pixel, city in points_within(reader.cities, window, located):
        classes = {name: int(codes[0, 0]) for name, codes in reader.codes(pixel).items()}
        _, confidence, source = reader.bands(pixel)[:, 0, 0].tolist()
        rows.append([number, city, int(points.reference[number]), classes, confidence, source])
    return rows
