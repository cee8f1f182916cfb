"""The maps that are judged: ours, and the controls it has to beat, read as codes of one legend."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from l2h.accuracy.tally import majority
from l2h.core.files import read_json
from l2h.core.grid import Block, Grid, Window
from l2h.core.legend import load_crosswalk
from l2h.core.raster import BlockStore
from l2h.core.tasks import Context

Kind = Literal["map", "product", "majority", "label"]
MAP, MAJORITY, LABEL = "map", "majority of products", "training label"


@dataclass(frozen=True)
class Product:
    """A product in the workspace: the folder of its layer, its legend, and whether labels are made from it."""

    name: str
    legend: str
    use: str = "labels"


@dataclass(frozen=True)
class Shelf:
    """Where the judged maps lie; small and picklable, so that it travels to workers."""

    work: Path
    grid: Grid
    block_px: int
    products: tuple[Product, ...]

    @property
    def names(self) -> list[str]:
        return [MAP, *(p.name for p in self.products), MAJORITY, LABEL]

    @property
    def kinds(self) -> dict[str, Kind]:
        products: dict[str, Kind] = {p.name: "product" for p in self.products}
        return {MAP: "map", **products, MAJORITY: "majority", LABEL: "label"}

    def store(self, name: str) -> BlockStore:
        return BlockStore(self.work / name, self.grid, self.block_px)

    def paths(self, block: Block) -> tuple[Path, ...]:
        """Files of one block that `read` and `cities` need."""
        folders = ["map", "labels/label", "layers/regions", *(f"layers/{p.name}" for p in self.products)]
        return tuple(self.store(folder).path(block) for folder in folders)

    def products_told(self) -> list[list[str]]:
        """Names and legends of the products, for a task's digest."""
        return [[p.name, p.legend, p.use] for p in self.products]


def open_shelf(context: Context) -> Shelf:
    """The shelf of a workspace; InputError before its layers are made."""
    listed = read_json(context.work / "layers" / "products.json")
    products = tuple(Product(p["name"], p["legend"], p.get("use", "labels")) for p in listed)
    return Shelf(context.work, context.grid, context.block_px, products)


class MapReader:
    """Reads windows of every judged map as codes of the target legend."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._map, self._label = shelf.store("map"), shelf.store("labels/label")
        self._regions = shelf.store("layers/regions")
        self._products = [(shelf.store(f"layers/{p.name}"), load_crosswalk(p.legend)) for p in shelf.products]

    def cities(self, window: Window) -> npt.NDArray[np.uint16]:
        """uint16 [H, W]: index of the city that owns each pixel, 0 outside."""
        return np.asarray(self._regions.read(window).values[0], "uint16")

    def codes(self, window: Window) -> dict[str, npt.NDArray[np.uint8]]:
        """Name of each map → uint8 [H, W] class values, 0 where it says nothing."""
        products = []
        for store, crosswalk in self._products:
            raw = store.read(window).values[0].astype("uint8")
            crosswalk.source.check(raw, f"layer '{store.folder.name}', {window}")
            products.append(crosswalk.primary_lut[raw])
        own = [self._map.read(window).values[0].astype("uint8")]
        voting = [codes for codes, p in zip(products, self.shelf.products, strict=True) if p.use == "labels"]
        fused = [majority(np.stack(voting)) if voting else np.zeros(window.shape, "uint8")]
        label = [self._label.read(window).values[0].astype("uint8")]
        return dict(zip(self.shelf.names, own + products + fused + label, strict=True))

    def bands(self, window: Window) -> npt.NDArray[np.uint8]:
        """Class, confidence and source of our map, uint8 [3, H, W]."""
        return np.asarray(self._map.read(window).values, "uint8")

    def close(self) -> None:
        for store in (self._map, self._label, self._regions, *(s for s, _ in self._products)):
            store.close()
