"""Maps virtual rasters and prints by how many MB the process grew above imports and weights.

    python wide_raster.py FOLDER WIDTH HEIGHT NETWORK_WIDTH [BLOCKS]

A process of its own, since peak memory only ever rises. The pixels exist nowhere: they are computed as they are read.
"""

import resource
import sys
from pathlib import Path

import numpy as np

from l2h.core.grid import Grid, Window
from l2h.core.legend import load_legend
from l2h.core.patch import Patch
from l2h.mapping.calibration import Calibration
from l2h.mapping.engine import Engine
from l2h.mapping.mapper import Readers
from l2h.mapping.settings import MappingSettings
from l2h.mapping.stage import map_block
from l2h.nets.checkpoint import Checkpoint, write_checkpoint
from l2h.nets.normalise import Normalisation
from l2h.nets.registry import build_network


class Stripes:
    """A raster of any size without a file; bands, cells and vectors alike."""

    def __init__(self, grid: Grid, bands: int, top: int) -> None:
        self.grid, self.bands, self.top = grid, bands, top

    def read(self, window: Window) -> Patch:
        rows = np.arange(window.row_start, window.row_stop)[:, None]
        cols = np.arange(window.col_start, window.col_stop)
        values = ((rows // 7 + cols // 5) % (self.top + 1)).astype("uint8")
        inside = (rows >= 0) & (rows < self.grid.height) & (cols >= 0) & (cols < self.grid.width)
        return Patch(np.repeat(values[None], self.bands, axis=0), inside, window)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    folder, (width, height, network_width) = Path(sys.argv[1]), map(int, sys.argv[2:5])
    limit = int(sys.argv[5]) if len(sys.argv) > 5 else None
    values = load_legend("sinolc1").values
    network = build_network("unet", 3, len(values), width=network_width)
    normalisation = Normalisation((128.0,) * 3, (60.0,) * 3)
    checkpoint = folder / "network.safetensors"
    write_checkpoint(
        checkpoint, Checkpoint("unet", {"width": network_width}, network, "sinolc1", values, normalisation, {})
    )
    grid = Grid("EPSG:32650", 200000.0, 5000000.0, 1.0, height, width)
    cells = grid.coarsen(10)
    posterior, prior = Stripes(cells, 11, 25), Stripes(cells, 10, 25)
    readers = Readers(Stripes(grid, 3, 255), posterior, Stripes(grid, 2, 1), prior=prior)
    engine = Engine(checkpoint, MappingSettings(), "cpu")
    before = peak_mb()
    for block in grid.blocks(6000)[:limit]:
        out = folder / f"{block.name}.tif"
        calibration = Calibration(1.4, 2.5)
        map_block(engine, readers, None, prior=True, calibration=calibration, zones=None, block=block, out=out)
    sys.stdout.write(f"{peak_mb() - before:.0f}\n")


if __name__ == "__main__":
    main()
