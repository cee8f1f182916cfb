"""A real picture as an ordinary project: `l2h init` to report, with outlines drawn for it."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
from shapely import Polygon

from l2h.pipeline import Pipeline

pytestmark = [pytest.mark.slow, pytest.mark.real_data]

PRODUCTS = {"worldcover": "esa_worldcover.tif", "esri2020": "esri_lulc.tif", "from_glc10": "from_glc10.tif"}
QUICK = ("--set", "learning.megapixels=0.25", "--set", "learning.threads=1", "--executor", "serial")


def draw_cities(path: Path, image: Path) -> Path:
    """Two provinces and three cities over a picture, with slanting limits."""
    with rasterio.open(image) as data:
        (left, bottom, right, top), crs = data.bounds, data.crs
    x, y = left + 0.45 * (right - left), bottom + 0.5 * (top - bottom)
    shapes = [
        Polygon([(left, bottom), (x, bottom), (x + 80, y), (x, top), (left, top)]),
        Polygon([(x, top), (x + 80, y), (right, y), (right, top)]),
        Polygon([(x, bottom), (right, bottom), (right, y), (x + 80, y)]),
    ]
    columns = {"canton": ["Zurich"] * 3, "district": ["West", "East", "East"], "name": ["Limmat", "Hill", "Lake"]}
    geopandas.GeoDataFrame(columns, geometry=shapes, crs=crs).to_file(path)
    return path


def test_a_real_picture_from_init_to_report(
    tmp_path: Path, real_data: Path, l2h: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = real_data / "cases" / "zurich_4"
    monkeypatch.chdir(tmp_path)
    cities = draw_cities(tmp_path / "cities.gpkg", case / "image.tif")
    words = [word for legend, name in PRODUCTS.items() for word in ("--product", f"{legend}={case / name}")]
    words += ["--osm", case / "osm.osm", "--boundary", cities, "--columns", "canton,district,name"]
    said = l2h("init", "zurich", "--imagery", case / "image.tif", *words)
    assert said.status == 0, said.err

    project = tmp_path / "zurich"
    said = l2h("run", "zurich", *QUICK)
    assert said.status == 0, said.err
    assert "licence not stated: imagery" in said.err
    assert str(project / "release/1.0/report.html") in said.err

    on_the_pictures_own_lattice(project, case / "image.tif")
    cities_hold_the_map(project, tmp_path / "unpacked", l2h)
    areas_close(project)
    assert l2h("verify", project).status == 0
    assert l2h("verify", project / "release/1.0").status == 0
    assert (project / "release/1.0/report.html").stat().st_size > 100_000


def on_the_pictures_own_lattice(project: Path, image: Path) -> None:
    """The picture is copied, not resampled, and the map lies pixel on pixel."""
    grid = Pipeline.open(project).grid
    with (
        rasterio.open(image) as given,
        rasterio.open(project / "work/layers/imagery/r0000c0000.tif") as kept,
        rasterio.open(project / "work/map/r0000c0000.tif") as mapped,
    ):
        assert np.allclose(tuple(grid.transform), tuple(given.transform), atol=1e-6)
        assert kept.transform == mapped.transform
        rows, cols = given.shape
        assert (kept.read()[:, :rows, :cols] == given.read()).all()
        assert (kept.read_masks(1)[:rows, :cols] == 255).all()
        assert (mapped.read(1)[:rows, :cols] > 0).all()


def cities_hold_the_map(project: Path, folder: Path, l2h: Callable[..., Any]) -> None:
    """Each city is in its province's archive, has nothing wrong, and is the map within its outline."""
    for archive in sorted((project / "release/1.0/Zurich").glob("*.zip")):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
    names = ["Zurich_East_Hill.tif", "Zurich_East_Lake.tif", "Zurich_West_Limmat.tif"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert l2h("inspect", *(folder / name for name in names)).status == 0
    with rasterio.open(project / "work/map/r0000c0000.tif") as whole:
        for name in names:
            with rasterio.open(folder / name) as city:
                window = whole.window(*city.bounds)
                inside = city.read_masks(1) > 0
                part = whole.read(1, window=window.round_offsets().round_lengths())
                assert inside.any()
                assert (city.read(1)[inside] == part[inside]).all()
    shutil.rmtree(folder)


def areas_close(project: Path) -> None:
    rows = json.loads((project / "work/assess/areas.json").read_text())
    totals = {
        (level, key): sum(c[key] for row in rows if row["level"] == level for c in row["classes"])
        for level in ("city", "province", "nation")
        for key in ("pixels", "hundredths")
    }
    for key in ("pixels", "hundredths"):
        assert totals["city", key] == totals["province", key] == totals["nation", key]
    assert 980_000 < totals["nation", "pixels"] <= 983 * 1003
