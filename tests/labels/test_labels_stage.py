"""The stage on a small workspace: the same stores for any block size, and nothing remade that need not be."""

import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from l2h.core.errors import GridError, InputError, LegendError
from l2h.core.executors import SerialExecutor
from l2h.core.files import read_json, write_json
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.raster import write_raster
from l2h.core.tasks import Context, StageReport, plan_stage, run_stage
from l2h.labels.fusion import class_of
from l2h.labels.settings import LabelSettings, VectorSettings
from l2h.labels.stage import stage

GRID = Grid("EPSG:32650", 500000, 3000087, 1.0, 87, 93)  # neither side a multiple of a cell
PRODUCTS = (("esa", "worldcover"), ("esri", "esri2020"), ("glc", "from_glc10"))
CLASSES = {"esa": (10, 40, 50, 80), "esri": (2, 5, 7, 1), "glc": (20, 10, 80, 60)}
Build = Callable[..., Context]


@cache
def layers() -> dict[str, np.ndarray]:
    """Patches of four classes, each product displaced and wrong in its own way; three cities in two regions."""
    rng = np.random.default_rng(5)
    truth = np.repeat(np.repeat(rng.integers(0, 4, (5, 5)), 20, 0), 20, 1)
    out = {}
    for shift, (name, codes) in enumerate(CLASSES.items()):
        wrong = np.repeat(np.repeat(rng.random((10, 10)) < 0.15, 10, 0), 10, 1)
        index = np.where(wrong, rng.permutation(4)[truth], truth)
        out[name] = np.array(codes, "uint8")[index[3 * shift : 3 * shift + 87, shift : shift + 93]]
    out["esa"][:, 70:77] = 0
    out["esri"][40:70, 20:33] = 10  # cloud
    cities = np.zeros(GRID.shape, "uint16")
    cities[:, :50], cities[:50, 50:], cities[50:, 50:] = 1, 2, 3
    cities[70:, 80:] = 0
    return out | {"regions": cities}


def write_vectors(folder: Path, shift: float = 0.0, crs: str = GRID.crs, **options: bool) -> None:
    left, top = GRID.x + shift, GRID.y
    lines = [
        shapely.LineString([(left - 20, top - 11), (left + 200, top - 68)]),
        shapely.LineString([(left + 70, top + 9), (left + 70, top - 60)]),
    ]
    columns = {"highway": ["primary", "track"], "width_m": [np.nan, 3.0], "lanes": np.nan, "bridge": False}
    geopandas.GeoDataFrame(columns, geometry=lines, crs=crs).to_parquet(folder / "roads.parquet", **options)
    house = shapely.box(left + 20, top - 75, left + 45, top - 50)
    geopandas.GeoDataFrame(geometry=[house], crs=crs).to_parquet(folder / "buildings.parquet", **options)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """A workspace with finished layers, cut into blocks of a size."""

    def make(block_px: int, name: str = "project") -> Context:
        root = tmp_path / f"{name}{block_px}"
        context = Context(root, GRID, block_px, Ledger(root), SerialExecutor())
        for layer, values in layers().items():
            store = context.store(f"layers/{layer}")
            for block in store.blocks:
                rows, cols = block.window.slices_in(GRID.window)
                write_raster(store.path(block), values[None, rows, cols], GRID, block.window, nodata=0)
        folder = context.work / "layers"
        write_json(folder / "products.json", [{"name": n, "legend": g, "date": "2020"} for n, g in PRODUCTS])
        cities = [("East", "P", "A"), ("West", "Q", "B"), ("West", "Q", "C")]
        rows = [dict(zip(("region", "province", "city"), city, strict=True)) for city in cities]
        write_json(folder / "regions.json", {"cities": [{"index": i + 1, **row} for i, row in enumerate(rows)]})
        write_vectors(folder)
        return context

    return make


def run(context: Context, **settings: object) -> StageReport:
    return run_stage(stage(LabelSettings(**settings)), context)  # type: ignore[arg-type]


