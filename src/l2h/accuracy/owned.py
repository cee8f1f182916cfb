"""The reference points that lie in a window, each with the city that owns its pixel."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from l2h.accuracy.points import Points
from l2h.core.errors import InputError
from l2h.core.grid import Window

CitiesOf = Callable[[Window], npt.NDArray[np.uint16]]  # index of the city that owns each pixel, 0 outside


def points_within(cities_of: CitiesOf, window: Window, located: Path) -> Iterator[tuple[Points, int, Window, int]]:
    """All points of the file, and of each that lies in the window its number there, its pixel and its city.

    InputError for a point whose pixel no city owns.
    """
    points = Points.from_csv(located.read_text("utf-8"))
    inside = (points.rows >= window.row_start) & (points.rows < window.row_stop)
    inside &= (points.cols >= window.col_start) & (points.cols < window.col_stop)
    for number in np.flatnonzero(inside).tolist():
        row, col = int(points.rows[number]), int(points.cols[number])
        pixel = Window(row, row + 1, col, col + 1)
        city = int(cities_of(pixel)[0, 0])
        if city == 0:
            raise InputError(
                "a reference point lies outside the map: no city owns its pixel",
                where=f"point {points.ids[number]}, row {row}, column {col}",
                hint="Check the points' CRS, or leave points beyond the boundary out of the sample and say so.",
            )
        yield points, number, pixel, city
