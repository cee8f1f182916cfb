"""Which extras a map is made with: those that the network hears and the project has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.errors import SettingsError
from l2h.core.extras import EXTRA_PX, ExtraLayer, extra_store
from l2h.core.files import write_json
from l2h.core.grid import Window
from l2h.core.raster import BlockStore
from l2h.core.tasks import Context, Made, Task
from l2h.nets.checkpoint import read_heard
from l2h.nets.extras import ExtraStack, found_in

HEARD = "map/extras.json"


@dataclass(frozen=True)
class Heard:
    """Extras by name.

    trained : what the network hears, in its order
    used    : which of them the project has, and the settings do not leave out
    given   : what the project has
    """

    trained: tuple[str, ...]
    used: tuple[str, ...]
    given: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in self.trained if name not in self.used)

    @property
    def unheard(self) -> tuple[str, ...]:
        return tuple(name for name in self.given if name not in self.trained)

    def record(self) -> dict[str, Any]:
        """For map/extras.json and the digest of every block."""
        return {name: list(getattr(self, name)) for name in ("trained", "used", "missing", "unheard")}

    def notice(self) -> str:
        """What a user is told; empty where every extra is used."""
        parts = [f"mapped without extras {', '.join(self.missing)}"] if self.missing else []
        parts += [f"the network was trained without extras {', '.join(self.unheard)}"] if self.unheard else []
        return "; ".join(parts)


def listen(checkpoint: Path, layers: Sequence[ExtraLayer], left_out: Sequence[str]) -> Heard:
    """Which extras are used. SettingsError for a name left out that is none; CheckpointError for an extra that means
    something else than in training."""
    groups = read_heard(checkpoint)
    trained, given = tuple(group.name for group in groups), tuple(layer.name for layer in layers)
    if strange := [name for name in left_out if name not in (*trained, *given)]:
        known = ", ".join(dict.fromkeys((*trained, *given))) or "none: the network hears no extras"
        raise SettingsError("no such extra", where="mapping.without_extras", expected=known, got=strange[0])
    there = found_in(groups, [layer for layer in layers if layer.name not in left_out], str(checkpoint))
    used = tuple(name for name, found in zip(trained, there, strict=True) if found)
    return Heard(trained, used, given)


def stack_of(context: Context, checkpoint: Path, heard: Heard) -> ExtraStack | None:
    """The extras on the project's lattice in the network's order; None where it hears none."""
    groups = read_heard(checkpoint)
    if not groups:
        return None
    stores = [
        extra_store(context.work, context.grid, context.block_px, group.name) if group.name in heard.used else None
        for group in groups
    ]
    return ExtraStack(context.grid, tuple(group.layer for group in groups), tuple(stores))


def extra_files(stack: ExtraStack | None, cells: Iterable[Window]) -> list[Path]:
    """Block files that reads of these windows of cells need, each once."""
    if stack is None:
        return []
    stores = [reader for reader in stack.readers if isinstance(reader, BlockStore)]
    return list(dict.fromkeys(path for window in cells for store in stores for path in store.paths_of(window)))


def heard_task(context: Context, heard: Heard) -> list[Task]:
    """One task that records which extras are used; none where neither network nor project has any."""
    if not heard.trained and not heard.given:
        return []
    path, record = context.work / HEARD, heard.record()
    arguments = {"path": path, "record": record, "notice": heard.notice()}
    return [Task("map/extras", make_heard, arguments, (), (path,), record)]


def make_heard(path: Path, record: dict[str, Any], notice: str) -> Made:
    """Write which extras a map is made with."""
    write_json(path, record)
    return Made(info=record | ({"notice": notice} if notice else {}))


def close_extras(stack: ExtraStack | None) -> None:
    """Close what a task has opened."""
    for reader in stack.readers if stack else ():
        if isinstance(reader, BlockStore):
            reader.close()


def present(stack: ExtraStack | None, window: Window) -> dict[str, int]:
    """How many cells of a window of pixels each extra has."""
    if stack is None:
        return {}
    count = len(stack.layers)
    there = stack.read(window.coarsen(EXTRA_PX)).values[-count:].astype(bool)
    return {layer.name: int(cells.sum()) for layer, cells in zip(stack.layers, there, strict=True)}
