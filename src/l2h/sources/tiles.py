"""Tile schemes: which files of a product a box of the Earth needs, and what box a file's name speaks of.

Boxes are (west, south, east, north) in degrees, -180 <= west < east <= 180. A scheme is data: a kind, a pattern for
names and a step.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from l2h.core.errors import GridError, InputError
from l2h.core.settings import Settings

Box = tuple[float, float, float, float]
EARTH: Box = (-180.0, -90.0, 180.0, 90.0)
BANDS = "CDEFGHJKLMNPQRSTUVWX"  # latitude bands of the UTM zones, 8° each from 80° S; the last has 12°
# bands in which zones are not 6° wide (Norway, Svalbard): zone → west and east edge; the zones left out do not exist
UNEVEN: dict[str, dict[int, tuple[int, int] | None]] = {
    "V": {31: (0, 3), 32: (3, 12)},
    "X": {31: (0, 9), 32: None, 33: (9, 21), 34: None, 35: (21, 33), 36: None, 37: (33, 42)},
}
FIELDS = {"ns": "[NS]", "ew": "[EW]", "lat": r"-?\d+", "lon": r"-?\d+", "zone": r"\d+", "band": f"[{BANDS}]"}


@dataclass(frozen=True, order=True)
class Tile:
    """One file of a product and the box it covers."""

    file: str
    box: Box


class DegreeTiles(Settings):
    """Tiles of whole degrees, named by one corner.

    pattern : name of a file; fields lat, lon (signed, or absolute beside ns, ew), ns (N or S), ew (E or W), or, instead
              of lon, the UTM zone of tiles 6° wide
    step    : side in degrees; of oblong tiles (height, width)
    corner  : the corner that names a tile
    within  : box outside which files are named by another rule, or are none
    """

    kind: Literal["degrees"] = "degrees"
    pattern: str
    step: Annotated[int, Field(ge=1, le=90)] | tuple[int, int]
    corner: Literal["south_west", "north_west"] = "south_west"
    within: Box = EARTH

    @model_validator(mode="after")
    def _check(self) -> Self:
        height, width = self.side
        by_zone = "{zone" in self.pattern
        check_pattern(
            self.pattern, needs={"lat", "zone" if by_zone else "lon"}, may={"ns"} if by_zone else {"ns", "ew"}
        )
        if min(self.side) < 1 or 180 % height or 180 % width:
            raise ValueError("the step must divide 180 degrees")
        if by_zone and width != 6:
            raise ValueError("tiles named by their UTM zone are 6 degrees wide")
        return self

    @property
    def side(self) -> tuple[int, int]:
        """Height and width of a tile in degrees."""
        return self.step if isinstance(self.step, tuple) else (self.step, self.step)

    def covering(self, box: Box) -> tuple[Tile, ...]:
        """The tiles that share ground with the box, from south to north, west to east.

        GridError as `check_box`, and for a box that reaches beyond `within`.
        """
        west, south, east, north = check_box(box)
        _check_within(box, self.within)
        height, width = self.side
        rows = range(int(south // height), int(-(-north // height)))
        cols = range(int(west // width), int(-(-east // width)))
        return tuple(self.tile(row * height, col * width) for row in rows for col in cols)

    def tile(self, south: int, west: int) -> Tile:
        """The tile whose south-west corner this is."""
        height, width = self.side
        lat = south + height * (self.corner == "north_west")
        file = self.pattern.format(
            lat=abs(lat) if "{ns}" in self.pattern else lat,
            lon=abs(west) if "{ew}" in self.pattern else west,
            ns="S" if lat < 0 else "N",
            ew="W" if west < 0 else "E",
            zone=(west + 180) // 6 + 1,
        )
        return Tile(file, (west, south, west + width, south + height))

    def parse(self, file: str) -> Tile:
        """The tile a file's name speaks of; InputError where it is none of this scheme's names."""
        found = read_fields(self.pattern, file)
        height, width = self.side
        lat = int(found["lat"]) * (-1 if found.get("ns") == "S" else 1)
        west = 6 * int(found["zone"]) - 186 if "zone" in found else int(found["lon"])
        west *= -1 if found.get("ew") == "W" else 1
        south = lat - height * (self.corner == "north_west")
        left, bottom, right, top = self.within
        on_grid = not (south % height or west % width) and bottom <= south < top and left <= west < right
        return _same_name(self.tile(south, west), file, on_grid)


class UtmTiles(Settings):
    """One file per cell of UTM zone and latitude band, as MGRS draws them (Norway and Svalbard with their own widths).

    pattern : name of a file; fields zone (1 to 60) and band (C to X)
    """

    kind: Literal["utm"] = "utm"
    pattern: str

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_pattern(self.pattern, needs={"zone", "band"}, may=set())
        return self

    def covering(self, box: Box) -> tuple[Tile, ...]:
        """The cells that share ground with the box; GridError as `check_box`, and beyond 80° S or 84° N."""
        west, south, east, north = check_box(box)
        if south < -80 or north > 84:
            raise GridError("a box reaches beyond the UTM zones", expected="80° S to 84° N", got=f"{south} to {north}")
        return tuple(
            Tile(self._file(zone, band), (w, s, e, n))
            for (zone, band), (w, s, e, n) in utm_cells().items()
            if w < east and e > west and s < north and n > south
        )

    def _file(self, zone: int, band: str) -> str:
        return self.pattern.format(zone=zone, band=band)

    def parse(self, file: str) -> Tile:
        """The cell a file's name speaks of; InputError where it is none of this scheme's names."""
        found = read_fields(self.pattern, file)
        zone, band = int(found["zone"]), found["band"]
        cell = utm_cells().get((zone, band))
        return _same_name(Tile(self._file(zone, band), cell or (0, 0, 0, 0)), file, cell is not None)


Scheme = Annotated[DegreeTiles | UtmTiles, Field(discriminator="kind")]


@cache
def utm_cells() -> dict[tuple[int, str], tuple[int, int, int, int]]:
    """(zone, band) → box in whole degrees; they tile 180° W to 180° E, 80° S to 84° N exactly.

    >>> utm_cells()[19, "P"]
    (-72, 8, -66, 16)
    """
    return dict(_cells())


def _cells() -> Iterator[tuple[tuple[int, str], tuple[int, int, int, int]]]:
    for number, band in enumerate(BANDS):
        south = 8 * number - 80
        north = 84 if band == "X" else south + 8
        for zone in range(1, 61):
            edges = UNEVEN.get(band, {}).get(zone, (6 * zone - 186, 6 * zone - 180))
            if edges is not None:
                yield (zone, band), (edges[0], south, edges[1], north)


def check_box(box: Box) -> Box:
    """The box itself; GridError where it crosses the antimeridian, leaves the Earth or has no area."""
    west, south, east, north = box
    if west < -180 or east > 180 or west >= east:
        raise GridError(
            "a box that crosses the antimeridian cannot be fetched as one",
            expected="-180 <= west < east <= 180",
            got=f"{west:g} to {east:g}",
            hint="Make two projects, one on each side of 180°.",
        )
    if not -90 <= south < north <= 90:
        raise GridError("a box has no place on the Earth", expected="-90 <= south < north <= 90", got=str(box))
    return box


def _check_within(box: Box, within: Box) -> None:
    """GridError where a box reaches beyond the box in which a publisher's names are known."""
    if box[0] < within[0] or box[1] < within[1] or box[2] > within[2] or box[3] > within[3]:
        raise GridError(
            "a box reaches beyond where the names of a product's files are known",
            expected=f"within {within[0]:g} to {within[2]:g}° E and {within[1]:g} to {within[3]:g}° N",
            got=f"{box[0]:g} to {box[2]:g}° E and {box[1]:g} to {box[3]:g}° N",
            hint="Name the files in `paths`.",
        )


