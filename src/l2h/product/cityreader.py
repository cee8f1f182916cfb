"""Readers of one city: the pixels of a layer that the city owns, as the regions store says."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.cog import Compression
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch
from l2h.core.raster import BlockStore

Array = npt.NDArray[Any]
# (values [H, W], validity [H, W]) of a layer, from a patch of its store and a name of the place for errors
Pick = Callable[[Patch, str], tuple[Array, npt.NDArray[np.bool_]]]


@dataclass(frozen=True)
class CityJob:
    """What the cutting of one city's layer needs, plain enough to be sent to a worker.

    source, regions : folders of block stores on `grid`, blocks of `block_px`
    blocks          : names of the blocks that hold pixels of the city; no other is read
    output          : the GeoTIFF; its figures go beside it, with the suffix .json
    tags            : text tags of the file
    """

    stem: str
    index: int
    window: Window
    blocks: tuple[str, ...]
    grid: Grid
    block_px: int
    source: Path
    regions: Path
    output: Path
    legend: str
    compression: Compression
    tags: Mapping[str, str]

    @property
    def figures(self) -> Path:
        return self.output.with_suffix(".json")


class Ownership:
    """Which pixels a city owns."""

    def __init__(self, job: CityJob) -> None:
        self.job = job
        self._store = BlockStore(job.regions, job.grid, job.block_px)
        self._blocks = frozenset(job.blocks)

    def parts(self, window: Window) -> Iterator[tuple[Window, npt.NDArray[np.bool_]]]:
        """(part, bool [H, W]) for each block of the city that the window meets."""
        for block in self._store.blocks_of(window):
            if block.name in self._blocks:
                part = window.intersect(block.window)
                patch = self._store.read(part)
                yield part, np.asarray(patch.valid & (patch.values[0] == self.job.index))

    def mask(self, window: Window) -> npt.NDArray[np.bool_]:
        """bool [H, W] over the whole window."""
        mask = np.zeros(window.shape, bool)
        for part, inside in self.parts(window):
            mask[part.slices_in(window)] = inside
        return mask

    def close(self) -> None:
        self._store.close()


class CityReader:
    """A RasterReader of one layer of one city: pixels that the city does not own are invalid."""

    def __init__(self, job: CityJob, pick: Pick, dtype: str) -> None:
        self.job, self.pick, self.dtype = job, pick, dtype
        self.grid = job.grid
        self._source = BlockStore(job.source, job.grid, job.block_px)
        self._owned = Ownership(job)

    def read(self, window: Window) -> Patch:
        values = np.zeros((1, *window.shape), self.dtype)
        valid = np.zeros(window.shape, bool)
        for part, inside in self._owned.parts(window):
            picked, good = self.pick(self._source.read(part), f"{self.job.stem}, {part}")
            rows, cols = part.slices_in(window)
            values[0, rows, cols], valid[rows, cols] = picked, good & inside
        return Patch(values, valid, window)

    def close(self) -> None:
        self._source.close()
        self._owned.close()
