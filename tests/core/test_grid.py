"""The lattice: windows, blocks, coordinates and ground areas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from l2h.core.errors import GridError
from l2h.core.grid import Block, Grid, Window

ALBERS_CHINA = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +datum=WGS84 +units=m +no_defs"
AWKWARD = st.one_of(st.sampled_from([1, 2, 3, 7, 31, 97, 101]), st.integers(1, 40))


def grid(height: int = 5, width: int = 7, pixel: float = 2.0, crs: str = "EPSG:32650") -> Grid:
    return Grid(crs, 100.0, 1000.0, pixel, height, width)


@st.composite
def windows(draw: st.DrawFn, low: int = -60, high: int = 160) -> Window:
    rows = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
    cols = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
    return Window(rows[0], rows[1], cols[0], cols[1])


def test_window_has_a_size() -> None:
    window = Window(2, 5, 10, 14)
    assert (window.height, window.width, window.shape, window.pixels, window.empty) == (3, 4, (3, 4), 12, False)


def test_empty_window_has_no_pixels() -> None:
    assert Window(2, 2, 0, 9).empty
    assert Window(2, 2, 0, 9).pixels == 0


def test_window_backwards_is_refused() -> None:
    with pytest.raises(GridError, match="stop lies before its start"):
        Window(3, 2, 0, 1)


def test_pad_grows_every_side() -> None:
    assert Window(2, 5, 10, 14).pad(3) == Window(-1, 8, 7, 17)


def test_intersect_is_the_common_part() -> None:
    assert Window(0, 4, 0, 4).intersect(Window(2, 9, 3, 9)) == Window(2, 4, 3, 4)
    assert Window(0, 4, 0, 4).intersect(Window(7, 9, 0, 4)).empty


def test_coarsen_goes_outward() -> None:
    assert Window(9, 21, -1, 10).coarsen(10) == Window(0, 3, -1, 1)


def test_refine_multiplies() -> None:
    assert Window(0, 3, -1, 1).refine(10) == Window(0, 30, -10, 10)


def test_shift_moves() -> None:
    assert Window(0, 3, 5, 6).shift(2, -5) == Window(2, 5, 0, 1)


def test_slices_pick_a_window_out_of_an_outer_array() -> None:
    outer, array = Window(10, 13, 20, 24), np.arange(12).reshape(3, 4)
    assert array[Window(11, 13, 22, 23).slices_in(outer)].tolist() == [[6], [10]]


def test_a_hull_holds_both() -> None:
    assert Window(0, 2, 5, 6).hull(Window(1, 4, 0, 3)) == Window(0, 4, 0, 6)


@given(windows(), st.integers(1, 9))
def test_strips_and_edges_give_the_window_again(window: Window, rows: int) -> None:
    strips = list(window.strips(rows))
    assert [row for strip in strips for row in range(*strip.edges[:2])] == list(range(*window.edges[:2]))
    assert all(strip.height <= rows and strip.edges[2:] == window.edges[2:] for strip in strips)
    assert Window(*window.edges) == window


@given(windows(), windows(), windows())
def test_intersect_is_commutative_and_associative(a: Window, b: Window, c: Window) -> None:
    assert a.intersect(b) == b.intersect(a)
    assert a.intersect(b).intersect(c).pixels == a.intersect(b.intersect(c)).pixels


@given(windows(), windows())
def test_intersect_lies_in_both_and_equals_a_contained_window(a: Window, b: Window) -> None:
    both = a.intersect(b)
    assert both.empty or (a.contains(both) and b.contains(both))
    if a.contains(b):
        assert both == b


@given(windows(), st.integers(1, 13))
def test_coarsen_covers_and_is_tight(window: Window, factor: int) -> None:
    cover = window.coarsen(factor).refine(factor)
    assert cover.contains(window)
    assert cover.height - window.height < 2 * factor
    assert window.refine(factor).coarsen(factor) == window


@given(windows(), st.integers(0, 20))
def test_pad_undoes_itself(window: Window, margin: int) -> None:
    padded = window.pad(margin)
    assert padded.contains(window)
    assert padded.pad(-margin) == window


@given(AWKWARD, AWKWARD, st.integers(1, 50), windows())
def test_tiles_meet_the_region_and_partition_it(height: int, width: int, step: int, region: Window) -> None:
    lattice = grid(height, width)
    owned = np.zeros((height, width), int)
    for tile in lattice.tiles(step, region):
        assert tile.row_start % step == 0
        assert tile.col_start % step == 0
        assert not tile.intersect(region).empty
        owned[tile.row_start : tile.row_stop, tile.col_start : tile.col_stop] += 1
    inside = np.zeros((height, width), bool)
    inside[region.intersect(lattice.window).slices_in(lattice.window)] = True
    assert (owned[inside] == 1).all()
    assert owned.max(initial=0) <= 1


@given(AWKWARD, AWKWARD, st.integers(1, 50), windows(), windows())
def test_a_tile_is_the_same_whoever_asks(height: int, width: int, step: int, one: Window, other: Window) -> None:
    lattice = grid(height, width)
    all_tiles = set(lattice.tiles(step))
    assert set(lattice.tiles(step, one)) <= all_tiles
    both = one.intersect(other)
    assert set(lattice.tiles(step, both)) <= set(lattice.tiles(step, one)) & set(lattice.tiles(step, other))


@given(AWKWARD, AWKWARD, st.integers(1, 50))
def test_blocks_own_every_pixel_once(height: int, width: int, size: int) -> None:
    owned, blocks = np.zeros((height, width), int), grid(height, width).blocks(size)
    for block in blocks:
        owned[block.window.slices_in(Window(0, height, 0, width))] += 1
    assert (owned == 1).all()
    assert len({block.name for block in blocks}) == len(blocks)


def test_blocks_are_named_by_block_row_and_column() -> None:
    assert grid(3, 5).blocks(2) == [
        Block("r0000c0000", Window(0, 2, 0, 2)),
        Block("r0000c0001", Window(0, 2, 2, 4)),
        Block("r0000c0002", Window(0, 2, 4, 5)),
        Block("r0001c0000", Window(2, 3, 0, 2)),
        Block("r0001c0001", Window(2, 3, 2, 4)),
        Block("r0001c0002", Window(2, 3, 4, 5)),
    ]


def test_tiles_outside_the_grid_are_none() -> None:
    assert list(grid().tiles(3, Window(100, 110, 0, 5))) == []


def test_a_tile_without_side_is_refused() -> None:
    with pytest.raises(GridError, match="positive side"):
        list(grid().tiles(0))


def test_bounds_and_transform_stand_on_the_pixel_corner() -> None:
    lattice = grid()
    assert lattice.bounds() == (100.0, 990.0, 114.0, 1000.0)
    assert lattice.bounds(Window(1, 2, 3, 5)) == (106.0, 996.0, 110.0, 998.0)
    assert tuple(lattice.window_transform(Window(1, 2, 3, 5)))[:6] == (2.0, 0.0, 106.0, 0.0, -2.0, 998.0)
    assert lattice.transform == lattice.window_transform(lattice.window)


def test_xy_gives_centres() -> None:
    x, y = grid().xy([0, 4], [0, 6])
    assert x.tolist() == [101.0, 113.0]
    assert y.tolist() == [999.0, 991.0]


def test_a_point_on_an_edge_belongs_to_the_pixel_below_and_right() -> None:
    rows, cols = grid().rowcol([100.0, 102.0, 99.9], [1000.0, 998.0, 1000.1])
    assert rows.tolist() == [0, 1, -1]
    assert cols.tolist() == [0, 1, -1]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_coordinates_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(GridError, match="not finite"):
        grid().rowcol([100.0, bad], [1000.0, 1000.0])


PLACES = st.sampled_from(
    [
        Grid("EPSG:32650", 499_980.0, 3_400_020.0, 1.0, 100_000, 100_000),
        Grid("EPSG:4326", 73.25, 53.75, 1 / 12000, 400_000, 700_000),
        Grid(ALBERS_CHINA, -2_640_000.0, 5_940_000.0, 10.0, 600_000, 600_000),
        Grid("EPSG:3857", 12_345_678.9, 4_567_890.1, 0.597164283559817, 50_000, 50_000),
    ]
)


@given(PLACES, st.integers(-500, 600_000), st.integers(-500, 700_000))
def test_rowcol_undoes_xy(place: Grid, row: int, col: int) -> None:
    rows, cols = place.rowcol(*place.xy(row, col))
    assert (int(rows), int(cols)) == (row, col)


@given(PLACES, st.data())
def test_window_of_bounds_undoes_bounds(place: Grid, data: st.DataObject) -> None:
    rows = sorted(data.draw(st.tuples(st.integers(0, place.height), st.integers(0, place.height))))
    cols = sorted(data.draw(st.tuples(st.integers(0, place.width), st.integers(0, place.width))))
    window = Window(rows[0], rows[1], cols[0], cols[1])
    assert place.window_of_bounds(place.bounds(window)) == window


def test_window_of_bounds_covers_partial_pixels_and_stays_on_the_grid() -> None:
    assert grid().window_of_bounds((101.0, 995.0, 103.0, 2000.0)) == Window(0, 3, 0, 2)
    assert grid().window_of_bounds((0.0, 0.0, 50.0, 50.0)).empty


@pytest.mark.parametrize("bounds", [(math.nan,) * 4, (0.0, 0.0, math.inf, 1.0), (5.0, 0.0, 1.0, 1.0)])
def test_bounds_that_are_no_area_are_refused(bounds: tuple[float, float, float, float]) -> None:
    with pytest.raises(GridError, match="not an area"):
        grid().window_of_bounds(bounds)


@given(AWKWARD, AWKWARD, st.integers(1, 13))
def test_coarse_grid_covers_the_fine_one(height: int, width: int, factor: int) -> None:
    coarse = grid(height, width).coarsen(factor)
    assert (coarse.x, coarse.y, coarse.pixel) == (100.0, 1000.0, 2.0 * factor)
    assert coarse.window == grid(height, width).window.coarsen(factor)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"pixel": 0.0}, "positive pixel"),
        ({"pixel": math.nan}, "positive pixel"),
        ({"x": math.inf}, "finite origin"),
        ({"height": 0}, "at least one pixel"),
        ({"width": -3}, "at least one pixel"),
    ],
)
def test_impossible_grids_are_refused(change: dict[str, float], text: str) -> None:
    with pytest.raises(GridError, match=text):
        Grid.from_dict(grid().to_dict() | change)


def test_grid_survives_a_dictionary() -> None:
    assert Grid.from_dict(grid().to_dict()) == grid()


def geodesic_area(lattice: Grid, window: Window) -> float:
    """Area in m² of a window's outline on the ellipsoid, its edges followed densely."""
    left, bottom, right, top = lattice.bounds(window)
    t = np.linspace(0, 1, 401)[:-1]
    x = np.concatenate([left + (right - left) * t, 0 * t + right, right - (right - left) * t, 0 * t + left])
    y = np.concatenate([0 * t + bottom, bottom + (top - bottom) * t, 0 * t + top, top - (top - bottom) * t])
    lon, lat = Transformer.from_crs(lattice.crs, "EPSG:4326", always_xy=True).transform(x, y)
    return abs(Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0])


