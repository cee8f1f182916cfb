"""Anchors: the rule they were inferred by, and one broken table per check."""

import numpy as np
import pytest

from l2h.core.errors import LegendError
from l2h.core.legend import coarse_legend, load_crosswalk
from l2h.labels.anchors import load_anchor, parse_anchor

PRODUCTS = ["worldcover", "esri2020", "esri", "from_glc10"]
CLASSES = coarse_legend().values
# Venter et al. (2022); snow and moss assumed
RIGHT = {2: 0.81, 3: 0.47, 4: 0.34, 5: 0.78, 6: 0.83, 7: 0.57, 8: 0.80, 9: 0.92, 10: 0.53, 12: 0.47}
RELATED = ["2 3", "2 4", "2 10", "3 4", "4 5", "4 7", "4 10", "4 12", "5 6", "5 7", "6 7", "7 8", "7 12", "9 10"]


def inferred(over_mapped: int) -> np.ndarray:
    """P(class said | class) by the rule in the heads of the tables."""
    pairs = {tuple(map(int, pair.split())) for pair in RELATED}
    rows = np.zeros((10, 10))
    for i, true in enumerate(CLASSES):
        for j, said in enumerate(CLASSES):
            related = (min(true, said), max(true, said)) in pairs
            rows[i, j] = (3 if related else 1) * (2 if said == over_mapped else 1) * (0.1 if said in (8, 12) else 1)
        rows[i, i] = 0
        rows[i] *= (1 - RIGHT[true]) / rows[i].sum()
        rows[i, i] = RIGHT[true]
    return rows


@pytest.mark.parametrize(
    ("legend", "over_mapped"), [("worldcover", 4), ("esri2020", 3), ("esri", 3), ("from_glc10", 0)]
)
def test_tables_follow_the_rule_they_state(legend: str, over_mapped: int) -> None:
    anchor = load_anchor(legend)
    said = inferred(over_mapped)
    usual = load_crosswalk(legend).primary_lut
    for code, column in zip(anchor.codes, anchor.rows.T, strict=True):
        members = [usual[code]]
        share = {90: 0.9, 95: 0.1}.get(code, 1.0) if legend == "worldcover" else 1.0
        if legend == "esri" and code == 11:
            members = [3, 4]
        if legend.startswith("esri") and code == 8:
            members = [7, 12]
        expected = share * sum(said[:, CLASSES.index(member)] for member in members)
        np.testing.assert_allclose(column, expected, atol=4e-4)  # printed to four decimals


@pytest.mark.parametrize("legend", PRODUCTS)
def test_a_code_that_says_nothing_has_no_column(legend: str) -> None:
    anchor = load_anchor(legend)
    silent = {code for code, targets in load_crosswalk(legend).table.items() if not targets}
    assert set(anchor.codes) == set(load_crosswalk(legend).table) - silent
    assert anchor.index_of[0] == 0
    assert all(anchor.index_of[code] == 0 for code in silent)
    assert anchor.index_of[anchor.codes[0]] == 1


def table(
    legend: str = "esri", codes: str = "[1, 2]", row: str = "[0.5, 0.5]", classes: tuple[int, ...] = CLASSES
) -> str:
    rows = "\n".join(f"{value} = {row}" for value in classes)
    return f'legend = "{legend}"\ncodes = {codes}\n[rows]\n{rows}\n'


def test_a_table_that_is_right() -> None:
    assert parse_anchor(table()).rows.tolist() == [[0.5, 0.5]] * 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (table(codes="[2, 1]"), "ascending"),
        (table(codes="[1, 3]"), r"absent from the legend.*3"),
        (table(row="[0.5, 0.4]"), "sum to 1"),
        (table(row="[1.0, 0.0]"), "positive"),
        (table(row="[1.0]"), "do not fit"),
        (table(classes=(2, 3)), "one row per class"),
        (table().replace("2 = [0.5, 0.5]", "2 = [1.0]", 1), "differ in length"),
    ],
)
def test_broken_tables(text: str, message: str) -> None:
    with pytest.raises(LegendError, match=message):
        parse_anchor(text)


def test_a_legend_without_anchor() -> None:
    with pytest.raises(LegendError, match=r"no anchor.*sinolc1"):
        load_anchor("sinolc1")
