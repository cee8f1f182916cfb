"""Packing: which archive goes into which folder, so that no folder exceeds what a data host takes.

Parts are alphabetical ranges (next fit in name order). It may take a part more than a cleverer packing, but a person
can tell from the names where a file is, and the plan depends on nothing but names and sizes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from l2h.core.errors import UsageError


@dataclass(frozen=True, order=True)
class Item:
    """A file to be packed: its name and its bytes."""

    name: str
    size: int


@dataclass(frozen=True)
class ArchivePlan:
    """One archive of a release: its folder and file name, and the city files it stores."""

    folder: str
    file: str
    layer: str
    region: str
    province: str
    members: tuple[Item, ...]

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.file}"


@dataclass(frozen=True, order=True)
class CityFile:
    """A city's raster of one layer, before it is packed; `layer` is empty for the land cover itself."""

    layer: str
    region: str
    province: str
    item: Item


def pack(items: Sequence[Item], size_limit: int, file_limit: int) -> list[tuple[Item, ...]]:
    """Groups of at most `size_limit` bytes and `file_limit` files, each item once, in name order.

    UsageError names the item that is larger than the limit by itself.
    """
    groups: list[list[Item]] = []
    size = 0
    for item in sorted(items):
        if item.size > size_limit:
            raise UsageError(
                "a file is larger than a folder of the release may be",
                where=item.name,
                expected=f"at most {size_limit:,} bytes",
                got=f"{item.size:,} bytes",
                hint="Raise [release] size_limit_gb, or leave out a layer.",
            )
        if not groups or size + item.size > size_limit or len(groups[-1]) == file_limit:
            groups.append([])
            size = 0
        groups[-1].append(item)
        size += item.size
    return [tuple(group) for group in groups]


def archive_size(members: Sequence[Item]) -> int:
    """The most bytes an archive of stored members can take.

    Per member: local header 30 + name + zip64 fields 20, directory entry 46 + name + zip64 fields 28; at the end 98.
    """
    return sum(item.size + 124 + 2 * len(item.name.encode()) for item in members) + 98


def plan_archives(files: Sequence[CityFile], size_limit: int, file_limit: int) -> list[ArchivePlan]:
    """All archives of a release.

    One archive `G_P.zip` per province (`G_P_part1.zip`, … where it would exceed the limit), in one folder `G` per
    region (`G_part1`, … likewise). The other layers have archives `G_P_confidence.zip` in folders `G_confidence` of
    their own, so that the folders of the land cover hold nothing else.
    """
    archives = []
    for layer, region in sorted({(f.layer, f.region) for f in files}):
        made = [f for f in files if (f.layer, f.region) == (layer, region)]
        zips = [
            zip_ for province in sorted({f.province for f in made}) for zip_ in _province(made, province, size_limit)
        ]
        sizes = {zip_.file: Item(zip_.file, archive_size(zip_.members)) for zip_ in zips}
        groups = pack(list(sizes.values()), size_limit, file_limit)
        folder_of = {
            item.name: numbered(_stem(region, layer), number, len(groups))
            for number, group in enumerate(groups, start=1)
            for item in group
        }
        archives += [ArchivePlan(folder_of[z.file], z.file, z.layer, z.region, z.province, z.members) for z in zips]
    return sorted(archives, key=lambda a: (a.layer, a.path))


def _province(files: Sequence[CityFile], province: str, size_limit: int) -> list[ArchivePlan]:
    chosen = [f for f in files if f.province == province]
    region, layer = chosen[0].region, chosen[0].layer
    # an item's share of the archive's own bytes counts with it, so that the whole stays below the limit
    padded = [Item(f.item.name, archive_size([f.item])) for f in chosen]
    groups = pack(padded, size_limit, len(padded))
    by_name = {f.item.name: f.item for f in chosen}
    stem = _stem(f"{region}_{province}", layer)
    return [
        ArchivePlan(
            "",
            f"{numbered(stem, number, len(groups))}.zip",
            layer,
            region,
            province,
            tuple(by_name[item.name] for item in group),
        )
        for number, group in enumerate(groups, start=1)
    ]


def _stem(name: str, layer: str) -> str:
    return f"{name}_{layer}" if layer else name


def numbered(name: str, number: int, total: int) -> str:
    """The name itself where there is one part, else with its number."""
    return name if total == 1 else f"{name}_part{number}"
