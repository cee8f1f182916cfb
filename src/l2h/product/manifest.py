"""MANIFEST.json, SHA256SUMS: what a release holds, and how to tell that it is whole. There is no clock in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import l2h
from l2h.core.areas import square_metres
from l2h.core.grid import Grid
from l2h.core.legend import Legend
from l2h.core.regions import CityName
from l2h.product.areas import PlaceTally, Tally, roll_up
from l2h.product.facts import ReleaseFacts

FORMAT = 1
ENCODING = {
    "": {
        "content": "land cover class",
        "file": "Region_Province_City.tif",
        "dtype": "uint8",
        "nodata": 0,
        "values": "see legend",
    },
    "confidence": {
        "content": "confidence of the class",
        "file": "Region_Province_City_confidence.tif",
        "dtype": "uint8",
        "nodata": 255,
        "values": "0 (none) to 100 (full); 255 where there is no class",
    },
    "date": {
        "content": "month in which the imagery was captured",
        "file": "Region_Province_City_date.tif",
        "dtype": "uint32",
        "nodata": 0,
        "values": "YYYYMM as written, 202306 is June 2023; 0 where the month is not known",
    },
}


@dataclass(frozen=True)
class MemberFact:
    """A raster inside an archive; `figures` is what was counted in it."""

    name: str
    city: str
    sha256: str
    bytes: int
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class ArchiveFact:
    """An archive of the release: its path below the release folder, its digest, its members."""

    path: str
    sha256: str
    bytes: int
    layer: str
    region: str
    province: str
    members: tuple[MemberFact, ...]


@dataclass(frozen=True)
class Catalogue:
    """All that the texts of a release say.

    absent  : cities that lie on the grid and have no pixel there
    cut     : cities that the project's bounds cut through, with the share of their outline that lies inside
    outside : cities of the boundary file that lie outside the bounds altogether
    """

    facts: ReleaseFacts
    licence: str
    citation: str
    settings_digest: str
    grid: Grid
    archives: tuple[ArchiveFact, ...]
    absent: tuple[str, ...]
    cut: tuple[tuple[str, float], ...] = ()
    outside: tuple[str, ...] = ()


def manifest(catalogue: Catalogue, legend: Legend, documents: Mapping[str, tuple[str, int]]) -> dict[str, Any]:
    """The content of MANIFEST.json.

    documents : path → (SHA-256, bytes) of the release's other texts
    """
    facts = catalogue.facts
    used = {a.layer for a in catalogue.archives}
    return {
        "format": FORMAT,
        "product": {
            "name": facts.name, "title": facts.title, "version": facts.version, "licence": catalogue.licence,
            "citation": catalogue.citation,
        },
        "made_with": {"package": "l2h", "version": l2h.__version__, "settings_sha256": catalogue.settings_digest},
        "legend": {
            "name": legend.name, "title": legend.title, "nodata": legend.nodata,
            "classes": [{**asdict(c), "colour": list(c.colour)} for c in legend.classes],
        },
        "grid": catalogue.grid.to_dict(),
        "layers": {ENCODING[layer]["content"]: ENCODING[layer] for layer in sorted(used)},
        "sources": [asdict(layer) for layer in facts.layers],
        "totals": _totals(place_tallies(catalogue.archives), legend),
        "files": [_file(archive) for archive in catalogue.archives],
        "documents": [{"path": p, "sha256": s, "bytes": n} for p, (s, n) in sorted(documents.items())],
        "holes": _holes(catalogue.archives),
        "cities_without_pixels": list(catalogue.absent),
        "cities_cut": [{"city": city, "share_inside": part} for city, part in catalogue.cut],
        "cities_outside": list(catalogue.outside),
    }  # fmt: skip


def _file(archive: ArchiveFact) -> dict[str, Any]:
    content = ENCODING[archive.layer]["content"]
    members = [
        {"name": m.name, "city": m.city, "sha256": m.sha256, "bytes": m.bytes, **m.figures} for m in archive.members
    ]
    return {**asdict(archive), "layer": content, "members": members}


def _holes(archives: Iterable[ArchiveFact]) -> list[dict[str, Any]]:
    """Cities with pixels that have no class. By city, not by block of the map: how that is cut must not show here."""
    members = (member for archive in archives if not archive.layer for member in archive.members)
    return [{"city": m.city, "pixels": m.figures["pixels"]["0"]} for m in members if m.figures["pixels"]["0"]]


def _totals(places: Sequence[PlaceTally], legend: Legend) -> list[dict[str, Any]]:
    """Nation, regions and provinces; the cities' figures stand with their files."""
    return [
        {"level": level, "region": region, "province": province, "classes": class_rows(sums, legend)}
        for level, region, province, _, sums in roll_up(places)
        if level != "city"
    ]


def class_rows(sums: Tally, legend: Legend) -> dict[str, dict[str, Any]]:
    """Pixels and m² per value, "0" being what has no class; the areas are exact decimals, as text."""
    return {
        str(value): {"pixels": sums.pixels.get(value, 0), "area_m2": square_metres(sums.hundredths.get(value, 0))}
        for value in (0, *legend.values)
    }


def place_tallies(archives: Iterable[ArchiveFact]) -> list[PlaceTally]:
    """The tallies of all cities, from the figures of their land-cover files."""
    places = []
    for archive in archives:
        for member in archive.members if not archive.layer else ():
            name = CityName.parse(member.city)
            places.append(PlaceTally(*name.parts, tally_of(member.figures)))
    return places


def tally_of(figures: Mapping[str, Any]) -> Tally:
    """The tally that `cut_classes` wrote beside a city's file."""
    pixels = {int(value): int(count) for value, count in figures["pixels"].items()}
    return Tally(pixels, {int(value): int(area) for value, area in figures["area_hundredths_m2"].items()})


def sums_text(digests: Mapping[str, str]) -> str:
    """SHA256SUMS: what `sha256sum -c SHA256SUMS` reads; by path."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))