def check_pattern(pattern: str, needs: set[str], may: set[str]) -> None:
    """ValueError where a pattern lacks a field, has an unknown one, or could leave its folder."""
    fields = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
    if not needs <= fields <= needs | may:
        raise ValueError(f"a pattern needs the fields {sorted(needs)} and may have {sorted(may)}, not {sorted(fields)}")
    if "/" in pattern or "\\" in pattern or pattern.startswith("."):
        raise ValueError("a pattern is a plain file name")


def read_fields(pattern: str, file: str) -> dict[str, str]:
    """The fields of a name made by a pattern; InputError where it does not fit."""
    parts = (
        re.escape(text) + (f"(?P<{name}>{FIELDS[name]})" if name else "")
        for text, name, _, _ in Formatter().parse(pattern)
    )
    found = re.fullmatch("".join(parts), file)
    if found is None:
        raise _foreign(file, pattern)
    return found.groupdict()


def _same_name(tile: Tile, file: str, known: bool) -> Tile:
    """The tile, if its name is spelt exactly like the file: 'N3E12' is not 'N03E012'."""
    if not known or tile.file != file:
        raise _foreign(file, tile.file)
    return tile


def _foreign(file: str, expected: str) -> InputError:
    return InputError("a file's name is none of its product's", where=file, expected=f"a name like {expected}")
