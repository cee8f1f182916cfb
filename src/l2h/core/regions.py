"""CityName, RegionTree: nation → geographical region → province → city, and the `G_P_C` grammar of their files.

    name  = part "_" part "_" part          region, province, city
    part  = start { inner } [ end ]         letters, marks and digits of any script, and single " ", "-", "'", "’", ".",
                                            "(", ")" inside; starts with a letter or digit, ends with one or with ")"

Spaces stay ("Inner Mongolia"); nothing is ever replaced, so `CityName.parse(name.format()) == name`. Whatever could
leave a folder, hide in a listing or collide on another file system is refused.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from l2h.core.errors import BoundaryError

SEPARATOR = "_"
INNER = frozenset(" -'’.()")
RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))})
MAX_BYTES = 200  # of the whole name in UTF-8: file systems stop at 255, with suffixes still to come


def fold(text: str) -> str:
    """What two names must not share: text without case, accents and width, as a careless reader would write it.

    >>> fold("Ürümqi") == fold("URUMQI")
    True
    """
    plain = (c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", "".join(plain).casefold())


@dataclass(frozen=True, order=True)
class CityName:
    """The three parts of a city's name. Raises BoundaryError for a part outside the grammar."""

    region: str
    province: str
    city: str

    def __post_init__(self) -> None:
        for level, part in zip(("region", "province", "city"), self.parts, strict=True):
            _check_part(level, part)
        size = len(self.format().encode())
        if size > MAX_BYTES:
            raise BoundaryError(
                "a city's name is too long for a file", where=self.format(), expected=f"≤ {MAX_BYTES} B", got=f"{size}"
            )

    @property
    def parts(self) -> tuple[str, str, str]:
        return self.region, self.province, self.city

    @property
    def province_name(self) -> str:
        """`G_P`, the name of the province's archive."""
        return SEPARATOR.join(self.parts[:2])

    def format(self) -> str:
        """`G_P_C`, the name of the city's file without its suffix."""
        return SEPARATOR.join(self.parts)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `format`; BoundaryError where there are not exactly three good parts.

        >>> CityName.parse("North_Inner Mongolia_Hohhot").province
        'Inner Mongolia'
        """
        parts = text.split(SEPARATOR)
        if len(parts) != 3:
            raise BoundaryError(
                "a city's name does not have three parts", expected="Region_Province_City", got=repr(text)
            )
        return cls(*parts)


@dataclass(frozen=True)
class RegionTree:
    """All cities of a nation in the order of their index, which starts at 1; 0 is outside.

    Raises BoundaryError for an empty tree, two cities of one name, or two spellings of one region, province or city
    that differ only in case, accents or width.
    """

    cities: tuple[CityName, ...]

    def __post_init__(self) -> None:
        if not self.cities:
            raise BoundaryError("there are no cities")
        _check_twins(self.cities)

    @classmethod
    def of(cls, names: Iterable[CityName]) -> Self:
        """The tree of these cities, ordered by name."""
        return cls(tuple(sorted(names)))

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.region for name in self.cities))

    def provinces(self, region: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.province for name in self.cities if name.region == region))

    def members(self, region: str, province: str) -> tuple[CityName, ...]:
        return tuple(name for name in self.cities if (name.region, name.province) == (region, province))

    def index_of(self, name: CityName) -> int:
        """The value that stands for a city in the raster of owners."""
        return self.cities.index(name) + 1

    def to_dict(self) -> dict[str, Any]:
        """What `regions.json` holds."""
        return {
            "cities": [
                {"index": i, "region": n.region, "province": n.province, "city": n.city, "name": n.format()}
                for i, n in enumerate(self.cities, start=1)
            ]
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        rows = sorted(values["cities"], key=lambda row: int(row["index"]))
        return cls(tuple(CityName(row["region"], row["province"], row["city"]) for row in rows))


def _check_part(level: str, part: str) -> None:
    fault = _fault(part)
    if fault:
        raise BoundaryError(
            f"a {level}'s name {fault}",
            got=repr(part),
            hint="Names become file names: rename it in the boundary file.",
        )


def _fault(part: str) -> str:
    """What is wrong with a part of a name; empty when nothing is."""
    if not part:
        return "is empty"
    if SEPARATOR in part:
        return "has an underscore, which separates region, province and city"
    if not unicodedata.is_normalized("NFC", part):
        return "is not in Unicode form NFC"
    strange = next((c for c in part if not (_is_word(c) or c in INNER)), "")
    if strange:
        return f"has the character U+{ord(strange):04X}, which file names cannot carry everywhere"
    if unicodedata.combining(part[0]) or not _is_word(part[0]) or not (_is_word(part[-1]) or part[-1] == ")"):
        return "does not start and end with a letter or digit"
    if "  " in part or ".." in part:
        return "has two spaces or two dots in a row"
    return "is reserved by an operating system" if part.casefold() in RESERVED else ""


def _is_word(character: str) -> bool:
    """Letters, marks and decimal digits of any script."""
    category = unicodedata.category(character)
    return category[0] in "LM" or category == "Nd"


def _check_twins(names: tuple[CityName, ...]) -> None:
    if len(set(names)) != len(names):
        double = next(name for i, name in enumerate(names) if name in names[:i])
        raise BoundaryError(
            "two cities have the same name",
            where=double.format(),
            hint="Rename one, or dissolve the parts of one city into one feature.",
        )
    seen: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name in names:
        for depth in (1, 2, 3):
            parts = name.parts[:depth]
            first = seen.setdefault(tuple(fold(part) for part in parts), parts)
            if first != parts:
                raise BoundaryError(
                    "two names differ only in case, accents or width",
                    got=f"{SEPARATOR.join(first)} and {SEPARATOR.join(parts)}",
                    hint="Spell it in one way, or tell the two apart.",
                )
