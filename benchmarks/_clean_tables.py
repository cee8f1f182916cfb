"""The table and the picture of docs/benchmarks/clean.md, from the records that `clean.py` wrote."""

import io
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from l2h.core.legend import load_legend

Runs = Mapping[str, Sequence[dict[str, Any]]]
NAMES = {str(item.value): item.name for item in load_legend("sinolc1").classes}
STYLE: dict[str, Any] = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e2e8f0",
    "axes.edgecolor": "#94a3b8", "xtick.color": "#475569", "ytick.color": "#475569",
}  # fmt: skip
RANDOM, STRATA, CHIPS = "#0b5d66", "#c2410c", "#6d28d9"
HEAD = """# Accuracy against the number of clean points and drawn chips

Real pictures, products and OpenStreetMap simulated (see [accuracy.md](accuracy.md)). Points stand in for interpreters:
pixels of the hand-drawn references, drawn at random from all that is labelled, or so many of each class, learned by a
joint loss (docs/method.md, 3.7). Chips are 20 × 20 px of the same references, at least half labelled, learned whole.
Scores leave out 2 px around every point and chip of the seed, used or not, so that all rows of a family are scored on
the same pixels. Mean of the seeds, ± their standard deviation. Set besides: {settings}. Made by `benchmarks/clean.py`.
"""


def table(runs: Runs, settings: Mapping[str, Sequence[str]], plotted: bool) -> str:
    """The page: one line per family and what was given; `settings` are those that differ from the recipe's."""
    lines = [HEAD.format(settings="; ".join(f"{family} {', '.join(settings[family]) or 'nothing'}" for family in runs))]
    if plotted:
        lines.append("\n![mIoU and OA against what was given](../images/clean.png)\n")
    lines.append("\n| Family | Given | seeds | mIoU | by seed | OA | F1 |\n|---|---|---|---|---|---|---|\n")
    for family, done in runs.items():
        for key in sorted({_key(run) for run in done}):
            same = sorted((run for run in done if _key(run) == key), key=lambda run: run["seed"])
            f1 = ", ".join(f"{NAMES.get(name, name)} {mean(r['F1'][name] for r in same):.3f}" for name in same[0]["F1"])
            by_seed = " ".join(f"{run['mIoU']:.3f}" for run in same)
            cells = [family, _words(same), len(same), _spread([r["mIoU"] for r in same]), by_seed,
                     _spread([r["OA"] for r in same]), f1]  # fmt: skip
            lines.append("| " + " | ".join(map(str, cells)) + " |\n")
    return "".join(lines)


def _key(run: Mapping[str, Any]) -> tuple[int, int, int]:
    return run["chips"], run["strata"], run["points"]


def _words(same: Sequence[Mapping[str, Any]]) -> str:
    chips, strata, points = _key(same[0])
    if strata:
        return f"{strata} points of each class ({same[0]['learned']})"
    return f"{chips} chips" if chips else f"{points} points" if points else "nothing"


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


def curve(runs: Runs) -> bytes:
    """PNG: mIoU (above) and OA (below) of each family against the number of points, single seeds as dots."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.4 * len(runs) + 0.4, 5.0), layout="constrained", dpi=110)
        axes = figure.subplots(2, len(runs), squeeze=False)
        for column, (family, done) in enumerate(runs.items()):
            for row, score in enumerate(("mIoU", "OA")):
                _panel(axes[row][column], done, score)
            axes[0][column].set_title(family, loc="left", color="#1e293b")
            axes[1][column].set_xlabel("points looked up")
        for row, score in enumerate(("mIoU", "OA")):
            axes[row][0].set_ylabel(score)
        marks = dict(pair for ax in axes[0] for pair in zip(*reversed(ax.get_legend_handles_labels()), strict=True))
        figure.legend(
            marks.values(), marks.keys(), loc="outside upper center", ncols=len(marks), frameon=False, fontsize=8
        )
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _panel(axes: Any, done: Sequence[Mapping[str, Any]], score: str) -> None:
    random = [run for run in done if not run["strata"] and not run["chips"]]
    numbers = sorted({run["points"] for run in random})
    means = [mean(run[score] for run in random if run["points"] == n) for n in numbers]
    axes.plot(numbers, means, color=RANDOM, lw=1.5, label="at random")
    axes.plot([r["points"] for r in random], [r[score] for r in random], "o", color=RANDOM, ms=3, alpha=0.6)
    strata = [run for run in done if run["strata"]]
    if strata:
        _mark(axes, [run["learned"] for run in strata], [run[score] for run in strata], STRATA, "as many of each class")
    for n in sorted({run["chips"] for run in done if run["chips"]}):
        level = mean(run[score] for run in done if run["chips"] == n)
        axes.axhline(level, color=CHIPS, lw=1, ls=(0, (n, 2)), label=f"{n} drawn chips")
    axes.set_xscale("symlog", linthresh=50)
    axes.set_xlim(left=-5)
    axes.set_xticks(numbers, [str(n) for n in numbers])
    axes.xaxis.set_minor_formatter(NullFormatter())


def _mark(axes: Any, at: Sequence[int], values: Sequence[float], colour: str, label: str) -> None:
    axes.plot(at, values, "d", color=colour, ms=3, alpha=0.6)
    axes.plot([mean(at)], [mean(values)], "D", color=colour, ms=7, label=label)
