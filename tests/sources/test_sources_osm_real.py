"""Real extracts, end to end: against osmium's own area assembler and GDAL's own reading of OpenStreetMap."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import geopandas
import osmium
import pyogrio
import pytest
import shapely

from l2h.core.grid import Grid
from l2h.core.raster import grid_of, open_raster
from l2h.sources.account import Account
from l2h.sources.geoparquet import read_own
from l2h.sources.osm_layers import write_layers

pytestmark = pytest.mark.real_data
GRIDS = {
    "monaco": Grid("EPSG:32632", 362_000.0, 4_853_000.0, 1.0, 16_000, 20_000),
    "andorra": Grid("EPSG:32631", 365_000.0, 4_730_000.0, 1.0, 60_000, 60_000),
}
CLASSES = ("primary", "residential", "secondary", "track", "path", "steps")


@dataclass
class Layers:
    roads: geopandas.GeoDataFrame
    buildings: geopandas.GeoDataFrame
    account: Account
    roads_path: Path


def read(path: Path, grid: Grid, folder: Path) -> Layers:
    outputs = folder / "roads.parquet", folder / "buildings.parquet", folder / "osm.json", folder / "osm_notes.parquet"
    account = write_layers([path], grid, 100.0, outputs)
    return Layers(*map(geopandas.read_parquet, outputs[:2]), account, outputs[0])


@pytest.fixture(scope="module", params=sorted(GRIDS))
def extract(request: pytest.FixtureRequest, real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    path = real_data / "osm" / f"{request.param}-latest.osm.pbf"
    return path, GRIDS[request.param], read(path, GRIDS[request.param], tmp_path_factory.mktemp(request.param))


class Oracle(osmium.SimpleHandler):
    """Counts by osmium's handlers and its own area assembler, with rules written out anew."""

    def __init__(self, crs: str) -> None:
        super().__init__()
        self.roads: Counter[str] = Counter()
        self.tunnels = 0
        self.ways: set[int] = set()
        self.relations: set[int] = set()
        self.shapes: list[shapely.Geometry] = []
        self._wkb = osmium.geom.WKBFactory()

    def way(self, way: osmium.osm.Way) -> None:
        highway = way.tags.get("highway")
        if highway in CLASSES:
            hidden = way.tags.get("tunnel", "no") != "no"
            self.tunnels += hidden
            unseen = any(way.tags.get(key, "no") != "no" for key in ("covered", "indoor", "area"))
            self.roads[highway] += not hidden and not unseen

    def area(self, area: osmium.osm.Area) -> None:
        if area.tags.get("building", "no") in ("no", "construction") or area.tags.get("construction") == "yes":
            return
        (self.ways if area.from_way() else self.relations).add(area.orig_id())
        self.shapes.append(shapely.from_wkb(self._wkb.create_multipolygon(area)))


def test_counts_and_areas_agree_with_osmium(extract: tuple[Path, Grid, Layers]) -> None:
    path, grid, layers = extract
    oracle = Oracle(grid.crs)
    oracle.apply_file(str(path), locations=True)
    ours = Counter(layers.roads["highway"])
    assert {key: ours[key] for key in CLASSES} == dict(oracle.roads)
    assert oracle.tunnels > 10
    assert set(layers.buildings["osm_id"]) == {f"w{i}" for i in oracle.ways} | {f"r{i}" for i in oracle.relations}
    theirs = geopandas.GeoSeries(oracle.shapes, crs="EPSG:4326").to_crs(grid.crs)
    assert layers.buildings.area.sum() == pytest.approx(theirs.area.sum(), rel=1e-7)
    assert layers.buildings.geometry.is_valid.all()
    assert layers.account.dropped.named() == {}
    assert [why for why in +layers.account.left_out if "outside" in why] == []


def test_lengths_by_class_agree_with_gdal(extract: tuple[Path, Grid, Layers]) -> None:
    path, grid, layers = extract
    theirs = pyogrio.read_dataframe(path, layer="lines", columns=["highway", "other_tags"])
    tags = theirs["other_tags"].fillna("")
    hidden = tags.str.contains(r'"(?:tunnel|covered|indoor|area)"=>"(?!no")')
    theirs = theirs[theirs["highway"].isin(CLASSES) & ~hidden].to_crs(grid.crs)
    lengths = theirs.length.groupby(theirs["highway"]).sum()
    ours = layers.roads.length.groupby(layers.roads["highway"]).sum()
    assert {key: ours[key] for key in lengths.index} == pytest.approx(lengths.to_dict(), rel=1e-9)
    assert set(lengths.index) >= {"residential", "secondary", "path"}
    assert lengths.sum() > 50_000


def test_the_extract_says_its_time(extract: tuple[Path, Grid, Layers]) -> None:
    path, _, layers = extract
    assert read_own(layers.roads_path)["timestamp"].startswith("2021-04-")
    assert list(layers.account.files) == [path.name]


def test_a_part_of_monaco(real_data: Path, tmp_path: Path) -> None:
    grid = Grid("EPSG:32632", 372_000.0, 4_843_000.0, 1.0, 1000, 1000)
    path = real_data / "osm" / "monaco-latest.osm.pbf"
    part, whole = read(path, grid, tmp_path / "part"), read(path, GRIDS["monaco"], tmp_path / "whole")
    box = shapely.box(*grid.bounds(grid.window.pad(100)))
    expected = whole.buildings[whole.buildings.geometry.envelope.intersects(box)]
    assert 100 < len(part.buildings) < len(whole.buildings)
    assert set(part.buildings["osm_id"]) == set(expected["osm_id"])
    assert part.account.left_out["building: outside the grid"] == len(whole.buildings) - len(part.buildings)


def test_the_simulated_extract_of_a_case_has_the_counts_it_states(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "cases" / "zurich_4"
    with open_raster(folder / "image.tif") as dataset:
        layers = read(folder / "osm.osm", grid_of(dataset), tmp_path)
    assert (layers.account.roads, layers.account.buildings) == (128, 112)
    assert (+layers.account.left_out, layers.account.dropped.named()) == (Counter(), {})


def test_empty_extracts_of_cases(real_data: Path, tmp_path: Path) -> None:
    paths = sorted((real_data / "cases").glob("deepglobe_*/osm.osm"))
    assert len(paths) == 6
    for path in paths:
        layers = read(path, GRIDS["monaco"], tmp_path)
        assert (len(layers.roads), len(layers.buildings)) == (0, 0)
