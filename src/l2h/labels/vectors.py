"""Vectors to pixels: roads and buildings as positive evidence with ignore rings, and as they are known.

What OpenStreetMap lacks is never taken for absence: beyond the rings nothing is said.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from pyproj import Geod
from rasterio.features import rasterize

from l2h.core.crs import metres_per_unit, parse_crs
from l2h.core.grid import Grid, Window
from l2h.core.legend import BUILDING, TRAFFIC
from l2h.labels.roads import WIDEST_M, half_widths, is_positive
from l2h.labels.settings import VectorSettings

IGNORE = 255
# rasterising is floating point: always on these tiles of the lattice, whoever asks. On smaller ones long roads are cut
# and buffered again and again: for roads of some kilometres 512 px took twice the time
TILE_PX = 2048
Geometries = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Vectors:
    """Roads and buildings in the grid's CRS.

    roads         : lines, object [N]; those of half-width 0 are not used
    half_width_m  : float64 [N]
    positive      : bool [N], whether a road teaches traffic
    buildings     : polygons, object [M]
    """

    roads: Geometries
    half_width_m: npt.NDArray[np.float64]
    positive: Mask
    buildings: Geometries

    @classmethod
    def of(
        cls,
        roads: Geometries,
        highway: Geometries,
        tags: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
        buildings: Geometries,
        settings: VectorSettings,
    ) -> Self:
        """Vectors from the columns of the workspace; `tags` are the tagged widths and lanes (NaN = none)."""
        half = half_widths(highway, *tags, override_m=settings.road_width_m, lane_m=settings.lane_m)
        used = half > 0
        return cls(roads[used], half[used], is_positive(highway)[used], buildings)

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, object), np.empty(0), np.empty(0, bool), np.empty(0, object))

    @cached_property
    def _trees(self) -> tuple[Any, Any]:
        return shapely.STRtree(self.roads), shapely.STRtree(self.buildings)

    def near(self, bounds: tuple[float, float, float, float]) -> "Vectors":
        """Those whose bounding box meets (left, bottom, right, top), in their own order."""
        box = shapely.box(*bounds)
        road, building = (np.sort(tree.query(box)) for tree in self._trees)
        return Vectors(self.roads[road], self.half_width_m[road], self.positive[road], self.buildings[building])


def reach_m(half_width_m: npt.ArrayLike, settings: VectorSettings) -> npt.NDArray[np.float64]:
    """How far from its centre line a road speaks: the outer edge of its ring."""
    half = np.asarray(half_width_m, "float64")
    return np.asarray(np.maximum(half, settings.road_ring_factor * half + settings.road_ring_m))


def margin_m(settings: VectorSettings) -> float:
    """How far any vector can speak, and a metre. From the settings alone, so that what is cut off never varies."""
    widest = max(WIDEST_M, *settings.road_width_m.values(), 0.0)
    return 1 + max(settings.building_ring_m, float(reach_m(widest / 2, settings)))


def bounds_of(grid: Grid, window: Window, settings: VectorSettings) -> tuple[float, float, float, float]:
    """Where the vectors lie that `rasterise` may need for a window: (left, bottom, right, top) in the CRS."""
    boxes = [_Frame.of(grid, tile).bounds(margin_m(settings)) for tile in grid.tiles(TILE_PX, window)]
    left, bottom, right, top = np.array(boxes).T
    return float(left.min()), float(bottom.min()), float(right.max()), float(top.max())


def rasterise(vectors: Vectors, grid: Grid, window: Window, settings: VectorSettings) -> npt.NDArray[np.uint8]:
    """Evidence and known vectors of any window of the grid, uint8 [2, H, W], as in the vectors store.

    Band 1: 1 = inner part of a road, 6 = inner part of a building, 255 = ignore, 0 = nothing known.
    Band 2: 1 = road, 6 = building, both at full width, 0 = nothing known.
    Independent of the window: tiles of the lattice are rasterised whole and cropped.
    """
    out = np.zeros((2, *window.shape), "uint8")
    for tile in grid.tiles(TILE_PX, window):
        common = tile.intersect(window)
        inner, outer = common.slices_in(tile), common.slices_in(window)
        out[:, outer[0], outer[1]] = rasterise_tile(vectors, grid, tile, settings)[:, inner[0], inner[1]]
    return out


def rasterise_tile(vectors: Vectors, grid: Grid, tile: Window, settings: VectorSettings) -> npt.NDArray[np.uint8]:
    """One tile as a whole; see `rasterise`.

    Precedence. In the evidence a core always wins over a ring, also of the other kind, and where the cores of a road
    and a building meet one of them must be displaced, so the pixel is ignored. Among known vectors buildings win: a
    footprint is traced, a carriageway's width is mostly guessed. Bridges are roads like any other; tunnels were left
    out before.
    """
    frame = _Frame.of(grid, tile)
    near = vectors.near(frame.bounds(margin_m(settings)))
    road_core, road_full, road_ring = _roads(near, frame, settings)
    house_core, house_full, house_ring = _buildings(near, frame, settings)
    evidence = np.zeros(tile.shape, "uint8")
    evidence[road_ring | house_ring] = IGNORE
    evidence[road_core] = TRAFFIC
    evidence[house_core] = BUILDING
    evidence[road_core & house_core] = IGNORE
    known = np.zeros(tile.shape, "uint8")
    known[road_full] = TRAFFIC
    known[house_full] = BUILDING
    return np.stack([evidence, known])


def _roads(near: Vectors, frame: "_Frame", settings: VectorSettings) -> tuple[Mask, Mask, Mask]:
    """Core, full width and ring (with the core) of the roads. Only positive roads have a core or are drawn."""
    left, bottom, right, top = frame.local_bounds(margin_m(settings))
    # cut before buffering, outside the tile's reach: a line may run through the whole country
    lines = shapely.clip_by_rect(frame.local(near.roads), left, bottom, right, top)
    half, sure = near.half_width_m, near.positive
    return (
        frame.mask(_grown(lines[sure], settings.road_core_share * half[sure])),
        frame.mask(_grown(lines[sure], half[sure])),
        frame.mask(_grown(lines, reach_m(half, settings))),
    )


def _buildings(near: Vectors, frame: "_Frame", settings: VectorSettings) -> tuple[Mask, Mask, Mask]:
    """Core, full extent and ring (with the core) of the buildings."""
    outlines = frame.local(near.buildings)
    return (
        frame.mask(_grown(outlines, -settings.building_core_m)),
        frame.mask(outlines),
        frame.mask(_grown(outlines, settings.building_ring_m)),
    )


def _grown(geometries: Geometries, metres: npt.NDArray[np.float64] | float) -> Geometries:
    """Buffers with round ends and joins of 16 corners a circle: 2 % of the radius too tight at most."""
    return np.asarray(shapely.buffer(geometries, metres, quad_segs=4), object)


def _polygons(geometries: Geometries) -> list[dict[str, Any]]:
    """The polygons of an array as GeoJSON, made at once: rasterio would ask shapely for each, five times slower."""
    parts = shapely.get_parts(geometries)
    kept = parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)]
    if not len(kept):
        return []
    _, points, (ring_start, polygon_start) = shapely.to_ragged_array(kept)
    corners = points.tolist()
    rings = [corners[a:b] for a, b in pairwise(ring_start.tolist())]
    return [{"type": "Polygon", "coordinates": rings[a:b]} for a, b in pairwise(polygon_start.tolist())]


@dataclass(frozen=True)
class _Frame:
    """Metres on the ground around a tile: origin at its top left corner, x eastward, y northward.

    Buffers are in metres, whatever the unit of the CRS; on a geographic CRS the scale is that of the tile's middle.
    """

    grid: Grid
    tile: Window
    scale: tuple[float, float]

    @classmethod
    def of(cls, grid: Grid, tile: Window) -> "_Frame":
        return cls(grid, tile, _metres_per_unit(grid, tile))

    def bounds(self, margin_m: float) -> tuple[float, float, float, float]:
        """The tile's bounds in the CRS, grown by a margin in metres."""
        left, bottom, right, top = self.grid.bounds(self.tile)
        x, y = margin_m / self.scale[0], margin_m / self.scale[1]
        return left - x, bottom - y, right + x, top + y

    def local_bounds(self, margin_m: float) -> tuple[float, float, float, float]:
        x, y = self.grid.pixel * self.scale[0], self.grid.pixel * self.scale[1]
        return -margin_m, -self.tile.height * y - margin_m, self.tile.width * x + margin_m, margin_m

    def local(self, geometries: Geometries) -> Geometries:
        left, _, _, top = self.grid.bounds(self.tile)
        moved = shapely.transform(geometries, lambda xy: (xy - (left, top)) * self.scale)
        return np.asarray(moved, object)

    def mask(self, geometries: Geometries) -> Mask:
        """Pixels of the tile whose centre lies in any of the polygons, bool [H, W]."""
        shapes = _polygons(geometries)
        if not shapes:
            return np.zeros(self.tile.shape, bool)
        x, y = self.grid.pixel * self.scale[0], self.grid.pixel * self.scale[1]
        burnt = rasterize(shapes, out_shape=self.tile.shape, transform=Affine(x, 0.0, 0.0, 0.0, -y, 0.0), dtype="uint8")
        return np.asarray(burnt > 0)


def _metres_per_unit(grid: Grid, tile: Window) -> tuple[float, float]:
    """Metres per CRS unit along x and along y, at the middle of a tile."""
    crs = parse_crs(grid.crs)
    if not crs.is_geographic:
        metres = metres_per_unit(grid.crs)
        return metres, metres
    left, bottom, right, top = grid.bounds(tile)
    lon, lat, step = (left + right) / 2, (bottom + top) / 2, grid.pixel / 2
    geod: Geod = crs.get_geod()  # type: ignore[assignment]  # a geographic CRS has an ellipsoid
    along_x = geod.inv(lon - step, lat, lon + step, lat)[2]
    along_y = geod.inv(lon, lat - step, lon, lat + step)[2]
    return along_x / grid.pixel, along_y / grid.pixel
