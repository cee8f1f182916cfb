"""Account of what was read: how many things were kept, left out, mended or lost, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError
from l2h.sources.notes import Notes

MOST = 1_000_000  # things that cannot be built; more is no map with slips but another kind of file


class Account:
    """What happened to the things that came in.

    left_out : how many were not wanted, by reason
    repaired : what was mended, with its reason
    dropped  : what could not be built, with its reason
    files    : file → the time it speaks of (ISO 8601), empty where it does not say
    """

    def __init__(self, scratch: Path, labels: Mapping[Path, str] | None = None) -> None:
        self.roads = self.buildings = 0
        self.left_out: Counter[str] = Counter()
        self.repaired = Notes(scratch, "mended", last=True)
        self.dropped = Notes(scratch, "lost")
        self.files: dict[str, str] = {}
        self._labels = labels or {}

    def date(self, path: Path, time: str) -> None:
        """Note the time a file speaks of."""
        self.files[self._labels.get(path, path.name)] = time

    def mend(self, name: str, reason: str) -> None:
        """Note what was mended."""
        self.repaired.add(name, reason)

    def drop(self, name: str, reason: str) -> None:
        """Note what could not be built; InputError where that is nearly everything."""
        self.dropped.add(name, reason)
        if self.dropped.noted > MOST:
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
        """What `osm.json` holds. Notes are in it once they are settled."""
        return {
            "roads": self.roads,
            "buildings": self.buildings,
            "timestamp": self.timestamp,
            "files": self.files,
            "left_out": dict(sorted((+self.left_out).items())),
            "repaired": self.repaired.by_reason(),
            "dropped": self.dropped.by_reason(),
        }


def labels_of(paths: Sequence[Path]) -> dict[Path, str]:
    """What each file is called: its name, with as many folders before it as tell it from the others.

    >>> labels_of([Path("north/x.osm"), Path("south/x.osm")])[Path("north/x.osm")]
    'north/x.osm'
    """
    left, labels, deep = set(paths), dict[Path, str](), 0
    while left:
        deep += 1
        shared = Counter(path.parts[-deep:] for path in set(paths))
        clear = {path for path in left if shared[path.parts[-deep:]] == 1 or deep > len(path.parts)}
        labels |= {path: "/".join(path.parts[-deep:]) for path in clear}
        left -= clear
    return labels
