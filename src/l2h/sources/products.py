"""Land-cover products: their own codes on our lattice, by nearest neighbour."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from l2h.core.errors import GridError, InputError, LegendError
from l2h.core.grid import Grid, Window
from l2h.core.legend import Legend, load_legend
from l2h.core.raster import open_raster
from l2h.core.tasks import Hole
from l2h.sources.frame import Frame, footprint
from l2h.sources.paths import find_files
from l2h.sources.reading import Header, Recipe, UnreadableError, choose_how, describe, read_tile
from l2h.sources.resample import TILE_PX
from l2h.sources.settings import RIGHTS, ProductSettings


@dataclass(frozen=True)
class Sheet:
    """One file of a product, and the window of the grid outside which it has no pixel."""

    path: Path
    frame: Frame
    covers: Window
    recipe: Recipe


def list_sheets(product: ProductSettings, project_dir: Path, grid: Grid) -> tuple[Sheet, ...]:
    """The files of a product that can touch the grid, in listed order; GridError where none can."""
    headers = [describe(path, (1,), product.name) for path in find_files(project_dir, product.paths, product.name)]
    sheets = [_sheet(header, product.nodata, grid) for header in headers]
    touching = tuple(sheet for sheet in sheets if not sheet.covers.empty)
    if not touching:
        raise GridError(
            "a product does not touch the project's grid",
            where=f"layer '{product.name}', {len(sheets)} files",
            expected=f"something within {grid.bounds()} of {grid.crs}",
            got=f"{sheets[0].path.name} in {sheets[0].frame.crs}",
            hint="Check that the right tiles of the product are there.",
        )
    return touching


def _sheet(header: Header, nodata: tuple[int, ...], grid: Grid) -> Sheet:
    recipe = Recipe((1,), (0, *nodata), how=choose_how("nearest", header.frame, grid))
    return Sheet(header.path, header.frame, footprint(header.frame, grid), recipe)


def product_table(products: Sequence[ProductSettings]) -> list[dict[str, object]]:
    """What `products.json` holds, in project order. InputError where two products share a name."""
    names = [product.name for product in products]
    if len(set(names)) != len(names):
        raise InputError("two [[products]] have the same name", got=", ".join(names))
    return [product.model_dump(include={"name", "legend", "date"} | RIGHTS) for product in products]


def product_codes(
    product: ProductSettings, sheets: Sequence[Sheet], grid: Grid, window: Window, place: str
) -> tuple[npt.NDArray[np.uint8], tuple[Hole, ...]]:
    """The product's codes in a window, uint8 [H, W] with 0 for nodata, and what could not be read.

    Where sheets overlap, the first that has a pixel gives it. Codes are checked within the window only.
    place : the block, for messages. LegendError names a code outside the legend, layer, block, window and pixels
    """
    codes = np.zeros(window.shape, "int32")
    holes: list[Hole] = []
    for sheet in sheets:
        with open_raster(sheet.path) as dataset:
            for tile in grid.tiles(TILE_PX, window.intersect(sheet.covers)):
                part = tile.intersect(window)
                rows, cols = part.slices_in(window)
                try:
                    patch = read_tile(dataset, sheet.frame, grid, tile, sheet.recipe).crop(part)
                except UnreadableError as error:
                    holes.append(Hole(f"layer '{product.name}', {sheet.path.name}, {tile}", str(error)))
                    continue
                take = patch.valid & (codes[rows, cols] == 0)
                codes[rows, cols][take] = patch.values[0][take]
    return check_codes(codes, load_legend(product.legend), f"layer '{product.name}', {place}, {window}"), tuple(holes)


def check_codes(codes: npt.NDArray[np.int32], legend: Legend, where: str) -> npt.NDArray[np.uint8]:
    """The codes as uint8; LegendError for the first that the legend does not know."""
    wide = (codes < 0) | (codes > 255)
    if wide.any():
        code = int(codes[wide].min())
        raise LegendError(
            f"code {code} is absent from legend '{legend.name}'",
            where=f"{where}, {int((codes == code).sum())} px",
            expected=f"0 (nodata) or one of {legend.values}",
            hint="This may not be the product its settings say it is.",
        )
    narrow = codes.astype("uint8")
    legend.check(narrow, where)
    return narrow
