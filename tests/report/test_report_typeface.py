"""Fonts for Chinese words: those installed since matplotlib last looked are found, those since removed are not."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib import font_manager

from l2h.report import typeface
from l2h.report.figures import plate

SOME_FONT = Path(font_manager.findfont("DejaVu Sans"))


@pytest.fixture(autouse=True)
def font_list(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(font_manager.fontManager, "ttflist", list(font_manager.fontManager.ttflist))
    monkeypatch.setattr(typeface, "NAMES", ("DejaVu Sans",))
    typeface.installed.cache_clear()
    yield
    typeface.installed.cache_clear()


def test_a_font_installed_since_the_list_was_made_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font_manager.fontManager.ttflist.clear()
    new, broken = tmp_path / "new.ttf", tmp_path / "broken.ttf"
    shutil.copy(SOME_FONT, new)
    broken.write_bytes(b"no font")
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(broken), str(new)])
    assert typeface.installed() == {"DejaVu Sans": str(new)}


def test_a_font_removed_since_then_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    font_manager.fontManager.ttflist.clear()
    gone = tmp_path / "gone.ttf"
    shutil.copy(SOME_FONT, gone)
    font_manager.fontManager.addfont(str(gone))
    gone.unlink()
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    assert typeface.installed() == {}


def test_a_family_of_one_weight_is_drawn_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(plate, "families", lambda: ("DejaVu Sans Display",))  # matplotlib's own, and never bold
    with plate.style():
        figure = plate.new_figure(1.0)
        figure.text(0.5, 0.5, "(", weight="bold")
        plate.save(figure, tmp_path, "bold")
    assert (tmp_path / "bold.png").stat().st_size > 0
    assert not [record for record in caplog.records if record.name == "matplotlib.font_manager"]
