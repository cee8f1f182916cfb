"""What the steps of a release share: where its files lie, its cities, its archives, its tags."""

from dataclasses import dataclass
from pathlib import Path

from l2h.core.errors import InputError
from l2h.core.files import read_json
from l2h.core.tasks import Context
from l2h.product.census import Extent, read_census
from l2h.product.cities import City, read_cities
from l2h.product.facts import ReleaseFacts
from l2h.product.packing import ArchivePlan, CityFile, Item, plan_archives
from l2h.product.settings import ReleaseSettings

REGIONS, SCENES = "layers/regions", "layers/scene"


@dataclass(frozen=True)
class Release:
    """A release being made: what is asked for, and what is told of the project."""

    settings: ReleaseSettings
    facts: ReleaseFacts

    def layers(self, context: Context) -> tuple[str, ...]:
        """The layers that are cut; "" is the land cover itself. No capture months where no scene has a date."""
        dated = self.settings.dates == "1m" and any(scene_months(context.work / "layers" / "scenes.json").values())
        wanted = {"": True, "confidence": self.settings.confidence == "1m", "date": dated}
        return tuple(layer for layer, on in wanted.items() if on)

    def folder(self, context: Context) -> Path:
        return context.project_dir / "release" / self.facts.version


def census_path(context: Context, block: str) -> Path:
    return context.work / "cities" / "census" / f"{block}.json"


def present_cities(context: Context) -> tuple[list[tuple[City, Extent]], tuple[str, ...]]:
    """Cities with their extents, and the names of those without a pixel; InputError where no city has one."""
    cities = read_cities(context.work / "layers" / "regions.json")
    extents = read_census({b.name: census_path(context, b.name) for b in context.store(REGIONS).blocks})
    present = [(city, extents[city.index]) for city in cities if city.index in extents]
    unknown = sorted(set(extents) - {city.index for city in cities})
    if unknown or not present:
        raise InputError(
            "the regions store does not agree with its list of cities",
            where=str(context.store(REGIONS).folder),
            expected="pixels of the cities in regions.json",
            got=f"pixels of unknown cities {unknown}" if unknown else "no pixel of any city",
        )
    return present, tuple(city.stem for city in cities if city.index not in extents)


def city_path(context: Context, city: City, layer: str) -> Path:
    return context.work / "cities" / f"{city.stem}{f'_{layer}' if layer else ''}.tif"


def raster_tags(release: Release) -> dict[str, str]:
    """Tags of every raster. No version: a city that a new version does not change keeps its bytes."""
    facts, settings = release.facts, release.settings
    sources = "; ".join(dict.fromkeys(layer.attribution or layer.name for layer in facts.layers))
    tags = {
        "product": facts.title or facts.name, "licence": settings.licence, "citation": settings.citation,
        "sources": sources, "TIFFTAG_SOFTWARE": "l2h", "TIFFTAG_COPYRIGHT": settings.licence,
    }  # fmt: skip
    return {key: value for key, value in tags.items() if value}


def scene_months(path: Path) -> dict[int, int]:
    """Scene index → YYYYMM of its capture, 0 where the date is not known."""
    return {int(row["index"]): _month(row["date"], path) for row in read_json(path)}


def _month(date: str | None, path: Path) -> int:
    text = (date or "")[:7].replace("-", "")
    if date and not (len(text) == 6 and text.isdigit() and 1 <= int(text[4:]) <= 12):
        raise InputError("a scene has no readable date", where=str(path), expected="YYYY-MM-DD", got=date)
    return int(text) if text else 0


def archive_plans(release: Release, context: Context) -> list[ArchivePlan]:
    """All archives, from the sizes of the city files; InputError where those are not made yet."""
    files = [
        CityFile(layer, city.name.region, city.name.province, _item(city_path(context, city, layer)))
        for city, _ in present_cities(context)[0]
        for layer in release.layers(context)
        if layer != "date" or _is_dated(city_path(context, city, layer))
    ]
    return plan_archives(files, release.settings.size_limit_bytes, release.settings.file_limit)


def _is_dated(path: Path) -> bool:
    """Whether a city's raster of months has a pixel of known month: one without says nothing and is not packed."""
    figures = path.with_suffix(".json")
    return not figures.is_file() or bool(read_json(figures)["values"])


def _item(path: Path) -> Item:
    if not path.is_file():
        raise InputError("a city's file is missing", where=str(path))
    return Item(path.name, path.stat().st_size)
