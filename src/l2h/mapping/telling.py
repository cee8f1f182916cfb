"""Sets of classes at located points: what `conformal` bounds, as a table beside the points."""

import csv
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from l2h.core.files import read_json, write_text
from l2h.core.tasks import Made
from l2h.mapping.calibrating import Places, Rules, tell
from l2h.mapping.conformal import Sets
from l2h.mapping.engine import Engine, close
from l2h.mapping.heard import close_extras
from l2h.mapping.mapper import Asked, Readers


def tell_sets(engine: Engine, readers: Readers, rules: Rules, points: Path, sets: Path, out: Path) -> Made:
    """Write the sets of located points: a table id, row, col, class, set_<level> …

    class : of the map, 0 where it has none; set_<level> : class values with blanks between them, nothing where the map
    has no class. Without thresholds (too few calibration points) there are no such columns.
    """
    mapper, places = engine.mapper(rules.prior), Places.from_csv(points)
    asked = mapper.at_places(readers, places.rows, places.cols)
    close_extras(readers.extras)
    close(readers.imagery, readers.posterior, readers.prior, readers.vectors)
    bounds = Sets.from_dict(read_json(sets), str(sets), mapper.values)
    mapped = mapped_classes(asked, mapper.values)
    # told as the thresholds were: by the default, which no point has touched
    told = tell(asked.probability, asked.drawn, mapper, engine.default_calibration(rules.prior, rules.shares))
    found = bounds.of(told, mapped, mapper.values) if bounds.groups else np.zeros((0, *told.shape), bool)
    write_text(out, _table(places, asked.seen, mapped, found, bounds, mapper.values))
    return Made(info={"points": len(places.ids)})


def mapped_classes(asked: Asked, values: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Place of the map's class among `values` at each point: the network's, or the vector's where one is drawn."""
    place = np.zeros(256, "int64")
    place[list(values)] = np.arange(len(values))
    return np.asarray(np.where(asked.drawn > 0, place[asked.drawn], asked.best), "int64")


def _table(
    places: Places, seen: npt.NDArray[np.bool_], mapped: npt.NDArray[np.int64], found: npt.NDArray[np.bool_],
    bounds: Sets, values: tuple[int, ...],
) -> str:  # fmt: skip
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("id", "row", "col", "class", *(f"set_{level:g}" for level in bounds.levels[: len(found)])))
    for i, identity in enumerate(places.ids):
        inside = [" ".join(str(v) for v, k in zip(values, one[i], strict=True) if k and seen[i]) for one in found]
        own = values[mapped[i]] if seen[i] else 0
        writer.writerow((identity, int(places.rows[i]), int(places.cols[i]), own, *inside))
    return out.getvalue()
