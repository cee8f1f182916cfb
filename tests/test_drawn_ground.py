"""Drawn ground: polygons and label rasters, checked, put on the lattice, kept apart from the assessment."""

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from l2h.accuracy.settings import ReferenceSettings
from l2h.clean.burn import DISPUTED, burn
from l2h.clean.polygons import PolygonFile
from l2h.clean.rasters import LabelRaster
from l2h.clean.stage import with_clean
from l2h.core.errors import GridError, InputError, LegendError
from l2h.core.executors import SerialExecutor
from l2h.core.files import read_json
from l2h.core.grid import Grid, Window
from l2h.core.ledger import Ledger
from l2h.core.legend import load_legend
from l2h.core.raster import BlockStore, write_raster
from l2h.core.tasks import Context, Stage, run_stage
from l2h.learning.drawn import DrawnCells
from l2h.learning.settings import CleanSettings

GRID = Grid("EPSG:32650", 500_000.0, 4_000_000.0, 1.0, 60, 90)
LEGEND = load_legend("sinolc1")


def square(row: float, col: float, side: float, tall: float | None = None) -> shapely.Polygon:
    """A rectangle with its upper left corner at a row and column of the lattice."""
    left, top = GRID.x + col, GRID.y - row
    return shapely.box(left, top - (tall or side), left + side, top)


def polygons(path: Path, shapes: list, classes: list, crs: str | None = "EPSG:32650", column: str = "class") -> Path:
    geopandas.GeoDataFrame({column: classes}, geometry=shapes, crs=crs).to_file(path)
    return path


def raster(path: Path, values: list, grid: Grid | None = None, row: int = 0, col: int = 0, nodata: int = 0) -> Path:
    """A label raster whose first pixel is a pixel of the lattice."""
    array = np.array(values)
    array = array if array.ndim == 3 else array[None]
    own = grid or Grid(GRID.crs, GRID.x + col, GRID.y - row, 1.0, *array.shape[1:])
    write_raster(path, array, own, own.window, nodata=nodata)
    return path


def drawn(folder: Path, *paths: Path, judges: str | None = None, block_px: int = 40, **more: object) -> np.ndarray:
    """The whole lattice of a stage that read these files, uint8 [60, 90]."""
    clean = CleanSettings(drawn=tuple(path.name for path in paths), **more)
    context = Context(folder, GRID, block_px, Ledger(folder), SerialExecutor())
    reference = None
    if judges:
        (folder / "judges.csv").write_text("id,x,y,class\n" + judges)
        reference = ReferenceSettings(points="judges.csv", id_column="id")
    run_stage(with_clean(Stage("train", ()), clean, reference), context)
    out = np.zeros(GRID.shape, np.uint8)
    store: BlockStore = context.store("train/drawn")
    for name in read_json(context.work / "train/drawn.json")["blocks"]:
        block = next(block for block in store.blocks if block.name == name)
        out[block.window.slices_in(GRID.window)] = store.read(block.window).values[0]
    return out


