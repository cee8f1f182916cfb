"""What the labels read from the workspace: product codes and regions per cell, vectors around a window."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
import pyarrow.parquet

from l2h.core.crs import same_crs
from l2h.core.errors import GridError, InputError
from l2h.core.files import read_json
from l2h.core.grid import Grid, Window
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore
from l2h.core.tasks import Context
from l2h.labels.cells import cell_mode
from l2h.labels.model import OUTSIDE
from l2h.labels.settings import VectorSettings
from l2h.labels.vectors import Vectors, bounds_of

Array = npt.NDArray[Any]
Codes = npt.NDArray[np.uint8]
ROAD_COLUMNS = ["highway", "width_m", "lanes", "geometry"]


@dataclass(frozen=True)
class Desk:
    """The part of a workspace that labels work on; small, and can be sent to other processes.

    products : (name, legend) in project order
    """

    work: Path
    grid: Grid
    block_px: int
    products: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, context: Context) -> "Desk":
        """The desk of a project; InputError before its layers are made."""
        path = context.work / "layers" / "products.json"
        listed = [entry for entry in read_json(path) if entry.get("use", "labels") == "labels"]
        products = tuple((entry["name"], entry["legend"]) for entry in listed)
        if not products:
            raise InputError("labels need at least one land-cover product", where=str(path))
        return cls(context.work, context.grid, context.block_px, products)

    @property
    def legends(self) -> tuple[str, ...]:
        return tuple(legend for _, legend in self.products)

    @property
    def regions_json(self) -> Path:
        return self.work / "layers" / "regions.json"

    @property
    def vector_paths(self) -> tuple[Path, Path]:
        return self.work / "layers" / "roads.parquet", self.work / "layers" / "buildings.parquet"

    def store(self, name: str) -> BlockStore:
        return BlockStore(self.work / name, self.grid, self.block_px)

    def product_paths(self, window: Window) -> tuple[Path, ...]:
        """Files that hold the products' codes of a window."""
        stores = [self.store(f"layers/{name}") for name, _ in self.products]
        return tuple(path for store in stores for path in store.paths_of(window))

    def cell_paths(self, cells: Window, cell_px: int) -> tuple[Path, ...]:
        """Files that `codes_of_cells` and `regions_of_cells` read."""
        window = cells.refine(cell_px).intersect(self.grid.window)
        return (*self.product_paths(window), *self.store("layers/regions").paths_of(window), self.regions_json)

    def codes(self, window: Window) -> Codes:
        """Product codes of a window, uint8 [k, H, W], 0 = nodata; LegendError where a code is unknown."""
        return np.stack([self._codes(name, legend, window) for name, legend in self.products])

    def _codes(self, name: str, legend: str, window: Window) -> Codes:
        codes = _values(self.store(f"layers/{name}"), window).astype("uint8")
        load_legend(legend).check(codes, f"layer '{name}', {window}")
        return codes

    def codes_of_cells(self, cells: Window, cell_px: int) -> Codes:
        """Product codes per cell, uint8 [k, h, w]; 0 outside the grid."""
        reads = [partial(self._codes, name, legend) for name, legend in self.products]
        return np.stack([self._to_cells(cells, cell_px, read) for read in reads])

    def regions_of_cells(self, cells: Window, cell_px: int) -> npt.NDArray[np.uint16]:
        """City that owns most of each cell, uint16 [h, w]; 0 outside."""
        read = partial(_values, self.store("layers/regions"))
        return self._to_cells(cells, cell_px, read).astype("uint16")

    def _to_cells(self, cells: Window, cell_px: int, read: Callable[[Window], Array]) -> Array:
        """Cells of a window that may reach beyond the grid: there 0; a cell cut by the rim counts what it has."""
        inside = cells.intersect(self.grid.coarsen(cell_px).window)
        modes = cell_mode(read(inside.refine(cell_px).intersect(self.grid.window)), cell_px)
        out = np.zeros(cells.shape, modes.dtype)
        rows, cols = inside.slices_in(cells)
        out[rows, cols] = modes
        return out

    def region_names(self) -> Mapping[int, str]:
        """City index → geographical region; 0 is outside all."""
        cities = read_json(self.regions_json)["cities"]
        return {0: OUTSIDE} | {int(city["index"]): str(city["region"]) for city in cities}

    def vectors(self, window: Window, settings: VectorSettings) -> Vectors:
        """Roads and buildings that can touch a window."""
        bounds = bounds_of(self.grid, window, settings)
        roads, buildings = (self._layer(path, bounds) for path in self.vector_paths)
        missing = sorted(set(ROAD_COLUMNS) - set(roads.columns))
        if missing:
            raise InputError("the roads lack columns", where=str(self.vector_paths[0]), got=", ".join(missing))
        return Vectors.of(
            np.asarray(roads.geometry, object),
            np.asarray(roads["highway"], object),
            (np.asarray(roads["width_m"], "float64"), np.asarray(roads["lanes"], "float64")),
            np.asarray(buildings.geometry, object),
            settings,
        )

    def _layer(self, path: Path, bounds: tuple[float, float, float, float]) -> Any:
        """A vector layer, only the part around `bounds` where the file can be read in parts."""
        if not path.is_file():
            raise InputError("a vector layer is missing", where=str(path))
        geo = json.loads(pyarrow.parquet.read_schema(path).metadata[b"geo"])
        covered = "covering" in geo["columns"][geo["primary_column"]]
        table = geopandas.read_parquet(path, bbox=bounds) if covered else geopandas.read_parquet(path)
        if table.crs is None or not same_crs(table.crs.to_wkt(), self.grid.crs):
            raise GridError("vectors are not in the project's CRS", where=str(path), got=str(table.crs))
        return table


def _values(store: BlockStore, window: Window) -> Array:
    """First band of a store, 0 where it has no pixel."""
    patch = store.read(window)
    store.close()
    return np.where(patch.valid, patch.values[0], 0)
