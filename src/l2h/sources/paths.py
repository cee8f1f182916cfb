"""Files a project names by globs."""

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path

from l2h.core.errors import InputError

NAMING = (".gpkg", ".parquet")  # files whose features may have no name of their own


def find_files(project_dir: Path, patterns: Iterable[str], layer: str) -> tuple[Path, ...]:
    """The files that match, pattern by pattern, sorted within a pattern, each once.

    Patterns are relative to the project folder; absolute ones are taken as they are. InputError for a pattern that
    matches nothing: a mistyped path must not look like an empty layer.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        files = matching(project_dir, pattern)
        if not files:
            raise InputError(
                "no file matches", where=f"layer '{layer}'", got=pattern, hint=f"Paths are relative to {project_dir}."
            )
        found.update(dict.fromkeys(files))
    return tuple(found)


def matching(project_dir: Path, pattern: str) -> list[Path]:
    """The files that match one pattern, sorted; maybe none."""
    names = sorted(glob.glob(pattern, root_dir=project_dir, recursive=True))  # noqa: PTH207  (absolute patterns)
    return [project_dir / name for name in names if (project_dir / name).is_file()]


def check_stems(paths: Sequence[Path]) -> None:
    """InputError where two GeoPackages or GeoParquet files share a name but for its end: it tells features apart."""
    known: dict[str, Path] = {}
    for path in dict.fromkeys(paths):
        if path.suffix not in NAMING:
            continue
        if path.stem in known:
            raise InputError(
                "two vector files have the same name", where="layer 'osm'", got=f"{known[path.stem]}, {path}",
                hint="Features are known by the name of their file: give one of them another.",
            )  # fmt: skip
        known[path.stem] = path


def shown(path: Path, project_dir: Path) -> str:
    """A path as records show it: relative to the project where it lies inside, so that projects can be moved."""
    return path.relative_to(project_dir).as_posix() if path.is_relative_to(project_dir) else path.as_posix()
