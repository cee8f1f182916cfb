"""The calibration of a project: interpreted points in where there are any, `work/map/calibration.json` out, and beside
it thresholds of sets of classes, `work/map/sets.json`.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.files import read_json, write_json
from l2h.core.grid import Window
from l2h.core.legend import BUILDING, TRAFFIC, coarse_legend
from l2h.core.raster import BlockStore
from l2h.core.tasks import Made
from l2h.mapping.calibration import Calibration, Interpreted, fit
from l2h.mapping.conformal import fit_sets
from l2h.mapping.engine import Engine, close
from l2h.mapping.heard import close_extras
from l2h.mapping.mapper import Mapper, Readers
from l2h.mapping.predict import Floats
from l2h.mapping.zones import fit_regions

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


@dataclass(frozen=True)
class Given:
    """Interpreted points: their table; where thresholds of sets of classes go, if they are wanted; the layer of cities
    and its table, if regions are to be told apart.
    """

    points: Path
    sets: Path | None = None
    layer: BlockStore | None = None
    cities: Path | None = None

    @property
    def files(self) -> list[Path]:
        """What is read to know the regions of the points."""
        if self.layer is None or self.cities is None:
            return []
        places = Places.from_csv(self.points)
        return [self.cities, *dict.fromkeys(path for pixel in _pixels(places) for path in self.layer.paths_of(pixel))]

    def regions(self, places: Places) -> npt.NDArray[np.str_]:
        """Name of each point's region, "" where it has none."""
        if self.layer is None or self.cities is None:
            return np.full(len(places.ids), "", "U1")
        names = {int(c["index"]): str(c["region"]) for c in read_json(self.cities)["cities"]}
        found = [names.get(int(self.layer.read(pixel).values[0, 0, 0]), "") for pixel in _pixels(places)]
        close(self.layer)
        return np.array(found, str)


def _pixels(places: Places) -> Iterator[Window]:
    for row, col in zip(places.rows.tolist(), places.cols.tolist(), strict=True):
        yield Window(row, row + 1, col, col + 1)


def calibrate(engine: Engine, readers: Readers, rules: Rules, given: Given | None, out: Path) -> Made:
    """Write the calibration and where it comes from, and thresholds of sets of classes where they are wanted.

    {"coarse", "split", "bias", "road", "building", "source": where the temperatures come from,
    "points" | "default"; "points": how many were used, "drawn": {"road", "building"}: how many of them lie on vectors,
    "regions": {name: {"coarse", "split"}}: those that have their own}
    """
    default = engine.default_calibration(rules.prior, rules.shares)
    found, used, drawn = default, 0, {"road": 0, "building": 0}
    regions: dict[str, Calibration] = {}
    if given is not None:
        mapper, places = engine.mapper(rules.prior), Places.from_csv(given.points)
        heard, seen = hear_points(mapper, readers, places)
        found = fit(heard, mapper.values, mapper.index, len(mapper.coarse), default)
        regions = fit_regions(heard, given.regions(places)[seen], mapper.index, len(mapper.coarse), found)
        if given.sets is not None:
            told = tell(heard.probability, heard.drawn, mapper, default)
            bounds = fit_sets(told, heard.truth, mapper.values, engine.settings.set_levels)
            write_json(given.sets, bounds.to_dict() | {"points": len(heard)})
        used, drawn = len(heard), {"road": int((heard.drawn == TRAFFIC).sum())}
        drawn["building"] = int((heard.drawn == BUILDING).sum())
    source = "default" if replace(found, road=default.road, building=default.building) == default else "points"
    figures: dict[str, Any] = {"source": source, "points": used, "drawn": drawn}
    figures["regions"] = {name: {"coarse": own.coarse, "split": own.split} for name, own in regions.items()}
    write_json(out, found.to_dict() | figures)
    return Made(info=figures | {"coarse": found.coarse, "split": found.split})


def tell(probability: Floats, drawn: npt.NDArray[np.uint8], mapper: Mapper, calibration: Calibration) -> Floats:
    """What is told of single pixels, float32 [n, K], of what was asked there ([n, K], [n])."""
    told = calibration.apply(np.ascontiguousarray(probability.T, "float32"), mapper.index, len(mapper.coarse))
    return np.asarray(calibration.hear(told, drawn, mapper.values).T)


def hear_points(mapper: Mapper, readers: Readers, places: Places) -> tuple[Interpreted, npt.NDArray[np.bool_]]:
    """What the map says at interpreted points before calibration; and which they are, since without imagery they are
    left out.
    """
    asked = mapper.at_places(readers, places.rows, places.cols)
    close_extras(readers.extras)
    close(readers.imagery, readers.posterior, readers.prior, readers.vectors)
    return Interpreted(asked.probability, places.right(mapper.values), asked.drawn).where(asked.seen), asked.seen


def read_calibration(path: Path) -> tuple[Calibration, dict[str, Calibration]]:
    """What `calibrate` wrote, of the nation and of regions; InputError where it is not there or not whole."""
    told = read_json(path)
    nation, classes = Calibration.from_dict(told, str(path), len(coarse_legend())), len(coarse_legend())
    try:
        regions = {str(name): nation.to_dict() | dict(own) for name, own in told["regions"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError("a calibration is malformed", where=str(path), got=repr(error)) from error
    return nation, {name: Calibration.from_dict(own, f"{path}, {name}", classes) for name, own in regions.items()}
