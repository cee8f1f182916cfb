"""The files that an imagery entry names: folders opened, VRTs read, each file once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from l2h.core.errors import InputError
from l2h.sources.paths import find_files
from l2h.sources.vrt import Box, read_vrt

SUFFIXES = {".tif", ".tiff", ".jp2", ".j2k"}


@dataclass(frozen=True)
class Picture:
    """A file of imagery.

    bands  : of the file, for bands 1, 2, … of the entry; the same where it is None
    nodata : values that mean "no pixel", beside what the file declares
    box    : (left, bottom, right, top) at which a VRT puts it
    """

    path: Path
    bands: tuple[int, ...] | None = None
    nodata: tuple[int, ...] = ()
    box: Box | None = None

    def pick(self, wanted: Sequence[int], layer: str) -> tuple[int, ...]:
        """The file's bands for those that the entry keeps; InputError where a VRT has not so many."""
        if self.bands is None:
            return tuple(wanted)
        if max(wanted) > len(self.bands):
            raise InputError(
                "a VRT lacks a band", where=f"layer '{layer}', {self.path}", expected=f"bands {list(wanted)}",
                got=f"{len(self.bands)}",
            )  # fmt: skip
        return tuple(self.bands[band - 1] for band in wanted)


def find_pictures(
    project_dir: Path, patterns: Sequence[str], layer: str, vrt_folders: Sequence[str] = ()
) -> tuple[Picture, ...]:
    """The pictures that match, pattern by pattern, in order; a VRT's in its place, the topmost first.

    InputError for a pattern that matches nothing and for a folder without pictures.
    """
    folders = [project_dir / folder for folder in vrt_folders]
    found: dict[Path, Picture] = {}
    for pattern in patterns:
        for picture in _matches(project_dir, pattern, layer, folders):
            found.setdefault(picture.path, picture)
    return tuple(found.values())


def _matches(project_dir: Path, pattern: str, layer: str, folders: Sequence[Path]) -> Iterator[Picture]:
    if (project_dir / pattern).is_dir():
        yield from map(Picture, _inside(project_dir / pattern, layer))
        return
    for path in find_files(project_dir, (pattern,), layer):
        if path.suffix.lower() != ".vrt":
            yield Picture(path)
            continue
        for source in read_vrt(path, folders):
            yield Picture(source.path, source.bands, () if source.nodata is None else (source.nodata,), source.box)


def _inside(folder: Path, layer: str) -> list[Path]:
    """Every picture below a folder, sorted; hidden files are none."""
    files = sorted(path for path in folder.rglob("[!.]*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise InputError(
            "a folder holds no picture", where=f"layer '{layer}', {folder}", expected=f"*{', *'.join(sorted(SUFFIXES))}"
        )
    return files
