"""The stage "release": census of the cities, city files, province archives, catalogue.

work/map, work/layers/regions, work/layers/scene  →  work/cities/*.tif  →  release/<version>/
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError
from l2h.core.files import canonical_json, read_json, sha256_bytes
from l2h.core.tasks import Context, Made, Stage, Task
from l2h.product.archive import write_archive
from l2h.product.catalogue import DOCUMENTS, MANIFEST, SUMS, remove_stale, write_catalogue
from l2h.product.census import Extent, census_block, read_census, window_tuple
from l2h.product.cities import City, read_cities
from l2h.product.cityreader import CityJob
from l2h.product.cut import cut_classes, cut_confidence, cut_dates
from l2h.product.facts import ReleaseFacts, check_redistribution
from l2h.product.manifest import ArchiveFact, Catalogue, CityHoles, MemberFact
from l2h.product.packing import ArchivePlan, CityFile, Item, plan_archives
from l2h.product.settings import ReleaseSettings

REGIONS, SCENES = "layers/regions", "layers/scene"


@dataclass(frozen=True)
class Release:
    """A release being made: what is asked for, and what is told of the project."""

    settings: ReleaseSettings
    facts: ReleaseFacts

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that are cut; "" is the land cover itself."""
        wanted = {"": True, "confidence": self.settings.confidence == "1m", "date": self.settings.dates == "1m"}
        return tuple(layer for layer, on in wanted.items() if on)

    def folder(self, context: Context) -> Path:
        return context.project_dir / "release" / self.facts.version


def stage(settings: ReleaseSettings, facts: ReleaseFacts) -> Stage:
    """The release stage; SettingsError at its first step where a layer may not be redistributed."""
    release = Release(settings, facts)
    steps = (_census_tasks, _city_tasks, _archive_tasks, _tidy_tasks, _catalogue_tasks)
    return Stage("release", tuple(partial(step, release) for step in steps))


# first step: which city lies in which block


def _census_tasks(release: Release, context: Context) -> list[Task]:
    check_redistribution(release.facts.layers)
    store = context.store(REGIONS)
    return [
        Task(
            key=f"release/census/{block.name}",
            function=census_block,
            arguments={
                "output": _census_path(context, block.name), "regions": store.folder, "grid": context.grid,
                "block_px": context.block_px, "block": block,
            },
            inputs=(store.path(block),),
            outputs=(_census_path(context, block.name),),
            settings={"window": window_tuple(block.window)},
            pixels=block.window.pixels,
        )
        for block in store.blocks
    ]  # fmt: skip


def _census_path(context: Context, block: str) -> Path:
    return context.work / "cities" / "census" / f"{block}.json"


def _present(context: Context) -> tuple[list[tuple[City, Extent]], tuple[str, ...]]:
    """Cities with their extents, and the names of those without a pixel; InputError where no city has one."""
    cities = read_cities(context.work / "layers" / "regions.json")
    extents = read_census({b.name: _census_path(context, b.name) for b in context.store(REGIONS).blocks})
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


# second step: the files of each city


def _city_tasks(release: Release, context: Context) -> list[Task]:
    present, _ = _present(context)
    months = scene_months(context.work / "layers" / "scenes.json") if "date" in release.layers else {}
    return [
        _city_task(release, context, city, extent, layer, months)
        for city, extent in present
        for layer in release.layers
    ]


def scene_months(path: Path) -> dict[int, int]:
    """Scene index → YYYYMM of its capture, 0 where the date is not known."""
    return {int(row["index"]): _month(row["date"], path) for row in read_json(path)}


def _month(date: str | None, path: Path) -> int:
    text = (date or "")[:7].replace("-", "")
    if date and not (len(text) == 6 and text.isdigit() and 1 <= int(text[4:]) <= 12):
        raise InputError("a scene has no readable date", where=str(path), expected="YYYY-MM-DD", got=date)
    return int(text) if text else 0


def _city_task(
    release: Release, context: Context, city: City, extent: Extent, layer: str, months: Mapping[int, int]
) -> Task:
    source, regions = context.store(SCENES if layer == "date" else "map"), context.store(REGIONS)
    job = CityJob(
        stem=city.stem, index=city.index, window=extent.window, blocks=extent.blocks, grid=context.grid,
        block_px=context.block_px, source=source.folder, regions=regions.folder,
        output=_city_path(context, city, layer), legend=release.facts.legend,
        compression=release.settings.compression, tags=_tags(release),
    )  # fmt: skip
    functions: dict[str, Callable[..., Made]] = {"": cut_classes, "confidence": cut_confidence, "date": cut_dates}
    blocks = [b for b in regions.blocks_of(extent.window) if b.name in set(extent.blocks)]
    settings = {
        "index": city.index, "window": window_tuple(extent.window), "grid": context.grid.to_dict(),
        "legend": job.legend, "compression": job.compression, "tags": dict(job.tags), "stem": city.stem,
    }  # fmt: skip
    return Task(
        key=f"release/cities/{job.output.stem}",
        function=functions[layer],
        arguments={"job": job} | ({"months": months} if layer == "date" else {}),
        inputs=tuple(store.path(block) for block in blocks for store in (source, regions)),
        outputs=(job.output, job.figures),
        settings=settings | ({"months": {str(k): v for k, v in months.items()}} if layer == "date" else {}),
        pixels=extent.window.pixels,
    )


def _city_path(context: Context, city: City, layer: str) -> Path:
    return context.work / "cities" / f"{city.stem}{f'_{layer}' if layer else ''}.tif"


