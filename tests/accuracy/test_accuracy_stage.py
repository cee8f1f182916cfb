"""The stage on a small workspace: points and truth give the numbers a reader can count."""

import csv
import json

import numpy as np
import pytest

from l2h.accuracy.settings import ReferenceSettings
from l2h.accuracy.stage import stage
from l2h.core.errors import InputError, LegendError
from l2h.core.executors import SerialExecutor
from l2h.core.files import write_json
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.raster import write_raster
from l2h.core.tasks import Context, run_stage

GRID = Grid("EPSG:32650", 500_000.0, 4_000_000.0, 1.0, 4, 6)
TRUTH = np.array([[2, 2, 9, 9, 5, 5], [2, 2, 9, 9, 5, 5], [6, 6, 1, 1, 5, 5], [6, 6, 1, 1, 0, 0]], "uint8")
MAP = np.array([[2, 2, 9, 2, 5, 5], [2, 2, 9, 9, 5, 0], [6, 6, 1, 6, 5, 5], [6, 6, 1, 1, 4, 4]], "uint8")
CONFIDENCE = 80  # per cent, wherever the map has a class
CITIES = np.array([[1, 1, 1, 1, 2, 2]] * 3 + [[1, 1, 1, 1, 0, 0]], "uint16")
ESA = np.array([[10, 10, 80, 80, 40, 40]] * 2 + [[50, 50, 50, 50, 40, 40]] * 2, "uint8")  # WorldCover codes
POINTS = [(0, 0, 2), (0, 3, 9), (2, 2, 1), (2, 3, 1), (1, 5, 5), (0, 4, 5)]  # row, column, class
REGIONS = {
    "cities": [
        {"index": 1, "region": "East", "province": "Hill", "city": "Ava", "name": "East_Hill_Ava"},
        {"index": 2, "region": "East", "province": "Sea", "city": "Bo", "name": "East_Sea_Bo"},
    ]
}


def workspace(folder, block_px=4, mapped=MAP, points=POINTS) -> Context:
    context = Context(folder, GRID, block_px, Ledger(folder), SerialExecutor())
    label = np.stack([TRUTH, np.full_like(TRUTH, 100), np.ones_like(TRUTH)])
    layers = {
        "map": np.stack([mapped, np.where(mapped > 0, CONFIDENCE, 0), np.where(mapped > 0, 1, 0)]).astype("uint8"),
        "labels/label": label,
        "layers/regions": CITIES[None],
        "layers/esa": ESA[None],
    }
    for name, values in layers.items():
        store = context.store(name)
        for block in store.blocks:
            rows, cols = block.window.slices_in(GRID.window)
            write_raster(store.path(block), values[:, rows, cols], GRID, block.window)
    write_json(folder / "work/layers/products.json", [{"name": "esa", "legend": "worldcover", "date": "2020"}])
    write_json(folder / "work/layers/regions.json", REGIONS)
    write_raster(folder / "truth.tif", TRUTH[None], GRID, GRID.window, nodata=0)
    x, y = GRID.xy([p[0] for p in points], [p[1] for p in points])
    lines = [f"{a},{b},{p[2]}" for a, b, p in zip(x, y, points, strict=True)]
    (folder / "points.csv").write_text("x,y,class\n" + "\n".join(lines) + "\n", "utf-8")
    return context


BOTH = ReferenceSettings(points="points.csv", truth="truth.tif", design="simple_random")


def run(context, settings=BOTH):
    return run_stage(stage(settings), context)


def results(folder):
    return json.loads((folder / "work/assess/accuracy.json").read_text("utf-8"))


def place(reference, name, number=0):
    return next(m for m in reference["maps"] if m["name"] == name)["places"][number]


def test_points_and_truth(tmp_path):
    run(workspace(tmp_path))
    points, truth = results(tmp_path)["references"]
    assert (points["name"], points["design"], points["n"]) == ("points", "simple_random", 6)
    assert (truth["name"], truth["design"], truth["n"]) == ("truth", "census", 22)
    nation = place(points, "map")["fine"]
    assert nation["overall_accuracy"]["value"] == 3 / 6  # wrong: water as tree, traffic as building, one hole
    assert nation["mapped"]["value"] == 5 / 6
    assert place(points, "map")["coarse"]["overall_accuracy"]["value"] == 4 / 6
    wall = place(truth, "map")["fine"]["overall_accuracy"]
    assert (wall["value"], wall["standard_error"]) == (19 / 22, 0.0)


def test_confidence_is_held_against_both_references(tmp_path):
    run(workspace(tmp_path))
    points, truth = (r["confidence"][0]["predicted"] for r in results(tmp_path)["references"])
    # of 21 mapped pixels with a truth in cities 19 are right, of 5 mapped points 3
    assert (truth["n"], truth["ece"]) == (21, pytest.approx(19 / 21 - 0.8))
    assert (points["n"], points["ece"]) == (5, pytest.approx(0.8 - 3 / 5))
    text = (tmp_path / "work/assess/confidence.csv").read_text("utf-8")
    assert text.splitlines()[0] == "reference,level,region,province,name,part,measure,from,to,n,value"


