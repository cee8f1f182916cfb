"""Board: all answers in memory, folded from the events one by one; whose turn is which point."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from l2h.accuracy.interpretation.answers import Answer, Event, Role, Undo
from l2h.accuracy.interpretation.verdict import State, Verdict, decide
from l2h.core.errors import InputError

PACE_POINTS = 50  # answers behind the pace that is shown

_WANTED: dict[Role, State] = {"interpret": "open", "adjudicate": "disputed"}  # state of points that want a role

Held = Mapping[str, frozenset[str]]  # point → people who have it on their screens now


class Board:
    """What has been answered, by point and by person.

    points    : identities in the order in which they are handed out
    per_point : blind interpretations wanted of each point

    The same events give the same board; an answer that was taken back leaves the one before it standing.
    """

    def __init__(self, points: Sequence[str], per_point: int) -> None:
        self.points, self.per_point = tuple(points), per_point
        self._place = {point: number for number, point in enumerate(self.points)}
        self._answers: dict[str, dict[tuple[str, Role], list[Answer]]] = {point: {} for point in self.points}
        self._given: dict[tuple[str, Role], list[Answer]] = {}
        self._verdicts = dict.fromkeys(self.points, Verdict("open"))
        self._states: Counter[str] = Counter({"open": len(self.points)})

    def apply(self, event: Event) -> None:
        """Take one event in; InputError where it speaks of a point that is not on the board."""
        if event.point not in self._place:
            raise InputError("there is no such point", got=event.point)
        by_person = self._answers[event.point].setdefault((event.interpreter, event.role), [])
        given = self._given.setdefault((event.interpreter, event.role), [])
        if isinstance(event, Undo):
            by_person[:] = [answer for answer in by_person if answer.key != event.undoes]
            given[:] = [answer for answer in given if answer.key != event.undoes]
        else:
            by_person.append(event)
            given.append(event)
        self._states[self._verdicts[event.point].state] -= 1
        verdict = decide(self.interpretations(event.point), self.adjudication(event.point), self.per_point)
        self._verdicts[event.point] = verdict
        self._states[verdict.state] += 1

    def place(self, point: str) -> int:
        """Position of a point in the order, from 0."""
        return self._place[point]

    def interpretations(self, point: str) -> list[Answer]:
        """The standing blind answers to a point, by name."""
        found = self._answers[point]
        return [found[key][-1] for key in sorted(found) if key[1] == "interpret" and found[key]]

    def adjudication(self, point: str) -> Answer | None:
        """The newest standing adjudication of a point."""
        found = [answers[-1] for (_, role), answers in self._answers[point].items() if role == "adjudicate" and answers]
        return max(found, key=lambda answer: answer.at, default=None)

    def answer_of(self, point: str, who: str, role: Role) -> Answer | None:
        answers = self._answers[point].get((who, role), [])
        return answers[-1] if answers else None

    def verdict(self, point: str) -> Verdict:
        return self._verdicts[point]

    def states(self) -> dict[str, int]:
        """How many points are open, agreed, disputed, adjudicated."""
        return {state: self._states[state] for state in ("open", "agreed", "disputed", "adjudicated")}

    def people(self) -> list[str]:
        """Everyone who has an answer standing."""
        return sorted({who for (who, _), given in self._given.items() if given})

    def last(self, who: str, role: Role) -> Answer | None:
        """The newest answer of a person that was not taken back: what undo takes back."""
        given = self._given.get((who, role), [])
        return given[-1] if given else None

    def history(self, who: str, role: Role) -> list[str]:
        """The points a person has answered, in the order of the first answers that stand."""
        return list(dict.fromkeys(answer.point for answer in self._given.get((who, role), [])))

    def wants(self, point: str, who: str, role: Role, held: Held) -> bool:
        """Whether a point still needs this person's answer in this role.

        held : points on the screens of others, who will answer them soon
        """
        if self._verdicts[point].state != _WANTED[role] or self.answer_of(point, who, role) is not None:
            return False
        others = held.get(point, frozenset()) - {who}
        if role == "adjudicate":
            return not others and self.answer_of(point, who, "interpret") is None
        answered = {answer.interpreter for answer in self.interpretations(point)}
        return len(answered | others) < self.per_point

    def next_point(self, who: str, role: Role, held: Held, after: str | None = None) -> str | None:
        """The first point that wants this person, looking onward from `after` and round; None where none does."""
        start, n = 0 if after is None else self._place[after] + 1, len(self.points)
        turn = (self.points[(start + step) % n] for step in range(n))
        return next((point for point in turn if self.wants(point, who, role, held)), None)

    def left(self, who: str, role: Role) -> int:
        """How many points still want this person, were nobody else at work."""
        state = _WANTED[role]
        mine = {*self.history(who, "interpret"), *self.history(who, role)}
        return self._states[state] - sum(self._verdicts[point].state == state for point in mine)

    def seconds_per_point(self, who: str, role: Role) -> float | None:
        """Median time of a person's newest answers; None before the first."""
        spent = [answer.seconds for answer in self._given.get((who, role), [])[-PACE_POINTS:]]
        return median(spent) if spent else None
