"""The calibration of a project: interpreted points in where there are any, `work/map/calibration.json` out."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.files import read_json, write_json
from l2h.core.legend import coarse_legend
from l2h.core.tasks import Made
from l2h.mapping.calibration import LEAST_POINTS, Calibration, fit_points
from l2h.mapping.engine import Engine, close
from l2h.mapping.heard import close_extras
from l2h.mapping.mapper import Readers

HEADER = ("id", "row", "col", "reference", "second", "stratum")


@dataclass(frozen=True)
class Places:
    """Interpreted pixels: rows, cols int64 [n]; first, second uint8 [n], classes that are right, second 0 for none."""

    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]
    first: npt.NDArray[np.uint8]
    second: npt.NDArray[np.uint8]

    @classmethod
    def from_csv(cls, path: Path) -> "Places":
        """From the table of located points; InputError where it is not there, or is not one."""
        try:
            rows = list(csv.reader(io.StringIO(path.read_text("utf-8"))))
        except OSError as error:  # a plan made before the points are on the lattice
            raise InputError("a file cannot be read", where=str(path), got=error.strerror or str(error)) from error
        if not rows or tuple(rows[0]) != HEADER:
            raise InputError("not a table of located points", where=str(path), expected=", ".join(HEADER))
        numbers = np.array([row[1:5] for row in rows[1:]], "int64").reshape(-1, 4)
        classes = numbers[:, 2:].astype("uint8")
        return cls(numbers[:, 0], numbers[:, 1], classes[:, 0], classes[:, 1])

    def right(self, values: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Whether each class of the network is right at each point, bool [n, K]."""
        classes = np.asarray(values, "uint8")
        return np.asarray((self.first[:, None] == classes) | (self.second[:, None] == classes), bool)


def calibrate(engine: Engine, readers: Readers, prior: bool, points: Path | None, out: Path) -> Made:
    """Write the calibration and where it comes from.

    {"coarse", "split", "bias", "source": "points" | "default", "points": how many were used}
    """
    default = engine.default_calibration(prior)
    found, used = default, 0
    if points is not None:
        mapper, places = engine.mapper(prior), Places.from_csv(points)
        asked, seen = mapper.at_places(readers, places.rows, places.cols)
        close_extras(readers.extras)
        close(readers.imagery, readers.posterior)
        used = int(seen.sum())
        truth = places.right(mapper.values)[seen]
        found = fit_points(asked[seen], truth, mapper.index, len(mapper.coarse), default)
    source = "points" if used >= LEAST_POINTS else "default"
    figures: dict[str, Any] = {"source": source, "points": used, "coarse": found.coarse, "split": found.split}
    write_json(out, found.to_dict() | figures)
    return Made(info=figures)


def read_calibration(path: Path) -> Calibration:
    """What `calibrate` wrote; InputError where it is not there or not whole."""
    return Calibration.from_dict(read_json(path), str(path), len(coarse_legend()))
