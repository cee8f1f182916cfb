"""The nation on coarse cells, from the sums of all blocks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.files import atomic_path
from l2h.core.grid import Grid, Window
from l2h.core.legend import Legend
from l2h.report.digest import cell_dtype, overview_factor
from l2h.report.pictures import RGB, class_picture, confidence_picture, draw_borders, image_picture

FIRST = ("city", "scene")  # of a cell's first pixel; the other fields are sums


def empty_sums(shape: tuple[int, int], classes: int, factor: int) -> dict[str, Any]:
    """Sums on cells of `factor` × `factor` pixels, all zero.

    image      : [3, h, w], sums of valid pixels; seen : [h, w], how many they are
    classes    : [K, h, w], pixels of each class
    confidence : [h, w], sum over mapped pixels
    city, scene : [h, w], of each cell's first pixel
    """
    bands = {"image": (3,), "seen": (), "classes": (classes,), "confidence": (), "city": (), "scene": ()}
    return {name: np.zeros((*first, *shape), cell_dtype(factor)) for name, first in bands.items()}


@dataclass(frozen=True)
class Overview:
    """The nation on cells, as it is drawn.

    codes      : uint8 [h, w], commonest class of each cell, the first on a tie; 0 where no pixel has one
    confidence : uint8 [h, w], mean, 0 to 100
    image      : uint8 [3, h, w], mean colour; seen : bool [h, w], where there is any
    city, scene : uint16 [h, w], of each cell's first pixel; 0 outside, or where there is no image
    """

    codes: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.uint8]
    image: npt.NDArray[np.uint8]
    seen: npt.NDArray[np.bool_]
    city: npt.NDArray[np.uint16]
    scene: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, sums: dict[str, Any], legend: Legend) -> "Overview":
        """From sums of all blocks."""
        mapped = sums["classes"].sum(0)
        codes = np.array(legend.values, "uint8")[sums["classes"].argmax(0)]
        codes[mapped == 0] = legend.nodata
        image = np.stack([band // np.maximum(sums["seen"], 1) for band in sums["image"]])
        return cls(
            codes=codes,
            confidence=(sums["confidence"] // np.maximum(mapped, 1)).astype("uint8"),
            image=image.astype("uint8"),
            seen=sums["seen"] > 0,
            city=sums["city"].astype("uint16"),
            scene=sums["scene"].astype("uint16"),
        )

    def pictures(self, legend: Legend) -> dict[str, RGB]:
        """image: mean colour; map: commonest class; confidence: mean."""
        pictures = {
            "image": image_picture(self.image, self.seen),
            "map": class_picture(self.codes, legend),
            "confidence": confidence_picture(self.confidence, self.codes != legend.nodata),
        }
        return {name: draw_borders(picture, self.city) for name, picture in pictures.items()}

    def save(self, path: Path) -> None:
        with atomic_path(path) as part, part.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **vars(self))

    @classmethod
    def load(cls, path: Path) -> "Overview":
        with np.load(path, allow_pickle=False) as file:
            return cls(**{name: np.asarray(file[name]) for name in file.files})


class Sums:
    """Sums of a nation on its overview's cells, added block by block: 18 numbers a cell, whatever the country."""

    def __init__(self, grid: Grid, legend: Legend) -> None:
        self.factor = overview_factor(grid)
        self.fields = empty_sums(grid.coarsen(self.factor).shape, len(legend), self.factor)

    def add(self, sums: dict[str, Any], cells: Window) -> None:
        """Add a block's sums, which cover the window `cells` of the overview."""
        place = (..., slice(cells.row_start, cells.row_stop), slice(cells.col_start, cells.col_stop))
        for name, field in self.fields.items():
            field[place] += sums[name]

    def halved(self) -> dict[str, Any]:
        """The sums on cells of twice the side: exactly what summing by them would have given."""
        result = {}
        for name, field in self.fields.items():
            even = np.pad(field, [(0, 0)] * (field.ndim - 2) + [(0, s % 2) for s in field.shape[-2:]])
            first = even[..., ::2, ::2].astype(cell_dtype(2 * self.factor))  # four times as large: wider where it must
            others = even[..., 1::2, ::2], even[..., ::2, 1::2], even[..., 1::2, 1::2]
            result[name] = first.copy() if name in FIRST else first + others[0] + others[1] + others[2]
        return result
