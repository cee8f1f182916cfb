"""Extras: optional layers of 10 × 10 px beside the picture.

Whoever makes them (sources) and whoever reads them (learning, mapping) agree on this much: one block store for each,
`work/layers/extras/<name>`, float32 with a mask on the lattice of EXTRA_PX cells.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.grid import Grid
from l2h.core.raster import BlockStore

EXTRA_PX = 10  # side of a cell of every extra
FOLDER = "layers/extras"
TABLE = f"{FOLDER}.json"


@dataclass(frozen=True)
class ExtraLayer:
    """What an extra holds.

    channels : what each band is, in order
    unit     : of the values, in words
    scale    : mean and standard deviation of each channel that a network subtracts and divides by, where they are the
               same everywhere (latitude, month); else they are found in training
    """

    name: str
    channels: tuple[str, ...]
    unit: str
    scale: tuple[tuple[float, float], ...] | None = None

    def row(self) -> dict[str, Any]:
        """As the table holds it."""
        scale = [list(pair) for pair in self.scale] if self.scale else None
        return {"name": self.name, "channels": list(self.channels), "unit": self.unit, "scale": scale}


def extra_store(work: Path, grid: Grid, block_px: int, name: str) -> BlockStore:
    """Where an extra lies in a workspace whose grid is cut into blocks of `block_px`."""
    return BlockStore(work / FOLDER / name, grid.coarsen(EXTRA_PX), max(1, block_px // EXTRA_PX))
