"""The listing of a fetched layer: its scenes, or the files of its folders, as `fetch` found them, kept beside them.

It is what `layers` goes by, with no server to ask. A scene that a catalogue no longer lists stays; one that it lists
since then is not seen before the listing is removed and `fetch` looks again.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError
from l2h.core.files import canonical_json, read_json, sha256_bytes, write_json
from l2h.core.grid import Grid
from l2h.sources.groups import box_around
from l2h.sources.links import FETCHED, plain_name
from l2h.sources.pictures import SUFFIXES
from l2h.sources.remote import part_of
from l2h.sources.settings import ImagerySettings, OsmSettings
from l2h.sources.veil import veiled, veiled_text

FILE = "listing.json"
POLITENESS = {"per_second", "connections", "terms"}  # settings that change no byte


@dataclass(frozen=True)
class Listed:
    """A scene, or a file of a folder, as it is listed.

    file    : its name here
    address : where it comes from; as it is written down, without keys and signatures
    id      : its name there
    taken   : day of capture, where it is known
    cloud   : per cent, where it is known
    beside  : whether it turned out not to meet the grid
    """

    file: str
    address: str
    id: str
    taken: str | None = None
    cloud: float | None = None
    beside: bool = False

    @property
    def day(self) -> date | None:
        return date.fromisoformat(self.taken) if self.taken else None


@dataclass(frozen=True)
class Listing:
    """All scenes of a layer.

    asked : digest of what was asked for: settings, list of addresses, grid
    more  : what else its supply wants to remember
    """

    asked: str
    scenes: tuple[Listed, ...]
    listed_at: str = ""
    more: dict[str, Any] | None = None


def asked_digest(entry: ImagerySettings, project_dir: Path, grid: Grid) -> str:
    """What the listing of a layer answers: another question needs another listing."""
    sources = entry.model_dump(mode="json", include={"stac", "tiles", "take"})
    sources["tiles"] = {k: v for k, v in (sources["tiles"] or {}).items() if k not in POLITENESS}
    urls = veiled_text(read_urls_text(entry, project_dir)) if entry.urls else ""  # a renewed signature is no news
    return sha256_bytes(canonical_json({"sources": sources, "urls": urls, "grid": part_of(grid)}).encode())


def folders_digest(osm: OsmSettings, grid: Grid) -> str:
    """What the listing of the folders of vectors answers: names here follow from the files that are named singly."""
    links, box = osm.links, box_around(osm, grid)
    asked = {"folders": list(map(veiled, links.folders)), "files": list(links.files.values()), "near": box}
    return sha256_bytes(canonical_json(asked).encode())


def known_folders(osm: OsmSettings, project_dir: Path, grid: Grid) -> Listing | None:
    """What lies in the folders of vectors, if it was listed for these folders and this grid."""
    listing = read_listing(project_dir, osm.links.layer)
    return listing if listing and listing.asked == folders_digest(osm, grid) else None


def needed_folders(osm: OsmSettings, project_dir: Path, grid: Grid) -> Listing:
    """As `known_folders`; InputError where `fetch` has not been run for these settings."""
    listing = known_folders(osm, project_dir, grid)
    if listing is None:
        raise InputError(
            "the files of a folder are not listed yet, or for other settings", where=f"layer '{osm.links.layer}'",
            hint="Run `l2h fetch` in the project first.",
        )  # fmt: skip
    return listing


def read_urls_text(entry: ImagerySettings, project_dir: Path) -> str:
    """The text of a list of addresses; InputError where it cannot be read."""
    path = project_dir / str(entry.urls)
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        where = f"layer '{entry.name}', {path}"
        raise InputError("a list of addresses cannot be read", where=where, got=str(error)) from error


def folder_of(project_dir: Path, layer: str) -> Path:
    """Where the files of a layer lie."""
    return project_dir / FETCHED / layer


def read_listing(project_dir: Path, layer: str) -> Listing | None:
    """The listing of a layer; None where there is none, InputError where it is not one of ours."""
    path = folder_of(project_dir, layer) / FILE
    if not path.is_file():
        return None
    values = read_json(path)
    try:
        scenes = tuple(Listed(**row) for row in values.pop("scenes"))
        listing = Listing(scenes=scenes, **values)
    except (TypeError, KeyError, AttributeError) as error:
        hint = "Remove it and fetch again."
        raise InputError("a listing is not of this version", where=str(path), hint=hint) from error
    for scene in scenes:
        if Path(scene.file).name != scene.file or scene.file.startswith("."):
            raise InputError("a listing names a file outside its folder", where=str(path), got=scene.file)
    return listing


def current_listing(entry: ImagerySettings, project_dir: Path, grid: Grid) -> Listing | None:
    """The listing of a layer if it answers what is asked now."""
    listing = read_listing(project_dir, entry.name)
    return listing if listing and listing.asked == asked_digest(entry, project_dir, grid) else None


def needed_listing(entry: ImagerySettings, project_dir: Path, grid: Grid) -> Listing:
    """The listing of a layer; InputError where `fetch` has not been run for these settings."""
    listing = current_listing(entry, project_dir, grid)
    if listing is None:
        raise InputError(
            "the scenes of a layer are not listed yet, or for other settings", where=f"layer '{entry.name}'",
            hint="Run `l2h fetch` in the project first.",
        )  # fmt: skip
    return listing


def write_listing(project_dir: Path, layer: str, listing: Listing) -> None:
    """Write a listing whole, with the time."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    values = asdict(listing) | {"listed_at": listing.listed_at or now}
    write_json(folder_of(project_dir, layer) / FILE, values)


def file_names(wanted: Sequence[tuple[str, str]]) -> list[str]:
    """A file name for each (id, address): from the id, of letters that every disk takes, each once.

    >>> file_names([("S2/a b", "https://x/v.tif"), ("c", "https://x/c.jp2?d=e"), ("c", "https://y/c.jp2")])
    ['S2_a_b.tif', 'c.jp2', 'c-2.jp2']
    """
    names: list[str] = []
    taken: set[str] = set()
    for identity, address in wanted:
        stem = plain_name(identity) if identity else "scene"
        suffix = Path(re.split(r"[?#]", address)[0]).suffix.lower()
        suffix = suffix if suffix in SUFFIXES else ".tif"
        stem = stem[: -len(suffix)] if stem.lower().endswith(suffix) else stem
        name, number = f"{stem}{suffix}", 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        names.append(name)
        taken.add(name.lower())
    return names