@pytest.mark.parametrize(
    ("lattice", "tolerance"),
    [
        (Grid("EPSG:4326", 103.0, 0.05, 1 / 100, 10, 100), 1e-7),
        (Grid("EPSG:4326", 103.0, 37.0, 1 / 100, 10, 100), 1e-7),
        (Grid("EPSG:4326", 10.0, 89.9, 1 / 100, 10, 100), 1e-5),
        (Grid("EPSG:32650", 480_000.0, 3_400_000.0, 100.0, 100, 400), 2e-5),
        (Grid("EPSG:32650", 780_000.0, 5_400_000.0, 10.0, 100, 100), 2e-6),
        (Grid(ALBERS_CHINA, -1_200_000.0, 4_200_000.0, 100.0, 100, 100), 1e-7),
        (Grid("EPSG:3857", 12_000_000.0, 4_800_000.0, 10.0, 100, 100), 1e-6),
    ],
    ids=["equator", "Gansu", "pole", "UTM middle", "UTM edge", "Albers", "Web Mercator"],
)
def test_row_area_agrees_with_geodesic_polygons(lattice: Grid, tolerance: float) -> None:
    area = lattice.row_area(0, lattice.height).sum() * lattice.width
    assert area == pytest.approx(geodesic_area(lattice, lattice.window), rel=tolerance)


