"""Products keep their own codes on our lattice."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

import l2h
from l2h.core.errors import GridError, InputError, LegendError
from l2h.core.grid import Grid, Window
from l2h.sources.products import list_sheets, product_codes, product_table
from l2h.sources.settings import ProductSettings

UTM = "EPSG:32650"
Make = Callable[..., Path]
GRID = Grid(UTM, 0.0, 40.0, 1.0, 40, 60)


def product(*paths: str, **keys: object) -> ProductSettings:
    return ProductSettings(**{"name": "esa", "legend": "worldcover", "paths": paths, "licence": "CC-BY-4.0", **keys})


def codes_of(settings: ProductSettings, folder: Path, grid: Grid = GRID, window: Window | None = None) -> np.ndarray:
    codes, holes = product_codes(settings, list_sheets(settings, folder, grid), grid, window or grid.window, "block r0")
    assert holes == ()
    return codes


def test_each_of_our_pixels_takes_the_code_of_the_pixel_around_its_centre(make_raster: Make, tmp_path: Path) -> None:
    make_raster("p.tif", [[10, 20], [30, 0]], x=-5, y=38, pixel=20)
    codes = codes_of(product("p.tif"), tmp_path)
    np.testing.assert_array_equal(codes[[0, 2, 21, 22, 39]][:, [0, 14, 15, 34, 35]], [
        [0, 0, 0, 0, 0],
        [10, 10, 20, 20, 0],
        [10, 10, 20, 20, 0],
        [30, 30, 0, 0, 0],
        [30, 30, 0, 0, 0],
    ])  # fmt: skip


def test_sheets_fill_each_other_and_named_nodata_is_none(make_raster: Make, tmp_path: Path) -> None:
    make_raster("a.tif", [[10, 0, 95]], y=40, pixel=20)
    make_raster("b.tif", [[20, 20, 20]], y=40, pixel=20)
    np.testing.assert_array_equal(codes_of(product("*.tif"), tmp_path)[0, [0, 20, 40]], [10, 20, 95])
    np.testing.assert_array_equal(codes_of(product("*.tif", nodata=[95]), tmp_path)[0, [0, 20, 40]], [10, 20, 20])


def test_nodata_declared_by_the_file_is_none(make_raster: Make, tmp_path: Path) -> None:
    make_raster("a.tif", [[10, 255]], y=40, pixel=20, nodata=255)
    np.testing.assert_array_equal(codes_of(product("a.tif"), tmp_path)[0, [0, 20]], [10, 0])


def test_an_unknown_code_names_code_layer_block_window_and_pixels(make_raster: Make, tmp_path: Path) -> None:
    make_raster("a.tif", [[10, 77]], y=40, pixel=20)
    with pytest.raises(LegendError) as caught:
        codes_of(product("a.tif"), tmp_path)
    for part in ("code 77", "'worldcover'", "layer 'esa'", "block r0", "rows 0:40, columns 0:60", "400 px"):
        assert part in str(caught.value)
    left = codes_of(product("a.tif"), tmp_path, window=Window(0, 40, 0, 20))  # only what the window holds is checked
    assert set(np.unique(left)) == {0, 10}


def test_a_code_beyond_eight_bits_is_unknown_not_wrapped(make_raster: Make, tmp_path: Path) -> None:
    make_raster("a.tif", np.array([[10, 266]], "uint16"), y=40, pixel=20)
    with pytest.raises(LegendError, match="code 266"):
        codes_of(product("a.tif"), tmp_path)


@pytest.mark.parametrize("size", [7, 16, 64])
def test_codes_do_not_depend_on_blocks(
    make_raster: Make, tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("l2h.sources.products.TILE_PX", 20)
    values = np.random.default_rng(2).choice([0, 10, 20, 30, 100], (40, 40)).astype("uint8")
    make_raster("a.tif", values, x=116.9999, y=30.73345, pixel=1 / 12000, crs="EPSG:4326")
    grid, settings = Grid(UTM, 500_000.0, 3_400_000.0, 1.0, 43, 37), product("a.tif")
    whole, assembled = codes_of(settings, tmp_path, grid), np.zeros((43, 37), "uint8")
    for block in grid.blocks(size):
        assembled[block.window.slices_in(grid.window)] = codes_of(settings, tmp_path, grid, block.window)
    np.testing.assert_array_equal(assembled, whole)
    assert len(np.unique(whole)) == 5


def test_a_corrupt_block_of_a_product_is_a_hole_of_nodata(
    make_raster: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("l2h.sources.products.TILE_PX", 16)
    values = np.random.default_rng(1).choice([10, 20, 30], (64, 64)).astype("uint8")
    path = make_raster("p.tif", values, y=64, tiled=True, blockxsize=16, blockysize=16, compress="DEFLATE")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 30] = b"\xff" * 30
    path.write_bytes(data)
    grid, settings = Grid(UTM, 0.0, 64.0, 1.0, 64, 64), product("p.tif")
    codes, holes = product_codes(settings, list_sheets(settings, tmp_path, grid), grid, grid.window, "block r0")
    assert holes
    assert holes[0].where.startswith("layer 'esa', p.tif, rows ")
    assert (codes == 0).sum() == 256 * len(holes)
    np.testing.assert_array_equal(codes, np.where(codes > 0, values, 0))


def test_the_table_of_products_keeps_their_order() -> None:
    rows = product_table([product("a.tif", name="b", date=2021), product("a.tif", name="a", date="2020-06")])
    assert [(row["name"], row["legend"], row["date"]) for row in rows] == [
        ("b", "worldcover", "2021"),
        ("a", "worldcover", "2020-06"),
    ]
    with pytest.raises(InputError, match="the same name"):
        product_table([product("a.tif"), product("b.tif")])


def test_a_product_elsewhere_is_refused(make_raster: Make, tmp_path: Path) -> None:
    make_raster("far.tif", [[10]], x=9000, pixel=20)
    make_raster("zone.tif", [[10]], y=40, pixel=20, crs="EPSG:32651")
    for name in ("far", "zone"):
        with pytest.raises(GridError, match="a product does not touch the project's grid"):
            list_sheets(product(f"{name}.tif"), tmp_path, GRID)


# --- versions, bands, first classes that are 0 ------------------------------------------------------------------------


def test_codes_of_another_version_name_the_file_and_that_version(make_raster: Make, tmp_path: Path) -> None:
    make_raster("50R_20200101-20210101.tif", [[1, 2, 3]], y=40, pixel=20)
    with pytest.raises(LegendError) as caught:
        codes_of(product("*.tif", legend="esri"), tmp_path)
    for part in ("code 3 is absent", "50R_20200101-20210101.tif", "These are codes of 'esri2020'"):
        assert part in str(caught.value)


def test_a_band_of_a_file_of_many_years(make_raster: Make, tmp_path: Path) -> None:
    make_raster("a.tif", np.array([[[10, 20]], [[190, 250]]], "uint8"), y=40, pixel=20)
    found = codes_of(product("a.tif", legend="glc_fcs30d", band=2), tmp_path)
    np.testing.assert_array_equal(found[0, [0, 20]], [190, 0])
    with pytest.raises(InputError, match="lacks a band"):
        list_sheets(product("a.tif", legend="glc_fcs30d", band=3), tmp_path, GRID)


def test_a_first_class_that_is_0_is_a_class_where_the_file_says_what_is_missing(
    make_raster: Make, tmp_path: Path
) -> None:
    world = product("a.tif", legend="dynamic_world")
    make_raster("a.tif", [[0, 8, 255]], y=40, pixel=20, nodata=255)
    np.testing.assert_array_equal(codes_of(world, tmp_path)[0, [0, 20, 40]], [1, 9, 0])
    make_raster("a.tif", [[0, 8, 255]], y=40, pixel=20)
    with pytest.raises(InputError, match=r"does not say which pixels have no data.*unmask\(255\)"):
        codes_of(world, tmp_path)
    named = product("a.tif", legend="dynamic_world", nodata=[255])
    np.testing.assert_array_equal(codes_of(named, tmp_path)[0, [0, 20, 40]], [1, 9, 0])


def test_the_sea_of_globeland30_is_no_data(make_raster: Make, tmp_path: Path) -> None:
    make_raster("a.tif", [[100, 255]], y=40, pixel=20)
    np.testing.assert_array_equal(codes_of(product("a.tif", legend="globeland30"), tmp_path)[0, [0, 20]], [100, 0])


def test_what_the_catalogue_cannot_fetch_says_how_to_get_it() -> None:
    with pytest.raises(ValidationError, match=r"cannot be fetched from its publisher: Register"):
        ProductSettings(name="gl", catalogue="globeland30-2020")
    with pytest.raises(ValidationError, match=r"no tiles that could be fetched"):
        ProductSettings(name="dw", catalogue="dynamic_world", source="mirror")
    mirror = ProductSettings(name="gl", catalogue="globeland30-2020", source="mirror")
    assert (mirror.use, mirror.legend, mirror.fetched) == ("compare", "globeland30", True)
    export = ProductSettings(name="dw", catalogue="dynamic_world", paths=["dw.tif"], date=2021)
    assert (export.date, export.licence, export.fetched) == ("2021", "CC-BY-4.0", False)


# --- a new product, by tables alone -----------------------------------------------------------------------------------

TABLES = {
    "core/tables/legend_moor.toml": """
