"""An interpretation of a project's points: the files it stands on, joined to a desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from l2h.accuracy.interpretation.answers import Event
from l2h.accuracy.interpretation.board import Board
from l2h.accuracy.interpretation.export import Exported, export
from l2h.accuracy.interpretation.records import Records
from l2h.accuracy.interpretation.sheet import Sheet, read_sheet
from l2h.core.legend import load_legend
from l2h.pipeline import Pipeline
from l2h.viewer.desk import Desk, Job
from l2h.viewer.pictures import Album

FOLDER = "interpretation"  # beside work/, which may be deleted and remade: people's answers may not


@dataclass(frozen=True)
class Task:
    """What is to be interpreted.

    points    : file of the points, its layer and its column of identities (None: the usual ones)
    records   : file of the answers; None for `interpretation/<points>.sqlite` in the project
    per_point : blind interpretations wanted of each point
    only      : the one interpreter, "" for everyone
    """

    folder: Path
    points: Path
    layer: str | None = None
    id_column: str | None = None
    records: Path | None = None
    per_point: int = 2
    only: str = ""

    @property
    def records_path(self) -> Path:
        return self.records or self.folder / FOLDER / f"{self.points.stem}.sqlite"


def open_desk(task: Task) -> Desk:
    """A desk for a project whose layers are made; errors where points, records or imagery do not fit."""
    pipeline = Pipeline.open(task.folder)
    project, grid = pipeline.project, pipeline.grid
    sheet = read_sheet(task.points, grid, task.layer, task.id_column)
    album = Album(pipeline.folder, project, grid)
    records = _records(task, sheet, project.project.legend)
    job = Job(
        project.project.title or project.project.name,
        load_legend(project.project.legend),
        project.grid.pixel_m,
        task.per_point,
        partial(_export, task, project.project.legend, grid.crs),
        task.only,
    )
    return Desk(job, sheet, records, album)


def export_now(task: Task) -> Exported:
    """Write the files of an export without a server."""
    pipeline = Pipeline.open(task.folder)
    sheet = read_sheet(task.points, pipeline.grid, task.layer, task.id_column)
    records = _records(task, sheet, pipeline.project.project.legend)
    board = Board(sheet.order(records.salt), task.per_point)
    events = [event for _, event in records.since(0)]
    for event in events:
        board.apply(event)
    records.close()
    return _export(task, pipeline.project.project.legend, pipeline.grid.crs, board, events)


def _records(task: Task, sheet: Sheet, legend: str) -> Records:
    return Records.open(task.records_path, sheet.digest(), legend, task.per_point)


def _export(task: Task, legend: str, crs: str, board: Board, events: Sequence[Event]) -> Exported:
    source = (task.points, task.layer, task.id_column)
    return export(board, events, load_legend(legend), source, crs, task.records_path.parent)