def test_row_area_is_exact_on_an_equal_area_crs() -> None:
    lattice = Grid(ALBERS_CHINA, -2_640_000.0, 5_940_000.0, 1000.0, 6000, 6000)
    assert lattice.row_area(0, 6000) / 1e4 == pytest.approx(100.0, rel=1e-9)
    assert lattice.area_spread() < 1e-9


def test_row_area_of_utm_counts_the_scale_of_the_projection() -> None:
    """On the central meridian the scale is 0.9996, so a pixel of 1 m covers 1 / 0.9996² m²."""
    lattice = Grid("EPSG:32650", 499_999.5, 3_400_000.0, 1.0, 3, 1)
    assert lattice.row_area(0, 3) == pytest.approx([1 / 0.9996**2] * 3, rel=1e-9)
    assert 0 < Grid("EPSG:32650", 400_000.0, 3_400_000.0, 1.0, 100, 200_000).area_spread() < 1e-3


def test_the_whole_world_has_the_area_of_the_ellipsoid() -> None:
    world = Grid("EPSG:4326", -180.0, 90.0, 0.5, 360, 720)
    assert world.row_area(0, 360).sum() * 720 == pytest.approx(510_065_621_724_088.5, rel=1e-12)


def test_row_area_knows_feet_and_grads() -> None:
    feet = Grid("EPSG:2263", 1_000_000.0, 200_000.0, 1.0, 1, 1)  # New York, US survey feet
    assert feet.row_area(0, 1)[0] == pytest.approx((1200 / 3937) ** 2, rel=1e-4)
    grads = Grid("EPSG:4807", 0.0, 50.0, 1.0, 1, 1)  # Paris, grads: 50 grads are 45 degrees
    degrees = Grid("EPSG:4275", 0.0, 45.0, 0.9, 1, 1)  # the same datum in degrees
    assert grads.row_area(0, 1)[0] == pytest.approx(degrees.row_area(0, 1)[0], rel=1e-12)


