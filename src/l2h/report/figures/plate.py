"""A figure as files: PDF for print (words stay words), PNG at 300 dots an inch, and its data under the same stem."""

import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from l2h.core.files import write_bytes, write_text
from l2h.report.typeface import installed, told

DPI = 300
WIDTH_IN = 168 / 25.4  # the text width of a page of A4
INK, DIM, LINE, EMPTY = "#17222b", "#55626d", "#c3ccd3", "#d9dee2"
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


def families() -> tuple[str, ...]:
    """DejaVu Sans, then a Chinese font of this machine where it has one."""
    return ("DejaVu Sans", *list(installed())[:1])


@contextmanager
def style() -> Iterator[None]:
    """Figures drawn and saved inside look like ours."""
    import matplotlib as mpl

    chosen: Any = STYLE | {"font.family": list(families())}
    log = logging.getLogger("matplotlib.font_manager")
    before = log.level
    log.setLevel(logging.ERROR)  # it warns of every bold word where a family has one weight, as Chinese ones may
    try:
        with mpl.rc_context(chosen):
            yield
    finally:
        log.setLevel(before)


def new_figure(height_in: float) -> Any:
    """An empty figure of the text's width."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def save(figure: Any, folder: Path, stem: str) -> dict[str, str]:
    """Write `stem`.pdf and `stem`.png: the same bytes for the same figure; a notice where a word has no font."""
    from matplotlib.text import Text

    unsaid = {"Creator": None, "Producer": None, "CreationDate": None}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # the notice says it, once and with advice
        for suffix, metadata in (("pdf", unsaid), ("png", {"Software": None})):
            out = io.BytesIO()
            figure.savefig(out, format=suffix, metadata=metadata)
            write_bytes(folder / f"{stem}.{suffix}", out.getvalue())
    words = "".join(text.get_text() for text in figure.findobj(Text))
    return told(f"figure '{stem}'", without_font(words), "they are drawn as boxes")


def without_font(words: str) -> set[str]:
    """Characters that none of the families has."""
    from matplotlib import font_manager, ft2font

    files = [font_manager.findfont(family) for family in families()]
    known = [ft2font.FT2Font(file).get_charmap() for file in files]
    return {letter for letter in words if not letter.isspace() and not any(ord(letter) in has for has in known)}


def write_data(path: Path, value: Mapping[str, Any]) -> None:
    """The data of a figure as JSON that people can read."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
