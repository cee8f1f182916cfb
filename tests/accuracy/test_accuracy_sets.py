"""Sets of classes at the points: coverage by hand, its interval, and tables that are none."""

import numpy as np
import pytest

from l2h.accuracy.estimates import Estimate
from l2h.accuracy.point_scores import Judged
from l2h.accuracy.points import Points
from l2h.accuracy.sampling.design import SampleDesign
from l2h.accuracy.sets import ToldSets, exact, sets_csv, sets_told
from l2h.core.errors import InputError

# three points in West, two in East; the last has no class in the map, the fourth two that are right
TABLE = """id,row,col,class,set_0.5,set_0.9
a,0,0,2,2,2
b,0,1,2,2,2 4
c,0,2,9,9,2 9
d,1,0,4,4,2 4 5
e,1,1,0,,
"""
POINTS = Points(
    tuple("abcde"), np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1]),
    np.array([2, 4, 5, 9, 2], "uint8"), np.array([0, 0, 0, 4, 0], "uint8"), np.zeros(5, "int64"),
)  # fmt: skip
CITIES = [
    {"index": 1, "region": "West", "province": "W", "city": "W", "name": "W"},
    {"index": 2, "region": "East", "province": "E", "city": "E", "name": "E"},
]
DOCUMENT = {"points": 80, "groups": [{"classes": [2], "points": 80, "thresholds": [0.4, None]}]}


def judged() -> Judged:
    city = (1, 1, 1, 2, 2)
    rows = [(i, city[i], int(POINTS.reference[i]), {"map": 2}, 50, 1) for i in range(5)]
    return Judged(rows, POINTS, SampleDesign("simple_random", 0, ()), 0, "here")


def test_coverage_by_place_level_and_class() -> None:
    found = sets_told(judged(), POINTS, ToldSets.from_csv(TABLE, "told.csv"), DOCUMENT, CITIES)
    nation, east, west = found["places"]
    # at .5 the sets of a and d hold the truth, at .9 that of b too; c's neither; e is a hole
    assert [row["coverage"]["value"] for row in nation["levels"]] == pytest.approx([2 / 4, 3 / 4])
    assert [row["coverage"]["n"] for row in nation["levels"]] == [4, 4]
    assert [row["mean_size"] for row in nation["levels"]] == pytest.approx([1.0, (1 + 2 + 2 + 3) / 4])
    assert nation["levels"][1]["sizes"] == pytest.approx([1 / 4, 2 / 4, 1 / 4])
    assert (east["name"], east["levels"][0]["coverage"]["value"]) == ("East", 1.0)
    assert (west["name"], west["levels"][0]["coverage"]["value"]) == ("West", pytest.approx(1 / 3))
    water = next(row for row in found["classes"] if row["value"] == 9)
    assert water["levels"][0]["coverage"]["value"] == 1.0  # its second class is in the set
    assert found["calibration_points"] == 80


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    # none of 10 missed: the lower end solves p^10 = .025
    sure = exact(Estimate(1.0, 0.0, "simple_random", 10, 0.7, 1.0))
    assert (sure.low, sure.high) == (pytest.approx(0.025**0.1), 1.0)
    assert exact(Estimate(0.0, 0.0, "systematic", 10, 0.0, 0.3)).high == pytest.approx(1 - 0.025**0.1)
    weighted = Estimate(0.9, 0.1, "stratified", 10, 0.5, 0.99)
    assert exact(weighted) == weighted


def test_every_point_is_told_with_its_sets() -> None:
    lines = sets_csv(POINTS, ToldSets.from_csv(TABLE, "told.csv")).splitlines()
    assert lines[0] == "id,row,col,reference,set_0.5,size_0.5,holds_0.5,set_0.9,size_0.9,holds_0.9"
    assert lines[2] == "b,0,1,grass,tree,1,false,tree; grass,2,true"
    assert lines[4].split(",")[5:7] == ["1", "true"]
    assert lines[5].split(",")[4:] == [""] * 6


def test_without_thresholds_there_are_points_and_no_sets() -> None:
    table = "".join(",".join(line.split(",")[:4]) + "\n" for line in TABLE.splitlines())
    found = sets_told(judged(), POINTS, ToldSets.from_csv(table, "told.csv"), DOCUMENT | {"groups": []}, CITIES)
    assert found["levels"] == []
    assert all(place["levels"] == [] for place in found["places"])


@pytest.mark.parametrize(
    "text",
    [
        "", "id,row,col\na,0,0\n", TABLE.replace("set_0.5", "some"), TABLE.replace("set_0.5", "set_half"),
        TABLE.replace("2 4 5", "2 x"), TABLE.replace("2 4 5", "2 400"), TABLE.replace("a,0,0,2,2,2", "a,0"),
    ],
)  # fmt: skip
def test_what_is_no_table_of_sets_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="table of sets"):
        ToldSets.from_csv(text, "told.csv")