def test_row_area_on_a_sphere() -> None:
    sphere = Grid("+proj=longlat +R=6371000 +no_defs", 0.0, 90.0, 90.0, 2, 4)
    assert sphere.row_area(0, 2) == pytest.approx([4 * math.pi * 6_371_000**2 / 8] * 2, rel=1e-12)


def test_rows_beyond_the_pole_have_no_area() -> None:
    assert Grid("EPSG:4326", 0.0, 91.0, 1.0, 2, 1).row_area(0, 2)[0] == 0.0


def test_a_grid_where_its_crs_is_not_valid_is_refused() -> None:
    with pytest.raises(GridError, match="not valid"):
        Grid(ALBERS_CHINA, 0.0, 40_000_000.0, 1000.0, 1, 1).row_area(0, 1)


def test_pixels_across_the_antimeridian_have_their_area() -> None:
    here, there = (Grid(f"EPSG:{code}", 166_021.0, 50_000.0, 10.0, 3, 1) for code in (32660, 32650))
    across = Grid("EPSG:3832", 3_339_500.0, 50_000.0, 10.0, 3, 100)  # PDC Mercator: the 180th meridian at x = 3,339,585
    assert here.row_area(0, 3) == pytest.approx(there.row_area(0, 3), rel=1e-9)
    assert across.row_area(0, 3) == pytest.approx([100.0] * 3, rel=0.02)


def test_unknown_crs_is_named() -> None:
    with pytest.raises(GridError, match="EPSG:999999"):
        Grid("EPSG:999999", 0, 0, 1, 1, 1).row_area(0, 1)
