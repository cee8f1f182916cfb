"""What a country needs: nothing is searched through block by block, and nothing is held that grows with its tiles."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import l2h.sources.tally as tally_module
from l2h.core.executors import SerialExecutor
from l2h.core.grid import Grid, Window
from l2h.core.ledger import Ledger
from l2h.core.raster import write_raster
from l2h.core.tasks import Context
from l2h.sources.atlas import NEAR_PX, Atlas
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.frame import Frame, footprint, footprints
from l2h.sources.near import Near
from l2h.sources.orders import Site
from l2h.sources.resample import hit
from l2h.sources.scenes import list_scenes
from l2h.sources.settings import BoundarySettings, ImagerySettings
from l2h.sources.stage import stage
from l2h.sources.tally import Tally
from l2h.sources.tile_supply import TileSupply

UTM = "EPSG:32650"
ENTRY = ImagerySettings(
    name="base", licence="ours", tiles={"url": "https://t.example/{z}/{x}/{y}.jpg", "zoom": 17}, rank="listed"
)
BOUNDARY = BoundarySettings(path="cities.gpkg", licence="ours")
DIGESTS = (b"\0" * 32, b"\0" * 31 + b"\1", b"\1" + b"\0" * 31, b"\xff" * 32)
edge = st.integers(0, 6)
window = st.builds(lambda r, h, c, w: Window(r, r + h, c, c + w), edge, edge, edge, edge)


@settings(deadline=None)
@given(st.lists(window, max_size=12), window)
def test_what_is_near_is_what_shares_a_pixel(windows: list[Window], wanted: Window) -> None:
    found = Near(range(len(windows)), windows).meeting(wanted)
    assert found == tuple(n for n, w in enumerate(windows) if not w.intersect(wanted).empty)


@settings(max_examples=20, deadline=None)
@given(digests=st.lists(st.sampled_from(DIGESTS), max_size=30), held=st.sampled_from([1, 7, 1000]))
def test_a_tally_counts_as_a_counter_does(
    digests: list[bytes], held: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = [digest.hex() for digest in digests]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally_module, "HELD", held)
        tally = Tally(tmp_path_factory.mktemp("tally"))
        for at in range(0, len(words), 3):
            tally.add(words[at : at + 3])
        assert tally.at_least(3) == {word for word, count in Counter(words).items() if count >= 3}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 12), st.integers(1, 12))
def test_few_points_are_enough_for_the_place_of_a_sheet(row: int, col: int, height: int, width: int) -> None:
    frame = Frame("EPSG:4326", 116.95, 30.78, 0.004, 0.004, 24, 24)
    grid = Grid(UTM, 493_000.0, 3_408_000.0, 40.0, 270, 270)
    part = Window(row, row + height, col, col + width)
    (few,) = footprints(frame, [part], grid)
    rows, cols = hit(grid, grid.window, frame)
    inside = (rows >= row) & (rows < part.row_stop) & (cols >= col) & (cols < part.col_stop)
    assert inside.any()
    assert not np.delete(inside, np.s_[few.col_start : few.col_stop], 1).any()
    assert not np.delete(inside, np.s_[few.row_start : few.row_stop], 0).any()
    assert few.pad(2).contains(footprint(frame.part(part), grid))


def service(folder: Path, side: int) -> Context:
    """A project whose picture is a service of about side × side tiles that have all come; one sheet has pixels."""
    px = side * 256
    grid = Grid(UTM, 500_000.0 - px / 2, 3_320_000.0 + px / 2, 1.0, px, px)
    supply = TileSupply(ENTRY, Site(grid, folder, FetchSettings()))
    orders = supply.orders()
    supply.begin(orders)
    for order in orders[1:]:
        order.target.touch()
    matrix, sheet = supply._matrix, supply._sheets[orders[0].file].refine(256)
    write_raster(orders[0].target, np.zeros((3, *sheet.shape), "uint8"), matrix.grid, sheet)
    supply.close()
    return Context(folder, grid, 1500, Ledger(folder), SerialExecutor())


def test_an_atlas_finds_what_a_search_would_find(tmp_path: Path) -> None:
    context = service(tmp_path, 60)
    (scene,) = list_scenes([ENTRY], tmp_path, context.grid)
    atlas = Atlas([scene])
    assert len(scene.pieces) > 15
    for block in context.grid.blocks(context.block_px):
        (here,) = atlas.meeting(block.window)
        near = block.window.pad(NEAR_PX)
        assert here.pieces == tuple(p for p in scene.pieces if not p.covers.intersect(near).empty)
        assert 0 < len(here.pieces) < len(scene.pieces)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often windows are compared, things looked up are met."""
    counts: Counter[str] = Counter()
    intersect, meeting = Window.intersect, Near.meeting

    def compare(self: Window, other: Window) -> Window:
        counts["compared"] += 1
        return intersect(self, other)

    def meet(self: Near, wanted: Window) -> tuple[object, ...]:
        found = meeting(self, wanted)
        counts["compared"] += len(found)
        return found

    monkeypatch.setattr(Window, "intersect", compare)
    monkeypatch.setattr(Near, "meeting", meet)
    return counts


@pytest.mark.slow
def test_planning_grows_with_a_country_and_not_with_its_square(tmp_path: Path, counted: Counter[str]) -> None:
    found = []
    for side in (100, 200):
        folder = tmp_path / str(side)
        context = service(folder, side)
        blocks = stage((ENTRY,), (), None, BOUNDARY).steps[1]
        counted.clear()
        tasks = blocks(context)
        found.append((len(tasks), counted["compared"]))
    (few, compared), (many, compared_more) = found
    assert many > 3 * few
    assert compared_more / compared < 1.2 * many / few
