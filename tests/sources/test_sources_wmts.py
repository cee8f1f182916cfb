"""WMTS: the level and the addresses a service describes, and nothing that its document could reach."""

from pathlib import Path

import numpy as np
import pytest
from pyramid import GRID, TILE, ZOOM, build
from scripted import Scripted

from l2h.core.errors import InputError
from l2h.core.progress import Silent
from l2h.sources.delivery import Delivery
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.imagery import mosaic
from l2h.sources.imagery_settings import TilesSettings
from l2h.sources.matrix import HALF, address_of, web_mercator
from l2h.sources.scenes import list_scenes
from l2h.sources.settings import ImagerySettings
from l2h.sources.wmts import crs_of, read_service

QUICK = FetchSettings(allow_private=True, backoff_s=0.001, attempts=2)
PAGE = """<?xml version="1.0"?>
<Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1"
 xmlns:xlink="http://www.w3.org/1999/xlink"><ows:OperationsMetadata><ows:Operation name="GetTile"><ows:DCP><ows:HTTP>
<ows:Get xlink:href="https://a.example/wmts?"/></ows:HTTP></ows:DCP></ows:Operation></ows:OperationsMetadata>
<Contents><Layer><ows:Identifier>ortho</ows:Identifier>
<Style><ows:Identifier>other</ows:Identifier></Style>
<Style isDefault="true"><ows:Identifier>plain</ows:Identifier></Style>
<Format>text/html</Format><Format>image/png</Format>
<TileMatrixSetLink><TileMatrixSet>degrees</TileMatrixSet></TileMatrixSetLink>
<TileMatrixSetLink><TileMatrixSet>web</TileMatrixSet></TileMatrixSetLink>{resource}</Layer>
<TileMatrixSet><ows:Identifier>degrees</ows:Identifier><ows:SupportedCRS>urn:ogc:def:crs:EPSG::4326</ows:SupportedCRS>
{degrees}</TileMatrixSet>
<TileMatrixSet><ows:Identifier>web</ows:Identifier><ows:SupportedCRS>urn:ogc:def:crs:EPSG::3857</ows:SupportedCRS>
{levels}</TileMatrixSet></Contents></Capabilities>"""
LEVEL = """<TileMatrix><ows:Identifier>{name}</ows:Identifier><ScaleDenominator>{scale!r}</ScaleDenominator>
<TopLeftCorner>{corner}</TopLeftCorner><TileWidth>{px}</TileWidth><TileHeight>{px}</TileHeight>
<MatrixWidth>{wide}</MatrixWidth><MatrixHeight>{high}</MatrixHeight></TileMatrix>"""


def level(zoom: int, name: str = "") -> str:
    matrix, corner = web_mercator(zoom, TILE), f"{-HALF!r} {HALF!r}"
    side = {"wide": matrix.width, "high": matrix.height, "px": TILE}
    return LEVEL.format(name=name or zoom, scale=matrix.pixel / 0.00028, corner=corner, **side)


def page(levels: str = "", resource: str = "") -> str:
    degrees = LEVEL.format(name="d0", scale=1.1 / 0.00028, corner="90.0 -180.0", px=256, wide=256_000, high=128_000)
    return PAGE.format(levels=levels or "".join(map(level, range(15, ZOOM + 1))), resource=resource, degrees=degrees)


def asked(**keys: object) -> TilesSettings:
    return TilesSettings(**{"wmts": "https://a.example/wmts?REQUEST=GetCapabilities", "layer": "ortho", **keys})


def test_the_level_that_suits_is_chosen_and_addressed_by_query() -> None:
    matrix, template = read_service(page().encode(), asked(), GRID)
    assert (matrix.name, matrix.crs, matrix.tile_px, matrix.width) == ("19", "EPSG:3857", TILE, 1 << 19)
    assert abs(matrix.pixel - web_mercator(ZOOM, TILE).pixel) < 1e-9
    assert address_of(template, matrix, 5, 7) == (
        "https://a.example/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=ortho&STYLE=plain&FORMAT=image%2Fpng"
        "&TILEMATRIXSET=web&TILEMATRIX=19&TILEROW=5&TILECOL=7"
    )


