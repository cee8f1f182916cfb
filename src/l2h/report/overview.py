"""The nation in three pictures, from the sums of all blocks."""

from dataclasses import dataclass

import numpy as np

from l2h.core.grid import Grid, Window
from l2h.core.legend import Legend
from l2h.report.digest import Array, overview_factor
from l2h.report.pictures import RGB, class_picture, confidence_picture, draw_borders, image_picture

FIELDS = ("image", "seen", "classes", "confidence", "city")


@dataclass
class Overview:
    """Sums on the overview's cells, added block by block.

    image      : int64 [3, h, w], sums of valid pixels; seen : int64 [h, w], how many they are
    classes    : int64 [K, h, w], pixels of each class
    confidence : int64 [h, w], sum over mapped pixels
    city       : int64 [h, w], city of each cell's first pixel
    """

    image: Array
    seen: Array
    classes: Array
    confidence: Array
    city: Array

    @classmethod
    def empty(cls, grid: Grid, legend: Legend) -> "Overview":
        shape = grid.coarsen(overview_factor(grid)).shape
        sizes = ((3, *shape), shape, (len(legend), *shape), shape, shape)
        return cls(*(np.zeros(size, "int64") for size in sizes))

    def add(self, sums: dict[str, Array], cells: Window) -> None:
        """Add a block's sums, which cover the window `cells` of the overview."""
        place = (..., slice(cells.row_start, cells.row_stop), slice(cells.col_start, cells.col_stop))
        for name in FIELDS:
            getattr(self, name)[place] += sums[name]

    def pictures(self, legend: Legend) -> dict[str, RGB]:
        """image: mean colour; map: commonest class of each cell, the first on a tie; confidence: mean."""
        mapped = self.classes.sum(0)
        values = np.array(legend.values, "uint8")[self.classes.argmax(0)]
        values[mapped == 0] = legend.nodata
        mean = self.image // np.maximum(self.seen, 1)
        confidence = self.confidence // np.maximum(mapped, 1)
        pictures = {
            "image": image_picture(mean.astype("uint8"), self.seen > 0),
            "map": class_picture(values, legend),
            "confidence": confidence_picture(confidence.astype("uint8"), mapped > 0),
        }
        return {name: draw_borders(picture, self.city) for name, picture in pictures.items()}
