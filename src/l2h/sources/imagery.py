"""Imagery: overlapping scenes become one picture on our lattice, one scene per pixel."""

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from l2h.core.errors import GridError, InputError
from l2h.core.grid import Grid, Window
from l2h.core.raster import open_raster
from l2h.core.tasks import Hole
from l2h.sources.frame import Frame, footprint
from l2h.sources.paths import find_files, shown
from l2h.sources.reading import Header, Recipe, UnreadableError, choose_how, describe, read_tile
from l2h.sources.resample import TILE_PX
from l2h.sources.settings import RIGHTS, ImagerySettings

DATE_TAGS = ("ACQUISITION_DATE", "ACQUISITIONDATETIME", "TIFFTAG_DATETIME")
DAY = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_:]?(\d\d)[-_:]?(\d\d)(?!\d)")
MAX_SCENES = 65535  # the scene of a pixel is kept in 16 bits


@dataclass(frozen=True)
class Scene:
    """One file of imagery.

    index   : what stands for it in the raster of scenes
    rank    : 0 wins over 1 where both have a pixel
    layer   : name of its [[imagery]] entry
    covers  : window of the grid outside which it has no pixel
    """

    index: int
    rank: int
    layer: str
    name: str
    path: Path
    date: date | None
    frame: Frame
    covers: Window
    recipe: Recipe


@dataclass(frozen=True)
class Mosaic:
    """A window of the picture.

    values : uint8 [B, H, W], 0 where not valid;  valid : [H, W]
    scene  : uint16 [H, W], index of the scene each pixel came from, 0 = none
    holes  : what could not be read
    """

    values: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_]
    scene: npt.NDArray[np.uint16]
    holes: tuple[Hole, ...]


def list_scenes(entries: Sequence[ImagerySettings], project_dir: Path, grid: Grid) -> tuple[Scene, ...]:
    """All scenes that can touch the grid, best rank first.

    Entries rank in their order; within one, the newest or the first listed wins. Indices follow another order (entry,
    oldest first, name), so that a newer scene of the last entry leaves the index of every other as it was.
    """
    if len({entry.name for entry in entries}) != len(entries):
        raise InputError("two [[imagery]] entries have the same name", got=", ".join(e.name for e in entries))
    if len({len(entry.bands) for entry in entries}) > 1:
        raise InputError(
            "[[imagery]] entries differ in their number of bands",
            got=", ".join(f"{e.name}: {len(e.bands)}" for e in entries),
            hint="They become one picture: give each entry the same number of `bands`.",
        )
    ranked = [found for entry in entries for found in _entry_scenes(entry, project_dir, grid)]
    if len(ranked) > MAX_SCENES:
        raise InputError("there are too many scenes", expected=f"at most {MAX_SCENES}", got=str(len(ranked)))
    order = {entry.name: number for number, entry in enumerate(entries)}
    by_age = sorted(ranked, key=lambda s: (order[s.layer], s.date or date.min, shown(s.path, project_dir)))
    index = {scene.path: number for number, scene in enumerate(by_age, start=1)}
    return tuple(_numbered(scene, index[scene.path], rank) for rank, scene in enumerate(ranked))


def _numbered(scene: Scene, index: int, rank: int) -> Scene:
    return Scene(index, rank, *(getattr(scene, name) for name in list(Scene.__dataclass_fields__)[2:]))


def _entry_scenes(entry: ImagerySettings, project_dir: Path, grid: Grid) -> list[Scene]:
    """The scenes of an entry that can touch the grid, best first; GridError where none can."""
    paths = find_files(project_dir, entry.paths, entry.name)
    scenes = [_scene(entry, describe(path, entry.bands, entry.name), grid) for path in paths]
    touching = [scene for scene in scenes if not scene.covers.empty]
    if not touching:
        raise GridError(
            "no scene touches the project's grid",
            where=f"layer '{entry.name}', {len(scenes)} files",
            expected=f"something within {grid.bounds()} of {grid.crs}",
            got=f"{scenes[0].name} in {scenes[0].frame.crs}",
            hint="Check the CRS of the scenes and of the grid.",
        )
    if entry.rank == "newest":  # stable: scenes of one day keep their listed order; undated ones come last
        touching.sort(key=lambda scene: scene.date or date.min, reverse=True)
    return touching


