"""Counting classes by zone: integer label rasters, exact pixels and exact areas, one pass over the values.

A class map has long runs of equal pixels along its rows. Where it has, only the starts of runs are looked at: finding
them is two comparisons a pixel, and everything after costs by the run. Where it has not (speckle), every pixel is
counted. Both give the same integers.
"""

import numpy as np
import numpy.typing as npt

from l2h.core.areas import nano_areas

Codes = npt.NDArray[np.uint8]
Zones = npt.NDArray[np.uint16]
Index = npt.NDArray[np.int64]
DENSE = 1 / 8  # starts of runs per pixel above which counting every pixel is quicker


def zone_areas(codes: Codes, zones: Zones, row_area: npt.NDArray[np.float64]) -> dict[int, dict[int, tuple[int, int]]]:
    """Pixels and ground area of each value in each zone.

    codes    : uint8 [H, W], class values, 0 = nodata (counted too)
    zones    : uint16 [H, W], number of the zone that owns each pixel, 0 = outside, left out
    row_area : float64 [H], area of one pixel of each row in m²
    Returns {zone: {value: (pixels, 10^-9 m²)}} in Python's integers, which do not overflow: sums of parts of a raster
    are the same however it is cut.
    """
    counts, keys = row_zone_counts(codes, zones)
    areas = nano_areas(counts, row_area)
    found: dict[int, dict[int, tuple[int, int]]] = {}
    for (zone, value), pixels, area in zip(keys, counts.sum(0).tolist(), areas, strict=True):
        found.setdefault(zone, {})[value] = (int(pixels), area)
    return found


def row_zone_counts(codes: Codes, zones: Zones) -> tuple[Index, list[tuple[int, int]]]:
    """Pixels of each row by zone and value: int64 [H, C], and the C pairs (zone, value) that occur, in order.

    >>> codes, zones = np.array([[2, 2, 0], [9, 2, 2]], "uint8"), np.array([[1, 1, 2], [1, 2, 0]], "uint16")
    >>> counts, keys = row_zone_counts(codes, zones)
    >>> keys, counts.tolist()
    ([(1, 2), (1, 9), (2, 0), (2, 2)], [[2, 0, 1, 0], [0, 1, 0, 1]])
    """
    if not codes.size:
        return np.zeros((codes.shape[0], 0), "int64"), []
    height, width = codes.shape
    starts = _run_starts(codes, zones)
    at = np.flatnonzero(starts) if np.count_nonzero(starts) < DENSE * codes.size else None
    zone, code = zones.ravel(), codes.ravel()
    if at is not None:
        zone, code = zone[at], code[at]
    lengths = None if at is None else np.diff(at, append=codes.size)
    rows = np.repeat(np.arange(height), width) if at is None else at // width
    pair, keys = _pairs(zone, code)
    key = rows * (len(keys) + 1) + pair  # the last column takes what lies outside
    # runs are whole numbers of pixels below 2^53: exact in floating point
    sums = np.bincount(key, lengths, minlength=height * (len(keys) + 1))
    return sums.reshape(height, -1)[:, :-1].astype("int64"), keys


def _run_starts(codes: Codes, zones: Zones) -> npt.NDArray[np.bool_]:
    """bool [H, W]: the first pixel of each row, and each that differs from the one left of it."""
    starts = np.empty(codes.shape, bool)
    starts[:, 0] = True
    np.not_equal(codes[:, 1:], codes[:, :-1], out=starts[:, 1:])
    if zones.min() != zones.max():  # most of a country lies within one zone
        starts[:, 1:] |= zones[:, 1:] != zones[:, :-1]
    return starts


def _pairs(zone: Zones, code: Codes) -> tuple[Index, list[tuple[int, int]]]:
    """The number of each element's pair (zone, value) among those that occur, outside last; and those pairs."""
    present = np.flatnonzero(np.bincount(zone))
    place = np.zeros(int(present[-1]) + 1, "int64")
    place[present] = np.arange(len(present))
    key = place[zone] * 256 + code
    occurs = np.flatnonzero(np.bincount(key))
    inside = occurs[present[occurs // 256] > 0]
    number = np.full(len(present) * 256, len(inside), "int64")
    number[inside] = np.arange(len(inside))
    return number[key], [(int(present[k // 256]), int(k % 256)) for k in inside.tolist()]
