"""A small workspace in the layout the other stages leave, and the page made from it."""

import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
from shapely import box

from l2h.accuracy.settings import ReferenceSettings
from l2h.accuracy.stage import stage as assess
from l2h.core.executors import SerialExecutor
from l2h.core.files import write_json, write_text
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger, Record
from l2h.core.raster import write_raster
from l2h.core.tasks import Context, run_stage
from l2h.report.settings import PageSettings, Source
from l2h.report.stage import stage

GRID = Grid("EPSG:32650", 500_000.0, 4_000_000.0, 1.0, 48, 70)
NASTY = "<script>alert('x')</script> & Söhne"


def layers() -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    rows, cols = np.indices(GRID.shape)
    truth = np.select([cols < 20, (rows - 24) ** 2 + (cols - 40) ** 2 < 90, rows % 16 < 3], [2, 9, 1], 5).astype(
        "uint8"
    )
    mapped = np.where((rows + cols) % 9 == 0, 4, truth).astype("uint8")
    seen = ~((rows < 6) & (cols > 60))
    mapped[~seen] = 0
    confidence = np.where(seen, (rows + cols) % 101, 0)
    source = np.where(cols < 10, 6, 2) * seen  # the labels contradict the network in the west
    cities = np.where(cols < 35, 1, 2)
    cities[:, -4:] = 0
    image = np.stack([cols * 3, rows * 5, truth * 20]).astype("uint8")
    esa = np.select([truth == 2, truth == 9, truth == 1], [10, 80, 50], 40).astype("uint8")
    return {
        "layers/imagery": (image, seen),
        "map": (np.stack([mapped, confidence, source]).astype("uint8"), seen),
        "labels/label": (np.stack([truth] * 3), None),
        "layers/scene": (np.where(seen, 1 + (cols > 50), 0)[None].astype("uint16"), None),
        "layers/regions": (cities[None].astype("uint16"), None),
        "layers/esa": (esa[None], None),
        "truth": (truth[None], None),
    }


def scenes() -> list[dict]:
    """Two scenes, the eastern one undated."""
    first = {"index": 1, "name": "west", "path": "a.tif", "date": "2020-05-01"}
    return [first, {"index": 2, "name": "east", "path": "b.tif", "date": None}]


def build(folder: Path, block_px: int = 32) -> Context:
    """Write the workspace and assess it."""
    context = Context(folder, GRID, block_px, Ledger(folder), SerialExecutor())
    found = layers()
    truth, _ = found.pop("truth")
    write_raster(folder / "truth.tif", truth, GRID, GRID.window, nodata=0)
    for name, (values, valid) in found.items():
        store = context.store(name)
        for block in store.blocks:
            rows, cols = block.window.slices_in(GRID.window)
            mask = None if valid is None else valid[rows, cols]
            write_raster(store.path(block), values[:, rows, cols], GRID, block.window, valid=mask)
    work = folder / "work"
    write_json(work / "layers/products.json", [{"name": "esa", "legend": "worldcover", "date": "2020"}])
    write_json(work / "layers/scenes.json", scenes())
    names = [("West", "Ava"), ("East", "Bo")]
    cities = [
        {"index": i, "region": "North", "province": p, "city": c, "name": f"North_{p}_{c}"}
        for i, (p, c) in enumerate(names, start=1)
    ]
    write_json(work / "layers/regions.json", {"cities": cities})
    edge = [box(500_000 + a, 4_000_000 - 48, 500_000 + b, 4_000_000) for a, b in ((0, 35), (35, 66))]
    frame = geopandas.GeoDataFrame({"index": [1, 2], "name": [c["name"] for c in cities]}, geometry=edge, crs=GRID.crs)
    frame.to_parquet(work / "layers/regions.parquet")
    log = [{"step": s, "loss": 1 / s, "rate": 0.1, "seconds": 1.0} for s in (10, 20)] + [{"step": 20, "agreement": 0.8}]
    write_text(work / "train/log.jsonl", "".join(json.dumps(line) + "\n" for line in log))
    write_json(work / "train/network.json", {"network": "unet", "training": {"steps": 20}})
    rows, cols = np.meshgrid(range(1, 48, 4), range(2, 66, 5), indexing="ij")
    x, y = GRID.xy(rows.ravel(), cols.ravel())
    lines = [f"{a},{b},{truth[0, r, c]}" for a, b, r, c in zip(x, y, rows.ravel(), cols.ravel(), strict=True)]
    write_text(folder / "points.csv", "x,y,class\n" + "\n".join(lines) + "\n")
    run_stage(assess(ReferenceSettings(points="points.csv", truth="truth.tif", design="simple_random")), context)
    hole = {"where": "scene <1>", "reason": "truncated"}
    info = {"seconds": 2.0, "pixels": 3360, "peak_mb": 200}
    context.ledger.add(Record("map/r0000c0000", "x", {}, (hole,), info))
    return context


def page_settings(may_redistribute: bool = True) -> PageSettings:
    rights = {"licence": "CC0-1.0", "may_publish": True, "may_redistribute": may_redistribute}
    return PageSettings(
        name="toyland",
        title=NASTY,
        version="1.0",
        sources=(
            Source(kind="imagery", name="scenes", attribution="<b>A & B</b>", **rights),
            Source(kind="product", name="esa", detail="worldcover", date="2020", **rights),
        ),
        resolved={"project": {"title": NASTY}},
        truth="truth.tif",
        window_px=24,
    )


@pytest.fixture(scope="session")
def workspace(tmp_path_factory) -> Context:
    """A workspace with its report made."""
    context = build(tmp_path_factory.mktemp("project"))
    run_stage(stage(page_settings()), context)
    return context


@pytest.fixture(scope="session")
def html(workspace) -> str:
    return (workspace.project_dir / "release/1.0/report.html").read_text("utf-8")


@pytest.fixture(scope="session")
def make_settings():
    return page_settings


@pytest.fixture(scope="session")
def make_workspace(tmp_path_factory):
    """Builds a workspace of that block size in a folder of its own."""

    def make(block_px: int) -> Context:
        return build(tmp_path_factory.mktemp("other"), block_px)

    return make
