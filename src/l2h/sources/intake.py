"""Intake: roads and buildings on their way into the workspace: cut to the grid, in its CRS, mended, in order."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from l2h.core.crs import transformer
from l2h.core.grid import Grid
from l2h.sources.account import Account
from l2h.sources.geoparquet import CORNERS, GroupWriter
from l2h.sources.osm_tags import Road
from l2h.sources.runs import LINE, POLYGON, Runs
from l2h.sources.sorter import Sorter
from l2h.sources.vectors import Geometries, bring, meets, mend

WGS84 = "EPSG:4326"
SHELF_PX = 1024  # rows are ordered by squares of this side, along a Z-curve, so that neighbours lie together
HALF = 1 << 15  # squares on each side of the grid's corner, beyond which all count as the last
SLACK = 0.01  # share of its size by which the box in degrees is grown: it must never be too small
ID = pa.field("osm_id", pa.string())
ROAD_FIELDS = (
    ID,
    pa.field("highway", pa.string()),
    pa.field("width_m", pa.float64()),
    pa.field("lanes", pa.float64()),
    pa.field("bridge", pa.bool_()),
)
BUILDING_FIELDS = (ID,)
Columns = Mapping[str, Any]
Names = npt.NDArray[np.object_]
Numbers = npt.NDArray[np.int64]


class Intake:
    """Where readers hand over what they find, batch by batch.

    Rows are kept if their bounding box meets the grid grown by `margin` (CRS units); the others are counted. Kept are
    whole features, never cut. Polygons are made valid; what was mended is in the account.
    """

    def __init__(self, grid: Grid, margin: float, scratch: Path, labels: Mapping[Path, str] | None = None) -> None:
        self.grid, self.account = grid, Account(scratch, labels)
        left, bottom, right, top = grid.bounds()
        self.bounds = (left - margin, bottom - margin, right + margin, top + margin)
        self.degrees = in_degrees(self.bounds, grid.crs)
        self._roads = Sorter(scratch, "roads", _schema(ROAD_FIELDS))
        self._buildings = Sorter(scratch, "buildings", _schema(BUILDING_FIELDS))

    def near_degrees(self, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which boxes in degrees [N, 4] may be near the grid: all of those that are, and some more."""
        return meets(boxes, self.degrees) if self.degrees else np.ones(len(boxes), bool)

    def road_runs(self, ways: Numbers, runs: Runs, columns: Columns) -> None:
        """Roads in longitude and latitude, a line each."""
        near, runs, boxes = self._near(runs, "road")
        columns = {name: values[near] for name, values in columns.items()}
        self._add(self._roads, names_of("w", ways[near]), boxes, runs.wkb(LINE), columns)

    def building_runs(self, ways: Numbers, runs: Runs) -> None:
        """Outlines in longitude and latitude: closed lines of four places or more."""
        near, runs, boxes = self._near(runs, "building")
        ways, valid = ways[near], runs.convex()
        valid[~valid] = shapely.is_valid(runs.take(~valid).polygons())
        good = runs.take(valid)
        self._add(self._buildings, names_of("w", ways[valid]), boxes[valid], good.wkb(POLYGON), {})
        self._mend(_objects(names_of("w", ways[~valid])), runs.take(~valid).polygons())

    def road_shapes(self, names: Names, shapes: Geometries, crs: str, columns: Columns) -> None:
        """Lines of any kind: LineString or MultiLineString, a row for each piece."""
        here, shapes = self._near_shapes(shapes, crs, "road")
        pieces, row = shapely.get_parts(shapes, return_index=True)
        columns = {name: np.asarray(values)[here][row] for name, values in columns.items()}
        self._add(self._roads, names[here][row], shapely.bounds(pieces), _wkb(pieces), columns)

    def building_shapes(self, names: Names, shapes: Geometries, crs: str) -> None:
        """Polygons or MultiPolygons."""
        here, shapes = self._near_shapes(shapes, crs, "building")
        self._mend(names[here], shapes)

    def roads(self, out: GroupWriter) -> None:
        """Write the roads, in order, and count them."""
        self.account.roads = _pour(self._roads.merged(), out)

    def buildings(self, out: GroupWriter) -> None:
        self.account.buildings = _pour(self._buildings.merged(), out)

    def _near(self, runs: Runs, kind: str) -> tuple[npt.NDArray[np.bool_], Runs, npt.NDArray[np.float64]]:
        """Which runs are near the grid, those in its CRS, and their boxes there."""
        near = self.near_degrees(runs.bounds())
        moved = runs.take(near).moved(WGS84, self.grid.crs)
        boxes = moved.bounds()
        inside = meets(boxes, self.bounds)
        near[near] = inside
        self.account.left_out[f"{kind}: outside the grid"] += int((~near).sum())
        return near, moved.take(inside), boxes[inside]

    def _near_shapes(self, shapes: Geometries, crs: str, kind: str) -> tuple[npt.NDArray[np.bool_], Geometries]:
        moved = bring(shapes, crs, self.grid.crs)
        here = meets(shapely.bounds(moved).reshape(-1, 4), self.bounds)
        self.account.left_out[f"{kind}: outside the grid"] += int((~here).sum())
        return here, moved[here]

    def _mend(self, names: Names, shapes: Geometries) -> None:
        mended = mend(shapes, names)
        for name, why in mended.repaired:
            self.account.mend(name, f"building: {why.partition('[')[0]}")
        for name, why in mended.dropped:
            self.account.drop(name, f"building: {why}")
        self._add(self._buildings, mended.names, shapely.bounds(mended.shapes).reshape(-1, 4), _wkb(mended.shapes), {})

    def _add(self, sorter: Sorter, names: Names | pa.Array, boxes: Any, wkb: pa.Array, columns: Columns) -> None:
        if not len(names):
            return
        boxes = np.asarray(boxes, "float64")
        table = {"key": self._keys(boxes), "osm_id": pa.array(names, pa.string()), **columns}
        table |= dict(zip(CORNERS, boxes.T, strict=True)) | {"geometry": wkb}
        sorter.add(pa.table(table))

    def _keys(self, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.uint64]:
        """Where along the Z-curve the square lies that holds the middle of each box."""
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        side = self.grid.pixel * SHELF_PX
        square = np.floor((middle - (self.grid.x, self.grid.y)) / side * (1, -1)) + HALF
        col, row = np.clip(square, 0, 2 * HALF - 1).astype("uint64").T
        return (_spread(row) << np.uint64(1)) | _spread(col)


