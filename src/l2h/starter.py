"""A first project file for a user's own data."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from l2h.core.errors import InputError
from l2h.core.files import write_text

LICENCE = "unknown"


@dataclass(frozen=True)
class Sources:
    """What the user named: globs of imagery, (legend, glob) of products, vectors, outlines, and a CRS if any."""

    imagery: tuple[str, ...]
    products: tuple[tuple[str, str], ...]
    osm: str | None
    boundary: str
    layer: str | None
    levels: tuple[str, ...]
    crs: str | None
    name: str


def write_project(path: Path, sources: Sources) -> None:
    """Write a commented project file; InputError where a pattern matches no file."""
    folder = path.parent.absolute()
    crs = sources.crs or choose_crs(_files(sources.imagery[0])[0])
    write_text(path, render(sources, folder, crs))


def choose_crs(scene: Path) -> str:
    """CRS of the lattice: the scene's own where it is projected in metres, else an equal-area one centred on it."""
    import rasterio.crs
    from rasterio.warp import transform_bounds

    from l2h.core.raster import grid_of, open_raster

    with open_raster(scene) as dataset:
        crs = grid_of(dataset).crs
        bounds = transform_bounds(crs, "EPSG:4326", *dataset.bounds)
    parsed = rasterio.crs.CRS.from_user_input(crs)
    if parsed.is_projected and parsed.linear_units.lower() in ("metre", "meter"):
        return crs
    lon, lat = round((bounds[0] + bounds[2]) / 2, 1), round((bounds[1] + bounds[3]) / 2, 1)
    return f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m +no_defs"


def render(sources: Sources, folder: Path, crs: str) -> str:
    """The text of the project file; paths below `folder` are written relative to it."""
    parts = [
        "# l2h project: every key is explained in docs/settings.md; unknown keys are refused\n",
        "[project]",
        f"name = {_text(_slug(sources.name))}",
        f"title = {_text(sources.name)}",
        'version = "1.0"              # a new version is a new release folder\n',
        "[grid]",
        f"crs = {_text(crs)}",
        "pixel_m = 1.0",
        "block_px = 6000              # side of the blocks that own pixels; changes no byte of the map\n",
    ]
    for number, pattern in enumerate(sources.imagery, 1):
        name = "imagery" if len(sources.imagery) == 1 else f"imagery{number}"
        parts += ["[[imagery]]", f"name = {_text(name)}", *_layer(pattern, folder)]
    names: list[str] = []
    for legend, pattern in sources.products:
        names.append(legend if legend not in names else f"{legend}_{names.count(legend) + 1}")
        parts += ["[[products]]", f"name = {_text(names[-1])}", f"legend = {_text(legend)}", *_layer(pattern, folder)]
    if sources.osm:
        parts += ["[osm]", *_layer(sources.osm, folder, 'licence = "ODbL-1.0"')]
    parts += ["[boundary]", f"path = {_text(_relative(_files(sources.boundary)[0], folder))}"]
    parts += [f"layer = {_text(sources.layer)}"] if sources.layer else []
    levels = zip(("region", "province", "city"), sources.levels, strict=True)
    parts += [f"{level} = {_text(column)}" for level, column in levels]
    parts += [f"licence = {_text(LICENCE)}         # state it\n"]
    return "\n".join(parts)


def _layer(pattern: str, folder: Path, licence: str = f'licence = "{LICENCE}"         # state it') -> list[str]:
    _files(pattern)
    rights = ["may_train = true             # say false where the terms forbid it", "may_redistribute = true\n"]
    return [f"paths = [{_text(_relative(Path(pattern), folder))}]", licence, 'attribution = ""', *rights]


def _files(pattern: str) -> list[Path]:
    path = Path(pattern)
    anchor = Path(path.anchor or ".")
    found = sorted(anchor.glob(str(path.relative_to(path.anchor) if path.anchor else path)))
    if not found:
        raise InputError("no file matches", got=pattern, hint="Quote patterns so that the shell leaves them alone.")
    return found


def _relative(path: Path, folder: Path) -> str:
    absolute = path.absolute()
    return absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else absolute.as_posix()


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_") or "project"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML basic string
