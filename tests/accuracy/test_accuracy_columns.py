"""The columns beside the scorer's: edges, far traffic, calibration, on maps small enough to check in the head."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from l2h.core.grid import Grid
from l2h.core.raster import write_raster

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
GRID = Grid("EPSG:32632", 500_000.0, 5_200_000.0, 1.0, 20, 40)


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import columns

    return columns


def test_edges_are_what_lies_near_another_class(columns: ModuleType) -> None:
    group = np.full((9, 12), 0, np.int16)
    group[:, 6:] = 1
    near = columns.near_other_class(group, 4)
    assert near.all(axis=0).tolist() == [False, False, True, True, True, True, True, True, True, True, False, False]
    assert np.array_equal(near.any(axis=0), near.all(axis=0))


def test_an_unlabelled_gap_is_crossed_and_never_an_edge(columns: ModuleType) -> None:
    assert columns.near_other_class(np.array([[0, -1, -1, 1]], np.int16), 3).tolist() == [[True, False, False, True]]
    assert not columns.near_other_class(np.array([[0, -1, -1, 1]], np.int16), 2).any()
    assert not columns.near_other_class(np.array([[0, 0, -1, -1]], np.int16), 4).any()


def test_calibration_error_of_two_bins(columns: ModuleType) -> None:
    bins = columns.bin_confidence(np.array([90, 90, 100, 52], np.uint8), np.array([True, False, True, True]))
    assert bins[18].tolist() == [2, 1, 180]
    assert bins[19].tolist() == [1, 1, 100]
    assert bins[10].tolist() == [1, 1, 52]
    # |1 - 1.8| + |1 - 1| + |1 - 0.52| over four pixels
    assert columns.calibration_error(bins) == pytest.approx((0.8 + 0.48) / 4)


def test_f1_without_any_road_is_undefined(columns: ModuleType) -> None:
    assert columns.f1(np.array([0, 0, 0])) is None
    assert columns.f1(np.array([2, 1, 1])) == pytest.approx(2 / 3)


OSM = """<?xml version="1.0"?>
<osm version="0.6">
 <node id="1" lat="{lat}" lon="{west}"/><node id="2" lat="{lat}" lon="{east}"/>
 <way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>
</osm>
"""


def write_case(folder: Path, reference: np.ndarray, mapped: np.ndarray, confidence: np.ndarray, accept: dict) -> None:
    """A case `town_1` and its map, uint8 [H, W] each, without a vector."""
    case = folder / "cases" / "town_1"
    (folder / "maps" / "confidence").mkdir(parents=True)
    case.mkdir(parents=True)
    for path, values in (
        (case / "reference.tif", reference),
        (case / "image.tif", reference),
        (folder / "maps" / "town_1.tif", mapped),
        (folder / "maps" / "confidence" / "town_1.tif", confidence),
    ):
        write_raster(path, values[None], GRID, GRID.window)
    (case / "meta.json").write_text(json.dumps({"accept": accept}))


def test_confidence_is_not_judged_of_classes_the_reference_does_not_tell_apart(
    columns: ModuleType, tmp_path: Path
) -> None:
    """Urban land is 1 or 6 alike: a map that is 55 % sure of a 6 there is always right, and not under-confident."""
    reference = np.full((20, 40), 2, "uint8")
    reference[:, 20:] = 6
    mapped, confidence = reference.copy(), np.where(reference == 6, 55, 90).astype("uint8")
    mapped[0, :20] = 9  # a twentieth of the trees is water to the map
    mapped[1, :20] = 6  # and one is built-up, which is wrong but not judged either
    write_case(tmp_path, reference, mapped, confidence, {"2": [2], "6": [1, 6], "9": [9]})
    [(_, cases)] = columns.find_families(tmp_path / "cases").items()
    row = columns.score_family(cases, tmp_path / "maps")
    assert row["reliability"]["pixels"] == [19 * 20]
    assert row["ece"] == pytest.approx(abs(18 / 19 - 0.9), abs=1e-4)


def test_a_case_of_two_classes_and_one_given_road(columns: ModuleType, tmp_path: Path) -> None:
    """A road along row 3 is given, one along row 15 is not; the map has the first and half of the second."""
    reference = np.full((20, 40), 2, "uint8")
    reference[[3, 15]] = 1
    mapped = reference.copy()
    mapped[15, 20:] = 2
    write_case(tmp_path, reference, mapped, np.full_like(mapped, 100), {"1": [1], "2": [2]})
    case = tmp_path / "cases" / "town_1"
    from pyproj import Transformer

    to_degrees = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True)
    (west, lat), (east, _) = (to_degrees.transform(500_000.0 + x, 5_200_000.0 - 3.5) for x in (-50, 90))
    (case / "osm.osm").write_text(OSM.format(lat=lat, west=west, east=east))

    [(family, cases)] = columns.find_families(tmp_path / "cases").items()
    row = columns.score_family(cases, tmp_path / "maps")
    assert family == "town"
    # rows 0 to 9 lie within 6 m of the given road: of the other 40 road pixels 20 are found
    assert row["far_traffic"] == pytest.approx(2 * 20 / (2 * 20 + 20), abs=1e-4)
    # edge rows: 0 to 7 and 11 to 19, 17 rows of 40 px, of which 20 px are wrong
    assert row["edge"] == pytest.approx(1 - 20 / (17 * 40), abs=1e-4)
    assert row["ece"] == pytest.approx(20 / 800)
    assert row["reliability"]["right"] == [pytest.approx(1 - 20 / 800)]
    assert sys.modules["columns"] is columns
