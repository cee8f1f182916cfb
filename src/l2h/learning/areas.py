"""What a network is trained on: areas, each with imagery and labels on one lattice."""

from collections import OrderedDict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from threading import Lock, local

import numpy as np

from l2h.core.errors import GridError, InputError
from l2h.core.grid import Window
from l2h.core.patch import Patch
from l2h.core.raster import RasterReader
from l2h.learning.clean import CleanPoints
from l2h.learning.drawn import DrawnGround
from l2h.nets.extras import ExtraStack

TILE_CELLS = 32  # side of a cached lattice tile: 320 px at 1 m, near what a GeoTIFF decodes anyway


@dataclass(frozen=True)
class TrainingReaders:
    """One area: readers on its own lattice.

    imagery    uint8 [B, H, W] with validity
    posterior  uint8 [J + 1, h, w] on the lattice of ``cell_px`` cells: J probabilities of 255, reliability 0..100;
               all 0 where no product speaks
    label      uint8 [3, H, W]: class value (0 void), reliability 0..100, source (4: ignore ring)
    vectors    uint8 [≥ 1, H, W]: 1 traffic core, 6 building core, 255 ignore ring, 0 none
    clean      points whose class somebody has looked up
    drawn      ground whose class somebody has drawn
    extras     layers of 10 px cells beside the picture, each of which may be missing
    name       unique among the areas of a training; it decides which blocks are held out
    """

    name: str
    imagery: RasterReader
    posterior: RasterReader | None = None
    label: RasterReader | None = None
    vectors: RasterReader | None = None
    cell_px: int = 10
    clean: CleanPoints | None = None
    drawn: DrawnGround | None = None
    extras: ExtraStack | None = None

    def __post_init__(self) -> None:
        grid = self.imagery.grid
        wanted = {"label": grid, "vectors": grid, "posterior": grid.coarsen(self.cell_px)}
        for layer, expected in wanted.items():
            reader: RasterReader | None = getattr(self, layer)
            if reader is not None and reader.grid != expected:
                raise GridError(
                    f"'{layer}' is not on the lattice of the imagery",
                    where=f"training area '{self.name}'",
                    expected=str(expected),
                    got=str(reader.grid),
                )
        if self.extras is not None and self.extras.pixels != grid:
            raise GridError(
                "extras are not of the imagery's lattice", where=f"training area '{self.name}'", expected=str(grid),
                got=str(self.extras.pixels),
            )  # fmt: skip


def check_areas(areas: Sequence[TrainingReaders], labels: str) -> None:
    """Raise InputError unless there are areas, of different names, one cell size, each with the layer ``labels``."""
    if not areas:
        raise InputError("no training area", expected="at least one")
    names = [area.name for area in areas]
    if len(set(names)) < len(names):
        raise InputError("training areas must have different names", got=", ".join(names))
    if len({area.cell_px for area in areas}) > 1:
        raise InputError("training areas must have one cell size", got=str(sorted({a.cell_px for a in areas})))
    if len({area.extras.layers if area.extras else () for area in areas}) > 1:
        raise InputError("training areas must have the same extras, of which any may be missing", got=", ".join(names))
    for area in areas:
        if getattr(area, labels) is None:
            raise InputError(f"layer '{labels}' is missing", where=f"training area '{area.name}'")


class TileCache:
    """Windows of any reader, put together from lattice tiles that are kept while they are in use.

    Memory is bounded by ``capacity_bytes`` whatever the raster's size; a small area is read once. Tiles lie on the
    lattice, so what is read never depends on how the store underneath is cut. Safe for threads: each reads through
    readers of its own when ``own_readers`` is set (one reader at a time decodes), and two may read one tile at once.
    """

    def __init__(self, capacity_bytes: int = 512 * 2**20, own_readers: bool = False) -> None:
        self.capacity_bytes, self.own_readers = capacity_bytes, own_readers
        self.held_bytes = 0
        self._tiles: OrderedDict[tuple[int, int, int], Patch] = OrderedDict()
        self._lock, self._mine = Lock(), local()

    def read(self, reader: RasterReader, window: Window, tile: int) -> Patch:
        """Patch of ``window``, which must meet the grid; values 0 and invalid outside it."""
        parts = [self._tile(reader, part, tile) for part in reader.grid.tiles(tile, window)]
        if not parts:
            raise GridError(
                "a training window lies outside the grid", expected=str(reader.grid.window), got=str(window)
            )
        first = parts[0].values
        values = np.zeros((first.shape[0], *window.shape), first.dtype)
        valid = np.zeros(window.shape, bool)
        for part in parts:
            common = part.window.intersect(window)
            rows, cols = common.slices_in(window)
            cut = part.crop(common)
            values[:, rows, cols], valid[rows, cols] = cut.values, cut.valid
        return Patch(values, valid, window)

    def _tile(self, reader: RasterReader, window: Window, tile: int) -> Patch:
        # readers outlive the cache that reads them (both belong to one training), so their id is a key
        key = (id(reader), window.row_start // tile, window.col_start // tile)
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
                return self._tiles[key]
            if not self.own_readers:
                return self._keep(key, reader.read(window))
        patch = self._reader(reader).read(window)
        with self._lock:
            return self._tiles.get(key) or self._keep(key, patch)

    def _keep(self, key: tuple[int, int, int], patch: Patch) -> Patch:
        self._tiles[key] = patch
        self.held_bytes += _size(patch)
        while self.held_bytes > self.capacity_bytes and len(self._tiles) > 1:
            self.held_bytes -= _size(self._tiles.popitem(last=False)[1])
        return patch

    def _reader(self, reader: RasterReader) -> RasterReader:
        """This thread's own copy of a reader: a store opens its files anew."""
        own: dict[str, RasterReader] = self._mine.__dict__
        key = str(id(reader))
        if key not in own:
            own[key] = copy(reader)
        return own[key]


def _size(patch: Patch) -> int:
    return patch.values.nbytes + patch.valid.nbytes
