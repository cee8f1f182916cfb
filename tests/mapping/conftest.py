"""Small workspaces with a network of random weights."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from l2h.core.executors import SerialExecutor
from l2h.core.files import write_json
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.legend import coarse_legend, load_legend
from l2h.core.raster import BlockStore, write_raster
from l2h.core.tasks import Context
from l2h.nets.base import PixelNetwork
from l2h.nets.checkpoint import Checkpoint, write_checkpoint
from l2h.nets.normalise import Normalisation
from l2h.nets.registry import build_network

Array = npt.NDArray[np.generic]
VALUES = load_legend("sinolc1").values
NORMALISATION = Normalisation((120.0, 110.0, 100.0), (50.0, 50.0, 50.0))


def make_network(name: str, seed: int = 0) -> PixelNetwork:
    """A network of width 4 with weights wild enough that neighbours differ in class."""
    torch.manual_seed(seed)
    network = build_network(name, 3, len(VALUES), width=4).eval()
    with torch.no_grad():
        network.classifier.weight.mul_(20)
    return network


def make_grid(height: int, width: int) -> Grid:
    return Grid("EPSG:32650", 500000.0, 3500000.0, 1.0, height, width)


@dataclass
class World:
    """What is true of a small place, to be stored in blocks of any size."""

    grid: Grid
    imagery: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_]
    posterior: npt.NDArray[np.uint8]
    vectors: npt.NDArray[np.uint8]
    regions: npt.NDArray[np.uint16]
    expected: float = 0.9  # what the label model expects of itself

    def store(self, folder: Path, block_px: int, network: PixelNetwork) -> Context:
        """Write the workspace a map is made from."""
        context = Context(folder, self.grid, block_px, Ledger(folder), SerialExecutor())
        self._write(context.store("layers/imagery"), self.imagery, self.valid)
        self._write(context.store("layers/regions"), self.regions)
        self._write(context.store("labels/vectors"), self.vectors)
        self._write(context.cell_store("labels/posterior", 10), self.posterior)
        self._write(context.cell_store("labels/prior", 10), self.posterior[:-1])
        save_network(context.work / "train" / "network.safetensors", network)
        model = {"groups": {"R": {"cells": -(-self.grid.window.pixels // 100), "expected": self.expected}}}
        write_json(context.work / "labels" / "model.json", model)
        cities = [{"index": i + 1, "region": name} for i, name in enumerate(("West", "East"))]
        write_json(context.work / "layers" / "regions.json", {"cities": cities})
        return context

    def _write(self, store: BlockStore, values: Array, valid: npt.NDArray[np.bool_] | None = None) -> None:
        for block in store.blocks:
            rows, cols = block.window.slices_in(store.grid.window)
            mask = None if valid is None else valid[rows, cols]
            write_raster(store.path(block), values[:, rows, cols], store.grid, block.window, valid=mask)


def save_network(path: Path, network: PixelNetwork) -> None:
    name = type(network).__name__.lower()
    checkpoint = Checkpoint(name, {"width": 4}, network, "sinolc1", VALUES, NORMALISATION, {})
    write_checkpoint(path, checkpoint)


def make_world(height: int, width: int, seed: int = 0) -> World:
    """Random imagery with a hole in it, random posterior, one road and one building."""
    generator = np.random.default_rng(seed)
    grid = make_grid(height, width)
    valid = np.ones((height, width), bool)
    valid[height // 2 : height // 2 + 7, width // 2 : width // 2 + 9] = False
    cells = grid.coarsen(10)
    posterior = np.zeros((len(coarse_legend()) + 1, *cells.shape), "uint8")
    rows, cols = np.indices(cells.shape)
    posterior[generator.integers(0, 10, cells.shape), rows, cols] = 255
    vectors = np.zeros((2, height, width), "uint8")
    vectors[1, : height // 3, : width // 4] = 6
    vectors[1, height // 3 : height // 3 + 3] = 1
    imagery = generator.integers(0, 256, (3, height, width), "uint8")
    return World(grid, imagery, valid, posterior, vectors, np.ones((1, height, width), "uint16"))


@pytest.fixture
def world() -> Callable[..., World]:
    return make_world


@pytest.fixture
def network() -> Callable[..., PixelNetwork]:
    return make_network
