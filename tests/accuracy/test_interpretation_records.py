"""Records on the disk, the sheet of points, and the export that `assess` reads."""

import sqlite3
from pathlib import Path

import geopandas
import numpy as np
import pandas
import pyogrio
import pytest

from l2h.accuracy.interpretation.answers import Answer, Undo
from l2h.accuracy.interpretation.board import Board
from l2h.accuracy.interpretation.export import export
from l2h.accuracy.interpretation.records import Records
from l2h.accuracy.interpretation.sheet import read_sheet
from l2h.accuracy.points import read_points
from l2h.accuracy.settings import ReferenceSettings
from l2h.core.errors import InputError, UsageError
from l2h.core.grid import Grid
from l2h.core.legend import load_legend

GRID = Grid("EPSG:32650", 500_000.0, 3_320_000.0, 1.0, 20, 20)
LEGEND = load_legend("sinolc1")


def begin(path: Path, points: str = "p", legend: str = "sinolc1", per_point: int = 2) -> Records:
    return Records.open(path, points, legend, per_point)


def test_what_was_added_is_there_after_opening_again(tmp_path: Path) -> None:
    records = begin(tmp_path / "r.sqlite")
    answer = records.add(Answer("k1", "Li Na", "interpret", "7", 2, "low", "a “note”", 3, "2021-06-12", 4.5))
    undo = records.add(Undo("k2", "Li Na", "interpret", "7", "k1"))
    salt = records.salt
    records.close()
    again = begin(tmp_path / "r.sqlite")
    assert [event for _, event in again.since(0)] == [answer, undo]
    assert [event for _, event in again.since(1)] == [undo]
    assert (again.salt, answer.at[:2], answer.at[-6:]) == (salt, "20", "+00:00")
    again.close()


def test_the_same_key_counts_once(tmp_path: Path) -> None:
    records = begin(tmp_path / "r.sqlite")
    first = records.add(Answer("k1", "A", "interpret", "7", 2))
    assert records.add(Answer("k1", "A", "interpret", "7", 2)) == first
    with pytest.raises(InputError, match="used for another"):
        records.add(Answer("k1", "B", "interpret", "7", 2))
    assert len(records.since(0)) == 1
    records.close()


def test_two_servers_on_one_file_see_each_other(tmp_path: Path) -> None:
    first, second = begin(tmp_path / "r.sqlite"), begin(tmp_path / "r.sqlite")
    first.add(Answer("k1", "A", "interpret", "7", 2))
    second.add(Answer("k2", "B", "interpret", "7", 4))
    assert [event.key for _, event in first.since(0)] == ["k1", "k2"]
    first.close()
    second.close()


