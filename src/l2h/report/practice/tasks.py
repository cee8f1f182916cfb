"""The validation document as a task."""

from pathlib import Path

from l2h.accuracy.sampling.make import strata_digest
from l2h.accuracy.sampling.settings import SampleSettings
from l2h.core.files import read_json
from l2h.core.tasks import Context, Task
from l2h.report.practice.evidence import answers_of
from l2h.report.practice.validation import FILE, Asked, write_validation
from l2h.report.settings import PageSettings


def validation_task(context: Context, settings: PageSettings, release: Path) -> Task:
    """Made from assess/, the sums of the map and the points' file; written below work/report and beside the release."""
    work = context.work
    points, layer = settings.points or "", settings.points_layer
    asked = Asked(context.project_dir, points, layer, settings.teachers, map_now(context))
    product = {"name": settings.name, "title": settings.title, "version": settings.version}
    outs = work / "report" / FILE, release / FILE
    path = asked.points_path
    optional = [
        work / "assess" / "design.json",
        work / "survey" / "survey.json",
        *([path, answers_of(path)] if path else []),
    ]
    names = ("assess/accuracy.json", "assess/areas.json", "layers/scenes.json", "report/trust.json")
    inputs = [work / name for name in names]
    return Task(
        key="report/validation",
        function=write_validation,
        arguments={"asked": asked, "product": product, "outs": outs},
        inputs=(*inputs, *(path for path in optional if path.is_file())),
        outputs=outs,
        settings={
            "product": product, "points": asked.points, "layer": asked.layer, "teachers": dict(asked.teachers),
            "map": asked.map_now, "survey": (work / "survey" / "survey.json").is_file(),
        },
    )  # fmt: skip


def map_now(context: Context) -> str:
    """Digest of the map as `l2h sample` takes it, where the sample was drawn by map class; else empty."""
    design = context.work / "assess" / "design.json"
    if not design.is_file() or read_json(design).get("strata_of") != "map":
        return ""
    return strata_digest(context, SampleSettings(method="stratified", strata="map", size=2))
