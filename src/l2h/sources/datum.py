"""GCJ-02, the shifted datum of Chinese web maps, beside WGS 84: there and back, and the evidence which one a file has.

Web maps of China are published with a smooth, position-dependent shift of 100 to 700 m. A boundary taken from one cuts
imagery on WGS 84 in the wrong place, so outlines are held against known places before anything is cut by them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]
AXIS, ECCENTRICITY2 = 6378245.0, 0.00669342162296594323  # the ellipsoid of Krasovsky 1940, which the shift is built on
ROUNDS = 6  # of the inverse: each shrinks the error by about a thousand
NEAR_DEG = 0.1  # how far around a known place its outline is looked for
FAR_M = 5000.0  # beyond this no outline passes the place at all

# Places on the land border whose position on WGS 84 is known from elsewhere, (longitude, latitude): summits on the
# crest that is the border (published coordinates, good to about 50 m), and the junction of three states by the treaty
# of 2006 (22° 24' 02.295" N, 102° 08' 38.109" E).
KNOWN_PLACES: dict[str, tuple[float, float]] = {
    "Everest": (86.92528, 27.98833),
    "Lhotse": (86.9330, 27.9617),
    "Cho Oyu": (86.6608, 28.0942),
    "Gyachung Kang": (86.7422, 28.0981),
    "Pumori": (86.8283, 28.0147),
    "Makalu": (87.0886, 27.8892),
    "Jongsong": (88.1350, 27.8817),
    "K2": (76.5133, 35.8825),
    "Broad Peak": (76.5678, 35.8103),
    "Gasherbrum I": (76.6963, 35.7246),
    "Pobeda": (80.1297, 42.0347),
    "China-Laos-Vietnam": (102.14391917, 22.40063750),
}


def to_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Where a web map on GCJ-02 shows a place of WGS 84; degrees, any shape.

    The formula is the one that circulates among map developers; the authority publishes none. At the treaty's junction
    it holds to metres (`evidence`).
    """
    east, north = _shift(lon, lat)
    return lon + east, lat + north


def from_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """The inverse of `to_gcj02`, by fixed point iteration, to less than a millimetre."""
    x, y = np.array(lon, "float64"), np.array(lat, "float64")
    for _ in range(ROUNDS):
        east, north = _shift(x, y)
        x, y = lon - east, lat - north
    return x, y


def _shift(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Degrees east and north by which GCJ-02 lies off WGS 84."""
    x, y = lon - 105.0, lat - 35.0
    root, pi = np.sqrt(np.abs(x)), np.pi
    both = (20 * np.sin(6 * x * pi) + 20 * np.sin(2 * x * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + both
    north += (20 * np.sin(y * pi) + 40 * np.sin(y / 3 * pi)) * 2 / 3
    north += (160 * np.sin(y / 12 * pi) + 320 * np.sin(y * pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + both
    east += (20 * np.sin(x * pi) + 40 * np.sin(x / 3 * pi)) * 2 / 3
    east += (150 * np.sin(x / 12 * pi) + 300 * np.sin(x / 30 * pi)) * 2 / 3
    phi = np.radians(lat)
    magic = 1 - ECCENTRICITY2 * np.sin(phi) ** 2
    meridian = AXIS * (1 - ECCENTRICITY2) / (magic * np.sqrt(magic))
    return east * 180 / (AXIS / np.sqrt(magic) * np.cos(phi) * pi), north * 180 / (meridian * pi)


@dataclass(frozen=True)
class Evidence:
    """How far an outline passes from a known place, taken as it is and taken as GCJ-02; metres."""

    place: str
    as_wgs84_m: float
    as_gcj02_m: float


def evidence(outlines: npt.NDArray[np.object_]) -> tuple[Evidence, ...]:
    """For every known place that an outline passes: how far, by either datum.

    outlines : polygons in degrees. Empty where none of them comes near a known place.
    """
    tree = shapely.STRtree(outlines)
    found = []
    for name, (lon, lat) in KNOWN_PLACES.items():
        window = (lon - NEAR_DEG, lat - NEAR_DEG, lon + NEAR_DEG, lat + NEAR_DEG)
        near = [shapely.clip_by_rect(shapely.boundary(outlines[i]), *window) for i in tree.query(shapely.box(*window))]
        shown = to_gcj02(np.array([lon]), np.array([lat]))
        plain, shifted = (_metres(near, lon, lat, place) for place in ((lon, lat), (shown[0][0], shown[1][0])))
        if plain <= FAR_M:
            found.append(Evidence(name, round(plain, 1), round(shifted, 1)))
    return tuple(found)


def likely_datum(found: tuple[Evidence, ...]) -> str:
    """ "WGS 84" or "GCJ-02", by the median distance; empty where there is no evidence."""
    if not found:
        return ""
    plain, shifted = (np.median([getattr(e, key) for e in found]) for key in ("as_wgs84_m", "as_gcj02_m"))
    return "WGS 84" if plain <= shifted else "GCJ-02"


def _metres(lines: list[shapely.Geometry], lon: float, lat: float, place: tuple[float, float]) -> float:
    """The shortest distance of a place from lines, on a plane through (lon, lat); inf for no lines."""
    scale = np.array([111_320 * np.cos(np.radians(lat)), 110_950])
    flat = [shapely.transform(line, lambda xy: (xy - [lon, lat]) * scale) for line in lines if not line.is_empty]
    point = shapely.Point((np.array(place) - [lon, lat]) * scale)
    return min((float(shapely.distance(line, point)) for line in flat), default=float("inf"))
