"""What labels tell of themselves, without any reference: how much is kept, how sure it is, how far products agree.

Exact integer counts that add over blocks in any order. The certainty is the label model's own opinion: on real pictures
with simulated products it was 0 to 4 points too high (docs/benchmarks/labels.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.legend import coarse_legend, load_crosswalk
from l2h.labels.compose import FOOTPRINT, NONE, PRODUCTS, RING, ROAD
from l2h.labels.joint import JointCounts
from l2h.labels.posterior import WHOLE

Ints = npt.NDArray[np.int64]
SOURCES = {"none": NONE, "products": PRODUCTS, "road": ROAD, "footprint": FOOTPRINT, "ring": RING}
BIN = 5  # per cent of reliability a bin of the histogram covers; 100 stands in the last


@dataclass(frozen=True)
class CellTally:
    """Cells by their likeliest class, int64 [K] each; ``reliability`` int64 [20], all classes together.

    cells, kept : cells of the class, and those reliable enough to be a label
    told, told_kept : sum over them of the largest probability, of 255
    silent : cells in which no product says anything
    """

    cells: Ints
    kept: Ints
    told: Ints
    told_kept: Ints
    reliability: Ints
    silent: int

    @classmethod
    def of(cls, posterior: npt.NDArray[np.uint8], void_below: int) -> "CellTally":
        """Count a posterior store's cells, uint8 [K + 1, h, w]; reliable enough: at least ``void_below``."""
        shares, trust = posterior[:-1], posterior[-1].astype("int64")
        largest, top = shares.max(axis=0).astype("int64"), shares.argmax(axis=0)
        speaks = largest > 0
        kept = speaks & (trust >= void_below)
        bins = np.minimum(trust[speaks] // BIN, 100 // BIN - 1)

        def per_class(where: npt.NDArray[np.bool_], weight: Ints) -> Ints:
            total = np.zeros(len(shares), "int64")
            np.add.at(total, top[where], weight[where])
            return total

        one = np.ones_like(largest)
        return cls(
            per_class(speaks, one),
            per_class(kept, one),
            per_class(speaks, largest),
            per_class(kept, largest),
            np.bincount(bins, minlength=100 // BIN).astype("int64"),
            int((~speaks).sum()),
        )

    def to_dict(self) -> dict[str, Any]:
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()}

    @classmethod
    def sum(cls, documents: Sequence[Mapping[str, Any]]) -> "CellTally":
        """The sum of at least one tally, each as `to_dict` gives it."""
        totals = {name: np.sum([document[name] for document in documents], axis=0) for name in cls.__annotations__}
        return cls(**totals | {"silent": int(totals["silent"])})


def count_sources(label: npt.NDArray[np.uint8]) -> Ints:
    """Pixels of each source (none, products, road, footprint, ring) of a label [3, H, W], int64 [5]."""
    return np.bincount(label[2].ravel(), minlength=len(SOURCES)).astype("int64")


def agreement_of(joint: JointCounts, products: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """How often products admit a common class, all together and in pairs, of the cells where all of them speak.

    joint : combinations of codes with their cells; products : (name, legend) in the order of the codes
    """
    admits = [
        load_crosswalk(legend).admits[codes] for (_, legend), codes in zip(products, joint.codes.T, strict=True)
    ]  # each bool [N, K]

    def common(chosen: Sequence[int]) -> dict[str, int]:
        speak = np.all([admits[k].any(axis=1) for k in chosen], axis=0)
        agree = np.all([admits[k] for k in chosen], axis=0).any(axis=1)
        return {"cells": int(joint.counts[speak].sum()), "agree": int(joint.counts[speak & agree].sum())}

    pairs = [
        {"first": products[a][0], "second": products[b][0], **common((a, b))}
        for a, b in combinations(range(len(products)), 2)
    ]
    return {"all": common(range(len(products))), "pairs": pairs}


def describe(cells: CellTally, pixels: Ints, agreement: Mapping[str, Any], method: str) -> dict[str, Any]:
    """The document work/labels/quality.json; shares are None where there is nothing to share."""
    classes = [
        {
            "value": value,
            "cells": int(cells.cells[i]),
            "kept": int(cells.kept[i]),
            "expected": _share(int(cells.told_kept[i]), WHOLE * int(cells.kept[i])),
        }
        for i, value in enumerate(coarse_legend().values)
        if cells.cells[i]
    ]
    spoken, kept = int(cells.cells.sum()), int(cells.kept.sum())
    return {
        "method": method,
        "cells": {"spoken": spoken, "kept": kept, "silent": cells.silent},
        "kept_share": _share(kept, spoken),
        "expected": _share(int(cells.told_kept.sum()), WHOLE * kept),
        "expected_all": _share(int(cells.told.sum()), WHOLE * spoken),
        "classes": classes,
        "reliability": {"bin": BIN, "cells": cells.reliability.tolist()},
        "agreement": agreement,
        "pixels": {name: int(pixels[code]) for name, code in SOURCES.items()},
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
