"""City outlines and the owner of each pixel."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box

from l2h.core.errors import BoundaryError, GridError, InputError
from l2h.core.grid import Grid
from l2h.core.regions import CityName
from l2h.sources.boundaries import check_outlines, own_pixels, read_cities
from l2h.sources.grids import grid_for
from l2h.sources.settings import BoundarySettings

UTM = "EPSG:32650"
Make = Callable[..., Path]
SETTINGS = BoundarySettings(path="b.gpkg", licence="CC0-1.0")


def test_cities_are_ordered_by_name_with_their_outlines(make_cities: Make) -> None:
    path = make_cities([("South", "B", "b", box(10, 0, 20, 10)), ("North", "A", "a", box(0, 0, 10, 10))])
    cities = read_cities(path, SETTINGS, UTM)
    assert [name.format() for name in cities.tree.cities] == ["North_A_a", "South_B_b"]
    assert cities.shapes[0].bounds == (0, 0, 10, 10)
    assert cities.bounds() == (0, 0, 20, 10)


def test_outlines_are_brought_into_the_projects_crs(make_cities: Make) -> None:
    path = make_cities([("N", "A", "a", box(117, 30.0, 117.001, 30.001))], crs="EPSG:4326")
    left, bottom, right, top = read_cities(path, SETTINGS, UTM).bounds()
    assert left == pytest.approx(500_000, abs=1e-3)
    assert right - left == pytest.approx(96.4, abs=0.2)
    assert top - bottom == pytest.approx(110.8, abs=0.2)


def test_names_that_differ_in_unicode_form_only_are_brought_to_one(make_cities: Make) -> None:
    path = make_cities([("N", "A", "Mu\u0308nchen", box(0, 0, 1, 1))])
    assert read_cities(path, SETTINGS, UTM).tree.cities[0].city == "München"


BROKEN = {
    "a city has no outline": Polygon(),
    "a city is not a polygon": shapely.LineString([(0, 0), (1, 1)]),
    r"crosses itself or is broken \(N_A_bad\): got Self-intersection\[5 5\]": Polygon(
        [(0, 0), (10, 10), (10, 0), (0, 10)]
    ),
}


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_outline_names_city_and_place(message: str) -> None:
    names = [CityName("N", "A", "good"), CityName("N", "A", "bad")]
    with pytest.raises(BoundaryError, match=message):
        check_outlines(names, np.array([box(20, 20, 30, 30), BROKEN[message]], object), 1.0)
    with pytest.raises(BoundaryError, match="no outline"):
        check_outlines(names, np.array([box(20, 20, 30, 30), None], object), 1.0)


def test_overlaps_wider_than_the_tolerance_are_refused(make_cities: Make) -> None:
    rows = [("N", "A", "a", box(0, 0, 10.5, 10)), ("N", "A", "b", box(10, 0, 20, 10))]
    path = make_cities(rows)
    assert len(read_cities(path, SETTINGS, UTM).shapes) == 2
    narrow = BoundarySettings(path="b.gpkg", licence="CC0-1.0", overlap_m=0.4)
    with pytest.raises(
        BoundaryError, match=r"two cities overlap \(.*b.gpkg, N_A_a and N_A_b\): got a common area around \(10.25, 5"
    ):
        read_cities(path, narrow, UTM)


def test_a_city_inside_another_overlaps_it_and_an_enclave_does_not() -> None:
    names = [CityName("N", "A", "a"), CityName("N", "A", "b")]
    inner = box(4, 4, 6, 6)
    check_outlines(names, np.array([box(0, 0, 10, 10) - inner, inner], object), 1.0)
    with pytest.raises(BoundaryError, match="two cities overlap"):
        check_outlines(names, np.array([box(0, 0, 10, 10), inner], object), 1.0)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no cities"),
        ([("N", "A", "a", box(0, 0, 1, 1)), ("N", "A", "a", box(2, 0, 3, 1))], "the same name"),
        ([("N", "A_B", "a", box(0, 0, 1, 1))], "underscore"),
        ([("N", "A", None, box(0, 0, 1, 1))], "missing or no text"),
    ],
)
def test_boundary_files_that_are_refused(make_cities: Make, rows: list[tuple[object, ...]], message: str) -> None:
    with pytest.raises(BoundaryError, match=message):
        read_cities(make_cities(rows), SETTINGS, UTM)


def test_boundary_files_of_the_wrong_kind(make_cities: Make, tmp_path: Path) -> None:
    good = make_cities([("N", "A", "a", box(0, 0, 1, 1))])
    with pytest.raises(InputError, match="lacks the column 'stadt'"):
        read_cities(good, BoundarySettings(path="b", licence="x", city="stadt"), UTM)
    with pytest.raises(InputError, match="has no layer 'towns'"):
        read_cities(good, BoundarySettings(path="b", licence="x", layer="towns"), UTM)
    with pytest.raises(GridError, match="no CRS"):
        read_cities(make_cities([("N", "A", "a", box(0, 0, 1, 1))], crs=None, name="nocrs.gpkg"), SETTINGS, UTM)
    with pytest.raises(InputError, match="missing"):
        read_cities(tmp_path / "none.gpkg", SETTINGS, UTM)
    (tmp_path / "vrt.gpkg").write_text("<OGRVRTDataSource/>")
    with pytest.raises(InputError, match="a format we do not read"):
        read_cities(tmp_path / "vrt.gpkg", SETTINGS, UTM)
    with pytest.raises(BoundaryError, match="no place in the project's CRS"):
        read_cities(make_cities([("N", "A", "a", box(0, 95, 1, 96))], crs="EPSG:4326", name="far.gpkg"), SETTINGS, UTM)


def test_a_pixel_belongs_to_the_city_that_holds_its_centre() -> None:
    grid = Grid(UTM, 0.0, 3.0, 1.0, 3, 4)
    shapes = np.array([box(0, 0, 1.4, 3), box(1.4, 0.6, 3.6, 3)], object)
    np.testing.assert_array_equal(own_pixels(shapes, grid, grid.window), [[1, 2, 2, 2], [1, 2, 2, 2], [1, 0, 0, 0]])


def test_centres_on_a_common_edge_have_one_owner() -> None:
    grid = Grid(UTM, 0.0, 4.0, 1.0, 4, 4)
    parts = [box(0, 0, 1.5, 1.5), box(1.5, 0, 4, 1.5), box(0, 1.5, 1.5, 4), box(1.5, 1.5, 4, 4)]
    owner = own_pixels(np.array(parts, object), grid, grid.window)
    assert (owner > 0).all()
    np.testing.assert_array_equal(owner, own_pixels(np.array(parts, object), grid, grid.window))
    diagonal = [Polygon([(0, 0), (4, 0), (4, 4)]), Polygon([(0, 0), (4, 4), (0, 4)])]  # through pixel centres
    assert (own_pixels(np.array(diagonal, object), grid, grid.window) > 0).all()


def test_slivers_belong_to_the_first_city() -> None:
    grid = Grid(UTM, 0.0, 1.0, 1.0, 1, 3)
    np.testing.assert_array_equal(
        own_pixels(np.array([box(0, 0, 2, 1), box(1, 0, 3, 1)], object), grid, grid.window), [[1, 1, 2]]
    )


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([7, 16, 64]))
def test_owners_partition_the_country_and_do_not_depend_on_blocks(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    points = shapely.MultiPoint(rng.uniform(0, 50, (6, 2)))
    country = box(2, 3, 47, 44)
    cells = [cell & country for cell in shapely.voronoi_polygons(points, extend_to=box(0, 0, 50, 50)).geoms]
    shapes = np.array([cell for cell in cells if not cell.is_empty], object)
    grid = Grid(UTM, 0.0, 50.0, 1.0, 50, 50)
    whole = own_pixels(shapes, grid, grid.window)
    np.testing.assert_array_equal(whole > 0, own_pixels(np.array([country], object), grid, grid.window) > 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("l2h.sources.boundaries.TILE_PX", 25)
        tiled = own_pixels(shapes, grid, grid.window)
        for block in grid.blocks(size):
            part = own_pixels(shapes, grid, block.window)
            np.testing.assert_array_equal(part, tiled[block.window.slices_in(grid.window)])


def test_islands_and_holes() -> None:
    grid = Grid(UTM, 0.0, 5.0, 1.0, 5, 5)
    ring = box(0, 0, 3, 3) - box(1, 1, 2, 2)
    owner = own_pixels(np.array([MultiPolygon([ring, box(4, 4, 5, 5)])], object), grid, grid.window)
    assert owner.sum() == 9
    assert owner[3, 1] == 0
    assert owner[0, 4] == 1


def test_a_grid_covers_its_extent_with_whole_cells() -> None:
    assert grid_for((3.0, 4.0, 17.0, 16.0), UTM, 1.0, 10) == Grid(UTM, 0.0, 20.0, 1.0, 20, 20)
    assert grid_for((0.0, 0.0, 20.0, 20.0), UTM, 1.0, 10) == Grid(UTM, 0.0, 20.0, 1.0, 20, 20)
    assert grid_for((3.3, 4.0, 17.0, 16.2), UTM, 1.0, 10, keep_corner=True) == Grid(UTM, 3.3, 16.2, 1.0, 20, 20)
    for bad in ((0, 0, 0, 1), (0, 1, 1, 0), (0, 0, float("inf"), 1)):
        with pytest.raises(GridError, match="an extent is empty"):
            grid_for(bad, UTM, 1.0, 10)


@given(
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
    st.floats(0.1, 1e4),
    st.floats(0.1, 1e4),
    st.sampled_from([0.5, 1.0, 3.28]),
)
def test_a_grid_never_cuts_its_extent(x: float, y: float, width: float, height: float, pixel: float) -> None:
    bounds = (x, y, x + width, y + height)
    grid = grid_for(bounds, UTM, pixel, 10)
    left, bottom, right, top = grid.bounds()
    slack = 2e-5 * 10 * pixel
    assert left <= bounds[0] + slack
    assert bottom <= bounds[1] + slack
    assert right >= bounds[2] - slack
    assert top >= bounds[3] - slack
    assert grid.height % 10 == grid.width % 10 == 0
    assert right - bounds[2] < 10 * pixel + slack
