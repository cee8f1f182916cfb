"""Intersection and majority on 3 × 3 maps."""

import numpy as np
import pytest

from l2h.core.errors import InputError
from l2h.labels.votes import intersection, majority

OLD = ("worldcover", "esri2020", "from_glc10")
NEW = ("worldcover", "esri", "from_glc10")


def one(rule, legends: tuple[str, ...], *codes: int) -> int:
    return int(rule(np.array(codes, "uint8").reshape(-1, 1, 1), legends)[0, 0])


def test_agreement_on_a_small_map() -> None:
    esa = [[10, 10, 40], [50, 80, 40], [90, 95, 70]]
    esri = [[2, 2, 5], [7, 1, 2], [4, 4, 9]]
    glc = [[20, 20, 10], [80, 60, 10], [50, 50, 100]]
    codes = np.array([esa, esri, glc], "uint8")
    label = intersection(codes, OLD)
    assert label.dtype == np.uint8
    assert label.tolist() == [[2, 2, 5], [6, 9, 0], [10, 10, 8]]
    # the one pixel in dispute: two of three say cropland
    assert majority(codes, OLD).tolist() == [[2, 2, 5], [6, 9, 5], [10, 10, 8]]


@pytest.mark.parametrize(
    ("legends", "codes", "value"),
    [
        (NEW, (20, 11, 40), 3),  # rangeland {4, 3} ∩ shrub {3}
        (NEW, (30, 11, 30), 4),  # rangeland {4, 3} ∩ grass {4}
        (NEW, (30, 11, 40), 0),  # grass and shrub agree with rangeland, not with each other
        (OLD, (100, 8, 70), 12),  # moss through bare {7, 12} and tundra
        (OLD, (60, 8, 90), 7),
        (OLD, (100, 8, 90), 0),
        (OLD, (10, 10, 20), 0),  # cloud says nothing: no agreement of three
        (OLD, (10, 0, 20), 0),  # no pixel: no agreement of three
        (OLD, (0, 0, 0), 0),
        (("esri",), (11,), 0),  # two classes remain
    ],
)
def test_intersection_of_codes(legends: tuple[str, ...], codes: tuple[int, ...], value: int) -> None:
    assert one(intersection, legends, *codes) == value


@pytest.mark.parametrize(
    ("legends", "codes", "value"),
    [
        (NEW, (20, 11, 20), 3),  # shrub has two votes, tree and grass one
        (NEW, (40, 11, 20), 5),  # a tie of all: the first product
        (NEW, (0, 11, 20), 4),  # a tie: the first product that speaks, its usual class
        (OLD, (10, 10, 10), 2),  # cloud has no vote; tree and cropland tie
        (OLD, (10, 5, 10), 5),
        (OLD, (10, 5, 20), 2),
        (OLD, (60, 8, 70), 7),  # bare 2, moss 2: the first product's
        (OLD, (0, 0, 0), 0),
    ],
)
def test_majority_of_codes(legends: tuple[str, ...], codes: tuple[int, ...], value: int) -> None:
    assert one(majority, legends, *codes) == value


@pytest.mark.parametrize("rule", [intersection, majority])
def test_codes_need_one_legend_each(rule) -> None:
    with pytest.raises(InputError, match="differ"):
        rule(np.zeros((2, 3, 3), "uint8"), OLD)
