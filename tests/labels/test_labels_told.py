"""What labels tell of themselves: counts small enough to check in the head."""

import numpy as np
import pytest

from l2h.core.legend import coarse_legend
from l2h.labels.joint import count_joint
from l2h.labels.told import CellTally, agreement_of, count_sources, describe

PRODUCTS = (("esa", "worldcover"), ("esri", "esri"))
TREE, WATER = (coarse_legend().values.index(v) for v in (2, 9))


def posterior() -> np.ndarray:
    """Four cells: sure tree, half-sure tree, sure water of no reliability, silence."""
    cells = np.zeros((11, 1, 4), "uint8")
    cells[TREE, 0, :2] = 255, 153
    cells[WATER, 0, 1:3] = 102, 255
    cells[-1, 0] = 100, 40, 3, 0
    return cells


def test_cells_are_counted_by_their_likeliest_class() -> None:
    tally = CellTally.of(posterior(), void_below=25)
    assert (tally.cells[TREE], tally.cells[WATER], tally.silent) == (2, 1, 1)
    assert (tally.kept[TREE], tally.kept[WATER]) == (2, 0)
    assert (tally.told[TREE], tally.told_kept[WATER]) == (255 + 153, 0)
    assert np.flatnonzero(tally.reliability).tolist() == [0, 8, 19]


def test_tallies_of_parts_add_to_that_of_the_whole() -> None:
    cells = posterior()
    parts = [CellTally.of(cells[:, :, part], 25).to_dict() for part in (slice(0, 1), slice(1, 4))]
    assert CellTally.sum(parts).to_dict() == CellTally.of(cells, 25).to_dict()


def test_products_agree_where_they_admit_a_common_class() -> None:
    # tree and tree; shrub (20) and rangeland (11), which admits shrub; water and tree; one silent
    codes = np.array([[10, 20, 80, 0], [2, 11, 2, 2]], "uint8")[:, None]
    found = agreement_of(count_joint(codes), PRODUCTS)
    assert found["all"] == {"cells": 3, "agree": 2}
    assert found["pairs"] == [{"first": "esa", "second": "esri", "cells": 3, "agree": 2}]


def test_the_document_has_no_share_of_nothing() -> None:
    label = np.zeros((3, 1, 4), "uint8")
    label[2] = 0, 1, 1, 4
    agreement = {"all": {"cells": 0, "agree": 0}, "pairs": []}
    told = describe(CellTally.of(posterior(), 25), count_sources(label), agreement, "posterior")
    assert told["cells"] == {"spoken": 3, "kept": 2, "silent": 1}
    assert told["expected"] == pytest.approx((255 + 153) / 255 / 2, abs=1e-6)
    assert told["pixels"] == {"none": 1, "products": 2, "road": 0, "footprint": 0, "ring": 1}
    assert [row["value"] for row in told["classes"]] == [2, 9]
    assert told["classes"][1]["expected"] is None
    nothing = describe(CellTally.of(np.zeros((11, 2, 2), "uint8"), 25), np.zeros(5, "int64"), agreement, "posterior")
    assert nothing["kept_share"] is nothing["expected"] is None
