"""Files a project names by globs."""

import glob
from collections.abc import Iterable
from pathlib import Path

from l2h.core.errors import InputError


def find_files(project_dir: Path, patterns: Iterable[str], layer: str) -> tuple[Path, ...]:
    """The files that match, pattern by pattern, sorted within a pattern, each once.

    Patterns are relative to the project folder; absolute ones are taken as they are. InputError for a pattern that
    matches nothing: a mistyped path must not look like an empty layer.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        names = sorted(glob.glob(pattern, root_dir=project_dir, recursive=True))  # noqa: PTH207  (absolute patterns)
        files = [project_dir / name for name in names if (project_dir / name).is_file()]
        if not files:
            raise InputError(
                "no file matches", where=f"layer '{layer}'", got=pattern, hint=f"Paths are relative to {project_dir}."
            )
        found.update(dict.fromkeys(files))
    return tuple(found)


def shown(path: Path, project_dir: Path) -> str:
    """A path as records show it: relative to the project where it lies inside, so that projects can be moved."""
    return path.relative_to(project_dir).as_posix() if path.is_relative_to(project_dir) else path.as_posix()
