"""Which blocks of the ground a training looks at: all of a small area, an even spread over a large one."""

from collections.abc import Iterator, Sequence
from math import ceil, sqrt
from zlib import crc32

import numpy as np
import numpy.typing as npt

from l2h.learning.areas import TrainingReaders

MAX_BLOCKS = 20_000  # whatever the raster's size: 4.6 Gpx to read at 480 px a side, a plan of 70 MB
REGION_BLOCKS = 4  # blocks that a whole region gives
REGION_MOST = 16  # and at most, where others are cut by a rim
STRIPE_BLOCKS = 10**6  # blocks looked at at once
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


def choose_blocks(areas: Sequence[TrainingReaders], block_px: int, keep: int = MAX_BLOCKS) -> Ints:
    """At most ``keep`` blocks of all areas, int64 [n, 3]: area, block row, block column, in a fixed order.

    Where all fit, all are taken, in an order that looks random but hangs on names and places alone. Of more, the ground
    is cut into square regions that give about four blocks each: first every region's block of lowest hash, then every
    region's second, and so on. Held-out blocks, which come first, lie in as many regions as there are of them. No pixel
    is read.

    Stratification by place bounds what a landscape can lose: by chance alone 2 % of the regions would give no block at
    all (e⁻⁴).
    """
    total = sum(height * width for height, width in (_shape(area, block_px) for area in areas))
    side = None if total <= keep else region_side(total, keep)
    best, best_key = np.zeros((0, 3), np.int64), np.zeros((0, 2), np.uint64)
    for number, area in enumerate(areas):
        for rows, cols in _stripes(_shape(area, block_px), side):
            hashes = hash_blocks(area.name, rows, cols)
            rank = np.zeros(rows.shape, np.uint64) if side is None else rank_in_region(hashes, side)
            near = rank < REGION_MOST
            found = np.stack([np.full(int(near.sum()), number), rows[near], cols[near]], axis=1)
            blocks = np.concatenate([best, found])
            key = np.concatenate([best_key, np.stack([rank[near], hashes[near]], axis=1)])
            order = np.lexsort((blocks[:, 2], blocks[:, 1], blocks[:, 0], key[:, 1], key[:, 0]))[:keep]
            best, best_key = blocks[order], key[order]
    return best


def region_side(total: int, keep: int) -> int:
    """Side of a region in blocks, such that REGION_BLOCKS of each make ``keep`` of ``total``, or a few more.

    >>> region_side(17_000_000, 20_000), region_side(20_001, 20_000)
    (59, 3)
    """
    return ceil(sqrt(REGION_BLOCKS * total / keep))


def hash_blocks(name: str, rows: Ints, cols: Ints) -> Hashes:
    """A number per block that hangs on the name of its area and its place."""
    seed = mix(np.array([crc32(name.encode())], np.uint64))
    return mix(mix(seed + rows.astype(np.uint64)) + cols.astype(np.uint64))


def mix(values: Hashes) -> Hashes:
    """The finaliser of SplitMix64 (Steele et al. 2014): neighbouring integers to unrelated ones."""
    x = values + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def rank_in_region(hashes: Hashes, side: int) -> Hashes:
    """Place of each block among those of its region by hash, uint64 [h, w], from 0; REGION_MOST for all behind.

    hashes : uint64 [h, w]; regions of ``side`` × ``side`` blocks are counted from its corner, cut by its rims.
    """
    height, width = hashes.shape
    rows, cols = -(-height // side), -(-width // side)
    padded = np.full((rows * side, cols * side), np.iinfo(np.uint64).max, np.uint64)
    padded[:height, :width] = hashes
    regions = padded.reshape(rows, side, cols, side).swapaxes(1, 2).reshape(rows * cols, side * side)
    rank = np.full(regions.shape, REGION_MOST, np.uint64)
    most = min(REGION_MOST, side * side)
    lowest = np.argpartition(regions, most - 1, axis=1)[:, :most]
    order = np.argsort(np.take_along_axis(regions, lowest, axis=1), axis=1, kind="stable")
    np.put_along_axis(rank, np.take_along_axis(lowest, order, axis=1), np.arange(most, dtype=np.uint64), axis=1)
    return rank.reshape(rows, cols, side, side).swapaxes(1, 2).reshape(padded.shape)[:height, :width]


def _shape(area: TrainingReaders, block_px: int) -> tuple[int, int]:
    grid = area.imagery.grid
    return -(-grid.height // block_px), -(-grid.width // block_px)


def _stripes(shape: tuple[int, int], side: int | None) -> Iterator[tuple[Ints, Ints]]:
    """Rows and columns of all blocks [h, w], a bounded number at a time, in rectangles that cut no region."""
    height, width = shape
    unit = side or 1
    step_cols = max(1, STRIPE_BLOCKS // unit // unit) * unit  # one region high, as wide as may be
    step_rows = max(1, STRIPE_BLOCKS // min(step_cols, width) // unit) * unit
    for top in range(0, height, step_rows):
        for left in range(0, width, step_cols):
            rows, cols = np.mgrid[top : min(top + step_rows, height), left : min(left + step_cols, width)]
            yield rows, cols
