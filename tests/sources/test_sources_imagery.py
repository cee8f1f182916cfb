"""Overlapping scenes become one picture."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from l2h.core.errors import GridError, InputError
from l2h.core.grid import Grid, Window
from l2h.sources.days import find_date
from l2h.sources.imagery import Mosaic, mosaic
from l2h.sources.scenes import list_scenes, scene_table
from l2h.sources.settings import ImagerySettings

UTM = "EPSG:32650"
Make = Callable[..., Path]
GRID = Grid(UTM, 0.0, 4.0, 1.0, 4, 6)


def entry(*paths: str, **keys: object) -> ImagerySettings:
    return ImagerySettings(**{"name": "img", "paths": paths, "bands": (1,), "licence": "CC0-1.0", **keys})


def picture(entries: list[ImagerySettings], folder: Path, grid: Grid, window: Window | None = None) -> Mosaic:
    scenes = list_scenes(entries, folder, grid)
    return mosaic(scenes, grid, window or grid.window, len(entries[0].bands))


def test_a_raster_full_of_zeros_is_a_picture_of_zeros(make_raster: Make, tmp_path: Path) -> None:
    make_raster("black.tif", np.zeros((4, 6), "uint8"), y=4)
    got = picture([entry("black.tif")], tmp_path, GRID)
    assert got.valid.all()
    assert got.values.max() == 0
    assert got.scene.min() == got.scene.max() == 1


def test_validity_comes_from_mask_and_nodata_of_all_bands_together(make_raster: Make, tmp_path: Path) -> None:
    values = np.array([[[0, 0, 7]], [[0, 5, 7]]], "uint8")
    make_raster("masked.tif", values, y=4, mask=[[True, False, True]])
    make_raster("declared.tif", values, y=3, nodata=0)
    make_raster("silent.tif", values, y=2)
    row = {
        name: picture([entry(f"{name}.tif", bands=(1, 2))], tmp_path, GRID) for name in ("masked", "declared", "silent")
    }
    np.testing.assert_array_equal(row["masked"].valid[0], [True, False, True, False, False, False])
    np.testing.assert_array_equal(row["declared"].valid[1], [False, True, True, False, False, False])
    np.testing.assert_array_equal(row["silent"].valid[2], [True, True, True, False, False, False])
    stated = picture([entry("silent.tif", bands=(1, 2), nodata=7)], tmp_path, GRID)
    np.testing.assert_array_equal(stated.valid[2], [True, True, False, False, False, False])


def test_the_newest_scene_wins_and_an_older_one_fills_its_gaps(make_raster: Make, tmp_path: Path) -> None:
    make_raster("a_20190101.tif", np.full((4, 6), 10), y=4)
    make_raster("b_2021-06-30.tif", np.full((4, 3), 20), y=4, mask=np.tri(4, 3, -1))
    make_raster("c_undated.tif", np.full((4, 6), 30), y=4)
    got = picture([entry("*.tif")], tmp_path, GRID)
    np.testing.assert_array_equal(got.values[0, :3], [[10] * 6, [20, 10, 10, 10, 10, 10], [20, 20, 10, 10, 10, 10]])
    assert set(np.unique(got.scene)) == {2, 3}  # indices by age: undated 1, 2019 2, 2021 3
    listed = picture([entry("c*.tif", "a*.tif", rank="listed")], tmp_path, GRID)
    assert listed.values.max() == listed.values.min() == 30


def test_entries_rank_in_their_order_whatever_their_dates(make_raster: Make, tmp_path: Path) -> None:
    make_raster("good_20100101.tif", np.full((4, 2), 1), y=4)
    make_raster("new_20230101.tif", np.full((4, 6), 2), y=4)
    got = picture([entry("good*.tif", name="good"), entry("new*.tif", name="new")], tmp_path, GRID)
    np.testing.assert_array_equal(got.values[0, 0], [1, 1, 2, 2, 2, 2])


def test_a_newer_scene_leaves_the_indices_of_the_others(make_raster: Make, tmp_path: Path) -> None:
    for name in ("a_20190101.tif", "b_20200101.tif"):
        make_raster(name, np.zeros((4, 6), "uint8"), y=4)
    before = {s.name: s.index for s in list_scenes([entry("*.tif")], tmp_path, GRID)}
    make_raster("a_20220101.tif", np.zeros((4, 6), "uint8"), y=4)
    after = {s.name: s.index for s in list_scenes([entry("*.tif")], tmp_path, GRID)}
    assert before.items() <= after.items()
    assert after["a_20220101"] == 3


def test_the_table_of_scenes_says_date_place_and_rights(make_raster: Make, tmp_path: Path) -> None:
    make_raster("in/s.tif", np.zeros((4, 6), "uint8"), y=4, tags={"TIFFTAG_DATETIME": "2018:07:09 10:11:12"})
    make_raster("in/t.tif", np.zeros((4, 6), "uint8"), y=4)
    source = entry("in/*.tif", attribution="© us", dates={"t": date(2020, 2, 29)})
    rows = scene_table(list_scenes([source], tmp_path, GRID), [source], tmp_path)
    assert [(r["index"], r["name"], r["path"], r["date"]) for r in rows] == [
        (1, "s", "in/s.tif", "2018-07-09"),
        (2, "t", "in/t.tif", "2020-02-29"),
    ]
    assert rows[0]["licence"] == "CC0-1.0"
    assert rows[0]["attribution"] == "© us"
    assert rows[0]["resampling"] == "copy"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("S2_20200229_x", date(2020, 2, 29)),
        ("2020-02-30", None),
        ("tile_12345678", None),
        ("2021:01:02 03:04", date(2021, 1, 2)),
        ("x120200101", None),
        ("99999999_20210304", date(2021, 3, 4)),
    ],
)
def test_dates_in_texts(text: str, day: date | None) -> None:
    assert find_date(text) == day


@pytest.mark.parametrize("shape", [(1, 1), (1, 13), (7, 1), (11, 13)])
def test_any_size_is_copied_whole(make_raster: Make, tmp_path: Path, shape: tuple[int, int]) -> None:
    values = np.arange(shape[0] * shape[1]).reshape(shape).astype("uint8")
    make_raster("s.tif", values, x=2, y=-1)
    got = picture([entry("s.tif")], tmp_path, Grid(UTM, 0.0, 0.0, 1.0, shape[0] + 2, shape[1] + 5))
    np.testing.assert_array_equal(got.values[0, 1:-1, 2:-3], values)
    assert got.valid.sum() == values.size


def test_sixteen_bits_are_scaled_before_they_are_kept(make_raster: Make, tmp_path: Path) -> None:
    make_raster("s.tif", np.array([[0, 500, 1000]], "uint16"), y=4)
    got = picture([entry("s.tif", scale=(0, 1000))], tmp_path, GRID)
    np.testing.assert_array_equal(got.values[0, 0, :3], [0, 128, 255])
    make_raster("half.tif", np.array([[0, 1000]], "uint16"), x=0.5, y=4)
    moved = picture([entry("half.tif", scale=(0, 1000))], tmp_path, GRID)
    np.testing.assert_array_equal(moved.values[0, 0, :3], [0, 128, 0])  # 0: its pixel holds the first centre's edge
    np.testing.assert_array_equal(moved.valid[0, :3], [True, True, False])


def test_a_finer_scene_is_averaged(make_raster: Make, tmp_path: Path) -> None:
    make_raster("fine.tif", np.array([[0, 100, 8, 8], [100, 200, 8, 8]], "uint8"), y=4, pixel=0.5)
    got = picture([entry("fine.tif")], tmp_path, GRID)
    np.testing.assert_array_equal(got.values[0, 0, :3], [100, 8, 0])
    np.testing.assert_array_equal(got.valid[0, :3], [True, True, False])


@pytest.mark.parametrize("how", ["nearest", "bilinear", "auto"])
def test_the_picture_does_not_depend_on_the_blocks_it_is_made_in(
    make_raster: Make, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("l2h.sources.imagery.TILE_PX", 20)
    rng = np.random.default_rng(0)
    grid = Grid(UTM, 500_000.0, 3_400_000.0, 1.0, 43, 37)
    x, y = 117.0, 30.7335  # WGS 84 of about the grid's corner
    for name, dx in (("a_20200101.tif", -1e-5), ("b_20210101.tif", 3e-4)):
        values = rng.integers(0, 256, (3, 80, 40)).astype("uint8")
        make_raster(name, values, x=x + dx, y=y, pixel=1.2e-5, crs="EPSG:4326", mask=rng.random((80, 40)) > 0.2)
    source = entry("*.tif", bands=(3, 1, 2), resampling=how)
    whole = picture([source], tmp_path, grid)
    assert 0.1 < whole.valid.mean() < 0.99
    assert len(np.unique(whole.scene)) == 3
    scenes = list_scenes([source], tmp_path, grid)
    for size in (7, 16, 64):
        values, scene = np.zeros_like(whole.values), np.zeros_like(whole.scene)
        for block in grid.blocks(size):
            part = mosaic(scenes, grid, block.window, 3)
            rows, cols = block.window.slices_in(grid.window)
            values[:, rows, cols], scene[rows, cols] = part.values, part.scene
        np.testing.assert_array_equal(values, whole.values)
        np.testing.assert_array_equal(scene, whole.scene)


def corrupt(path: Path, at: float) -> None:
    """Overwrite 200 bytes at a share of a file's length."""
    data = bytearray(path.read_bytes())
    start = int(len(data) * at)
    data[start : start + 200] = b"\xff" * 200
    path.write_bytes(data)


