"""Stage `report`: the workspace in, one page out.

Files below work/report: blocks/<block>.npz (sums of a block), overview.npz, overview-*.png|jpg, tiles.json,
trust.json, windows.json, windows/<n>/*.png|jpg, figures/ (copied to release/<version>/figures where they may be passed
on), and report.html, report.pdf with every picture where some may not be passed on; the public ones stand in
release/<version>, with validation.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.files import canonical_json, read_json, sha256_bytes
from l2h.core.grid import Block, Window
from l2h.core.tasks import Context, Stage, Task
from l2h.report.blocks import LAYERS, digest_block
from l2h.report.costs import holes_of, stage_costs
from l2h.report.figures.tasks import figure_tasks, publish_task, published
from l2h.report.gather import gather
from l2h.report.page import write_page
from l2h.report.practice.tasks import validation_task
from l2h.report.printing import write_print
from l2h.report.sections import section_inputs
from l2h.report.settings import PageSettings
from l2h.report.windows import draw_window, panel_names
from l2h.report.workspace import Workspace

CHAIN = ("layers", "labels", "train", "map", "release", "assess", "survey")


def stage(settings: PageSettings) -> Stage:
    """The stage `report`. Costs and holes are those of the ledger when the stage runs; the rest follows from files."""
    planner = _Planner(settings)
    steps = (planner.digests, planner.gathered, planner.windows, planner.figures, planner.published, planner.pages)
    return Stage("report", steps)


@dataclass(frozen=True)
class _Planner:
    settings: PageSettings

    def digests(self, context: Context) -> list[Task]:
        return [self._digest(context, block) for block in context.grid.blocks(context.block_px)]

    def _digest(self, context: Context, block: Block) -> Task:
        out, window_px = _digest_path(context, block), self.settings.window_px
        arguments = {
            "work": context.work, "grid": context.grid, "block_px": context.block_px, "block": block,
            "window_px": window_px, "out": out,
        }  # fmt: skip
        inputs = tuple(context.store(name).path(block) for name in LAYERS)
        settings = context.place(block.window) | {"window_px": window_px, "doubted": True}
        return Task(f"report/{block.name}", digest_block, arguments, inputs, (out,), settings, block.window.pixels)

    def gathered(self, context: Context) -> list[Task]:
        folder = context.work / "report"
        digests = tuple((block, _digest_path(context, block)) for block in context.grid.blocks(context.block_px))
        limit, window_px = self.settings.windows, self.settings.window_px
        arguments = {
            "digests": digests, "grid": context.grid, "window_px": window_px, "limit": limit, "folder": folder,
        }  # fmt: skip
        settings = context.place() | {"block_px": context.block_px, "window_px": window_px, "limit": limit}
        inputs = tuple(path for _, path in digests)
        return [Task("report/overview", gather, arguments, inputs, _gathered_files(context), settings)]

    def windows(self, context: Context) -> list[Task]:
        products = _products(context)
        truth = context.project_dir / self.settings.truth if self.settings.truth else None
        return [self._window(context, stem, window, products, truth) for stem, _, window in _chosen(context)]

    def _window(
        self, context: Context, stem: str, window: Window, products: Sequence[dict[str, Any]], truth: Path | None
    ) -> Task:
        pairs = tuple((p["name"], p["legend"]) for p in products)
        folder = context.work / "report" / "windows" / stem
        arguments = {
            "work": context.work, "grid": context.grid, "block_px": context.block_px, "window": window,
            "products": pairs, "truth": truth, "folder": folder,
        }  # fmt: skip
        stores = ["layers/imagery", "map", "labels/label", *(f"layers/{name}" for name, _ in pairs)]
        inputs = tuple(path for name in stores for path in context.store(name).paths_of(window))
        return Task(
            key=f"report/window-{stem}",
            function=draw_window,
            arguments=arguments,
            inputs=(*inputs, *((truth,) if truth else ())),
            outputs=tuple(folder / name for name in panel_names(pairs, truth is not None)),
            settings=context.place(window) | {"products": pairs},
            pixels=window.pixels,
        )

    def figures(self, context: Context) -> list[Task]:
        return figure_tasks(context, [(city, window) for _, city, window in _chosen(context)])

    def published(self, context: Context) -> list[Task]:
        release = self.release(context)
        figures = publish_task(context, release, self.settings.may_show("imagery"))
        return [figures, validation_task(context, self.settings, release)]

    def release(self, context: Context) -> Path:
        return context.project_dir / "release" / self.settings.version

    def pages(self, context: Context) -> list[Task]:
        public = self.release(context) / "report.html"
        private = context.work / "report" / "report.html"
        tasks = [self._page(context, True, public), self._print(context, True, public.with_suffix(".pdf"))]
        if not (self.settings.may_show("imagery") and self.settings.may_show("product")):
            tasks += [self._page(context, False, private), self._print(context, False, private.with_suffix(".pdf"))]
        return tasks

    def _print(self, context: Context, public: bool, out: Path) -> Task:
        space, holes = Workspace(context.work, context.grid, ()), holes_of(context.ledger.records())
        told = self.settings.model_dump(mode="json") | {"resolved": {}}
        facts = {"settings": told, "holes": holes, "public": public} | context.place()
        names = [f"figures/{name}" for name in published(not public or self.settings.may_show("imagery"))]
        names += ["validation.json"]
        inputs = [context.work / "report" / name for name in names]
        inputs += [context.work / name for name in ("assess/accuracy.json", "assess/areas.json", "layers/scenes.json")]
        return Task(
            key=f"report/print-{'public' if public else 'private'}",
            function=write_print,
            arguments={
                "space": space, "settings": self.settings, "holes": holes, "public": public, "out": out,
            },
            inputs=tuple(inputs),
            outputs=(out,),
            settings={"page": sha256_bytes(canonical_json(facts).encode())},
        )  # fmt: skip

    def _page(self, context: Context, public: bool, out: Path) -> Task:
        space = Workspace(context.work, context.grid, tuple(_chosen(context)))
        costs, holes = stage_costs(context.ledger.records(), CHAIN), holes_of(context.ledger.records())
        arguments = {
            "space": space, "settings": self.settings, "costs": costs, "holes": holes, "public": public, "out": out,
        }  # fmt: skip
        facts = {"settings": self.settings.model_dump(mode="json"), "costs": costs, "holes": holes, "public": public}
        facts |= context.place()
        return Task(
            key=f"report/{'public' if public else 'private'}",
            function=write_page,
            arguments=arguments,
            inputs=_page_inputs(context, self.settings),
            outputs=(out,),
            settings={"page": sha256_bytes(canonical_json(facts).encode())},
        )


def _page_inputs(context: Context, settings: PageSettings) -> tuple[Path, ...]:
    work = context.work
    names = ["assess/accuracy.json", "assess/areas.json", "layers/regions.json", "layers/products.json"]
    names += ["layers/scenes.json", "train/log.jsonl", "train/network.json"]
    panels = panel_names(tuple((p["name"], p["legend"]) for p in _products(context)), settings.truth is not None)
    pictures = [work / "report" / "windows" / stem / name for stem, _, _ in _chosen(context) for name in panels]
    return (*(work / name for name in names), *_gathered_files(context), *pictures, *section_inputs(work))


def _gathered_files(context: Context) -> tuple[Path, ...]:
    names = ["overview-image.jpg", "overview-map.png", "overview-confidence.png", "windows.json"]
    names += ["overview.npz", "tiles.json", "trust.json"]
    return tuple(context.work / "report" / name for name in names)


def _digest_path(context: Context, block: Block) -> Path:
    return context.work / "report" / "blocks" / f"{block.name}.npz"


def _products(context: Context) -> list[dict[str, Any]]:
    products: list[dict[str, Any]] = read_json(context.work / "layers" / "products.json")
    return products


def _chosen(context: Context) -> list[tuple[str, int, Window]]:
    """Stem of the files, city and place of each window that is shown."""
    rows = read_json(context.work / "report" / "windows.json")["windows"]
    return [(f"w{i:02d}", int(row["city"]), Window(*row["window"])) for i, row in enumerate(rows)]
