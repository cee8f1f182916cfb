"""Anchors: what a product's confusion matrix is expected to be before any data are seen.

They keep the classes' meaning: without them EM may swap or merge classes that no product tells apart.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from l2h.core.errors import LegendError
from l2h.core.legend import coarse_legend, load_legend


@dataclass(frozen=True)
class Anchor:
    """Expected P(code | class) of one product.

    legend : the product's legend
    codes  : the codes that say something of the ground, ascending; others (cloud) count as missing
    rows   : float64 [K, L], classes of the coarse legend × codes; every row sums to 1, nothing is impossible
    """

    legend: str
    codes: tuple[int, ...]
    rows: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        where = f"anchor of legend '{self.legend}'"
        if list(self.codes) != sorted(set(self.codes)):
            raise LegendError("codes are not ascending and unique", where=where, got=str(self.codes))
        strange = sorted(set(self.codes) - set(load_legend(self.legend).values))
        if strange:
            raise LegendError("a code is absent from the legend", where=where, got=str(strange))
        shape = (len(coarse_legend()), len(self.codes))
        if self.rows.shape != shape:
            raise LegendError("rows do not fit", where=where, expected=str(shape), got=str(self.rows.shape))
        if not (self.rows > 0).all() or not np.allclose(self.rows.sum(1), 1, rtol=0, atol=1e-9):
            raise LegendError("every row must be positive and sum to 1", where=where, got=str(self.rows.sum(1)))

    @property
    def index_of(self) -> npt.NDArray[np.intp]:
        """[256]: code → 0 where it says nothing (nodata, cloud), else 1 + its column."""
        table = np.zeros(256, np.intp)
        table[list(self.codes)] = 1 + np.arange(len(self.codes))
        return table


def parse_anchor(text: str) -> Anchor:
    """An anchor from TOML: `legend`, `codes`, and `[rows]` with one list of probabilities per coarse class value.

    Rows printed to four decimals need not sum to 1 exactly: they may be off by 0.001 and are scaled.
    """
    data = tomllib.loads(text)
    where = f"anchor of legend '{data['legend']}'"
    classes = [str(value) for value in coarse_legend().values]
    if set(data["rows"]) != set(classes):
        raise LegendError("an anchor needs one row per class", where=where, got=str(sorted(data["rows"])))
    if len({len(row) for row in data["rows"].values()}) != 1:
        raise LegendError("rows differ in length", where=where)
    rows = np.array([data["rows"][value] for value in classes], "float64")
    sums = rows.sum(1, keepdims=True)
    if not (abs(sums - 1) <= 1e-3).all():
        raise LegendError("every row must sum to 1", where=where, got=str(sums.ravel()))
    return Anchor(data["legend"], tuple(data["codes"]), rows / sums)


@cache
def load_anchor(legend: str) -> Anchor:
    """The anchor that ships with the package for a product legend."""
    path = files("l2h.labels").joinpath(f"anchors/{legend}.toml")
    if not path.is_file():
        raise LegendError("no anchor for this legend", expected="a table in labels/anchors", got=legend)
    return parse_anchor(path.read_text("utf-8"))
