"""The raster edge: what is written comes back, and what cannot be trusted is refused."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from l2h.core.errors import GridError, InputError, StorageError
from l2h.core.grid import Grid, Window
from l2h.core.legend import load_legend
from l2h.core.raster import grid_of, open_raster, read_window, write_raster

GRID = Grid("EPSG:32650", 500_000.0, 3_400_000.0, 1.0, 40, 60)
WINDOW = Window(10, 13, 20, 25)


def values_of(window: Window, bands: int = 1) -> np.ndarray:
    return np.arange(bands * window.pixels, dtype="uint8").reshape(bands, *window.shape)


def make_tiff(path: Path, transform: Affine, crs: str | None = "EPSG:32650", shape: tuple[int, int] = (4, 5)) -> Path:
    """A raster of somebody else's, written without our own code."""
    profile = {"driver": "GTiff", "count": 1, "height": shape[0], "width": shape[1], "dtype": "uint8"}
    with rasterio.open(path, "w", crs=crs, transform=transform, **profile) as out:
        out.write(np.arange(shape[0] * shape[1], dtype="uint8").reshape(1, *shape))
    return path


NORTH_UP = Affine(2.0, 0.0, 100.0, 0.0, -2.0, 900.0)


def test_a_written_window_lies_where_it_belongs(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", values_of(WINDOW, 2), GRID, WINDOW)
    with open_raster(tmp_path / "a.tif") as dataset:
        assert grid_of(dataset) == Grid("EPSG:32650", 500_020.0, 3_399_990.0, 1.0, 3, 5)
        patch = read_window(dataset, Window(0, 3, 0, 5))
    assert (patch.values == values_of(WINDOW, 2)).all()
    assert patch.valid.all()


def test_zeros_are_values(tmp_path: Path) -> None:
    """A raster full of zeros is not a raster of nodata."""
    write_raster(tmp_path / "zero.tif", np.zeros((1, 3, 5), "uint8"), GRID, WINDOW)
    with open_raster(tmp_path / "zero.tif") as dataset:
        assert read_window(dataset, Window(0, 3, 0, 5)).valid.all()


@pytest.mark.parametrize(
    ("dtype", "nodata"), [("uint8", 3), ("int16", -9999), ("uint16", 65535), ("float32", -1.5), ("float32", np.nan)]
)
def test_validity_is_what_gdals_mask_says(tmp_path: Path, dtype: str, nodata: float) -> None:
    values = np.array([[[nodata, 1, 2], [3, nodata, 5]], [[0, 1, nodata], [3, nodata, 5]]], dtype)
    profile = {"driver": "GTiff", "count": 2, "height": 2, "width": 3, "dtype": dtype, "nodata": nodata}
    with rasterio.open(tmp_path / "a.tif", "w", crs="EPSG:32650", transform=NORTH_UP, **profile) as out:
        out.write(values)
    with open_raster(tmp_path / "a.tif") as dataset:
        for bands in ([1], [1, 2]):
            mask = (dataset.read_masks(bands) > 0).all(0)
            assert read_window(dataset, Window(0, 2, 0, 3), bands).valid.tolist() == mask.tolist()
            assert not mask.all()


def test_zeros_are_nodata_where_it_is_declared(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", values_of(WINDOW), GRID, WINDOW, nodata=0)
    with open_raster(tmp_path / "a.tif") as dataset:
        valid = read_window(dataset, Window(0, 3, 0, 5)).valid
    assert valid.sum() == 14
    assert not valid[0, 0]


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 5, 12])
@pytest.mark.parametrize("masked", [False, True])
def test_no_number_of_bands_makes_a_band_mean_transparency(tmp_path: Path, bands: int, masked: bool) -> None:
    valid = np.array([[True, False, True, True, False]] * 3)
    write_raster(
        tmp_path / "a.tif", np.zeros((bands, 3, 5), "uint8"), GRID, WINDOW, valid=valid if masked else None
    )  # fmt: skip
    with open_raster(tmp_path / "a.tif") as dataset:
        patch = read_window(dataset, Window(0, 3, 0, 5))
    assert (patch.valid == (valid if masked else True)).all()
    assert len(patch.values) == bands


