"""Tiny rasters, extracts and outlines, made anew for each test."""

import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from shapely.geometry.base import BaseGeometry

from l2h.core.executors import SerialExecutor
from l2h.core.grid import Grid
from l2h.core.ledger import Ledger
from l2h.core.tasks import Context

sys.path.insert(0, str(Path(__file__).resolve().parent))  # `scripted` holds a web server that misbehaves on demand

UTM = "EPSG:32650"


@pytest.fixture
def make_raster(tmp_path: Path) -> Callable[..., Path]:
    """Write a GeoTIFF of values [H, W] or [C, H, W] with its top left corner at (x, y)."""

    def make(
        name: str,
        values: Any,
        *,
        x: float = 0.0,
        y: float = 4.0,
        pixel: float = 1.0,
        crs: str | None = UTM,
        transform: Affine | None = None,
        mask: Any = None,
        tags: dict[str, str] | None = None,
        **options: Any,
    ) -> Path:
        values = np.asarray(values)
        values = values.astype("uint8") if values.dtype == "int64" else values
        values = values[None] if values.ndim == 2 else values
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        place = transform or Affine(pixel, 0, x, 0, -pixel, y)
        shape = {"count": values.shape[0], "height": values.shape[1], "width": values.shape[2]}
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"),
            rasterio.open(
                path, "w", driver="GTiff", dtype=values.dtype.name, crs=crs, transform=place, **shape, **options
            ) as out,
        ):
            out.write(values)
            if mask is not None:
                out.write_mask(np.asarray(mask, bool))
            out.update_tags(**(tags or {}))
        return path

    return make


@pytest.fixture
def make_cities(tmp_path: Path) -> Callable[..., Path]:
    """Write a GeoPackage of (region, province, city, outline) rows."""

    def make(
        rows: list[tuple[Any, Any, Any, BaseGeometry | None]], crs: str | None = UTM, name: str = "b.gpkg"
    ) -> Path:
        columns = {key: [row[i] for row in rows] for i, key in enumerate(("region", "province", "city"))}
        table = geopandas.GeoDataFrame(columns, geometry=[row[3] for row in rows], crs=crs)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")
            table.to_file(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., Context]:
    """A project folder in which a stage can run."""

    def make(grid: Grid, block_px: int = 16) -> Context:
        return Context(tmp_path, grid, block_px, Ledger(tmp_path), SerialExecutor())

    return make


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Any]:
    """A web server for the folder `served`, on a port of this machine."""
    from scripted import Scripted

    (tmp_path / "served").mkdir()
    with Scripted(tmp_path / "served") as server:
        yield server
