"""Write the toy country: every input of a project, and the truth behind it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from shapely.geometry import box

from l2h.core.errors import UsageError
from l2h.core.files import write_text
from l2h.core.grid import Grid
from l2h.core.legend import load_legend
from l2h.core.raster import write_raster
from l2h.toy.extras import write_extras
from l2h.toy.landscape import Landscape, make_landscape
from l2h.toy.lattice import CRS, GEOGRAPHIC, centres, covering, project_grid
from l2h.toy.osm import sketch_map, write_osm
from l2h.toy.products import ESRI, FROM_GLC, WORLDCOVER, ErrorModel, simulate
from l2h.toy.reference import class_areas, draw_points, survey_table
from l2h.toy.scenes import SCENES, take
from l2h.toy.template import PRODUCTS, project_text
from l2h.toy.vectors import PointContext, write_boundary, write_points

MIN_KM2, MAX_KM2 = 0.5, 100.0
POINTS = 600
EXTRAS_SEED = 5  # a stream of their own, so that the rest of the country is the same with and without
FROM_GLC_PIXEL = 10 / 111_319.49079327358  # 10 m at the equator, in degrees

Progress = Callable[[str], None]
# file stem → CRS, pixel, offset of the lattice, error model
_LATTICES: dict[str, tuple[str, float, tuple[float, float], ErrorModel]] = {
    "esa_worldcover": (GEOGRAPHIC, 1 / 12000, (0.0, 0.0), WORLDCOVER),
    "esri_lulc": (CRS, 10.0, (0.0, 0.0), ESRI),
    "from_glc10": (GEOGRAPHIC, FROM_GLC_PIXEL, (0.31e-4, 0.47e-4), FROM_GLC),
}


def make_toy(
    folder: Path, seed: int = 0, km2: float = 6.0, progress: Progress | None = None, extras: bool = False
) -> Path:
    """Generate a country of `km2` square kilometres in `folder`; returns the path of its `project.toml`.

    Writes inputs/ (imagery, products, osm.osm.pbf, boundary.gpkg, survey.csv, points.gpkg), truth/truth.tif and, last,
    project.toml. The same seed and size give the same bytes. `progress` is told what is being made. With `extras` also
    inputs/extras (Sentinel-2 medians, elevation), which change no other file but project.toml. UsageError where the
    size is out of range or the folder already holds a project.
    """
    folder = Path(folder)
    if not MIN_KM2 <= km2 <= MAX_KM2:
        raise UsageError(
            "a toy country of this size cannot be made", expected=f"{MIN_KM2} to {MAX_KM2} km²", got=f"{km2}"
        )
    if seed < 0:
        raise UsageError("a seed must not be negative", got=str(seed))
    project = folder / "project.toml"
    if project.exists():
        raise UsageError("a project is already here", where=str(project), hint="Choose another folder or remove it.")
    tell: Progress = progress or _silent
    land_rng, scene_rng, product_rng, map_rng, point_rng = np.random.default_rng(seed).spawn(5)
    land = make_landscape(land_rng, km2, tell)
    grid = project_grid(land.layout.frame)
    _write_scenes(scene_rng, folder, land, tell)
    _write_products(product_rng, folder, land, grid, tell)
    tell("vectors, survey and points")
    extent = box(1, 1, grid.width - 1, grid.height - 1)
    write_osm(folder / "inputs/osm.osm.pbf", sketch_map(map_rng, land.roads, land.buildings, extent), grid)
    _write_answers(point_rng, folder, land, grid)
    if extras:
        write_extras(np.random.default_rng([seed, EXTRAS_SEED]), folder, land, grid, tell)
    write_text(project, project_text(seed, km2, grid, block_size(grid), extras))
    return project


def block_size(grid: Grid) -> int:
    """Side of the project's blocks: 1200 px, less where that would leave fewer than about six blocks."""
    return min(1200, -(-max(grid.height, grid.width) // 30) * 10)


def _silent(_: str) -> None:
    """Tell nobody."""


def _write_scenes(rng: np.random.Generator, folder: Path, land: Landscape, tell: Progress) -> None:
    for look in SCENES:
        tell(f"scene {look.name}")
        lattice, patch = take(rng, land, look)
        write_raster(
            folder / f"inputs/imagery/{look.name}.tif",
            patch.values,
            lattice,
            lattice.window,
            valid=patch.valid,
            tags={"ACQUISITION_DATE": look.date},
        )


def _write_products(rng: np.random.Generator, folder: Path, land: Landscape, grid: Grid, tell: Progress) -> None:
    legends = {file: (legend, date) for _, legend, file, date, _ in PRODUCTS}
    for stem, (crs, pixel, offset, model) in _LATTICES.items():
        tell(f"product {stem}")
        lattice = covering(grid, crs, pixel, offset)
        codes = simulate(rng, land.truth_old if model.old else land.truth, centres(lattice, grid), model)
        legend, date = legends[stem]
        write_raster(
            folder / f"inputs/products/{stem}.tif",
            codes[None],
            lattice,
            lattice.window,
            nodata=0,
            legend=load_legend(legend),
            tags={"DATE": date},
        )


def _write_answers(rng: np.random.Generator, folder: Path, land: Landscape, grid: Grid) -> None:
    """Boundary, survey, points and the hidden truth."""
    legend = load_legend("sinolc1")
    write_boundary(folder / "inputs/boundary.gpkg", land.cities, grid)
    areas = class_areas(land.truth, land.city, grid.row_area(0, grid.height), len(land.cities))
    write_text(folder / "inputs/survey.csv", survey_table(areas, land.cities, legend))
    context = PointContext(grid, legend, land.cities, land.city)
    write_points(folder / "inputs/points.gpkg", draw_points(rng, land.city, POINTS), land.truth, context)
    write_raster(
        folder / "truth/truth.tif", land.truth[None], grid, grid.window, nodata=0, legend=legend,
        tags={"TITLE": "True land cover of the generated country"},
    )  # fmt: skip
