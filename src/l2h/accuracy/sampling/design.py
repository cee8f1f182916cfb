"""SampleDesign: how points were drawn. It travels with them, for an estimator without it can tell no standard error."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from l2h.accuracy.estimates import Design
from l2h.accuracy.weighted import Drawn, Index
from l2h.core.errors import InputError

DESIGNS: tuple[Design, ...] = ("simple_random", "systematic", "stratified", "two_stage")
WORDS = {
    "none": "not known how the points were drawn",
    "simple_random": "simple random sample of pixels, chances by ground area",
    "systematic": "square lattice with a random start; treated as a simple random sample, which tells the standard "
    "errors larger than they are where the map varies smoothly, smaller where it repeats with the lattice's step",
    "stratified": "simple random sample of pixels in each stratum, chances by ground area",
    "two_stage": "blocks with chances by area, with replacement, then pixels in each; variance between the blocks",
}


@dataclass(frozen=True)
class Stratum:
    """A part of the population: its code in the points' column `stratum`, pixels, area, points drawn in it."""

    code: int
    name: str
    pixels: int
    area_m2: float
    points: int


@dataclass(frozen=True)
class SampleDesign:
    """What an estimator and a reader must know of a sample.

    strata_of : what the strata are ("map", "province", a file), empty where there is one
    map_digest : digest of the map (or of what else the strata come from) at the time of drawing
    blocks    : of a two-stage sample, how many were drawn
    """

    method: Design
    seed: int
    strata: tuple[Stratum, ...]
    strata_of: str = ""
    allocation: str = ""
    map_digest: str = ""
    blocks: int = 0
    crs: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"format": "l2h-design-1", "words": WORDS[self.method]}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, where: str) -> Self:
        """InputError where the text is no design of this version."""
        try:
            values: dict[str, Any] = json.loads(text)
            if values.pop("format") != "l2h-design-1" or values["method"] not in WORDS:
                raise ValueError(str(values.get("method")))
            values.pop("words", None)
            strata = tuple(Stratum(**row) for row in values.pop("strata"))
            return cls(strata=strata, **values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError("the design of a sample cannot be read", where=where, got=str(error)) from error

    def drawn(self, column: Index, where: str) -> Drawn:
        """How the points were drawn, for the estimators.

        column : int64 [n], each point's stratum code; the block's number, of a two-stage sample
        InputError where a point names a stratum that the design lacks, or a stratum has too few points left.
        """
        if self.method == "two_stage":
            return Drawn(
                self.method, np.unique(column, return_inverse=True)[1].astype("int64"), np.zeros(0), np.zeros(0)
            )
        if self.method != "stratified":
            return Drawn(self.method, np.zeros(len(column), "int64"), np.zeros(0), np.zeros(0))
        codes = [stratum.code for stratum in self.strata]
        strange = sorted(set(column.tolist()) - set(codes))
        if strange:
            raise InputError("a point names a stratum that its design lacks", where=where, got=str(strange[0]))
        place = {code: number for number, code in enumerate(codes)}
        numbers = np.array([place[code] for code in column.tolist()], "int64")
        empty = [s.name for i, s in enumerate(self.strata) if (numbers == i).sum() < min(2, s.pixels)]
        if empty:
            raise InputError(
                "a stratum has fewer than two interpreted points: no standard error can be known", where=where,
                got=", ".join(empty), hint="Interpret more points there, or draw again with these strata merged.",
            )  # fmt: skip
        sizes = np.array([stratum.area_m2 for stratum in self.strata])
        return Drawn(self.method, numbers, sizes, np.array([float(s.pixels) for s in self.strata]))
