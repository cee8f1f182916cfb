"""Vectors on small grids with literal answers, and independence of the window that asks."""

from functools import cache

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.core.grid import Grid, Window
from l2h.labels.roads import half_widths, is_positive
from l2h.labels.settings import VectorSettings
from l2h.labels.vectors import TILE_PX, Vectors, bounds_of, rasterise

GRID = Grid("EPSG:32650", 500000, 20, 1.0, 20, 20)
PLAIN = VectorSettings(road_core_share=0.7, road_ring_factor=2, road_ring_m=0, building_core_m=1, building_ring_m=3)


def objects(*shapes: shapely.Geometry) -> np.ndarray:
    out = np.empty(len(shapes), object)
    out[:] = shapes
    return out


def vectors(roads=(), half=(), buildings=(), positive=None) -> Vectors:
    sure = np.ones(len(roads), bool) if positive is None else np.array(positive, bool)
    return Vectors(objects(*roads), np.array(half, "float64"), sure, objects(*buildings))


def line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString([(500000 + x, y) for x, y in points])


def box(left: float, bottom: float, right: float, top: float) -> shapely.Polygon:
    return shapely.box(500000 + left, bottom, 500000 + right, top)


STREET = line((-50, 10), (70, 10))  # along the middle of the grid, out on both sides


def test_a_straight_road_of_six_metres() -> None:
    evidence, known = rasterise(vectors([STREET], [3]), GRID, GRID.window, PLAIN)
    column = [0] * 4 + [255] * 4 + [1] * 4 + [255] * 4 + [0] * 4  # core to 2.1 m, ring to 6 m from the centre line
    np.testing.assert_array_equal(evidence, np.repeat(np.array(column)[:, None], 20, axis=1))
    np.testing.assert_array_equal(known, np.repeat(np.array([0] * 7 + [1] * 6 + [0] * 7)[:, None], 20, axis=1))


def test_a_building_has_a_core_and_a_ring() -> None:
    evidence, known = rasterise(vectors(buildings=[box(6, 6, 14, 14)]), GRID, GRID.window, PLAIN)
    assert evidence[10].tolist() == [0] * 3 + [255] * 4 + [6] * 6 + [255] * 4 + [0] * 3
    assert evidence[:, 10].tolist() == evidence[10].tolist()
    assert known[10].tolist() == [0] * 6 + [6] * 8 + [0] * 6
    assert (known > 0).sum() == 64
    assert (evidence == 6).sum() == 36


def test_courtyards_stay_open_and_overlaps_stay_built() -> None:
    yard = box(0, 0, 12, 12) - box(3, 3, 9, 9)
    both = shapely.MultiPolygon([box(14, 14, 16, 16), box(18, 18, 20, 20)])
    known = rasterise(vectors(buildings=[yard, box(10, 0, 14, 12), both]), GRID, GRID.window, PLAIN)[1]
    assert (known[8:] == 6).sum() == 14 * 12 - 6 * 6
    assert (known[:8] == 6).sum() == 8


def test_a_road_under_a_building_is_no_evidence_and_drawn_as_building() -> None:
    house = box(10, 8, 20, 16)
    evidence, known = rasterise(vectors([STREET], [3], [house]), GRID, GRID.window, PLAIN)
    middle = evidence[:, 15].tolist()  # rows 4 to 11 are house, its core 5 to 10; the road's core 8 to 11
    assert middle[5:8] == [6] * 3
    assert middle[8:11] == [255] * 3
    assert middle[11] == 1  # a core wins over the other's ring
    assert known[:, 15].tolist() == [0] * 4 + [6] * 8 + [1] * 1 + [0] * 7
    assert evidence[8:12, 3].tolist() == [1] * 4


def test_a_track_is_ignored_and_never_drawn() -> None:
    evidence, known = rasterise(vectors([STREET], [2], positive=[False]), GRID, GRID.window, PLAIN)
    assert set(np.unique(evidence)) == {0, 255}
    assert evidence[:, 0].tolist() == [0] * 6 + [255] * 8 + [0] * 6
    assert not known.any()


def test_nothing_gives_nothing() -> None:
    assert not rasterise(Vectors.empty(), GRID, GRID.window, PLAIN).any()
    far = vectors([line((900, 900), (950, 900))], [3], [box(800, 800, 810, 810)])
    assert not rasterise(far, GRID, GRID.window, PLAIN).any()


def test_a_shed_smaller_than_the_core_is_only_ignored() -> None:
    evidence, known = rasterise(vectors(buildings=[box(9, 9, 11, 11)]), GRID, GRID.window, PLAIN)
    assert set(np.unique(evidence)) == {0, 255}
    assert (known == 6).sum() == 4


