"""Sixteen bits to eight: one stretch for each band of a layer, from the statistics of all its files. Never of a tile.
Where a layer asks for it, one for each scene, from the statistics of all of the scene, so that scenes look alike.

A stretch that follows the tile it is used on makes a patchwork of brightness that a network learns as if it were land
cover. Here it is found once for the whole layer, written down, and read by everyone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.files import read_json, write_json
from l2h.core.grid import Window
from l2h.core.raster import open_raster
from l2h.core.tasks import Context, Hole, Made, Task
from l2h.sources.paths import shown
from l2h.sources.quilt import open_picture
from l2h.sources.reading import UnreadableError, read_source
from l2h.sources.scenes import Scene
from l2h.sources.settings import ImagerySettings
from l2h.sources.stretch import WHOLE_BYTE, Scale, Stretch, balanced, reference_of

NAME = "layers/radiometry"
LOW, HIGH = 1, 99  # percentiles that become 0 and 255
INNER = 10, 90  # percentiles between which a scene has its spread: clouds and shadows lie beyond
BLOCKS = 4096  # at most about so many blocks of a layer are looked at
OF_A_SCENE = 256  # and of a scene, where each has its own statistics
SIDE = 256
STEP = 7919  # a prime: blocks are taken in an order that follows neither rows nor columns
LEVELS, ZERO = 1 << 16, 1 << 15  # int16 values are shifted so that all are counted from 0
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    """Blocks of a layer's files whose pixels are counted.

    every : one of so many blocks of each file, at least one
    """

    scenes: tuple[Scene, ...]
    every: int


def sample_of(scenes: Sequence[Scene], most: int = BLOCKS) -> Sample:
    """Which blocks are looked at: an equal share of every file, at most about so many in all."""
    total = sum(rows * cols for rows, cols in map(_blocks, scenes))
    return Sample(tuple(scenes), max(1, total // most))


def _blocks(scene: Scene) -> tuple[int, int]:
    """Rows and columns of blocks: counted, never listed, since the picture of a service is as large as the country."""
    return -(-scene.frame.height // SIDE), -(-scene.frame.width // SIDE)


def chosen(scene: Scene, every: int) -> Iterator[Window]:
    """The blocks of a scene that are looked at: one of `every`, spread over the file; the same ones always."""
    rows, cols = _blocks(scene)
    count = rows * cols
    step = next(s for s in range(STEP, STEP + count + 1) if math.gcd(s, count) == 1)
    for n in range(max(1, count // every)):
        row, col = (SIDE * place for place in divmod(n * step % count, cols))
        yield Window(row, row + SIDE, col, col + SIDE).intersect(scene.frame.window)


def count_levels(sample: Sample) -> tuple[Counts, tuple[Hole, ...]]:
    """How often each band has each value, int64 [B, 98304] from -32768 to 65535, and what could not be read."""
    bands = len(sample.scenes[0].recipe.bands)
    counts, holes = np.zeros((bands, 2 * LEVELS - ZERO), "int64"), []
    for scene in sample.scenes:
        with open_picture(scene.path, scene.pieces, scene.dtype) as dataset:
            for window in chosen(scene, sample.every):
                try:
                    patch = read_source(dataset, window, scene.recipe)
                except UnreadableError as error:
                    holes.append(Hole(f"radiometry, scene '{scene.name}', {window}", str(error)))
                    continue
                for band, values in enumerate(patch.values):
                    levels = values[patch.valid].astype("int64") + ZERO
                    counts[band] += np.bincount(levels, minlength=counts.shape[1])
    return counts, tuple(holes)


def percentiles(counts: Counts, low: float = LOW, high: float = HIGH) -> Scale:
    """The values below which `low` and `high` per cent of each band lie, the upper at least one above the lower.

    counts : [B, L], how often each value from -32768 on was seen. InputError where nothing was seen.

    >>> counts = np.zeros((1, 32768 + 200), "int64"); counts[0, 32768:32868] = 1   # 0 to 99 once each
    >>> percentiles(counts, 10, 90)
    ((10.0, 90.0),)
    """
    if not counts.sum(1).all():
        raise InputError("a layer has no pixel to take a stretch from", hint="State `scale = [low, high]`.")
    totals = counts.cumsum(1)
    pairs = []
    for total in totals:
        ends = [int(np.searchsorted(total, total[-1] * share / 100, side="right")) - ZERO for share in (low, high)]
        pairs.append((float(ends[0]), float(max(ends[1], ends[0] + 1))))
    return tuple(pairs)


def stated(scenes: Sequence[Scene]) -> Scale:
    """The stretch that the files' own statistics state: least minimum and greatest maximum of each band.

    Every file has a say, also each sheet of a picture that lies in many. InputError names the first that states none.
    """
    rows = [_stated(scene, path) for scene in scenes for path in scene.files]
    table = np.array(rows)  # [files, bands, 2]
    low, high = table[:, :, 0].min(0), table[:, :, 1].max(0)
    return tuple((float(a), float(max(b, a + 1))) for a, b in zip(low, high, strict=True))


def _stated(scene: Scene, path: Path) -> list[tuple[float, float]]:
    """Minimum and maximum of each band that is kept, as a file states them."""
    with open_raster(path) as dataset:
        tags: list[dict[str, Any]] = [dataset.tags(band) for band in scene.recipe.bands]
    pairs = []
    for band, said in zip(scene.recipe.bands, tags, strict=True):
        try:
            pair = float(said["STATISTICS_MINIMUM"]), float(said["STATISTICS_MAXIMUM"])
        except (KeyError, ValueError) as error:
            raise InputError(
                "a file states no statistics", where=f"layer '{scene.layer}', {path}, band {band}",
                hint='Say scale = "statistics", or give the values.',
            ) from error  # fmt: skip
        if not (math.isfinite(sum(pair)) and pair[0] <= pair[1]):
            raise InputError(
                "a file states impossible statistics", where=f"layer '{scene.layer}', {path}, band {band}",
                expected="a minimum not above the maximum, both finite", got=f"{pair[0]:g} and {pair[1]:g}",
            )  # fmt: skip
        pairs.append(pair)
    return pairs


@dataclass(frozen=True)
class Wanted:
    """A layer whose stretch is to be found.

    how   : `statistics`, `metadata`, or `stated`, by `pairs`
    paths : of the scenes, as the project says them
    """

    how: str
    scenes: tuple[Scene, ...]
    paths: tuple[str, ...]
    pairs: Scale
    even: bool

    @classmethod
    def of(cls, entry: ImagerySettings, scenes: tuple[Scene, ...], project_dir: Path) -> "Wanted":
        how: str = entry.scale if isinstance(entry.scale, str) else "statistics"
        if entry.even and not isinstance(entry.scale, str) and (entry.pairs or scenes[0].dtype == "uint8"):
            how = "stated"
        paths = tuple(shown(scene.path, project_dir) for scene in scenes)
        return cls(how, scenes, paths, entry.pairs or WHOLE_BYTE, entry.even)

    def settings(self) -> list[Any]:
        """What changes the stretch, besides the bytes of the files."""
        files = [(path, s.recipe.bands, s.recipe.nodata) for path, s in zip(self.paths, self.scenes, strict=True)]
        return [self.how, files, *([self.pairs] if self.even else [])]


def radiometry_tasks(context: Context, scenes: Sequence[Scene], entries: Sequence[ImagerySettings]) -> list[Task]:
    """One task that finds the stretch of every layer that needs one; none where none does."""
    layers = {
        entry.name: Wanted.of(entry, found, context.project_dir)
        for entry in entries
        for found in [_of(scenes, entry)]
        if isinstance(entry.scale, str) or any(scene.unscaled for scene in found)
    }
    if not layers:
        return []
    path = context.work / f"{NAME}.json"
    inputs = tuple(path for wanted in layers.values() for scene in wanted.scenes for path in scene.files)
    settings = {name: wanted.settings() for name, wanted in layers.items()}
    return [Task(NAME, make_radiometry, {"path": path, "layers": layers}, inputs, (path,), settings)]


def _of(scenes: Sequence[Scene], entry: ImagerySettings) -> tuple[Scene, ...]:
    """An entry's scenes in an order that no date changes."""
    return tuple(sorted((s for s in scenes if s.layer == entry.name), key=lambda s: s.path))


