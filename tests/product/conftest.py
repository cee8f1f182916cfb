"""A small finished map to release: two regions, three provinces, five cities with awkward shapes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from l2h.core.executors import SerialExecutor
from l2h.core.files import write_json
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore, write_raster
from l2h.core.regions import CityName, RegionTree
from l2h.core.tasks import Context, StageReport, run_stage
from l2h.product.facts import LayerFact, ReleaseFacts
from l2h.product.settings import ReleaseSettings
from l2h.product.stage import stage

GRID = Grid("EPSG:32650", 400_000.0, 3_500_000.0, 1.0, 310, 270)
CITIES = (
    CityName("Central", "Hubei", "Wuhan"),  # 1: two parts, with an enclave
    CityName("Central", "Hubei", "Ezhou"),  # 2: the enclave
    CityName("Central", "Inner Mongolia", "Dot"),  # 3: a single pixel
    CityName("South", "Hainan", "Haikou"),  # 4: touches the border of the grid
    CityName("South", "Hainan", "Sansha"),  # 5: no pixel
)
FACTS = ReleaseFacts(
    "toyland",
    "Toyland",
    "1.0",
    layers=(
        LayerFact("aerial", "imagery", "CC-BY-4.0", "Imagery by Nobody", "2023"),
        LayerFact("osm", "roads and buildings", "ODbL-1.0", "© OpenStreetMap contributors"),
    ),
)
SETTINGS = ReleaseSettings(licence="CC-BY-4.0", citation="Nobody (2024). Toyland.")


def regions() -> np.ndarray:
    """uint16 [H, W]: the city that owns each pixel."""
    owner = np.zeros(GRID.shape, "uint16")
    owner[20:160, 10:150] = 1
    owner[200:230, 100:140] = 1  # the island
    owner[60:90, 40:70] = 2
    owner[255, 33] = 3
    owner[10:310, 180:270] = 4
    return owner


def the_map(seed: int = 0) -> np.ndarray:
    """uint8 [3, H, W]: class, confidence, source; a few holes in the fourth city."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice(load_legend("sinolc1").values, (63, 55)).astype("uint8")
    classes = np.kron(coarse, np.ones((5, 5), "uint8"))[: GRID.height, : GRID.width]
    classes[255, 33] = 9
    classes[100:104, 200:205] = 0
    confidence = rng.integers(0, 101, GRID.shape).astype("uint8")
    return np.stack([classes, np.where(classes == 0, 0, confidence), np.ones_like(classes)])


def scenes() -> np.ndarray:
    """uint16 [1, H, W]: three scenes in columns; the third is not dated."""
    scene = np.zeros(GRID.shape, "uint16")
    scene[:, :100], scene[:, 100:200], scene[:, 200:] = 1, 2, 3
    return scene[None]


def write_store(folder: Path, values: np.ndarray, block_px: int, nodata: int | None) -> None:
    store = BlockStore(folder, GRID, block_px)
    for block in store.blocks:
        rows, cols = block.window.slices_in(GRID.window)
        write_raster(store.path(block), values[:, rows, cols], GRID, block.window, nodata=nodata)


def make_workspace(root: Path, block_px: int = 100, seed: int = 0) -> Context:
    """The files that the earlier stages leave."""
    work = root / "work"
    write_store(work / "map", the_map(seed), block_px, None)
    write_store(work / "layers" / "regions", regions()[None], block_px, 0)
    write_store(work / "layers" / "scene", scenes(), block_px, 0)
    write_json(work / "layers" / "regions.json", RegionTree(CITIES).to_dict())
    dates = {1: "2023-06-15", 2: "2021-11-02", 3: None}
    rows = [{"index": i, "name": f"s{i}", "path": f"s{i}.tif", "date": d} for i, d in dates.items()]
    write_json(work / "layers" / "scenes.json", rows)
    return open_context(root, block_px)


def open_context(root: Path, block_px: int = 100) -> Context:
    return Context(root, GRID, block_px, Ledger(root), SerialExecutor())


def make_release(root: Path, block_px: int = 100, settings: ReleaseSettings = SETTINGS) -> StageReport:
    return run_stage(stage(settings, FACTS), make_workspace(root, block_px))


@pytest.fixture
def workspace(tmp_path: Path) -> Context:
    """A workspace ready to be released."""
    return make_workspace(tmp_path)


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its release; not to be changed."""
    root = tmp_path_factory.mktemp("released")
    make_release(root)
    return root


@pytest.fixture(scope="session")
def recipe() -> tuple[ReleaseSettings, ReleaseFacts]:
    """What the release below was made with."""
    return SETTINGS, FACTS


@pytest.fixture(scope="session")
def build() -> Callable[..., StageReport]:
    """Makes a workspace and its release below a folder."""
    return make_release


@pytest.fixture(scope="session")
def reopen() -> Callable[..., Context]:
    """The context of a workspace as a new process would find it."""
    return open_context


@pytest.fixture(scope="session")
def truth() -> dict[str, np.ndarray]:
    """The arrays that the workspace was written from."""
    return {"regions": regions(), "map": the_map(), "scenes": scenes()[0]}
