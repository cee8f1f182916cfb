"""A sample of a project: strata from its workspace, exact sizes, points, design."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l2h.accuracy.sampling import allocate, draw
from l2h.accuracy.sampling.census import Census, count, tally
from l2h.accuracy.sampling.design import SampleDesign, Stratum
from l2h.accuracy.sampling.files import read_design, write_sample
from l2h.accuracy.sampling.settings import SampleSettings
from l2h.accuracy.sampling.strata import ByRaster, ByRegion, Merged, Strata, polygons
from l2h.accuracy.truth import Truth
from l2h.core.areas import NANO
from l2h.core.errors import InputError, UsageError
from l2h.core.files import canonical_json, read_json, sha256_bytes
from l2h.core.grid import Window
from l2h.core.legend import load_legend
from l2h.core.raster import open_raster
from l2h.core.tasks import Context

NOTHING = "there is nothing to draw from: the population has no pixel"
LEVELS = ("region", "province", "city")


@dataclass(frozen=True, eq=False)
class Sample:
    """Drawn pixels with their design."""

    pixels: draw.Pixels
    design: SampleDesign


def make_sample(context: Context, settings: SampleSettings, out: Path) -> Sample:
    """Draw a sample of a project's map and write it; the same seed gives the same bytes."""
    strata = open_strata(context, settings)
    found = draw_sample(strata, settings, strata_digest(context, settings), counted(context, settings, strata))
    if out.exists() and read_design(out) != found.design:
        raise InputError("another sample has this name", where=str(out), hint="Name a new file, or remove that one.")
    write_sample(out, found.pixels, found.design, context.grid)
    return found


def counted(context: Context, settings: SampleSettings, strata: Strata) -> Census | None:
    """The census that `assess` left, where its counts are of today's map: nothing needs to be read again.

    None where there is none, or the strata are none that it counts.
    """
    of_file = settings.method == "stratified" and settings.strata not in ("map", *LEVELS)
    if of_file or settings.method == "two_stage":
        return None
    blocks = context.grid.blocks(context.block_px)
    inputs = {name: context.store(name) for name in ("layers/regions", "map")}
    total: list[tuple[int, int, int, Window]] = []
    for block in blocks:
        record = context.ledger.get(f"assess/{block.name}")
        path = context.work / "assess" / "blocks" / f"{block.name}.json"
        made = [store.path(block) for store in inputs.values()]
        if record is None or record.failed or not context.ledger.intact(record) or not _newer(path, made):
            return None
        for city, classes in read_json(path)["areas"].items():
            for value, (pixels, nano) in classes.items():
                total.append((_code(strata, int(city), int(value)), int(pixels), int(nano), block.window))
    return Census.of(total)


def _newer(path: Path, inputs: list[Path]) -> bool:
    """Whether a tally was written after everything it counts."""
    made = path.stat().st_mtime_ns
    return all(source.stat().st_mtime_ns <= made for source in inputs)


def _code(strata: Strata, city: int, value: int) -> int:
    """The stratum of a pixel of a city with a class of the map."""
    if isinstance(strata, ByRegion):
        return int(strata.of_city[city])
    if isinstance(strata, ByRaster):
        return value or strata.rest
    return 1


def draw_sample(strata: Strata, settings: SampleSettings, digest: str, census: Census | None) -> Sample:
    """Draw from any strata; without a census of them, they are read once."""
    if settings.method != "stratified":
        strata, census = Merged.of_parts(strata), census and census.merged()
    if settings.method == "two_stage":
        return _two_stage(strata, settings, digest)
    known = census or count(strata)
    if not known.codes:
        raise InputError(NOTHING)
    names, codes = strata.names, known.codes
    sizes = np.array([known.area(code) for code in codes])
    expected = np.array([settings.expected.get(names[code], settings.expected_accuracy) for code in codes])
    _check_expected(settings, [names[code] for code in codes])
    size = wanted_size(settings, sizes / sizes.sum(), expected)
    kind = settings.allocation if settings.method == "stratified" else "proportional"
    numbers = np.array([size])
    if len(codes) > 1:
        numbers = allocate.allocate(size, kind, sizes, expected, settings.minimum)
        numbers = np.minimum(numbers, [known.pixels[code] for code in codes])  # a lone hole of the map is taken whole
    wanted = {code: int(n) for code, n in zip(codes, numbers, strict=True)}
    rows = [Stratum(c, names[c], known.pixels[c], known.area(c), wanted[c]) for c in codes]
    if settings.method == "systematic":
        pixels = draw.draw_systematic(strata, float(sizes.sum()), size, settings.seed)
    else:
        pixels = draw.draw_random(strata, known, wanted, settings.seed)
    stratified = settings.method == "stratified"
    design = SampleDesign(
        settings.method, settings.seed, tuple(rows), settings.strata if stratified else "",
        settings.allocation if stratified else "", digest, 0, strata.grid.crs,
    )  # fmt: skip
    return Sample(pixels, design)


