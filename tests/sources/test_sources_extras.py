"""Extras on the lattice of 10 px cells: what they hold, what is missing, that no block shows, and each error."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from l2h.core.errors import GridError, InputError
from l2h.core.extras import EXTRA_PX, TABLE, ExtraLayer, extra_store
from l2h.core.files import read_json, write_json
from l2h.core.grid import Grid, Window
from l2h.core.raster import write_raster
from l2h.core.tasks import Context, Stage, plan_stage, run_stage
from l2h.sources.extra_settings import ExtraSettings
from l2h.sources.extra_tasks import extras_step, extras_table
from l2h.sources.extras import Cells, extra_cells, latitude_cells, list_extra_sheets, month_cells

Make = Callable[..., Path]
UTM = "EPSG:32650"
GRID = Grid(UTM, 500_000.0, 3_320_000.0, 1.0, 40, 50)
CELLS = GRID.coarsen(EXTRA_PX)
X, Y = GRID.x, GRID.y
RIGHTS = {"licence": "CC0-1.0"}


def extra(**given: object) -> ExtraSettings:
    return ExtraSettings(**{"name": "s2", "paths": ["s2*.tif"], "unit": "reflectance", **RIGHTS, **given})


def read(folder: Path, wanted: ExtraSettings, window: Window = CELLS.window, cells: Grid = CELLS) -> Cells:
    return extra_cells(wanted, list_extra_sheets(wanted, folder, cells), cells, window)


# --- what cells hold --------------------------------------------------------------------------------------------------


def test_a_file_on_the_lattice_of_cells_is_copied_and_keeps_its_numbers(make_raster: Make, tmp_path: Path) -> None:
    values = np.arange(40, dtype="uint16").reshape(2, 4, 5) + 3000
    make_raster("s2.tif", values, x=X, y=Y, pixel=10)
    found = read(tmp_path, extra(bands=[2, 1]))
    np.testing.assert_array_equal(found.values, values[::-1])
    assert (found.values.dtype, found.valid.all()) == (np.float32, True)


def test_a_finer_file_is_averaged(make_raster: Make, tmp_path: Path) -> None:
    make_raster(
        "s2.tif", np.kron(np.array([[1.0, 2.0]]), [[0.0, 4.0], [2.0, 2.0]]).astype("float32"), x=X, y=Y, pixel=5
    )
    found = read(tmp_path, extra())
    assert found.values[0, 0, :2].tolist() == [2.0, 4.0]
    assert found.valid.tolist()[0] == [True, True, False, False, False]


def test_a_coarser_file_is_interpolated(make_raster: Make, tmp_path: Path) -> None:
    make_raster("s2.tif", np.array([[0, 40]], "int16"), x=X, y=Y, pixel=20)  # centres at 10 m and 30 m
    found = read(tmp_path, extra())
    assert found.values[0, 0, :4].tolist() == [0.0, 10.0, 30.0, 40.0]  # cells at 5, 15, 25 and 35 m


def test_the_first_of_two_files_has_the_cell(make_raster: Make, tmp_path: Path) -> None:
    make_raster("s2_a.tif", np.full((4, 3), 7), x=X, y=Y, pixel=10)
    make_raster("s2_b.tif", np.full((4, 4), 9), x=X + 10, y=Y, pixel=10)
    assert read(tmp_path, extra()).values[0, 0].tolist() == [7, 7, 7, 9, 9]


@pytest.mark.parametrize(
    ("values", "options", "said"),
    [
        (np.array([[[1, 2]], [[1, 9]]], "uint8"), {"nodata": 9}, {}),  # declared
        (np.array([[[1, 2]], [[1, 9]]], "uint8"), {}, {"nodata": 9}),  # said in the settings
        (np.array([[[1, 2]], [[1, np.nan]]], "float32"), {}, {}),  # no number
        (np.array([[[1, 2]], [[1, 2]]], "uint8"), {"mask": [[True, False]]}, {}),
    ],
)
def test_a_cell_that_lacks_one_band_is_missing(
    make_raster: Make, tmp_path: Path, values: np.ndarray, options: dict, said: dict
) -> None:
    make_raster("s2.tif", values, x=X, y=Y, pixel=10, **options)
    found = read(tmp_path, extra(bands=[1, 2], **said), Window(0, 1, 0, 2))
    assert found.valid.tolist() == [[True, False]]
    assert found.values.tolist() == [[[1, 0]], [[1, 0]]]


def test_a_missing_neighbour_loses_its_weight_and_does_not_spread(make_raster: Make, tmp_path: Path) -> None:
    make_raster("s2.tif", np.array([[4.0, np.nan, 8.0]], "float32"), x=X + 3, y=Y, pixel=10)
    found = read(tmp_path, extra(resampling="bilinear"), Window(0, 1, 0, 4))
    assert found.valid.tolist() == [[True, False, True, False]]
    assert found.values[0, 0].tolist() == [4.0, 0.0, 8.0, 0.0]


def test_bytes_that_cannot_be_read_are_missing_and_a_hole(make_raster: Make, tmp_path: Path) -> None:
    path = make_raster(
        "s2.tif", np.random.default_rng(0).integers(0, 255, (64, 64), "uint8"), x=X, y=Y, pixel=10,
        tiled=True, blockxsize=16, blockysize=16, compress="deflate",
    )  # fmt: skip
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(data)
    wide = Grid(UTM, X, Y, 10.0, 64, 64)
    found = read(tmp_path, extra(), wide.window, wide)
    assert "s2.tif" in found.holes[0].where
    assert not found.valid.all()


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 30), st.integers(0, 30), st.integers(1, 40), st.integers(1, 40), st.sampled_from([7.3, 10.0, 23.0])
)
def test_no_window_shows(row: int, col: int, height: int, width: int, pixel: float) -> None:
    cells = Grid(UTM, X, Y, 10.0, 130, 150)  # more than one tile
    whole, part = _wide(pixel, cells, cells.window), Window(row + 80, row + 80 + height, col + 90, col + 90 + width)
    part = part.intersect(cells.window)
    found, rows_cols = _wide(pixel, cells, part), part.slices_in(cells.window)
    np.testing.assert_array_equal(found.values, whole.values[:, *rows_cols])
    np.testing.assert_array_equal(found.valid, whole.valid[rows_cols])


_FOLDERS: dict[float, Path] = {}


@pytest.fixture(autouse=True, scope="module")
def _pictures(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Noise in degrees and in other pixels, with holes."""
    for pixel in (7.3, 10.0, 23.0):
        folder = tmp_path_factory.mktemp("noise")
        side = int(1600 / pixel)
        values = np.random.default_rng(1).normal(0, 1, (2, side, side)).astype("float32")
        values[0, ::9, ::5] = np.nan
        write_raster(
            folder / "s2.tif", values, Grid(UTM, X - 13.7, Y + 5.1, pixel, side, side), Window(0, side, 0, side)
        )
        _FOLDERS[pixel] = folder