def test_a_mask_keeps_the_values_below_it(tmp_path: Path) -> None:
    valid = np.zeros((3, 5), bool)
    valid[1, 2] = True
    write_raster(tmp_path / "a.tif", values_of(WINDOW, 3), GRID, WINDOW, valid=valid)
    with open_raster(tmp_path / "a.tif") as dataset:
        patch = read_window(dataset, Window(0, 3, 0, 5))
        band = read_window(dataset, Window(1, 2, 2, 3), bands=[3])
    assert (patch.values == values_of(WINDOW, 3)).all()
    assert (patch.valid == valid).all()
    assert band.values.tolist() == [[[37]]]


def test_every_chosen_band_must_be_valid(tmp_path: Path) -> None:
    values = np.array([[[0, 1, 2]], [[3, 0, 4]]], "uint8")
    write_raster(tmp_path / "a.tif", values, GRID, Window(0, 1, 0, 3), nodata=0)
    with open_raster(tmp_path / "a.tif") as dataset:
        assert read_window(dataset, Window(0, 1, 0, 3)).valid.tolist() == [[False, False, True]]
        assert read_window(dataset, Window(0, 1, 0, 3), bands=[2]).valid.tolist() == [[True, False, True]]


def test_what_lies_outside_is_invalid(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", values_of(WINDOW), GRID, WINDOW)
    with open_raster(tmp_path / "a.tif") as dataset:
        patch = read_window(dataset, Window(-1, 1, 4, 6))
        away = read_window(dataset, Window(50, 52, 0, 1))
    assert patch.values.tolist() == [[[0, 0], [4, 0]]]
    assert patch.valid.tolist() == [[False, False], [True, False]]
    assert not away.valid.any()


@given(
    hnp.arrays(
        st.sampled_from(["uint8", "uint16", "int16", "float32"]),
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=19),
        elements=st.integers(0, 200),
    ),
    st.data(),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_array_comes_back(tmp_path: Path, values: np.ndarray, data: st.DataObject) -> None:
    """1 × 1, 1 × n, odd sizes; with a mask."""
    window = Window(3, 3 + values.shape[1], 5, 5 + values.shape[2])
    valid = data.draw(hnp.arrays(bool, window.shape))
    write_raster(tmp_path / "a.tif", values, GRID, window, valid=valid)
    with open_raster(tmp_path / "a.tif") as dataset:
        patch = read_window(dataset, Window(0, window.height, 0, window.width))
    assert patch.values.dtype == values.dtype
    assert (patch.values == values).all()
    assert (patch.valid == valid).all()


def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    values = np.random.default_rng(3).integers(1, 13, (1, 300, 301)).astype("uint8")
    window, legend = Window(0, 300, 0, 301), load_legend("sinolc1")
    for name in ("one.tif", "other/two.tif"):
        write_raster(tmp_path / name, values, GRID, window, nodata=0, legend=legend, tags={"b": "2", "a": "ü"})
    assert (tmp_path / "one.tif").read_bytes() == (tmp_path / "other/two.tif").read_bytes()


def test_colours_and_tags_travel(tmp_path: Path) -> None:
    write_raster(
        tmp_path / "a.tif", np.full((1, 3, 5), 2, "uint8"), GRID, WINDOW,
        nodata=0, legend=load_legend("sinolc1"), tags={"LICENCE": "CC BY 4.0"},
    )  # fmt: skip
    with open_raster(tmp_path / "a.tif") as dataset:
        assert dataset.colormap(1)[2] == (0, 100, 0, 255)
        assert dataset.colormap(1)[12] == (250, 230, 160, 255)
        assert dataset.tags()["LICENCE"] == "CC BY 4.0"


def test_nothing_but_the_file_is_left(tmp_path: Path) -> None:
    legend = load_legend("sinolc1")
    write_raster(tmp_path / "a.tif", np.ones((3, 3, 5), "uint8"), GRID, WINDOW, legend=legend, nodata=0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_values_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GridError, match=r"expected \(3, 5\), got \(5, 3\)"):
        write_raster(tmp_path / "a.tif", np.zeros((1, 5, 3), "uint8"), GRID, WINDOW)


def test_an_unknown_crs_is_refused(tmp_path: Path) -> None:
    grid = Grid("EPSG:999999", 0.0, 0.0, 1.0, 9, 9)
    with pytest.raises(GridError, match="EPSG:999999"):
        write_raster(tmp_path / "a.tif", np.zeros((1, 3, 3), "uint8"), grid, Window(0, 3, 0, 3))
    assert list(tmp_path.iterdir()) == []


# one broken file per rule


def test_a_missing_raster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"), open_raster(tmp_path / "none.tif"):
        pass
    with pytest.raises(InputError, match="missing"), open_raster(tmp_path):
        pass


def test_a_vrt_is_refused_even_under_another_name(tmp_path: Path) -> None:
    """A VRT can name any file of the machine."""
    make_tiff(tmp_path / "secret.tif", NORTH_UP)
    text = f"""<VRTDataset rasterXSize="5" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
        <SourceFilename>{tmp_path / "secret.tif"}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
        </VRTRasterBand></VRTDataset>"""
    for name in ("a.vrt", "a.tif"):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match="format we do not read"), open_raster(tmp_path / name):
            pass


