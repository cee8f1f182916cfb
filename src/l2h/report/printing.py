"""report.pdf: the validation report for print."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import l2h
from l2h.core.files import read_json
from l2h.core.legend import load_legend
from l2h.core.tasks import Made
from l2h.report.figures import tasks as figures
from l2h.report.page import environment, imagery_dates
from l2h.report.paper.pdf import Cover, left_out, write_pdf
from l2h.report.practice.section import practice_view
from l2h.report.practice.validation import FILE
from l2h.report.settings import PageSettings
from l2h.report.view import areas_view, headline, legend_view, reference_view
from l2h.report.workspace import Workspace


def write_print(space: Workspace, settings: PageSettings, holes: Sequence[Any], public: bool, out: Path) -> Made:
    """Task: write the report as PDF. A public one leaves out images that may not be passed on, and says so."""
    html = environment().get_template("validation.html.j2").render(print_values(space, settings, holes, public))
    title = f"{settings.title or settings.name} {settings.version}: validation report"
    sheets = write_pdf(html, out, figures.folder_of(space.work), Cover(title, foot=title))
    return Made(info={"pages": sheets} | left_out(html, out.name))


def print_values(space: Workspace, settings: PageSettings, holes: Sequence[Any], public: bool) -> dict[str, Any]:
    """Everything the template needs."""
    legend = load_legend("sinolc1")
    accuracy = read_json(space.work / "assess" / "accuracy.json")
    validation = read_json(space.report / FILE)
    references = [reference_view(r) for r in accuracy["references"]]
    adjusted = next((r["adjusted"] for r in references if r["adjusted"]), None)
    return {
        "settings": settings,
        "l2h_version": l2h.__version__,
        "headline": headline(accuracy),
        "references": references,
        "areas": areas_view(read_json(space.work / "assess" / "areas.json"), adjusted, legend),
        "legend": legend_view(legend),
        "practice": practice_view(validation["practice"]),
        "doubt": validation["doubt"],
        "imagery_dates": imagery_dates(space.work),
        "holes": list(holes),
        "figures": figures.published(not public or settings.may_show("imagery")),
        "grid": space.grid,
    }
