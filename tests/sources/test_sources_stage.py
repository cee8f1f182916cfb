"""The stage "layers" as a whole: what it writes, what it keeps, what it notices."""

import json
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
from shapely import LineString, box

from l2h.core.errors import GridError, InputError, LegendError, TaskError
from l2h.core.files import read_json
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.tasks import Context, Stage, StageReport, run_stage
from l2h.sources import reading
from l2h.sources.settings import BoundarySettings, ImagerySettings, OsmSettings, ProductSettings, SurveySettings
from l2h.sources.stage import stage

Make = Callable[..., Path]
UTM = "EPSG:32650"
GRID = Grid(UTM, 500_000.0, 3_320_000.0, 1.0, 40, 50)
X, Y = GRID.x, GRID.y


class Project:
    """A project folder with two scenes, one product, two cities and an extract."""

    def __init__(self, folder: Path, raster: Make, cities: Make, context: Callable[..., Context]) -> None:
        self.folder, self.raster, self.context = folder, raster, context
        self.scene("west_20200101.tif", 10, X)
        self.scene("east_20210101.tif", 20, X + 25)
        self.product(np.full((4, 5), 10))
        cities([("S", "P", "b", box(X + 20, Y - 40, X + 50, Y)), ("N", "P", "a", box(X, Y - 40, X + 20, Y))])
        (folder / "o.osm").write_text(
            '<osm version="0.6"><node id="1" lat="30.0108" lon="117.0001"/><node id="2" lat="30.0109" lon="117.0002"/>'
            '<way id="5"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way></osm>'
        )
        (folder / "s.csv").write_text("region,level,class_en,area_km2\nP,province,forest,2\n")

    def scene(self, name: str, value: int, x: float) -> None:
        self.raster(name, np.full((3, 40, 25), value), x=x, y=Y)

    def product(self, codes: np.ndarray) -> None:
        self.raster("p.tif", codes, x=X, y=Y, pixel=10)

    def stage(self, *, osm: str = "o.osm", boundary: dict[str, str] | None = None, **imagery: object) -> Stage:
        rights = {"licence": "CC0-1.0"}
        return stage(
            (ImagerySettings(**{"name": "img", "paths": ["*_20*.tif"], **rights, **imagery}),),
            (ProductSettings(name="esa", legend="worldcover", paths=["p.tif"], date="2020", **rights),),
            OsmSettings(paths=[osm]) if osm else None,
            BoundarySettings(path="b.gpkg", **(boundary or {}), **rights),
            SurveySettings(path="s.csv", **rights),
        )

    def run(self, grid: Grid = GRID, block_px: int = 25, **settings: object) -> StageReport:
        return run_stage(self.stage(**settings), self.context(grid, block_px))


@pytest.fixture
def project(tmp_path: Path, make_raster: Make, make_cities: Make, make_context: Callable[..., Context]) -> Project:
    return Project(tmp_path, make_raster, make_cities, make_context)


def test_the_workspace_is_filled_as_it_is_described(project: Project) -> None:
    report = project.run()
    layers, context = project.folder / "work" / "layers", project.context(GRID, 25)
    assert (report.made, report.kept, report.holes) == (5 + 4 * 3 + 1, 0, ())
    picture = context.store("layers/imagery").read(GRID.window)
    assert picture.valid.all()
    assert picture.values.shape == (3, 40, 50)
    assert set(np.unique(picture.values[:, :, :25])) == {10}
    assert set(np.unique(picture.values[:, :, 25:])) == {20}
    scene = context.store("layers/scene").read(GRID.window).values
    assert scene.dtype == np.uint16
    names = {row["index"]: row["name"] for row in read_json(layers / "scenes.json")}
    assert [names[i] for i in scene[0, 0, [0, 49]]] == ["west_20200101", "east_20210101"]
    codes = context.store("layers/esa").read(GRID.window).values
    assert codes.dtype == np.uint8
    assert (codes == 10).all()
    owner = context.store("layers/regions").read(GRID.window).values
    assert [row["name"] for row in read_json(layers / "regions.json")["cities"]] == ["N_P_a", "S_P_b"]
    np.testing.assert_array_equal(owner[0, 0, [0, 19, 20, 49]], [1, 1, 2, 2])
    assert read_json(layers / "products.json")[0]["legend"] == "worldcover"
    assert read_json(layers / "survey.json")[0]["area_m2"] == 2e6
    assert read_json(layers / "osm.json")["roads"] == 1
    assert geopandas.read_parquet(layers / "roads.parquet").loc[0, "highway"] == "primary"
    assert len(geopandas.read_parquet(layers / "buildings.parquet")) == 0
    assert list(geopandas.read_parquet(layers / "regions.parquet")["name"]) == ["N_P_a", "S_P_b"]


