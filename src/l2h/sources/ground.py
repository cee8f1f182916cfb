"""Ground: which tiles of a product hold land of which provinces, so that a country of odd shape fetches no sea."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely

from l2h.core.grid import Grid
from l2h.sources.boundaries import Cities
from l2h.sources.extent import GEOGRAPHIC, geographic_box
from l2h.sources.tiles import Box, Scheme, Tile
from l2h.sources.vectors import Geometries, bring

MARGIN_DEG = 0.01  # about a kilometre around a tile: outlines on another datum, edges that are straight in one CRS only


@dataclass(frozen=True)
class Ground:
    """Outlines in degrees on WGS 84, each with the name of its province (`G_P`), and the box that is mapped."""

    outlines: Geometries
    provinces: tuple[str, ...]
    box: Box

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.outlines)

    def provinces_in(self, box: Box) -> tuple[str, ...]:
        """The provinces that have mapped ground in a box, by name."""
        west, south, east, north = (
            max(box[0] - MARGIN_DEG, self.box[0]), max(box[1] - MARGIN_DEG, self.box[1]),
            min(box[2] + MARGIN_DEG, self.box[2]), min(box[3] + MARGIN_DEG, self.box[3]),
        )  # fmt: skip
        if west >= east or south >= north:
            return ()
        hits = self._tree.query(shapely.box(west, south, east, north), predicate="intersects")
        return tuple(sorted({self.provinces[int(i)] for i in hits}))

    def tiles(self, scheme: Scheme) -> tuple[Tile, ...]:
        """The tiles of a scheme that hold mapped ground."""
        return tuple(tile for tile in scheme.covering(self.box) if self.provinces_in(tile.box))


def whole_ground(grid: Grid) -> Ground:
    """All of a grid, of no province in particular; GridError where it has no box in degrees."""
    box = geographic_box(grid)
    return Ground(np.array([shapely.box(*box)], object), ("",), box)


def ground_of(cities: Cities, grid: Grid) -> Ground:
    """The ground of a project; GridError where its grid has no box in degrees."""
    names = tuple(name.province_name for name in cities.tree.cities)
    outlines = np.asarray(bring(cities.shapes, cities.crs, GEOGRAPHIC), object)
    return Ground(outlines, names, geographic_box(grid))