def _tags(release: Release) -> dict[str, str]:
    """Tags of every raster. No version: a city that a new version does not change keeps its bytes."""
    facts, settings = release.facts, release.settings
    sources = "; ".join(layer.attribution or layer.name for layer in facts.layers)
    tags = {
        "product": facts.title or facts.name, "licence": settings.licence, "citation": settings.citation,
        "sources": sources, "TIFFTAG_SOFTWARE": "l2h", "TIFFTAG_COPYRIGHT": settings.licence,
    }  # fmt: skip
    return {key: value for key, value in tags.items() if value}


# third step: the archives


def _plans(release: Release, context: Context) -> list[ArchivePlan]:
    """All archives, from the sizes of the city files; InputError where those are not made yet."""
    files = [
        CityFile(layer, city.name.region, city.name.province, _item(_city_path(context, city, layer)))
        for city, _ in _present(context)[0]
        for layer in release.layers
    ]
    return plan_archives(files, release.settings.size_limit_bytes, release.settings.file_limit)


def _item(path: Path) -> Item:
    if not path.is_file():
        raise InputError("a city's file is missing", where=str(path))
    return Item(path.name, path.stat().st_size)


def _archive_tasks(release: Release, context: Context) -> list[Task]:
    tasks = []
    for plan in _plans(release, context):
        members = tuple(context.work / "cities" / member.name for member in plan.members)
        output = release.folder(context) / plan.path
        tasks.append(
            Task(
                key=f"release/archives/{release.facts.version}/{plan.path}",
                function=archive_members,
                arguments={"output": output, "members": members},
                inputs=members,
                outputs=(output,),
                settings={"members": [member.name for member in plan.members]},
                pixels=sum(member.size for member in plan.members),
            )
        )
    return tasks


def archive_members(output: Path, members: tuple[Path, ...]) -> Made:
    """Task: pack city files into one archive."""
    write_archive(output, members)
    return Made(info={"members": len(members), "bytes": output.stat().st_size})


# fourth and fifth step: what is no longer part of it goes; the texts


def _tidy_tasks(release: Release, context: Context) -> list[Task]:
    kept = {plan.path for plan in _plans(release, context)} | {*DOCUMENTS, MANIFEST, SUMS}
    folder = release.folder(context)
    stale = {name: time for name, time in _made_before(folder, context) if name not in kept}
    if not stale:
        return []
    return [
        Task(
            key=f"release/tidy/{release.facts.version}",
            function=remove_stale,
            arguments={"folder": folder, "stale": sorted(stale)},
            inputs=(),
            outputs=(),
            settings={"stale": stale},  # with the times they were made: the same name may go stale again
        )
    ]


def _catalogue_tasks(release: Release, context: Context) -> list[Task]:
    catalogue = _catalogue(release, context)
    folder = release.folder(context)
    names = (*DOCUMENTS, MANIFEST, SUMS)
    return [
        Task(
            key=f"release/catalogue/{release.facts.version}",
            function=write_catalogue,
            arguments={"folder": folder, "catalogue": catalogue},
            inputs=(),  # what it tells of the archives stands in the settings, digests included
            outputs=tuple(folder / name for name in names),
            settings={"catalogue": asdict(catalogue)},
        )
    ]


def _made_before(folder: Path, context: Context) -> Iterator[tuple[str, int]]:
    """Files of the release that the ledger knows as this stage's own and that are there, with their times."""
    for record in context.ledger.records():
        for name, state in record.outputs.items() if record.key.startswith("release/") else ():
            path = context.project_dir / name
            if path.is_relative_to(folder) and path.is_file():
                yield path.relative_to(folder).as_posix(), state.mtime_ns


def _catalogue(release: Release, context: Context) -> Catalogue:
    present, absent = _present(context)
    archives = tuple(_archive_fact(release, context, plan) for plan in _plans(release, context))
    return Catalogue(
        facts=release.facts,
        licence=release.settings.licence,
        citation=release.settings.citation,
        settings_digest=sha256_bytes(canonical_json(release.settings.model_dump(mode="json")).encode()),
        grid=context.grid,
        archives=archives,
        holes=tuple(_city_holes(context, present)),
        absent=absent,
    )


def _archive_fact(release: Release, context: Context, plan: ArchivePlan) -> ArchiveFact:
    path = release.folder(context) / plan.path
    members = tuple(_member_fact(context, member.name, plan.layer) for member in plan.members)
    digest = context.ledger.digest_of(path)
    size = path.stat().st_size
    return ArchiveFact(plan.path, digest, size, plan.layer, plan.region, plan.province, members)


def _member_fact(context: Context, name: str, layer: str) -> MemberFact:
    path = context.work / "cities" / name
    city = path.stem.removesuffix(f"_{layer}") if layer else path.stem
    figures: dict[str, Any] = read_json(path.with_suffix(".json"))
    return MemberFact(name, city, context.ledger.digest_of(path), path.stat().st_size, figures)


def _city_holes(context: Context, present: list[tuple[City, Extent]]) -> Iterator[CityHoles]:
    """The holes that the map's own tasks recorded, for every city whose blocks they touch."""
    outputs = {
        Path(name).stem: record.holes
        for record in context.ledger.records()
        for name in record.outputs
        if record.holes and Path(name).parent.as_posix() == "work/map"
    }
    for city, extent in present:
        found = [(h["where"], h["reason"]) for block in extent.blocks for h in outputs.get(block, ())]
        if found:
            yield CityHoles(city.stem, tuple(found))
