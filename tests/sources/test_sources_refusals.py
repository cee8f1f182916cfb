"""One broken raster per rule."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from l2h.core.errors import GridError, InputError
from l2h.core.grid import Window
from l2h.core.raster import open_raster, read_window
from l2h.sources.paths import find_files, shown
from l2h.sources.reading import describe

Make = Callable[..., Path]
ZERO = np.zeros((4, 4), "uint8")


def test_a_good_raster_says_what_it_is(make_raster: Make) -> None:
    header = describe(make_raster("good.tif", ZERO, x=5, y=9, pixel=2, tags={"A": "b"}), (1,), "x")
    assert (header.frame.crs, header.frame.x, header.frame.y, header.frame.dx, header.frame.height) == (
        "EPSG:32650", 5, 9, 2, 4,
    )  # fmt: skip
    assert header.dtype == "uint8"
    assert header.tags["A"] == "b"


def test_oblong_pixels_are_taken_for_what_they_are(make_raster: Make) -> None:
    frame = describe(make_raster("oblong.tif", ZERO, transform=Affine(2, 0, 0, 0, -3, 0)), (1,), "x").frame
    assert (frame.dx, frame.dy) == (2, 3)


def test_a_missing_crs(make_raster: Make) -> None:
    with pytest.raises(GridError, match=r"no CRS \(layer 'x'.*gdal_edit"):
        describe(make_raster("nocrs.tif", ZERO, crs=None), (1,), "x")


@pytest.mark.parametrize(
    "transform",
    [Affine(1, 0.1, 0, 0, -1, 0), Affine(1, 0, 0, 0.1, -1, 0), Affine(1, 0, 9, 0, 1, 9), Affine(-1, 0, 9, 0, -1, 0)],
)
def test_a_rotated_or_flipped_grid_is_refused_with_its_numbers(make_raster: Make, transform: Affine) -> None:
    with pytest.raises(GridError, match=r"rotated or flipped.*got a=-?1"):
        describe(make_raster("turned.tif", ZERO, transform=transform), (1,), "x")


def test_a_missing_band(make_raster: Make) -> None:
    with pytest.raises(InputError, match=r"lacks a band.*expected bands \[1, 2\], got 1"):
        describe(make_raster("one.tif", ZERO), (1, 2), "x")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint32"])
def test_values_that_are_no_small_integers(make_raster: Make, dtype: str) -> None:
    values = np.full((4, 4), np.nan if dtype.startswith("float") else 1).astype(dtype)
    with pytest.raises(InputError, match=f"a type we do not take.*got {dtype}"):
        describe(make_raster("float.tif", values), (1,), "x")


def test_files_that_are_no_rasters(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\x00 and then nothing of sense")
    (tmp_path / "b.tif").write_text("<VRTDataset/>")
    for name in ("a.tif", "b.tif", "missing.tif"):
        with pytest.raises(InputError, match="a raster"):
            describe(tmp_path / name, (1,), "x")


def test_a_small_file_that_decodes_to_a_huge_block_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    size = dict.fromkeys(("width", "height", "blockxsize", "blockysize"), 20_000)  # one tile of 400 MB, not written
    with rasterio.open(
        path, "w", driver="GTiff", count=1, dtype="uint8", crs=32650, transform=Affine(1, 0, 9, 0, -1, 9),
        tiled=True, sparse_ok=True, compress="DEFLATE", **size,
    ):  # fmt: skip
        pass
    assert path.stat().st_size < 10_000
    with pytest.raises(InputError, match=r"too large.*400,000,000 bytes"):
        describe(path, (1,), "x")
    with open_raster(path) as dataset, pytest.raises(InputError, match="too large"):
        read_window(dataset, Window(0, 1, 0, 1))


def test_globs_are_sorted_once_each_and_must_match(tmp_path: Path) -> None:
    for name in ("b.tif", "a.tif", "sub/c.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [p.name for p in find_files(tmp_path, ["b*.tif", "*.tif"], "x")] == ["b.tif", "a.tif"]
    assert [p.name for p in find_files(tmp_path, [f"{tmp_path}/**/c.tif"], "x")] == ["c.tif"]
    assert find_files(tmp_path / "sub", ["../a.tif"], "x") == (tmp_path / "sub" / "../a.tif",)
    with pytest.raises(InputError, match=r"no file matches \(layer 'x'\): got \*\.jp2"):
        find_files(tmp_path, ["*.tif", "*.jp2"], "x")
    assert shown(tmp_path / "sub" / "c.tif", tmp_path) == "sub/c.tif"
    assert shown(Path("/elsewhere/c.tif"), tmp_path) == "/elsewhere/c.tif"