def road_columns(roads: Sequence[Road]) -> dict[str, Any]:
    """Columns of the roads' table from what their tags say."""
    return {
        "highway": np.array([road.highway for road in roads], object),
        "width_m": np.array([road.width_m for road in roads], "float64"),
        "lanes": np.array([road.lanes for road in roads], "float64"),
        "bridge": np.array([road.bridge for road in roads], bool),
    }


def names_of(prefix: str, numbers: Numbers) -> pa.Array:
    """What things are called: their kind and their number."""
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(numbers), pa.string()), "")


def _objects(names: pa.Array) -> Names:
    return np.asarray(names.to_numpy(zero_copy_only=False), object)


def _schema(fields: Sequence[pa.Field]) -> pa.Schema:
    corners = [pa.field(name, pa.float64()) for name in CORNERS]
    return pa.schema([pa.field("key", pa.uint64()), *fields, *corners, pa.field("geometry", pa.binary())])


def _pour(tables: Iterator[pa.Table], out: GroupWriter) -> int:
    for table in tables:
        out.write(table.drop_columns(["key"]))
    return out.rows


def _wkb(shapes: Geometries) -> pa.Array:
    return pa.array(list(shapely.to_wkb(shapes)), pa.binary())


def _spread(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The bits of 16-bit numbers with a free bit above each, to interleave two of them."""
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        numbers = (numbers | (numbers << np.uint64(shift))) & np.uint64(mask)
    return numbers


def in_degrees(bounds: tuple[float, float, float, float], crs: str) -> tuple[float, float, float, float] | None:
    """A box in longitude and latitude that holds `bounds`; None where there is none (across 180°, or no place)."""
    left, bottom, right, top = transformer(crs, WGS84).transform_bounds(*bounds, densify_pts=41)
    if not np.isfinite((left, bottom, right, top)).all() or left >= right:
        return None
    x, y = SLACK * (right - left), SLACK * (top - bottom)
    return left - x, bottom - y, right + x, top + y
