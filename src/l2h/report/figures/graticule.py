"""Meridians and parallels of a map in any CRS, and where they meet its frame."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from l2h.core.crs import transformer

GEOGRAPHIC = "EPSG:4326"
SECONDS = (36000, 18000, 7200, 3600, 1800, 900, 600, 300, 120, 60, 30, 15, 10, 5, 2, 1)  # of arc
LEAST_LINES = 2  # over a map, in each direction
SAMPLES = 181

Bounds = tuple[float, float, float, float]
Coordinates = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A meridian or parallel: its degrees, its points in the map's CRS, its label.

    meets : x on the lower edge for a meridian, y on the left edge for a parallel; None where it misses that edge
    """

    degrees: float
    x: Coordinates
    y: Coordinates
    label: str
    meets: float | None


def graticule(crs: str, bounds: Bounds) -> tuple[list[Line], list[Line]]:
    """Meridians and parallels that cross a frame (left, bottom, right, top), in order of degrees."""
    west, south, east, north = degrees_of(crs, bounds)
    step_lon, step_lat = step(east - west), step(north - south)
    lons, lats = np.linspace(west, east, SAMPLES), np.linspace(south, north, SAMPLES)
    to_map = transformer(GEOGRAPHIC, crs)
    meridians, parallels = [], []
    for value in multiples(west, east, step_lon):
        x, y = to_map.transform(np.full(SAMPLES, value), lats)
        place = crossing(np.asarray(y), np.asarray(x), bounds[1])
        inside = place is not None and bounds[0] <= place <= bounds[2]
        meridians.append(Line(value, x, y, label(value, step_lon, "EW"), place if inside else None))
    for value in multiples(south, north, step_lat):
        x, y = to_map.transform(lons, np.full(SAMPLES, value))
        place = crossing(np.asarray(x), np.asarray(y), bounds[0])
        inside = place is not None and bounds[1] <= place <= bounds[3]
        parallels.append(Line(value, x, y, label(value, step_lat, "NS"), place if inside else None))
    return meridians, parallels


def degrees_of(crs: str, bounds: Bounds) -> Bounds:
    """West, south, east, north of a frame's edge; east may pass 180 where the frame spans that meridian."""
    left, bottom, right, top = bounds
    t = np.linspace(0, 1, 41)
    x = np.concatenate([left + t * (right - left), np.full(41, right), left + t * (right - left), np.full(41, left)])
    y = np.concatenate(
        [np.full(41, bottom), bottom + t * (top - bottom), np.full(41, top), bottom + t * (top - bottom)]
    )
    to_degrees = transformer(crs, GEOGRAPHIC)
    lon, lat = (np.asarray(v) for v in to_degrees.transform(x, y))
    middle = float(to_degrees.transform((left + right) / 2, (bottom + top) / 2)[0])
    good = np.isfinite(lon) & np.isfinite(lat)
    turned = (lon[good] - middle + 180) % 360 - 180 + middle
    return float(turned.min()), float(lat[good].min()), float(turned.max()), float(lat[good].max())


def step(span: float) -> int:
    """Seconds of arc between lines: the largest of a round series that gives at least two of them over `span` degrees.

    >>> step(62.0), step(0.033)
    (36000, 30)
    """
    return next((s for s in SECONDS if span * 3600 / s >= LEAST_LINES), SECONDS[-1])


def multiples(low: float, high: float, seconds: int) -> list[float]:
    """Multiples of a step in a range of degrees.

    >>> multiples(112.49, 112.6, 120)
    [112.5, 112.53333333333333, 112.56666666666666]
    """
    first, last = int(np.ceil(low * 3600 / seconds - 1e-9)), int(np.floor(high * 3600 / seconds + 1e-9))
    return [k * seconds / 3600 for k in range(first, last + 1)]


def label(degrees: float, seconds: int, sides: str) -> str:
    """Degrees, with minutes and seconds where the step asks for them.

    >>> label(112.5, 1800, "EW"), label(-30.0, 36000, "NS"), label(30.0041666, 15, "NS")
    ('112°30′E', '30°S', '30°00′15″N')
    """
    turned = (degrees + 180) % 360 - 180 if sides == "EW" else degrees
    whole = round(abs(turned) * 3600)
    text = f"{whole // 3600}°"
    text += f"{whole // 60 % 60:02d}′" if seconds % 3600 else ""
    text += f"{whole % 60:02d}″" if seconds % 60 else ""
    return text + ("" if whole == 0 else sides[turned < 0])


def crossing(along: Coordinates, across: Coordinates, level: float) -> float | None:
    """Where a curve passes a level: `across` where `along` equals it; None where it does not."""
    side = np.sign(along - level)
    found = np.flatnonzero(side[:-1] * side[1:] <= 0)
    if not found.size:
        return None
    i = int(found[0])
    rise = float(along[i + 1] - along[i])
    t = 0.0 if rise == 0 else (level - float(along[i])) / rise
    return float(across[i] + t * (across[i + 1] - across[i]))


def north_angle(crs: str, bounds: Bounds) -> float:
    """Degrees by which true north is turned clockwise from up, in the middle of a frame."""
    x, y = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    lon, lat = transformer(crs, GEOGRAPHIC).transform(x, y)
    x1, y1 = transformer(GEOGRAPHIC, crs).transform(lon, lat + 1e-3)
    return float(np.degrees(np.arctan2(x1 - x, y1 - y)))
