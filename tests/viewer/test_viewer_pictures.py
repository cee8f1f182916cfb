"""Pictures around a point: the right pixels in the right places."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_place import GRID, picture

from l2h.core.errors import InputError
from l2h.core.grid import Window
from l2h.project import load_project
from l2h.viewer.pictures import Album, SceneDay, shrink, window_around, zoom_sides


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_the_point_lies_in_the_middle_of_an_odd_window() -> None:
    assert window_around(10, 20, 5) == Window(8, 13, 18, 23)
    assert zoom_sides(1.0) == (41, 201, 1001)
    assert zoom_sides(2.0) == (21, 101, 501)
    assert all(side % 2 for side in zoom_sides(0.7))


def test_averaging_leaves_out_what_is_not_valid() -> None:
    values = np.array([[[10, 30, 7], [20, 40, 9]]], "uint8")
    valid = np.array([[True, True, False], [True, False, False]])
    found = shrink(values, valid, limit=2)
    assert found.tolist() == [[[20, 20, 20, 255], [0, 0, 0, 0]]]


def test_a_picture_shows_the_place_and_its_border(place: Path) -> None:
    album = Album(place, load_project(place), GRID)
    found = pixels(album.picture(window_around(0, 0, 5)))
    assert found[2, 2].tolist() == [100, 100, 0, 255]
    assert found[4, 3].tolist() == [102, 101, 1, 255]
    assert found[1, 2].tolist() == [0, 0, 0, 0]
    across = pixels(album.picture(window_around(40, 40, 5)))
    assert np.array_equal(across[..., :3], picture(100)[:, 38:43, 38:43].transpose(1, 2, 0))
    assert not pixels(album.picture(window_around(-50, 0, 5))).any()
    album.close()


def test_other_dates_come_from_the_scenes_themselves(place: Path) -> None:
    album = Album(place, load_project(place), GRID)
    assert album.scenes_at(5, 3) == (SceneDay(2, "2021-03-04"), SceneDay(1, "2020-01-02"))
    assert pixels(album.picture(window_around(5, 3, 5), 1))[2, 2].tolist() == [5, 3, 4, 255]
    with pytest.raises(InputError, match="no such scene"):
        album.picture(window_around(5, 3, 5), 3)
    album.close()


def test_scenes_that_have_gone_are_spoken_of(place: Path) -> None:
    for path in (place / "scenes").iterdir():
        path.unlink()
    album = Album(place, load_project(place), GRID)
    assert album.scenes_at(5, 3) == (SceneDay(2, "2021-03-04"),)
    assert "scenes" in album.lacking
    album.close()
