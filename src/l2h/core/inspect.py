"""What a raster is, and what is wrong with it, in one streaming pass.

Among the rules is the published defect of SinoLC-1: city tiles whose right or lower part repeats a strip of columns or
rows, because a tile anchored to the image's edge was written without trimming its overlap.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from rasterio.enums import MaskFlags

from l2h.core.errors import InputError
from l2h.core.grid import Window
from l2h.core.header import LARGEST_BLOCK_BYTES, block_bytes
from l2h.core.legend import Legend, legend_names, load_legend
from l2h.core.raster import open_raster, read_window
from l2h.core.strips import RasterHashes, Strip, empty_strips, repeated_strips

Severity = Literal["error", "warning", "info"]
CHUNK_PX = 4_000_000  # pixels in memory at a time
SMALL = 512  # below this side a raster needs neither tiles nor overviews
MIN_STRIP = 16  # lines that must repeat in a row before a strip is called repeated


@dataclass(frozen=True)
class Finding:
    """One thing that was noticed.

    severity : "error" (do not use it so), "warning" (look at it), "info"
    rule     : short name of the rule, stable, for programs
    message  : one sentence for people
    place    : where in the file; empty when it concerns the whole
    """

    severity: Severity
    rule: str
    message: str
    place: str = ""


NO_COLOURS = Finding("warning", "no-colour-table", "the classes have no colour table: viewers show them grey")


@dataclass
class Scan:
    """What one pass over the pixels gathers; its size grows with the raster's sides, never with its area."""

    pixels: int = 0
    nodata: int = 0
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, "int64"))
    unreadable: list[tuple[Window, str]] = field(default_factory=list)
    hashes: RasterHashes = field(default_factory=lambda: RasterHashes(0, 0))


def describe(path: Path) -> dict[str, Any]:
    """What the header says: size, type, CRS, pixel, tiling, compression, overviews, nodata, tags, class names."""
    with open_raster(path) as data:
        bounds = tuple(data.bounds)
        return {
            "path": str(path),
            "bytes": Path(path).stat().st_size,
            "driver": data.driver,
            "width": data.width,
            "height": data.height,
            "bands": data.count,
            "dtype": data.dtypes[0],
            "crs": data.crs.to_string() if data.crs else None,
            "pixel": [abs(data.transform.a), abs(data.transform.e)],
            "bounds": list(bounds),
            "nodata": data.nodata,
            "compression": data.compression.value.lower() if data.compression else None,
            "tiled": bool(data.profile.get("tiled", False)),
            "block": list(data.block_shapes[0]),
            "overviews": list(data.overviews(1)),
            "colour_table": _has_colours(data),
            "tags": dict(data.tags()),
            "classes": {k: v for k, v in sorted(data.tags(1).items()) if k.startswith("class_")},
        }


def inspect_raster(path: Path, legend: Legend | None = None, min_strip: int = MIN_STRIP) -> list[Finding]:
    """Everything that is noticed about a raster, the worst first; an empty list means that nothing is wrong.

    legend : the legend its codes should keep to; else the one named in its tags; else, for a single band of bytes, the
             shipped legend that fits. Rasters that hold no classes are not checked for codes
    InputError where the file cannot be opened at all.
    """
    with open_raster(path) as data:
        found = [*_layout(data), *_georeference(data)]
        if block_bytes(data) > LARGEST_BLOCK_BYTES:
            message = f"one block decodes to {block_bytes(data):,} bytes, so the pixels were not read; tile the file"
            return _sorted([*found, Finding("error", "block-too-large", message)])
        scan = _scan(data)
        classes = _holds_classes(data)
        if legend is not None or classes:
            stated = legend or _stated_legend(data)
            found += _codes(scan, stated or _fitting_legend(scan), guessed=stated is None)
            found += [] if _has_colours(data) else [NO_COLOURS]
        found += [*_unreadable(scan), *_nodata(data, scan), *_strips(scan, min_strip)]
    return _sorted(found)


def _sorted(found: list[Finding]) -> list[Finding]:
    order = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda f: order[f.severity])


def _has_colours(data: Any) -> bool:
    return bool(data.colorinterp[0].name == "palette")


def _holds_classes(data: Any) -> bool:
    single = data.count == 1 and data.dtypes[0] == "uint8"
    return bool(single and data.tags().get("content", "land cover class") == "land cover class")


def _layout(data: Any) -> Iterator[Finding]:
    if max(data.width, data.height) <= SMALL:
        return
    if not data.profile.get("tiled", False) and data.driver == "GTiff":
        yield Finding(
            "warning", "not-tiled", f"the file is stored in strips of {data.block_shapes[0]}: slow to look into"
        )
    if not data.overviews(1) and data.driver == "GTiff":
        yield Finding("warning", "no-overviews", "the file has no overviews: every zoomed-out view reads all of it")


