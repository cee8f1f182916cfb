"""A first project file for a user's own data."""

import json
import math
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from l2h.core.errors import InputError, UsageError
from l2h.core.files import write_text
from l2h.core.grid import Grid
from l2h.sources.links import is_address
from l2h.sources.veil import has_secret, veiled

LICENCE = "unknown"
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Outlines:
    """A boundary file: its layers, the columns of its levels, the CRS it suggests, and its licence and attribution.

    path : or the address from which `fetch` brings it
    """

    path: str
    layer: str | None
    levels: tuple[str, str, str]
    provinces: str | None = None
    crs: str | None = None
    rights: tuple[str, str] | None = None


@dataclass(frozen=True)
class Sources:
    """What the user named: globs of imagery, (legend, glob) of products, vectors, outlines, and a CRS if any.

    osm     : a file, or the address from which `fetch` brings one
    imagery : globs, folders and VRTs of scenes that are here, or where `fetch` finds them: a list of addresses
              (`NAME.txt`), `stac:ADDRESS`, or the template of a tile's address with {z}, {x} and {y}. May be empty,
              where there is a CRS: the scenes come later
    fetched : (name in the catalogue, address; empty for the publisher's own) of products that are to be fetched
    """

    imagery: tuple[str, ...]
    products: tuple[tuple[str, str], ...]
    osm: str | None
    outlines: Outlines
    crs: str | None
    name: str
    fetched: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Scene:
    """What the first scene of an imagery entry says of itself."""

    grid: Grid
    bands: int


@dataclass(frozen=True)
class Lattice:
    """The lattice that is proposed; without bounds it follows from the outlines."""

    crs: str
    bounds: Bounds | None


def write_project(path: Path, sources: Sources) -> None:
    """Write a commented project file, after a look at the scenes and the outlines.

    InputError where a pattern matches no file, BoundaryError where the outlines cannot be used, SettingsError where the
    file would be refused, as for an address that `fetch` does not follow. A file is written only where all is well.
    """
    from l2h.project import parse_project

    _refuse_keys(sources)
    vectors = [sources.osm] if sources.osm and not is_address(sources.osm) else []
    for pattern in (*(glob for _, glob in sources.products), *vectors):
        _files(pattern)
    scenes = tuple(None if is_fetched(pattern) else look(_first_picture(pattern)) for pattern in sources.imagery)
    first = next((scene.grid for scene in scenes if scene), None)
    if not scenes and sources.crs is None:
        raise InputError("there is no imagery to take a lattice from", hint="Name --imagery, or --crs.")
    later = is_address(sources.outlines.path)
    if later and first is None and sources.crs is None:
        hint = "Name --crs: neither a scene nor the outlines are here to take a lattice from."
        raise InputError("there is no lattice yet", where=sources.outlines.path, hint=hint)
    unseen = Lattice(sources.crs or (choose_crs(first) if first else ""), None)
    lattice = choose_lattice(sources, first) if scenes and not later else unseen
    text = render(sources, scenes, lattice, path.parent.absolute())
    parse_project(text.encode(), path)
    write_text(path, text)


def _refuse_keys(sources: Sources) -> None:
    """UsageError for an address with a key in it: a project file is passed on."""
    named = (*sources.imagery, sources.osm or "", sources.outlines.path, *(address for _, address in sources.fetched))
    for address in filter(has_secret, named):
        hint = "Write {env:NAME} in place of the key, and put it into the environment variable NAME."
        hint = "Write {key} in place of the key; `key_env` names its variable." if "{z}" in address else hint
        raise UsageError(
            "an address carries a key, which has no place in a project file", where=veiled(address), hint=hint
        )


def is_fetched(pattern: str) -> bool:
    """Whether imagery comes by `fetch`: from a list of addresses, a catalogue or a service of tiles."""
    return pattern.startswith("stac:") or "://" in pattern or pattern.endswith(".txt")


def look(path: Path) -> Scene:
    """Read what a project file has to say of a scene; InputError where it is none."""
    from l2h.core.raster import grid_of, open_raster

    with open_raster(path) as data:
        return Scene(grid_of(data), data.count)


def _first_picture(pattern: str) -> Path:
    """The first scene of a pattern, a folder or a VRT; InputError where there is none."""
    from l2h.sources.pictures import find_pictures

    return find_pictures(Path.cwd(), (pattern,), "imagery")[0].path


