"""The figures as tasks: drawn below work/report/figures, copied beside the release where their sources allow it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.files import write_bytes
from l2h.core.grid import Window
from l2h.core.tasks import Context, Made, Task
from l2h.report.figures import capture, nation, places, provinces

Windows = Sequence[tuple[int, Window]]
DRAWN = (".pdf", ".png")


@dataclass(frozen=True)
class FigureSpec:
    """A figure: the stem of its files, what draws it, its data files, what it reads below the work folder.

    places : whether it shows the chosen windows at full resolution
    photo  : whether it shows pixels of the images, which may not always be passed on
    """

    stem: str
    draw: Callable[..., Made]
    data: tuple[str, ...]
    inputs: tuple[str, ...]
    places: bool = False
    photo: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(f"{self.stem}{suffix}" for suffix in (*DRAWN, *self.data))


OUTLINES = ("layers/regions.json", "layers/regions.parquet")
CELLS = ("report/overview.npz", *OUTLINES)
FIGURES = (
    FigureSpec(places.AREAS, places.draw_areas, (".csv",), (*CELLS, "layers/scenes.json"), places=True),
    FigureSpec(provinces.STEM, provinces.draw_provinces, (".csv",), (*OUTLINES, "assess/accuracy.json")),
    FigureSpec(nation.STEM, nation.draw_nation, (".json", ".tif"), CELLS),
    FigureSpec(
        capture.STEM, capture.draw_capture, (".json", ".tif"), (*CELLS, "report/tiles.json", "layers/scenes.json")
    ),
    FigureSpec(
        places.PAIRS, places.draw_pairs, (".csv",), ("layers/regions.json", "layers/scenes.json"), places=True,
        photo=True,
    ),
)  # fmt: skip


def folder_of(work: Path) -> Path:
    return work / "report" / "figures"


def figure_tasks(context: Context, windows: Windows) -> list[Task]:
    """One task a figure."""
    return [_figure_task(context, spec, windows) for spec in FIGURES]


def _figure_task(context: Context, spec: FigureSpec, windows: Windows) -> Task:
    folder = folder_of(context.work)
    arguments: dict[str, Any] = {"work": context.work, "grid": context.grid, "folder": folder}
    inputs, settings = [context.work / name for name in spec.inputs], context.place()
    if spec.places:
        arguments |= {"block_px": context.block_px, "windows": tuple(windows)}
        settings |= {"windows": [[city, str(window)] for city, window in windows]}
        stores = [context.store(name) for name in ("map", "layers/imagery", "layers/scene")]
        inputs += [path for store in stores for _, window in windows for path in store.paths_of(window)]
    return Task(
        key=f"report/figure-{spec.stem}",
        function=spec.draw,
        arguments=arguments,
        inputs=tuple(dict.fromkeys(inputs)),
        outputs=tuple(folder / name for name in spec.files),
        settings=settings,
    )


def published(may_show: bool) -> list[str]:
    """Files of the figures that stand beside the release."""
    return [name for spec in FIGURES if may_show or not spec.photo for name in spec.files]


def publish_task(context: Context, release: Path, may_show: bool) -> Task:
    """Copy what may be passed on; what stands there and may not any more goes."""
    names, target = published(may_show), release / "figures"
    source = folder_of(context.work)
    return Task(
        key="report/figures",
        function=copy_figures,
        arguments={"source": source, "names": names, "target": target},
        inputs=tuple(source / name for name in names),
        outputs=tuple(target / name for name in names),
        settings={"names": names},
    )


def copy_figures(source: Path, names: Sequence[str], target: Path) -> Made:
    for name in names:
        write_bytes(target / name, (source / name).read_bytes())
    for name in set(published(True)) - set(names):
        (target / name).unlink(missing_ok=True)
    return Made()