def stores(context: Context) -> dict[str, np.ndarray]:
    cells, prior = (context.cell_store(f"labels/{name}", 10) for name in ("posterior", "prior"))
    out = {name: context.store(f"labels/{name}").read(GRID.window).values for name in ("label", "vectors")}
    return out | {"posterior": cells.read(cells.grid.window).values, "prior": prior.read(prior.grid.window).values}


@pytest.mark.parametrize("block_px", [*(pytest.param(n, marks=pytest.mark.slow) for n in (32, 48)), 64])
def test_any_block_size_gives_the_same_labels(build: Build, block_px: int) -> None:
    cut, whole = build(block_px), build(200)
    for method in ("posterior", "intersection"):
        run(cut, method=method)
        run(whole, method=method)
        model, whole_model = ((c.work / "labels/model.json").read_bytes() for c in (cut, whole))
        assert model == whole_model
        told, whole_told = ((c.work / "labels/quality.json").read_bytes() for c in (cut, whole))
        assert told == whole_told
        expected = stores(whole)
        for name, values in stores(cut).items():
            np.testing.assert_array_equal(values, expected[name], err_msg=f"{method}, {name}")


def test_a_product_for_comparison_changes_no_label(build: Build) -> None:
    plain, more = build(200), build(200, "more")
    path = more.work / "layers" / "products.json"
    write_json(path, [*read_json(path), {"name": "glc", "legend": "glc_fcs10", "use": "compare"}])
    for context in (plain, more):
        run(context)
    for name, values in stores(more).items():
        np.testing.assert_array_equal(values, stores(plain)[name], err_msg=name)


def test_what_the_stores_hold(build: Build) -> None:
    context = build(200)
    run(context)
    made = stores(context)
    posterior, (label, trust, source), (evidence, known) = made["posterior"], made["label"], made["vectors"]
    assert (posterior.shape, posterior.dtype) == ((11, 9, 10), np.uint8)
    assert set(posterior[:-1].sum(0, dtype=int).ravel()) == {255}
    assert (made["prior"].shape, made["prior"].dtype) == ((10, 9, 10), np.uint8)
    assert set(made["prior"].sum(0, dtype=int).ravel()) == {255}
    assert set(np.unique(evidence)) == {0, 1, 6, 255}
    assert set(np.unique(known)) == {0, 1, 6}
    for value, (code, origin, sure) in {1: (1, 2, 100), 6: (6, 3, 100), 255: (0, 4, 0)}.items():
        assert (label[evidence == value] == code).all()
        assert (source[evidence == value] == origin).all()
        assert (trust[evidence == value] == sure).all()
    free = evidence == 0
    cells = np.repeat(np.repeat(class_of(posterior, 25), 10, 0), 10, 1)[:87, :93]
    np.testing.assert_array_equal(label[free], cells[free])
    assert set(read_json(context.work / "labels/model.json")["groups"]) == {"", "East", "West"}


@pytest.mark.parametrize("change", [{"prior_neighbours": 1.0}, {"neighbour_rounds": 0}, {"neighbour_cells": 0.0}])
def test_with_neighbours_in_full_or_without_any_the_prior_is_the_label(build: Build, change: dict[str, float]) -> None:
    context = build(200)
    run(context, **change)
    made = stores(context)
    np.testing.assert_array_equal(made["prior"], made["posterior"][:-1])


def test_one_model_for_the_nation(build: Build) -> None:
    context = build(200)
    run(context, per="nation")
    groups = read_json(context.work / "labels/model.json")["groups"]
    assert set(groups) == {"nation"}
    assert groups["nation"]["cells"] == 9 * 10


