"""Which files a box needs: names as publishers spell them, tiles that cover the box and meet nowhere twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.core.crs import transformer
from l2h.core.errors import GridError, InputError, SettingsError
from l2h.core.grid import Grid
from l2h.core.legend import load_crosswalk, load_legend
from l2h.sources.catalogue import load_product, product_names
from l2h.sources.extent import geographic_box
from l2h.sources.tiles import Box, DegreeTiles, Tile, UtmTiles, utm_cells

WORLDCOVER = load_product("worldcover-2021").scheme
ESRI = load_product("esri-2020-v1").scheme
GLC = load_product("from_glc10-2017").scheme


@pytest.mark.parametrize(
    ("scheme", "box", "files"),
    [
        (WORLDCOVER, (12.1, 39.5, 12.2, 39.6), ["ESA_WorldCover_10m_2021_v200_N39E012_Map.tif"]),
        (
            WORLDCOVER,
            (-0.1, -0.1, 0.1, 0.1),
            [f"ESA_WorldCover_10m_2021_v200_{t}_Map.tif" for t in ("S03W003", "S03E000", "N00W003", "N00E000")],
        ),
        (WORLDCOVER, (-180, 87, -177, 90), ["ESA_WorldCover_10m_2021_v200_N87W180_Map.tif"]),
        (ESRI, (-70, 9, -69, 10), ["19P_20200101-20210101.tif"]),
        (ESRI, (5, 60, 6, 61), ["32V_20200101-20210101.tif"]),  # where the plain rule would say zone 31
        (GLC, (121, 27, 121.5, 27.5), ["fromglc10v01_26_120.tif"]),
        (GLC, (-1, -1, -0.5, -0.5), ["fromglc10v01_-2_-2.tif"]),
    ],
)
def test_a_box_needs_the_files_its_publisher_names(scheme: DegreeTiles, box: Box, files: list[str]) -> None:
    assert [tile.file for tile in scheme.covering(box)] == files


def test_a_box_that_ends_on_an_edge_needs_one_tile() -> None:
    assert [tile.box for tile in WORLDCOVER.covering((12, 39, 15, 42))] == [(12, 39, 15, 42)]


def test_a_scheme_named_by_the_upper_corner() -> None:
    scheme = DegreeTiles(pattern="GLC_{ew}{lon}{ns}{lat}.tif", step=5, corner="north_west")
    tile = scheme.covering((111, 31, 112, 32))[0]
    assert (tile.file, tile.box) == ("GLC_E110N35.tif", (110, 30, 115, 35))
    assert scheme.parse("GLC_E110N35.tif") == tile


@pytest.mark.parametrize(
    ("name", "file", "box"),
    [
        ("globeland30-2020", "N49_20_2020LC030.tif", (108, 20, 114, 25)),  # a zone of 6°, 5° high
        ("glc_fcs30-2020", "GLC_FCS30_2020_E110N25.tif", (110, 20, 115, 25)),
        ("glc_fcs30d-2020", "GLC_FCS30D_20002022_E110N25_Annual_V1.1.tif", (110, 20, 115, 25)),
        ("glc_fcs10-2023", "GLC_FCS10_2023_E110N25.tif", (110, 20, 115, 25)),
    ],
)
def test_products_for_comparison_have_their_publishers_tiles(name: str, file: str, box: Box) -> None:
    scheme = load_product(name).scheme
    assert isinstance(scheme, DegreeTiles)
    assert scheme.covering((113.2, 23.1, 113.3, 23.2)) == (Tile(file, box),)
    assert scheme.parse(file).box == box


def test_names_are_not_guessed_where_they_are_not_known() -> None:
    scheme = load_product("globeland30-2020").scheme
    assert isinstance(scheme, DegreeTiles)
    for box in ((20.0, -10.0, 21.0, -9.0), (20.0, 59.0, 21.0, 61.0)):
        with pytest.raises(GridError, match=r"names of a product's files are known.*`paths`"):
            scheme.covering(box)
    with pytest.raises(InputError, match="none of its product's"):
        scheme.parse("N35_60_2020LC030.tif")


def test_a_year_of_a_file_of_many_years_is_a_band() -> None:
    assert [load_product(f"glc_fcs30d-{year}").band for year in (2000, 2020, 2022)] == [1, 21, 23]


def boxes(south: float, north: float) -> st.SearchStrategy[Box]:
    """Boxes of some extent, up to 30 degrees a side."""
    side = st.floats(1e-6, 30)
    corners = st.tuples(st.floats(-180, 179.9), st.floats(south, north - 0.1), side, side)
    return corners.map(lambda c: (c[0], c[1], min(c[0] + c[2], 180.0), min(c[1] + c[3], north)))


def area(box: Box, within: Box) -> float:
    """Square degrees that two boxes share."""
    width = min(box[2], within[2]) - max(box[0], within[0])
    height = min(box[3], within[3]) - max(box[1], within[1])
    return max(width, 0) * max(height, 0)


@given(
    st.one_of(st.tuples(st.sampled_from([WORLDCOVER, GLC]), boxes(-90, 90)), st.tuples(st.just(ESRI), boxes(-80, 84)))
)
def test_tiles_cover_the_box_once_and_their_names_parse_back(case: tuple[DegreeTiles | UtmTiles, Box]) -> None:
    scheme, box = case
    tiles = scheme.covering(box)
    assert sum(area(tile.box, box) for tile in tiles) == pytest.approx(area(box, box), rel=1e-6, abs=1e-9)
    assert len({tile.file for tile in tiles}) == len(tiles)
    assert [scheme.parse(tile.file) for tile in tiles] == list(tiles)


def test_utm_cells_tile_their_belt() -> None:
    owners = np.zeros((164, 360), int)
    for west, south, east, north in utm_cells().values():
        owners[south + 80 : north + 80, west + 180 : east + 180] += 1
    assert (owners == 1).all()
    assert len(utm_cells()) == 60 * 20 - 3


@pytest.mark.parametrize(
    ("scheme", "name"),
    [
        (WORLDCOVER, "ESA_WorldCover_10m_2021_v200_N40E012_Map.tif"),  # no corner of the 3° grid
        (WORLDCOVER, "ESA_WorldCover_10m_2021_v200_N3E12_Map.tif"),
        (WORLDCOVER, "ESA_WorldCover_10m_2020_v100_N39E012_Map.tif"),
        (WORLDCOVER, "ESA_WorldCover_10m_2021_v200_N93E012_Map.tif"),
        (ESRI, "19I_20200101-20210101.tif"),
        (ESRI, "32X_20200101-20210101.tif"),
        (ESRI, "61P_20200101-20210101.tif"),
        (GLC, "fromglc10v01_26_121.tif"),
        (GLC, "../fromglc10v01_26_120.tif"),
    ],
)
def test_foreign_names_are_refused(scheme: DegreeTiles, name: str) -> None:
    with pytest.raises(InputError, match="none of its product's"):
        scheme.parse(name)


@pytest.mark.parametrize("box", [(179, 0, 181, 1), (-181, 0, -179, 1), (179, 0, -179, 1)])
def test_the_antimeridian_is_refused_with_what_to_do(box: Box) -> None:
    with pytest.raises(GridError, match=r"crosses the antimeridian.*Make two projects"):
        WORLDCOVER.covering(box)


def test_no_zones_at_the_poles() -> None:
    with pytest.raises(GridError, match="beyond the UTM zones"):
        ESRI.covering((0, 83, 1, 85))


@pytest.mark.parametrize("name", product_names())
def test_every_table_of_the_catalogue_is_whole(name: str) -> None:
    product = load_product(name)
    legend = load_legend(product.legend)
    assert set(load_crosswalk(product.legend).table) == set(legend.values)
    if product.scheme is not None:
        assert product.scheme.covering((116.9, 29.9, 117.1, 30.1))
    assert product.licence
    assert product.citation
    assert product.obtain if product.source is None else product.source.startswith(("s3://", "https://", "http://"))
    assert "{" not in f"{product.title}{product.source}{product.date}{product.obtain}{product.facts}"
    assert product.facts or product.use == "labels"


def test_a_year_of_a_series() -> None:
    product = load_product("esri-2021")
    assert product.scheme.covering((117, 30, 117.1, 30.1))[0].file == "50R_20210101-20220101.tif"
    assert (product.date, product.source[-6:]) == ("2021", "lc2021")
    with pytest.raises(SettingsError, match=r"no such product.*worldcover-2021"):
        load_product("esri-1999")


@pytest.mark.parametrize("pattern", ["{lat}.tif", "{lat}_{lon}_{row}.tif", "../{lat}_{lon}.tif"])
def test_patterns_that_cannot_be_used(pattern: str) -> None:
    with pytest.raises(ValueError, match="a pattern"):
        DegreeTiles(pattern=pattern, step=3)


@pytest.mark.parametrize("step", [7, (5, 8), (0, 6), (5, 5)])
def test_steps_that_cannot_be_used(step: object) -> None:
    with pytest.raises(ValueError, match=r"divide 180|6 degrees wide"):
        DegreeTiles.model_validate({"pattern": "N{zone}_{lat}.tif", "step": step})


# --- the box of a grid ------------------------------------------------------------------------------------------------


def test_the_box_of_a_grid_in_degrees_is_its_bounds() -> None:
    assert geographic_box(Grid("EPSG:4326", 12.0, 42.0, 0.5, 6, 4)) == (12.0, 39.0, 14.0, 42.0)
    assert geographic_box(Grid("EPSG:4326", 190.0, 42.0, 0.5, 6, 4)) == (-170.0, 39.0, -168.0, 42.0)


@settings(deadline=None)
@given(st.floats(300_000, 700_000), st.floats(100_000, 8_000_000), st.integers(1, 300), st.integers(1, 300))
def test_no_pixel_lies_outside_its_grids_box(x: float, y: float, height: int, width: int) -> None:
    grid = Grid("EPSG:32650", x, y, 300.0, height, width)
    west, south, east, north = geographic_box(grid)
    lon, lat = transformer(grid.crs, "EPSG:4326").transform(*grid.xy(*np.indices(grid.shape)))
    assert west <= lon.min() <= lon.max() <= east
    assert south <= lat.min() <= lat.max() <= north


@pytest.mark.parametrize(
    ("grid", "match"),
    [
        (Grid("EPSG:32601", 100_000.0, 1_000_000.0, 1000.0, 10, 200), "antimeridian"),
        (Grid("EPSG:4326", 179.0, 1.0, 1.0, 2, 2), "antimeridian"),
        (Grid("EPSG:3413", -500_000.0, 500_000.0, 1000.0, 1000, 1000), "goes round a pole"),
    ],
)
def test_grids_that_tiles_in_degrees_do_not_cover(grid: Grid, match: str) -> None:
    with pytest.raises(GridError, match=match):
        geographic_box(grid)
