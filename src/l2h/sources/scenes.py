"""Scenes: the files of imagery that touch the grid, each with its place, day, rank and number."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from pathlib import Path

from l2h.core.errors import InputError
from l2h.core.grid import Grid, Window
from l2h.sources.days import scene_date
from l2h.sources.frame import Frame, footprint, footprints
from l2h.sources.layer_settings import RIGHTS
from l2h.sources.listing import Listed, Listing, folder_of, needed_listing
from l2h.sources.matrix import Matrix, sheet_files
from l2h.sources.near import touching
from l2h.sources.paths import shown
from l2h.sources.pictures import Picture, find_pictures
from l2h.sources.quilt import Piece
from l2h.sources.reading import Header, Recipe, choose_how, describe
from l2h.sources.settings import ImagerySettings
from l2h.sources.stretch import Stretch

MAX_SCENES = 65535  # the scene of a pixel is kept in 16 bits


@dataclass(frozen=True)
class Scene:
    """One file of imagery.

    index   : what stands for it in the raster of scenes
    rank    : 0 wins over 1 where both have a pixel
    layer   : name of its [[imagery]] entry
    date    : day of capture
    cloud   : per cent, where it is known
    covers  : window of the grid outside which it has no pixel
    dtype   : of its values
    even    : whether it is brought to the look of its layer
    pieces  : files that are one picture, `path` being their folder; none where it is one file
    """

    index: int
    rank: int
    layer: str
    name: str
    path: Path
    date: date | None
    cloud: float | None
    frame: Frame
    covers: Window
    recipe: Recipe
    dtype: str
    pieces: tuple[Piece, ...] = ()
    even: bool = False

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file it is read from."""
        return tuple(piece.path for piece in self.pieces) or (self.path,)

    @property
    def unscaled(self) -> bool:
        """Whether its values are still to be brought to 8 bits, or to the look of its layer."""
        return (self.dtype != "uint8" or self.even) and not self.recipe.scale


@dataclass(frozen=True)
class Facts:
    """What is known of a file besides the file: from the catalogue it came from."""

    name: str
    day: date | None = None
    cloud: float | None = None


@dataclass(frozen=True)
class Roll:
    """All scenes of a project.

    scenes : those that can touch the grid, best rank first
    beside : (layer, path) of those that lie beside it
    """

    scenes: tuple[Scene, ...]
    beside: tuple[tuple[str, Path], ...]


def list_scenes(
    entries: Sequence[ImagerySettings], project_dir: Path, grid: Grid, scales: Mapping[str, Stretch] | None = None
) -> tuple[Scene, ...]:
    """All scenes that can touch the grid, best rank first, as `call_roll`, stretched as `scaled`."""
    return scaled(call_roll(entries, project_dir, grid).scenes, entries, project_dir, scales or {})


def scaled(
    scenes: Sequence[Scene], entries: Sequence[ImagerySettings], project_dir: Path, scales: Mapping[str, Stretch]
) -> tuple[Scene, ...]:
    """The scenes with the stretches that were found, for those that do not state theirs in numbers.

    scales : layer → stretch found over the whole layer, or its scenes'
    """
    by_name = {entry.name: entry for entry in entries}

    def stretched(scene: Scene) -> Scene:
        entry, stretch = by_name[scene.layer], scales.get(scene.layer, Stretch())
        found = stretch.whole if entry.tiles else stretch.of(shown(scene.path, project_dir))
        as_it_is = scene.dtype == "uint8" and not (entry.even or isinstance(entry.scale, str))
        if not found or scene.recipe.scale or as_it_is:
            return scene
        return replace(scene, recipe=replace(scene.recipe, scale=found))

    return tuple(map(stretched, scenes))


