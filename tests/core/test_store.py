"""Stores of block files: any window, whoever cut the blocks."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l2h.core.errors import GridError, InputError
from l2h.core.grid import Grid, Window
from l2h.core.raster import OPEN_FILES, BlockStore, write_raster

GRID = Grid("EPSG:32650", 500_000.0, 3_400_000.0, 1.0, 31, 37)
TRUTH = np.random.default_rng(1).integers(0, 256, (2, 31, 37)).astype("uint8")
VALID = np.random.default_rng(2).random((31, 37)) > 0.2


def fill(store: BlockStore, values: np.ndarray = TRUTH, valid: np.ndarray = VALID) -> BlockStore:
    for block in store.blocks:
        rows, cols = block.window.slices_in(store.grid.window)
        write_raster(store.path(block), values[:, rows, cols], store.grid, block.window, valid=valid[rows, cols])
    return store


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[BlockStore]:
    """The same raster in blocks of one pixel's width to the whole: 11 does not divide, 100 covers it."""
    return [fill(BlockStore(tmp_path_factory.mktemp("store") / str(size), GRID, size)) for size in (11, 16, 100)]


@given(st.tuples(*[st.integers(-9, 45)] * 4), st.integers(0, 2))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_window_reads_the_same_from_any_blocks(stores: list[BlockStore], edges: tuple[int, ...], one: int) -> None:
    (top, bottom), (left, right) = sorted(edges[:2]), sorted(edges[2:])
    window = Window(top, bottom, left, right)
    inside = window.intersect(GRID.window)
    if inside.empty:
        with pytest.raises(GridError, match="outside the grid"):
            stores[one].read(window)
        return
    patch, (rows, cols) = stores[one].read(window), inside.slices_in(GRID.window)
    part = patch.crop(inside)
    assert (part.values == TRUTH[:, rows, cols]).all()
    assert (part.valid == VALID[rows, cols]).all()
    assert patch.valid.sum() == VALID[rows, cols].sum()  # nothing outside the grid is valid


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 13), (13, 1), (7, 5)])
def test_awkward_sizes(tmp_path: Path, height: int, width: int) -> None:
    grid = Grid("EPSG:32650", 0.0, 100.0, 1.0, height, width)
    values = np.arange(height * width, dtype="uint8").reshape(1, height, width)
    store = fill(BlockStore(tmp_path, grid, 3), values, np.ones((height, width), bool))
    patch = store.read(grid.window)
    assert (patch.values == values).all()
    assert patch.valid.all()


def test_a_window_needs_the_blocks_it_meets(tmp_path: Path) -> None:
    store = BlockStore(tmp_path, GRID, 16)
    assert [b.name for b in store.blocks_of(Window(10, 17, 15, 16))] == ["r0000c0000", "r0001c0000"]
    assert store.paths_of(Window(0, 1, 36, 99)) == (tmp_path / "r0000c0002.tif",)


def test_a_missing_block_is_an_error_only_for_windows_that_need_it(tmp_path: Path) -> None:
    store = fill(BlockStore(tmp_path, GRID, 16))
    (tmp_path / "r0001c0001.tif").unlink()
    assert store.read(Window(0, 16, 0, 37)).values.shape == (2, 16, 37)
    with pytest.raises(InputError, match=r"missing.*r0001c0001\.tif"):
        store.read(Window(15, 17, 15, 17))


def test_a_block_of_another_block_size_is_never_read_in_silence(tmp_path: Path) -> None:
    fill(BlockStore(tmp_path, GRID, 11))
    with pytest.raises(GridError, match=r"does not fit the lattice.*r0000c0000\.tif.*\(16, 16\).*\(11, 11\)"):
        BlockStore(tmp_path, GRID, 16).read(Window(0, 5, 0, 5))


def test_a_block_of_another_place_is_never_read_in_silence(tmp_path: Path) -> None:
    store = fill(BlockStore(tmp_path, GRID, 11))
    (tmp_path / "r0000c0001.tif").replace(tmp_path / "r0000c0000.tif")
    with pytest.raises(GridError, match="does not fit the lattice"):
        store.read(Window(0, 5, 0, 5))


def test_blocks_of_different_kinds_are_never_mixed(tmp_path: Path) -> None:
    store = fill(BlockStore(tmp_path, GRID, 16))
    odd = store.blocks[1]
    write_raster(store.path(odd), np.zeros((1, 16, 16), "uint8"), GRID, odd.window)
    with pytest.raises(InputError, match=r"r0000c0001\.tif.*expected 2 bands of uint8, got 1 bands of uint8"):
        store.read(Window(0, 1, 15, 17))


def test_a_block_made_anew_is_read_anew(tmp_path: Path) -> None:
    store = fill(BlockStore(tmp_path, GRID, 16))
    window = store.blocks[0].window
    before = store.read(window).values
    write_raster(store.path(store.blocks[0]), before + 1, GRID, window)
    assert (store.read(window).values == before + 1).all()


def test_a_store_travels_to_another_process(stores: list[BlockStore]) -> None:
    stores[0].read(Window(0, 5, 0, 5))
    copy = pickle.loads(pickle.dumps(stores[0]))
    assert (copy.read(GRID.window).values == TRUTH).all()
    copy.close()


def test_threads_share_a_store(stores: list[BlockStore]) -> None:
    rng = np.random.default_rng(0)
    windows = [Window(r, r + 12, c, c + 12) for r, c in rng.integers(0, 20, (200, 2)).tolist()]
    with ThreadPoolExecutor(8) as pool:
        patches = list(pool.map(stores[0].read, windows))
    for window, patch in zip(windows, patches, strict=True):
        rows, cols = window.slices_in(GRID.window)
        assert (patch.values == TRUTH[:, rows, cols]).all()


def test_few_files_are_open_at_a_time(tmp_path: Path) -> None:
    store = fill(BlockStore(tmp_path, GRID, 7))
    assert len(store.blocks) == 30
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert (store.read(GRID.window).values == TRUTH).all()
    assert len(list(Path("/proc/self/fd").iterdir())) - before <= OPEN_FILES
    store.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert (store.read(GRID.window).values == TRUTH).all()
    store.close()


@pytest.mark.slow
def test_reading_takes_no_more_memory_than_the_cache_and_the_window(tmp_path: Path) -> None:
    """200 megapixels in four files, read in small windows by a process of its own: below 300 MB."""
    import subprocess
    import sys

    grid = Grid("EPSG:32650", 0.0, 0.0, 1.0, 10_000, 10_000)
    store = BlockStore(tmp_path, grid, 5000)
    values = np.random.default_rng(0).integers(0, 3, (2, 625, 625)).astype("uint8").repeat(8, 1).repeat(8, 2)
    for block in store.blocks:
        write_raster(store.path(block), values, grid, block.window)
    code = f"""
from pathlib import Path
from l2h.core.grid import Grid
from l2h.core.raster import BlockStore
store = BlockStore(Path({str(tmp_path)!r}), Grid.from_dict({grid.to_dict()!r}), 5000)
for window in store.grid.tiles(250):
    store.read(window)
status = open('/proc/self/status').read()  # ru_maxrss would tell of the process that started this one
print(int(status.split('VmHWM:')[1].split()[0]) // 1024)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert int(run.stdout) < 300
