"""A VRT mosaic is read as what it is: a list of pictures, the last on top. GDAL never sees it.

A VRT can name any file of this machine, any address, programs even. Here only its XML is read; each picture it names
must be a file of a format we open, inside a folder the user named, and is then read like any other scene. So a pixel
keeps the scene it came from, with its date. What a list cannot say (pixels moved, scaled or computed) is refused.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from l2h.core.errors import InputError
from l2h.sources.markup import Element, children, local, read_xml, text_of

PLAIN = {"SimpleSource", "ComplexSource"}
HARMLESS = {
    "SourceFilename", "SourceBand", "SourceProperties", "SrcRect", "DstRect", "NODATA", "UseMaskBand", "OpenOptions",
}  # fmt: skip
MOST_SOURCES = 200_000
Box = tuple[float, float, float, float]
HINT = "Turn it into GeoTIFF first, for example with gdal_translate."


@dataclass(frozen=True)
class VrtSource:
    """A picture of a mosaic.

    bands  : of the file, for bands 1, 2, … of the mosaic
    nodata : what the mosaic says means "no pixel"
    box    : (left, bottom, right, top) at which the mosaic puts it, in the mosaic's CRS
    """

    path: Path
    bands: tuple[int, ...]
    nodata: int | None
    box: Box


def read_vrt(path: Path, folders: Sequence[Path]) -> tuple[VrtSource, ...]:
    """The pictures of a VRT, the topmost first.

    folders : where pictures may lie, besides the folder of the VRT itself
    InputError where it is more than a list of pictures, or names one outside the folders.
    """
    root = read_xml(path)
    if local(root) != "VRTDataset" or root.get("subClass"):
        raise _beyond(path, f"{local(root)} {root.get('subClass') or ''}".strip())
    bands = children(root, "VRTRasterBand")
    if not bands:
        raise InputError("a VRT has no band", where=str(path))
    place = _numbers(path, text_of(root, "GeoTransform").split(","), 6)
    columns = [_band(path, band, place) for band in bands]
    files = [tuple((name, box) for name, _, box in column) for column in columns]
    if any(names != files[0] for names in files):
        raise _beyond(path, "bands of different files")
    nodata = _nodata(path, bands)
    allowed = (path.parent, *folders)
    found = [
        VrtSource(_inside(path, name, allowed), tuple(column[n][1] for column in columns), nodata, box)
        for n, (name, box) in enumerate(files[0])
    ]
    return tuple(reversed(found))


def _numbers(path: Path, texts: Sequence[str | None], count: int) -> tuple[float, ...]:
    """So many finite numbers, or it is none of the VRTs we read."""
    try:
        numbers = tuple(float(text or "nan") for text in texts)
    except ValueError:
        numbers = ()
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise _beyond(path, f"{', '.join(str(text) for text in texts)} where {count} numbers belong")
    return numbers


def _band(path: Path, band: Element, place: Sequence[float]) -> list[tuple[str, int, Box]]:
    """(file, band, where it lies) of each source of a band, in order."""
    if band.get("subClass"):
        raise _beyond(path, f"a band of the kind {band.get('subClass')}")
    sources = [child for child in band if local(child).endswith("Source")]
    if len(sources) > MOST_SOURCES:
        raise InputError("a VRT has too many sources", where=str(path), expected=f"at most {MOST_SOURCES}")
    return [_source(path, source, place) for source in sources]


def _source(path: Path, source: Element, place: Sequence[float]) -> tuple[str, int, Box]:
    foreign = {local(child) for child in source} - HARMLESS
    if local(source) not in PLAIN or foreign:
        raise _beyond(path, ", ".join(sorted(foreign)) or local(source))
    _check_whole(path, source)
    named = children(source, "SourceFilename")
    number = text_of(source, "SourceBand", "1")
    if not named or not number.isdigit():
        raise _beyond(path, f"band {number} of {len(named)} files")
    name = (named[0].text or "").strip()
    relative = named[0].get("relativeToVRT") == "1"
    return (str(path.parent / name) if relative else name), int(number), _box(path, source, place)


def _rect(path: Path, source: Element, name: str) -> tuple[float, ...]:
    found = children(source, name)
    if len(found) != 1:
        raise _beyond(path, f"a source with {len(found)} {name}")
    return _numbers(path, [found[0].get(key) for key in ("xOff", "yOff", "xSize", "ySize")], 4)


def _check_whole(path: Path, source: Element) -> None:
    """A source that is a part of its file would be read whole: refused."""
    size = children(source, "SourceProperties")
    if len(size) != 1:
        raise _beyond(path, "a source that does not say how large it is")
    whole = (0, 0, *_numbers(path, [size[0].get("RasterXSize"), size[0].get("RasterYSize")], 2))
    if _rect(path, source, "SrcRect") != whole:
        raise _beyond(path, "a part of a file")


def _box(path: Path, source: Element, place: Sequence[float]) -> Box:
    """Where the mosaic puts a source: GDAL's geotransform applied to the source's rectangle."""
    col, row, width, height = _rect(path, source, "DstRect")
    x, dx, _, y, _, dy = place
    return x + col * dx, y + (row + height) * dy, x + (col + width) * dx, y + row * dy


def _nodata(path: Path, bands: Sequence[Element]) -> int | None:
    stated = {text_of(band, "NoDataValue") for band in bands} | {
        text_of(source, "NODATA") for band in bands for source in band if local(source) in PLAIN
    }
    values = sorted({_numbers(path, [text], 1)[0] for text in stated - {""}})
    if len(values) > 1 or not all(value.is_integer() for value in values):
        raise _beyond(path, f"nodata values {', '.join(map(str, values))}")
    return int(values[0]) if values else None


def _inside(vrt: Path, name: str, allowed: Sequence[Path]) -> Path:
    """The file a VRT names, with links followed; InputError unless it lies in one of the allowed folders."""
    found = Path(os.path.realpath(vrt.parent / name))  # an absolute name stays what it is
    if not any(found.is_relative_to(os.path.realpath(folder)) for folder in allowed) or not os.path.isfile(found):  # noqa: PTH113  (Path raises for names too long)
        raise InputError(
            "a VRT names what is not a file of its folder",
            where=str(vrt),
            expected=f"a file below {', '.join(str(folder) for folder in allowed)}",
            got=name,
            hint="Name further folders in `vrt_folders`.",
        )
    return found


def _beyond(path: Path, what: str) -> InputError:
    return InputError(
        "a VRT is more than a list of pictures", where=str(path), expected="a mosaic as gdalbuildvrt writes it",
        got=what, hint=HINT,
    )  # fmt: skip
