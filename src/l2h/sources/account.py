"""Account of what was read: how many things were kept, left out, mended or lost, why, and which were the first."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from l2h.core.errors import InputError

FIRST = 100  # names listed for each reason
MOST = 1_000_000  # names held; more than this is no map with slips but another kind of file


@dataclass
class Account:
    """What happened to the things that came in.

    left_out : how many were not wanted, by reason
    repaired : name → reason of what was mended
    dropped  : name → reason of what could not be built
    files    : file → the time it speaks of (ISO 8601), empty where it does not say
    """

    roads: int = 0
    buildings: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    repaired: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def drop(self, name: str, reason: str) -> None:
        """Note what could not be built; InputError where that is nearly everything."""
        self.dropped.setdefault(name, reason)
        if len(self.dropped) > MOST:
            raise InputError(
                f"more than {MOST:,} lines and outlines cannot be built",
                where=", ".join(self.files),
                got=f"the last: {name}, {reason}",
                hint="Are places missing, or do they come after the ways? `osmium sort` puts them first.",
            )

    @property
    def timestamp(self) -> str:
        """The time the oldest of the files speaks of; empty where one does not say."""
        return min(self.files.values(), default="")

    def to_dict(self) -> dict[str, Any]:
        """What `osm.json` holds."""
        return {
            "roads": self.roads,
            "buildings": self.buildings,
            "timestamp": self.timestamp,
            "files": self.files,
            "left_out": dict(sorted((+self.left_out).items())),
            "repaired": _by_reason(self.repaired),
            "dropped": _by_reason(self.dropped),
        }


def _by_reason(names: dict[str, str]) -> dict[str, Any]:
    """Reason → how many, and the first of them by name."""
    groups: dict[str, list[str]] = {}
    for name, reason in names.items():
        groups.setdefault(reason, []).append(name)
    return {
        reason: {"count": len(group), "first": sorted(group, key=name_order)[:FIRST]}
        for reason, group in sorted(groups.items())
    }


def name_order(name: str) -> tuple[str, int, str]:
    """Identities in the order of their numbers, other names by their letters."""
    return (name[0], int(name[1:]), "") if name[1:].isdigit() else (name[:1], 0, name)
