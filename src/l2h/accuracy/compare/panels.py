"""Pictures of chosen places: the imagery and every map, as RGB arrays."""

from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.compare.lineup import Lineup, LineupReader
from l2h.core.grid import Window
from l2h.core.legend import Legend

RGB = npt.NDArray[np.uint8]
EMPTY = ((255, 255, 255), (205, 205, 205))


def pictures_of(lineup: Lineup, window: Window) -> tuple[dict[str, RGB], dict[str, dict[int, int]]]:
    """Title → RGB [H, W, 3] of imagery and maps in a window; and name → {class: pixels} of each map."""
    imagery = lineup.store("layers/imagery")
    patch = imagery.read(window)
    imagery.close()
    pictures = {"picture": image_picture(patch.values, patch.valid)}
    counts = {}
    with LineupReader(lineup) as reader:
        for name, codes in reader.classes(window).items():
            pictures[name] = class_picture(codes, lineup.legend)
            found = np.bincount(codes.ravel(), minlength=256)
            counts[name] = {int(v): int(found[v]) for v in np.flatnonzero(found)}
    return pictures, counts


def image_picture(bands: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> RGB:
    """The first three bands (or one, in grey); what no scene covers is striped."""
    chosen = bands[:3] if len(bands) >= 3 else np.repeat(bands[:1], 3, 0)
    return _striped(np.moveaxis(chosen, 0, -1).astype("uint8"), ~valid)


def class_picture(codes: npt.NDArray[np.uint8], legend: Legend) -> RGB:
    """Classes in the colours of their legend; what says nothing is striped."""
    return _striped(legend.rgb[codes], legend.index_of[codes] == 255)


def _striped(picture: RGB, empty: npt.NDArray[np.bool_]) -> RGB:
    rows, cols = np.ogrid[: empty.shape[0], : empty.shape[1]]
    stripes = np.where(((rows + cols) // 4 % 2 == 0)[..., None], EMPTY[0], EMPTY[1]).astype("uint8")
    return np.where(empty[..., None], stripes, picture)
