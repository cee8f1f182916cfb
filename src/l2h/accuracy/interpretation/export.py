"""Export: the verdicts as a table that `l2h assess` reads, with everything the points' file said of the sample."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from l2h.accuracy.interpretation.answers import Answer, Event
from l2h.accuracy.interpretation.board import Board
from l2h.accuracy.interpretation.sheet import ids_of, layer_of, places_in, read_frame
from l2h.core.errors import InputError
from l2h.core.files import atomic_path, write_text
from l2h.core.legend import Legend

OURS = (
    "class_value", "class_name", "confidence", "decided", "answers", "interpreters", "adjudicator", "scene_dates",
    "comments",
)  # fmt: skip
GIVEN = "given_"  # before the name of a column of the points' file that bears one of ours


@dataclass(frozen=True)
class Exported:
    """What was written: files, and how many points have a class, are settled as "cannot tell", or still wait."""

    files: tuple[Path, ...]
    with_class: int
    cannot_tell: int
    waiting: int


def export(
    board: Board,
    events: Sequence[Event],
    legend: Legend,
    source: tuple[Path, str | None, str | None],
    crs: str,
    folder: Path,
) -> Exported:
    """Write `<stem>-interpreted.gpkg`, the same as CSV, and `<stem>-answers.csv` with every event.

    source : path, layer and identity column of the points' file; its columns are carried through, its metadata too
    crs    : of the lattice: the CSV's x and y are in it

    Layer `points` holds the points that have a class, `unresolved` the others with their state, so that whoever
    assesses sees what is missing. InputError where the points' file has other points than the board.
    """
    path, layer, id_column = source
    frame = read_frame(path, layer, crs)
    ids = ids_of(frame, id_column)
    if set(ids) != set(board.points):
        raise InputError("the points' file has changed since the interpretation began", where=str(path))
    frame = frame.rename(columns={name: GIVEN + name for name in (*OURS, "state") if name in frame.columns})
    rows = [verdict_row(board, point, legend) for point in ids]
    for name in OURS:
        frame[name] = [row[name] for row in rows]
    if "id" not in frame.columns:
        frame.insert(0, "id", ids)
    settled = frame[[row["state"] == "settled" for row in rows]]
    rest = frame.drop(columns=list(OURS)).assign(state=[row["state"] for row in rows])
    rest = rest[[row["state"] != "settled" for row in rows]]
    files = tuple(folder / f"{path.stem}-{end}" for end in ("interpreted.gpkg", "interpreted.csv", "answers.csv"))
    _write_gpkg(settled, rest, files[0], _metadata(path, layer))
    write_text(files[1], _with_places(settled, crs).to_csv(index=False, lineterminator="\n"))
    write_text(files[2], answers_csv(events, legend))
    unsure = sum(row["state"] == "cannot tell" for row in rows)
    return Exported(files, len(settled), unsure, len(rest) - unsure)


def verdict_row(board: Board, point: str, legend: Legend) -> dict[str, Any]:
    """What the export says of one point: the columns OURS, and `state`: settled, cannot tell, open or disputed."""
    verdict, found, third = board.verdict(point), board.interpretations(point), board.adjudication(point)
    heard = [*found, third] if third else found
    state = ("settled" if verdict.value is not None else "cannot tell") if verdict.settled else verdict.state
    return {
        "state": state,
        "class_value": verdict.value,
        "class_name": legend.by_value(verdict.value).name if verdict.value is not None else None,
        "confidence": verdict.confidence,
        "decided": verdict.state,
        "answers": len(found),
        "interpreters": "; ".join(answer.interpreter for answer in found),
        "adjudicator": third.interpreter if third else None,
        "scene_dates": "; ".join(sorted({answer.scene_date for answer in heard if answer.scene_date})),
        "comments": " | ".join(answer.comment for answer in heard if answer.comment),
    }


def answers_csv(events: Sequence[Event], legend: Legend) -> str:
    """Every event in order: who said what of which point from which scene and when, and what was taken back."""
    import pandas

    columns = ["at", "interpreter", "role", "point", "kind", "value", "class_name", "confidence", "comment", "scene"]
    rows = [asdict(event) | _readable(event, legend) for event in events]
    table = pandas.DataFrame(rows, columns=[*columns, "scene_date", "seconds", "key", "undoes"])
    for name in ("value", "scene"):
        table[name] = table[name].astype("Int64")
    return table.to_csv(index=False, lineterminator="\n")


def _readable(event: Event, legend: Legend) -> dict[str, str]:
    if not isinstance(event, Answer):
        return {"kind": "undo", "class_name": ""}
    name = "cannot tell" if event.value is None else legend.by_value(event.value).name
    return {"kind": "answer", "class_name": name}


def _with_places(frame: Any, crs: str) -> Any:
    """The table without geometry, its places as x and y in a CRS."""
    x, y = places_in(frame, crs) if len(frame) else ([], [])
    table = frame.drop(columns=[frame.geometry.name, *(name for name in ("x", "y") if name in frame.columns)])
    table["class_value"] = table["class_value"].astype("Int64")
    return table.assign(x=x, y=y)


def _metadata(path: Path, layer: str | None) -> dict[str, Any]:
    """What a vector file says of itself, for a design that travels with it."""
    if path.suffix.lower() == ".csv":
        return {}
    import pyogrio

    info = pyogrio.read_info(path, layer=layer_of(path, layer))
    return {name: info[name] for name in ("dataset_metadata", "layer_metadata") if info.get(name)}


def _write_gpkg(settled: Any, rest: Any, path: Path, metadata: dict[str, Any]) -> None:
    settled = settled.assign(class_value=settled["class_value"].astype("Int64"))
    with atomic_path(path) as part:
        part.unlink()
        settled.to_file(part, layer="points", driver="GPKG", engine="pyogrio", **metadata)
        rest.to_file(part, layer="unresolved", driver="GPKG", engine="pyogrio", mode="a")
