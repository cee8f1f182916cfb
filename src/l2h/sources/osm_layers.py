"""Roads and buildings of the project: extracts joined, in the project's CRS, mended, near the grid only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyogrio
import shapely

from l2h.core.crs import metres_per_unit
from l2h.core.errors import InputError
from l2h.core.grid import Grid
from l2h.sources.osm import Extract, read_osm
from l2h.sources.osm_tags import Road
from l2h.sources.vectors import Geometries, bring, mend, near, open_table

WGS84 = "EPSG:4326"
PACKAGE = ".gpkg"


@dataclass
class OsmLayers:
    """What the workspace keeps of OpenStreetMap, rows ordered by identity, and the account of what was not kept.

    roads, buildings : geometries in the project's CRS
    road_columns     : osm_id, highway (str), width_m, lanes (float, NaN = not said), bridge (bool)
    building_columns : osm_id
    """

    roads: Geometries
    road_columns: dict[str, npt.NDArray[Any]]
    buildings: Geometries
    building_columns: dict[str, npt.NDArray[Any]]
    left_out: Counter[str] = field(default_factory=Counter)
    repaired: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)

    def account(self) -> dict[str, Any]:
        """What `osm.json` holds."""
        return {
            "roads": len(self.roads),
            "buildings": len(self.buildings),
            "left_out": dict(sorted(self.left_out.items())),
            "repaired": [{"id": name, "reason": why} for name, why in sorted(self.repaired.items())],
            "dropped": [{"id": name, "reason": why} for name, why in sorted(self.dropped.items())],
        }


def read_layers(paths: Sequence[Path], grid: Grid, margin_m: float) -> OsmLayers:
    """Read extracts and GeoPackages; what occurs in two of them counts once, as in the first.

    InputError where two GeoPackages share a name: it is what tells their features apart.
    """
    packages = [path.stem for path in paths if path.suffix == PACKAGE]
    if len(set(packages)) < len(packages):
        raise InputError("two GeoPackages have the same name", where="layer 'osm'", got=", ".join(map(str, paths)))
    whole = Extract()
    for path in paths:
        extract = read_package(path) if path.suffix == PACKAGE else read_osm(path)
        whole.roads = extract.roads | whole.roads
        whole.buildings = extract.buildings | whole.buildings
        whole.dropped = extract.dropped | whole.dropped
        whole.left_out += extract.left_out
    for name in (*whole.roads, *whole.buildings):  # broken in one extract, whole in another
        whole.dropped.pop(name, None)
    return project(whole, grid, margin_m / metres_per_unit(grid.crs))


def project(extract: Extract, grid: Grid, margin: float) -> OsmLayers:
    """The layers of an extract: in the grid's CRS, within `margin` (CRS units) of it, polygons valid, sorted."""
    left_out = extract.left_out.copy()
    names = sorted(extract.roads, key=_order)
    lines = bring(_objects([extract.roads[name][0] for name in names]), WGS84, grid.crs)
    here = near(lines, grid.bounds(), margin)
    kept = [name for name, inside in zip(names, here, strict=True) if inside]
    pieces, row = shapely.get_parts(lines[here], return_index=True)  # one row per line
    columns = _road_columns([kept[i] for i in row], [extract.roads[kept[i]][1] for i in row])
    left_out["road: outside the grid"] += int((~here).sum())
    outlines = _objects(sorted(extract.buildings, key=_order))
    shapes = bring(_objects([extract.buildings[name] for name in outlines]), WGS84, grid.crs)
    inside = near(shapes, grid.bounds(), margin)
    left_out["building: outside the grid"] += int((~inside).sum())
    mended = mend(shapes[inside], outlines[inside])
    return OsmLayers(
        pieces,
        columns,
        mended.shapes,
        {"osm_id": mended.names},
        +left_out,  # without zeros
        dict(mended.repaired),
        extract.dropped | {name: f"building: {why}" for name, why in mended.dropped},
    )


def _order(name: str) -> tuple[str, int, str]:
    return (name[0], int(name[1:]), "") if name[1:].isdigit() else (name[0], 0, name)


def _objects(items: Sequence[Any]) -> npt.NDArray[np.object_]:
    array = np.empty(len(items), object)
    array[:] = items
    return array


def _road_columns(names: list[str], roads: list[Road]) -> dict[str, npt.NDArray[Any]]:
    return {
        "osm_id": _objects(names),
        "highway": _objects([road.highway for road in roads]),
        "width_m": np.array([road.width_m for road in roads], "float64"),
        "lanes": np.array([road.lanes for road in roads], "float64"),
        "bridge": np.array([road.bridge for road in roads], bool),
    }


def read_package(path: Path) -> Extract:
    """Roads and buildings from a GeoPackage with layers `roads` (column `highway`, and if it has them `width_m`,
    `lanes`, `bridge`) and `buildings`; either layer may be absent, not both."""
    if not path.is_file():
        raise InputError("a vector file is missing", where=str(path))
    layers = {str(name) for name, _ in pyogrio.list_layers(path)} & {"roads", "buildings"}
    if not layers:
        raise InputError(
            "a GeoPackage has neither roads nor buildings", where=str(path), expected="layers of these names"
        )
    extract = Extract()
    if "roads" in layers:
        _take_lines(extract, path)
    if "buildings" in layers:
        table = open_table(path, "buildings", ())
        for i, shape in enumerate(_to_wgs84(table)):
            area = shape if isinstance(shape, shapely.Polygon | shapely.MultiPolygon) else None
            if area is None or area.is_empty:
                extract.dropped[f"{path.stem}:buildings:{i}"] = "building: no polygon"
            else:
                extract.buildings[f"{path.stem}:buildings:{i}"] = area
    return extract


def _take_lines(extract: Extract, path: Path) -> None:
    table = open_table(path, "roads", ("highway",))
    for i, (shape, row) in enumerate(zip(_to_wgs84(table), table.to_dict("records"), strict=True)):
        name = f"{path.stem}:roads:{i}"
        if isinstance(shape, shapely.LineString | shapely.MultiLineString) and not shape.is_empty:
            width, lanes = (float("nan" if row.get(key) is None else row[key]) for key in ("width_m", "lanes"))
            extract.roads[name] = (shape, Road(str(row["highway"]), width, lanes, bool(row.get("bridge") or False)))
        else:
            extract.dropped[name] = "road: no line"


def _to_wgs84(table: Any) -> Geometries:
    return bring(np.asarray(table.geometry.array, object), table.crs.to_string(), WGS84)
