"""Verdict: what the answers to a point come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from l2h.accuracy.interpretation.answers import CONFIDENCES, Answer, Confidence

State = Literal["open", "agreed", "disputed", "adjudicated"]


@dataclass(frozen=True)
class Verdict:
    """Where a point stands.

    state      : open (answers are still to come), agreed, disputed (a third has to decide), adjudicated
    value      : its class once agreed or adjudicated; None before, and where people could not tell
    confidence : the lowest among those who decided
    """

    state: State
    value: int | None = None
    confidence: Confidence | None = None

    @property
    def settled(self) -> bool:
        return self.state in ("agreed", "adjudicated")


def decide(interpretations: Sequence[Answer], adjudication: Answer | None, per_point: int) -> Verdict:
    """The verdict on a point from the standing answers of its interpreters and of the adjudicator.

    An adjudication rules whatever is said later; otherwise `per_point` equal answers agree. "Cannot tell" is an answer:
    two of them agree, one against a class is a dispute.
    """
    if adjudication is not None:
        return Verdict("adjudicated", adjudication.value, adjudication.confidence)
    if len(interpretations) < per_point:
        return Verdict("open")
    if len({answer.value for answer in interpretations}) > 1:
        return Verdict("disputed")
    lowest = max((answer.confidence for answer in interpretations), key=CONFIDENCES.index)
    return Verdict("agreed", interpretations[0].value, lowest)