name = "moor"
title = "Moorland 20 m"
nodata = 0
[[classes]]
value = 3
name = "bog"
label = "Bog"
colour = [1, 2, 3]
""",
    "core/tables/crosswalk_moor_sinolc1.toml": """
source = "moor"
target = "sinolc1"
[[map]]
code = 3
admits = [10]
""",
    "sources/catalogue/moor-2024.toml": """
title = "Moorland 20 m, 2024"
legend = "moor"
date = "2024"
source = "https://moor.example/2024"
licence = "CC0-1.0"
attribution = "the moor"
citation = "The moor (2024)"
sentence = "Bogs only."
may_publish = true
may_redistribute = true
[scheme]
kind = "degrees"
pattern = "moor_{ew}{lon:03}{ns}{lat:02}.tif"
step = 2
corner = "north_west"
""",
}
READ = """
import sys
from pathlib import Path
from l2h.core.grid import Grid
from l2h.core.legend import load_crosswalk
from l2h.sources.catalogue import load_product
from l2h.sources.products import list_sheets, product_codes
from l2h.sources.settings import ProductSettings
folder = Path(sys.argv[1])
grid = Grid("EPSG:4326", 10.0, 60.0, 0.5, 2, 2)
product = ProductSettings(name="moor", catalogue="moor-2024", paths=["*.tif"])
codes, _ = product_codes(product, list_sheets(product, folder, grid), grid, grid.window, "whole")
print([tile.file for tile in load_product("moor-2024").scheme.covering((10.1, 59.1, 10.2, 59.2))])
print(codes.tolist(), load_crosswalk("moor").primary_lut[codes].tolist(), product.licence)
"""


@pytest.mark.slow
def test_a_product_is_added_by_three_tables_and_no_code(make_raster: Make, tmp_path: Path) -> None:
    package = tmp_path / "package" / "l2h"
    shutil.copytree(Path(l2h.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in TABLES.items():
        (package / name).write_text(text, "utf-8")
    make_raster("moor_E010N60.tif", [[3, 0], [3, 3]], x=10, y=60, pixel=0.5, crs="EPSG:4326")
    run = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(package.parent)},
    )  # fmt: skip
    assert run.stdout.splitlines() == ["['moor_E010N60.tif']", "[[3, 0], [3, 3]] [[10, 0], [10, 10]] CC0-1.0"], (
        run.stderr
    )