@pytest.mark.parametrize("data", [b"", b"hello, world", b"II", b"%PDF-1.7", b"\x89HDF\r\n\x1a\n"])
def test_other_formats_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError, match="format we do not read"), open_raster(tmp_path / "a.tif"):
        pass


def test_a_format_can_be_barred(tmp_path: Path) -> None:
    make_tiff(tmp_path / "a.tif", NORTH_UP)
    with pytest.raises(InputError, match="expected PNG, got GTiff"), open_raster(tmp_path / "a.tif", ("PNG",)):
        pass


@pytest.mark.parametrize("head", [b"II*\x00\x08\x00\x00\x00", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"])
def test_a_file_that_only_begins_well_is_refused(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a").write_bytes(head + b"\x00" * 20)
    with pytest.raises(InputError, match="cannot be opened"), open_raster(tmp_path / "a"):
        pass


@pytest.mark.parametrize("bigtiff", ["NO", "YES"])
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_a_tiff_cut_anywhere_is_refused(tmp_path: Path, bigtiff: str, endian: str) -> None:
    """Cut near the end, GDAL opens the file without its CRS or its mask, and everything counts as valid."""
    values = np.random.default_rng(5).integers(0, 256, (1, 90, 90)).astype("uint8")
    profile = {"driver": "GTiff", "count": 1, "height": 90, "width": 90, "dtype": "uint8", "crs": "EPSG:32650"}
    options = {"BIGTIFF": bigtiff, "ENDIANNESS": endian, "compress": "DEFLATE"}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"),
        rasterio.open(tmp_path / "whole.tif", "w", transform=NORTH_UP, **profile, **options) as out,
    ):
        out.write(values)
        out.write_mask(values[0] > 3)
    data = (tmp_path / "whole.tif").read_bytes()
    with open_raster(tmp_path / "whole.tif") as dataset:
        assert (read_window(dataset, Window(0, 90, 0, 90)).valid == (values[0] > 3)).all()
    for cut in [*range(9, len(data) - 50, 97), *range(len(data) - 50, len(data))]:
        (tmp_path / "cut.tif").write_bytes(data[:cut])
        with pytest.raises(InputError, match=r"truncated.*cut\.tif"), open_raster(tmp_path / "cut.tif"):
            pass


def test_a_table_that_points_to_itself_ends(tmp_path: Path) -> None:
    """Tables in a circle are GDAL's to judge, but never a hang."""
    (tmp_path / "a.tif").write_bytes(b"II*\x00\x08\x00\x00\x00" + b"\x00\x00" + b"\x08\x00\x00\x00" + b"\x00" * 8)
    with pytest.raises(InputError, match="cannot be opened"), open_raster(tmp_path / "a.tif"):
        pass


def test_a_destroyed_tile_is_an_error_that_names_the_window(tmp_path: Path) -> None:
    values = np.random.default_rng(5).integers(0, 256, (1, 512, 512)).astype("uint8")
    write_raster(tmp_path / "a.tif", values, GRID, Window(0, 512, 0, 512))
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 3000] = b"\x00" * 3000
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError, match="rows 0:512, columns 0:512"), open_raster(tmp_path / "a.tif") as dataset:
        read_window(dataset, Window(0, 512, 0, 512))


def test_no_crs_is_refused(tmp_path: Path) -> None:
    with open_raster(make_tiff(tmp_path / "a.tif", NORTH_UP, crs=None)) as dataset, pytest.raises(GridError) as caught:
        grid_of(dataset)
    assert "no CRS" in str(caught.value)
    assert "a.tif" in str(caught.value)


