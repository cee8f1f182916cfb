"""Accuracy cases as ordinary project workspaces: layers and labels by the stages of the package itself.

A case is a folder with `image.tif`, three products and `osm.osm`. Its hand-drawn reference is never opened here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas
import shapely

from l2h.core.executors import SerialExecutor
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.raster import BlockStore, grid_of, open_raster
from l2h.core.tasks import Context, Stage, run_stage
from l2h.labels import stage as labels
from l2h.labels.desk import Desk
from l2h.labels.settings import LabelSettings
from l2h.labels.work import fit_model, posterior_store
from l2h.sources import stage as sources
from l2h.sources.settings import BoundarySettings, ImagerySettings, OsmSettings, ProductSettings

BLOCK_PX = 2000
PRODUCTS = {"esa_worldcover": "worldcover", "esri_lulc": "esri2020", "from_glc10": "from_glc10"}
RIGHTS = {"licence": "of the case's source; used for measurement, not passed on"}


@dataclass(frozen=True)
class Case:
    """One picture with its products and vectors."""

    name: str
    folder: Path

    @property
    def family(self) -> str:
        """What is trained together: the name before the first underscore."""
        return self.name.split("_")[0]

    @property
    def grid(self) -> Grid:
        """The lattice of the picture itself."""
        with open_raster(self.folder / "image.tif") as image:
            return grid_of(image)


def find_families(folder: Path) -> dict[str, list[Case]]:
    """The cases of a folder by family, in order of their names."""
    families: dict[str, list[Case]] = {}
    for path in sorted(folder.glob("*/image.tif")):
        case = Case(path.parent.name, path.parent)
        families.setdefault(case.family, []).append(case)
    return families


def prepare(cases: Sequence[Case], folder: Path, settings: LabelSettings) -> list[Context]:
    """One workspace per case with layers and labels; one label model for all cases of the family."""
    contexts = [_layers(case, folder / case.name) for case in cases]
    joint, _, vectors, *rest = labels.stage(settings).steps
    for context in contexts:
        run_stage(Stage("labels", (joint, vectors)), context)
    desks = [Desk.of(context) for context in contexts]
    counted = [
        desk.work / "labels" / "joint" / f"{block.name}.json" for desk in desks for block in _cells(desk, settings)
    ]
    for desk in desks:
        fit_model(desk, counted, desk.work / "labels" / "model.json", settings)
    for context in contexts:
        run_stage(Stage("labels", tuple(rest)), context)
    return contexts


def _cells(desk: Desk, settings: LabelSettings) -> list:
    store: BlockStore = posterior_store(desk, settings.cell_px)
    return store.blocks


def _layers(case: Case, folder: Path) -> Context:
    """The workspace of a case with its layers made."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = case.grid
    context = Context(folder, grid, BLOCK_PX, Ledger(folder), SerialExecutor())
    stage = sources.stage(
        (ImagerySettings(name="image", paths=(str(case.folder / "image.tif"),), **RIGHTS),),
        tuple(
            ProductSettings(name=name, legend=legend, paths=(str(case.folder / f"{name}.tif"),), **RIGHTS)
            for name, legend in PRODUCTS.items()
        ),
        OsmSettings(paths=(str(case.folder / "osm.osm"),)),
        _outline(case, grid, folder),
    )
    run_stage(stage, context)
    return context


def _outline(case: Case, grid: Grid, folder: Path) -> BoundarySettings:
    """A city that covers the whole picture."""
    path = folder / "boundary.gpkg"
    left, bottom, right, top = grid.bounds()
    shape = shapely.box(left - 10, bottom - 10, right + 10, top + 10)
    names = {"region": [case.family], "province": [case.family], "city": [case.name.replace("_", "-")]}
    geopandas.GeoDataFrame(names, geometry=[shape], crs=grid.crs).to_file(path, driver="GPKG")
    return BoundarySettings(path=path.name, region="region", province="province", city="city", **RIGHTS)
