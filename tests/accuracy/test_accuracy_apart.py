"""Points to calibrate by lie apart from the points that judge."""

import numpy as np
import pytest

from l2h.accuracy.apart import UNJUDGED, Learned, Sample, calibration_step, check_apart
from l2h.accuracy.points import Points
from l2h.accuracy.settings import CalibrationSettings, ReferenceSettings
from l2h.core.errors import InputError
from l2h.core.executors import SerialExecutor
from l2h.core.files import write_json
from l2h.core.grid import Grid, Window
from l2h.core.ledger import Ledger
from l2h.core.raster import BlockStore, write_raster
from l2h.core.tasks import Context, Stage, run_stage

GRID = Grid("EPSG:32650", 500_000.0, 4_000_000.0, 1.0, 200, 200)


def table(folder, name, places):
    x, y = GRID.xy([r for r, _ in places], [c for _, c in places])
    lines = [f"{a},{b},2" for a, b in zip(x, y, strict=True)]
    (folder / name).write_text("x,y,class\n" + "\n".join(lines) + "\n", "utf-8")
    return name


def locate(folder, ours, judges=None, apart_m=20.0, learned=None):
    context = Context(folder, GRID, 100, Ledger(folder), SerialExecutor())
    settings = CalibrationSettings(points=table(folder, "ours.csv", ours), apart_m=apart_m)
    reference = ReferenceSettings(points=table(folder, "judges.csv", judges)) if judges else None
    if learned:
        lines = "".join(f"{row},{col},9\n" for row, col in learned)
        (context.work / "train").mkdir(parents=True)
        (context.work / "train/clean.csv").write_text("row,col,class\n" + lines)
    seen = Learned("train/clean.csv", "seen.csv") if learned else None
    run_stage(Stage("map", (calibration_step(settings, reference, "map/points.csv", seen),)), context)
    return Points.from_csv((context.work / "map/points.csv").read_text("utf-8"))


def test_points_are_placed(tmp_path):
    found = locate(tmp_path, [(3, 4), (100, 7)], [(50, 50)])
    assert (found.rows.tolist(), found.cols.tolist()) == ([3, 100], [4, 7])
    assert found.reference.tolist() == [2, 2]


def test_without_a_reference_there_is_nothing_to_be_apart_from(tmp_path):
    assert len(locate(tmp_path, [(3, 4)])) == 1


@pytest.mark.parametrize(("judge", "fits"), [((3, 4), False), ((3, 23), False), ((3, 24), True)])
def test_near_points_are_refused(tmp_path, judge, fits):
    if fits:
        assert len(locate(tmp_path, [(3, 4), (90, 90)], [judge])) == 2
        return
    with pytest.raises(InputError, match=r"1 of 2 calibration points lie at or near points of the assess.*points 0\)"):
        locate(tmp_path, [(3, 4), (90, 90)], [judge])


def test_the_same_pixel_is_refused_at_any_distance(tmp_path):
    with pytest.raises(InputError, match="judged by what it was fitted to"):
        locate(tmp_path, [(3, 4)], [(3, 4)], apart_m=0.0)


@pytest.mark.parametrize(("seen", "apart_m", "rows"), [
    ((90, 90), 20.0, "points 1"), ((90, 71), 20.0, "points 1"), ((90, 90), 0.0, "points 1"),
    ((48, 47), 70.0, "points 0, 1"),
])  # fmt: skip
def test_points_the_network_learned_from_are_refused(tmp_path, seen, apart_m, rows):
    with pytest.raises(
        InputError, match=rf"calibration points lie at or near clean points \(ours.csv, {rows}\)"
    ) as caught:
        locate(tmp_path, [(3, 4), (90, 90)], [(150, 150)], apart_m, learned=[(20, 180), seen])
    assert "to point 1 of seen.csv. A network is surer of what it has seen" in str(caught.value)


def test_points_near_ground_drawn_for_the_network_are_refused(tmp_path):
    (tmp_path / "work/train").mkdir(parents=True)
    write_json(tmp_path / "work/train/drawn.json", {"block_px": 50, "blocks": ["r0001c0001"]})
    store = BlockStore(tmp_path / "work/train/drawn", GRID, 50)
    block = store.blocks_of(Window(50, 51, 50, 51))[0]
    drawn = np.zeros((1, 50, 50), "uint8")
    drawn[0, 40, 49] = 2  # row 90, column 99
    write_raster(store.path(block), drawn, GRID, block.window)
    context = Context(tmp_path, GRID, 100, Ledger(tmp_path), SerialExecutor())
    places = table(tmp_path, "ours.csv", [(3, 4), (90, 118)])  # 19 m away, in another block
    for apart_m in (19.0, 19.5):
        settings = CalibrationSettings(points=places, apart_m=apart_m)
        step = calibration_step(settings, None, "map/points.csv", Learned(index="train/drawn.json"))
        if apart_m == 19.0:
            run_stage(Stage("map", (step,)), context)
            continue
        with pytest.raises(
            InputError, match=r"1 of 2 calibration points lie at or near drawn.* points 1\).*got 19.0 m"
        ):
            run_stage(Stage("map", (step,)), context)


def test_points_apart_from_what_the_network_learned_are_placed(tmp_path):
    assert len(locate(tmp_path, [(3, 4), (90, 90)], learned=[(90, 70)])) == 2


def test_the_distance_is_in_metres_whatever_the_unit_of_the_crs():
    feet = Grid("EPSG:2232", 3_000_000.0, 1_700_000.0, 3.0, 200, 200)  # pixels of 3 US survey feet, 0.914 m
    at = [Sample.learned(f"row,col,class\n5,{col},2\n", "seen.csv") for col in (5, 15)]
    with pytest.raises(InputError, match=r"at least 9.2 m between them, and another pixel, got 9.1 m"):
        check_apart(*at, feet, 9.2, UNJUDGED)
    check_apart(*at, feet, 9.1, UNJUDGED)