def _georeference(data: Any) -> Iterator[Finding]:
    t = data.transform
    if data.crs is None:
        yield Finding("error", "no-crs", "the file does not say its CRS")
    if t.is_identity:
        yield Finding("error", "no-transform", "the file does not say where its pixels lie")
    elif t.b or t.d or t.a <= 0 or t.e >= 0:
        yield Finding("error", "not-north-up", f"the grid is rotated or flipped (a={t.a}, b={t.b}, d={t.d}, e={t.e})")
    elif abs(t.a + t.e) > 1e-9 * t.a:
        yield Finding("warning", "oblong-pixels", f"pixels are not square: {t.a} × {-t.e}")
    if len(set(data.dtypes)) > 1:
        yield Finding("warning", "mixed-types", f"bands have several types: {', '.join(sorted(set(data.dtypes)))}")


def chunks(height: int, width: int, block: tuple[int, int]) -> Iterator[Window]:
    """Windows of about CHUNK_PX pixels that cover a raster and cut none of its blocks."""
    block_rows, block_cols = block
    cols = min(width, block_cols * max(1, 4096 // block_cols))
    rows = block_rows * max(1, CHUNK_PX // (block_rows * cols))
    whole = Window(0, height, 0, width)
    for row in range(0, height, rows):
        for col in range(0, width, cols):
            yield Window(row, row + rows, col, col + cols).intersect(whole)


def _scan(data: Any) -> Scan:
    scan = Scan(hashes=RasterHashes(data.height, data.width))
    for window in chunks(data.height, data.width, data.block_shapes[0]):
        for band in data.indexes:
            _scan_window(data, window, band, scan)
    return scan


def _scan_window(data: Any, window: Window, band: int, scan: Scan) -> None:
    try:
        patch = read_window(data, window, [band])
    except InputError as error:
        scan.unreadable.append((window, error.got))
        return
    values, valid = patch.values[0], patch.valid
    if band == 1:
        scan.pixels += window.pixels
        scan.nodata += int(window.pixels - np.count_nonzero(valid))
        if values.dtype == np.uint8:
            scan.counts += np.bincount(values[valid], minlength=256)
    scan.hashes.add(values, valid, window, band)


def _stated_legend(data: Any) -> Legend | None:
    """The legend that the file names in its tags, if it is one of ours."""
    name = data.tags().get("legend", "")
    return load_legend(name) if name in legend_names() else None


def _fitting_legend(scan: Scan) -> Legend:
    """The first shipped legend that has all codes of a file that names none; `sinolc1` where none has."""
    fits = [name for name in legend_names() if not _strange(scan, load_legend(name))]
    return load_legend(fits[0] if fits else "sinolc1")


def _strange(scan: Scan, legend: Legend) -> list[int]:
    """The codes that occur and are neither classes nor nodata."""
    return [int(v) for v in np.flatnonzero(scan.counts) if v not in (legend.nodata, *legend.values)]


def _codes(scan: Scan, legend: Legend, guessed: bool) -> Iterator[Finding]:
    for code in _strange(scan, legend):
        message = f"code {code} is not in legend '{legend.name}' ({int(scan.counts[code]):,} px)"
        yield Finding("error", "code-outside-legend", message)
    shares = ", ".join(
        f"{c.label} {scan.counts[c.value] / max(1, scan.pixels):.1%}" for c in legend.classes if scan.counts[c.value]
    )
    name = f"legend '{legend.name}'{', guessed from the codes' if guessed else ''}"
    yield Finding("info", "classes", f"{name}: {shares or 'no class occurs'}")


def _unreadable(scan: Scan) -> Iterator[Finding]:
    for window, reason in scan.unreadable:
        yield Finding("error", "unreadable", f"pixels cannot be read: {reason}", str(window))


def _nodata(data: Any, scan: Scan) -> Iterator[Finding]:
    if scan.pixels and scan.nodata == scan.pixels:
        yield Finding("error", "all-nodata", "no pixel has a value")
    elif scan.nodata:
        yield Finding(
            "info", "nodata-share", f"{scan.nodata / scan.pixels:.1%} of the pixels are nodata ({scan.nodata:,})"
        )
    masked = data.nodata is not None or MaskFlags.per_dataset in data.mask_flag_enums[0]
    if not masked and scan.counts[0] and _holds_classes(data):
        message = f"code 0 occurs ({int(scan.counts[0]):,} px) and the file does not declare it as nodata"
        yield Finding("warning", "no-nodata", message)


def _strips(scan: Scan, min_strip: int) -> Iterator[Finding]:
    for kind, lines in (("row", scan.hashes.rows), ("column", scan.hashes.columns)):
        for strip in repeated_strips(lines, min_strip):
            yield Finding("error", f"repeated-{kind}s", _repeats(strip, kind), f"{kind}s {strip.start}:{strip.stop}")
        for start, stop in empty_strips(lines, min_strip):
            message = f"{stop - start:,} {kind}s without any value lie between {kind}s that have values"
            yield Finding("warning", f"empty-{kind}s", message, f"{kind}s {start}:{stop}")


def _repeats(strip: Strip, kind: str) -> str:
    count = strip.stop - strip.start
    return f"{count:,} {kind}s repeat {kind}s {strip.source_start}:{strip.source_stop} exactly"