def choose_lattice(sources: Sources, scene: Grid | None) -> Lattice:
    """The scene's own lattice where it has one of about 1 m, so that its pixels are copied and not resampled.

    scene : None where no scene is here yet: the lattice is then centred on the outlines
    """
    from l2h.sources.boundaries import read_cities
    from l2h.sources.settings import BoundarySettings

    boundary = _files(sources.outlines.path)[0]  # not an address: nothing follows from that yet
    region, province, city = sources.outlines.levels
    outlines = BoundarySettings(
        path=str(boundary), layer=sources.outlines.layer, region=region, province=province, city=city, licence=LICENCE
    )
    if scene is None:
        left, bottom, right, top = read_cities(boundary, outlines, "EPSG:4326").bounds()
        around = Grid("EPSG:4326", left, top, max(right - left, top - bottom), 1, 1)
        return Lattice(sources.crs or choose_crs(around), None)
    crs = sources.crs or choose_crs(scene)
    cities = read_cities(boundary, outlines, crs)
    on_scene = crs == scene.crs and abs(scene.pixel - 1) < 1e-6
    return Lattice(crs, snap(cities.bounds(), scene) if on_scene else None)


def choose_crs(scene: Grid) -> str:
    """CRS of the lattice: the scene's own where it is projected in metres, else an equal-area one centred on it."""
    import rasterio.crs
    from rasterio.warp import transform_bounds

    parsed = rasterio.crs.CRS.from_user_input(scene.crs)
    if parsed.is_projected and parsed.linear_units.lower() in ("metre", "meter"):
        return scene.crs
    left, bottom, right, top = transform_bounds(scene.crs, "EPSG:4326", *scene.bounds())
    lon, lat = round((left + right) / 2, 1), round((bottom + top) / 2, 1)
    return f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m +no_defs"


def snap(bounds: Bounds, scene: Grid) -> Bounds:
    """The extent grown outward to edges of the scene's pixels.

    >>> snap((3.2, 4.0, 17.0, 16.0), Grid("EPSG:32650", 0.5, 20.5, 1.0, 9, 9))
    (2.5, 3.5, 17.5, 16.5)
    """
    left, bottom, right, top = bounds
    pixel = scene.pixel
    cols = math.floor((left - scene.x) / pixel), math.ceil((right - scene.x) / pixel)
    rows = math.floor((scene.y - top) / pixel), math.ceil((scene.y - bottom) / pixel)
    return scene.x + cols[0] * pixel, scene.y - rows[1] * pixel, scene.x + cols[1] * pixel, scene.y - rows[0] * pixel


def render(sources: Sources, scenes: tuple[Scene | None, ...], lattice: Lattice, folder: Path) -> str:
    """The text of the project file; paths below `folder` are written relative to it."""
    parts = [
        "# l2h project: every key is explained in docs/settings.md; unknown keys are refused\n",
        "[project]",
        f"name = {_text(_slug(sources.name))}",
        f"title = {_text(sources.name)}",
        'version = "1.0"              # a new version is a new release folder\n',
        *_grid(lattice),
    ]
    for number, (pattern, scene) in enumerate(zip(sources.imagery, scenes, strict=True), 1):
        name = "imagery" if len(sources.imagery) == 1 else f"imagery{number}"
        bands = list(range(1, min(scene.bands if scene else 3, 3) + 1))
        parts += ["[[imagery]]", f"name = {_text(name)}", f"bands = {bands}"]
        parts += _layer(pattern, folder) if scene else [*_fetched_imagery(pattern, folder), *_rights()]
    parts += [] if scenes else ["[[imagery]]                  # your scenes: put them there, or name them", *_later()]
    names: list[str] = []
    for legend, pattern in sources.products:
        names.append(_free(legend, names))
        parts += ["[[products]]", f"name = {_text(names[-1])}", f"legend = {_text(legend)}", *_layer(pattern, folder)]
    for product, address in sources.fetched:
        names.append(_free(product.split("-")[0], names))
        parts += ["[[products]]", f"name = {_text(names[-1])}", *_fetched(product, address, folder)]
    if sources.osm:
        parts += ["[osm]                         # licence and attribution are OpenStreetMap's"]
        parts += [_paths(sources.osm, folder) + "\n"]
    return "\n".join([*parts, *_boundary(sources.outlines, folder)])


