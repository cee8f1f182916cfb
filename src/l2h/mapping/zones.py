"""Confidence by region: a region with enough calibration points has temperatures of its own, drawn to the nation's.

    - Σ_i log Σ_{k right at i} p'_k(i)  +  [ (log T/T₁)² + (log S/S₁)² ] / (2 SPREAD²)   is minimised over T and S

T₁, S₁: the nation's, fitted at all points; biases and the weights of vectors stay the nation's. The class of a pixel
never depends on it. At the border of two regions the confidence may step, by this rule and by no other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Window
from l2h.core.raster import RasterReader
from l2h.mapping.calibration import TINY, Calibration, Interpreted

Floats = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]
LEAST_POINTS = 100  # where nothing is drawn, in a region; with fewer it keeps the nation's
SPREAD = 0.2  # standard deviation of log T and log S around the nation's, before a point of the region is seen


@dataclass(frozen=True)
class Zones:
    """Calibrations of regions, for those that have their own.

    layer        : uint16 [1, H, W], index of the city that owns each pixel, 0 outside
    calibrations : of zones 1, 2, …; zone 0 is the rest of the nation
    zone_of_city : zone of each index of the layer
    """

    layer: RasterReader
    calibrations: tuple[Calibration, ...]
    zone_of_city: tuple[int, ...]

    @classmethod
    def of(
        cls, layer: RasterReader, regions: Mapping[str, Calibration], cities: Iterable[Mapping[str, Any]]
    ) -> "Zones | None":
        """None where no region has its own. cities : rows of regions.json: index, region, …"""
        names = sorted(regions)
        found = {int(c["index"]): names.index(c["region"]) + 1 for c in cities if c["region"] in regions}
        if not found:
            return None
        return cls(layer, tuple(regions[n] for n in names), tuple(found.get(i, 0) for i in range(max(found) + 1)))

    def apply(self, told: Floats, probability: Floats, window: Window, index: Index, classes: int) -> Floats:
        """What is told of a window, float32 [K, H, W]: by the calibration of a pixel's region, else as it was.

        told : [K, H, W] by the nation's; probability : [K, H, W] of all of the window
        """
        cities = self.layer.read(window).values[0]
        lut = np.zeros(65536, "uint8" if len(self.calibrations) < 256 else "uint16")
        lut[: len(self.zone_of_city)] = self.zone_of_city
        zones, result = lut[cities], told.copy()
        for zone in np.unique(zones[zones > 0]).tolist():
            here = zones == zone
            result[:, here] = self.calibrations[zone - 1].apply(probability[:, here], index, classes)
        return result

    def to_dict(self) -> dict[str, Any]:
        return {"calibrations": [c.to_dict() for c in self.calibrations], "zone_of_city": list(self.zone_of_city)}


def fit_regions(
    heard: Interpreted, region: npt.NDArray[np.str_], index: Index, classes: int, nation: Calibration
) -> dict[str, Calibration]:
    """Calibrations of the regions that have points enough, where two regions or more have points at all.

    region : name of each point's region, "" where it has none
    """
    free = heard.drawn == 0
    names = sorted(set(region[free].tolist()) - {""})
    if len(names) < 2:
        return {}
    chosen = {name: np.flatnonzero(free & (region == name)) for name in names}
    return {
        name: _fit(heard.where(points), index, classes, nation)
        for name, points in chosen.items()
        if len(points) >= LEAST_POINTS
    }


def _fit(heard: Interpreted, index: Index, classes: int, nation: Calibration) -> Calibration:
    from scipy.optimize import minimize

    columns, truth = np.ascontiguousarray(heard.probability.T, "float32"), heard.truth.T
    first = np.log([nation.coarse, nation.split])

    def cost(x: npt.NDArray[np.float64]) -> float:
        told = _of(x, nation).apply(columns, index, classes).astype("float64")
        right = np.where(truth, told, 0).sum(axis=0)
        return float(-np.log(np.maximum(right, TINY)).sum() + ((x - first) ** 2).sum() / (2 * SPREAD**2))

    found = minimize(cost, first, method="Powell", options={"xtol": 1e-3, "ftol": 1e-7})
    return _of(np.asarray(found.x), nation) if cost(found.x) < cost(first) else nation


def _of(x: npt.NDArray[np.float64], nation: Calibration) -> Calibration:
    coarse, split = np.round(np.exp(np.clip(x, -2.5, 2.5)), 4).tolist()
    return replace(nation, coarse=coarse, split=split)
