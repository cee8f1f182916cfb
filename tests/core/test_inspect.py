"""One planted fault per rule; the finding names it and nothing else is wrong."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.core.errors import InputError
from l2h.core.grid import Window
from l2h.core.inspect import chunks, describe, inspect_raster
from l2h.core.legend import load_legend
from l2h.core.strips import LineHashes, RasterHashes, Strip, empty_strips, repeated_strips

LEGEND = load_legend("sinolc1")


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(LEGEND.values, (height, width)).astype("uint8")


def raster(path: Path, values: np.ndarray, *, colours: bool = True, overviews: bool = True, **profile: object) -> Path:
    """A faultless class raster, but for what the test changes."""
    bands = values if values.ndim == 3 else values[None]
    given_profile = {
        "crs": "EPSG:32650", "transform": Affine(1, 0, 5e5, 0, -1, 4e6), "nodata": 0, "compress": "DEFLATE",
        "tiled": True, "blockxsize": 256, "blockysize": 256,
    } | profile  # fmt: skip
    with rasterio.open(
        path, "w", driver="GTiff", count=bands.shape[0], height=bands.shape[1], width=bands.shape[2],
        dtype=bands.dtype.name, **given_profile,
    ) as out:  # fmt: skip
        out.write(bands)
        if colours:
            out.write_colormap(1, LEGEND.colormap)
        if overviews:
            out.build_overviews([2], rasterio.enums.Resampling.nearest)
    return path


def faults(path: Path, **options: object) -> list[tuple[str, str, str]]:
    found = inspect_raster(path, **options)
    return [(f.severity, f.rule, f.place) for f in found if f.severity != "info"]


def test_a_faultless_raster(tmp_path):
    path = raster(tmp_path / "a.tif", noise(600, 700))
    assert faults(path) == []
    facts = describe(path)
    assert (facts["height"], facts["width"], facts["bands"], facts["dtype"]) == (600, 700, 1, "uint8")
    assert (facts["crs"], facts["pixel"], facts["nodata"]) == ("EPSG:32650", [1.0, 1.0], 0.0)
    assert (facts["tiled"], facts["overviews"], facts["compression"]) == (True, [2], "deflate")


def test_codes_outside_the_legend(tmp_path):
    values = noise(50, 60)
    values[3, 4:7], values[9, 9] = 11, 200
    found = [f for f in inspect_raster(raster(tmp_path / "a.tif", values)) if f.severity == "error"]
    assert [f.rule for f in found] == ["code-outside-legend"] * 2
    assert found[0].message == "code 11 is not in legend 'sinolc1' (3 px)"
    assert found[1].message == "code 200 is not in legend 'sinolc1' (1 px)"


def test_a_raster_of_another_shipped_legend_is_recognised(tmp_path):
    values = np.random.default_rng(0).choice([10, 20, 95], (50, 60)).astype("uint8")
    path = raster(tmp_path / "a.tif", values)
    assert faults(path) == []
    assert [r for _, r, _ in faults(path, legend=LEGEND)] == ["code-outside-legend"] * 2  # 20 and 95; 10 is wetland


def test_not_tiled_and_no_overviews(tmp_path):
    path = raster(tmp_path / "a.tif", noise(600, 700), tiled=False, blockxsize=None, blockysize=1, overviews=False)
    assert faults(path) == [("warning", "not-tiled", ""), ("warning", "no-overviews", "")]


def test_a_small_raster_needs_neither(tmp_path):
    path = raster(tmp_path / "a.tif", noise(9, 9), tiled=False, blockxsize=None, blockysize=1, overviews=False)
    assert faults(path) == []


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_no_crs_and_no_place(tmp_path):
    path = raster(tmp_path / "a.tif", noise(9, 9), crs=None, transform=Affine.identity())
    assert faults(path) == [("error", "no-crs", ""), ("error", "no-transform", "")]


def test_flipped_and_oblong_grids(tmp_path):
    flipped = raster(tmp_path / "a.tif", noise(9, 9), transform=Affine(1, 0, 5e5, 0, 1, 4e6))
    assert faults(flipped) == [("error", "not-north-up", "")]
    oblong = raster(tmp_path / "b.tif", noise(9, 9), transform=Affine(1, 0, 5e5, 0, -2, 4e6))
    assert faults(oblong) == [("warning", "oblong-pixels", "")]


def test_no_colour_table(tmp_path):
    assert faults(raster(tmp_path / "a.tif", noise(9, 9), colours=False)) == [("warning", "no-colour-table", "")]


def test_nodata_share_and_all_nodata(tmp_path):
    values = noise(10, 10)
    values[:2] = 0
    found = inspect_raster(raster(tmp_path / "a.tif", values))
    assert "20.0% of the pixels are nodata (20)" in [f.message for f in found]
    assert ("error", "all-nodata", "") in faults(raster(tmp_path / "b.tif", values * 0))


def test_zeros_that_nobody_declared(tmp_path):
    values = noise(10, 10)
    values[0, 0] = 0
    path = raster(tmp_path / "a.tif", values, nodata=None)
    assert faults(path) == [("warning", "no-nodata", "")]


def test_repeated_columns_on_the_right_as_published(tmp_path):
    values = noise(300, 500)
    values[:, 450:] = values[:, 400:450]
    found = [f for f in inspect_raster(raster(tmp_path / "a.tif", values)) if f.severity == "error"]
    assert [(f.rule, f.place) for f in found] == [("repeated-columns", "columns 450:500")]
    assert found[0].message == "50 columns repeat columns 400:450 exactly"


def test_repeated_rows_far_apart(tmp_path):
    values = noise(500, 300)
    values[480:500] = values[10:30]
    assert faults(raster(tmp_path / "a.tif", values)) == [("error", "repeated-rows", "rows 480:500")]


def test_fewer_lines_than_the_threshold_are_chance(tmp_path):
    values = noise(100, 300)
    values[85:100] = values[10:25]
    path = raster(tmp_path / "a.tif", values)
    assert faults(path) == []
    assert faults(path, min_strip=15) == [("error", "repeated-rows", "rows 85:100")]


def test_vertical_borders_and_constant_rows_are_no_repeat(tmp_path):
    values = np.full((200, 200), 2, "uint8")
    values[:100, 100:] = 5  # two hundred equal rows in two kinds
    assert faults(raster(tmp_path / "a.tif", values)) == []


def test_empty_rows_between_values(tmp_path):
    values = noise(100, 80)
    values[40:60] = 0
    assert faults(raster(tmp_path / "a.tif", values)) == [("warning", "empty-rows", "rows 40:60")]


def test_repeats_in_wide_types_and_many_bands(tmp_path):
    values = np.random.default_rng(0).integers(0, 60_000, (3, 120, 90)).astype("uint16")
    values[:, 100:] = values[:, 50:70]
    path = raster(tmp_path / "a.tif", values, nodata=None, colours=False)
    assert faults(path) == [("error", "repeated-rows", "rows 100:120")]
    values[2, 110] = 1  # one band differs in one row: the runs are 10 and 9 long
    assert faults(raster(tmp_path / "b.tif", values, nodata=None, colours=False)) == []


def test_a_corrupt_block_is_named_and_the_rest_is_read(tmp_path):
    path = raster(tmp_path / "a.tif", noise(512, 4096 + 256), overviews=False)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = b"\xff" * 2000
    path.write_bytes(data)
    found = [f for f in inspect_raster(path) if f.rule == "unreadable"]
    assert [f.place for f in found] == ["rows 0:512, columns 0:4096"]


def test_a_file_that_is_no_raster(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"hello")
    with pytest.raises(InputError, match="format"):
        inspect_raster(tmp_path / "a.tif")
    with pytest.raises(InputError, match="missing"):
        describe(tmp_path / "b.tif")


def test_a_block_too_large_to_read_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("l2h.core.inspect.LARGEST_BLOCK_BYTES", 10_000)
    assert faults(raster(tmp_path / "a.tif", noise(300, 300))) == [("error", "block-too-large", "")]


@given(st.integers(1, 9000), st.integers(1, 9000), st.integers(1, 600), st.integers(1, 9000))
def test_chunks_cover_each_pixel_once(height, width, block_rows, block_cols):
    block_rows, block_cols = min(block_rows, height), min(block_cols, width)
    parts = list(chunks(height, width, (block_rows, block_cols)))
    assert sum(w.pixels for w in parts) == height * width
    assert all(w.row_start % block_rows == 0 and w.col_start % block_cols == 0 for w in parts)


def hashed(values: np.ndarray, cuts: tuple[int, ...] = ()) -> RasterHashes:
    """Hashes gathered in pieces cut at these rows and columns, the last piece first."""
    hashes = RasterHashes(*values.shape)
    rows, cols = ([0, *(c for c in cuts if c < side), side] for side in values.shape)
    for top, bottom in reversed(list(pairwise(rows))):
        for left, right in reversed(list(pairwise(cols))):
            part = values[top:bottom, left:right]
            hashes.add(part, np.ones(part.shape, bool), Window(top, bottom, left, right), 1)
    return hashes


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 1000),
    st.lists(st.integers(1, 49), unique=True, max_size=4).map(sorted),
    st.sampled_from(["uint8", "uint16", "float32"]),
)
def test_hashes_do_not_depend_on_the_windows(seed, cuts, dtype):
    values = np.random.default_rng(seed).integers(0, 3, (20, 50)).astype(dtype)
    whole, cut = hashed(values), hashed(values, tuple(cuts))
    for one, other, lines in ((whole.rows, cut.rows, values), (whole.columns, cut.columns, values.T)):
        np.testing.assert_array_equal(one.hashes, other.hashes)
        np.testing.assert_array_equal(one.changes, other.changes)
        np.testing.assert_array_equal(one.changes, (lines != lines[:, :1]).any(1))
        equal_lines = (lines[:, None] == lines[None]).all(2)
        np.testing.assert_array_equal((one.hashes[:, None] == one.hashes[None]).all(2), equal_lines)


def test_long_lines_are_hashed_exactly():
    values = np.full((2, 20_000), 255, "uint8")
    values[1, 19_999] = 254
    low, high = hashed(values).rows.hashes[:, 0].tolist()
    pieces = hashed(values, tuple(range(1000, 20_000, 1000))).rows.hashes[:, 0].tolist()
    assert [low, high] == pieces
    assert low != high


def test_strips_checked_by_hand():
    values = np.array([[1, 2], [3, 4], [5, 6], [9, 9], [1, 2], [3, 4], [5, 6]], "uint8")
    assert repeated_strips(hashed(values).rows, 3) == [Strip(4, 7, 0, 3)]
    assert repeated_strips(hashed(values).rows, 4) == []
    lines = LineHashes(5)
    lines.has_value[:] = [True, False, False, True, False]
    assert empty_strips(lines, 2) == [(1, 3)]
    assert repeated_strips(LineHashes(0), 1) == []