def _boundary(outlines: Outlines, folder: Path) -> list[str]:
    path = outlines.path if is_address(outlines.path) else _relative(_files(outlines.path)[0], folder)
    parts = ["[boundary]", f"path = {_text(path)}"]
    parts += [f"layer = {_text(outlines.layer)}"] if outlines.layer else []
    parts += [f"provinces = {_text(outlines.provinces)}"] if outlines.provinces else []
    levels = zip(("region", "province", "city"), outlines.levels, strict=True)
    parts += [f"{level} = {_text(column)}" for level, column in levels]
    return parts + (_rights(*outlines.rights, itself=False) if outlines.rights else _rights())


def _later() -> list[str]:
    """An entry for scenes that are not here yet."""
    return ['name = "imagery"', "bands = [1, 2, 3]", 'paths = ["imagery/*.tif"]', *_rights()]


def _grid(lattice: Lattice) -> list[str]:
    size = [
        "pixel_m = 1.0",
        "block_px = 6000              # side of the blocks that own pixels; changes no byte of the map",
    ]
    if lattice.bounds is None:
        return ["[grid]", f"crs = {_text(lattice.crs)}", *size, ""]
    bounds = f"bounds = {list(lattice.bounds)}   # of the outlines, on the pixels of the first scene: they are copied"
    return ["[grid]", f"crs = {_text(lattice.crs)}", *size, f"{bounds}\n"]


def _layer(pattern: str, folder: Path) -> list[str]:
    return [_paths(pattern, folder), *_rights()]


def _fetched_imagery(pattern: str, folder: Path) -> list[str]:
    """Where `fetch` finds imagery."""
    if pattern.startswith("stac:"):
        address = pattern.removeprefix("stac:")
        address = address if "://" in address else _relative(Path(address), folder)
        return [f"stac = {{ address = {_text(address)} }}   # and collections, asset, start, end, max_cloud_percent"]
    if "://" in pattern:
        return [f"tiles = {{ url = {_text(pattern)} }}   # and terms, key_env, zoom: docs/settings.md"]
    return [f"urls = {_text(_relative(_files(pattern)[0], folder))}"]


def _fetched(product: str, address: str, folder: Path) -> list[str]:
    """A product of the catalogue, which knows its legend, date and rights."""
    source = address if "://" in address or not address else _relative(Path(address), folder)
    return [
        f"catalogue = {_text(product)}   # says legend, date and rights; `l2h fetch` brings its files",
        *([f"source = {_text(source)}"] if source else []),
        "",
    ]


def _paths(pattern: str, folder: Path) -> str:
    return f"paths = [{_text(pattern if is_address(pattern) else _relative(Path(pattern), folder))}]"


def _rights(licence: str = LICENCE, attribution: str = "", *, itself: bool = True) -> list[str]:
    return [
        f"licence = {_text(licence)}          # state it: an SPDX name or a few words",
        f"attribution = {_text(attribution)}             # the line it asks for",
        "may_train = true             # say false where the terms forbid it",
        "may_publish = true           # may a map that was made from it be given away",
        f"may_redistribute = {str(itself).lower():<9} # may its own pixels or shapes be shown, as in the report\n",
    ]


def _free(legend: str, names: list[str]) -> str:
    """A layer name: the legend's, numbered from the second of it on."""
    taken = sum(name.split("-")[0] == legend for name in names)
    return f"{legend}-{taken + 1}" if taken else legend


def _files(pattern: str) -> list[Path]:
    path = Path(pattern)
    anchor = Path(path.anchor or ".")
    parts = str(path.relative_to(path.anchor) if path.anchor else path)
    found = sorted(file for file in anchor.glob(parts) if file.is_file())
    if not found:
        raise InputError(
            "no file matches",
            got=pattern,
            hint=f"Seen from {Path.cwd()}. Quote patterns so that the shell leaves them alone.",
        )
    return found


def _relative(path: Path, folder: Path) -> str:
    absolute = path.absolute()
    return absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else absolute.as_posix()


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()  # ü is u with two dots
    return re.sub(r"[^a-z0-9_-]+", "-", plain.lower()).strip("-_") or "project"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML basic string