def test_a_picture_without_place_opens_but_has_no_grid(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (5, 4), (10, 20, 30)).save(tmp_path / "a.png")
    with open_raster(tmp_path / "a.png") as dataset:
        assert read_window(dataset, Window(0, 4, 0, 5)).values[:, 0, 0].tolist() == [10, 20, 30]
        with pytest.raises(GridError, match="no CRS"):
            grid_of(dataset)


@pytest.mark.parametrize(
    ("transform", "text"),
    [
        (Affine(2, 0.1, 0, 0.1, -2, 0), "rotated or flipped"),
        (Affine(2, 0, 0, 0, 2, 0), "rotated or flipped"),
        (Affine(-2, 0, 0, 0, -2, 0), "rotated or flipped"),
        (Affine(2, 0, 0, 0, -3, 0), "oblong pixels.*2.0 × 3.0"),
    ],
    ids=["rotated", "south up", "west right", "oblong"],
)
def test_grids_we_do_not_speak_are_refused(tmp_path: Path, transform: Affine, text: str) -> None:
    with open_raster(make_tiff(tmp_path / "a.tif", transform)) as dataset, pytest.raises(GridError, match=text):
        grid_of(dataset)


def test_sidecar_files_are_not_read(tmp_path: Path) -> None:
    """What lies beside a raster cannot give it a CRS, a mask or other pixels."""
    make_tiff(tmp_path / "a.tif", NORTH_UP, crs=None)
    (tmp_path / "a.tif.aux.xml").write_text("<PAMDataset><SRS>EPSG:32650</SRS></PAMDataset>")
    make_tiff(tmp_path / "a.tif.msk", NORTH_UP)
    with open_raster(tmp_path / "a.tif") as dataset:
        assert dataset.crs is None
        assert read_window(dataset, Window(0, 4, 0, 5)).valid.all()


WRITE_UNDER_LIMIT = """
import resource, sys
from pathlib import Path
import numpy as np
from l2h.core.errors import StorageError
from l2h.core.grid import Grid
from l2h.core.raster import write_raster
grid = Grid("EPSG:32650", 0.0, 0.0, 1.0, 300, 300)
values = np.random.default_rng(0).integers(0, 256, (2, 300, 300)).astype("uint8")
target = Path(sys.argv[1])
write_raster(target, values, grid, grid.window, valid=values[0] > 3)
whole = target.read_bytes()
for limit in range(0, len(whole), len(whole) // 17):
    for limit in (limit, len(whole) - 1 - limit // 100):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            write_raster(target, values[::-1], grid, grid.window, valid=values[0] > 3)
        except StorageError as error:
            assert "File too large" in str(error) and str(target) in str(error), error
        else:
            raise SystemExit(f"no error at {limit} bytes")
        assert target.read_bytes() == whole, "the old file changed"
        assert list(target.parent.iterdir()) == [target], "something was left"
resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, resource.RLIM_INFINITY))
write_raster(target, values[::-1], grid, grid.window, valid=values[0] > 3)
assert target.read_bytes() != whole
"""


def test_a_file_size_limit_at_any_byte_is_a_storage_error(tmp_path: Path) -> None:
    """GDAL itself reports nothing when the last bytes of a file do not fit."""
    run = subprocess.run([sys.executable, "-c", WRITE_UNDER_LIMIT, str(tmp_path / "a.tif")], capture_output=True)
    assert (run.returncode, run.stderr.decode()) == (0, "")


def test_a_full_disk_is_a_storage_error(tiny_disk: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (3, 700, 700)).astype("uint8")
    grid = Grid("EPSG:32650", 0.0, 0.0, 1.0, 700, 700)
    small = Window(0, 300, 0, 300)
    write_raster(tiny_disk / "a.tif", values[:, :300, :300], grid, small)
    before = (tiny_disk / "a.tif").read_bytes()
    with pytest.raises(StorageError, match="No space left"):
        write_raster(tiny_disk / "a.tif", values, grid, grid.window)
    assert (tiny_disk / "a.tif").read_bytes() == before
    assert [path.name for path in tiny_disk.iterdir()] == ["a.tif"]
    write_raster(tiny_disk / "b.tif", values[:, :300, :300], grid, small)
