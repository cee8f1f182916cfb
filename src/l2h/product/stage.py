"""The stage "release": census of the cities, city files, province archives, catalogue.

work/map, work/layers/regions, work/layers/scene  →  work/cities/*.tif  →  release/<version>/
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

from l2h.core.tasks import Context, Made, Stage, Task
from l2h.product.archive import write_archive
from l2h.product.catalogue import DOCUMENTS, MANIFEST, SUMS, remove_stale, write_catalogue
from l2h.product.census import Extent, census_block
from l2h.product.cities import City
from l2h.product.cityreader import CityJob
from l2h.product.cut import cut_classes, cut_confidence, cut_dates
from l2h.product.desk import (
    REGIONS,
    SCENES,
    Release,
    archive_plans,
    census_path,
    city_path,
    present_cities,
    raster_tags,
    scene_months,
)
from l2h.product.facts import LayerFact, ReleaseFacts, check_publication
from l2h.product.gather import gather_catalogue
from l2h.product.settings import ReleaseSettings


def stage(settings: ReleaseSettings, facts: ReleaseFacts) -> Stage:
    """The release stage; it ends at once with a SettingsError where a layer's terms forbid it."""
    release = Release(settings, facts)
    shared = (_licence_tasks, _city_tasks, _archive_tasks, _tidy_tasks, _catalogue_tasks)
    licences, *rest = (partial(step, release) for step in shared)
    return Stage("release", (licences, _census_tasks, *rest))


# before anything is made: may it be given away


def _licence_tasks(release: Release, _: Context) -> list[Task]:
    """A task, not a check in passing, so that a project that may not be released can still be planned and described."""
    layers = release.facts.layers
    return [
        Task(
            key="release/licences",
            function=check_licences,
            arguments={"layers": layers},
            inputs=(),
            outputs=(),
            settings={"layers": [asdict(layer) for layer in layers]},
        )
    ]


def check_licences(layers: tuple[LayerFact, ...]) -> Made:
    """Task: refuse a release that rests on a layer whose terms forbid it."""
    check_publication(layers)
    return Made()


# first step: which city lies in which block


def _census_tasks(context: Context) -> list[Task]:
    store = context.store(REGIONS)
    return [
        Task(
            key=f"release/census/{block.name}",
            function=census_block,
            arguments={
                "output": census_path(context, block.name), "regions": store.folder, "grid": context.grid,
                "block_px": context.block_px, "block": block,
            },
            inputs=(store.path(block),),
            outputs=(census_path(context, block.name),),
            settings=context.place(block.window),
            pixels=block.window.pixels,
        )
        for block in store.blocks
    ]  # fmt: skip


# second step: the files of each city


def _city_tasks(release: Release, context: Context) -> list[Task]:
    present, _ = present_cities(context)
    layers = release.layers(context)
    months = scene_months(context.work / "layers" / "scenes.json") if "date" in layers else {}
    return [_city_task(release, context, city, extent, layer, months) for city, extent in present for layer in layers]


def _city_task(
    release: Release, context: Context, city: City, extent: Extent, layer: str, months: Mapping[int, int]
) -> Task:
    source, regions = context.store(SCENES if layer == "date" else "map"), context.store(REGIONS)
    job = CityJob(
        stem=city.stem, index=city.index, window=extent.window, blocks=extent.blocks, grid=context.grid,
        block_px=context.block_px, source=source.folder, regions=regions.folder,
        output=city_path(context, city, layer), legend=release.facts.legend,
        compression=release.settings.compression, tags=raster_tags(release),
    )  # fmt: skip
    functions: dict[str, Callable[..., Made]] = {"": cut_classes, "confidence": cut_confidence, "date": cut_dates}
    blocks = [b for b in regions.blocks_of(extent.window) if b.name in set(extent.blocks)]
    settings = context.place(extent.window) | {
        "index": city.index, "stem": city.stem, "legend": job.legend, "compression": job.compression,
        "tags": dict(job.tags),
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


# third step: the archives


def _archive_tasks(release: Release, context: Context) -> list[Task]:
    tasks = []
    for plan in archive_plans(release, context):
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
    kept = {plan.path for plan in archive_plans(release, context)} | {*DOCUMENTS, MANIFEST, SUMS}
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
    catalogue = gather_catalogue(release, context)
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
