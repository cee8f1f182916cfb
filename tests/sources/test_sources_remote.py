"""Windows of files that stay where they are: the same pixels as from the whole file, by fewer bytes, or a hole."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from scripted import Fault, Scripted, busy, hang_up, part_then, without_ranges

from l2h.core.grid import Grid, Window
from l2h.core.progress import Silent
from l2h.sources.delivery import Delivery
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.frame import Frame
from l2h.sources.orders import Order
from l2h.sources.products import list_sheets, product_codes
from l2h.sources.remote import window_for
from l2h.sources.settings import ProductSettings
from l2h.sources.transfer import receipt_of

QUICK = FetchSettings(allow_private=True, backoff_s=0.001, attempts=3)
GRID = Grid("EPSG:32650", 499_970.0, 3_320_000.0, 1.0, 40, 60)  # on both sides of 117° E
WEST, EAST = (f"ESA_WorldCover_10m_2021_v200_{tile}_Map.tif" for tile in ("N30E114", "N30E117"))
PIXEL, SIDE = 1 / 12000, 1500


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiles of 1500 × 1500 noisy pixels that meet at 117° E: 600 kB each, of which a corner is needed."""
    folder = tmp_path_factory.mktemp("tiles")
    options = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "DEFLATE", "nodata": 0}
    shape = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": SIDE, "width": SIDE, "crs": "EPSG:4326"}
    rng = np.random.default_rng(0)
    for file, x in ((WEST, 117 - SIDE * PIXEL), (EAST, 117.0)):
        place = Affine(PIXEL, 0, x, 0, -PIXEL, 30.05)
        with rasterio.open(folder / file, "w", transform=place, **shape, **options) as out:
            out.write(rng.integers(1, 5, (1, SIDE, SIDE), "uint8") * np.uint8(10))
    return folder


@pytest.fixture
def served(scripted: Scripted, tiles: Path) -> Scripted:
    for file in (WEST, EAST):
        shutil.copy(tiles / file, scripted.folder)
    return scripted


def esa(source: str, take: str = "window") -> ProductSettings:
    return ProductSettings(name="esa", catalogue="worldcover-2021", source=source, take=take)


def fetch(product: ProductSettings, folder: Path, grid: Grid = GRID) -> dict[str, Order]:
    with Delivery([product], grid, folder, QUICK) as desk:
        return {order.file: order for order in desk.fetch(desk.plan(), Silent())}


def codes_of(folder: Path, grid: Grid = GRID) -> np.ndarray:
    product = esa("unused")
    codes, holes = product_codes(product, list_sheets(product, folder, grid), grid, grid.window, "all")
    assert holes == ()
    return codes


def test_a_window_has_the_pixels_of_the_whole_file(served: Scripted, tmp_path: Path) -> None:
    whole = fetch(esa(served.url, "whole"), tmp_path / "whole")
    for name, address in {"web": served.url, "folder": served.folder.as_posix()}.items():
        orders = fetch(esa(address), tmp_path / name)
        assert {order.state for order in orders.values()} == {"kept"}
        np.testing.assert_array_equal(codes_of(tmp_path / name), codes_of(tmp_path / "whole"))
        for order in orders.values():
            receipt = receipt_of(order.target)
            assert receipt.came < whole[order.file].size / 2
            assert receipt.part.startswith("EPSG:32650 [499970.0")
    assert len(np.unique(codes_of(tmp_path / "web"))) == 4


def test_pixels_keep_their_place(served: Scripted, tmp_path: Path) -> None:
    target = fetch(esa(served.url), tmp_path)[EAST].target
    with rasterio.open(target) as part, rasterio.open(served.folder / EAST) as whole:
        row, col = (round(float(v)) for v in whole.index(*part.xy(0, 0)))
        theirs = whole.read(1)[row : row + part.height, col : col + part.width]
        np.testing.assert_array_equal(part.read(1), theirs)
        assert (part.crs, part.nodata) == (whole.crs, whole.nodata)


def test_a_part_is_kept_until_the_grid_changes(served: Scripted, tmp_path: Path) -> None:
    fetch(esa(served.url), tmp_path)
    asked = len(served.seen.requests)
    fetch(esa(served.url), tmp_path)
    assert len(served.seen.requests) == asked
    wider = Grid(GRID.crs, GRID.x, GRID.y, 1.0, 200, 300)
    fetch(esa(served.url), tmp_path, wider)
    assert (codes_of(tmp_path, wider) > 0).all()
    assert fetch(esa(served.url, "whole"), tmp_path)[EAST].size == (served.folder / EAST).stat().st_size


@pytest.mark.parametrize("fault", [part_then(hang_up), busy(503), busy(429, Retry_After="0")])
def test_a_part_that_breaks_off_is_asked_again(served: Scripted, tmp_path: Path, fault: Fault) -> None:
    fetch(esa(served.url, "whole"), tmp_path / "whole")
    served.script[f"GET /{EAST}"] = [fault, fault]
    assert fetch(esa(served.url), tmp_path / "part")[EAST].state == "kept"
    np.testing.assert_array_equal(codes_of(tmp_path / "part"), codes_of(tmp_path / "whole"))


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ([busy(503)] * 9, "a server is busy"),
        (
            [lambda answer: answer.plainly()] + [busy(503)] * 9,
            "a server is busy",
        ),  # the header comes, the pixels do not
        ([without_ranges] * 9, 'Say take = "whole"'),
        ([busy(403)], "a server refuses"),
    ],
)
def test_what_cannot_be_read_is_a_hole_and_nothing_half_written(
    served: Scripted, tmp_path: Path, faults: list[Fault], reason: str
) -> None:
    served.script[f"GET /{EAST}"] = list(faults)
    orders = fetch(esa(served.url), tmp_path)
    assert {file: order.reason for file, order in orders.items() if order.state == "missing"}.keys() == {EAST}, orders
    assert reason in orders[EAST].reason
    names = {path.name for path in (tmp_path / "inputs/fetched/esa").iterdir()}
    assert names == {WEST, f"{WEST}.fetched.json"}


def test_a_page_is_no_tile(served: Scripted, tmp_path: Path) -> None:
    (served.folder / EAST).write_text("<html>no such tile</html>")
    assert "a file is no GeoTIFF" in fetch(esa(served.url), tmp_path)[EAST].reason


@pytest.mark.parametrize(
    ("frame", "window"),
    [
        (Frame("EPSG:32650", 499_900.0, 3_320_100.0, 10.0, 10.0, 100, 100), Window(8, 16, 5, 15)),
        (Frame("EPSG:32650", 499_970.0, 3_320_000.0, 10.0, 10.0, 2, 2), Window(0, 2, 0, 2)),
        (Frame("EPSG:32650", 600_000.0, 3_320_000.0, 10.0, 10.0, 9, 9), Window(0, 6, 0, 1)),  # beside it: one column
    ],
)
def test_the_window_of_a_file_that_a_grid_needs(frame: Frame, window: Window) -> None:
    assert window_for(frame, GRID) == window
