"""What tags say of a way."""

import math

import pytest

from l2h.sources.osm_tags import Road, parse_lanes, parse_width, read_building, read_road


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("7", 7), ("7 m", 7), ("7.5m", 7.5), ("7,5", 7.5), ("350 cm", 3.5), ("24'", 7.3152), ("24 ft", 7.3152),
        ("12'6\"", 3.81), ("12' 6''", 3.81), (" 7 M ", 7),
    ],
)  # fmt: skip
def test_widths(text: str, metres: float) -> None:
    assert parse_width(text) == pytest.approx(metres)


@pytest.mark.parametrize("text", ["", "wide", "7;8", "7 - 8", "-3", "0", "1 km", "700", "m", "7 8", "nan", "1e3"])
def test_widths_that_say_nothing(text: str) -> None:
    assert math.isnan(parse_width(text))


def test_lanes() -> None:
    assert parse_lanes("2") == 2
    assert parse_lanes("1.5") == 1.5
    assert all(math.isnan(parse_lanes(text)) for text in ("", "2;3", "yes", "0", "-1", "99", "nan", "inf"))


def test_a_road_with_everything_said() -> None:
    tags = {"highway": "primary", "width": "7 m", "lanes": "2", "bridge": "viaduct", "tunnel": "no"}
    assert read_road(tags, closed=False) == Road("primary", 7.0, 2.0, True)


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"highway": "residential"}, "residential"),
        ({"highway": "secondary", "railway": "tram"}, "secondary"),
        ({"highway": "cycleway", "railway": "abandoned"}, "cycleway"),
        ({"highway": "platform", "railway": "rail"}, "rail"),
        ({"railway": "light_rail"}, "rail"),
        ({"aeroway": "runway"}, "runway"),
        ({"aeroway": "taxiway"}, "runway"),
        ({"highway": "primary", "historic": "yes"}, "primary"),
        ({"highway": "primary", "bridge": "no", "area": "no", "covered": "no"}, "primary"),
    ],
)
def test_classes(tags: dict[str, str], kind: str) -> None:
    road = read_road(tags, closed=False)
    assert isinstance(road, Road)
    assert road.highway == kind
    assert not road.bridge
    assert math.isnan(road.width_m)
    assert math.isnan(road.lanes)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"building": "yes"}, ""),
        ({"railway": "station"}, ""),
        ({"highway": "primary", "tunnel": "yes"}, "tunnel"),
        ({"highway": "service", "tunnel": "building_passage"}, "tunnel"),
        ({"railway": "subway", "location": "underground"}, "tunnel"),
        ({"highway": "footway", "covered": "yes"}, "covered"),
        ({"highway": "footway", "indoor": "yes"}, "covered"),
        ({"highway": "proposed"}, "not in use"),
        ({"highway": "construction", "construction": "motorway"}, "not in use"),
        ({"railway": "abandoned"}, "not in use"),
        ({"highway": "track", "abandoned": "yes"}, "not in use"),
        ({"highway": "platform"}, "no carriageway"),
        ({"highway": "elevator"}, "no carriageway"),
        ({"highway": "pedestrian", "area": "yes"}, "outline of an area"),
    ],
)
def test_what_is_left_out_and_why(tags: dict[str, str], reason: str) -> None:
    assert read_road(tags, closed=False) == reason


def test_a_closed_runway_is_an_area_and_a_closed_road_is_not() -> None:
    assert read_road({"aeroway": "runway"}, closed=True) == "outline of an area"
    assert isinstance(read_road({"highway": "primary"}, closed=True), Road)


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({}, ""),
        ({"building": "no"}, ""),
        ({"building": "yes"}, "building"),
        ({"building": "church", "historic": "yes"}, "building"),
        ({"building": "construction"}, "not in use"),
        ({"building": "yes", "demolished": "yes"}, "not in use"),
        ({"building": "yes", "location": "underground"}, "underground"),
    ],
)
def test_buildings(tags: dict[str, str], kind: str) -> None:
    assert read_building(tags) == kind
