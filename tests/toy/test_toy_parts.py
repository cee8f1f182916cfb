"""Pieces of the generated country, on arrays small enough to check in the head."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from l2h.toy.geometry import chaikin, draw, mask_of, sample, spline
from l2h.toy.materials import MATERIALS, VALUE_OF, colour_table
from l2h.toy.noise import fractal_noise, quantise, smooth_noise
from l2h.toy.osm import sketch_map
from l2h.toy.products import COARSE, ESRI, FROM_GLC, WORLDCOVER, class_shares, dominant, mapping_unit, simulate
from l2h.toy.reference import class_areas, draw_points
from l2h.toy.render import Sun, cast_shadow, hillshade
from l2h.toy.roads import Road
from l2h.toy.settlement import Building

SINOLC1 = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(1, 30))
@settings(max_examples=30, deadline=None)
def test_noise_has_the_shape_asked_for_and_depends_on_the_seed_only(height: int, width: int, scale: float) -> None:
    once, again = (smooth_noise(np.random.default_rng(5), (height, width), scale) for _ in range(2))
    assert once.shape == (height, width)
    assert once.dtype == np.float32
    assert np.array_equal(once, again)


def test_noise_is_about_standard() -> None:
    field = fractal_noise(np.random.default_rng(0), (400, 400), 12, 4)
    assert abs(float(field.mean())) < 0.1
    assert 0.85 < float(field.std()) < 1.15


def test_quantised_noise_clips() -> None:
    assert quantise(np.array([[0.0, 1.0, 99.0, -99.0]], np.float32)).tolist() == [[0, 32, 127, -127]]


def test_materials_stand_for_every_class_and_nothing_else() -> None:
    assert set(VALUE_OF[1:].tolist()) == set(SINOLC1)
    assert len({material.name for material in MATERIALS}) == len(MATERIALS)
    assert colour_table(True).shape == (len(MATERIALS), 3)


def test_drawing_takes_pixels_by_their_centre() -> None:
    assert draw([(box(0.4, 0, 2, 1), 7)], (2, 3)).tolist() == [[7, 7, 0], [0, 0, 0]]
    assert draw([(box(0.6, 0, 2, 1), 7)], (2, 3)).tolist() == [[0, 7, 0], [0, 0, 0]]
    assert not mask_of(Polygon(), (2, 2)).any()


def test_sampling_repeats_the_edge() -> None:
    field = np.array([[1, 2], [3, 4]])
    assert sample(field, np.array([[0.5, 0.5], [1.9, 0.0], [-5.0, 9.0]])).tolist() == [1, 2, 3]


def test_curves_keep_their_ends() -> None:
    corner = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]])
    for curve in (chaikin(corner), spline(corner, 2.0)):
        assert curve[0] == pytest.approx([0, 0])
        assert curve[-1] == pytest.approx([10, 10])
        assert len(curve) > 3


def test_a_wall_shades_the_ground_behind_it() -> None:
    height = np.zeros((1, 6), np.float32)
    height[0, 3] = 2.5  # sun in the east at 45°: two pixels west of the wall are dark
    assert cast_shadow(height, Sun(90, 45)).tolist() == [[False, True, True, False, False, False]]


def test_slopes_toward_the_sun_are_brighter() -> None:
    rising_east = np.tile(np.arange(5, dtype=np.float32) * 0.2, (5, 1))
    assert np.allclose(hillshade(np.zeros((4, 4), np.float32), Sun(90, 45)), 1)
    assert (hillshade(rising_east, Sun(270, 45)) > 1).all()
    assert (hillshade(rising_east, Sun(90, 45)) < 1).all()
    assert hillshade(np.zeros((1, 1), np.float32), Sun(90, 45)).tolist() == [[1.0]]


def test_roads_count_as_built_up_for_the_products() -> None:
    truth = np.full((20, 20), 5, np.uint8)
    truth[:, :10] = 1
    centres = (np.array([[5.0, 15.0]]), np.array([[10.0, 10.0]]))
    assert class_shares(truth, 6, centres, 9).tolist() == [[1.0, 0.0]]
    assert dominant(truth, centres, 9, {}).tolist() == [[6, 5]]


def test_the_mapping_unit_swallows_single_cells() -> None:
    cells = np.full((7, 7), 5, np.uint8)
    cells[3, 3] = 9
    assert (mapping_unit(cells, 3) == 5).all()
    assert np.array_equal(mapping_unit(cells, 1), cells)


@pytest.mark.parametrize("model", [WORLDCOVER, ESRI, FROM_GLC])
def test_error_models_are_whole_tables_of_chances(model: object) -> None:
    assert set(model.codes) == set(COARSE)
    for value, others in model.confusion.items():
        assert value not in others
        assert sum(others.values()) < 0.95
        assert set(others) <= set(COARSE)


@pytest.mark.parametrize("model", [WORLDCOVER, ESRI, FROM_GLC])
def test_products_speak_their_own_codes(model: object) -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat(np.repeat(rng.choice(SINOLC1, (8, 9)), 25, axis=0), 25, axis=1).astype(np.uint8)
    y, x = np.mgrid[5:200:10, 5:225:10].astype(float)
    codes = simulate(rng, truth, (x, y), model)
    assert codes.shape == (20, 22)
    assert set(np.unique(codes).tolist()) <= set(model.codes.values())


def test_areas_use_the_ground_area_of_each_row() -> None:
    truth = np.array([[5, 5, 9], [5, 2, 2]], np.uint8)
    owner = np.array([[1, 1, 2], [1, 0, 2]], np.uint8)
    areas = class_areas(truth, owner, np.array([1.0, 2.0]), 2)
    assert areas[1, 5] == 4.0
    assert (areas[2, 9], areas[2, 2], areas[0, 2]) == (1.0, 2.0, 2.0)
    assert areas.sum() == 9.0


def test_points_are_distinct_pixels_of_the_country() -> None:
    owner = np.zeros((6, 6), np.uint8)
    owner[1:5, 1:5] = 3
    rows, cols = draw_points(np.random.default_rng(0), owner, 50)
    assert len(rows) == 16
    assert len(set(zip(rows.tolist(), cols.tolist(), strict=True))) == 16
    assert (owner[rows, cols] == 3).all()


def test_the_map_keeps_what_it_must_and_moves_a_metre_or_two() -> None:
    line = np.array([[10.0, 10.0], [60.0, 10.0]])
    roads = [
        Road("motorway", line, 11.0, "asphalt"),
        Road("motorway", line + np.array([0, 30]), 11.0, "asphalt", tunnel=True),
    ]
    houses = [Building(box(20 * i, 60, 20 * i + 10, 70), 5.0, "red_roof", True, 0.0, False) for i in range(1, 40)]
    sketch = sketch_map(np.random.default_rng(0), roads, houses, box(0, 0, 900, 100))
    ways = [(points, tags) for points, tags in sketch.lines if "highway" in tags]
    assert [tags.get("tunnel") for _, tags in ways] == [None, "yes"]
    assert 0.5 < np.linalg.norm(ways[0][0] - line, axis=1).mean() < 2.6
    drawn = [Polygon(points) for points, tags in sketch.lines if "building" in tags]
    assert 8 <= len(drawn) <= 24
    assert sum(not shape.is_valid for shape in drawn) == 3
    assert len(sketch.courtyards) == 1
