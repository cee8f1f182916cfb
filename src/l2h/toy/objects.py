"""Attributes of numbered things on the ground: parcels of fields and buildings."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float32]


@dataclass(frozen=True)
class Objects:
    """One row an object, row 0 meaning none.

    tint [n, 3]: factor on the material's colour. row_x, row_y [n]: wave vector of planting rows in radians a metre;
    row_depth [n]: their relative contrast. centre_x, centre_y [n] and side_x, side_y [n]: a point of the ridge and the
    unit vector across it, for gable roofs (both 0: flat).
    """

    tint: NDArray[np.float32]
    row_x: Column
    row_y: Column
    row_depth: Column
    centre_x: Column
    centre_y: Column
    side_x: Column
    side_y: Column

    @staticmethod
    def blank(count: int) -> "Objects":
        """`count` objects without rows or ridges, of neutral tint."""
        columns = (np.zeros(count, np.float32) for _ in range(7))
        return Objects(np.ones((count, 3), np.float32), *columns)

    def followed_by(self, other: "Objects") -> "Objects":
        """The rows of both, this one's first."""
        return Objects(*(np.concatenate([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.row_x)


def random_tint(rng: np.random.Generator, count: int, brightness: float, hue: float) -> NDArray[np.float32]:
    """Factors [count, 3] around 1: a common deviation `brightness` and one per channel `hue`."""
    common = rng.normal(0, brightness, (count, 1))
    return np.clip(1 + common + rng.normal(0, hue, (count, 3)), 0.55, 1.5).astype(np.float32)
