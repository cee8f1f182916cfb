"""GCJ-02 there and back, and the evidence for a file's datum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, box

from l2h.sources.datum import KNOWN_PLACES, evidence, from_gcj02, likely_datum, to_gcj02

METRE = 1e-5  # degrees, nearly


def test_the_shift_at_tiananmen_is_the_one_that_is_published() -> None:
    """39.90734° N, 116.39107° E is shown at 39.90874° N, 116.39731° E (to the last digit that is printed)."""
    lon, lat = to_gcj02(np.array([116.39107]), np.array([39.90734]))
    assert (lon[0], lat[0]) == (pytest.approx(116.39731, abs=1e-5), pytest.approx(39.90874, abs=1e-5))


@given(st.floats(73, 136), st.floats(3, 54))
def test_back_is_the_inverse_to_a_millimetre(lon: float, lat: float) -> None:
    x, y = from_gcj02(*to_gcj02(np.array([lon]), np.array([lat])))
    assert abs(x[0] - lon) < METRE / 1000
    assert abs(y[0] - lat) < METRE / 1000


@given(st.floats(73, 136), st.floats(18, 54))
def test_the_shift_is_of_hundreds_of_metres(lon: float, lat: float) -> None:
    x, y = to_gcj02(np.array([lon]), np.array([lat]))
    metres = np.hypot((x[0] - lon) * 111_320 * np.cos(np.radians(lat)), (y[0] - lat) * 110_950)
    assert 10 < metres < 800  # 17 m near 96.6° E, 37.1° N, 717 m at most


def outline(shifted: bool) -> np.ndarray:
    """A polygon with a corner on every known place, as it is or as a web map on GCJ-02 would draw it."""
    corners = np.array(list(KNOWN_PLACES.values()))
    if shifted:
        corners = np.column_stack(to_gcj02(*corners.T))
    return np.array([Polygon([*corners, (100.0, 45.0)])], object)


@pytest.mark.parametrize(("shifted", "datum"), [(False, "WGS 84"), (True, "GCJ-02")])
def test_the_datum_is_told_by_the_known_places(shifted: bool, datum: str) -> None:
    found = evidence(outline(shifted))
    assert len(found) == len(KNOWN_PLACES)
    assert likely_datum(found) == datum
    assert max(e.as_gcj02_m if shifted else e.as_wgs84_m for e in found) < 1.0


def test_outlines_elsewhere_are_no_evidence() -> None:
    found = evidence(np.array([box(10, 50, 11, 51)], object))
    assert found == ()
    assert likely_datum(found) == ""
