"""`l2h init`: a project file that says what the files say, and is accepted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_project import CITIES, CODES, UTM, H, W, X, Y, write_tif

from l2h.core.grid import Grid
from l2h.project import load_project
from l2h.starter import choose_crs, snap

L2H = Callable[..., Any]


@pytest.fixture
def init(tiny: Path, tmp_path: Path, l2h: L2H) -> Callable[..., Any]:
    """`init NEW` for the files of the tiny project, with changes to its options."""

    def call(*more: object, **change: object) -> Any:
        options: dict[str, object] = {"imagery": tiny / "scenes/*.tif", "boundary": tiny / "cities.gpkg"} | change
        words = [word for key, value in options.items() for word in (f"--{key}", value)]
        products = [word for legend in CODES for word in ("--product", f"{legend}={tiny / legend}.tif")]
        return l2h("init", tmp_path / "new", *words, *products, *more)

    return call


def test_the_lattice_is_that_of_the_scenes(init: Callable[..., Any], tmp_path: Path) -> None:
    said = init("--osm", tmp_path / "tiny/roads.osm", "--name", "Zürich West!")
    assert (said.status, said.out) == (0, "")
    project = load_project(tmp_path / "new")
    assert (project.project.name, project.project.title) == ("zurich-west", "Zürich West!")
    assert (project.grid.crs, project.grid.bounds) == (UTM, (X, Y - H, X + W, Y))
    assert [p.name for p in project.products] == list(CODES)
    assert project.osm is not None
    assert (project.osm.licence, project.osm.attribution) == ("ODbL-1.0", "© OpenStreetMap contributors")
    assert project.boundary.may_publish
    assert project.boundary.may_redistribute
    assert project.imagery[0].licence == "unknown"


def test_paths_inside_are_relative_and_a_project_is_never_overwritten(tiny: Path, l2h: L2H) -> None:
    words = ["--imagery", tiny / "scenes/*.tif", "--boundary", tiny / "cities.gpkg"]
    words += ["--product", f"esri={tiny}/esri2020.tif"]
    said = l2h("init", tiny, *words)
    assert said.status == 2
    assert "there is a project already" in said.err
    (tiny / "project.toml").unlink()
    assert l2h("init", tiny, *words).status == 0
    project = load_project(tiny)
    assert project.imagery[0].paths == ("scenes/*.tif",)
    assert (project.boundary.path, project.products[0].paths) == ("cities.gpkg", ("esri2020.tif",))


def test_a_started_project_runs(init: Callable[..., Any], tmp_path: Path, l2h: L2H) -> None:
    assert init().status == 0
    said = l2h("layers", tmp_path / "new", "--executor", "serial")
    assert said.status == 0, said.err
    assert '"resampling": "copy"' in (tmp_path / "new/work/layers/scenes.json").read_text()


def test_bands_are_those_of_the_file_and_the_stretch_is_the_layers(init: Callable[..., Any], tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(200, 3000, (4, H, W))
    path = write_tif(tmp_path / "deep.tif", values, dtype="uint16")
    assert init(imagery=path).status == 0
    imagery = load_project(tmp_path / "new").imagery[0]
    assert imagery.bands == (1, 2, 3)
    assert imagery.scale is None  # one file says little of all of them


def test_two_products_of_one_legend_get_two_names(init: Callable[..., Any], tiny: Path, tmp_path: Path) -> None:
    assert init("--product", f"worldcover={tiny}/worldcover.tif").status == 0
    assert [p.name for p in load_project(tmp_path / "new").products] == [*CODES, "worldcover-2"]


def test_other_columns_and_a_crs(init: Callable[..., Any], tmp_path: Path) -> None:
    assert init("--columns", "city,region,province", crs="EPSG:32651").status == 0
    project = load_project(tmp_path / "new")
    assert (project.boundary.region, project.grid.crs, project.grid.bounds) == ("city", "EPSG:32651", None)


def test_what_cannot_be_used_is_refused_before_a_file_is_written(init: Callable[..., Any], tmp_path: Path) -> None:
    refusals = [
        (init(imagery=tmp_path / "none*.tif"), 1, "no file matches (layer 'imagery'): got"),
        (init(boundary=tmp_path / "none.gpkg"), 1, "no file matches: got"),
        (init("--product", f"corine={tmp_path}"), 2, "--product needs LEGEND=GLOB"),
        (init("--columns", "region,city"), 2, "--columns needs three names"),
        (init("--columns", "region,province,nam"), 1, "lacks the column 'nam'"),
        (init(crs="EPSG:99999"), 1, "the CRS is not known"),
    ]
    for said, status, words in refusals:
        assert (said.status, said.out) == (status, ""), said.err
        assert words in said.err
    assert not (tmp_path / "new").exists()


def test_a_scene_in_degrees_gets_an_equal_area_crs_around_it() -> None:
    assert choose_crs(Grid("EPSG:4326", 8.0, 47.0, 0.001, 100, 100)) == (
        "+proj=laea +lat_0=47.0 +lon_0=8.1 +datum=WGS84 +units=m +no_defs"
    )
    assert choose_crs(Grid(UTM, X, Y, 1.0, 10, 10)) == UTM
    assert choose_crs(Grid("EPSG:2232", 3e6, 1.7e6, 3.0, 100, 100)).startswith("+proj=laea")  # feet


def test_bounds_are_snapped_outward_to_the_pixels() -> None:
    scene = Grid(UTM, 0.5, 20.5, 1.0, 9, 9)
    assert snap((3.2, 4.0, 17.0, 16.0), scene) == (2.5, 3.5, 17.5, 16.5)
    assert snap((0.5, 11.5, 9.5, 20.5), scene) == (0.5, 11.5, 9.5, 20.5)


def test_outlines_in_another_crs_are_brought_over(init: Callable[..., Any], tmp_path: Path) -> None:
    import geopandas

    table = geopandas.GeoDataFrame(
        {key: [row[i] for row in CITIES] for i, key in enumerate(("region", "province", "city"))},
        geometry=[row[3] for row in CITIES], crs=UTM,
    )  # fmt: skip
    table.to_crs("EPSG:4326").to_file(tmp_path / "degrees.gpkg")
    assert init(boundary=tmp_path / "degrees.gpkg").status == 0
    bounds = load_project(tmp_path / "new").grid.bounds
    assert bounds is not None
    assert np.allclose(bounds, (X, Y - H, X + W, Y), atol=1)