def _scene(entry: ImagerySettings, header: Header, grid: Grid) -> Scene:
    if header.dtype != "uint8" and entry.scale is None:
        raise InputError(
            "a scene is not of 8 bits and its entry states no scale",
            where=f"layer '{entry.name}', {header.path}",
            got=header.dtype,
            hint="Give the entry `scale = [low, high]`: the values that become 0 and 255.",
        )
    nodata = () if entry.nodata is None else (entry.nodata,)
    recipe = Recipe(entry.bands, nodata, entry.scale, choose_how(entry.resampling, header.frame, grid))
    covers = footprint(header.frame, grid)
    day = scene_date(header, entry.dates)
    return Scene(0, 0, entry.name, header.path.stem, header.path, day, header.frame, covers, recipe)


def scene_date(header: Header, dates: dict[str, date]) -> date | None:
    """The day a scene was taken: from the settings, else a TIFF tag, else eight digits in its name; None if unknown."""
    stem = header.path.stem
    if stem in dates:
        return dates[stem]
    texts = [header.tags[tag] for tag in DATE_TAGS if tag in header.tags]
    return next((day for text in [*texts, stem] if (day := find_date(text)) is not None), None)


def find_date(text: str) -> date | None:
    """The first real calendar day written in a text as YYYYMMDD, with or without "-", "_" or ":" between."""
    days = (_day(*map(int, digits)) for digits in DAY.findall(text))
    return next((day for day in days if day is not None), None)


def _day(year: int, month: int, day: int) -> date | None:
    """A calendar day; None for eight digits that are no day, such as the number of a tile."""
    fits = 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    return date(year, month, day) if fits else None


def scene_table(
    scenes: Sequence[Scene], entries: Sequence[ImagerySettings], project_dir: Path
) -> list[dict[str, object]]:
    """What `scenes.json` holds, in order of index."""
    rights = {e.name: e.model_dump(include=RIGHTS) for e in entries}
    return [
        {
            "index": scene.index,
            "name": scene.name,
            "path": shown(scene.path, project_dir),
            "date": scene.date.isoformat() if scene.date else None,
            "layer": scene.layer,
            "resampling": scene.recipe.how,
            **rights[scene.layer],
        }
        for scene in sorted(scenes, key=lambda scene: scene.index)
    ]


def mosaic(scenes: Sequence[Scene], grid: Grid, window: Window, bands: int) -> Mosaic:
    """One picture of a window from its scenes, best rank first: a pixel belongs to the first scene that has it.

    What a scene cannot give because its bytes are broken is left to the scenes below, and recorded as a hole.
    """
    values, scene_of = np.zeros((bands, *window.shape), "uint8"), np.zeros(window.shape, "uint16")
    holes: list[Hole] = []
    for scene in sorted(scenes, key=lambda scene: scene.rank):
        with open_raster(scene.path) as dataset:
            for tile in grid.tiles(TILE_PX, window.intersect(scene.covers)):
                part = tile.intersect(window)
                rows, cols = part.slices_in(window)
                free = scene_of[rows, cols] == 0
                if not free.any():
                    continue
                try:
                    patch = read_tile(dataset, scene.frame, grid, tile, scene.recipe).crop(part)
                except UnreadableError as error:
                    holes.append(Hole(f"imagery, scene '{scene.name}', {tile}", str(error)))
                    continue
                take = free & patch.valid
                values[:, rows, cols][:, take] = patch.values[:, take]
                scene_of[rows, cols][take] = scene.index
    return Mosaic(values, scene_of > 0, scene_of, tuple(holes))
