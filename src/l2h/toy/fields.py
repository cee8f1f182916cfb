"""Fields: strips and parcels inside each field block, with crops, rows, balks and fish ponds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l2h.toy.blocks import Blocks
from l2h.toy.materials import CODE, CROPS
from l2h.toy.objects import Objects, random_tint

STRIPS = 32  # parcels of a block are numbered strip × STRIPS + piece; blocks are smaller than 32 strips
_CROP_CHANCES = np.array([0.20, 0.22, 0.18, 0.12, 0.16, 0.12])


@dataclass(frozen=True)
class Parcels:
    """Rasters [H, W] of field parcels wherever they would lie, and their attributes.

    number: int32 row of `objects`. edge: distance in metres to the parcel's border. crop: material code of each parcel
    [n]; water [n]: whether the parcel is a pond where the block is a pond farm.
    """

    number: NDArray[np.int32]
    edge: NDArray[np.float32]
    crop: NDArray[np.uint8]
    objects: Objects


def _crops(rng: np.random.Generator, blocks: int) -> NDArray[np.uint8]:
    """Crop of every parcel: each block has a favourite, two parcels in five differ."""
    codes = np.array([CODE[name] for name in CROPS], np.uint8)
    favourite = rng.choice(len(codes), blocks, p=_CROP_CHANCES)
    own = rng.choice(len(codes), (blocks, STRIPS * STRIPS), p=_CROP_CHANCES)
    follow = rng.random(own.shape) < 0.6
    return codes[np.where(follow, favourite[:, None], own)]


def _rows(rng: np.random.Generator, angle: NDArray[np.float64], crop: NDArray[np.uint8]) -> Objects:
    """Planting rows along the strips, 2.2 to 6 m apart; paddies and wheat show them least."""
    count = crop.size
    period = rng.uniform(2.2, 6.0, count)
    along = np.repeat(angle, STRIPS * STRIPS) + rng.normal(0, 0.02, count)
    across = np.where(rng.random(count) < 0.12, 0.0, np.pi / 2) + along
    depth = rng.uniform(0.03, 0.20, count)
    depth[np.isin(crop.ravel(), [CODE["paddy"], CODE["wheat"], CODE["rice"]])] *= 0.45
    blank = Objects.blank(count)
    return Objects(
        tint=random_tint(rng, count, 0.13, 0.035),
        row_x=(2 * np.pi / period * np.cos(across)).astype(np.float32),
        row_y=(2 * np.pi / period * np.sin(across)).astype(np.float32),
        row_depth=depth.astype(np.float32),
        centre_x=blank.centre_x, centre_y=blank.centre_y, side_x=blank.side_x, side_y=blank.side_y,
    )  # fmt: skip


def make_parcels(rng: np.random.Generator, blocks: Blocks) -> Parcels:
    """Cut every block into strips along its longest side and the strips into pieces.

    Strip and piece of a pixel follow from its coordinates along (v) and across (u) the block's direction.
    """
    count = blocks.count
    strip_m = rng.uniform(11, 46, count).astype(np.float32)
    piece_m = rng.uniform(45, 170, count).astype(np.float32)
    shift = rng.random((count, STRIPS), dtype=np.float32)
    centres = np.array([polygon.centroid.coords[0] for polygon in blocks.polygons])
    height, width = blocks.label.shape
    number = np.empty((height, width), np.int32)
    edge = np.empty((height, width), np.float32)
    cos, sin = np.cos(blocks.angle).astype(np.float32), np.sin(blocks.angle).astype(np.float32)
    for top in range(0, height, 512):
        rows = slice(top, min(top + 512, height))
        b = blocks.label[rows] - 1
        x = np.arange(width, dtype=np.float32)[None, :] + 0.5 - centres[b, 0].astype(np.float32)
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5 - centres[b, 1].astype(np.float32)
        u = (y * cos[b] - x * sin[b]) / strip_m[b]
        strip = np.floor(u)
        lane = np.clip(strip.astype(np.int32) + STRIPS // 2, 0, STRIPS - 1)
        v = (x * cos[b] + y * sin[b]) / piece_m[b] + shift[b, lane]
        piece = np.floor(v)
        cut = np.clip(piece.astype(np.int32) + STRIPS // 2, 0, STRIPS - 1)
        number[rows] = 1 + (b * STRIPS + lane) * STRIPS + cut
        off_u, off_v = np.abs(u - strip - 0.5), np.abs(v - piece - 0.5)
        edge[rows] = np.minimum((0.5 - off_u) * strip_m[b], (0.5 - off_v) * piece_m[b])
    crop = _crops(rng, count)
    objects = Objects.blank(1).followed_by(_rows(rng, blocks.angle, crop))
    return Parcels(number, edge, np.concatenate([[0], crop.ravel()]).astype(np.uint8), objects)