def test_files_carry_nodata_mask_and_colours(project: Project) -> None:
    project.run()
    layers = project.folder / "work" / "layers"
    with rasterio.open(layers / "imagery" / "r0000c0000.tif") as d:
        assert (d.nodata, d.mask_flag_enums[0]) == (None, [rasterio.enums.MaskFlags.per_dataset])
    for name in ("esa", "scene", "regions"):
        with rasterio.open(layers / name / "r0000c0000.tif") as d:
            assert d.nodata == 0
    with rasterio.open(layers / "esa" / "r0000c0000.tif") as d:
        assert d.colormap(1)[10] == (0, 100, 0, 255)


def test_a_city_that_the_grid_cuts_is_named_with_what_is_left_of_it(project: Project, make_cities: Make) -> None:
    path = project.folder / "work" / "layers" / "regions.json"
    project.run()
    assert read_json(path)["cut"] == {}
    far = box(X + 900, Y - 40, X + 950, Y)
    make_cities([("S", "P", "b", box(X + 20, Y - 40, X + 80, Y)), ("N", "P", "a", box(X, Y - 40, X + 20, Y + 1e-6)),
                 ("S", "P", "far", far)])  # fmt: skip
    project.run()
    assert read_json(path)["cut"] == {"S_P_b": 0.5}  # a millionth of a metre is no cut, and what is far is no part
    assert read_json(path)["outside"] == ["S_P_far"]


def test_what_inspect_finds_of_the_outlines_the_stage_tells_and_refuses_too(
    project: Project, make_cities: Make
) -> None:
    report = project.run()
    found = project.folder / "work/layers/boundary.json"
    assert read_json(found) == []
    assert report.notices == ()
    west, east = box(X, Y - 40, X + 20, Y), box(X + 20, Y - 40, X + 50, Y)
    cities = geopandas.read_file(project.folder / "b.gpkg")
    table = geopandas.GeoDataFrame({"province": ["P"]}, geometry=[box(X, Y - 60, X + 50, Y)], crs=UTM)
    cities.to_file(project.folder / "b.gpkg", layer="b")
    table.to_file(project.folder / "b.gpkg", layer="provinces", mode="a")
    report = project.run(boundary={"layer": "b", "provinces": "provinces"})
    assert [(row["rule"], row["severity"]) for row in read_json(found)] == [("uncovered", "warning")]
    assert "around 117.0" in read_json(found)[0]["place"]
    (notice,) = report.notices
    assert notice == "1 finding about the outlines, the first: no city covers a part of P; all in layers/boundary.json"
    assert west.area + east.area == 2000
    (project.folder / "b.gpkg").unlink()
    make_cities([("N", "P", "a", west), ("S", "P", "b", east)])
    project.run()
    assert read_json(found) == []


def test_a_scene_is_opened_once_a_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def describe(path: Path, *more: object) -> object:
        opened.append(path.name)
        return reading.describe(path, *more)

    monkeypatch.setattr("l2h.sources.scenes.describe", describe)
    project.run()
    assert opened == ["east_20210101.tif", "west_20200101.tif"]
    project.run(block_px=50)  # another run looks again
    assert len(opened) == 4


def test_a_second_run_makes_nothing(project: Project) -> None:
    made = project.run().made
    again = project.run()
    assert (again.made, again.kept) == (0, made)


def remade(project: Project, **settings: object) -> set[str]:
    """What a further run makes: keys of the records it writes."""
    before = len((project.folder / "work" / "ledger.jsonl").read_text().splitlines())
    project.run(**settings)
    lines = (project.folder / "work" / "ledger.jsonl").read_text().splitlines()[before:]
    return {row["key"].removeprefix("layers/") for row in map(json.loads, lines) if row["kind"] == "task"}


