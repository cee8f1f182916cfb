"""Everything that is wrong with a boundary file is listed, with its place and its area."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from shapely import Polygon, box

from l2h.core.inspect import Finding
from l2h.sources.outlines import examine_outlines
from l2h.sources.settings import BoundarySettings

Make = Callable[..., Path]
UTM = "EPSG:32650"
X, Y = 500_000, 3_320_000


def square(col: int, row: int, side: float = 1000.0) -> Polygon:
    return box(X + 1000 * col, Y + 1000 * row, X + 1000 * col + side, Y + 1000 * row + side)


def examine(path: Path, **settings: Any) -> list[Finding]:
    return list(examine_outlines(path, BoundarySettings(path=path.name, licence="CC0-1.0", **settings))[1])


def with_provinces(path: Path, **outlines: Polygon) -> Path:
    """The file's only layer as `cities`, and beside it provinces, in another file."""
    cities = geopandas.read_file(path)
    out = path.with_name("two.gpkg")
    cities.to_file(out, layer="cities")
    table = geopandas.GeoDataFrame({"province": list(outlines)}, geometry=list(outlines.values()), crs=cities.crs)
    table.to_file(out, layer="provinces", mode="a")
    return out


def test_a_good_file_has_no_finding(make_cities: Make) -> None:
    path = make_cities([("N", "P", "a", square(0, 0)), ("N", "P", "b", square(1, 0))])
    two = with_provinces(path, P=square(0, 0).union(square(1, 0)))
    assert examine(two, layer="cities", provinces="provinces") == []
    assert examine_outlines(path, BoundarySettings(path="b.gpkg", licence="CC0-1.0"))[0] == 2


def test_every_finding_has_its_place_and_area(make_cities: Make) -> None:
    bow = Polygon([(X, Y + 5000), (X + 1000, Y + 6000), (X + 1000, Y + 5000), (X, Y + 6000)])
    path = make_cities([
        ("N", "P", "a", square(0, 0)), ("N", "P", "b", square(0, 0, 500)),  # b lies in a: 0.25 km² in common
        ("N", "P", "bow", bow), ("N", "P", "line", shapely.LineString([(X, Y), (X + 1, Y)])),
        ("N", "P", "A", square(3, 0)), ("N", "P", "a", square(4, 0)), ("N", "P", "no/file", square(5, 0)),
    ])  # fmt: skip
    found = {(f.rule, f.message.split(" (")[0].split(":")[0]): f.place for f in examine(path)}
    assert {rule for rule, _ in found} == {
        "name", "duplicate-name", "alike-names", "no-polygon", "broken-outline", "overlap",
    }  # fmt: skip
    assert found["overlap", "N_P_a and N_P_b overlap"].endswith("; 0.25 km²")
    assert found["overlap", "N_P_a and N_P_b overlap"].startswith("around 117.00")
    assert found["broken-outline", "N_P_bow"].endswith("; 0.5 km²")
    assert found["duplicate-name", "2 cities are called N_P_a"] == ""
    assert all(f.severity == "error" for f in examine(path))


def test_cities_that_do_not_tile_their_province(make_cities: Make) -> None:
    """Of P a square kilometre is left out; b reaches 20 m out of Q, which is a sliver at 50 m; R has no outline."""
    path = make_cities([
        ("N", "P", "a", square(0, 0)), ("N", "Q", "b", box(X + 4000, Y, X + 5020, Y + 1000)),
        ("N", "R", "c", square(8, 0)),
    ])  # fmt: skip
    two = with_provinces(path, P=box(X, Y, X + 2000, Y + 1000), Q=square(4, 0))
    found = examine(two, layer="cities", provinces="provinces")
    assert [(f.rule, f.message, f.place.split("; ")[-1]) for f in found] == [
        ("uncovered", "no city covers a part of P", "1 km²"),
        ("beyond", "a city reaches out of Q", "0.02 km²"),
        ("no-province", "there is no outline of the province R", ""),
    ]
    assert {f.severity for f in found} == {"warning"}
    wide = examine(two, layer="cities", provinces="provinces", overlap_m=50.0)
    assert [f.rule for f in wide] == ["uncovered", "no-province"]


def test_areas_of_degrees_are_taken_on_the_ellipsoid(make_cities: Make) -> None:
    path = make_cities([("N", "P", "a", box(117, 30, 117.1, 30.1)), ("N", "P", "b", box(117.09, 30, 117.2, 30.1))],
                       crs="EPSG:4326")  # fmt: skip
    (found,) = examine(path)
    assert found.place.startswith("around 117.095")
    assert float(found.place.split("; ")[1].split()[0]) == pytest.approx(0.01 * 96.4 * 0.1 * 110.86, rel=0.01)


def test_inspect_lists_them_and_ends_with_status_1(make_cities: Make, l2h: Callable[..., Any]) -> None:
    path = make_cities([("N", "P", "a", square(0, 0)), ("N", "P", "b", square(0, 0, 500))])
    said = l2h("inspect", path, "--json")
    assert said.status == 1
    (row,) = json.loads(said.out)
    assert row["facts"]["cities"] == 2
    assert row["findings"][0]["rule"] == "overlap"
    assert "0.25 km²" in l2h("inspect", path).err
    assert l2h("inspect", path, "--columns", "a,b,c").status == 1