def test_a_second_run_makes_nothing(build: Build) -> None:
    context = build(200)
    first = run(context)
    again = run(context)
    assert (again.made, again.kept) == (0, first.made)


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({"void_below": 60}, {"label", "quality"}),
        ({"method": "intersection"}, {"label", "quality"}),
        ({"vectors": VectorSettings(road_core_share=0.4)}, {"vectors"}),
        ({"per": "nation"}, {"model", "posterior"}),
        ({"neighbour_rounds": 1}, {"posterior"}),
        ({"neighbour_cells": 0.0}, {"posterior"}),
        ({"prior_neighbours": 0.5}, {"posterior"}),
        ({"anchor_strength": 2.0}, {"model"}),
    ],
)
def test_a_setting_remakes_only_what_it_changes(build: Build, change: dict[str, object], stale: set[str]) -> None:
    context = build(200)
    run(context)
    planned = plan_stage(stage(LabelSettings(**change)), context)  # type: ignore[arg-type]
    # planned on the files as they are: what follows from a remade file is found stale when that is made
    assert {task.key.split("/")[1] for task, decision in planned if decision == "remake"} == stale


def test_other_vectors_remake_vectors_and_labels_alone(build: Build) -> None:
    context = build(200)
    total = run(context).made
    write_vectors(context.work / "layers", shift=5)
    report = run(context)
    assert report.made == 4  # vectors, labels, and what these tell of themselves
    assert report.kept == total - report.made


def test_layers_that_can_be_read_in_parts_give_the_same(build: Build) -> None:
    whole, parts = build(200, "whole"), build(200, "parts")
    write_vectors(parts.work / "layers", write_covering_bbox=True)
    run(whole)
    run(parts)
    np.testing.assert_array_equal(stores(parts)["vectors"], stores(whole)["vectors"])


def test_a_country_without_a_single_vector(build: Build) -> None:
    context = build(200)
    folder = context.work / "layers"
    columns = {name: np.empty(0, kind) for name, kind in {"highway": object, "width_m": float, "lanes": float}.items()}
    geopandas.GeoDataFrame(columns, geometry=[], crs=GRID.crs).to_parquet(folder / "roads.parquet")
    geopandas.GeoDataFrame(geometry=[], crs=GRID.crs).to_parquet(folder / "buildings.parquet")
    run(context)
    made = stores(context)
    assert not made["vectors"].any()
    assert set(np.unique(made["label"][2])) == {0, 1}


def test_tasks_travel_to_other_processes(build: Build) -> None:
    context = build(200)
    for step in stage(LabelSettings()).steps:
        assert pickle.loads(pickle.dumps(step(context))) == step(context)


def test_an_unknown_code_names_layer_and_window(build: Build) -> None:
    context = build(200)
    codes = layers()["glc"].copy()
    codes[0, 0] = 95
    store = context.store("layers/glc")
    write_raster(store.path(store.blocks[0]), codes[None], GRID, GRID.window, nodata=0)
    with pytest.raises(LegendError, match=r"code 95.*from_glc10.*layer 'glc', rows 0:87, columns 0:93, 1 px"):
        run(context)


def test_vectors_of_another_crs(build: Build) -> None:
    context = build(200)
    write_vectors(context.work / "layers", crs="EPSG:32651")
    with pytest.raises(GridError, match=r"not in the project's CRS.*roads.parquet"):
        run(context)


def test_a_missing_vector_layer(build: Build) -> None:
    context = build(200)
    (context.work / "layers" / "roads.parquet").unlink()
    with pytest.raises(InputError, match=r"missing.*roads.parquet"):
        run(context)


def test_no_products(build: Build) -> None:
    context = build(200)
    write_json(context.work / "layers" / "products.json", [])
    with pytest.raises(InputError, match="at least one land-cover product"):
        run(context)


def test_products_that_cover_nothing(build: Build) -> None:
    context = build(200)
    for name, _ in PRODUCTS:
        store = context.store(f"layers/{name}")
        write_raster(store.path(store.blocks[0]), np.zeros((1, *GRID.shape), "uint8"), GRID, GRID.window, nodata=0)
    with pytest.raises(InputError, match="no product has a single cell"):
        run(context)
