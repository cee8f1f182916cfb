"""Widths of roads: what half-width an OpenStreetMap line gets, and whether it is sure enough to be a positive."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

# Half of the carriageway in metres, seen from above; a motorway is drawn once per direction. Starting values from
# Chinese design widths (lanes of 3.5 to 3.75 m and hard shoulders), rounded; a width tag always wins.
# Taxiways come as runways: the width is a taxiway's, whose core is sure on both, and the ring spans the runway.
# Left out: paths, footways, cycleways, steps, bridleways: one or two metres, mostly under trees, not seen at 1 m.
HALF_WIDTH_M: Mapping[str, float] = {
    "motorway": 7.0, "trunk": 7.0, "primary": 6.0, "secondary": 5.0, "tertiary": 4.0,
    "motorway_link": 4.0, "trunk_link": 4.0, "primary_link": 4.0, "secondary_link": 3.5, "tertiary_link": 3.5,
    "residential": 3.0, "unclassified": 3.0, "living_street": 3.0, "road": 3.0, "busway": 3.5, "pedestrian": 2.5,
    "service": 2.0, "track": 2.0, "rail": 2.0, "runway": 11.5, "raceway": 5.0,
}  # fmt: skip
# Farm tracks are as often grass or bare soil as paved: their pixels are ignored, never taught as traffic.
RING_ONLY = frozenset({"track"})
# a tag outside these is a typing error (feet, centimetres) rather than a road
NARROWEST_M, WIDEST_M = 2.0, 80.0
MOST_LANES = 12.0


def half_widths(
    highway: npt.NDArray[np.object_],
    width_m: npt.NDArray[np.float64],
    lanes: npt.NDArray[np.float64],
    *,
    override_m: Mapping[str, float],
    lane_m: float = 3.5,
) -> npt.NDArray[np.float64]:
    """Half-width of the carriageway of each line in metres, float64 [N]; 0 = not used.

    highway    : class of each line, str [N]
    width_m    : tagged width, NaN = none; lanes : tagged number of lanes, NaN = none
    override_m : full widths per class that replace the table

    The tagged width counts first, then lanes times `lane_m`, both clamped to 2 to 80 m, then the class. A class that is
    neither in the table nor overridden, or overridden with 0, is left out whatever its tags.
    """
    table = {**HALF_WIDTH_M, **{name: width / 2 for name, width in override_m.items()}}
    by_class = np.array([table.get(name, 0.0) for name in highway], "float64")
    tagged = np.where(width_m > 0, width_m, np.where(lanes > 0, np.minimum(lanes, MOST_LANES) * lane_m, np.nan))
    half = np.where(np.isnan(tagged), by_class, np.clip(tagged, NARROWEST_M, WIDEST_M) / 2)
    return np.where(by_class > 0, half, 0.0)


def is_positive(highway: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Whether a line of this class teaches traffic, bool [N]; the others only make pixels ignored."""
    return np.array([name not in RING_ONLY for name in highway], bool)
