"""Notes: what was mended or lost, thing by thing, with memory for a fixed number of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from l2h.sources.sorter import Sorter

FIRST = 100  # names listed for each reason
HELD = 10_000  # notes held before they are handed to the sorter
SCHEMA = pa.schema([("key", pa.uint64()), ("osm_id", pa.string()), ("reason", pa.string())])
NUMBER_BITS = 56


class Notes:
    """Reasons by name. A name counts once: with its first reason, or with its last where `last` says so.

    Reasons say first what kind of thing it is about, as in "road: fewer than two places".
    """

    def __init__(self, scratch: Path, name: str, last: bool = False) -> None:
        self.noted, self.count, self._last = 0, 0, last
        self._sorter = Sorter(scratch, name, SCHEMA)
        self._names: list[str] = []
        self._reasons: list[str] = []
        self._counts: dict[str, int] = {}
        self._first: dict[str, list[str]] = {}

    def add(self, name: str, reason: str) -> None:
        self.noted += 1
        self._note(name, reason)

    def forget(self, name: str, kind: str) -> None:
        """What was noted of a thing as one of a kind no longer holds."""
        if self.noted:
            self._note(name, f"{kind}:")

    def _note(self, name: str, reason: str) -> None:
        self._names.append(name)
        self._reasons.append(reason)
        if len(self._names) >= HELD:
            self._hand_over()

    def _hand_over(self) -> None:
        rows = {"key": [order_of(name) for name in self._names], "osm_id": self._names, "reason": self._reasons}
        self._sorter.add(pa.table(rows, SCHEMA))
        self._names, self._reasons = [], []

    def settled(self) -> Iterator[pa.Table]:
        """All names in order, each with its reason; counts them. Once only."""
        self._hand_over()
        name, reasons = "", dict[str, str]()
        for table in self._sorter.merged():
            rows = []
            for other, reason in zip(table["osm_id"].to_pylist(), table["reason"].to_pylist(), strict=True):
                if other != name:
                    rows += self._kept(name, reasons)
                    name, reasons = other, {}
                self._learn(reasons, reason)
            yield _table(rows)
        yield _table(self._kept(name, reasons))

    def _learn(self, reasons: dict[str, str], reason: str) -> None:
        kind, _, why = reason.partition(":")
        if not why:
            reasons.pop(kind, None)
        elif self._last:
            reasons.clear()
            reasons[kind] = reason
        else:
            reasons.setdefault(kind, reason)

    def _kept(self, name: str, reasons: dict[str, str]) -> list[tuple[str, str]]:
        if not reasons:
            return []
        reason = next(iter(reasons.values()))
        self.count += 1
        self._counts[reason] = self._counts.get(reason, 0) + 1
        first = self._first.setdefault(reason, [])
        if len(first) < FIRST:
            first.append(name)
        return [(name, reason)]

    def by_reason(self) -> dict[str, Any]:
        """Reason → how many, and the first of them by name."""
        return {
            reason: {"count": count, "first": self._first[reason]} for reason, count in sorted(self._counts.items())
        }

    def named(self) -> dict[str, str]:
        """Name → reason of the first of each reason."""
        return {name: reason for reason, names in self._first.items() for name in names}


def order_of(name: str) -> int:
    """Identities in the order of their numbers, other names before them; names of one order by their letters."""
    number = int(name[1:]) if name[1:].isdecimal() and len(name) < NUMBER_BITS // 4 else 0
    return min(ord(name[:1] or "\0"), 255) << NUMBER_BITS | number


def _table(rows: list[tuple[str, str]]) -> pa.Table:
    return pa.table({"name": [name for name, _ in rows], "reason": [why for _, why in rows]}, WRITTEN)


WRITTEN = pa.schema([("name", pa.string()), ("reason", pa.string())])