@pytest.mark.parametrize(("points", "pixels"), [(((-1, 60), (1, 60)), 12), (((0, 59), (0, 61)), 12)])
def test_metres_on_a_geographic_lattice(points: tuple, pixels: int) -> None:
    # at 60° N a degree of longitude is half a degree of latitude: pixels of half a metre by one
    grid = Grid("EPSG:4326", -20 / 111320, 60 + 20 / 111320, 1 / 111320, 40, 40)
    known = rasterise(vectors([shapely.LineString(points)], [6]), grid, grid.window, PLAIN)[1]
    along_y = points[0][0] == points[1][0]
    across = known[20].sum() if along_y else known[:, 20].sum()
    assert across == pytest.approx(2 * pixels if along_y else pixels, abs=1)


def test_metres_on_a_lattice_in_feet() -> None:
    foot = 0.3048006096
    grid = Grid("EPSG:2232", 3100000, 1700000, 1 / foot, 20, 20)
    street = shapely.LineString([(3099000, 1700000 - 10 / foot), (3101000, 1700000 - 10 / foot)])
    known = rasterise(vectors([street], [3]), grid, grid.window, PLAIN)[1]
    assert known[:, 5].tolist() == [0] * 7 + [1] * 6 + [0] * 7


SIDE = TILE_PX + 176  # more than one tile
BIG = Grid("EPSG:32650", 500000, SIDE, 1.0, SIDE, SIDE)


def scatter(seed: int) -> Vectors:
    rng = np.random.default_rng(seed)
    roads = [line(*rng.uniform(-100, SIDE + 100, (3, 2))) for _ in range(12)]
    corners = rng.uniform(0, SIDE - 20, (60, 2))
    houses = [box(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, rng.uniform(4, 30, (60, 2)), strict=True)]
    return vectors(roads, rng.uniform(2, 8, 12), houses)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, SIDE - 20), st.integers(1, 300), st.integers(0, SIDE - 20), st.integers(1, 300))
def test_no_window_sees_other_pixels(row: int, height: int, col: int, width: int) -> None:
    window = Window(row, row + height, col, col + width).intersect(BIG.window)
    whole = whole_scatter()
    rows, cols = window.slices_in(BIG.window)
    everything = scatter(1)
    part = everything.near(bounds_of(BIG, window, PLAIN))  # what a task loads
    np.testing.assert_array_equal(rasterise(part, BIG, window, PLAIN), whole[:, rows, cols])


@cache
def whole_scatter() -> np.ndarray:
    return rasterise(scatter(1), BIG, BIG.window, PLAIN)


def test_the_scatter_crosses_tiles() -> None:
    assert BIG.width > TILE_PX
    assert (whole_scatter()[0, TILE_PX - 20 : TILE_PX + 20] == 1).any()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_a_ring_never_covers_a_core(seed: int) -> None:
    grid = Grid("EPSG:32650", 500000, SIDE, 1.0, 300, 300)
    both = scatter(seed)
    roads = Vectors(both.roads, both.half_width_m, both.positive, objects())
    houses = Vectors(objects(), np.empty(0), np.empty(0, bool), both.buildings)
    road, house, evidence = (rasterise(v, grid, grid.window, PLAIN)[0] for v in (roads, houses, both))
    assert (evidence[(road == 1) & (house != 6)] == 1).all()
    assert (evidence[(house == 6) & (road != 1)] == 6).all()
    assert (evidence[(house == 6) & (road == 1)] == 255).all()


NAN = float("nan")


@pytest.mark.parametrize(
    ("highway", "width", "lanes", "half"),
    [
        ("residential", NAN, NAN, 3.0),
        ("residential", 8.0, 4.0, 4.0),  # the width tag counts first
        ("residential", NAN, 2.0, 3.5),
        ("motorway", NAN, NAN, 7.0),
        ("motorway", NAN, 99.0, 21.0),  # twelve lanes at most
        ("service", 0.2, NAN, 1.0),  # centimetres or feet, not a road
        ("service", 500.0, NAN, 40.0),
        ("service", -1.0, NAN, 2.0),
        ("rail", NAN, NAN, 2.0),
        ("footway", NAN, NAN, 0.0),
        ("footway", 3.0, NAN, 0.0),
        ("spaceport", NAN, NAN, 0.0),
        ("path", NAN, NAN, 1.5),  # overridden
        ("primary", 12.0, NAN, 0.0),  # switched off
    ],
)
def test_half_widths(highway: str, width: float, lanes: float, half: float) -> None:
    override = {"path": 3.0, "primary": 0.0}
    got = half_widths(np.array([highway], object), np.array([width]), np.array([lanes]), override_m=override)
    assert got.tolist() == [half]


def test_only_tracks_are_unsure() -> None:
    assert is_positive(np.array(["track", "rail", "service"], object)).tolist() == [False, True, True]


def test_unused_classes_leave_the_vectors() -> None:
    nothing = np.full(2, np.nan)
    kept = Vectors.of(
        objects(STREET, STREET), np.array(["footway", "track"], object), (nothing, nothing), objects(), PLAIN
    )
    assert kept.half_width_m.tolist() == [2.0]
    assert kept.positive.tolist() == [False]