def call_roll(entries: Sequence[ImagerySettings], project_dir: Path, grid: Grid) -> Roll:
    """All scenes of a project, each file opened once.

    Entries rank in their order; within one, the newest, the clearest or the first listed wins. Indices follow another
    order (entry, oldest first, name), so that a newer scene of the last entry leaves the index of every other alone.
    """
    _check_entries(entries)
    found = [_entry_scenes(entry, project_dir, grid) for entry in entries]
    ranked = [scene for scenes, _ in found for scene in scenes]
    _check_number(ranked, entries)
    order = {entry.name: number for number, entry in enumerate(entries)}
    by_age = sorted(ranked, key=lambda s: (order[s.layer], s.date or date.min, shown(s.path, project_dir)))
    index = {scene.path: number for number, scene in enumerate(by_age, start=1)}
    scenes = tuple(replace(scene, index=index[scene.path], rank=rank) for rank, scene in enumerate(ranked))
    beside = tuple((entry.name, path) for entry, (_, paths) in zip(entries, found, strict=True) for path in paths)
    return Roll(scenes, beside)


def _check_number(scenes: Sequence[Scene], entries: Sequence[ImagerySettings]) -> None:
    if len(scenes) <= MAX_SCENES:
        return
    counts = Counter(scene.layer for scene in scenes)
    raise InputError(
        "a picture has too many scenes",
        where=", ".join(f"layer '{entry.name}': {counts[entry.name]}" for entry in entries),
        expected=f"at most {MAX_SCENES} files that touch the grid", got=str(len(scenes)),
        hint="Merge the files of one flight and day into larger ones (with gdalwarp: a VRT stands for its single "
        "files), leave out those that others cover, or make a project of each part of the country.",
    )  # fmt: skip


def _check_entries(entries: Sequence[ImagerySettings]) -> None:
    if len({entry.name for entry in entries}) != len(entries):
        raise InputError("two [[imagery]] entries have the same name", got=", ".join(e.name for e in entries))
    if len({len(entry.bands) for entry in entries}) > 1:
        raise InputError(
            "[[imagery]] entries differ in their number of bands",
            got=", ".join(f"{e.name}: {len(e.bands)}" for e in entries),
            hint="They become one picture: give each entry the same number of `bands`.",
        )


def _entry_scenes(entry: ImagerySettings, project_dir: Path, grid: Grid) -> tuple[list[Scene], tuple[Path, ...]]:
    """The scenes of an entry that can touch the grid, best first, and the files beside it; GridError where none can."""
    listing = needed_listing(entry, project_dir, grid) if entry.fetched else None
    if listing is not None and entry.tiles:
        scenes = [_service_scene(entry, listing, project_dir, grid)]
    else:
        listed = _arrived(entry, listing, project_dir) if listing else {}
        pictures: Sequence[Picture] = [Picture(path) for path in listed]
        if listing is None:
            pictures = find_pictures(project_dir, entry.paths, entry.name, entry.vrt_folders)
        scenes = [_scene(entry, picture, grid, listed.get(picture.path)) for picture in pictures]
    _check_types(entry, scenes)
    here = touching(scenes, grid, "no scene touches", entry.name, "Check the CRS of the scenes and of the grid.")
    beside = [scene.path for scene in scenes if scene.covers.empty]
    if listing is not None:  # those that were not fetched, since they lie beside the grid
        beside += [folder_of(project_dir, entry.name) / scene.file for scene in listing.scenes if scene.beside]
    return rank(here, entry.rank), tuple(beside)


def _service_scene(entry: ImagerySettings, listing: Listing, project_dir: Path, grid: Grid) -> Scene:
    """The sheets of a service as the one picture that they are.

    Where each lies is known from the level, so a single one is opened: that all are as they came, their receipts say.
    """
    matrix = Matrix(**(listing.more or {})["matrix"])
    sheets = {file: sheet.refine(matrix.tile_px) for file, sheet in sheet_files(matrix, grid).items()}
    whole = reduce(Window.hull, sheets.values())
    frame = matrix.frame.part(whole)
    paths = [path for path in _arrived(entry, listing, project_dir) if path.name in sheets]
    places = [sheets[path.name].shift(-whole.row_start, -whole.col_start) for path in paths]
    pieces = map(Piece, paths, places, footprints(frame, places, grid))
    one = _scene(entry, Picture(paths[0]), grid, None)
    return replace(
        one, name=entry.name, path=folder_of(project_dir, entry.name), date=entry.dates.get(entry.name, entry.date),
        frame=frame, covers=footprint(frame, grid), pieces=tuple(piece for piece in pieces if not piece.covers.empty),
        recipe=replace(one.recipe, how=choose_how(entry.resampling, frame, grid)),
    )  # fmt: skip


