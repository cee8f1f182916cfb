"""docs/settings.md says what the settings are."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_settings_page_is_up_to_date() -> None:
    script = ROOT / "scripts" / "settings_reference.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (
        f"docs/settings.md is out of date: run python scripts/settings_reference.py\n{done.stderr}"
    )


def test_it_explains_every_section() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    for section in (
        "[project]",
        "[grid]",
        "[[imagery]]",
        "[[products]]",
        "[labels.vectors]",
        "[learning]",
        "[release]",
    ):
        assert f"## `{section}`" in text
