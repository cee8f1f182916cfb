"""What OpenStreetMap tags say of a way: a road of what class and width, a building, or nothing for us and why."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

# values of highway=, railway=, building= that name what is not there, or not yet
GONE = frozenset(
    {
        *("proposed", "planned", "construction", "abandoned", "disused", "razed"),
        *("dismantled", "demolished", "destroyed", "removed", "historic"),
    }
)
GONE_KEYS = GONE - {"historic"}  # as in abandoned=yes; what is historic may well be in use
RAILS = frozenset({"rail", "light_rail", "narrow_gauge", "tram", "monorail", "funicular", "preserved", "subway"})
NOT_ROADS = frozenset({"no", "platform", "rest_area", "services", "elevator", "corridor", "bus_stop", "emergency_bay"})
AERO = frozenset({"runway", "taxiway"})
FOOT_M = 0.3048
METRES = {"": 1.0, "m": 1.0, "meter": 1.0, "metre": 1.0, "meters": 1.0, "metres": 1.0, "cm": 0.01}
UNITS = METRES | {"ft": FOOT_M, "feet": FOOT_M}
WIDTH_KEYS = ("width", "width:carriageway", "est_width")  # the first that can be believed counts
LENGTH = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]*)")
FEET_INCHES = re.compile(r"(\d+(?:\.\d+)?)\s*'(?:\s*(\d+(?:\.\d+)?)\s*(?:\"|''))?")
# keys beside highway and building that change what a way is to us: where it has none of these, its two values say all
TELLING = (
    *("railway", "aeroway", "location", "tunnel", "covered", "indoor", "area", "lanes", "bridge"),
    *WIDTH_KEYS,
    *sorted(GONE_KEYS),
)
WIDEST_M, MOST_LANES = 200.0, 30.0  # beyond these a tag is a slip of the pen


@dataclass(frozen=True)
class Road:
    """A line of traffic as the workspace keeps it: class, width and lanes (NaN = not said), bridge."""

    highway: str
    width_m: float
    lanes: float
    bridge: bool


def read_road(tags: Mapping[str, str], closed: bool) -> Road | str:
    """The road a way is, or the reason why it is none that can be seen from above; "" where it has no such tag.

    Railways in use become class "rail", runways and taxiways "runway". Left out: tunnels, covered ways, what is not in
    use (any more, or yet), ways that outline an area, and what is no carriageway (platforms, lifts, corridors).
    """
    kind = _kind_of_road(tags)
    if kind in ("", "not in use", "no carriageway"):
        return kind
    hidden = _hidden(tags)
    if hidden:
        return hidden
    if tags.get("area", "no") not in ("no", "false") or (closed and tags.get("aeroway") == "runway"):
        return "outline of an area"
    width = next((w for key in WIDTH_KEYS if (w := parse_width(tags.get(key, ""))) > 0), math.nan)
    return Road(kind, width, parse_lanes(tags.get("lanes", "")), tags.get("bridge", "no") != "no")


def _kind_of_road(tags: Mapping[str, str]) -> str:
    highway, railway, aeroway = (tags.get(key, "") for key in ("highway", "railway", "aeroway"))
    if highway and highway not in GONE | NOT_ROADS:
        kind = highway
    elif railway in RAILS:
        kind = "rail"
    elif aeroway in AERO:
        kind = "runway"
    else:
        gone = {highway, railway, aeroway} & GONE
        return "not in use" if gone else ("no carriageway" if highway else "")
    return "not in use" if any(tags.get(key) == "yes" for key in GONE_KEYS) else kind


def _hidden(tags: Mapping[str, str]) -> str:
    """Why a thing cannot be seen from above; empty where it can."""
    if tags.get("tunnel", "no") != "no" or tags.get("location") == "underground":
        return "tunnel"
    if tags.get("covered", "no") != "no" or tags.get("indoor", "no") != "no":
        return "covered"
    return ""


def read_building(tags: Mapping[str, str]) -> str:
    """ "building", the reason why it is left out, or "" where it is none."""
    value = tags.get("building", "")
    if value in ("", "no"):
        return ""
    if value in GONE or any(tags.get(key) == "yes" for key in GONE_KEYS):
        return "not in use"
    return "underground" if tags.get("location") == "underground" else "building"


def parse_width(text: str) -> float:
    """Metres from a width tag; NaN where it says nothing, or nothing believable.

    >>> parse_width("7.5 m"), parse_width("7,5"), parse_width("24'"), parse_width("wide")
    (7.5, 7.5, 7.3152, nan)
    """
    text = text.strip().lower()
    if match := FEET_INCHES.fullmatch(text):
        width = (float(match[1]) + float(match[2] or 0) / 12) * FOOT_M
    elif (match := LENGTH.fullmatch(text)) and match[2] in UNITS:
        width = float(match[1].replace(",", ".")) * UNITS[match[2]]
    else:
        return math.nan
    return width if 0 < width <= WIDEST_M else math.nan


def parse_lanes(text: str) -> float:
    """Number of lanes; NaN where the tag says nothing, or nothing believable."""
    try:
        lanes = float(text)
    except ValueError:  # "2;3", "yes": not a number, so not known
        return math.nan
    return lanes if 0 < lanes <= MOST_LANES else math.nan
