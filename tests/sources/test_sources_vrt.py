"""A VRT is a list of pictures, and reaches nothing else."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from l2h.core.errors import InputError
from l2h.core.grid import Grid
from l2h.sources.imagery import mosaic
from l2h.sources.pictures import find_pictures
from l2h.sources.scenes import list_scenes
from l2h.sources.settings import ImagerySettings
from l2h.sources.vrt import read_vrt

Make = Callable[..., Path]
GRID = Grid("EPSG:32650", 0.0, 4.0, 1.0, 4, 8)
BAND = """<VRTRasterBand dataType="Byte" band="{band}">{more}{sources}</VRTRasterBand>"""
SOURCE = """<{kind}><SourceFilename relativeToVRT="{relative}">{name}</SourceFilename><SourceBand>{band}</SourceBand>
<SourceProperties RasterXSize="4" RasterYSize="4" DataType="Byte" BlockXSize="4" BlockYSize="4"/>
<SrcRect xOff="0" yOff="0" xSize="{width}" ySize="4"/><DstRect xOff="{col}" yOff="0" xSize="4" ySize="4"/>
{more}</{kind}>"""
PLACE = "<SRS>EPSG:32650</SRS><GeoTransform> 0.0, 1.0, 0.0, 4.0, 0.0, -1.0</GeoTransform>"


def source(name: str, col: int = 0, band: int = 1, **keys: object) -> str:
    values = {"kind": "SimpleSource", "relative": 1, "width": 4, "more": "", **keys}
    return SOURCE.format(name=name, col=col, band=band, **values)


def vrt(folder: Path, *bands: list[str], more: str = "", head: str = "", place: str = PLACE, sub: str = "") -> Path:
    body = "".join(BAND.format(band=n, sources="".join(s), more=more) for n, s in enumerate(bands, start=1))
    text = f'{head}<VRTDataset rasterXSize="8" rasterYSize="4"{sub}>{place}{body}</VRTDataset>'
    path = folder / "m.vrt"
    path.write_text(text)
    return path


def entry(*paths: str, **keys: object) -> ImagerySettings:
    return ImagerySettings(**{"name": "img", "paths": paths, "bands": (1,), "licence": "CC0-1.0", **keys})


def picture(source: ImagerySettings, folder: Path) -> np.ndarray:
    return mosaic(list_scenes([source], folder, GRID), GRID, GRID.window, len(source.bands)).values


@pytest.fixture
def pair(make_raster: Make, tmp_path: Path) -> Path:
    """a over columns 0 to 3, b over 2 to 5; two bands each."""
    make_raster("a_20200101.tif", np.stack([np.full((4, 4), 10), np.full((4, 4), 11)]), x=0, y=4)
    make_raster("sub/b.tif", np.stack([np.full((4, 4), 20), np.full((4, 4), 21)]), x=2, y=4)
    return tmp_path


def test_the_last_named_is_on_top_and_bands_are_the_mosaics(pair: Path) -> None:
    both = [
        [source("a_20200101.tif", 0, 2), source("sub/b.tif", 2, 2)],
        [source("a_20200101.tif"), source("sub/b.tif", 2)],
    ]
    vrt(pair, *both)
    got = picture(entry("m.vrt", bands=(1, 2), rank="listed"), pair)
    np.testing.assert_array_equal(got[:, 0], [[11, 11, 21, 21, 21, 21, 0, 0], [10, 10, 20, 20, 20, 20, 0, 0]])
    scenes = list_scenes([entry("m.vrt")], pair, GRID)
    assert [(s.name, str(s.date)) for s in scenes] == [("a_20200101", "2020-01-01"), ("b", "None")]  # the newest first
    with pytest.raises(InputError, match="a VRT lacks a band"):
        picture(entry("m.vrt", bands=(3,)), pair)


def test_what_gdal_writes_is_read_as_gdal_reads_it(pair: Path) -> None:
    import rasterio
    from rasterio.shutil import copy

    copy(str(pair / "a_20200101.tif"), str(pair / "g.vrt"), driver="VRT")
    with rasterio.open(pair / "g.vrt") as data:
        wanted = data.read()
    got = picture(entry("g.vrt", bands=(1, 2)), pair)
    np.testing.assert_array_equal(got[:, :, :4], wanted)


def test_nodata_of_the_mosaic_counts(pair: Path) -> None:
    vrt(
        pair,
        [source("a_20200101.tif", kind="ComplexSource", more="<NODATA>10</NODATA>")],
        more="<NoDataValue>10</NoDataValue>",
    )
    found = find_pictures(pair, ["m.vrt"], "img")
    assert found[0].nodata == (10,)
    assert picture(entry("m.vrt"), pair).max() == 0


def refused(pair: Path, match: str, *bands: list[str], **keys: str) -> None:
    with pytest.raises(InputError, match=match):
        read_vrt(vrt(pair, *bands, **keys), ())


def test_no_file_outside_its_folder(pair: Path, make_raster: Make, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.tif"
    outside.write_bytes((pair / "a_20200101.tif").read_bytes())
    (pair / "link.tif").symlink_to(outside)
    for name in (
        str(outside), "../" * 20 + str(outside).lstrip("/"), "link.tif", "/etc/passwd", "sub", "gone.tif", "x" * 5000,
        "/vsicurl/http://127.0.0.1/a.tif", "http://127.0.0.1/a.tif", "GTIFF_DIR:1:a_20200101.tif", "",
        "&lt;VRTDataset/&gt;",
    ):  # fmt: skip
        for relative in (0, 1):
            refused(pair, "what is not a file of its folder", [source(name, relative=relative)])
    path = vrt(pair, [source(str(outside), relative=0)])
    assert read_vrt(path, (outside.parent,))[0].path == outside.resolve()
    assert find_pictures(pair, ["m.vrt"], "img", [str(outside.parent)])[0].path == outside.resolve()


def test_a_file_it_names_must_be_a_picture_itself(pair: Path) -> None:
    """One VRT inside another is a way to name anything."""
    (pair / "inner.tif").write_text("<VRTDataset/>")
    vrt(pair, [source("inner.tif")])
    with pytest.raises(InputError, match="a raster has a format we do not read"):
        picture(entry("m.vrt"), pair)


@pytest.mark.parametrize(
    ("match", "bands", "keys"),
    [
        ("declares a document type", [[source("a_20200101.tif")]], {"head": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'}),
        ("VRTWarpedDataset", [[source("a_20200101.tif")]], {"sub": ' subClass="VRTWarpedDataset"'}),
        ("PixelFunctionType|KernelFilteredSource", [[source("a_20200101.tif", kind="KernelFilteredSource")]], {}),
        ("got ScaleRatio", [[source("a_20200101.tif", kind="ComplexSource", more="<ScaleRatio>2</ScaleRatio>")]], {}),
        ("a part of a file", [[source("a_20200101.tif", width=3)]], {}),
        ("bands of different files", [[source("a_20200101.tif")], [source("sub/b.tif")]], {}),
        ("a VRT has no band", [], {}),
        ("where 6 numbers belong", [[source("a_20200101.tif")]], {"place": ""}),
        ("where 4 numbers belong", [[source("a_20200101.tif", col="x")]], {}),
        ("malformed", [[source("a_20200101.tif")]], {"head": "<"}),
    ],
)  # fmt: skip
def test_more_than_a_list_is_refused(pair: Path, match: str, bands: list[list[str]], keys: dict[str, str]) -> None:
    refused(pair, match, *bands, **keys)


def test_a_picture_put_elsewhere_is_refused(pair: Path) -> None:
    vrt(pair, [source("a_20200101.tif", col=1)])
    with pytest.raises(InputError, match="puts a picture elsewhere"):
        picture(entry("m.vrt"), pair)


def test_a_folder_stands_for_its_pictures(pair: Path) -> None:
    (pair / ".hidden.tif").write_bytes(b"")
    (pair / "notes.txt").write_text("")
    names = [picture.path.name for picture in find_pictures(pair, ["."], "img")]
    assert names == ["a_20200101.tif", "b.tif"]
    (pair / "empty").mkdir()
    with pytest.raises(InputError, match="a folder holds no picture"):
        find_pictures(pair, ["empty"], "img")
