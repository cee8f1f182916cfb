"""Verdicts, queues, undo: who gets which point next, and what the answers come to."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.accuracy.interpretation.answers import Answer, Confidence, Event, Role, Undo, check_answer, check_name
from l2h.accuracy.interpretation.board import Board
from l2h.accuracy.interpretation.verdict import Verdict, decide
from l2h.core.errors import InputError, LegendError
from l2h.core.legend import load_legend

NUMBERS = count()


def say(who: str, point: str, value: int | None, role: Role = "interpret", sure: Confidence = "high") -> Answer:
    number = next(NUMBERS)
    return Answer(f"k{number}", who, role, point, value, sure, at=f"{number:09d}")


def board(*events: Event, points: str = "abc", per_point: int = 2) -> Board:
    made = Board(tuple(points), per_point)
    for event in events:
        made.apply(event)
    return made


@pytest.mark.parametrize(
    ("values", "third", "verdict"),
    [
        ([], None, Verdict("open")),
        ([2], None, Verdict("open")),
        ([2, 2], None, Verdict("agreed", 2, "high")),
        ([2, 5], None, Verdict("disputed")),
        ([2, None], None, Verdict("disputed")),
        ([None, None], None, Verdict("agreed", None, "high")),
        ([2, 5], 5, Verdict("adjudicated", 5, "high")),
        ([2, 2, 5], None, Verdict("disputed")),
    ],
)
def test_what_answers_come_to(values: list[int | None], third: int | None, verdict: Verdict) -> None:
    adjudication = None if third is None else say("Z", "a", third, "adjudicate")
    assert decide([say(str(n), "a", v) for n, v in enumerate(values)], adjudication, 2) == verdict


def test_the_least_sure_of_those_who_agree_counts() -> None:
    assert decide([say("A", "a", 2, sure="low"), say("B", "a", 2)], None, 2).confidence == "low"


def test_each_point_goes_to_two_people_and_no_third() -> None:
    found = board(say("A", "a", 2), say("B", "a", 2), say("A", "b", 4))
    assert found.next_point("A", "interpret", {}) == "c"
    assert found.next_point("B", "interpret", {}) == "b"
    assert found.next_point("C", "interpret", {}) == "b"
    assert found.next_point("C", "interpret", {}, after="b") == "c"
    assert (found.left("A", "interpret"), found.left("B", "interpret"), found.left("C", "interpret")) == (1, 2, 2)


def test_a_point_on_two_screens_is_left_to_them() -> None:
    held = {"a": frozenset({"A", "B"}), "b": frozenset({"A"})}
    assert board().next_point("C", "interpret", held) == "b"
    assert board().next_point("A", "interpret", held) == "a"


def test_a_skipped_point_comes_round_again() -> None:
    found = board(say("A", "c", 2), points="abc")
    assert found.next_point("A", "interpret", {}, after="a") == "b"
    assert found.next_point("A", "interpret", {}, after="b") == "a"


def test_disputes_go_to_a_third() -> None:
    found = board(say("A", "a", 2), say("B", "a", 5), say("A", "b", 2), say("B", "b", 2))
    assert [found.next_point(who, "adjudicate", {}) for who in "ABC"] == [None, None, "a"]
    assert [found.left(who, "adjudicate") for who in "ABC"] == [0, 0, 1]
    found.apply(say("C", "a", 5, "adjudicate"))
    assert found.next_point("D", "adjudicate", {}) is None
    assert found.states() == {"open": 1, "agreed": 1, "disputed": 0, "adjudicated": 1}


def test_undo_brings_back_what_was_said_before() -> None:
    first, second = say("A", "a", 2), say("A", "a", 5)
    found = board(first, second)
    found.apply(Undo("u1", "A", "interpret", "a", second.key))
    assert found.answer_of("a", "A", "interpret") == first
    found.apply(Undo("u2", "A", "interpret", "a", first.key))
    assert found.answer_of("a", "A", "interpret") is None
    assert (found.last("A", "interpret"), found.history("A", "interpret"), found.people()) == (None, [], [])


def test_a_changed_answer_keeps_its_place_in_the_history() -> None:
    found = board(say("A", "a", 2), say("A", "b", 2), say("A", "a", 4))
    assert found.history("A", "interpret") == ["a", "b"]
    assert found.last("A", "interpret") == found.answer_of("a", "A", "interpret")


def test_pace_is_the_median_of_the_newest() -> None:
    spent = [Answer(f"p{n}", "A", "interpret", "a", 2, seconds=s) for n, s in enumerate((4.0, 10.0, 5.0))]
    assert board(*spent).seconds_per_point("A", "interpret") == 5.0
    assert board().seconds_per_point("A", "interpret") is None


def test_a_point_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="no such point"):
        board(say("A", "x", 2))


EVENTS = st.lists(
    st.tuples(
        st.sampled_from("ABC"), st.sampled_from("abc"), st.sampled_from((2, 5, None)),
        st.sampled_from(("interpret", "adjudicate", "undo")),
    ),
    max_size=25,
)  # fmt: skip


@given(EVENTS)
def test_counts_of_states_are_those_of_the_points(steps: list[tuple[str, str, int | None, str]]) -> None:
    found = board()
    for number, (who, point, value, kind) in enumerate(steps):
        last = found.last(who, "interpret")
        if kind != "undo":
            found.apply(say(who, point, value, kind))  # type: ignore[arg-type]
        elif last is not None:
            found.apply(Undo(f"undo{number}", who, "interpret", last.point, last.key))
    states = [found.verdict(point).state for point in "abc"]
    assert found.states() == {name: states.count(name) for name in ("open", "agreed", "disputed", "adjudicated")}
    for who in "ABCD":
        for role in ("interpret", "adjudicate"):
            assert found.left(who, role) == sum(found.wants(p, who, role, {}) for p in "abc")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "<b>A</b>", "A;B", "a\x00b"])
def test_strange_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="no name"):
        check_name(name)


def test_answers_keep_to_the_legend_and_to_their_size() -> None:
    legend = load_legend("sinolc1")
    assert check_answer(say("A", "a", None), legend).value is None
    with pytest.raises(LegendError, match="no such class"):
        check_answer(say("A", "a", 11), legend)
    with pytest.raises(InputError, match="too long"):
        check_answer(Answer("k", "A", "interpret", "a", 2, comment="x" * 2001), legend)
