"""A figure as files: PDF for print (words stay words), PNG at 300 dots an inch, and its data under the same stem."""

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from l2h.core.files import write_bytes, write_text

DPI = 300
WIDTH_IN = 168 / 25.4  # the text width of a page of A4
INK, DIM, LINE, EMPTY = "#17222b", "#55626d", "#c3ccd3", "#d9dee2"
CJK = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "SimHei", "Microsoft YaHei", "PingFang SC")
STYLE: dict[str, Any] = {
    "font.size": 7.5,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "hatch.linewidth": 0.4,
    "hatch.color": "#8a969f",
    "pdf.fonttype": 42,  # TrueType, so that words can be found and edited
    "image.interpolation": "nearest",
    "savefig.dpi": DPI,
    "figure.dpi": DPI,
}


@cache
def families() -> tuple[str, ...]:
    """DejaVu Sans, then a Chinese font of this machine where it has one."""
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *[name for name in CJK if name in known][:1])


@contextmanager
def style() -> Iterator[None]:
    """Figures drawn and saved inside look like ours."""
    import matplotlib as mpl

    chosen: Any = STYLE | {"font.family": list(families())}
    with mpl.rc_context(chosen):
        yield


def new_figure(height_in: float) -> Any:
    """An empty figure of the text's width."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def save(figure: Any, folder: Path, stem: str) -> tuple[Path, Path]:
    """Write `stem`.pdf and `stem`.png: the same bytes for the same figure."""
    paths = folder / f"{stem}.pdf", folder / f"{stem}.png"
    told = {"Creator": None, "Producer": None, "CreationDate": None}
    for path, metadata in zip(paths, (told, {"Software": None}), strict=True):
        out = io.BytesIO()
        figure.savefig(out, format=path.suffix[1:], metadata=metadata)
        write_bytes(path, out.getvalue())
    return paths


def write_data(path: Path, value: Mapping[str, Any]) -> None:
    """The data of a figure as JSON that people can read."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
