"""Sections of the page that stand by themselves. One more: a function, a template below sections/, a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.report import album, confidence, label_quality, vectors
from l2h.report.plates import PLATE_INPUTS, plate_values
from l2h.report.practice.section import practice_values
from l2h.report.practice.validation import FILE
from l2h.report.settings import PageSettings
from l2h.report.workspace import Workspace

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """A section after the accuracy tables.

    key    : its anchor, and its template `sections/<key>.html.j2`, which finds its values under `v`
    title  : heading
    values : what the template shows, None where the workspace has nothing of it; the section is then left out
    inputs : files below the work folder that it reads where they are there: the page is made anew when they change
    """

    key: str
    title: str
    values: Callable[[Workspace, PageSettings, bool], Values | None]
    inputs: tuple[str, ...] = ()


SECTIONS: tuple[Section, ...] = (
    Section("practice", "Good practice", practice_values, (f"report/{FILE}",)),
    Section("figures", "Provinces and capture times", plate_values, PLATE_INPUTS),
    Section("confidence", "Confidence", confidence.confidence_values, (confidence.CALIBRATION,)),
    Section("labels", "Labels", label_quality.label_values, (label_quality.FILE,)),
    Section("vectors", "Roads and buildings", vectors.vector_values, (vectors.FILE,)),
    Section("album", "Training in pictures", album.album_values, (album.FILE,)),
)


def shown(space: Workspace, settings: PageSettings, public: bool) -> list[dict[str, Any]]:
    """Key, title and values of the sections that have something to show, in order."""
    found = [(s, s.values(space, settings, public)) for s in SECTIONS]
    return [{"key": s.key, "title": s.title, "values": values} for s, values in found if values is not None]


def section_inputs(work: Path) -> list[Path]:
    """Files the sections read."""
    return [path for s in SECTIONS for name in s.inputs if (path := work / name).is_file()]