def test_a_changed_scene_remakes_its_own_blocks_only(project: Project) -> None:
    project.run()
    project.scene("east_20210101.tif", 21, X + 26)
    east = {"imagery/r0000c0001", "imagery/r0001c0001"}
    assert remade(project) == east | {"capture"}
    assert remade(project) == set()
    project.scene("north_20220101.tif", 30, X + 30)  # a newer scene: the table of scenes, and where it lies
    assert remade(project) == east | {"scenes", "capture"}


def test_each_change_remakes_what_depends_on_it(project: Project, make_cities: Make) -> None:
    project.run()
    project.product(np.full((4, 5), 20))
    assert remade(project) == {f"esa/r000{r}c000{c}" for r in (0, 1) for c in (0, 1)}
    (project.folder / "s.csv").write_text("region,level,class_en,area_km2\nP,province,forest,3\n")
    assert remade(project) == {"survey"}
    make_cities([("N", "P", "a", box(X, Y - 40, X + 30, Y))])
    assert remade(project) == {"regions", *(f"regions/r000{r}c000{c}" for r in (0, 1) for c in (0, 1))}
    assert remade(project, osm="") == {"osm"}
    assert remade(project, osm="", attribution="© them") == {"scenes"}
    assert remade(project, osm="", nodata=10) >= {"imagery/r0000c0000", "imagery/r0001c0001"}


def test_a_geopackage_of_another_name_is_read_again(project: Project) -> None:
    road = LineString([(X, Y - 10), (X + 40, Y - 10)])
    geopandas.GeoDataFrame({"highway": ["track"]}, geometry=[road], crs=UTM).to_file(
        project.folder / "one.gpkg", layer="roads"
    )
    project.run(osm="one.gpkg")
    (project.folder / "one.gpkg").rename(project.folder / "two.gpkg")
    assert remade(project, osm="two.gpkg") == {"osm"}  # the same bytes, but its roads bear the name of the file
    roads = geopandas.read_parquet(project.folder / "work" / "layers" / "roads.parquet")
    assert list(roads["osm_id"]) == ["two:roads:0"]


def test_an_extract_of_another_place_or_without_roads_is_a_hole(project: Project) -> None:
    text = (project.folder / "o.osm").read_text()
    (project.folder / "far.osm").write_text(text.replace('lon="117', 'lon="17'))
    (hole,) = project.run(osm="far.osm").holes
    assert (hole.where, hole.reason) == ("layer 'osm'", "no road near the grid: 1 lie elsewhere")
    (project.folder / "bare.osm").write_text(text.replace("highway", "waterway"))
    (hole,) = project.run(osm="bare.osm").holes
    assert hole.reason == "no road near the grid: the extracts have none"
    assert project.run().holes == ()


def test_the_folder_may_move(project: Project, tmp_path: Path, make_context: Callable[..., Context]) -> None:
    made = project.run().made
    moved = tmp_path.with_name(tmp_path.name + "-moved")
    tmp_path.rename(moved)
    context = make_context(GRID, 25)
    report = run_stage(project.stage(), Context(moved, GRID, 25, Ledger(moved), context.executor))
    assert (report.made, report.kept) == (0, made)


@pytest.mark.parametrize("block_px", [17, 64])
def test_layers_do_not_depend_on_the_size_of_blocks(project: Project, block_px: int) -> None:
    project.run()
    names = ("imagery", "scene", "esa", "regions")
    whole = {name: project.context(GRID, 25).store(f"layers/{name}").read(GRID.window) for name in names}
    for path in (project.folder / "work").rglob("*.tif"):
        path.unlink()
    project.run(block_px=block_px)
    for name, patch in whole.items():
        again = project.context(GRID, block_px).store(f"layers/{name}").read(GRID.window)
        np.testing.assert_array_equal(again.values, patch.values)
        np.testing.assert_array_equal(again.valid, patch.valid)


