"""COGs: valid, class-safe, the same bytes each time, bounded in memory."""

import hashlib
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from l2h.core.cog import CogStyle, write_cog
from l2h.core.errors import GridError, StorageError
from l2h.core.grid import Grid, Window
from l2h.core.inspect import inspect_raster
from l2h.core.legend import load_legend
from l2h.core.patch import Patch

LEGEND = load_legend("sinolc1")
GRID = Grid("EPSG:32650", 500_000.0, 4_000_000.0, 1.0, 1400, 1300)


@dataclass(frozen=True)
class Array:
    """A reader over an array that covers its grid; zero is not valid."""

    grid: Grid
    values: np.ndarray

    def read(self, window: Window) -> Patch:
        rows, cols = window.slices_in(self.grid.window)
        values = self.values[None, rows, cols]
        return Patch(values, values[0] > 0, window)


def classes(seed: int = 0, shape: tuple[int, int] = GRID.shape) -> np.ndarray:
    """Every class in 8-pixel patches with speckle, and a corner of nodata."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice(LEGEND.values, (shape[0] // 8 + 1, shape[1] // 8 + 1)).astype("uint8")
    values = np.kron(coarse, np.ones((8, 8), "uint8"))[: shape[0], : shape[1]]
    speckle = rng.random(shape) < 0.1
    values[speckle] = rng.choice(LEGEND.values, int(speckle.sum()))
    values[: shape[0] // 3, : shape[1] // 3] = 0
    return values


STYLE = CogStyle(0, "mode", LEGEND, tags={"licence": "CC-BY-4.0"})


def written(path: Path, values: np.ndarray, window: Window | None = None, style: CogStyle = STYLE) -> Path:
    write_cog(path, Array(GRID, values), window or GRID.window, style)
    return path


def test_is_a_valid_cog_with_its_pixels_colours_names_and_licence(tmp_path):
    values = classes()
    path = written(tmp_path / "a.tif", values)
    assert cog_validate(path, strict=True) == (True, [], [])
    with rasterio.open(path) as data:
        np.testing.assert_array_equal(data.read(1), values)
        assert data.nodata == 0
        assert data.colormap(1)[2] == (0, 100, 0, 255)
        assert data.colormap(1)[0] == (0, 0, 0, 0)
        assert data.tags(1)["class_2"] == "Tree cover"
        assert data.tags()["licence"] == "CC-BY-4.0"
        assert data.tags()["legend"] == "sinolc1"
        assert data.transform == GRID.transform
        assert data.compression.value == "DEFLATE"
        assert data.overviews(1) == [2, 4]


@pytest.mark.parametrize("overviews", ["mode", "nearest"])
def test_overviews_invent_no_class(tmp_path, overviews):
    values = np.where(classes() == 9, 9, 5).astype("uint8")  # a mean would be 7
    path = written(tmp_path / "a.tif", values, style=CogStyle(0, overviews, LEGEND))
    for level in (0, 1):
        with rasterio.open(path, overview_level=level) as data:
            assert set(np.unique(data.read(1))) == {5, 9}


def test_mode_overview_takes_the_commonest_class_and_nodata_does_not_vote(tmp_path):
    values = np.full(GRID.shape, 2, "uint8")
    values[0:2, 0:2] = [[5, 5], [9, 5]]
    values[0:2, 2:4] = [[0, 0], [0, 6]]
    path = written(tmp_path / "a.tif", values)
    with rasterio.open(path, overview_level=0) as data:
        np.testing.assert_array_equal(data.read(1)[0, :3], [5, 6, 2])


def test_same_bytes_on_rebuild_and_nothing_left_beside(tmp_path):
    digests = {hashlib.sha256(written(tmp_path / "a.tif", classes()).read_bytes()).hexdigest() for _ in range(3)}
    assert len(digests) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_bytes_do_not_depend_on_the_piece_in_memory(tmp_path, monkeypatch):
    first = written(tmp_path / "a.tif", classes()).read_bytes()
    monkeypatch.setattr("l2h.core.cog.STEP", 512)
    assert written(tmp_path / "b.tif", classes()).read_bytes() == first


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (701, 1), (513, 511), (7, 13), (701, 2), (3, 700)])
def test_awkward_sizes(tmp_path, shape):
    window = Window(600, 600 + shape[0], 500, 500 + shape[1])
    values = classes()
    path = written(tmp_path / "a.tif", values, window)
    assert cog_validate(path)[0]
    with rasterio.open(path) as data:
        np.testing.assert_array_equal(data.read(1), values[window.slices_in(GRID.window)])
        assert (data.transform.c, data.transform.f) == (500_500.0, 3_999_400.0)


def test_an_empty_window_is_refused(tmp_path):
    with pytest.raises(GridError, match="empty window"):
        written(tmp_path / "a.tif", classes(), Window(5, 5, 0, 10))
    assert list(tmp_path.iterdir()) == []


def test_missing_pixels_without_a_nodata_value_are_refused(tmp_path):
    with pytest.raises(GridError, match="no nodata value"):
        written(tmp_path / "a.tif", classes(), style=CogStyle(None, "nearest"))
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_fails_leaves_what_was_there(tmp_path):
    path = written(tmp_path / "a.tif", classes())
    before = path.read_bytes()

    class Broken(Array):
        def read(self, window):
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        write_cog(path, Broken(GRID, classes()), GRID.window, STYLE)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("limit", [300_000, 900_000])  # while the pixels are gathered, while the COG is made
def test_a_full_disk_is_one_clear_error(tmp_path, limit):
    rng = np.random.default_rng(0)
    noise = rng.choice(LEGEND.values, GRID.shape).astype("uint8")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # a write beyond it fails as on a full disk
    try:
        with pytest.raises(StorageError, match="cannot be written"):
            written(tmp_path / "a.tif", noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_inspect_finds_nothing_wrong_with_our_own(tmp_path):
    findings = inspect_raster(written(tmp_path / "a.tif", classes()))
    assert {f.severity for f in findings} == {"info"}


WIDE = """
import resource, sys
from pathlib import Path
import numpy as np
from l2h.core.cog import CogStyle, write_cog
from l2h.core.grid import Grid
from l2h.core.inspect import inspect_raster
from l2h.core.legend import load_legend
from l2h.core.patch import Patch

class Stripes:
    grid = Grid("EPSG:32650", 0.0, 4e6, 1.0, 1024, 200_000)
    def read(self, window):
        cols = np.arange(window.col_start, window.col_stop) * 2654435761 % 2**32 >> 24
        rows = np.arange(window.row_start, window.row_stop) * 40503 % 65536 >> 8
        values = (2 + (cols[None] ^ rows[:, None]) % 4).astype("uint8")
        return Patch(values[None], np.ones(window.shape, bool), window)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak()
path = Path(sys.argv[1])
write_cog(path, Stripes(), Stripes.grid.window, CogStyle(0, "mode", load_legend("sinolc1")))
inspect_raster(path)
sys.stdout.write(str(peak() - before))
"""


@pytest.mark.slow
def test_memory_stays_bounded_on_a_wide_raster(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", WIDE, tmp_path / "wide.tif"], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 500  # MB above the imports, for a raster of 205 MB
