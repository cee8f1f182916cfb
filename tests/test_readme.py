"""What the README says is true: its project file is accepted, its links lead somewhere, its commands exist."""

import re
import tomllib
from pathlib import Path

import pytest

from l2h.cli.table import COMMANDS
from l2h.project import Project

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def test_the_project_file_of_the_readme_is_accepted() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    project = Project.model_validate(tomllib.loads(text))
    assert [product.legend for product in project.products] == ["worldcover", "esri", "from_glc10"]
    assert len(text.strip().splitlines()) <= 12


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


def test_commands_named_in_the_readme_exist() -> None:
    named = set(re.findall(r"`l2h ([a-z]+)", (ROOT / "README.md").read_text()))
    assert named <= set(COMMANDS)
    assert {"toy", "init", "run"} <= set(COMMANDS)


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z-]+)", (ROOT / "README.md").read_text())):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
