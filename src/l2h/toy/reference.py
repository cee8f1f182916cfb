"""Known answers in the form real projects have them: survey areas per province and interpreted points."""

import csv
import io

import numpy as np
from numpy.typing import NDArray

from l2h.core.grid import Grid
from l2h.core.legend import Legend
from l2h.toy.country import City

SURVEY_COLUMNS = ("region", "level", "class_value", "class_en", "area_ha", "source")


def class_areas(
    truth: NDArray[np.uint8], owner: NDArray[np.uint8], row_area: NDArray[np.float64], cities: int
) -> NDArray[np.float64]:
    """Ground area in m² of every class value in every city: float64 [cities + 1, 256]; row 0 is outside.

    truth, owner: uint8 [H, W]; row_area: true ground area of a pixel of each row [H], in m².
    """
    areas = np.zeros((cities + 1, 256))
    keys = owner.astype(np.int32) * 256 + truth
    for row, area in enumerate(row_area):
        areas += area * np.bincount(keys[row], minlength=areas.size)[: areas.size].reshape(areas.shape)
    return areas


def survey_table(areas: NDArray[np.float64], cities: list[City], legend: Legend) -> str:
    """The survey as CSV: area per class of the country, its regions and its provinces, in hectares.

    Columns: region (name of the unit), level (country, region or province), class_value (sinolc1), class_en (label of
    the class), area_ha (true ground area, four decimals: square metres), source.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(SURVEY_COLUMNS)
    units: list[tuple[str, str, list[int]]] = [("Toyland", "country", list(range(1, len(cities) + 1)))]
    for level in ("region", "province"):
        for name in dict.fromkeys(getattr(city, level) for city in cities):
            units.append((name, level, [i for i, c in enumerate(cities, 1) if getattr(c, level) == name]))
    for name, level, members in units:
        total = areas[members].sum(axis=0)
        for land in legend.classes:
            table.writerow([name, level, land.value, land.label, f"{total[land.value] / 1e4:.4f}", "generated"])
    return text.getvalue()


def draw_points(rng: np.random.Generator, owner: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Simple random sample without replacement of `count` pixels of the country: rows and columns [2, count]."""
    inside = np.flatnonzero(owner)
    chosen = rng.choice(inside, min(count, len(inside)), replace=False)
    return np.stack(np.unravel_index(chosen, owner.shape)).astype(np.int64)


def to_world(grid: Grid, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Local pixels [n, 2] (x right, y down) to coordinates of the grid's CRS."""
    return np.stack([grid.x + points[:, 0] * grid.pixel, grid.y - points[:, 1] * grid.pixel], axis=1)
