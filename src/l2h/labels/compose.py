"""Compose: a class from the products and evidence from the vectors become one label per pixel."""

import numpy as np
import numpy.typing as npt

from l2h.core.grid import Window
from l2h.core.legend import BUILDING, TRAFFIC
from l2h.labels.vectors import IGNORE

NONE, PRODUCTS, ROAD, FOOTPRINT, RING = range(5)  # band 3 of the label store
SURE = 100
Bands = npt.NDArray[np.uint8]


def from_posterior(label: Bands, trust: Bands, vectors: Bands) -> Bands:
    """Label by posterior: what the products make likely, vector cores over it, void in the rings.

    label   : uint8 [H, W], sinolc1 value of the likeliest class, 0 = void
    trust   : uint8 [H, W], reliability 0 to 100
    vectors : uint8 [2, H, W] as in the vectors store
    Returns class, reliability and source, uint8 [3, H, W]. Vectors are taken as sure where they are a core.
    """
    evidence = vectors[0]
    out = np.stack([label, np.where(label > 0, trust, 0), np.where(label > 0, PRODUCTS, NONE)]).astype("uint8")
    for value, result in (
        (IGNORE, (0, 0, RING)),
        (TRAFFIC, (TRAFFIC, SURE, ROAD)),
        (BUILDING, (BUILDING, SURE, FOOTPRINT)),
    ):
        out[:, evidence == value] = np.array(result, "uint8")[:, None]
    return out


def from_intersection(label: Bands, vectors: Bands) -> Bands:
    """Label of SinoLC-1: the agreed class, roads burnt in at their full width as traffic route; no ring, no footprints.

    Arguments and result as `from_posterior`; the rule knows no degrees, so what it labels has reliability 100.
    """
    road = vectors[1] == TRAFFIC
    out = np.stack([label, np.where(label > 0, SURE, 0), np.where(label > 0, PRODUCTS, NONE)]).astype("uint8")
    out[:, road] = np.array((TRAFFIC, SURE, ROAD), "uint8")[:, None]
    return out


def spread(cells: npt.NDArray[np.uint8], cell_px: int, window: Window) -> npt.NDArray[np.uint8]:
    """Cells [C, h, w] of `window.coarsen(cell_px)` → pixels [C, H, W] of the window."""
    rows, cols = window.slices_in(window.coarsen(cell_px).refine(cell_px))
    return np.repeat(np.repeat(cells, cell_px, axis=1), cell_px, axis=2)[:, rows, cols]