def test_a_product_for_comparison_is_judged_and_has_no_vote(tmp_path):
    context = workspace(tmp_path)
    store = context.store("layers/world")
    for block in store.blocks:
        values = np.full((1, *block.window.shape), 1, "uint8")  # water everywhere
        write_raster(store.path(block), values, GRID, block.window)
    path = tmp_path / "work/layers/products.json"
    listed = json.loads(path.read_text("utf-8"))
    write_json(path, [{"name": "world", "legend": "dynamic_world", "use": "compare"}, *listed])
    run(context)
    truth = results(tmp_path)["references"][1]
    assert place(truth, "majority of products") | {"name": ""} == place(truth, "esa") | {"name": ""}
    assert place(truth, "world")["coarse"] != place(truth, "esa")["coarse"]


def test_controls_stand_beside_the_map(tmp_path):
    run(workspace(tmp_path))
    points, truth = results(tmp_path)["references"]
    names = ["map", "esa", "majority of products", "training label"]
    assert [m["name"] for m in points["maps"]] == [m["name"] for m in truth["maps"]] == names
    assert place(truth, "esa")["fine"]["overall_accuracy"]["value"] == 18 / 22  # four pixels of traffic as built-up
    assert place(truth, "esa")["coarse"]["overall_accuracy"]["value"] == 1.0
    assert place(truth, "training label")["fine"]["overall_accuracy"]["value"] == 1.0
    difference = points["differences"]["esa"]["fine"]
    assert difference["value"] == pytest.approx(3 / 6 - 4 / 6)


def test_provinces_and_cities_sum_to_the_nation(tmp_path):
    run(workspace(tmp_path))
    places = next(m for m in results(tmp_path)["references"][1]["maps"] if m["name"] == "map")["places"]
    assert [(p["level"], p["name"]) for p in places] == [
        ("nation", ""), ("province", "Hill"), ("province", "Sea"), ("city", "Ava"), ("city", "Bo"),
    ]  # fmt: skip
    counts = [np.array(p["fine"]["counts"]) for p in places]
    assert (counts[1] + counts[2] == counts[0]).all()
    assert (counts[3] + counts[4] == counts[0]).all()


def test_areas_close(tmp_path):
    run(workspace(tmp_path), ReferenceSettings())
    nation, *rest = json.loads((tmp_path / "work/assess/areas.json").read_text("utf-8"))
    provinces = [p for p in rest if p["level"] == "province"]
    for i, row in enumerate(nation["classes"]):
        for unit in ("pixels", "hundredths"):
            assert row[unit] == sum(p["classes"][i][unit] for p in provinces)
    assert sum(row["pixels"] for row in nation["classes"]) == 22
    assert results(tmp_path)["references"] == []


@pytest.mark.parametrize("block_px", [3, 6])
def test_any_block_size_gives_the_same_files(tmp_path, block_px):
    run(workspace(tmp_path / "a"))
    run(workspace(tmp_path / "b", block_px))
    tables = [f"{name}.csv" for name in ("accuracy", "confusion", "areas", "points", "confidence")]
    for name in ("accuracy.json", "areas.json", *tables):
        first, second = (tmp_path / side / "work/assess" / name for side in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_a_second_run_makes_nothing(tmp_path):
    context = workspace(tmp_path)
    assert run(context).made == 4  # points, two blocks, summary
    assert run(context).made == 0


def test_tables_hold_the_same_numbers(tmp_path):
    run(workspace(tmp_path))
    with (tmp_path / "work/assess/accuracy.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    row = next(
        r for r in rows if (r["reference"], r["map"], r["level"], r["legend"], r["measure"])
        == ("truth", "map", "nation", "sinolc1", "overall_accuracy")
    )  # fmt: skip
    assert float(row["value"]) == 19 / 22
    with (tmp_path / "work/assess/points.csv").open(encoding="utf-8") as stream:
        first = next(csv.DictReader(stream))
    assert (first["city"], first["reference"], first["map"], first["esa"]) == ("East_Hill_Ava", "2", "2", "2")


def test_a_point_no_city_owns(tmp_path):
    with pytest.raises(InputError, match="no city owns its pixel"):
        run(workspace(tmp_path, points=[*POINTS, (3, 5, 5)]))


def test_a_map_with_a_foreign_code(tmp_path):
    mapped = MAP.copy()
    mapped[1, 1] = 11
    with pytest.raises(LegendError, match="code 11"):
        run(workspace(tmp_path, mapped=mapped))


def test_a_class_with_too_few_points_is_named_instead_of_an_area(tmp_path):
    run(workspace(tmp_path))
    adjusted = results(tmp_path)["references"][0]["adjusted"]
    # in cities the map has tree, water, traffic, building and cropland; only tree has two of its points
    missing = ["traffic", "cropland", "building", "water"]
    assert adjusted == {"missing": missing, "overall_accuracy": None, "classes": []}
