"""The tables of what comes in as vectors and figures: cities, roads and buildings, a survey. One task each."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from l2h.core.errors import GridError
from l2h.core.files import write_json
from l2h.core.grid import Grid
from l2h.core.inspect import Finding
from l2h.core.tasks import Context, Hole, Made, Task
from l2h.sources.account import Account, labels_of
from l2h.sources.boundaries import read_cities
from l2h.sources.links import FETCHED
from l2h.sources.listing import read_listing
from l2h.sources.osm_layers import Outputs, write_layers
from l2h.sources.outlines import check_findings
from l2h.sources.paths import find_files
from l2h.sources.settings import BoundarySettings, OsmSettings, SurveySettings
from l2h.sources.survey import read_survey, survey_table
from l2h.sources.vectors import write_table

LAYERS = "layers"
ACCOMPANIMENT = (".shx", ".dbf", ".prj", ".cpg")  # what a shapefile is not whole without
OUTLINE_KEYS = {"layer", "region", "province", "city", "provinces", "overlap_m"}  # boundary settings that are looked at


def cities_task(context: Context, boundary: BoundarySettings) -> Task:
    source, folder = context.project_dir / boundary.local, context.work / LAYERS
    outputs = folder / "regions.json", folder / "regions.parquet", folder / "boundary.json"
    arguments = {"source": source, "settings": boundary, "grid": context.grid, "outputs": outputs}
    settings = context.place() | {"boundary": boundary.model_dump(include=OUTLINE_KEYS)}
    return Task(f"{LAYERS}/regions", make_cities, arguments, whole_files((source,)), outputs, settings)


def make_cities(source: Path, settings: BoundarySettings, grid: Grid, outputs: tuple[Path, Path, Path]) -> Made:
    """Check the outlines and write them, with their tree of names, in the project's CRS, and what was found of them.

    What makes them unfit for use is refused, as `l2h inspect` would; what is only to be looked at is told.
    """
    cities = read_cities(source, settings, grid.crs)
    findings = check_findings(source, settings)
    write_json(outputs[2], [asdict(finding) for finding in findings])
    if grid.window_of_bounds(cities.bounds()).empty:
        raise GridError(
            "no city lies on the project's grid",
            where=str(source),
            expected=f"within {grid.bounds()}",
            got=f"{cities.bounds()}",
        )
    inside = cities.inside(grid)
    cut = {name.format(): round(float(part), 6) for name, part in zip(cities.tree.cities, inside, strict=True)}
    outside = [name.format() for name, part in zip(cities.tree.cities, inside, strict=True) if part == 0]
    cut = {name: part for name, part in cut.items() if name not in outside and part < 1}
    write_json(outputs[0], cities.tree.to_dict() | {"cut": cut, "outside": outside})
    index = np.arange(1, len(cities.shapes) + 1, dtype="uint16")
    names = np.array([name.format() for name in cities.tree.cities], object)
    write_table(outputs[1], cities.shapes, {"index": index, "name": names}, grid.crs)
    notice = {"notice": f"{_told(findings)}; all in {LAYERS}/boundary.json"} if findings else {}
    return Made(info={"cities": len(index), "cut": len(cut), "outside": len(outside), **notice})


def _told(findings: tuple[Finding, ...]) -> str:
    return f"{len(findings)} finding{'s' * (len(findings) > 1)} about the outlines, the first: {findings[0].message}"


def osm_task(context: Context, osm: OsmSettings | None) -> Task:
    folder = context.work / LAYERS
    outputs = tuple(folder / name for name in ("roads.parquet", "buildings.parquet", "osm.json", "osm_notes.parquet"))
    paths = osm_files(context.project_dir, osm) if osm else ()
    labels = labels_of(paths)
    margin = osm.margin_m if osm else 0.0
    arguments = {"paths": paths, "grid": context.grid, "margin_m": margin, "outputs": outputs}
    # a feature of a GeoPackage is known by the name of its file
    settings = context.place() | {"margin_m": margin, "files": [labels[path] for path in paths]}
    return Task(f"{LAYERS}/osm", make_osm, arguments, paths, outputs, settings)


def osm_files(project_dir: Path, osm: OsmSettings) -> tuple[Path, ...]:
    """The extracts in their order, each once; one that was to be fetched and is not here is told with the arrivals."""
    found: dict[Path, None] = {}
    links, folder = osm.links, project_dir / FETCHED / osm.links.layer
    for path in osm.paths:
        if path in links.files:
            fetched = folder / links.files[path]
            found.update({fetched: None} if fetched.is_file() else {})
        elif path in links.folders:
            listing = read_listing(project_dir, links.layer)
            names = [scene.file for scene in listing.scenes if not scene.beside] if listing else []
            found.update({folder / name: None for name in names if (folder / name).is_file()})
        else:
            found.update(dict.fromkeys(find_files(project_dir, (path,), "osm")))
    return tuple(found)


def make_osm(paths: tuple[Path, ...], grid: Grid, margin_m: float, outputs: Outputs) -> Made:
    """Write roads, buildings and the account of what was left out; empty tables where the project names no extract.

    A project whose extracts have no road near its grid has a hole: most likely they are those of another place.
    """
    account = write_layers(paths, grid, margin_m, outputs)
    holes = (
        [Hole("layer 'osm'", f"no road near the grid: {_elsewhere(account)}")] if paths and not account.roads else []
    )
    counts = {"roads": account.roads, "buildings": account.buildings, "timestamp": account.timestamp}
    return Made(tuple(holes), counts | {"repaired": account.repaired.count, "dropped": account.dropped.count})


def _elsewhere(account: Account) -> str:
    elsewhere = account.left_out["road: outside the grid"]
    return f"{elsewhere} lie elsewhere" if elsewhere else "the extracts have none"


def survey_task(context: Context, survey: SurveySettings) -> Task:
    source, path = context.project_dir / survey.local, context.work / LAYERS / "survey.json"
    settings = survey.model_dump(include={"region", "level", "land_class", "area", "date"})
    arguments = {"source": source, "settings": survey, "path": path}
    return Task(f"{LAYERS}/survey", make_survey, arguments, (source,), (path,), settings)


def make_survey(source: Path, settings: SurveySettings, path: Path) -> Made:
    """Write the survey's figures in square metres."""
    rows = read_survey(source, settings)
    write_json(path, survey_table(rows))
    return Made(info={"rows": len(rows)})


def whole_files(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """The files with those that belong to them: a shapefile is several."""
    beside = [path.with_suffix(suffix) for path in paths if path.suffix == ".shp" for suffix in ACCOMPANIMENT]
    return (*paths, *(path for path in beside if path.exists()))
