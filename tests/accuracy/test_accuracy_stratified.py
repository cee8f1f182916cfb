"""Area-weighted estimators against the worked example of Olofsson and others (2014), tables 8 and 9."""

import numpy as np
import pytest

from l2h.accuracy.confusion import ConfusionMatrix
from l2h.accuracy.stratified import stratified_accuracy
from l2h.accuracy.summary import adjusted_areas
from l2h.core.errors import InputError
from l2h.core.legend import load_legend

# map × reference as printed: deforestation, forest gain, stable forest, stable non-forest; ours is reference × map
PRINTED = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]], "int64")
AREAS_HA = np.array([200_000.0, 150_000.0, 3_200_000.0, 6_450_000.0])


def margins(estimates):
    return [(round(e.value, 2), round(1.96 * e.standard_error, 2)) for e in estimates]


def test_published_accuracies():
    found = stratified_accuracy(PRINTED.T, AREAS_HA)
    assert margins(found.users_accuracy) == [(0.88, 0.07), (0.73, 0.10), (0.93, 0.04), (0.96, 0.02)]
    assert margins(found.producers_accuracy) == [(0.75, 0.21), (0.85, 0.25), (0.93, 0.03), (0.96, 0.02)]
    assert margins([found.overall_accuracy]) == [(0.95, 0.02)]


def test_published_area_of_deforestation():
    area = stratified_accuracy(PRINTED.T, AREAS_HA).areas[0]
    assert (round(area.value), round(1.96 * area.standard_error)) == (235_086, 68_418)


def test_areas_close():
    found = stratified_accuracy(PRINTED.T, AREAS_HA)
    assert sum(e.value for e in found.areas) == pytest.approx(AREAS_HA.sum())


def test_proportional_points_weigh_as_they_are():
    counts = np.array([[40, 10], [5, 45]], "int64")
    found = stratified_accuracy(counts, counts.sum(0) * 7.0)
    assert found.overall_accuracy.value == pytest.approx(0.85)


def test_a_class_with_area_needs_two_points():
    with pytest.raises(InputError, match="too few points"):
        stratified_accuracy(np.array([[4, 0], [1, 1]], "int64"), np.array([10.0, 10.0]))


def test_adjusted_areas_do_not_depend_on_the_order_of_cities():
    """Cities come in the order of the blocks that hold them; 0.1 + 0.2 + 0.3 is not 0.3 + 0.2 + 0.1 in floats."""
    codes = np.array([2, 2, 2], "uint8")
    matrix = ConfusionMatrix.from_codes(codes, codes, load_legend("sinolc1"), "simple_random")
    areas = {1: {2: (1, 100_000_000)}, 2: {2: (1, 200_000_000)}, 3: {2: (1, 300_000_000)}}
    found = adjusted_areas(matrix, areas)
    assert next(row["map_m2"] for row in found["classes"] if row["value"] == 2) == 0.6
    assert adjusted_areas(matrix, dict(reversed(areas.items()))) == found
