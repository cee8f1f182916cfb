"""Land-cover products: their own codes on our lattice, by nearest neighbour."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError, LegendError
from l2h.core.grid import Grid, Window
from l2h.core.legend import STRANGE, Legend, load_legend
from l2h.core.raster import open_raster
from l2h.core.tasks import Hole
from l2h.sources.frame import Frame, footprint
from l2h.sources.layer_settings import RIGHTS
from l2h.sources.near import touching
from l2h.sources.paths import find_files
from l2h.sources.reading import Header, Recipe, UnreadableError, choose_how, describe, read_tile
from l2h.sources.resample import TILE_PX
from l2h.sources.settings import ProductSettings


@dataclass(frozen=True)
class Sheet:
    """One file of a product, and the window of the grid outside which it has no pixel."""

    path: Path
    frame: Frame
    covers: Window
    recipe: Recipe


def list_sheets(product: ProductSettings, project_dir: Path, grid: Grid) -> tuple[Sheet, ...]:
    """The files of a product that can touch the grid, in listed order; GridError where none can."""
    headers = [
        describe(path, (product.band,), product.name) for path in find_files(project_dir, product.paths, product.name)
    ]
    sheets = [_sheet(header, product, grid) for header in headers]
    hint = "Check that the right tiles of the product are there."
    return touching(sheets, grid, "a product does not touch", product.name, hint)


def _sheet(header: Header, product: ProductSettings, grid: Grid) -> Sheet:
    legend = load_legend(product.legend)
    if legend.shift and not (header.declares_nodata or product.nodata):
        raise InputError(
            "a file of a product whose first class is 0 does not say which pixels have no data",
            where=f"layer '{product.name}', {header.path}",
            expected="a declared nodata value or a mask",
            got="neither",
            hint="Export it again with unmask(255) and noData 255, or name its value in `nodata`.",
        )
    recipe = Recipe((product.band,), product.nodata, how=choose_how("nearest", header.frame, grid))
    return Sheet(header.path, header.frame, footprint(header.frame, grid), recipe)


def product_table(products: Sequence[ProductSettings]) -> list[dict[str, object]]:
    """What `products.json` holds, in project order. InputError where two products share a name."""
    names = [product.name for product in products]
    if len(set(names)) != len(names):
        raise InputError("two [[products]] have the same name", got=", ".join(names))
    return [product.model_dump(include={"name", "legend", "date", "use"} | RIGHTS) for product in products]


def product_codes(
    product: ProductSettings, sheets: Sequence[Sheet], grid: Grid, window: Window, place: str
) -> tuple[npt.NDArray[np.uint8], tuple[Hole, ...]]:
    """The product's codes in a window, uint8 [H, W] with 0 for nodata, and what could not be read.

    Where sheets overlap, the first that has a pixel gives it. Codes are checked within the window only.
    place : the block, for messages. LegendError names a code outside the legend, file, layer, block, window, pixels
    and the version that has such codes
    """
    legend = load_legend(product.legend)
    codes = np.zeros(window.shape, "uint8")
    holes: list[Hole] = []
    for sheet in sheets:
        with open_raster(sheet.path) as dataset:
            for tile in grid.tiles(TILE_PX, window.intersect(sheet.covers)):
                part = tile.intersect(window)
                try:
                    patch = read_tile(dataset, sheet.frame, grid, tile, sheet.recipe).crop(part)
                except UnreadableError as error:
                    holes.append(Hole(f"layer '{product.name}', {sheet.path.name}, {tile}", str(error)))
                    continue
                _fill(codes[part.slices_in(window)], legend.file_codes(patch.values[0], patch.valid))
        if (codes == STRANGE).any():
            where = f"layer '{product.name}', {sheet.path}, {place}, {window}"
            raise _stranger(codes == STRANGE, _own_codes(sheet, grid, window), legend, where)
    return codes, tuple(holes)


def _fill(codes: npt.NDArray[np.uint8], found: npt.NDArray[np.uint8]) -> None:
    """Write what was found where there is nothing yet, in place."""
    np.copyto(codes, found, where=codes == 0)


def _own_codes(sheet: Sheet, grid: Grid, window: Window) -> npt.NDArray[np.int32]:
    """A file's own codes on our lattice, int32 [H, W], -1 where it has no pixel; for messages."""
    codes = np.full(window.shape, -1, "int32")
    with open_raster(sheet.path) as dataset:
        for tile in grid.tiles(TILE_PX, window.intersect(sheet.covers)):
            part = tile.intersect(window)
            patch = read_tile(dataset, sheet.frame, grid, tile, sheet.recipe).crop(part)
            codes[part.slices_in(window)] = np.where(patch.valid, patch.values[0].astype("int32"), -1)
    return codes


def _stranger(strange: npt.NDArray[np.bool_], codes: npt.NDArray[np.int32], legend: Legend, where: str) -> LegendError:
    """What to say of codes that a file's legend does not know: the first of them, and the version that has them."""
    code, other = int(codes[strange].min()), legend.likely_other(np.unique(codes[codes >= 0]))
    return LegendError(
        f"code {code} is absent from legend '{legend.name}'",
        where=f"{where}, {int((codes == code).sum())} px",
        expected=f"0 (nodata) or one of {tuple(v - legend.shift for v in legend.values)}",
        hint=f"Choose the legend of this version, or mark it nodata. {other}",
    )
