"""CRSs by hand."""

import pytest
from pyproj import CRS

from l2h.core.crs import metres_per_unit, parse_crs, same_crs, transformer
from l2h.core.errors import GridError


def test_one_crs_has_many_texts() -> None:
    assert same_crs("EPSG:32650", CRS("EPSG:32650").to_wkt())
    assert same_crs("EPSG:4326", "OGC:CRS84")  # only the order of the axes differs
    assert not same_crs("EPSG:32650", "EPSG:32651")


def test_x_comes_first_whatever_the_axes() -> None:
    lon, lat = transformer("EPSG:32650", "EPSG:4326").transform(500_000.0, 0.0)
    assert (round(lon, 9), round(lat, 9)) == (117.0, 0.0)


@pytest.mark.parametrize(("crs", "metres"), [("EPSG:32650", 1.0), ("EPSG:2263", 0.3048006096), ("EPSG:4326", 111_320)])
def test_metres_in_a_unit(crs: str, metres: float) -> None:
    assert metres_per_unit(crs) == pytest.approx(metres, rel=1e-9)


@pytest.mark.parametrize("text", ["EPSG:1", "", "the plain"])
def test_a_crs_that_is_none(text: str) -> None:
    with pytest.raises(GridError, match="the CRS is not known"):
        parse_crs(text)
