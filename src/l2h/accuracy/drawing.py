"""How the figures of this room are drawn: one style, colours that the colour-blind tell apart, the same bytes."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from l2h.core.files import write_bytes

# Okabe and Ito (2008), darkened yellow; then Tol's muted (2021): told apart with any colour vision, on white
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#b8860b", "#332288", "#882255", "#44aa99", "#999933",
    "#aa4499", "#555555",
)  # fmt: skip
MARKERS = "osD^vP<>Xph*"
INK, GREY, PALE = "#1e293b", "#64748b", "#e2e8f0"
DPI = 160
STYLE: Any = {
    "font.family": "sans-serif", "font.size": 8, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": "#94a3b8", "axes.labelcolor": INK, "axes.titlesize": 8.5, "axes.titlecolor": INK,
    "axes.titlelocation": "left", "xtick.color": GREY, "ytick.color": GREY, "axes.grid": True, "grid.color": PALE,
    "grid.linewidth": 0.6, "axes.axisbelow": True, "legend.frameon": False, "legend.fontsize": 7.5,
}  # fmt: skip


@contextmanager
def figure(width: float, height: float) -> Iterator[Any]:
    """A matplotlib figure of so many inches in our style; nothing is shown, and no state of pyplot is touched."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def save(drawn: Any, path: Path) -> None:
    """Write a figure as PNG, whole, without the date and version that would change its bytes."""
    out = io.BytesIO()
    drawn.savefig(out, format="png", dpi=DPI, metadata={"Software": None}, facecolor="white")
    write_bytes(path, out.getvalue())
