"""A pyramid of tiles on the disk, as a service would serve it, and the same picture as one GeoTIFF."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from l2h.core.grid import Grid, Window
from l2h.core.raster import write_raster
from l2h.sources.matrix import Matrix, tiles_for, web_mercator

TILE = 64  # pixels a side: level 19 of such tiles has the pixels of level 17 of tiles of 256
ZOOM = 19
# 200 × 260 m at 117° E, 30° N
GRID = Grid("EPSG:32650", 500_000.0, 3_320_200.0, 1.0, 200, 260)


def png(values: np.ndarray) -> bytes:
    """PNG bytes of uint8 [3 or 4, H, W]."""
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values.transpose(1, 2, 0))).save(out, "PNG")
    return out.getvalue()


def build(folder: Path, whole: Path, grid: Grid = GRID, seed: int = 0) -> tuple[Matrix, Window]:
    """Write `folder/z/x/y.png` for every tile a grid needs, and the picture they make as a GeoTIFF."""
    matrix = web_mercator(ZOOM, TILE)
    tiles = tiles_for(matrix, grid)
    values = np.random.default_rng(seed).integers(0, 256, (3, tiles.height * TILE, tiles.width * TILE)).astype("uint8")
    write_raster(whole, values, matrix.grid, tiles.refine(TILE))
    for row in range(tiles.row_start, tiles.row_stop):
        for col in range(tiles.col_start, tiles.col_stop):
            top, left = (row - tiles.row_start) * TILE, (col - tiles.col_start) * TILE
            path = tile_path(folder, row, col)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(values[:, top : top + TILE, left : left + TILE]))
    return matrix, tiles


def tile_path(folder: Path, row: int, col: int) -> Path:
    return folder / str(ZOOM) / str(col) / f"{row}.png"