def test_a_hole_is_recorded_and_reported_again(project: Project, make_raster: Make) -> None:
    values = np.random.default_rng(0).choice([10, 20, 30], (40, 50)).astype("uint8")
    path = make_raster("p.tif", values, x=X, y=Y, tiled=True, blockxsize=16, blockysize=16, compress="DEFLATE")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = b"\xff" * 20
    path.write_bytes(data)
    first, second = project.run(), project.run()
    assert first.holes
    assert second.made == 0
    assert sorted(first.holes, key=str) == sorted(second.holes, key=str)
    assert "layer 'esa', p.tif" in first.holes[0].where


def test_what_is_wrong_stops_the_stage(project: Project, make_cities: Make) -> None:
    project.product(np.full((4, 5), 77))
    with pytest.raises(TaskError, match=r"4 of 12 tasks.*code 77 is absent from legend 'worldcover'"):
        project.run()
    project.product(np.full((4, 5), 10))
    make_cities([("N", "P", "a", box(0, 0, 1, 1))])
    with pytest.raises(GridError, match="no city lies on the project's grid"):
        project.run()
    make_cities([("N", "P", "a", box(X, Y - 40, X + 20, Y))])
    (project.folder / "p.tif").unlink()
    with pytest.raises(InputError, match="no file matches"):
        project.run()


def test_an_unknown_code_is_a_legend_error_that_names_its_block(project: Project) -> None:
    codes = np.full((4, 5), 10)
    codes[3, 4] = 77
    project.product(codes)
    with pytest.raises(LegendError, match=r"layer 'esa', .*p\.tif, .*r0001c0001, rows 25:40, columns 25:50, 100 px"):
        project.run()


def test_the_years_of_the_picture_are_counted_whatever_the_blocks(project: Project) -> None:
    project.run()
    path = project.folder / "work" / "layers" / "capture.json"
    rows = read_json(path)
    assert [(row["year"], row["scenes"], row["pixels"]) for row in rows] == [("2020", 1, 1000), ("2021", 1, 1000)]
    assert abs(rows[0]["m2"] - 1000) < 2  # UTM stretches by less than a thousandth
    project.run(block_px=16)
    assert read_json(path) == rows
    project.scene("other_20.tif", 9, X)  # undated, below the others: nothing of it is seen
    project.run()
    assert read_json(path) == rows


def test_scenes_beside_the_grid_are_counted_and_told(project: Project) -> None:
    assert project.run().notices == ()
    project.scene("far_20200303.tif", 9, X + 5000)
    for _ in range(2):  # told again by a run that makes nothing
        report = project.run()
        assert report.notices == ("1 of 3 scenes lie beside the grid: layers/beside.json",)
        assert report.holes == ()
    beside = read_json(project.folder / "work" / "layers" / "beside.json")
    assert beside == [{"layer": "img", "path": "far_20200303.tif"}]


def test_sixteen_bits_are_stretched_by_the_whole_layer(project: Project) -> None:
    levels = np.arange(0, 1000, dtype="uint16").reshape(40, 25)
    project.raster("west_20200101.tif", np.stack([levels, levels * 2, levels]), x=X, y=Y)
    project.raster("east_20210101.tif", np.stack([levels, levels * 2, levels]) + np.uint16(1000), x=X + 25, y=Y)
    assert project.run().holes == ()
    found = read_json(project.folder / "work" / "layers" / "radiometry.json")["img"]
    assert (found["from"], found["files"], found["pixels"]) == ("statistics", 2, 2000)
    assert found["scale"] == [[20.0, 1980.0], [40.0, 2960.0], [20.0, 1980.0]]
    picture = project.context(GRID, 25).store("layers/imagery").read(GRID.window).values[0]
    assert picture[0, 0] == 0  # the darkest of the layer
    assert picture[39, 24] == 127  # 999: the brightest of the west, half as bright as that of the east
    assert picture[39, 49] == 255
    once = {path.name: path.read_bytes() for path in (project.folder / "work/layers/imagery").iterdir()}
    project.run(block_px=25)
    assert once == {path.name: path.read_bytes() for path in (project.folder / "work/layers/imagery").iterdir()}


