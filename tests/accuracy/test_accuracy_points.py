"""Reference points: read and placed, one broken file per rule."""

import geopandas
import pytest
from shapely.geometry import LineString, Point

from l2h.accuracy.points import Points, read_points
from l2h.accuracy.settings import ReferenceSettings
from l2h.core.errors import InputError, LegendError
from l2h.core.grid import Grid
from l2h.core.legend import load_legend

GRID = Grid("EPSG:32650", 500_000.0, 4_000_010.0, 1.0, 10, 12)  # rows southward from 4 000 010
LEGEND = load_legend("sinolc1")


def read(path, **settings):
    return read_points(path, ReferenceSettings(points=path.name, **settings), GRID, LEGEND)


def csv(tmp_path, *lines):
    path = tmp_path / "points.csv"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def gpkg(tmp_path, classes, shapes, crs="EPSG:32650"):
    path = tmp_path / "points.gpkg"
    geopandas.GeoDataFrame({"class": classes}, geometry=shapes, crs=crs).to_file(path, engine="pyogrio")
    return path


def test_csv_in_the_projects_crs(tmp_path):
    found = read(csv(tmp_path, "x,y,class", "500000.5,4000009.5,2", "500003.2,4000000.1,Water"))
    assert (found.rows.tolist(), found.cols.tolist(), found.reference.tolist()) == ([0, 9], [0, 3], [2, 9])
    assert found.ids == ("0", "1")


def test_csv_in_degrees(tmp_path):
    frame = geopandas.GeoSeries([Point(500_003.5, 4_000_004.5)], crs="EPSG:32650").to_crs(4326)
    found = read(csv(tmp_path, "lon,lat,class", f"{frame[0].x!r},{frame[0].y!r},tree"))
    assert (found.rows.tolist(), found.cols.tolist()) == ([5], [3])


def test_geopackage_in_another_crs(tmp_path):
    point = geopandas.GeoSeries([Point(500_003.5, 4_000_004.5)], crs="EPSG:32650").to_crs(3857)[0]
    found = read(gpkg(tmp_path, ["cropland"], [point], "EPSG:3857"))
    assert (found.rows.tolist(), found.cols.tolist(), found.reference.tolist()) == ([5], [3], [5])


def test_own_identities_and_column(tmp_path):
    path = csv(tmp_path, "code,x,y,lc", "p1,500000.5,4000009.5,12", "p2,500001.5,4000009.5,moss")
    found = read(path, class_column="lc", id_column="code")
    assert (found.ids, found.reference.tolist()) == (("p1", "p2"), [12, 12])


def test_there_and_back(tmp_path):
    found = read(csv(tmp_path, "x,y,class", "500000.5,4000009.5,2", "500003.2,4000000.1,9"))
    again = Points.from_csv(found.to_csv())
    assert again.to_csv() == found.to_csv()


GOOD = "500000.5,4000009.5,2"
BROKEN = {
    "outside the map": ("x,y,class", GOOD, "499999.9,4000009.5,2"),
    "share a pixel": ("x,y,class", GOOD, "500000.6,4000009.4,2"),
    "unknown class": ("x,y,class", GOOD, "500001.5,4000009.5,11"),
    "no coordinates": ("a,b,class", "1,2,3"),
    "no column 'class'": ("x,y,klass", GOOD),
    "is empty": ("x,y,class",),
    "not a number": ("x,y,class", "east,north,2"),
}


@pytest.mark.parametrize("message", BROKEN)
def test_broken_csv(tmp_path, message):
    path = csv(tmp_path, *BROKEN[message])
    kind = LegendError if "class" in message and "unknown" in message else InputError
    with pytest.raises(kind, match=message):
        read(path)


def test_point_error_names_the_point(tmp_path):
    with pytest.raises(LegendError, match=r"point 1.*got lava"):
        read(csv(tmp_path, "x,y,class", GOOD, "500001.5,4000009.5,lava"))


def test_repeated_identity(tmp_path):
    path = csv(tmp_path, "id,x,y,class", "a,500000.5,4000009.5,2", "a,500001.5,4000009.5,2")
    with pytest.raises(InputError, match="one identity"):
        read(path, id_column="id")


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="missing"):
        read(tmp_path / "none.gpkg")


def test_file_of_another_kind(tmp_path):
    path = tmp_path / "points.gpkg"
    path.write_bytes(b"SQLite format 3 and then no database")
    with pytest.raises(InputError, match="cannot be read"):
        read(path)


def test_a_table_that_points_to_another_file_is_refused(tmp_path):
    real = gpkg(tmp_path, ["tree"], [Point(500_001, 4_000_001)])
    path = tmp_path / "points.vrt"
    layer = f'<OGRVRTLayer name="points"><SrcDataSource>{real}</SrcDataSource></OGRVRTLayer>'
    path.write_text(f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>")
    assert len(geopandas.read_file(path, engine="pyogrio")) == 1  # the library would follow it
    with pytest.raises(InputError, match="a format we do not read"):
        read(path)


def test_no_crs(tmp_path):
    path = gpkg(tmp_path, ["tree"], [Point(1, 2)]).with_suffix(".shp")
    geopandas.read_file(tmp_path / "points.gpkg", engine="pyogrio").to_file(path, engine="pyogrio")
    path.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match="no CRS"):
        read(path)


def test_lines_are_no_points(tmp_path):
    with pytest.raises(InputError, match="other shapes"):
        read(gpkg(tmp_path, ["tree"], [LineString([(500_001, 4_000_001), (500_002, 4_000_002)])]))
