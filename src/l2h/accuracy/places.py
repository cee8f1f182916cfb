"""Nation, provinces and cities: which counts belong together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["nation", "region", "province", "city"]


@dataclass(frozen=True)
class Place:
    """A part of the country: the indices of its cities in the regions layer."""

    level: Level
    name: str
    region: str
    province: str
    cities: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"level": self.level, "name": self.name, "region": self.region, "province": self.province}


def places_of(
    cities: Iterable[dict[str, Any]], levels: tuple[Level, ...] = ("nation", "province", "city")
) -> list[Place]:
    """The nation, its regions, provinces and cities, each level in order of name.

    cities : rows of regions.json: index, region, province, city, name
    """
    rows = sorted(cities, key=lambda c: (c["region"], c["province"], c["city"]))
    provinces: dict[tuple[str, str], list[int]] = {}
    regions: dict[str, list[int]] = {}
    for row in rows:
        regions.setdefault(row["region"], []).append(int(row["index"]))
        provinces.setdefault((row["region"], row["province"]), []).append(int(row["index"]))
    nation = Place("nation", "", "", "", tuple(sorted(int(r["index"]) for r in rows)))
    found = {
        "nation": [nation],
        "region": [Place("region", r, r, "", tuple(sorted(c))) for r, c in regions.items()],
        "province": [Place("province", p, r, p, tuple(sorted(c))) for (r, p), c in provinces.items()],
        "city": [Place("city", r["city"], r["region"], r["province"], (int(r["index"]),)) for r in rows],
    }
    return [place for level in levels for place in found[level]]
