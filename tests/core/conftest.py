"""Fixtures of the core's tests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)  # `coretasks` holds what worker processes import by name

settings.register_profile("l2h", deadline=None)  # a busy machine is no failure
settings.load_profile("l2h")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte; the test is skipped where we may not mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes started from here import `coretasks`."""
    monkeypatch.setenv("PYTHONPATH", HERE)