def test_a_template_of_its_own_comes_first_and_the_key_stays_a_word() -> None:
    resource = (
        '<ResourceURL format="image/png" resourceType="tile" '
        'template="https://b.example/{style}/{TileMatrixSet}/{TileMatrix}/{tilerow}/{TileCol}"/>'
    )
    matrix, template = read_service(page(resource=resource).encode(), asked(zoom=17), GRID)
    assert address_of(template, matrix, 5, 7) == "https://b.example/plain/web/17/5/7"
    keyed = asked(wmts="https://a.example/wmts?REQUEST=GetCapabilities&tk={key}", key_env="K")
    assert read_service(page().encode(), keyed, GRID)[1].endswith("&TILECOL={TileCol}&tk={key}")


def test_a_level_without_that_name_is_counted_from_the_coarsest_whatever_the_order() -> None:
    mixed = "".join(level(zoom, name) for zoom, name in ((19, "fine"), (15, "coarse"), (17, "middle")))
    found = [read_service(page(levels=mixed).encode(), asked(zoom=zoom), GRID)[0] for zoom in (0, 1, 2)]
    assert [matrix.name for matrix in found] == ["coarse", "middle", "fine"]
    with pytest.raises(InputError, match="no level that can be used"):
        read_service(page(levels=mixed).encode(), asked(zoom=3), GRID)
    named = level(19, "0") + level(15, "1")
    assert read_service(page(levels=named).encode(), asked(zoom=0), GRID)[0].pixel == web_mercator(19, TILE).pixel


def test_corners_written_with_the_latitude_first() -> None:
    matrix, _ = read_service(page().encode(), asked(matrix_set="degrees"), GRID)
    assert (matrix.crs, matrix.x, matrix.y) == ("EPSG:4326", -180.0, 90.0)
    assert abs(matrix.pixel * 111_319.49 - 1.1) < 1e-6
    assert crs_of("urn:ogc:def:crs:EPSG:6.18:3:3857") == ("EPSG:3857", False)
    assert crs_of("EPSG:900913")[0] == "EPSG:3857"


@pytest.mark.parametrize(
    ("text", "keys", "match"),
    [
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + page().partition("?>")[2], {}, "document type"),
        (page(), {"layer": "nothing"}, "no such layer.*expected one of ortho"),
        (page(), {"style": "bright"}, "no such style"),
        (page(), {"matrix_set": "moon"}, "no such tile matrix set"),
        (page().replace("image/png", "image/tiff"), {}, "no format we read"),
        (page(levels=level(ZOOM).replace(f"<TileHeight>{TILE}", "<TileHeight>32")), {}, "no level that can be used"),
        (page().replace("<TopLeftCorner>", "<TopLeftCorner>west "), {"matrix_set": "web"}, "cannot be read"),
        (page().replace("EPSG::3857", "EPSG::3857+nadgrids=/etc/passwd"), {"matrix_set": "web"}, "no such tile matrix"),
        ("<html>", {}, "malformed"),
        ("<a/>", {}, "expected one Contents"),
    ],
)
def test_what_cannot_be_used_is_told(text: str, keys: dict[str, str], match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_service(text.encode(), asked(**keys), GRID)


def test_a_service_is_fetched_as_it_describes_itself(scripted: Scripted, tmp_path: Path) -> None:
    build(scripted.folder / "t", tmp_path / "whole.tif")
    resource = (
        '<ResourceURL format="image/png" resourceType="tile" '
        f'template="{scripted.url}/t/{{TileMatrix}}/{{TileCol}}/{{TileRow}}.png"/>'
    )
    (scripted.folder / "caps.xml").write_text(page(resource=resource))
    tiles = {"wmts": f"{scripted.url}/caps.xml", "layer": "ortho", "per_second": 500.0}
    entry = ImagerySettings(name="base", licence="none", tiles=tiles)
    for _ in range(2):
        with Delivery([entry], GRID, tmp_path, QUICK) as desk:
            assert {order.state for order in desk.fetch(desk.plan(), Silent())} == {"kept"}
    assert scripted.ranges("/caps.xml") == [""]  # what is listed is not asked for again
    local = ImagerySettings(name="base", licence="none", paths=["whole.tif"])
    got, wanted = (
        mosaic(list_scenes([source], tmp_path, GRID), GRID, GRID.window, 3).values for source in (entry, local)
    )
    np.testing.assert_array_equal(got, wanted)
