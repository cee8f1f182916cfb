"""A project of 120 × 160 pixels, made in a moment: wood, field, lake and village, two cities, three products."""

from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from shapely import box
from shapely.geometry.base import BaseGeometry

UTM, X, Y, H, W = "EPSG:32650", 500_000.0, 3_320_000.0, 120, 160
# class of each quarter, as each product's code, and its colour
QUARTERS = ((0, 0), (0, 1), (1, 0), (1, 1))
CODES = {"worldcover": (10, 40, 80, 50), "esri2020": (2, 5, 1, 7), "from_glc10": (20, 10, 60, 80)}
COLOURS = ((30, 80, 40), (190, 170, 90), (20, 40, 110), (170, 150, 150))
RIGHTS = 'licence = "CC0-1.0"\nmay_train = true\nmay_publish = true\nmay_redistribute = true\n'
# so little training that the map is poor; threads and a narrow network make it quick
QUICK = (
    "learning.megapixels=0.02", "learning.width=4", "learning.chip_px=40", "learning.chips_per_step=2",
    "learning.threads=1",
)  # fmt: skip

TOML = f"""
[project]
name = "tiny"
[grid]
crs = "{UTM}"
block_px = 80
bounds = [{X}, {Y - H}, {X + W}, {Y}]
[[imagery]]
name = "scenes"
paths = ["scenes/*.tif"]
{RIGHTS}
{
    "".join(
        f'''[[products]]
name = "{legend}"
legend = "{legend}"
paths = ["{legend}.tif"]
{RIGHTS}'''
        for legend in CODES
    )
}
[osm]
paths = ["roads.osm"]
[boundary]
path = "cities.gpkg"
{RIGHTS}
[labels]
cell_px = 10
"""
OSM = (
    '<osm version="0.6"><node id="1" lat="30.0105" lon="117.0001"/><node id="2" lat="30.0100" lon="117.0016"/>'
    '<way id="5"><nd ref="1"/><nd ref="2"/><tag k="highway" v="primary"/></way></osm>'
)
City = tuple[Any, Any, Any, BaseGeometry | None]
CITIES: list[City] = [
    ("West", "Wa", "Alder", box(X, Y - H, X + 80, Y)),
    ("East", "Ea", "Birch", box(X + 80, Y - H, X + W, Y)),
]


def make_project(folder: Path) -> Path:
    """Write inputs and project file; two scenes overlap by 20 columns."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.toml").write_text(TOML)
    (folder / "roads.osm").write_text(OSM)
    picture = quarters(COLOURS, H, W).transpose(2, 0, 1) + np.random.default_rng(0).integers(-9, 10, (3, H, W))
    write_tif(folder / "scenes/a_20200101.tif", picture[:, :, :90])
    write_tif(folder / "scenes/b_20210601.tif", picture[:, :, 70:], x=X + 70)
    for legend, codes in CODES.items():
        write_tif(folder / f"{legend}.tif", quarters(codes, H // 10, W // 10)[None], pixel=10.0)
    write_cities(folder / "cities.gpkg", CITIES)
    return folder


def quarters(values: tuple[Any, ...], height: int, width: int) -> npt.NDArray[np.int64]:
    """[H, W, ...] with one value in each quarter."""
    out = np.zeros((height, width, *np.shape(values[0])), "int64")
    for (down, right), value in zip(QUARTERS, values, strict=True):
        rows = slice(height // 2, None) if down else slice(height // 2)
        cols = slice(width // 2, None) if right else slice(width // 2)
        out[rows, cols] = value
    return out


def write_tif(
    path: Path,
    values: npt.NDArray[Any],
    *,
    x: float = X,
    y: float = Y,
    pixel: float = 1.0,
    crs: str | None = UTM,
    transform: Affine | None = None,
    dtype: str = "uint8",
    **options: Any,
) -> Path:
    """Write a GeoTIFF of values [C, H, W] with its top left corner at (x, y)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = {"count": values.shape[0], "height": values.shape[1], "width": values.shape[2], "dtype": dtype}
    place = transform or Affine(pixel, 0, x, 0, -pixel, y)
    with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=place, **size, **options) as out:
        out.write(values.astype(dtype))
    return path


def write_cities(path: Path, rows: list[City], crs: str | None = UTM) -> Path:
    columns = {key: [row[i] for row in rows] for i, key in enumerate(("region", "province", "city"))}
    geopandas.GeoDataFrame(columns, geometry=[row[3] for row in rows], crs=crs).to_file(path)
    return path


def edit(folder: Path, old: str, new: str) -> None:
    """Change the project file."""
    path = folder / "project.toml"
    text = path.read_text()
    if old not in text:
        raise ValueError(f"{old!r} is not in {path}")
    path.write_text(text.replace(old, new, 1))
