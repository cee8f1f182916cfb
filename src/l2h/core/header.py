"""What an open raster says of itself, checked before its pixels are asked for."""

from typing import Any

import numpy as np

from l2h.core.errors import GridError, InputError

LARGEST_BLOCK_BYTES = 256 * 2**20  # a file's own block is decoded whole, however few of its pixels are asked for


def check_north_up(dataset: Any, where: str) -> None:
    """GridError where an open raster has no CRS, is rotated or flipped, or does not say where its pixels lie."""
    t = dataset.transform
    if dataset.crs is None:
        raise GridError("a raster has no CRS", where=where, hint="Assign one, for example with gdal_edit.py -a_srs.")
    if t.b or t.d or t.a <= 0 or t.e >= 0:
        raise GridError(
            "a raster is rotated or flipped, or has no geotransform",
            where=where,
            expected="rows southward, columns eastward",
            got=f"a={t.a}, b={t.b}, d={t.d}, e={t.e}",
            hint="Warp it to a north-up grid first.",
        )


def block_bytes(dataset: Any) -> int:
    """Bytes of one block of an open raster once it is decoded."""
    height, width = dataset.block_shapes[0]
    return int(height) * int(width) * int(np.dtype(dataset.dtypes[0]).itemsize)


def check_blocks(dataset: Any, where: str) -> None:
    """InputError where a raster's blocks are so large that a small file, or a small window, would fill the memory."""
    if block_bytes(dataset) > LARGEST_BLOCK_BYTES:
        raise InputError(
            "a raster's blocks are too large to be read in bounded memory",
            where=where,
            expected=f"at most {LARGEST_BLOCK_BYTES:,} bytes a block",
            got=f"{block_bytes(dataset):,} bytes in blocks of {dataset.block_shapes[0]}",
            hint="Tile it, for example with gdal_translate -co TILED=YES.",
        )
