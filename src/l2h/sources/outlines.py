"""What is wrong with a boundary file, finding by finding, with its place and its area; nothing stops at the first.

`read_cities` refuses a file whose outlines cannot be used; this lists all there is to mend in it, for `l2h inspect` and
for the workspace: also outlines that lie on a shifted datum, and provinces that their cities do not tile, which is not
fatal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from l2h.core.crs import metres_per_unit, parse_crs, transformer
from l2h.core.errors import BoundaryError
from l2h.core.inspect import Finding
from l2h.core.regions import CityName, RegionTree
from l2h.sources.boundaries import city_name, overlaps
from l2h.sources.datum import evidence, likely_datum
from l2h.sources.settings import BoundarySettings
from l2h.sources.vectors import Geometries, open_table

GEOGRAPHIC = "EPSG:4326"
AREAS = ("Polygon", "MultiPolygon")


@dataclass(frozen=True)
class Measure:
    """How places and areas of a file's CRS are said: degrees and km²."""

    crs: str

    def km2(self, shape: shapely.Geometry) -> float:
        """Area: on the ellipsoid for degrees, else on the plane of the CRS."""
        if parse_crs(self.crs).is_geographic:
            return abs(float(Geod(ellps="WGS84").geometry_area_perimeter(shape)[0])) / 1e6
        return float(shape.area) * metres_per_unit(self.crs) ** 2 / 1e6

    def say(self, shape: shapely.Geometry) -> str:
        """A point in a shape, and how large it is."""
        point = shapely.point_on_surface(shape)
        lon, lat = transformer(self.crs, GEOGRAPHIC).transform(point.x, point.y)
        return f"around {lon:.5f}, {lat:.5f}; {self.km2(shape):.4g} km²" if shape.area else f"at {lon:.5f}, {lat:.5f}"


def examine_outlines(path: Path, settings: BoundarySettings) -> tuple[int, tuple[Finding, ...]]:
    """How many cities a boundary file has, and everything that is wrong with it.

    Outlines: missing, no polygon, self-crossing, overlapping by more than `overlap_m`. Names: missing, no file name,
    two alike. Provinces, where `settings.provinces` names their layer: ground that no city covers, cities that reach
    beyond. Datum: outlines that pass the known places of China's border as a shifted web map does.
    InputError and GridError where the file cannot be read at all.
    """
    columns = (settings.region, settings.province, settings.city)
    table = open_table(path, settings.layer, columns)
    rows = list(table[list(columns)].itertuples(index=False, name=None))
    shapes = np.asarray(table.geometry.array, object)
    measure, tolerance = Measure(table.crs.to_string()), settings.overlap_m / metres_per_unit(table.crs.to_string())
    labels = ["_".join(map(str, row)) for row in rows]
    found = [*_names(rows), *_shapes(labels, shapes, measure)]
    sound = np.array([_is_sound(shape) for shape in shapes], bool)
    places = np.flatnonzero(sound)
    found += _overlaps([labels[i] for i in places], shapes[sound], tolerance, measure)
    if settings.provinces is not None:
        owners = np.array([str(row[1]) for row in rows], object)
        provinces = open_table(path, settings.provinces, (settings.province,))
        outlines = dict(zip(map(str, provinces[settings.province]), provinces.geometry, strict=True))
        found += _tiling(outlines, owners[sound], shapes[sound], tolerance, measure)
    found += _datum(shapes[sound], measure)
    return len(rows), tuple(found)


def check_findings(path: Path, settings: BoundarySettings) -> tuple[Finding, ...]:
    """What is to be looked at in a boundary file; BoundaryError for the first finding that makes it unfit for use."""
    _, found = examine_outlines(path, settings)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        raise BoundaryError(
            errors[0].message, where=f"{path}, {errors[0].place}" if errors[0].place else str(path),
            hint=f"`l2h inspect {path}` lists all {len(errors)}." if len(errors) > 1 else "",
        )  # fmt: skip
    return found


def _is_sound(shape: shapely.Geometry | None) -> bool:
    return shape is not None and not shape.is_empty and shape.geom_type in AREAS and bool(shape.is_valid)


def _names(rows: Sequence[tuple[object, ...]]) -> Iterator[Finding]:
    """Names that are none, one by one; then the first pair that is alike."""
    good = []
    for number, row in enumerate(rows, start=1):
        try:
            good.append(city_name(row, f"feature {number}"))
        except BoundaryError as error:
            yield Finding("error", "name", str(error), f"feature {number}")
    twins: dict[CityName, int] = {}
    for name in good:
        twins[name] = twins.get(name, 0) + 1
    for name, count in twins.items():
        if count > 1:
            yield Finding("error", "duplicate-name", f"{count} cities are called {name.format()}")
    try:
        RegionTree(tuple(twins) or (CityName("a", "b", "c"),))
    except BoundaryError as error:
        yield Finding("error", "alike-names", str(error))


def _shapes(labels: Sequence[str], shapes: Geometries, measure: Measure) -> Iterator[Finding]:
    for label, shape in zip(labels, shapes, strict=True):
        if shape is None or shape.is_empty:
            yield Finding("error", "no-outline", f"{label} has no outline")
        elif shape.geom_type not in AREAS:
            yield Finding("error", "no-polygon", f"{label} is a {shape.geom_type}", measure.say(shape))
        elif not shape.is_valid:
            reason = str(shapely.is_valid_reason(shape))
            yield Finding("error", "broken-outline", f"{label}: {reason}", measure.say(shapely.make_valid(shape)))


def _overlaps(labels: Sequence[str], shapes: Geometries, tolerance: float, measure: Measure) -> Iterator[Finding]:
    for i, j, _ in overlaps(shapes, tolerance):
        common = shapely.intersection(shapes[i], shapes[j])
        yield Finding("error", "overlap", f"{labels[i]} and {labels[j]} overlap", measure.say(common))


def _tiling(
    outlines: dict[str, shapely.Geometry],
    owners: npt.NDArray[np.object_],
    shapes: Geometries,
    tolerance: float,
    measure: Measure,
) -> Iterator[Finding]:
    """Where the cities of a province do not tile it, in pieces wider than the tolerance; narrower ones are slivers."""
    for province in sorted({*outlines, *owners}):
        if province not in outlines:
            yield Finding("warning", "no-province", f"there is no outline of the province {province}")
            continue
        members = shapes[owners == province]
        cities = (shapely.coverage_union_all if shapely.coverage_is_valid(members) else shapely.union_all)(members)
        for rule, said, rest in (
            ("uncovered", "no city covers a part of", shapely.difference(outlines[province], cities)),
            ("beyond", "a city reaches out of", shapely.difference(cities, outlines[province])),
        ):
            for piece in shapely.get_parts(rest):
                if shapely.buffer(piece, -tolerance / 2).area > 0:
                    yield Finding("warning", rule, f"{said} {province}", measure.say(piece))


def _datum(shapes: Geometries, measure: Measure) -> Iterator[Finding]:
    if not len(shapes) or not parse_crs(measure.crs).is_geographic:
        return
    found = evidence(shapes)
    if likely_datum(found) == "GCJ-02":
        places = ", ".join(f"{e.place} {e.as_wgs84_m:.0f} m (as GCJ-02: {e.as_gcj02_m:.0f} m)" for e in found)
        message = (
            "outlines lie on GCJ-02, the shifted datum of Chinese web maps, not on WGS 84: they pass known places by "
        )
        yield Finding("error", "datum", message + places)
