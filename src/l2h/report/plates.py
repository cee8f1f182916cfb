"""The figures as a section of the page."""

from typing import Any

from l2h.report.figures import capture, provinces
from l2h.report.figures.tasks import folder_of
from l2h.report.settings import PageSettings
from l2h.report.web import web_figure
from l2h.report.workspace import Workspace

SHOWN = {
    provinces.STEM: "Regions, and overall accuracy by province",
    capture.STEM: "When the images were captured: year of each place, tiles per year, pixels by month",
}
PLATE_INPUTS = tuple(f"report/figures/{stem}.png" for stem in SHOWN)
NOTE = "For print, with its data: figures/{stem}.pdf beside the release."


def plate_values(space: Workspace, _settings: PageSettings, _public: bool) -> dict[str, Any] | None:
    """Values of the section; figures that the page shows in no other way."""
    folder = folder_of(space.work)
    rows = [
        {"title": title, "note": NOTE.format(stem=stem), "uri": web_figure(folder / f"{stem}.png")}
        for stem, title in SHOWN.items()
        if (folder / f"{stem}.png").is_file()
    ]
    return {"figures": rows} if rows else None
