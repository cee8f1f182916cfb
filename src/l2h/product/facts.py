"""What a release must know of its project, and the gate of the licences."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from l2h.core.errors import SettingsError

VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]*")


@dataclass(frozen=True)
class LayerFact:
    """A source that the map was made from.

    role : "imagery", "product", "roads and buildings", "boundary", …
    date : of the source, as text; empty where unknown
    may_publish : whether its terms let a map derived from it be given away
    """

    name: str
    role: str
    licence: str = ""
    attribution: str = ""
    date: str = ""
    may_train: bool = True
    may_publish: bool = True


@dataclass(frozen=True)
class ReleaseFacts:
    """The project as its release states it; `legend` is the name of a shipped legend."""

    name: str
    title: str
    version: str
    legend: str = "sinolc1"
    layers: tuple[LayerFact, ...] = ()

    def __post_init__(self) -> None:
        if not VERSION.fullmatch(self.version):
            raise SettingsError(
                "a version names a folder",
                where="[project] version",
                expected="letters, digits, '.', '+' and '-', like 1.0",
                got=repr(self.version),
            )


def check_publication(layers: Sequence[LayerFact]) -> None:
    """Refuse a release that rests on a layer whose terms forbid it, naming every such layer."""
    barred = [layer for layer in layers if not layer.may_publish]
    if barred:
        names = ", ".join(f"'{layer.name}' ({layer.licence or 'no licence stated'})" for layer in barred)
        raise SettingsError(
            f"a release may not be made from: {names}",
            expected="may_publish = true for every layer",
            hint="Leave the layer out, or say may_publish = true where its terms allow a map made from it to be given "
            "away. may_redistribute speaks of the layer's own pixels or shapes alone.",
        )
