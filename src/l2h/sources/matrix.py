"""Tile matrices: where each tile of a level lies, and which of them a grid needs."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from l2h.core.crs import same_crs, transformer
from l2h.core.errors import InputError
from l2h.core.grid import Grid, Window
from l2h.sources.frame import Frame
from l2h.sources.remote import window_for

HALF = 20_037_508.342789244  # half the Earth's girth at the equator, EPSG:3857
SHEET = 16  # tiles a side of the files we put together
ENOUGH = 1.05  # pixels of a tile may be so many times as large as those of the grid


@dataclass(frozen=True)
class Matrix:
    """One level of a pyramid of tiles.

    name : as addresses say it;  x, y : its top left corner;  pixel : side of a pixel, in units of the CRS
    width, height : in tiles
    """

    name: str
    crs: str
    x: float
    y: float
    pixel: float
    tile_px: int
    width: int
    height: int

    @property
    def frame(self) -> Frame:
        """The level as one raster."""
        height, width = self.height * self.tile_px, self.width * self.tile_px
        return Frame(self.crs, self.x, self.y, self.pixel, self.pixel, height, width)

    @property
    def grid(self) -> Grid:
        """The level as a lattice."""
        return Grid(self.crs, self.x, self.y, self.pixel, self.height * self.tile_px, self.width * self.tile_px)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def web_mercator(zoom: int, tile_px: int = 256) -> Matrix:
    """The level `zoom` of the pyramid that web maps share: 2^zoom × 2^zoom tiles of the square around the world.

    >>> round(web_mercator(17).pixel, 3), web_mercator(17).width
    (1.194, 131072)
    """
    return Matrix(str(zoom), "EPSG:3857", -HALF, HALF, 2 * HALF / (tile_px << zoom), tile_px, 1 << zoom, 1 << zoom)


def choose(matrices: Sequence[Matrix], grid: Grid) -> Matrix:
    """The coarsest level whose pixels are no larger than the grid's (five per cent aside); else the finest there is."""
    by_pixel = sorted(matrices, key=lambda matrix: -matrix.pixel)
    return next((m for m in by_pixel if pixel_on(m, grid) <= ENOUGH * grid.pixel), by_pixel[-1])


def pixel_on(matrix: Matrix, grid: Grid) -> float:
    """The longer side of a level's pixel at the middle of a grid, in the grid's units."""
    left, bottom, right, top = grid.bounds()
    x, y = np.array([(left + right) / 2]), np.array([(bottom + top) / 2])
    if same_crs(matrix.crs, grid.crs):
        return matrix.pixel
    u, v = transformer(grid.crs, matrix.crs).transform(x, y)
    u, v = u + matrix.pixel * np.array([0, 1, 0]), v + matrix.pixel * np.array([0, 0, 1])
    x, y = transformer(matrix.crs, grid.crs).transform(u, v)
    return float(np.hypot(x[1:] - x[0], y[1:] - y[0]).max())


def tiles_for(matrix: Matrix, grid: Grid) -> Window:
    """Rows and columns of the tiles a grid needs; InputError where the pyramid does not reach it."""
    pixels, size = window_for(matrix.frame, grid), matrix.tile_px
    window = Window(
        pixels.row_start // size, -(-pixels.row_stop // size), pixels.col_start // size, -(-pixels.col_stop // size)
    )
    return window.intersect(Window(0, matrix.height, 0, matrix.width))


def sheets_for(tiles: Window) -> Iterator[Window]:
    """The tiles in sheets of SHEET × SHEET, anchored to the pyramid's corner and cut to what is needed."""
    for row in range(tiles.row_start // SHEET * SHEET, tiles.row_stop, SHEET):
        for col in range(tiles.col_start // SHEET * SHEET, tiles.col_stop, SHEET):
            yield Window(row, row + SHEET, col, col + SHEET).intersect(tiles)


def sheet_files(matrix: Matrix, grid: Grid) -> dict[str, Window]:
    """The files that a grid's tiles are put together in, each with its window of tiles."""
    return {sheet_file(matrix, sheet): sheet for sheet in sheets_for(tiles_for(matrix, grid))}


def sheet_file(matrix: Matrix, sheet: Window) -> str:
    """The name of a sheet's file.

    >>> sheet_file(web_mercator(17), Window(53472, 53488, 108112, 108128))
    'z17_r0053472_c0108112.tif'
    """
    return f"z{matrix.name}_r{sheet.row_start:07d}_c{sheet.col_start:07d}.tif".replace(":", "_")


def quadkey(zoom: int, row: int, col: int) -> str:
    """A tile's place as one number of base four, as Bing says it.

    >>> quadkey(3, 5, 3)
    '213'
    """
    return "".join(str((col >> bit & 1) + 2 * (row >> bit & 1)) for bit in range(zoom - 1, -1, -1))


def address_of(template: str, matrix: Matrix, row: int, col: int, subdomains: Sequence[str] = ()) -> str:
    """The address of a tile, the key left as {key}.

    >>> address_of("https://{s}.a.example/{z}/{x}/{-y}", web_mercator(2), 1, 3, ("t0", "t1"))
    'https://t0.a.example/2/3/2'
    """
    values = {
        "{z}": matrix.name, "{x}": str(col), "{y}": str(row), "{-y}": str(matrix.height - 1 - row),
        "{TileMatrix}": matrix.name, "{TileCol}": str(col), "{TileRow}": str(row),
    }  # fmt: skip
    if "{q}" in template:
        values["{q}"] = quadkey(int(matrix.name), row, col)
    if subdomains:
        values["{s}"] = subdomains[(row + col) % len(subdomains)]
    for name, value in values.items():
        template = template.replace(name, value)
    left = template.replace("{key}", "")
    if "{" in left or "}" in left:
        raise InputError("an address of a tile has a part we do not know", got=template)
    return template
