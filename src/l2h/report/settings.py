"""What the page is told of the project; the rest it reads from the workspace."""

from typing import Any, Literal

from pydantic import Field

from l2h.core.settings import Settings


class Source(Settings):
    """A layer that came in, as its licence wants it named.

    kind   : what it is for
    detail : legend, scale or extent in a few words; date : what time it speaks of, "" where unknown
    """

    kind: Literal["imagery", "product", "extra", "vectors", "boundary", "survey", "reference"]
    name: str
    detail: str = ""
    date: str = ""
    licence: str = ""
    attribution: str = ""
    may_train: bool = True
    may_publish: bool = False
    may_redistribute: bool = False


class PageSettings(Settings):
    """Identity, sources and settings of a project.

    resolved  : all settings of the project, shown as they are
    points    : reference points, relative to the project's folder, and their layer
    teachers  : what the network learned from: name → files
    truth     : raster of the whole truth, relative to the project's folder; shown beside the map
    window_px : side of the chosen windows
    windows   : how many windows at most
    """

    name: str
    title: str = ""
    version: str
    sources: tuple[Source, ...] = ()
    resolved: dict[str, Any] = Field(default_factory=dict)
    points: str | None = None
    points_layer: str | None = None
    teachers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    truth: str | None = None
    window_px: int = Field(default=384, ge=16, le=2048)
    windows: int = Field(default=8, ge=0, le=40)

    def may_show(self, kind: str, name: str | None = None) -> bool:
        """Whether pixels of a kind of source (or of one of them) may stand in a page that is passed on."""
        chosen = [s for s in self.sources if s.kind == kind and name in (None, s.name)]
        return all(s.may_redistribute for s in chosen)