def test_a_corrupt_block_is_a_hole_in_its_tile_and_nowhere_else(
    make_raster: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("l2h.sources.imagery.TILE_PX", 16)
    values = np.random.default_rng(1).integers(1, 256, (64, 64)).astype("uint8")
    tiled = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "DEFLATE"}
    path = make_raster("s.tif", values, y=64, **tiled)
    corrupt(path, 0.5)
    grid = Grid(UTM, 0.0, 64.0, 1.0, 64, 64)
    got = picture([entry("s.tif")], tmp_path, grid)
    assert 1 <= len(got.holes) <= 2
    assert got.holes[0].where.startswith("imagery, scene 's', rows ")
    assert "cannot be read" in got.holes[0].reason
    assert (~got.valid).sum() == 256 * len(got.holes)
    np.testing.assert_array_equal(got.values[0], np.where(got.valid, values, 0))
    make_raster("t.tif", np.full((64, 64), 9), y=64)  # what one scene cannot give, the next may
    both = picture([entry("s.tif", "t.tif", rank="listed")], tmp_path, grid)
    assert both.holes == got.holes
    np.testing.assert_array_equal(both.values[0], np.where(got.valid, values, 9))


def test_a_truncated_scene_is_refused_before_anything_is_made(make_raster: Make, tmp_path: Path) -> None:
    path = make_raster("s.tif", np.full((64, 16), 7), y=64, blockysize=1)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match="a raster is truncated"):
        list_scenes([entry("s.tif")], tmp_path, GRID)


