"""The house: which room may import which, read from the source of every module."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "l2h"
MODULES = sorted(SOURCE.rglob("*.py"))

# room → rooms of ours that it may import besides itself; the rooms of the chain meet in files, never in code
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "nets": {"core"},
    "sources": {"core"},
    "labels": {"core"},
    "learning": {"core", "nets"},
    "mapping": {"core", "nets"},
    "product": {"core"},
    "accuracy": {"core"},
    "toy": {"core"},
}
# faces and what joins the rooms: they may import everything, and no room imports them
TOP = {"__main__", "project", "misfit", "pipeline", "checks", "facts", "clean", "report", "starter", "cli", "viewer"}
LIGHT = set(sys.stdlib_module_names) - {"tkinter"}


def name_of(path: Path) -> str:
    """Dotted name of a module: src/l2h/core/grid.py → l2h.core.grid."""
    parts = ("l2h", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(name: str) -> str:
    """The room of a dotted name: l2h.core.grid → core; the package itself → ""."""
    return [*name.split("."), ""][1]


def imports_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, wherever in the module it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{a.name}" if module == "l2h" else module) for a in node.names)


def wrong_arrows(name: str, source: str) -> list[str]:
    """What a module imports against the table, each with its line."""
    room, wrong = room_of(name), []
    if room and room not in MAY_IMPORT and room not in TOP:
        return [f"{name} has no place in the table of rooms"]
    for line, target in imports_of(ast.parse(source)):
        if target.startswith("."):
            wrong.append(f"{name}:{line} imports relatively: {target}")
        elif target.split(".")[0] == "l2h" and not may_import(room, room_of(target)):
            wrong.append(f"{name}:{line} imports {target}")
    return wrong


def may_import(room: str, target: str) -> bool:
    known = target in MAY_IMPORT or target in TOP
    return not known or room == target or room in TOP or target in MAY_IMPORT.get(room, set())


@pytest.mark.parametrize(
    ("name", "source", "wrong"),
    [
        ("l2h.core.grid", "from l2h.core.errors import GridError\nimport l2h", []),
        ("l2h.core.grid", "def f():\n    from l2h.nets.unet import UNet", ["l2h.core.grid:2 imports l2h.nets.unet"]),
        ("l2h.labels.em", "import l2h.sources.osm", ["l2h.labels.em:1 imports l2h.sources.osm"]),
        ("l2h.labels.em", "from l2h import toy", ["l2h.labels.em:1 imports l2h.toy"]),
        ("l2h.labels.em", "from l2h import __version__", []),
        ("l2h.learning.loop", "from l2h.nets.unet import UNet", []),
        ("l2h.labels.em", "from l2h.nets.unet import UNet", ["l2h.labels.em:1 imports l2h.nets.unet"]),
        ("l2h.mapping.stage", "from l2h.learning.chips import x", ["l2h.mapping.stage:1 imports l2h.learning.chips"]),
        ("l2h.sources.osm", "from l2h.project import Project", ["l2h.sources.osm:1 imports l2h.project"]),
        ("l2h.pipeline", "from l2h.sources.stage import stage\nfrom l2h.report.page import page", []),
        ("l2h.nets.unet", "from .base import Net", ["l2h.nets.unet:1 imports relatively: .base"]),
        ("l2h.attic.old", "import math", ["l2h.attic.old has no place in the table of rooms"]),
    ],
)
def test_the_reader_of_arrows_knows_right_from_wrong(name: str, source: str, wrong: list[str]) -> None:
    assert wrong_arrows(name, source) == wrong


def test_there_is_something_to_read() -> None:
    assert len(MODULES) > 15


def trees() -> Iterator[tuple[str, Path, ast.Module]]:
    yield from ((name_of(path), path, ast.parse(path.read_text("utf-8"))) for path in MODULES)


def test_imports_point_up_the_table_only() -> None:
    assert [wrong for path in MODULES for wrong in wrong_arrows(name_of(path), path.read_text("utf-8"))] == []


def test_nothing_prints() -> None:
    """People read standard error through the command line's own face, programs read standard output."""
    calls = [(name, node) for name, _, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    prints = [f"{n}:{c.lineno}" for n, c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
    assert prints == []


def test_packages_open_without_cost() -> None:
    """A package's own file imports nothing but the standard library: `l2h --help` must not wait for torch."""
    packages = [(name, tree) for name, path, tree in trees() if path.name == "__init__.py"]
    imports = [(name, target) for name, tree in packages for _, target in imports_of(tree)]
    assert [(name, target) for name, target in imports if target.split(".")[0] not in LIGHT] == []


def test_every_module_says_what_it_is_for() -> None:
    assert [name for name, _, tree in trees() if not (ast.get_docstring(tree) or "").strip()] == []
