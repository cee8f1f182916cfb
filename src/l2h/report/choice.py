"""Which windows are shown: one a city, where the map is most diverse."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from l2h.core.grid import Window


@dataclass(frozen=True)
class Candidate:
    """A window that may be shown: its classes and cities with their pixels."""

    window: Window
    classes: Mapping[int, int]
    cities: Mapping[int, int]

    @property
    def city(self) -> int:
        """The city with most of its pixels, the lower index on a tie; 0 where it has none."""
        return min(self.cities, key=lambda c: (-self.cities[c], c), default=0)


def diversity(classes: Mapping[int, int]) -> float:
    """Shannon entropy of the class shares in nats: -Σ p ln p; 0 for one class or none.

    >>> round(diversity({2: 50, 9: 50}), 4)
    0.6931
    """
    total = sum(classes.values())
    return -math.fsum(n / total * math.log(n / total) for _, n in sorted(classes.items()) if n) if total else 0.0


def choose(candidates: Sequence[Candidate], window_px: int, limit: int) -> list[Candidate]:
    """The most diverse window of each city, at most `limit`, in order of place.

    Diversity counts by the share of the window that is mapped, so that windows at the rim do not win. Where there are
    more cities than `limit`, the most diverse ones are shown. Ties go to the northernmost, then westernmost.
    """

    def merit(candidate: Candidate) -> tuple[float, int, int]:
        mapped = sum(candidate.classes.values()) / window_px**2
        place = candidate.window
        return (-round(diversity(candidate.classes) * mapped, 9), place.row_start, place.col_start)

    best: dict[int, Candidate] = {}
    for candidate in sorted(candidates, key=merit):
        if candidate.city:
            best.setdefault(candidate.city, candidate)
    chosen = sorted(best.values(), key=merit)[:limit]
    return sorted(chosen, key=lambda c: c.city)
