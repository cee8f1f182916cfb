"""Classes counted by zone: literal answers, and the same integers by any path and any cut."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from l2h.core import zones as module
from l2h.core.zones import row_zone_counts, zone_areas

SHAPE = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
ZONES = st.sampled_from([0, 1, 2, 300, 65535])


def test_areas_by_zone_and_value() -> None:
    codes = np.array([[2, 2, 0], [9, 2, 2]], "uint8")
    zones = np.array([[1, 1, 2], [1, 2, 0]], "uint16")
    areas = zone_areas(codes, zones, np.array([1.0, 3.0]))
    assert areas == {1: {2: (2, 2 * 10**9), 9: (1, 3 * 10**9)}, 2: {0: (1, 10**9), 2: (1, 3 * 10**9)}}


@pytest.mark.parametrize(("shape", "keys"), [((0, 4), []), ((2, 0), []), ((2, 2), [])])
def test_nothing_inside(shape: tuple[int, int], keys: list[tuple[int, int]]) -> None:
    counts, found = row_zone_counts(np.full(shape, 5, "uint8"), np.zeros(shape, "uint16"))
    assert (counts.shape, found) == ((shape[0], 0), keys)


@given(st.data())
def test_runs_and_pixels_count_the_same(data: st.DataObject) -> None:
    shape = data.draw(SHAPE)
    codes = data.draw(arrays("uint8", shape, elements=st.integers(0, 255)))
    zones = data.draw(arrays("uint16", shape, elements=ZONES))
    expected = {
        (z, v): ((zones == z) & (codes == v)).sum(1).tolist()
        for z in np.unique(zones[zones > 0]).tolist()
        for v in np.unique(codes[zones == z]).tolist()
    }
    for share in (0.0, 2.0):  # every pixel; starts of runs
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "DENSE", share)
            counts, keys = row_zone_counts(codes, zones)
        assert {k: counts[:, i].tolist() for i, k in enumerate(keys)} == expected


@given(arrays("uint8", (7, 9), elements=st.integers(0, 3)), arrays("uint16", (7, 9), elements=ZONES), st.integers(0, 7))
def test_halves_sum_to_the_whole(codes: np.ndarray, zones: np.ndarray, cut: int) -> None:
    area = np.linspace(0.7, 1.3, 7)
    total: dict[tuple[int, int], tuple[int, int]] = {}
    for part in (slice(0, cut), slice(cut, None)):
        for zone, values in zone_areas(codes[part], zones[part], area[part]).items():
            for value, (n, a) in values.items():
                old = total.get((zone, value), (0, 0))
                total[zone, value] = (old[0] + n, old[1] + a)
    whole = zone_areas(codes, zones, area)
    assert total == {(z, v): pair for z, values in whole.items() for v, pair in values.items()}
