"""The calibration of a project: interpreted points in where there are any, `work/map/calibration.json` out, and beside
it thresholds of sets of classes, `work/map/sets.json`.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.files import read_json, write_json
from l2h.core.legend import BUILDING, TRAFFIC, coarse_legend
from l2h.core.tasks import Made
from l2h.mapping.calibration import Calibration, Interpreted, fit
from l2h.mapping.conformal import fit_sets
from l2h.mapping.engine import Engine, close
from l2h.mapping.heard import close_extras
from l2h.mapping.mapper import Mapper, Readers
from l2h.mapping.predict import Floats

HEADER = ("id", "row", "col", "reference", "second", "stratum")


@dataclass(frozen=True)
class Places:
    """Interpreted pixels: ids [n]; rows, cols int64 [n]; first, second uint8 [n], classes that are right, second 0 for
    none.
    """

    ids: tuple[str, ...]
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
        ids = tuple(row[0] for row in rows[1:])
        return cls(ids, numbers[:, 0], numbers[:, 1], classes[:, 0], classes[:, 1])

    def right(self, values: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Whether each class of the network is right at each point, bool [n, K]."""
        classes = np.asarray(values, "uint8")
        return np.asarray((self.first[:, None] == classes) | (self.second[:, None] == classes), bool)


@dataclass(frozen=True)
class Rules:
    """What was decided before: whether the prior is heard, and the shares of the land of traffic and building."""

    prior: bool
    shares: dict[int, float] | None


def calibrate(
    engine: Engine, readers: Readers, rules: Rules, points: Path | None, out: Path, sets: Path | None = None
) -> Made:
    """Write the calibration and where it comes from; into `sets`, where it is given, thresholds of sets of classes.

    {"coarse", "split", "bias", "road", "building", "source": "points" | "default", "points": how many were used,
    "drawn": {"road", "building"}: how many of them lie on vectors}
    """
    default = engine.default_calibration(rules.prior, rules.shares)
    found, used, drawn = default, 0, {"road": 0, "building": 0}
    if points is not None:
        mapper = engine.mapper(rules.prior)
        heard = hear_points(mapper, readers, Places.from_csv(points))
        found = fit(heard, mapper.values, mapper.index, len(mapper.coarse), default)
        if sets is not None:
            told = tell(heard.probability, heard.drawn, mapper, default)
            bounds = fit_sets(told, heard.truth, mapper.values, engine.settings.set_levels)
            write_json(sets, bounds.to_dict() | {"points": len(heard)})
        used, drawn = len(heard), {"road": int((heard.drawn == TRAFFIC).sum())}
        drawn["building"] = int((heard.drawn == BUILDING).sum())
    source = "default" if found == default else "points"
    figures: dict[str, Any] = {"source": source, "points": used, "drawn": drawn}
    write_json(out, found.to_dict() | figures)
    return Made(info=figures | {"coarse": found.coarse, "split": found.split})


def tell(probability: Floats, drawn: npt.NDArray[np.uint8], mapper: Mapper, calibration: Calibration) -> Floats:
    """What is told of single pixels, float32 [n, K], of what was asked there ([n, K], [n])."""
    told = calibration.apply(np.ascontiguousarray(probability.T, "float32"), mapper.index, len(mapper.coarse))
    return np.asarray(calibration.hear(told, drawn, mapper.values).T)


def hear_points(mapper: Mapper, readers: Readers, places: Places) -> Interpreted:
    """What the map says at interpreted points before calibration; points without imagery are left out."""
    asked = mapper.at_places(readers, places.rows, places.cols)
    close_extras(readers.extras)
    close(readers.imagery, readers.posterior, readers.vectors)
    return Interpreted(asked.probability, places.right(mapper.values), asked.drawn).where(asked.seen)


def read_calibration(path: Path) -> Calibration:
    """What `calibrate` wrote; InputError where it is not there or not whole."""
    return Calibration.from_dict(read_json(path), str(path), len(coarse_legend()))
