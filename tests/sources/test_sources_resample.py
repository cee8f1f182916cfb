"""Where our pixels lie in a source, and what is found there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.core.crs import same_crs, transformer
from l2h.core.errors import GridError
from l2h.core.grid import Grid, Window
from l2h.sources import resample
from l2h.sources.frame import Frame, footprint, offset_on
from l2h.sources.resample import (
    hit,
    locate,
    mean_of_samples,
    sample_bilinear,
    sample_nearest,
    samples_for,
    to_bytes,
    window_of,
)

UTM, LONLAT = "EPSG:32650", "EPSG:4326"
GRID = Grid(UTM, 500_000.0, 3_400_000.0, 1.0, 700, 900)
WORLD = Frame(LONLAT, 116.99, 30.75, 1 / 12000, 1 / 12000, 400, 400)  # 10 m pixels around the grid


def exact(grid: Grid, window: Window, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.arange(float(window.height)), np.arange(float(window.width))
    return resample._exact(grid, window, frame, rows, cols)


def test_places_on_one_lattice_are_pixel_centres() -> None:
    grid = Grid(UTM, 10.0, 20.0, 1.0, 2, 3)
    v, u = locate(grid, grid.window, Frame(UTM, 9.0, 20.0, 2.0, 2.0, 4, 4))
    np.testing.assert_array_equal(v, [[0.25, 0.25, 0.25], [0.75, 0.75, 0.75]])
    np.testing.assert_array_equal(u, [[0.75, 1.25, 1.75], [0.75, 1.25, 1.75]])


@pytest.mark.parametrize(
    "tile", [Window(0, 500, 0, 500), Window(500, 700, 500, 900), Window(0, 1, 0, 1), Window(3, 4, 0, 311)]
)
def test_interpolated_places_hit_the_same_source_pixels_as_exact_ones(tile: Window) -> None:
    v, u = locate(GRID, tile, WORLD)
    exact_v, exact_u = exact(GRID, tile, WORLD)
    assert np.abs(v - exact_v).max() <= resample.TOLERANCE_PX
    assert np.abs(u - exact_u).max() <= resample.TOLERANCE_PX
    np.testing.assert_array_equal(np.floor(v), np.floor(exact_v))
    np.testing.assert_array_equal(np.floor(u), np.floor(exact_u))


def test_a_coarse_grid_near_the_pole_gets_exact_places_where_no_mesh_is_fine_enough() -> None:
    grid = Grid("EPSG:3995", -400_000.0, 400_000.0, 8000.0, 100, 100)  # the north pole in its middle
    frame = Frame(LONLAT, -180.0, 90.0, 0.01, 0.01, 1000, 36000)
    v, u = locate(grid, grid.window, frame)
    np.testing.assert_array_equal((v, u), exact(grid, grid.window, frame))
    assert v.min() < 60  # the pole's four pixels lie within 0.6 degrees


def test_longitudes_beyond_the_antimeridian_are_the_same_places() -> None:
    grid = Grid("EPSG:32601", 160_000.0, 10_000.0, 10_000.0, 2, 4)  # about 177.9° E to 178.3° E written as -182
    east, west = Frame(LONLAT, 177.0, 1.0, 0.1, 0.1, 20, 60), Frame(LONLAT, -183.0, 1.0, 0.1, 0.1, 20, 60)
    np.testing.assert_allclose(locate(grid, grid.window, east), locate(grid, grid.window, west), atol=1e-5)
    assert not footprint(east, grid).empty
    assert footprint(east, grid) == footprint(west, grid)


def test_a_point_without_a_place_is_outside() -> None:
    grid = Grid("ESRI:54030", 16_000_000.0, 8_000_000.0, 1_000_000.0, 3, 3)  # corners of Robinson are off the world
    v, u = locate(grid, grid.window, Frame(LONLAT, -180.0, 90.0, 1.0, 1.0, 180, 360))
    assert not np.isfinite(v).all()
    _, valid = sample_nearest(np.ones((1, 180, 360), "uint8"), np.ones((180, 360), bool), v, u)
    np.testing.assert_array_equal(valid, np.isfinite(v))


def test_nearest_takes_the_pixel_that_holds_the_place_and_an_edge_belongs_to_the_pixel_after_it() -> None:
    values, valid = np.array([[[1, 2, 3]]], "uint8"), np.array([[True, True, False]])
    u = np.array([[-0.001, 0.0, 0.999, 1.0, 2.5, 3.0]])
    got, good = sample_nearest(values, valid, np.full(u.shape, 0.5), u)
    np.testing.assert_array_equal(got, [[[0, 1, 1, 2, 0, 0]]])
    np.testing.assert_array_equal(good, [[False, True, True, True, False, False]])


def test_bilinear_weighs_four_pixels_by_nearness() -> None:
    values, valid = np.array([[[0, 100], [100, 200]]], "uint8"), np.ones((2, 2), bool)
    v, u = np.array([[0.5, 1.0, 0.75, 0.0]]), np.array([[0.5, 1.0, 0.5, 0.0]])
    got, good = sample_bilinear(values, valid, v, u)
    np.testing.assert_array_equal(got, [[[0.0, 100.0, 25.0, 0.0]]])  # beyond the outer centres the rim is held
    assert good.all()


def test_bilinear_never_mixes_in_what_is_not_valid() -> None:
    values, valid = np.array([[[10, 255]]], "uint8"), np.array([[True, False]])
    got, good = sample_bilinear(values, valid, np.full((1, 3), 0.5), np.array([[0.5, 0.9, 1.1]]))
    np.testing.assert_array_equal(got, [[[10.0, 10.0, 0.0]]])
    np.testing.assert_array_equal(good, [[True, True, False]])


def test_mean_of_samples_needs_half_of_them() -> None:
    values = np.array([[[1, 3, 8, 9], [5, 7, 9, 9]]], "uint8")
    valid = np.array([[True, True, True, False], [True, True, False, False]])
    got, good = mean_of_samples(values, valid, 2)
    np.testing.assert_array_equal(got, [[[4.0, 0.0]]])
    np.testing.assert_array_equal(good, [[True, False]])


def test_sixteen_bits_become_eight_linearly_with_halves_up() -> None:
    got = to_bytes(np.array([0, 1000, 2000, 2005, 3000, 60000], "uint16").reshape(1, 1, -1), ((1000, 3000),))
    np.testing.assert_array_equal(got, [[[0, 0, 128, 128, 255, 255]]])
    np.testing.assert_array_equal(to_bytes(np.array([[[0.4, 0.5, 254.5]]]), None), [[[0, 1, 255]]])
    both = to_bytes(np.full((2, 1, 1), 50, "uint16"), ((0, 255), (0, 510)))
    np.testing.assert_array_equal(both[:, 0, 0], [50, 25])


@pytest.mark.parametrize(("pixel", "samples"), [(1.0, 1), (0.7, 1), (0.5, 2), (0.3, 3), (0.01, 4), (10.0, 1)])
def test_samples_follow_the_ratio_of_pixels(pixel: float, samples: int) -> None:
    assert samples_for(GRID, Frame(UTM, 500_000.0, 3_400_000.0, pixel, pixel, 100, 100)) == samples


@pytest.mark.parametrize(
    ("dx", "pixel", "offset"),
    [
        (0.0, 1.0, (0, 0)),
        (-7.0, 1.0, (0, -7)),
        (4e-4, 1.0, (0, 0)),
        (0.5, 1.0, None),
        (0.0, 1.0001, None),
        (0.0, 2.0, None),
    ],
)
def test_one_lattice_or_not(dx: float, pixel: float, offset: tuple[int, int] | None) -> None:
    frame = Frame(UTM, GRID.x + dx, GRID.y, pixel, pixel, 100, 100)
    assert offset_on(GRID, frame) == offset
    assert offset_on(GRID, Frame("EPSG:32651", GRID.x, GRID.y, 1.0, 1.0, 9, 9)) is None


def test_a_crs_is_the_same_however_it_is_written() -> None:
    from pyproj import CRS

    assert same_crs(UTM, CRS(UTM).to_wkt())
    assert not same_crs(UTM, "EPSG:32651")
    with pytest.raises(GridError, match="the CRS is not known"):
        same_crs(UTM, "EPSG:1")


@settings(max_examples=30, deadline=None)
@given(
    st.floats(116.95, 117.05),
    st.floats(30.68, 30.78),
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from([1e-5, 1e-4, 1e-3]),
)
def test_a_footprint_never_misses_a_pixel(x: float, y: float, height: int, width: int, pixel: float) -> None:
    frame = Frame(LONLAT, x, y, pixel, pixel, height, width)
    grid = Grid(UTM, 499_000.0, 3_401_000.0, 50.0, 37, 41)
    v, u = exact(grid, grid.window, frame)
    rows, cols = np.nonzero((v >= 0) & (v < height) & (u >= 0) & (u < width))
    covers = footprint(frame, grid)
    assert all(covers.row_start <= r < covers.row_stop for r in rows)
    assert all(covers.col_start <= c < covers.col_stop for c in cols)


def test_a_source_window_reaches_one_pixel_further_and_stays_inside() -> None:
    frame = Frame(UTM, 0.0, 0.0, 1.0, 1.0, 10, 10)
    places = np.array([[0.5, 4.2]]), np.array([[3.0, 3.9]])
    assert window_of(*places, frame) == Window(0, 6, 2, 5)
    assert window_of(places[0] + 20, places[1], frame).empty


@settings(max_examples=40, deadline=None)
@given(st.floats(-3.0, 3.0), st.floats(-60.0, 60.0), st.floats(1.0, 40.0), st.integers(1, 300), st.integers(1, 300))
def test_the_fast_way_hits_the_pixels_that_the_exact_places_lie_in(
    lon: float, lat: float, metres: float, height: int, width: int
) -> None:
    """Also over edges, outside the source, and for pixels finer or coarser than ours."""
    frame = Frame("EPSG:4326", 117.0 + lon, lat + 0.001, metres / 111_000, metres / 111_000, 40, 40)
    x, y = transformer("EPSG:4326", "EPSG:32650").transform(117.0 + lon, lat)
    grid = Grid("EPSG:32650", round(x) - 100.0, round(y) + 100.0, 1.0, height, width)
    v, u = locate(grid, grid.window, frame)
    rows, cols = hit(grid, grid.window, frame)
    np.testing.assert_array_equal(rows, np.floor(v))
    np.testing.assert_array_equal(cols, np.floor(u))


@pytest.mark.parametrize("metres", [3.9, 4.6, 10.0, 30.0])  # 500 px span 128, 108, 50 and 17 of these
def test_a_whole_tile_hits_the_true_pixels_just_above_and_below_the_span_of_whole_numbers(metres: float) -> None:
    frame = Frame("EPSG:4326", 118.0, 31.0, metres / 111_000, metres / 111_000, 2000, 2000)
    grid = Grid("EPSG:32650", 600_000.0, 3_420_000.0, 1.0, 500, 500)
    v, u = exact(grid, grid.window, frame)
    rows, cols = hit(grid, grid.window, frame)
    np.testing.assert_array_equal(rows, np.floor(v))
    np.testing.assert_array_equal(cols, np.floor(u))


def test_a_point_without_a_place_hits_nothing() -> None:
    frame = Frame("EPSG:32650", 0.0, 0.0, 10.0, 10.0, 10, 10)
    grid = Grid("EPSG:4326", -63.0, 0.5, 0.25, 2, 2)  # the other side of the Earth
    rows, cols = hit(grid, grid.window, frame)
    outside = (rows < 0) | (rows >= 10) | (cols < 0) | (cols >= 10)
    assert outside.all()