def test_the_files_own_statistics_may_set_the_stretch(project: Project) -> None:
    for name, x, high in (("west_20200101.tif", X, 500), ("east_20210101.tif", X + 25, 1000)):
        path = project.raster(name, np.full((3, 40, 25), 250, "uint16"), x=x, y=Y)
        with rasterio.open(path, "r+") as data:
            for band in (1, 2, 3):
                data.update_tags(band, STATISTICS_MINIMUM="0", STATISTICS_MAXIMUM=str(high))
    project.run(scale="metadata")
    assert read_json(project.folder / "work/layers/radiometry.json")["img"]["scale"] == [[0.0, 1000.0]] * 3
    assert project.context(GRID, 25).store("layers/imagery").read(GRID.window).values.max() == 64
    project.raster("west_20200101.tif", np.full((3, 40, 25), 250, "uint16"), x=X, y=Y)
    with pytest.raises(InputError, match="a file states no statistics"):
        project.run(scale="metadata")


def test_every_file_has_a_say_in_the_stretch_also_the_sheets_of_one_picture(project: Project) -> None:
    """Two halves of one picture, as a service of tiles leaves them: the second states the brighter maximum."""
    from types import SimpleNamespace

    from l2h.sources.radiometry import stated

    paths = []
    for name, high in (("one.tif", "500"), ("two.tif", "900")):
        paths.append(project.raster(name, np.full((1, 4, 4), 250, "uint16"), x=X, y=Y))
        with rasterio.open(paths[-1], "r+") as data:
            data.update_tags(1, STATISTICS_MINIMUM="3", STATISTICS_MAXIMUM=high)
    scene = SimpleNamespace(layer="img", files=tuple(paths), recipe=SimpleNamespace(bands=(1,)))
    assert stated([scene]) == ((3.0, 900.0),)
    with rasterio.open(paths[1], "r+") as data:
        data.update_tags(1, STATISTICS_MAXIMUM="1")
    with pytest.raises(InputError, match=r"impossible statistics \(layer 'img', .*two.tif, band 1\)"):
        stated([scene])


LEFT, RIGHT = np.s_[:35], np.s_[35:]


@pytest.mark.parametrize("bits", ["uint8", "uint16"])
def test_two_looks_of_one_ground_are_one_picture_where_scenes_are_made_even(project: Project, bits: str) -> None:
    """The second scene is as if taken through haze: seven tenths of the contrast, 60 levels brighter."""
    classes = np.random.default_rng(0).integers(0, 3, (40, 50))
    noise = np.random.default_rng(1).integers(-8, 9, (3, 40, 50))
    ground = (40 + 40 * classes + noise) * (1 if bits == "uint8" else 50)
    haze = np.rint(ground * 0.7 + 60 * (1 if bits == "uint8" else 50))
    for path in project.folder.glob("*_20*.tif"):
        path.unlink()
    project.raster("west_20210101.tif", ground[:, :, :35].astype(bits), x=X, y=Y)
    project.raster("east_20200101.tif", haze[:, :, 15:].astype(bits), x=X + 15, y=Y)

    def beyond(**settings: object) -> tuple[float, float]:
        """Right of the cutline at column 35, how far classes lie from where they lie on its left, in distances between
        classes, and the share of pixels that lie nearest to their own."""
        project.run(**settings)
        picture = project.context(GRID, 25).store("layers/imagery").read(GRID.window).values.mean(0)
        left, right = [[picture[:, at][classes[:, at] == c].mean() for c in range(3)] for at in (LEFT, RIGHT)]
        nearest = np.abs(picture[:, RIGHT, None] - left).argmin(-1)
        off = np.abs(np.subtract(left, right)).max() / (left[1] - left[0])
        return float(off), float((nearest == classes[:, RIGHT]).mean())

    (off, share), (even_off, even_share) = beyond(), beyond(even=True)
    assert off > 1
    assert share < 0.5
    assert even_off < 0.1
    assert even_share > 0.99
    found = read_json(project.folder / "work" / "layers" / "radiometry.json")["img"]
    assert [(row["path"], row["name"]) for row in found["scenes"]] == [
        ("east_20200101.tif", "east_20200101"), ("west_20210101.tif", "west_20210101"),
    ]  # fmt: skip
    whole = project.context(GRID, 25).store("layers/imagery").read(GRID.window).values
    for path in (project.folder / "work/layers/imagery").iterdir():
        path.unlink()
    project.run(block_px=16, even=True)
    assert np.array_equal(project.context(GRID, 16).store("layers/imagery").read(GRID.window).values, whole)