def make_radiometry(path: Path, layers: dict[str, Wanted]) -> Made:
    """Write the stretch of each layer, and what it was taken from."""
    rows: dict[str, Any] = {}
    holes: list[Hole] = []
    for name, wanted in layers.items():
        rows[name] = _whole(wanted, holes)
        if wanted.even:
            rows[name] |= _even(wanted, rows[name]["scale"], holes)
    write_json(path, rows)
    return Made(tuple(dict.fromkeys(holes)), {"layers": len(rows)})


def _whole(wanted: Wanted, holes: list[Hole]) -> dict[str, Any]:
    """The stretch of a layer."""
    row: dict[str, Any] = {"from": wanted.how, "files": len(wanted.scenes)}
    if wanted.how == "stated":
        return row | {"scale": wanted.pairs}
    if wanted.how == "metadata":
        return row | {"scale": stated(wanted.scenes)}
    counts, broken = count_levels(sample_of(wanted.scenes))
    holes += broken
    return row | {"scale": percentiles(counts), "pixels": int(counts.sum(1).max())}


def _even(wanted: Wanted, whole: Scale, holes: list[Hole]) -> dict[str, Any]:
    """The spread of each scene, that of the layer, and the stretch that brings the one to the other.

    A scene of which no pixel was seen is left to the layer's stretch.
    """
    spreads: dict[str, Scale] = {}
    for name, scene in zip(wanted.paths, wanted.scenes, strict=True):
        counts, broken = count_levels(sample_of((scene,), OF_A_SCENE))
        holes += broken
        if counts.sum(1).all():
            spreads[name] = percentiles(counts, *INNER)
    if not spreads:
        return {"scenes": []}
    reference = reference_of(list(spreads.values()))
    rows = [
        {
            "path": name, "name": scene.name, "spread": spreads.get(name),
            "scale": balanced(whole, spreads.get(name, reference), reference),
        }
        for name, scene in zip(wanted.paths, wanted.scenes, strict=True)
    ]  # fmt: skip
    return {"percentiles": INNER, "reference": reference, "scenes": rows}


def recorded_scales(work: Path) -> dict[str, Stretch]:
    """Layer → stretch, as the workspace holds it; empty where no layer needed one."""
    path = work / f"{NAME}.json"
    if not path.is_file():
        return {}
    return {name: _stretch(row) for name, row in read_json(path).items()}


def _stretch(row: dict[str, Any]) -> Stretch:
    return Stretch(_pairs(row["scale"]), {s["path"]: _pairs(s["scale"]) for s in row.get("scenes", ())})


def _pairs(values: Sequence[Sequence[float]]) -> Scale:
    return tuple((low, high) for low, high in values)
