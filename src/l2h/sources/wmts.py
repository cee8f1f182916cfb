"""WMTS: what a service says it can serve, and how its tiles are addressed (OGC 07-057r7)."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

from l2h.core.crs import metres_per_unit, parse_crs
from l2h.core.errors import GridError, InputError
from l2h.core.grid import Grid
from l2h.sources.imagery_settings import TilesSettings
from l2h.sources.markup import Element, children, local, parse_xml, text_of
from l2h.sources.matrix import Matrix, choose

PIXEL_M = 0.00028  # the side of a pixel that scale denominators speak of
DEGREE_M = 111_319.49079327358  # on the equator of WGS 84, as the standard says
MERCATOR = {"EPSG:3857", "EPSG:900913", "EPSG:102100", "EPSG:102113", "EPSG:3785"}
FORMATS = ("image/jpeg", "image/png", "image/webp")
LINK = "{http://www.w3.org/1999/xlink}href"


def read_service(page: bytes, tiles: TilesSettings, grid: Grid) -> tuple[Matrix, str]:
    """The level that suits a grid and the template of its tiles' addresses, from a capabilities document.

    InputError where the layer, its style or its tile matrix set is not there, or none of its levels can be used.
    """
    where = f"the capabilities of {tiles.wmts}"
    root = parse_xml(page, where)
    contents = _only(children(root, "Contents"), "Contents", where)
    layer = _named(children(contents, "Layer"), str(tiles.layer), "layer", where)
    linked = [text_of(link, "TileMatrixSet") for link in children(layer, "TileMatrixSetLink")]
    sets = {_id(found): found for found in children(contents, "TileMatrixSet")}
    name = _choose_set(tiles, {name: sets[name] for name in linked if name in sets}, where)
    matrices = list(_matrices(sets[name], where))
    if tiles.zoom is not None:
        matrices = _level(matrices, tiles.zoom)
    if not matrices:
        raise InputError("a tile matrix set has no level that can be used", where=where, got=name)
    return choose(matrices, grid), _template(root, layer, tiles, name, where)


def _level(matrices: list[Matrix], zoom: int) -> list[Matrix]:
    """The level of this name; where none bears it, that of this number, the coarsest being 0 in whatever order the
    document lists them. None where there is neither."""
    named = [matrix for matrix in matrices if matrix.name == str(zoom)]
    return named or sorted(matrices, key=lambda matrix: -matrix.pixel)[zoom : zoom + 1]


def _only(found: list[Element], what: str, where: str) -> Element:
    if len(found) != 1:
        raise InputError(
            "a capabilities document cannot be used", where=where, expected=f"one {what}", got=str(len(found))
        )
    return found[0]


def _id(element: Element) -> str:
    return text_of(element, "Identifier")


def _named(found: list[Element], name: str, what: str, where: str) -> Element:
    """The element with this identifier; InputError names those that there are."""
    for element in found:
        if _id(element) == name:
            return element
    known = ", ".join(sorted(map(_id, found))[:30])
    raise InputError(f"a service has no such {what}", where=where, expected=f"one of {known}", got=name)


def _choose_set(tiles: TilesSettings, sets: dict[str, Element], where: str) -> str:
    """The set that is asked for; else Web Mercator, else the first whose CRS we know."""
    known = [name for name, found in sets.items() if _knows(text_of(found, "SupportedCRS"))]
    if tiles.matrix_set is not None:
        return _id(_named([sets[name] for name in known], tiles.matrix_set, "tile matrix set", where))
    mercator = [name for name in known if crs_of(text_of(sets[name], "SupportedCRS"))[0] == "EPSG:3857"]
    if not known:
        raise InputError("no tile matrix set of a layer can be used", where=where, got=", ".join(sets))
    return (mercator or known)[0]


def _knows(text: str) -> bool:
    """Whether a CRS is named by an authority's code that PROJ knows: nothing longer from outside is given to it."""
    try:
        if not re.fullmatch(r"[\w:.]{1,60}", text):
            return False
        parse_crs(crs_of(text)[0])
    except GridError:
        return False
    return True


