"""Memory is bounded by block and window, whatever the raster's size."""

import subprocess
import sys
from pathlib import Path

import pytest
import rasterio

SCRIPT = Path(__file__).with_name("wide_raster.py")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height", "network_width", "blocks"),
    [
        (200_000, 40, 8, 34),  # the whole of a very wide raster
        (200_000, 6_000, 4, 1),  # a block of 6000 × 6000 px of one
        (1_500, 512, 32, 1),  # the network of the default recipe
    ],
)
def test_a_wide_raster_is_mapped_under_a_gigabyte(
    tmp_path: Path, width: int, height: int, network_width: int, blocks: int
) -> None:
    sizes = map(str, (width, height, network_width, blocks))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), *sizes], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1000
    files = sorted(tmp_path.glob("*.tif"))
    assert len(files) == blocks
    with rasterio.open(files[0]) as first, rasterio.open(files[-1]) as last:
        assert first.read(1).min() > 0
        assert last.bounds.right == 200000.0 + (width if blocks == 34 else min(width, 6000))