def _check_types(entry: ImagerySettings, scenes: Sequence[Scene]) -> None:
    """InputError where no one stretch could fit: files of 8 and of 16 bits in one layer."""
    first = {scene.dtype: scene for scene in reversed(scenes)}
    if len(first) > 1 and not entry.pairs:
        raise InputError(
            "a layer mixes files of different types", where=f"layer '{entry.name}'",
            got=", ".join(f"{scene.path.name}: {dtype}" for dtype, scene in sorted(first.items())),
            hint="Make an entry of each type, or give the entry `scale = [low, high]`.",
        )  # fmt: skip


def rank(scenes: Sequence[Scene], rule: str) -> list[Scene]:
    """Scenes in their order of preference: `newest`, `least_cloud` or `listed`. Equals keep their listed order.

    Undated scenes come last among the newest, those of unknown cloud last among the clearest.
    """
    if rule == "listed":
        return list(scenes)
    newest = sorted(scenes, key=lambda scene: scene.date or date.min, reverse=True)
    if rule == "newest":
        return newest
    return sorted(newest, key=lambda scene: 101.0 if scene.cloud is None else scene.cloud)


def _arrived(entry: ImagerySettings, listing: Listing, project_dir: Path) -> dict[Path, Listed]:
    """The scenes of a fetched entry that are here, in listed order; those that are not are holes of `fetched.json`."""
    folder = folder_of(project_dir, entry.name)
    scenes = {folder / s.file: s for s in listing.scenes if not s.beside}
    here = {path: scene for path, scene in scenes.items() if path.is_file()}
    if not here:
        hint = "Run `l2h fetch` in the project first."
        raise InputError("nothing of a layer is here", where=f"layer '{entry.name}'", hint=hint)
    return here


def _scene(entry: ImagerySettings, picture: Picture, grid: Grid, listed: Listed | None) -> Scene:
    header = describe(picture.path, picture.pick(entry.bands, entry.name), entry.name)
    _check_place(picture, header, entry.name)
    nodata = (*picture.nodata, *(() if entry.nodata is None else (entry.nodata,)))
    how = choose_how(entry.resampling, header.frame, grid)
    stated = () if entry.even else entry.pairs
    recipe = Recipe(header.bands, nodata, stated or None, how)
    facts = facts_of(header, entry, listed)
    return Scene(
        0, 0, entry.name, facts.name, header.path, facts.day, facts.cloud, header.frame, footprint(header.frame, grid),
        recipe, header.dtype, even=entry.even,
    )  # fmt: skip


def _check_place(picture: Picture, header: Header, layer: str) -> None:
    """InputError where a VRT puts a picture elsewhere than the picture itself says: half a pixel is rounding."""
    frame = header.frame
    if picture.box is None:
        return
    own = (frame.x, frame.y - frame.height * frame.dy, frame.x + frame.width * frame.dx, frame.y)
    slack = (frame.dx, frame.dy, frame.dx, frame.dy)
    if any(abs(a - b) > step / 2 for a, b, step in zip(own, picture.box, slack, strict=True)):
        raise InputError(
            "a VRT puts a picture elsewhere than the picture itself does",
            where=f"layer '{layer}', {header.path}",
            expected=str(own),
            got=str(picture.box),
            hint="Name the files themselves, or turn the VRT into GeoTIFF.",
        )


def facts_of(header: Header, entry: ImagerySettings, listed: Listed | None = None) -> Facts:
    """Name, day and cloud of a scene: from the settings, else its catalogue, else the file."""
    stem = header.path.stem
    if listed is None:
        return Facts(stem, scene_date(header, entry.dates) or entry.date, entry.clouds.get(stem))
    day = entry.dates.get(stem) or listed.day or scene_date(header, {}) or entry.date
    return Facts(listed.id, day, entry.clouds.get(stem, listed.cloud))


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
            "cloud_percent": scene.cloud,
            "layer": scene.layer,
            "resampling": scene.recipe.how,
            **rights[scene.layer],
        }
        for scene in sorted(scenes, key=lambda scene: scene.index)
    ]
