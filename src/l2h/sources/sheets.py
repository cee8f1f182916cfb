"""Sheets: many tiles of a picture service put together as one GeoTIFF on the service's own lattice.

Beside a sheet lies a note (`NAME.tiles.json`) of each tile's digest, or of why there is nothing to see. Services say
"no imagery here" with a picture, under status 200: that is no picture of the ground, and never becomes one.
"""

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError
from l2h.core.files import read_json, sha256_file, write_json
from l2h.core.grid import Window
from l2h.core.raster import open_raster, write_raster
from l2h.sources.matrix import Matrix
from l2h.sources.tally import Tally
from l2h.sources.transfer import RECEIPT, Receipt, WrongBytesError, receipt_of

FORMATS = ("PNG", "JPEG", "WEBP")
NOTE = ".tiles.json"
REPEATS = 3  # a picture that lies at so many places is of none of them
ABSENT, KNOWN, PLAIN, CLEAR, AGAIN = (
    "the service has no tile", "a placeholder known by its digest", "a placeholder: one colour",
    "a placeholder: transparent", "a placeholder: the same at several places",
)  # fmt: skip
Bytes = npt.NDArray[np.uint8]


def decode(data: bytes, tile_px: int) -> Bytes:
    """A tile as RGBA, uint8 [4, tile_px, tile_px]; WrongBytesError where it is no picture of that size.

    The size is read before anything is unpacked, so a small file cannot fill the memory.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.size != (tile_px, tile_px):
                raise InputError(
                    "a tile has another size", expected=f"{tile_px} × {tile_px} pixels",
                    got=f"{picture.size[0]} × {picture.size[1]}",
                    hint="Set `tile_px`, or name the digest in `placeholders` where it shows nothing.",
                )  # fmt: skip
            return np.ascontiguousarray(np.asarray(picture.convert("RGBA")).transpose(2, 0, 1))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise WrongBytesError("a tile is no whole picture", got=f"{data[:24]!r}…") from error


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def why_empty(pixels: Bytes) -> str:
    """Why a tile, uint8 [4, H, W], shows nothing; empty where it shows something."""
    if not pixels[3].any():
        return CLEAR
    return PLAIN if (pixels == pixels[:, :1, :1]).all() else ""


def assemble(
    tiles: Mapping[tuple[int, int], Bytes], sheet: Window, tile_px: int
) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """A sheet from its tiles: uint8 [3, H, W], and where it shows something, [H, W].

    tiles : (row, column) of the pyramid → uint8 [4, tile_px, tile_px]; those that show nothing are left out
    """
    values = np.zeros((3, sheet.height * tile_px, sheet.width * tile_px), "uint8")
    valid = np.zeros(values.shape[1:], bool)
    for (row, col), pixels in tiles.items():
        place = _place(row, col, sheet, tile_px)
        shown = pixels[3] > 0
        values[:, *place], valid[place] = np.where(shown, pixels[:3], 0), shown
    return values, valid


def _place(row: int, col: int, sheet: Window, tile_px: int) -> tuple[slice, slice]:
    top, left = (row - sheet.row_start) * tile_px, (col - sheet.col_start) * tile_px
    return slice(top, top + tile_px), slice(left, left + tile_px)


def pixels_of(sheet: Window, tile_px: int) -> Window:
    """A window of tiles as a window of pixels."""
    return sheet.refine(tile_px)


def write_sheet(
    path: Path, matrix: Matrix, sheet: Window, picture: tuple[Bytes, npt.NDArray[np.bool_]], note: Mapping[str, str],
    receipt: Receipt,
) -> Receipt:  # fmt: skip
    """Write a sheet with its note and its receipt; the receipt, completed.

    note : "row/column" → digest of the tile, or why it shows nothing
    """
    values, valid = picture
    write_raster(path, values, matrix.grid, pixels_of(sheet, matrix.tile_px), valid=valid)
    write_json(path.with_name(path.name + NOTE), {"tiles": dict(note), "sheet": list(sheet.edges)})
    stat = path.stat()
    receipt = replace(receipt, size=stat.st_size, mtime_ns=stat.st_mtime_ns, sha256=sha256_file(path))
    write_json(path.with_name(path.name + RECEIPT), asdict(receipt))
    return receipt


def read_note(path: Path) -> dict[str, Any]:
    """The note of a sheet; empty where there is none."""
    note = path.with_name(path.name + NOTE)
    return read_json(note) if note.is_file() else {}


def is_digest(text: str) -> bool:
    """Whether a note's word is a digest, and no reason."""
    return len(text) == 64 and " " not in text


def empty_reasons(path: Path) -> list[str]:
    """Why tiles of a sheet show nothing, with their number and the first of them; none for another file."""
    tiles = read_note(path).get("tiles", {})
    reasons: dict[str, list[str]] = {}
    for place, word in tiles.items():
        if not is_digest(word):
            reasons.setdefault(word, []).append(place)
    return [
        f"{len(places)} of {len(tiles)} tiles: {reason} (row/column {places[0]}{', …' if len(places) > 1 else ''})"
        for reason, places in sorted(reasons.items())
    ]


def repeated(paths: Iterable[Path], folder: Path) -> set[str]:
    """Digests that lie at REPEATS or more places of a layer.

    paths  : of its sheets
    folder : where a large layer's digests are counted, and nothing stays
    """
    with TemporaryDirectory(prefix=".digests-", dir=folder) as scratch:
        tally = Tally(Path(scratch))
        for path in paths:
            tally.add(word for word in read_note(path)["tiles"].values() if is_digest(word))
        return tally.at_least(REPEATS)


def blank(path: Path, matrix: Matrix, digests: set[str]) -> None:
    """Take tiles of these digests out of a sheet; nothing is written where it has none."""
    note = read_note(path)
    tiles: dict[str, str] = note["tiles"]
    gone = [place for place, word in tiles.items() if word in digests]
    receipt = receipt_of(path)
    if not gone or receipt is None:
        return
    row, row_stop, col, col_stop = note["sheet"]
    sheet = Window(row, row_stop, col, col_stop)
    with open_raster(path) as dataset:
        values, valid = dataset.read(), dataset.read_masks(1) > 0
    for place in gone:
        at_row, at_col = map(int, place.split("/"))
        at = _place(at_row, at_col, sheet, matrix.tile_px)
        values[:, *at], valid[at] = 0, False
    write_sheet(path, matrix, sheet, (values, valid), tiles | dict.fromkeys(gone, AGAIN), receipt)
