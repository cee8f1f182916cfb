"""The design travels with the points: written, read, joined to answers, used by `assess`, and missed where it lacks."""

import json

import geopandas
import numpy as np
import pyogrio
import pytest
from shapely.geometry import box

from l2h.accuracy.designs import design_of
from l2h.accuracy.sampling.draw import Pixels
from l2h.accuracy.sampling.files import DESIGN, POINTS, read_ceo, read_design, write_ceo, write_sample
from l2h.accuracy.sampling.make import make_sample
from l2h.accuracy.sampling.settings import SampleSettings
from l2h.accuracy.settings import ReferenceSettings
from l2h.accuracy.stage import stage
from l2h.core.errors import InputError, UsageError
from l2h.core.executors import SerialExecutor
from l2h.core.files import write_json
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.raster import write_raster
from l2h.core.tasks import Context, run_stage

GRID = Grid("EPSG:32650", 500_000.0, 4_000_000.0, 1.0, 12, 20)
TRUTH = np.full(GRID.shape, 2, "uint8")
TRUTH[:, 10:] = 9
MAP = TRUTH.copy()
MAP[:3, 10:] = 2  # a quarter of the water is mapped as tree
CITIES = np.ones(GRID.shape, "uint16")
CITIES[:, 15:] = 2
CITY = [("North", "Hill", "Ava"), ("South", "Sea", "Bo")]


@pytest.fixture
def context(tmp_path):
    made = Context(tmp_path, GRID, 8, Ledger(tmp_path), SerialExecutor())
    esa = np.where(TRUTH == 2, 10, 80).astype("uint8")
    layers = {"map": MAP, "labels/label": TRUTH, "layers/regions": CITIES, "layers/esa": esa}
    for name, values in layers.items():
        bands = 3 if name in ("map", "labels/label") else 1
        for block in made.store(name).blocks:
            part = np.stack([values[block.window.slices_in(GRID.window)]] * bands)
            write_raster(made.store(name).path(block), part, GRID, block.window)
    write_json(tmp_path / "work/layers/products.json", [{"name": "esa", "legend": "worldcover", "date": "2020"}])
    rows = [
        {"index": i, "region": r, "province": p, "city": c, "name": f"{r}_{p}_{c}"}
        for i, (r, p, c) in enumerate(CITY, start=1)
    ]
    write_json(tmp_path / "work/layers/regions.json", {"cities": rows})
    return made


def drawn(context, out="s.gpkg", **chosen):
    path = context.project_dir / out
    return make_sample(context, SampleSettings(**({"size": 40} | chosen)), path), path


def interpreted(path, out, keep=slice(None), second=False):
    """The points with their true classes, as someone without error gives them, and the metadata they came with."""
    frame = geopandas.read_file(path, layer=POINTS, engine="pyogrio").iloc[keep]
    frame["class"] = TRUTH[frame["row"], frame["col"]]
    if second:
        frame["other"] = 2
    metadata = pyogrio.read_info(path, layer=POINTS)["layer_metadata"]
    frame.to_file(out, layer=POINTS, driver="GPKG", engine="pyogrio", layer_metadata=metadata)
    return out


def assessed(context, **chosen):
    run_stage(stage(ReferenceSettings(points="answers.gpkg", **chosen)), context)
    text = (context.project_dir / "work/assess/accuracy.json").read_text("utf-8")
    return json.loads(text)["references"][0]


def nation(reference, name="map"):
    return next(m for m in reference["maps"] if m["name"] == name)["places"][0]["fine"]


def test_the_same_seed_gives_the_same_bytes(context):
    first, second = (drawn(context, name, method="stratified", minimum=5)[1] for name in ("a.gpkg", "b.gpkg"))
    assert first.read_bytes() == second.read_bytes()


def test_columns_and_design(context):
    found, path = drawn(context, method="stratified", allocation="equal")
    frame = geopandas.read_file(path, layer=POINTS, engine="pyogrio")
    wanted = ["id", "x", "y", "lon", "lat", "row", "col", "stratum", "block", "inclusion_probability", "design"]
    assert list(frame.columns) == [*wanted, "geometry"]
    assert GRID.rowcol(frame["x"], frame["y"])[0].tolist() == frame["row"].tolist()
    assert frame["lon"].between(116.9, 117.1).all()
    assert (1 / frame["inclusion_probability"]).sum() == pytest.approx(GRID.window.pixels, rel=1e-6)
    assert read_design(path) == found.design
    table = pyogrio.read_dataframe(path, layer=DESIGN)
    assert table[["name", "pixels", "points"]].to_numpy().tolist() == [["tree", 150, 20], ["water", 90, 20]]
    assert found.design.map_digest