def wanted_size(settings: SampleSettings, shares: Any, expected: Any) -> int:
    """The number of points, from whichever of the three ways the settings say."""
    if settings.size is not None:
        return settings.size
    if settings.difference is not None:
        return allocate.size_for_difference(settings.difference, settings.discordant)
    if settings.standard_error is None:  # refused by the settings already
        raise UsageError("a sample needs a size")
    if settings.method == "stratified":
        return allocate.size_for_error(shares, expected, settings.standard_error)
    p = settings.expected_accuracy
    return allocate.size_for_error(np.ones(1), np.array([p]), settings.standard_error)


def _check_expected(settings: SampleSettings, names: list[str]) -> None:
    strange = sorted(set(settings.expected) - set(names))
    if strange:
        raise UsageError("no such stratum", expected=", ".join(names), got=strange[0])


def _two_stage(strata: Strata, settings: SampleSettings, digest: str) -> Sample:
    size = wanted_size(settings, np.ones(1), np.array([settings.expected_accuracy]))
    count_ = max(2, round(size / settings.per_block))
    tiles = list(strata.grid.tiles(settings.block_px))
    parts = [tally(strata, tile).get(1, (0, 0)) for tile in tiles]
    pixels_, areas = [n for n, _ in parts], [area for _, area in parts]
    if not any(pixels_):
        raise InputError(NOTHING)
    pixels = draw.draw_two_stage(strata, tiles, areas, (count_, settings.per_block), settings.seed)
    row = Stratum(1, "all", sum(pixels_), sum(areas) / NANO, count_ * settings.per_block)
    return Sample(pixels, SampleDesign("two_stage", settings.seed, (row,), "", "", digest, count_, strata.grid.crs))


def open_strata(context: Context, settings: SampleSettings) -> Strata:
    """The strata that the settings name. Methods without strata take all pixels that a city owns."""
    regions = context.store("layers/regions")
    if settings.method != "stratified":
        return Merged.of_cities(regions)
    if settings.strata in LEVELS:
        return _by_region(context, settings.strata)
    if settings.strata == "map":
        legend = load_legend("sinolc1")
        return ByRaster(regions, context.store("map"), {c.value: c.name for c in legend.classes}, 255)
    path = context.project_dir / settings.strata
    if not path.is_file():
        raise InputError(
            "strata are neither a file nor known by name",
            where=str(path),
            expected=f"map, {', '.join(LEVELS)} or a file",
        )
    if path.suffix.lower() in (".tif", ".tiff"):
        known = {code: str(code) for code in range(1, 255)}
        return ByRaster(regions, _RasterFile(path, context), known, 255)
    return polygons(path, settings.strata_column, context.grid, regions)


class _RasterFile:
    """A raster of strata that lies on the lattice, kept open."""

    def __init__(self, path: Path, context: Context) -> None:
        self._opened = open_raster(path)
        self._truth = Truth(self._opened.__enter__(), context.grid)

    def read(self, window: Any) -> Any:
        return self._truth.read(window)


def _by_region(context: Context, level: str) -> ByRegion:
    cities = read_json(context.work / "layers" / "regions.json")["cities"]
    parts = {"region": 1, "province": 2, "city": 3}[level]
    label = {int(c["index"]): "_".join(c[k] for k in LEVELS[:parts]) for c in cities}
    code = {name: number for number, name in enumerate(sorted(set(label.values())), start=1)}
    table = np.zeros(max(label) + 1, "int64")
    for index, name in label.items():
        table[index] = code[name]
    return ByRegion(context.store("layers/regions"), table, {number: name for name, number in code.items()})


def strata_digest(context: Context, settings: SampleSettings) -> str:
    """Of the files the strata come from: their recorded digests, block by block."""
    names = ["layers/regions"]
    if settings.method == "stratified" and settings.strata == "map":
        names.append("map")
    paths = [path for name in names for path in context.store(name).paths_of(context.grid.window)]
    if settings.method == "stratified" and settings.strata not in ("map", *LEVELS):
        paths.append(context.project_dir / settings.strata)
    return sha256_bytes(canonical_json([context.ledger.digest_of(path) for path in paths]).encode())
