"""Fixtures shared by all rooms."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real pictures and products; the test is skipped where it is absent."""
    here = Path(__file__).resolve()
    folder = Path(os.environ.get("L2H_TEST_DATA", here.parents[2] / "shared" / "data"))
    if not (folder / "cases").is_dir():
        pytest.skip(f"real data not found at {folder}: set L2H_TEST_DATA")
    return folder