def _wide(pixel: float, cells: Grid, window: Window) -> Cells:
    return read(_FOLDERS[pixel], extra(bands=[1, 2]), window, cells)


def test_latitude_is_that_of_the_cell_s_centre() -> None:
    found = latitude_cells(CELLS, Window(0, 4, 0, 5))
    assert found.valid.all()
    north, south = found.values[0, 0, 0], found.values[0, 3, 0]
    assert 29.9 < south < north < 30.1
    assert (north - south) * 110_850 == pytest.approx(
        30, abs=0.5
    )  # metres of a degree there; float32 knows half a metre
    np.testing.assert_array_equal(latitude_cells(CELLS, Window(2, 4, 1, 3)).values, found.values[:, 2:4, 1:3])


def test_a_cell_between_two_scenes_has_the_mean_of_their_months() -> None:
    scene_of = np.array([[1, 1, 2, 2, 3, 3], [1, 2, 2, 0, 3, 3]], "uint16")
    found = month_cells(scene_of, {1: 3, 2: 9}, 2)  # opposite ends of the year; scene 3 has no date
    angle = 2 * np.pi * 2.5 / 12
    np.testing.assert_allclose(found.values[:, 0, 0], [np.sin(angle) / 2, np.cos(angle) / 2], atol=1e-7)
    np.testing.assert_allclose(found.values[:, 0, 1], [-np.sin(angle), -np.cos(angle)], atol=1e-7)
    assert found.valid.tolist() == [[True, True, False]]
    assert not month_cells(scene_of, {}, 2).valid.any()


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"kind": "month", "paths": ["a.tif"]}, "month is computed here: it has no paths of yours"),
        ({"kind": "latitude", "unit": "feet"}, "latitude is computed here: it has no unit of yours"),
        ({"name": "dem", "unit": "m", **RIGHTS}, "an extra of kind raster needs paths"),
        ({"name": "dem", "paths": ["a"], **RIGHTS}, "unit"),
        ({"name": "dem", "unit": "m", "paths": ["a"]}, "licence"),
        ({"name": "dem", "unit": "m", "paths": ["a"], "bands": [1, 1], **RIGHTS}, "two bands have the same name"),
        ({"name": "dem", "unit": "m", "paths": ["a"], "band_names": ["a", "b"], **RIGHTS}, "one name for each"),
    ],
)
def test_settings_that_do_not_fit(said: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ExtraSettings(**said)


def test_computed_extras_need_no_rights_and_survive_json() -> None:
    month = ExtraSettings(kind="month")
    assert (month.name, month.channels, month.may_publish) == ("month", ("sine", "cosine"), True)
    assert ExtraSettings.model_validate(month.model_dump(mode="json")) == month


def test_files_that_cannot_be_an_extra(make_raster: Make, tmp_path: Path) -> None:
    make_raster("s2.tif", np.ones((2, 4, 5), "uint16"), x=X, y=Y, pixel=10)
    with pytest.raises(InputError, match="lacks a band"):
        read(tmp_path, extra(bands=[1, 3]))
    make_raster("far.tif", np.ones((4, 5)), x=X + 90_000, y=Y, pixel=10)
    with pytest.raises(GridError, match=r"an extra does not touch the project's grid.*may be missing"):
        read(tmp_path, extra(paths=["far.tif"]))
    make_raster("c.tif", np.ones((4, 5), "complex64"), x=X, y=Y, pixel=10)
    with pytest.raises(InputError, match=r"a type we do not take.*complex64"):
        read(tmp_path, extra(paths=["c.tif"]))
    make_raster("fine.tif", np.ones((40, 50)), x=X, y=Y, pixel=0.2)
    with pytest.raises(InputError, match=r"far finer than its cells.*at most 32.*got 50"):
        read(tmp_path, extra(paths=["fine.tif"]))
    with pytest.raises(InputError, match="no file matches"):
        read(tmp_path, extra(paths=["none.tif"]))


# --- the stage --------------------------------------------------------------------------------------------------------


def step(context: Context, *extras: ExtraSettings) -> Stage:
    """The steps of extras, on a workspace that has scenes."""
    store = context.store("layers/scene")
    scene_of = np.ones(GRID.shape, "uint16")
    scene_of[:, 25:] = 2
    for block in store.blocks:
        rows, cols = block.window.slices_in(GRID.window)
        write_raster(store.path(block), scene_of[None, rows, cols], GRID, block.window, nodata=0)
    write_json(
        context.work / "layers/scenes.json",
        [{"index": 1, "date": "2020-03-09"}, {"index": 2, "date": None}],
    )
    return Stage("layers", (lambda c: extras_table(extras, c), lambda c: extras_step(extras, c)))


def test_blocks_of_any_size_hold_the_same_cells(
    make_raster: Make, make_context: Callable[..., Context], tmp_path: Path
) -> None:
    make_raster("s2.tif", np.random.default_rng(2).normal(0, 1, (2, 9, 9)).astype("float32"), x=X - 4, y=Y + 7, pixel=8)
    extras = extra(bands=[1, 2]), ExtraSettings(kind="latitude"), ExtraSettings(kind="month")
    found = {}
    for block_px in (20, 30, 100):
        context = make_context(GRID, block_px)
        stage = step(context, *extras)
        assert run_stage(stage, context).holes == ()
        assert {decision for _, decision in plan_stage(stage, context)} == {"keep"}
        for one in extras:
            patch = extra_store(context.work, GRID, block_px, one.name).read(CELLS.window)
            found.setdefault(one.name, []).append((patch.values.tobytes(), patch.valid.tobytes()))
    assert {name: len(set(kinds)) for name, kinds in found.items()} == {"s2": 1, "latitude": 1, "month": 1}
    month = extra_store(context.work, GRID, 100, "month").read(CELLS.window)
    assert month.valid.tolist()[0] == [True, True, True, False, False]  # the third cell is half of the dated scene
    rows = {row["name"]: row for row in read_json(context.work / TABLE)}
    assert (rows["s2"]["unit"], rows["s2"]["licence"]) == ("reflectance", "CC0-1.0")
    assert extras[0].layer() == ExtraLayer("s2", ("band 1", "band 2"), "reflectance")
    assert len(extras[2].layer().scale or ()) == 2


def test_blocks_know_the_files_that_they_meet_without_a_look_at_all(
    make_raster: Make, make_context: Callable[..., Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    for row, col in np.ndindex(4, 5):  # a file for each cell of the lattice, and one that lies over all
        make_raster(f"s2_{row}{col}.tif", np.ones((1, 1)), x=X + 10 * col, y=Y - 10 * row, pixel=10)
    make_raster("s2_all.tif", np.ones((4, 5)), x=X, y=Y, pixel=10)
    context = make_context(GRID, 10)
    stage, compared, intersect = step(context, extra()), [], Window.intersect
    list_extra_sheets(extra(), context.project_dir, CELLS)
    monkeypatch.setattr(Window, "intersect", lambda self, other: compared.append(0) or intersect(self, other))
    tasks = stage.steps[1](context)
    found = {task.arguments["block"].window.edges: [path.name for path in task.inputs] for task in tasks}
    assert found == {(r, r + 1, c, c + 1): [f"s2_{r}{c}.tif", "s2_all.tif"] for r, c in np.ndindex(4, 5)}
    assert len(compared) < 5 * 20  # 20 blocks; each with each of the 21 files would be 420


def test_only_what_depends_on_a_changed_file_is_made_again(
    make_raster: Make, make_context: Callable[..., Context]
) -> None:
    make_raster("s2_a.tif", np.ones((4, 2)), x=X, y=Y, pixel=10)
    make_raster("s2_b.tif", np.ones((4, 2)), x=X + 40, y=Y, pixel=10)
    context = make_context(GRID, 20)
    stage = step(context, extra(), ExtraSettings(kind="month"))
    run_stage(stage, context)
    make_raster("s2_b.tif", np.ones((4, 2)) * 2, x=X + 40, y=Y, pixel=10)
    again = [task.key for task, decision in plan_stage(stage, context) if decision == "remake"]
    assert again == ["layers/extras/s2/r0000c0002", "layers/extras/s2/r0001c0002"]
    write_json(context.work / "layers/scenes.json", [{"index": 1, "date": "2020-04-09"}, {"index": 2, "date": None}])
    again = [task.key for task, decision in plan_stage(stage, context) if decision == "remake"]
    assert len(again) == 2 + 6