def test_polygons_count_by_the_centres_of_pixels(tmp_path: Path) -> None:
    path = polygons(tmp_path / "a.gpkg", [square(0, 0, 2), square(0.4, 10.6, 2)], ["water", "2"])
    found = drawn(tmp_path, path)
    assert found[:3, :3].tolist() == [[9, 9, 0], [9, 9, 0], [0, 0, 0]]
    assert found[:4, 10:14].tolist() == [[0, 2, 2, 0], [0, 2, 2, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert np.count_nonzero(found) == 8
    assert (tmp_path / "work/train/drawn.csv").read_text() == "row,col,class,pixels\n0,0,9,4\n0,1,2,4\n"


def test_only_the_blocks_that_hold_any_are_made(tmp_path: Path) -> None:
    drawn(tmp_path, polygons(tmp_path / "a.gpkg", [square(41, 1, 3), square(45, 85, 2)], [6, 6]))
    assert read_json(tmp_path / "work/train/drawn.json") == {"block_px": 40, "blocks": ["r0001c0000", "r0001c0002"]}
    assert sorted(path.stem for path in (tmp_path / "work/train/drawn").iterdir()) == ["r0001c0000", "r0001c0002"]


def test_what_two_classes_claim_is_not_said(tmp_path: Path) -> None:
    path = polygons(tmp_path / "a.gpkg", [square(5, 5, 2), square(6, 5, 2), square(6, 5, 1)], [9, 2, 2])
    assert drawn(tmp_path, path)[5:8, 5:7].tolist() == [[9, 9], [0, 0], [2, 2]]


def test_a_raster_speaks_where_it_is_drawn(tmp_path: Path) -> None:
    path = raster(tmp_path / "a.tif", np.array([[6, 0, 1], [255, 4, 4]], "uint8"), row=3, col=8, nodata=255)
    assert drawn(tmp_path, path)[3:5, 7:12].tolist() == [[0, 6, 0, 1, 0], [0, 0, 4, 4, 0]]


def test_polygons_and_rasters_together(tmp_path: Path) -> None:
    shapes = polygons(tmp_path / "a.gpkg", [square(3, 8, 2)], ["building"])
    path = raster(tmp_path / "b.tif", np.array([[6, 1, 1]], "uint8"), row=3, col=8)
    for order in ((shapes, path), (path, shapes)):
        assert drawn(tmp_path, *order)[3:5, 8:11].tolist() == [[6, 0, 1], [6, 6, 0]]


def test_a_raster_of_finer_pixels_is_looked_up_at_the_centres(tmp_path: Path) -> None:
    fine = Grid(GRID.crs, GRID.x + 4, GRID.y - 4, 0.5, 4, 4)
    path = raster(tmp_path / "a.tif", np.arange(1, 17, dtype="uint8").reshape(4, 4) % 2 + 1, grid=fine)
    # centres lie on corners of four fine pixels and belong to the one below and right
    assert drawn(tmp_path, path)[4:6, 4:6].tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("name", ["b.gpkg", "b.geojson", "b.shp", "b.fgb"])
def test_another_crs_and_format_give_the_same_ground(tmp_path: Path, name: str) -> None:
    path = polygons(tmp_path / "a.gpkg", [square(10.1, 20.1, 8), square(30.2, 50.2, 5)], [2, 9])
    there = geopandas.read_file(path).to_crs("EPSG:4326")
    there.to_file(tmp_path / name)
    np.testing.assert_array_equal(drawn(tmp_path, tmp_path / name), drawn(tmp_path, path))


@pytest.mark.parametrize("block_px", [7, 16, 60, 90])
def test_neither_blocks_nor_the_order_show(tmp_path: Path, block_px: int) -> None:
    rng = np.random.default_rng(3)
    shapes = [square(*rng.uniform(0, 50, 2), *rng.uniform(1, 12, 2)) for _ in range(12)]
    classes = rng.choice([1, 2, 6, 9], 12).tolist()
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    whole = drawn(one, polygons(one / "a.gpkg", shapes, classes))
    np.testing.assert_array_equal(
        drawn(two, polygons(two / "a.gpkg", shapes[::-1], classes[::-1]), block_px=block_px), whole
    )
    assert (one / "work/train/drawn.csv").read_text() == (two / "work/train/drawn.csv").read_text()


@given(st.integers(0, 59), st.integers(0, 89), st.integers(1, 60), st.integers(1, 90))
def test_any_window_is_cut_from_the_whole(row: int, col: int, height: int, width: int) -> None:
    shapes = {
        2: np.array([square(3.3, 4.7, 20), square(20, 30, 33)], object),
        9: np.array([square(10, 15, 25)], object),
    }
    window = Window(row, row + height, col, col + width).intersect(GRID.window)
    whole = burn(shapes, GRID, GRID.window)
    assert {0, 2, 9, DISPUTED} == set(whole.ravel().tolist())
    np.testing.assert_array_equal(burn(shapes, GRID, window), whole[window.slices_in(GRID.window)])


@pytest.mark.parametrize(("x", "metres"), [(3.5, "0.0"), (24.5, "19.0")])
def test_a_point_of_the_assessment_on_or_near_drawn_ground_is_refused(tmp_path: Path, x: float, metres: str) -> None:
    path = polygons(tmp_path / "a.gpkg", [square(1, 2, 4)], [2])  # columns 2 to 5
    judges = f"far,{GRID.x + 80.5},{GRID.y - 50.5},9\nnear,{GRID.x + x},{GRID.y - 2.5},9\n"
    with pytest.raises(
        InputError, match=r"1 of 2 points of the assessment lie at or near drawn clean ground"
    ) as caught:
        drawn(tmp_path, path, judges=judges, block_px=7)
    assert f"points near): expected at least 20 m between them, and another pixel, got {metres} m" in str(caught.value)


def test_points_so_far_apart_are_taken(tmp_path: Path) -> None:
    path = polygons(tmp_path / "a.gpkg", [square(1, 2, 4)], [2])
    assert drawn(tmp_path, path, judges=f"a,{GRID.x + 25.5},{GRID.y - 2.5},9\n").any()  # 20 m from column 5
    assert drawn(tmp_path, path, judges=f"a,{GRID.x + 6.5},{GRID.y - 2.5},9\n", apart_m=1).any()


@pytest.mark.parametrize(
    ("shapes", "classes", "more", "error", "words"),
    [
        ([square(1, 1, 2)], ["lava"], {}, LegendError, r"a drawn polygon has an unknown class \(.*a.gpkg, row 0\)"),
        ([square(1, 1, 2), square(900, 1, 2)], [2, 2], {}, InputError, r"outside the map \(.*row 1\)"),
        ([shapely.LineString([(0, 0), (1, 1)])], [2], {}, InputError, "no polygon .*got LineString"),
        ([shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])], [2], {}, InputError, "not valid .*Self-intersection"),
        ([square(1, 1, 2)], [2], {"crs": None}, GridError, "a vector file has no CRS"),
        ([square(1, 1, 2)], [2], {"column": "kind"}, InputError, "no column 'class' .*got kind"),
        ([square(1.1, 1.1, 0.2)], [2], {}, InputError, "no pixel of the map is drawn"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_polygons_that_cannot_be_used(tmp_path, shapes, classes, more, error, words) -> None:
    path = polygons(tmp_path / "a.gpkg", shapes, classes, **more)
    with pytest.raises(error, match=words):
        drawn(tmp_path, path)


def test_a_file_that_is_neither(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("class\n2\n")
    with pytest.raises(InputError, match="a vector file has a format we do not read"):
        drawn(tmp_path, tmp_path / "a.txt")


def test_a_file_without_polygons(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"class": [2]}, geometry=[square(1, 1, 2)], crs=GRID.crs)
    frame.iloc[:0].to_file(tmp_path / "a.gpkg", geometry_type="Polygon")
    with pytest.raises(InputError, match="a file of drawn polygons is empty"):
        PolygonFile(tmp_path / "a.gpkg", None, "class").check(GRID, LEGEND)


def test_several_layers_need_a_choice(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame({"class": [2]}, geometry=[square(1, 1, 2)], crs=GRID.crs)
    for layer in ("one", "two"):
        frame.to_file(tmp_path / "a.gpkg", layer=layer)
    with pytest.raises(InputError, match=r"several layers .*got one, two"):
        drawn(tmp_path, tmp_path / "a.gpkg")
    assert drawn(tmp_path, tmp_path / "a.gpkg", drawn_layer="two").any()
    with pytest.raises(InputError, match="drawn polygons cannot be read"):
        drawn(tmp_path, tmp_path / "a.gpkg", drawn_layer="three")


COARSE = Grid(GRID.crs, GRID.x, GRID.y, 10.0, 2, 2)
AWAY = Grid(GRID.crs, GRID.x + 500, GRID.y, 1.0, 2, 2)


@pytest.mark.parametrize(
    ("values", "grid", "error", "words"),
    [
        (np.full((2, 2), 13, "uint8"), None, LegendError, "code 13, absent from legend 'sinolc1' .*got 4 px"),
        (np.full((2, 2), -3, "int16"), None, LegendError, "code 255, absent"),
        (np.zeros((2, 2), "uint8"), None, InputError, "a drawn raster has no drawn pixel"),
        (np.ones((2, 2), "float32"), None, InputError, "no band of classes .*got 1 of float32"),
        (np.ones((3, 2, 2), "uint8"), None, InputError, "no band of classes .*got 3 of uint8"),
        (np.ones((2, 2), "uint8"), COARSE, GridError, "another resolution .*got 10 m"),
        (np.ones((2, 2), "uint8"), AWAY, GridError, "a drawn raster lies outside the map"),
    ],
)
def test_rasters_that_cannot_be_used(tmp_path, values, grid, error, words) -> None:
    with pytest.raises(error, match=words):
        LabelRaster(raster(tmp_path / "a.tif", values, grid=grid)).check(GRID, LEGEND)


def test_cells_come_back_from_their_file() -> None:
    cells = DrawnCells.gather([(Window(0, 1, 9, 11), np.array([[2, 2]])), (Window(0, 1, 11, 12), np.array([[2]]))], 10)
    assert cells.to_csv() == "row,col,class,pixels\n0,0,2,1\n0,1,2,2\n"
    assert DrawnCells.from_csv(cells.to_csv()).pixels.tolist() == [1, 2]
    assert len(DrawnCells.from_csv("row,col,class,pixels\n")) == 0