def test_imagery_is_refused_with_its_reason(make_raster: Make, tmp_path: Path) -> None:
    make_raster("wide.tif", np.zeros((2, 2), "uint16"), y=4)
    with pytest.raises(InputError, match="a scene of 16 bits has no stretch"):
        picture([entry("wide.tif")], tmp_path, GRID)
    make_raster("far.tif", np.zeros((2, 2), "uint8"), x=1000)
    with pytest.raises(GridError, match="no scene touches the project's grid"):
        list_scenes([entry("far.tif")], tmp_path, GRID)
    with pytest.raises(InputError, match="no file matches"):
        list_scenes([entry("none*.tif")], tmp_path, GRID)
    with pytest.raises(InputError, match="differ in their number of bands"):
        list_scenes([entry("a.tif"), entry("b.tif", name="b", bands=(1, 2))], tmp_path, GRID)
    with pytest.raises(InputError, match=r"two .* entries have the same name"):
        list_scenes([entry("a.tif"), entry("b.tif")], tmp_path, GRID)


def test_the_clearest_scene_wins_and_unknown_cloud_comes_last(make_raster: Make, tmp_path: Path) -> None:
    for name, value in (("a_20190101", 1), ("b_20200101", 2), ("c_20210101", 3), ("d_20180101", 4)):
        make_raster(f"{name}.tif", np.full((4, 6), value), y=4)
    clouds = {"a_20190101": 5.0, "b_20200101": 5.0, "d_20180101": 50.0}
    scenes = list_scenes([entry("*.tif", rank="least_cloud", clouds=clouds)], tmp_path, GRID)
    assert [scene.name[0] for scene in scenes] == ["b", "a", "d", "c"]  # of equals the newer
    rows = scene_table(scenes, [entry("*.tif")], tmp_path)
    assert [row["cloud_percent"] for row in rows] == [50.0, 5.0, 5.0, None]  # by age


def test_a_day_for_all_scenes_that_say_none(make_raster: Make, tmp_path: Path) -> None:
    make_raster("a_20190101.tif", np.zeros((4, 6), "uint8"), y=4)
    make_raster("b.tif", np.zeros((4, 6), "uint8"), y=4)
    scenes = list_scenes([entry("*.tif", date=date(2023, 5, 6))], tmp_path, GRID)
    assert [(s.name, s.date) for s in scenes] == [("b", date(2023, 5, 6)), ("a_20190101", date(2019, 1, 1))]


def test_too_many_scenes_say_which_layers_have_them_and_what_to_do(
    make_raster: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.tif", "b.tif", "c.tif"):
        make_raster(name, np.ones((3, 4, 4), "uint8"))
    monkeypatch.setattr("l2h.sources.scenes.MAX_SCENES", 2)
    assert len(list_scenes([entry("[ab].tif")], tmp_path, GRID)) == 2
    with pytest.raises(InputError) as raised:
        list_scenes([entry("[ab].tif"), entry("c.tif", name="more")], tmp_path, GRID)
    assert raised.value.where == "layer 'img': 2, layer 'more': 1"
    assert (raised.value.expected, raised.value.got) == ("at most 2 files that touch the grid", "3")
    assert "Merge the files" in raised.value.hint
