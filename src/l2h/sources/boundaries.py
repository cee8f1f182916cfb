"""City outlines: read, checked, named, and turned into one owner per pixel."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from rasterio.features import rasterize

from l2h.core.crs import metres_per_unit
from l2h.core.errors import BoundaryError
from l2h.core.grid import Grid, Window
from l2h.core.regions import CityName, RegionTree
from l2h.sources.settings import BoundarySettings
from l2h.sources.vectors import Geometries, bring, open_table

TILE_PX = 2000  # outlines have many corners and every tile walks them all; divides the default block of 6000
MAX_CITIES = 65535  # the owner of a pixel is kept in 16 bits


@dataclass(frozen=True)
class Cities:
    """Outlines in order of index: `shapes[i]` belongs to `tree.cities[i]`, whose pixels have the value i + 1."""

    tree: RegionTree
    shapes: Geometries
    crs: str

    def bounds(self) -> tuple[float, float, float, float]:
        left, bottom, right, top = shapely.total_bounds(self.shapes)
        return float(left), float(bottom), float(right), float(top)

    def inside(self, grid: Grid) -> npt.NDArray[np.float64]:
        """Share of each city's outline that lies on a grid, float64 [n]; 1 where less than a pixel is cut off, 0 where
        it lies outside altogether."""
        areas = shapely.area(self.shapes)
        within = shapely.area(shapely.clip_by_rect(self.shapes, *grid.bounds()))
        share = np.divide(within, areas, out=np.zeros_like(areas), where=areas > 0)
        return np.asarray(np.where((areas - within < grid.pixel**2) & (within > 0), 1.0, share))


def read_cities(path: Path, settings: BoundarySettings, crs: str) -> Cities:
    """The cities of a boundary file in the project's CRS, ordered by name, checked in the file's own CRS.

    Vertices are brought over one by one; edges stay straight between them, so neighbours that share vertices
    still meet.
    BoundaryError names city and place of a missing, empty, self-crossing or overlapping outline, and what is wrong with
    a name.
    """
    columns = (settings.region, settings.province, settings.city)
    table = open_table(path, settings.layer, columns)
    names = [city_name(row, str(path)) for row in table[list(columns)].itertuples(index=False, name=None)]
    if not names:
        raise BoundaryError("a boundary file has no cities", where=str(path))
    if len(names) > MAX_CITIES:
        raise BoundaryError("there are too many cities", expected=f"at most {MAX_CITIES}", got=str(len(names)))
    source = table.crs.to_string()
    try:
        tree = RegionTree.of(names)
        shapes = np.asarray(table.geometry.array, object)[[names.index(name) for name in tree.cities]]
        check_outlines(tree.cities, shapes, settings.overlap_m / metres_per_unit(source))
    except BoundaryError as error:
        where = f"{path}, {error.where}" if error.where else str(path)
        raise BoundaryError(error.what, where=where, expected=error.expected, got=error.got, hint=error.hint) from error
    moved = bring(shapes, source, crs)
    for name, shape in zip(tree.cities, moved, strict=True):
        if not np.isfinite(shapely.bounds(shape)).all():
            raise BoundaryError(
                "a city has no place in the project's CRS", where=name.format(), expected=f"within the reach of {crs}"
            )
    return Cities(tree, moved, crs)


def city_name(parts: tuple[object, ...], where: str) -> CityName:
    """A city's name from a row's region, province and city; BoundaryError where it is missing, no text or no name."""
    texts = [unicodedata.normalize("NFC", part) if isinstance(part, str) else part for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise BoundaryError("a city's name is missing or no text", where=where, got=str(parts))
    return CityName(*map(str, texts))


def check_outlines(names: Sequence[CityName], shapes: Geometries, tolerance: float) -> None:
    """Raise BoundaryError for the first outline that is missing, empty, no polygon, self-crossing, or that overlaps
    another by more than a sliver of width `tolerance` (units of the coordinates)."""
    for name, shape in zip(names, shapes, strict=True):
        if shape is None or shape.is_empty:
            raise BoundaryError("a city has no outline", where=name.format())
        if not isinstance(shape, shapely.Polygon | shapely.MultiPolygon):
            raise BoundaryError("a city is not a polygon", where=name.format(), got=shape.geom_type)
        if not shape.is_valid:
            raise BoundaryError(
                "a city's outline crosses itself or is broken",
                where=name.format(),
                got=str(shapely.is_valid_reason(shape)),
                hint="Mend it there, for example with ogr2ogr -makevalid.",
            )
    for first, second, place in overlaps(shapes, tolerance):
        raise BoundaryError(
            "two cities overlap",
            where=f"{names[first].format()} and {names[second].format()}",
            got=f"a common area around ({place.x:.10g}, {place.y:.10g})",
            hint="Every place has one city: mend the outlines, or raise boundary.overlap_m if these are slivers.",
        )


def overlaps(shapes: Geometries, tolerance: float) -> list[tuple[int, int, shapely.Point]]:
    """Pairs i < j of polygons whose common area is wider than `tolerance`, and a point in it.

    Neighbours that share their vertices are told at once to be disjoint: two million vertices take seconds.
    """
    if shapely.coverage_is_valid(shapes):
        return []
    one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    found = []
    for i, j in sorted((int(i), int(j)) for i, j in zip(one, two, strict=True) if i < j):
        common = shapely.intersection(shapes[i], shapes[j])
        core = shapely.buffer(common, -tolerance / 2) if common.area > 0 else common
        if core.area > 0:
            found.append((i, j, shapely.point_on_surface(core)))
    return found


def own_pixels(shapes: Geometries, grid: Grid, window: Window) -> npt.NDArray[np.uint16]:
    """Which city owns each pixel of a window: uint16 [H, W], 1 + position in `shapes`, 0 outside all.

    A pixel belongs to the polygon that holds its centre; where several do (slivers, a centre on an edge), to the first.
    Rasterised on fixed tiles, so that every window gives the same owner.
    """
    owner = np.zeros(window.shape, "uint16")
    boxes = shapely.bounds(shapes).reshape(-1, 4)
    for tile in grid.tiles(TILE_PX, window):
        left, bottom, right, top = grid.bounds(tile)
        near = (boxes[:, 0] <= right) & (boxes[:, 2] >= left) & (boxes[:, 1] <= top) & (boxes[:, 3] >= bottom)
        burn = [(shapes[i], int(i) + 1) for i in np.flatnonzero(near)[::-1]]  # the first is burnt last and stays
        if burn:
            part = tile.intersect(window)
            rows, cols = part.slices_in(tile)
            tiled = rasterize(burn, tile.shape, transform=grid.window_transform(tile), dtype="uint16")
            owner[part.slices_in(window)] = tiled[rows, cols]
    return owner
