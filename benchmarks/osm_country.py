"""A generated OpenStreetMap extract of any size: streets, houses, courtyards as relations, tunnels, land use.

Its mix is like that of a whole country (six ways in ten are buildings, a quarter are roads, seven places a way); its
numbering is kinder: the places of a way follow each other, while in a real extract they lie scattered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import osmium
from osmium.io import Header
from osmium.osm.mutable import Node, Relation, Way

WEST, SOUTH, CELL = 6.0, 45.0, 0.002  # degrees; a cell is a block of houses with its streets
HOUSES, STREETS, STREET_PLACES, FIELDS, FIELD_PLACES = 10, 4, 12, 3, 12
CLASSES = ("residential", "service", "tertiary", "footway", "track", "primary", "proposed", "unclassified")
WIDTHS = (None, None, None, "3.5 m", "12'", "7")
PLACES = 4 * HOUSES + STREETS * STREET_PLACES + FIELDS * FIELD_PLACES  # of a cell
WAYS = HOUSES + STREETS + FIELDS
TIMESTAMP = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Cell:
    """One block: its number and the longitudes and latitudes of its places, float64 [PLACES, 2]."""

    number: int
    places: npt.NDArray[np.float64]


def cells(side: int) -> Iterator[Cell]:
    """The cells of a square country, row by row, the same on every call."""
    for row in range(side):
        rng = np.random.default_rng((7, row))
        for col in range(side):
            yield Cell(row * side + col, _places(rng) * CELL + (WEST + col * CELL, SOUTH + row * CELL))


def _places(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Places of a cell in units of its side: corners of the houses, then streets, then the outline of fields."""
    corner = np.stack(np.divmod(np.arange(HOUSES), 4), axis=1)[:, ::-1] * (0.2, 0.25) + 0.1
    size = rng.uniform(0.05, 0.12, (HOUSES, 2))
    houses = corner[:, None] + size[:, None] * [(0, 0), (1, 0), (1, 1), (0, 1)]
    along = np.linspace(0, 1, STREET_PLACES)
    streets = [
        np.stack([along, np.full_like(along, k / STREETS) + rng.normal(0, 0.004, along.size)], 1) for k in (0, 2)
    ]
    streets += [street[:, ::-1] for street in streets]
    turn = np.linspace(0, 2 * np.pi, FIELD_PLACES, endpoint=False)
    circle = 0.08 * np.stack([np.cos(turn), np.sin(turn)], 1)
    fields = [np.add(circle, (0.3 * k + 0.15, 0.85)) for k in range(FIELDS)]
    return np.concatenate([houses.reshape(-1, 2), *streets, *fields])


def write_country(path: Path, ways: int) -> int:
    """Write an extract of about so many ways; returns how many there are."""
    side = max(1, round((ways / WAYS) ** 0.5))
    header = Header()
    header.set("osmosis_replication_timestamp", TIMESTAMP)
    with osmium.SimpleWriter(str(path), header=header, overwrite=True) as out:
        for cell in cells(side):
            first = cell.number * PLACES + 1
            for i, place in enumerate(cell.places.tolist()):
                out.add_node(Node(id=first + i, location=place))
        for number in range(side * side):
            for way in ways_of(number):
                out.add_way(way)
        for number in range(0, side * side, 8):
            out.add_relation(courtyard(number))
    return side * side * WAYS


def ways_of(number: int) -> Iterator[Way]:
    """The ways of a cell: houses (the last one bare, for a relation), streets, fields."""
    first, way = number * PLACES + 1, number * WAYS + 1
    for i in range(HOUSES):
        corners = range(first + 4 * i, first + 4 * i + 4)
        tags = {} if number % 8 == 0 and i >= HOUSES - 2 else {"building": "yes", "addr:housenumber": str(i + 1)}
        yield Way(id=way + i, nodes=[*corners, corners[0]], tags=tags)
    for i in range(STREETS):
        start = first + 4 * HOUSES + i * STREET_PLACES
        nodes = list(range(start, start + STREET_PLACES))
        yield Way(id=way + HOUSES + i, nodes=nodes, tags=_street_tags(number, i))
    for i in range(FIELDS):
        start = first + 4 * HOUSES + STREETS * STREET_PLACES + i * FIELD_PLACES
        ring = [*range(start, start + FIELD_PLACES), start]
        yield Way(id=way + HOUSES + STREETS + i, nodes=ring, tags={"landuse": "farmland"})


def _street_tags(number: int, i: int) -> dict[str, str]:
    tags = {"highway": CLASSES[(number + i) % len(CLASSES)], "name": f"Street {number}", "surface": "asphalt"}
    width = WIDTHS[(number * STREETS + i) % len(WIDTHS)]
    if width:
        tags["width"] = width
    if (number + 3 * i) % 40 == 0:
        tags["tunnel"] = "yes"
    if (number + 5 * i) % 40 == 1:
        tags["bridge"] = "yes"
    return tags


def courtyard(number: int) -> Relation:
    """A building of two parts: the bare houses of a cell."""
    way = number * WAYS + HOUSES - 1
    members = [("w", way, "outer"), ("w", way + 1, "outer")]
    return Relation(id=number + 1, members=members, tags={"type": "multipolygon", "building": "yes"})
