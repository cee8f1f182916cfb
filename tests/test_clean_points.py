"""Clean points of a project are kept apart from those of the assessment."""

from pathlib import Path

import pytest

from l2h.accuracy.settings import ReferenceSettings
from l2h.clean.stage import locate_clean
from l2h.core.errors import InputError
from l2h.core.grid import Grid
from l2h.learning.clean import CleanPoints
from l2h.learning.settings import CleanSettings

GRID = Grid("EPSG:32650", 1000.0, 2000.0, 1.0, 100, 200)
CLEAN, REFERENCE = CleanSettings(points="clean.csv"), ReferenceSettings(points="points.csv", id_column="id")


def write(folder: Path, judged_x: float) -> None:
    (folder / "clean.csv").write_text("x,y,class\n1010.5,1990.5,2\n1100.5,1950.5,water\n")
    (folder / "points.csv").write_text(f"id,x,y,class\na,1190.5,1910.5,2\nb,{judged_x},1990.5,5\n")


def test_points_far_from_the_assessment_are_placed_on_the_lattice(tmp_path: Path) -> None:
    write(tmp_path, judged_x=1030.5)  # 20 m east
    made = locate_clean(tmp_path, CLEAN, REFERENCE, GRID, tmp_path / "out.csv")
    assert made.info == {"points": 2}
    points = CleanPoints.from_csv((tmp_path / "out.csv").read_text())
    assert (points.rows.tolist(), points.cols.tolist(), points.classes.tolist()) == ([9, 49], [10, 100], [2, 9])


@pytest.mark.parametrize(("judged_x", "metres"), [(1010.5, "0.0"), (1029.5, "19.0")])
def test_points_at_or_near_the_assessment_are_refused(tmp_path: Path, judged_x: float, metres: str) -> None:
    write(tmp_path, judged_x)
    with pytest.raises(InputError, match="1 of 2 clean points lie at or near") as caught:
        locate_clean(tmp_path, CLEAN, REFERENCE, GRID, tmp_path / "out.csv")
    assert f"{metres} m from point 0 to point b of points.csv" in str(caught.value)
    assert not (tmp_path / "out.csv").exists()


def test_how_near_is_too_near_is_a_setting(tmp_path: Path) -> None:
    write(tmp_path, judged_x=1030.5)  # 20 m east: at least so far apart
    locate_clean(tmp_path, CleanSettings(points="clean.csv", apart_m=20), REFERENCE, GRID, tmp_path / "out.csv")
    write(tmp_path, judged_x=1010.5)
    with pytest.raises(InputError, match="at or near"):
        locate_clean(tmp_path, CleanSettings(points="clean.csv", apart_m=0), REFERENCE, GRID, tmp_path / "out.csv")


def test_without_an_assessment_there_is_nothing_to_keep_apart_from(tmp_path: Path) -> None:
    write(tmp_path, judged_x=1010.5)
    assert locate_clean(tmp_path, CLEAN, None, GRID, tmp_path / "out.csv").info == {"points": 2}