def crs_of(text: str) -> tuple[str, bool]:
    """A CRS as PROJ knows it, and whether its corner is written with the northing first.

    >>> crs_of("urn:ogc:def:crs:EPSG::4326"), crs_of("EPSG:4326"), crs_of("urn:ogc:def:crs:OGC:1.3:CRS84")
    (('EPSG:4326', True), ('EPSG:4326', False), ('OGC:CRS84', False))
    """
    found = re.fullmatch(r"urn:(?:x-)?ogc:def:crs:(\w+):(?:[\w.]*:)*(\w+)", text.strip())
    name = f"{found[1]}:{found[2]}" if found else text.strip()
    name = "EPSG:3857" if name in MERCATOR else name
    if not found or found[1] != "EPSG":
        return name, False
    axes = parse_crs(name).axis_info
    return name, bool(axes) and axes[0].direction == "north"


def _matrices(found: Element, where: str) -> Iterator[Matrix]:
    crs, northing_first = crs_of(text_of(found, "SupportedCRS"))
    unit_m = DEGREE_M if parse_crs(crs).is_geographic else metres_per_unit(crs)
    for level in children(found, "TileMatrix"):
        try:
            corner = [float(number) for number in text_of(level, "TopLeftCorner").split()]
            x, y = reversed(corner) if northing_first else corner
            pixel = float(text_of(level, "ScaleDenominator")) * PIXEL_M / unit_m
            side, other, width, height = (
                int(text_of(level, key)) for key in ("TileWidth", "TileHeight", "MatrixWidth", "MatrixHeight")
            )
        except ValueError as error:
            raise InputError("a tile matrix cannot be read", where=where, got=_id(level)) from error
        if side == other and 64 <= side <= 1024 and width > 0 and height > 0 and 0 < pixel < float("inf"):
            yield Matrix(_id(level), crs, x, y, pixel, side, width, height)


def _template(root: Element, layer: Element, tiles: TilesSettings, matrix_set: str, where: str) -> str:
    """The addresses of tiles: by the layer's own template where it has one, else by query."""
    styles = children(layer, "Style")
    default = next((_id(s) for s in styles if s.get("isDefault") == "true"), _id(styles[0]) if styles else "")
    style = _id(_named(styles, tiles.style, "style", where)) if tiles.style else default
    formats = [(child.text or "").strip() for child in children(layer, "Format")]
    kind = next((kind for wanted in FORMATS for kind in formats if kind.startswith(wanted)), None)
    if kind is None:
        raise InputError(
            "a layer comes in no format we read", where=where, expected=", ".join(FORMATS), got=str(formats)
        )
    for link in children(layer, "ResourceURL"):
        if link.get("resourceType") == "tile" and link.get("format") in (kind, None):
            return _filled(str(link.get("template")), {"Style": style, "TileMatrixSet": matrix_set})
    query = {
        "SERVICE": "WMTS", "REQUEST": "GetTile", "VERSION": "1.0.0", "LAYER": str(tiles.layer), "STYLE": style,
        "FORMAT": kind, "TILEMATRIXSET": matrix_set,
    }  # fmt: skip
    base = _get_address(root) or str(tiles.wmts).partition("?")[0]
    mark = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
    places = "&TILEMATRIX={TileMatrix}&TILEROW={TileRow}&TILECOL={TileCol}"
    return f"{base}{mark}{urlencode(query)}{places}{_key_parameter(str(tiles.wmts))}"


def _filled(template: str, values: dict[str, str]) -> str:
    """A template with what does not change from tile to tile; names of dimensions in any case."""
    for name, value in values.items():
        template = value.join(re.split(r"\{" + name + r"\}", template, flags=re.IGNORECASE))
    for name in ("TileMatrix", "TileRow", "TileCol"):
        template = re.sub(r"\{" + name + r"\}", "{" + name + "}", template, flags=re.IGNORECASE)
    return template


def _get_address(root: Element) -> str:
    """Where tiles are asked for by query, as the service says it; empty where it says nothing."""
    for metadata in children(root, "OperationsMetadata"):
        for operation in children(metadata, "Operation"):
            if operation.get("name") == "GetTile":
                return next((e.get(LINK, "") for e in operation.iter() if local(e) == "Get"), "")
    return ""


def _key_parameter(address: str) -> str:
    """The part of the capabilities' address that carries the key, for the tiles' addresses."""
    found = re.search(r"[?&]([\w-]+=\{key\})", address)
    return f"&{found[1]}" if found else ""
