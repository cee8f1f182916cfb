"""What a raster file's own tables say of where it must end."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l2h.core.cog import CogStyle, write_cog
from l2h.core.errors import InputError
from l2h.core.formats import TruncatedError, check_tiff_whole, driver_of
from l2h.core.grid import Grid, Window
from l2h.core.patch import Patch

GRID = Grid("EPSG:32650", 500_000.0, 3_400_000.0, 1.0, 700, 700)
# little-endian, one table at byte 8: one strip of 4 bytes at byte 38, and nothing else
TINY = (
    b"II*\x00\x08\x00\x00\x00" + b"\x02\x00"
    + b"\x11\x01\x04\x00\x01\x00\x00\x00\x26\x00\x00\x00"  # StripOffsets, one long: 38
    + b"\x17\x01\x04\x00\x01\x00\x00\x00\x04\x00\x00\x00"  # StripByteCounts, one long: 4
    + b"\x00\x00\x00\x00" + b"data"
)  # fmt: skip


class Noise:
    """A raster of random classes."""

    grid = GRID

    def read(self, window: Window) -> Patch:
        rng = np.random.default_rng([window.row_start, window.col_start])
        return Patch(rng.integers(1, 12, (1, *window.shape)).astype("uint8"), np.ones(window.shape, bool), window)


def test_a_whole_file_is_whole(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(TINY)
    check_tiff_whole(tmp_path / "a.tif")


@pytest.mark.parametrize("cut", range(len(TINY)))
def test_a_file_cut_at_any_byte_is_not(tmp_path: Path, cut: int) -> None:
    (tmp_path / "a.tif").write_bytes(TINY[:cut])
    with pytest.raises(TruncatedError, match=f"got {cut} bytes"):
        check_tiff_whole(tmp_path / "a.tif")


def is_whole(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    try:
        check_tiff_whole(path)
    except TruncatedError:
        return False
    return True


@given(st.binary(max_size=200), st.binary(max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_whole_or_truncated_and_more_bytes_never_hurt(tmp_path: Path, tail: bytes, more: bytes) -> None:
    if is_whole(tmp_path / "a.tif", TINY[:8] + tail):
        assert is_whole(tmp_path / "a.tif", TINY[:8] + tail + more)
    assert is_whole(tmp_path / "a.tif", TINY + tail)


def test_a_cog_lacks_not_even_its_last_byte(tmp_path: Path) -> None:
    write_cog(tmp_path / "a.tif", Noise(), GRID.window, CogStyle(0, "mode"))
    data = (tmp_path / "a.tif").read_bytes()
    check_tiff_whole(tmp_path / "a.tif")
    for missing in (1, 2, 3, 4, 5, 100, 5000, len(data) // 2):
        (tmp_path / "cut.tif").write_bytes(data[:-missing])
        with pytest.raises(TruncatedError, match=f"expected .* bytes, got {len(data) - missing} bytes"):
            check_tiff_whole(tmp_path / "cut.tif")


WRITE_COG = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_formats import GRID, Noise
from l2h.core.cog import CogStyle, write_cog
from l2h.core.errors import StorageError
target = Path(sys.argv[2])
write_cog(target, Noise(), GRID.window, CogStyle(0, "mode", tags={"edition": "1"}))
whole = target.read_bytes()
for limit in [*range(500, len(whole), len(whole) // 9), len(whole) - 3000, len(whole) - 5, len(whole) - 1]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_cog(target, Noise(), GRID.window, CogStyle(0, "mode", tags={"edition": "2"}))
    except StorageError as error:
        assert str(target) in str(error), error
    else:
        raise SystemExit(f"no error at {limit} of {len(whole)} bytes")
    assert target.read_bytes() == whole, "the old file changed"
    assert list(target.parent.iterdir()) == [target], "something was left"
"""


def test_a_cog_that_meets_a_full_disk_is_a_storage_error(tmp_path: Path) -> None:
    """GDAL reports nothing when the last bytes do not fit."""
    here = str(Path(__file__).parent)
    run = subprocess.run([sys.executable, "-c", WRITE_COG, here, str(tmp_path / "a.tif")], capture_output=True)
    assert run.returncode == 0, run.stderr.decode()


def test_formats_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    for head, driver in {
        b"II*\x00": "GTiff", b"MM\x00+": "GTiff", b"\x89PNG": "PNG", b"\xff\xd8\xff\xdb": "JPEG",
        b"\x00\x00\x00\x0cjP  ": "JP2OpenJPEG", b"<VRT": "unknown", b"": "unknown",
    }.items():  # fmt: skip
        (tmp_path / "a").write_bytes(head)
        assert driver_of(tmp_path / "a") == driver
    with pytest.raises(InputError, match="No such file"):
        driver_of(tmp_path / "none")
