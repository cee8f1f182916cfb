"""The cities of a release, as the regions store lists them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.errors import BoundaryError
from l2h.core.files import read_json
from l2h.core.regions import CityName, RegionTree


@dataclass(frozen=True, order=True)
class City:
    """A city and the value of its pixels in the regions store; ordered by name."""

    name: CityName
    index: int

    @property
    def stem(self) -> str:
        """`G_P_C`, its file's name without suffix."""
        return self.name.format()


def read_cities(path: Path) -> tuple[City, ...]:
    """The cities of `regions.json`, by name; BoundaryError where names or indices do not fit or come twice."""
    try:
        cities = sorted(_city(row) for row in read_json(path)["cities"])
    except (KeyError, TypeError, ValueError) as error:
        raise BoundaryError("a list of cities does not have its form", where=str(path), got=repr(error)) from error
    RegionTree(tuple(city.name for city in cities))  # refuses an empty list and twins
    indices = [city.index for city in cities]
    if len(set(indices)) < len(indices):
        twins = sorted({i for i in indices if indices.count(i) > 1})
        raise BoundaryError("two cities share an index", where=str(path), got=str(twins))
    return tuple(cities)


def cut_cities(path: Path) -> dict[str, float]:
    """City → share of its outline inside the project's grid, for the cities of `regions.json` that its bounds cut."""
    return {str(name): float(part) for name, part in read_json(path).get("cut", {}).items()}


def outside_cities(path: Path) -> tuple[str, ...]:
    """The cities of `regions.json` that lie wholly outside the project's grid: no part of what is mapped."""
    return tuple(str(name) for name in read_json(path).get("outside", ()))


def _city(row: dict[str, Any]) -> City:
    city = City(CityName(row["region"], row["province"], row["city"]), int(row["index"]))
    if row["name"] != city.stem:
        raise BoundaryError("a city's name does not agree with its parts", expected=city.stem, got=str(row["name"]))
    if not 0 < city.index < 65536:
        raise BoundaryError("a city's index does not fit 16 bits", where=city.stem, got=str(city.index))
    return city