def test_another_sample_is_not_overwritten(context):
    drawn(context, seed=1)
    with pytest.raises(InputError, match="another sample has this name"):
        drawn(context, seed=2)


def test_strata_of_provinces_polygons_and_a_raster(context):
    folder = context.project_dir
    left = box(500_000, 3_999_988, 500_005, 4_000_000)
    over = box(500_003, 3_999_988, 500_010, 4_000_000)  # two of its seven columns are the first one's already
    frame = geopandas.GeoDataFrame({"zone": ["west", "middle"]}, geometry=[left, over], crs=GRID.crs)
    frame.to_file(folder / "zones.gpkg", engine="pyogrio")
    write_raster(folder / "zones.tif", np.where(TRUTH == 2, 7, 0).astype("uint8")[None], GRID, GRID.window, nodata=0)
    sizes = {}
    for strata in ("province", "zones.gpkg", "zones.tif"):
        found, _ = drawn(context, f"{strata}-s.gpkg", method="stratified", strata=strata, strata_column=None)
        sizes[strata] = {s.name: s.pixels for s in found.design.strata}
    assert sizes["province"] == {"North_Hill": 180, "South_Sea": 60}
    assert sizes["zones.gpkg"] == {"1": 60, "2": 60, "no polygon": 120}
    assert sizes["zones.tif"] == {"7": 120, "no value": 120}
    with pytest.raises(InputError, match="neither a file nor known"):
        drawn(context, "x.gpkg", method="stratified", strata="nothing.gpkg")
    with pytest.raises(UsageError, match="no such stratum"):
        drawn(context, "x.gpkg", method="stratified", expected={"lava": 0.5})


def test_counts_that_assess_left_spare_the_reading(context):
    run_stage(stage(None), context)
    for name in ("map", "province"):
        read, _ = drawn(context, f"{name}.gpkg", method="stratified", strata=name)
        assert read.design.strata[0].pixels == {"map": 150, "province": 180}[name]
    for block in context.store("map").blocks:  # now the map is another one, and the counts are not its
        part = np.stack([TRUTH[block.window.slices_in(GRID.window)]] * 3)
        write_raster(context.store("map").path(block), part, GRID, block.window)
    again, _ = drawn(context, "again.gpkg", method="stratified")
    assert {s.name: s.pixels for s in again.design.strata} == {"tree": 120, "water": 120}


def test_a_stratified_sample_is_weighed_by_its_strata(context):
    _, path = drawn(context, method="stratified", allocation="equal")
    interpreted(path, context.project_dir / "answers.gpkg")
    reference = assessed(context)
    assert (reference["design"], reference["n"]) == ("stratified", 40)
    frame = geopandas.read_file(path, layer=POINTS, engine="pyogrio")
    right = (MAP == TRUTH)[frame["row"], frame["col"]]
    share = [right[frame["stratum"] == code].mean() for code in (2, 9)]
    assert nation(reference)["overall_accuracy"]["value"] == pytest.approx((150 * share[0] + 90 * share[1]) / 240)
    areas = {row["name"]: row["area_m2"]["value"] for row in reference["adjusted"]["classes"]}
    assert areas["tree"] + areas["water"] == pytest.approx(GRID.row_area(0, 12).sum() * 20, rel=1e-6)
    assert reference["differences"]["esa"]["fine"]["only_second"] == pytest.approx(1 - share[0] * 150 / 240 - 90 / 240)
    assert nation(reference, "esa")["overall_accuracy"]["value"] == 1.0


def test_two_stages(context):
    _, path = drawn(context, method="two_stage", block_px=6, per_block=4)
    interpreted(path, context.project_dir / "answers.gpkg")
    reference = assessed(context)
    found = nation(reference)["overall_accuracy"]
    assert reference["design"] == "two_stage"
    assert found["low"] < 0.875 < found["high"]


def test_points_without_a_design_get_a_table_without_intervals(context):
    _, path = drawn(context)
    frame = geopandas.read_file(path, layer=POINTS, engine="pyogrio").drop(columns="design")
    frame["class"] = TRUTH[frame["row"], frame["col"]]
    frame.to_file(context.project_dir / "answers.gpkg", layer=POINTS, driver="GPKG", engine="pyogrio")
    reference = assessed(context)
    assert reference["design"] == "none"
    assert reference["refused"].startswith("Intervals refused")
    found = nation(reference)["overall_accuracy"]
    assert found["value"] is not None
    assert (found["standard_error"], found["low"], found["high"]) == (None, None, None)
    told = [row[name] for row in nation(reference)["classes"] for name in ("users_accuracy", "f1")]
    told += [nation(reference)["kappa"], nation(reference)["mean_iou"], reference["differences"]["esa"]["fine"]]
    assert all(e["standard_error"] is None and e["low"] is None for e in told)
    assert reference["adjusted"] == {"missing": [], "overall_accuracy": None, "classes": []}


