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
    def main_city(self) -> int:
        """The city with most of its pixels, the lower index on a tie; 0 where it has none."""
        return min(self.cities, key=lambda c: (-self.cities[c], c), default=0)


def diversity(classes: Mapping[int, int]) -> float:
    """Shannon entropy of the class shares in nats: -Σ p ln p; 0 for one class or none.

    >>> round(diversity({2: 50, 9: 50}), 4)
    0.6931
    """
    total = sum(classes.values())
    return -math.fsum(n / total * math.log(n / total) for _, n in sorted(classes.items()) if n) if total else 0.0


def choose(candidates: Sequence[Candidate], window_px: int, limit: int) -> list[tuple[int, Candidate]]:
    """(city, window) pairs in order of city: the most diverse window among those of which the city has most.

    A city that has most of no window (an enclave) gets the one with most of its pixels that no other city took.
    Diversity counts by the share of the window that is mapped, so that windows at the rim do not win. Where there are
    more cities than `limit`, the most diverse windows are shown. Ties go to the northernmost, then westernmost.
    """

    def merit(candidate: Candidate) -> tuple[float, int, int]:
        mapped = sum(candidate.classes.values()) / window_px**2
        place = candidate.window
        return (-round(diversity(candidate.classes) * mapped, 9), place.row_start, place.col_start)

    best: dict[int, Candidate] = {}
    for candidate in sorted(candidates, key=merit):
        if candidate.main_city:
            best.setdefault(candidate.main_city, candidate)
    for city in sorted({c for candidate in candidates for c in candidate.cities} - set(best)):
        taken = {c.window for c in best.values()}
        free = [c for c in candidates if city in c.cities and c.window not in taken]
        if free:
            best[city] = min(free, key=lambda c: (-c.cities[city], merit(c)))
    shown = sorted(best, key=lambda city: merit(best[city]))[:limit]
    return [(city, best[city]) for city in sorted(shown)]
