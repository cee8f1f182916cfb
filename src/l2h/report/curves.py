"""Training curves as SVG that stands in the page itself."""

import io
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from l2h.core.errors import InputError

NOT_TERMS = {"step", "rate", "pixels", "seconds", "held_out_places"}
COLOURS = ("#0b5d66", "#c2410c", "#6d28d9", "#a16207", "#475569", "#be185d")
LABELS = {"agreement": "agreement", "miou": "mean IoU"}
STYLE: Any = {
    "svg.hashsalt": "l2h",  # identifiers that do not change from run to run
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#94a3b8",
    "axes.labelcolor": "#334155",
    "xtick.color": "#475569",
    "ytick.color": "#475569",
    "axes.grid": True,
    "grid.color": "#e2e8f0",
}


def read_log(path: Path) -> list[dict[str, Any]]:
    """Lines of work/train/log.jsonl; InputError names a line that is not JSON."""
    lines = []
    for number, text in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError as error:
            raise InputError("a line of the training log is not JSON", where=f"{path}, line {number}") from error
    return lines


def series(lines: Sequence[dict[str, Any]], losses: bool) -> dict[str, tuple[list[int], list[float]]]:
    """Named curves of step against value: loss terms, or held-out scores. Values that are not finite are left out."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    for line in lines:
        if ("loss" in line) != losses:
            continue
        for name, value in line.items():
            if name in NOT_TERMS or not isinstance(value, int | float) or not math.isfinite(value):
                continue
            steps, values = found.setdefault(name, ([], []))
            steps.append(int(line["step"]))
            values.append(float(value))
    return found


def curves_svg(lines: Sequence[dict[str, Any]]) -> str:
    """SVG of loss terms (left) and held-out scores (right); empty when the log has neither."""
    panels = [
        (series(lines, True), "loss", "Loss terms"),
        (series(lines, False), "per cent of held-out ground", "Agreement with the labels on held-out ground"),
    ]
    panels = [panel for panel in panels if panel[0]]
    if not panels:
        return ""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6 * len(panels), 2.7), layout="constrained")
        for axes, (curves, unit, title) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw(axes, curves, 1.0 if unit == "loss" else 100.0)
            axes.set_title(title, loc="left", fontsize=9.5, color="#1e293b")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
            axes.set_xlabel("step")
            axes.set_ylabel(unit)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    return inline_svg(out.getvalue(), "Training curves")


def inline_svg(text: str, label: str) -> str:
    """An SVG document as an element of a page: no prologue, no metadata, width of its own choosing, a label."""
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.S)
    body = body.replace(
        '<style type="text/css">*{', '<style type="text/css">.curves *{'
    )  # else it rules the whole page
    return re.sub(r'<svg ([^>]*?)width="[^"]*"', rf'<svg role="img" aria-label="{label}" \1', body, count=1, flags=re.S)


def _draw(axes: Any, curves: dict[str, tuple[list[int], list[float]]], scale: float) -> None:
    for colour, (name, (steps, values)) in zip(COLOURS * 4, sorted(curves.items(), key=_main_first), strict=False):
        marker = "o" if len(steps) < 12 else ""
        label = LABELS.get(name, name.replace("_", " "))
        axes.plot(steps, [scale * v for v in values], color=colour, lw=1.4, marker=marker, ms=3, label=label)
    axes.legend(frameon=False, fontsize=8, loc="best")


def _main_first(item: tuple[str, Any]) -> tuple[bool, str]:
    return item[0] not in ("loss", "agreement"), item[0]
