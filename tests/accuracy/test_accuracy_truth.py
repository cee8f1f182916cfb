"""A truth raster is read on the lattice or refused."""

import numpy as np
import pytest

from l2h.accuracy.truth import Truth, check_truth, lattice_offset
from l2h.core.errors import GridError, InputError
from l2h.core.grid import Grid, Window
from l2h.core.raster import open_raster, write_raster

GRID = Grid("EPSG:32650", 500_000.0, 4_000_000.0, 1.0, 6, 8)


def test_a_shifted_truth_lands_on_its_pixels(tmp_path):
    inner = Grid("EPSG:32650", 500_002.0, 3_999_999.0, 1.0, 3, 4)  # starts at row 1, column 2
    values = np.arange(1, 13, dtype="uint8").reshape(1, 3, 4) % 10
    write_raster(tmp_path / "t.tif", values, inner, inner.window, nodata=0)
    with open_raster(tmp_path / "t.tif") as dataset:
        patch = Truth(dataset, GRID).read(Window(0, 3, 1, 5))
    assert patch.values[0].tolist() == [[0, 0, 0, 0], [0, 1, 2, 3], [0, 5, 6, 7]]
    assert patch.valid.tolist() == [[False] * 4, [False, True, True, True], [False, True, True, True]]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Grid("EPSG:32649", 500_000.0, 4_000_000.0, 1.0, 6, 8), "another CRS"),
        (Grid("EPSG:32650", 500_000.0, 4_000_000.0, 2.0, 6, 8), "another pixel"),
        (Grid("EPSG:32650", 500_000.5, 4_000_000.0, 1.0, 6, 8), "between the lattice's pixels"),
    ],
)
def test_another_lattice_is_refused(other, message):
    with pytest.raises(GridError, match=message):
        lattice_offset(other, GRID, "truth.tif")


def test_a_missing_truth_is_named(tmp_path):
    with pytest.raises(InputError, match=r"truth\.tif"):
        check_truth(tmp_path / "truth.tif", GRID)