def test_two_classes_allowed_and_a_least_number(context):
    _, path = drawn(context)
    interpreted(path, context.project_dir / "answers.gpkg", second=True)
    reference = assessed(context, second_class_column="other", minimum_points=100)
    assert nation(reference)["overall_accuracy"]["value"] is None  # forty points are fewer than a hundred
    reference = assessed(context, second_class_column="other")
    assert nation(reference)["overall_accuracy"]["value"] == 1.0  # tree is allowed wherever the map has it


def test_a_stratum_without_answers(context):
    _, path = drawn(context, method="stratified")
    frame = geopandas.read_file(path, layer=POINTS, engine="pyogrio")
    interpreted(path, context.project_dir / "answers.gpkg", keep=np.flatnonzero(frame["stratum"] == 2))
    with pytest.raises(InputError, match=r"fewer than two interpreted points.*water"):
        assessed(context)


def test_file_and_settings_disagree(context):
    _, path = drawn(context, method="stratified")
    with pytest.raises(InputError, match="different designs"):
        design_of(path, ReferenceSettings(points="s.gpkg", design="simple_random"))


def test_a_design_without_its_strata(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("x,y,class,design\n500000.5,3999999.5,2,stratified\n", "utf-8")
    with pytest.raises(InputError, match="not from which strata"):
        design_of(path, ReferenceSettings(points="p.csv"))


def test_a_word_in_a_column_is_a_design(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("x,y,class,design\n1,2,2,simple random\n", "utf-8")
    assert design_of(path, ReferenceSettings(points="p.csv")).method == "simple_random"


def test_a_torn_design(context):
    _, path = drawn(context)
    frame = geopandas.read_file(path, layer=POINTS, engine="pyogrio")
    other = context.project_dir / "torn.gpkg"
    frame.to_file(other, layer=POINTS, driver="GPKG", engine="pyogrio", layer_metadata={"L2H_DESIGN": "{"})
    with pytest.raises(InputError, match="design of a sample cannot be read"):
        read_design(other)


def test_collect_earth_online_there_and_back(context, tmp_path):
    _, path = drawn(context, method="stratified")
    assert write_ceo(tmp_path / "plots.csv", path) == 40
    lines = (tmp_path / "plots.csv").read_text("utf-8").splitlines()
    assert lines[0] == "LON,LAT,PLOTID"
    answers = tmp_path / "answers.csv"
    body = [f"{i},{lon},{lat},water" for lon, lat, i in (line.split(",") for line in lines[1:4])]
    answers.write_text("\n".join(["plotid,lon,lat,Land Cover", *body, "9,0,0,"]) + "\n", "utf-8")
    assert read_ceo(answers, path, "land cover", tmp_path / "out.gpkg") == 3
    assert read_design(tmp_path / "out.gpkg") == read_design(path)
    frame = geopandas.read_file(tmp_path / "out.gpkg", engine="pyogrio")
    assert (frame["class"].tolist(), frame["id"].tolist()) == (["water"] * 3, [1, 2, 3])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1,,,water", "1,,,tree"], "answered twice"),
        (["99,,,water"], "belongs to no point"),
        (["1,0.5,0.5,water"], "lies elsewhere"),
        (["1,east,0.5,water"], "not a number"),
    ],
)
def test_answers_that_do_not_fit(context, tmp_path, rows, message):
    _, path = drawn(context)
    header = "plotid,lon,lat,class" if "," + "," not in rows[0] else "plotid,a,b,class"
    (tmp_path / "answers.csv").write_text("\n".join([header, *rows]) + "\n", "utf-8")
    with pytest.raises(InputError, match=message):
        read_ceo(tmp_path / "answers.csv", path, "class", tmp_path / "out.gpkg")


def test_points_that_carry_no_design_are_no_sample(context, tmp_path):
    pixels = Pixels(*(np.array([1]) for _ in range(4)))
    _, path = drawn(context)
    write_sample(tmp_path / "t.gpkg", pixels, read_design(path), GRID)
    bare = tmp_path / "bare.gpkg"
    frame = geopandas.read_file(path, layer=POINTS, engine="pyogrio")
    frame.to_file(bare, layer=POINTS, driver="GPKG", engine="pyogrio")
    with pytest.raises(InputError, match="carry no design"):
        write_ceo(tmp_path / "plots.csv", bare)
