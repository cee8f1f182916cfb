"""The account: what was mended or lost counts once, in order, whatever memory holds; files are told apart."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l2h.core.errors import InputError
from l2h.sources import account, notes
from l2h.sources.account import Account, labels_of
from l2h.sources.notes import Notes


def settled(found: Notes) -> list[tuple[str, str]]:
    return [(row["name"], row["reason"]) for table in found.settled() for row in table.to_pylist()]


def test_names_come_in_the_order_of_their_numbers_and_count_once(tmp_path: Path) -> None:
    found = Notes(tmp_path, "lost")
    for name, reason in (("w10", "road: a"), ("w9", "road: b"), ("r2", "road: a"), ("w9", "road: c")):
        found.add(name, reason)
    assert settled(found) == [("r2", "road: a"), ("w9", "road: b"), ("w10", "road: a")]
    assert found.count == 3
    assert found.by_reason() == {
        "road: a": {"count": 2, "first": ["r2", "w10"]},
        "road: b": {"count": 1, "first": ["w9"]},
    }


def test_what_a_later_extract_brings_whole_is_not_lost(tmp_path: Path) -> None:
    found = Notes(tmp_path, "lost")
    found.add("w1", "road: cut")
    found.add("w1", "building: open")
    found.add("w2", "road: cut")
    found.forget("w1", "road")
    found.forget("w2", "road")
    found.forget("w3", "road")
    assert settled(found) == [("w1", "building: open")]


def test_the_last_reason_counts_where_that_is_asked_for(tmp_path: Path) -> None:
    found = Notes(tmp_path, "mended", last=True)
    found.add("v:roads:1", "road: a")
    found.add("v:roads:1", "road: b")
    assert settled(found) == [("v:roads:1", "road: b")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["w1", "w2", "r3", "x:roads:7"]), st.sampled_from("ab")), max_size=30))
def test_notes_are_the_same_however_few_are_held(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    expected: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notes, "HELD", 3)
        found = Notes(tmp_path, "x")
        found._sorter._run_rows = 4
        for name, why in rows:
            found.add(name, f"road: {why}")
            expected.setdefault(name, f"road: {why}")
        assert dict(settled(found)) == expected
    assert found.count == len(expected)
    assert not list(tmp_path.iterdir())


def test_only_the_first_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "FIRST", 2)
    found = Notes(tmp_path, "lost")
    for number in (30, 4, 200):
        found.add(f"w{number}", "road: cut")
    assert len(settled(found)) == 3
    assert found.by_reason() == {"road: cut": {"count": 3, "first": ["w4", "w30"]}}


def test_more_than_can_be_slips_is_another_kind_of_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "MOST", 2)
    own = Account(tmp_path)
    own.drop("w1", "road: cut")
    own.drop("w2", "road: cut")
    with pytest.raises(InputError, match="more than 2 lines and outlines cannot be built"):
        own.drop("w3", "road: cut")


def test_files_of_one_name_are_told_apart_by_their_folders() -> None:
    north, south, other = Path("/a/north/x.osm.pbf"), Path("/a/south/x.osm.pbf"), Path("/a/south/y.osm.pbf")
    assert labels_of([north, south, other]) == {
        north: "north/x.osm.pbf", south: "south/x.osm.pbf", other: "y.osm.pbf",
    }  # fmt: skip
    assert labels_of([north, north]) == {north: "x.osm.pbf"}