@pytest.mark.parametrize("statement", ["UPDATE events SET value = 4", "DELETE FROM events"])
def test_events_are_never_changed_or_removed(tmp_path: Path, statement: str) -> None:
    records = begin(tmp_path / "r.sqlite")
    records.add(Answer("k1", "A", "interpret", "7", 2))
    records.close()
    hand = sqlite3.connect(tmp_path / "r.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="never"):
        hand.execute(statement)
    assert hand.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    hand.close()


@pytest.mark.parametrize(
    ("changed", "word"), [(("q", "sinolc1", 2), "other points"), (("p", "sinolc1", 3), "another --per-point")]
)
def test_records_of_other_points_are_not_mixed(tmp_path: Path, changed: tuple[str, str, int], word: str) -> None:
    begin(tmp_path / "r.sqlite").close()
    with pytest.raises(UsageError, match=word):
        begin(tmp_path / "r.sqlite", *changed)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").write_text("no database at all, and long enough to be read as one")
    with pytest.raises(InputError, match="cannot be opened"):
        begin(tmp_path / "r.sqlite")


def write_points(path: Path, rows: list[int], ids: list[str] | None = None) -> None:
    x, y = GRID.xy(np.array(rows), np.array(rows))
    columns = {"id": ids or [f"s{r}" for r in rows], "class_value": 12, "stratum": "moss", "weight": 0.125}
    frame = geopandas.GeoDataFrame(columns, geometry=geopandas.points_from_xy(x, y), crs=GRID.crs)
    if path.suffix == ".csv":
        frame.drop(columns="geometry").assign(x=x, y=y).to_csv(path, index=False)
    else:
        frame.to_file(path, driver="GPKG", layer="sample", layer_metadata={"design": "stratified"})


@pytest.mark.parametrize("name", ["p.gpkg", "p.csv"])
def test_a_sheet_has_places_and_an_order_of_its_own(tmp_path: Path, name: str) -> None:
    write_points(tmp_path / name, list(range(12)))
    sheet = read_sheet(tmp_path / name, GRID)
    assert (sheet.ids[3], sheet.rows[3], sheet.cols[3]) == ("s3", 3, 3)
    order = sheet.order("salt")
    assert sorted(order) == sorted(sheet.ids)
    assert order not in (sheet.ids, sheet.order("other salt"))
    assert order == read_sheet(tmp_path / name, GRID).order("salt")


@pytest.mark.parametrize(
    ("rows", "ids", "message"),
    [([1, 30], None, "outside the map"), ([1, 1], ["a", "b"], "share a pixel"), ([1, 2], ["a", "a"], "one identity")],
)
def test_bad_points_are_refused(tmp_path: Path, rows: list[int], ids: list[str] | None, message: str) -> None:
    write_points(tmp_path / "p.gpkg", rows, ids)
    with pytest.raises(InputError, match=message):
        read_sheet(tmp_path / "p.gpkg", GRID)


def test_the_points_of_a_sample_are_found_beside_its_design(tmp_path: Path) -> None:
    table = pandas.DataFrame({"stratum": ["moss"], "pixels": [400]})
    pyogrio.write_dataframe(table, tmp_path / "p.gpkg", layer="design", driver="GPKG")
    x, y = GRID.xy(np.array([1, 2]), np.array([3, 4]))
    frame = geopandas.GeoDataFrame({"id": [7, 8]}, geometry=geopandas.points_from_xy(x, y), crs=GRID.crs)
    frame.to_file(tmp_path / "p.gpkg", layer="points", driver="GPKG", mode="a")
    assert read_sheet(tmp_path / "p.gpkg", GRID).ids == ("7", "8")


def test_bad_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        read_sheet(tmp_path / "none.gpkg", GRID)
    (tmp_path / "p.csv").write_text("id,x\n1,2\n")
    with pytest.raises(InputError, match="no coordinates"):
        read_sheet(tmp_path / "p.csv", GRID)
    (tmp_path / "p.gpkg").write_text("none")
    with pytest.raises(InputError, match="cannot be read"):
        read_sheet(tmp_path / "p.gpkg", GRID)


def filled() -> tuple[Board, list[Answer]]:
    """s1 agreed, s2 adjudicated, s3 disputed, s4 cannot tell, s5 open."""
    said = [
        ("A", "s1", 2), ("B", "s1", 2), ("A", "s2", 2), ("B", "s2", 5), ("A", "s3", 4), ("B", "s3", 3),
        ("A", "s4", None), ("B", "s4", None), ("A", "s5", 9),
    ]  # fmt: skip
    events = [
        Answer(f"k{n}", who, "interpret", point, value, scene=1, scene_date="2021-06-12")
        for n, (who, point, value) in enumerate(said)
    ]
    events.append(Answer("k9", "C", "adjudicate", "s2", 5, "medium", "=road, seen twice"))
    board = Board([f"s{n}" for n in range(1, 6)], 2)
    for event in events:
        board.apply(event)
    return board, events


@pytest.mark.parametrize("name", ["p.gpkg", "p.csv"])
def test_the_export_carries_the_design_and_assess_reads_it(tmp_path: Path, name: str) -> None:
    write_points(tmp_path / name, [1, 2, 3, 4, 5])
    done = export(*filled(), LEGEND, (tmp_path / name, None, None), GRID.crs, tmp_path / "out")
    assert (done.with_class, done.cannot_tell, done.waiting) == (2, 1, 2)
    settings = ReferenceSettings(class_column="class_value", id_column="id", layer="points")
    for path in done.files[:2]:
        points = read_points(path, settings, GRID, LEGEND)
        assert (points.ids, points.reference.tolist(), points.rows.tolist()) == (("s1", "s2"), [2, 5], [1, 2])
    frame = geopandas.read_file(done.files[0], layer="points")
    assert frame["stratum"].tolist() == ["moss", "moss"]
    assert frame["weight"].astype(float).tolist() == [0.125, 0.125]
    assert frame["given_class_value"].astype(int).tolist() == [12, 12]
    assert frame["decided"].tolist() == ["agreed", "adjudicated"]
    assert frame["adjudicator"].tolist()[1] == "C"
    rest = geopandas.read_file(done.files[0], layer="unresolved")
    assert dict(zip(rest["id"], rest["state"], strict=True)) == {"s3": "disputed", "s4": "cannot tell", "s5": "open"}
    if name == "p.gpkg":
        assert pyogrio.read_info(done.files[0], layer="points")["layer_metadata"]["design"] == "stratified"
    lines = done.files[2].read_text().splitlines()
    assert len(lines) == 11
    assert "A,interpret,s1,answer,2,tree,high" in lines[1]


def test_an_export_of_other_points_is_refused(tmp_path: Path) -> None:
    write_points(tmp_path / "p.gpkg", [1, 2, 3])
    with pytest.raises(InputError, match="has changed"):
        export(*filled(), LEGEND, (tmp_path / "p.gpkg", None, None), GRID.crs, tmp_path)
