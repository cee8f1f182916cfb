"""Figures of the comparison: accuracies as pairs, by class, agreement as matrix and as maps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.accuracy.compare.gather import NOTHING
from l2h.accuracy.drawing import COLOURS, GREY, INK, MARKERS, figure, save
from l2h.core.legend import Legend

Rows = Sequence[Mapping[str, Any]]


def draw_overall(path: Path, scores: Rows, pairs: Rows) -> None:
    """Overall accuracy of each map with its interval; and the difference of ours to each other, on the same points."""
    names = [str(row["map"]) for row in scores]
    against = [r for r in pairs if r["first"] == names[0] and r["measure"] == "overall_accuracy"]
    with figure(7.2, 1.4 + 0.34 * len(names)) as drawn:
        left, right = drawn.subplots(1, 2, width_ratios=(1.15, 1))
        at = np.arange(len(names))[::-1]
        _dots(left, at + 0.12, [row["overall_accuracy"] for row in scores], COLOURS[0], "o", "usual class")
        _dots(
            left, at - 0.12, [row["admitted_accuracy"] for row in scores], COLOURS[1], "s", "any class its code admits"
        )
        left.set_yticks(at, names)
        left.set(xlabel="overall accuracy, per cent", title=f"{scores[0]['n']:,} points, 95 % intervals")
        left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2)
        _dots(right, at[1:], [row["difference"] for row in against], INK, "D", "")
        right.axvline(0, color=GREY, lw=0.9)
        right.set_yticks(at[1:], [f"{names[0]} − {name}" for name in names[1:]])
        right.set(xlabel="difference, percentage points", title="Ours less each other, as pairs")
        for axes in (left, right):
            axes.set_ylim(-0.6, len(names) - 0.4)
        save(drawn, path)


def draw_classes(path: Path, scores: Rows) -> None:
    """User's and producer's accuracy of every class and map."""
    labels = [row["name"] for row in scores[0]["classes"]]
    at = np.arange(len(labels))[::-1].astype("float64")
    shift = np.linspace(0.3, -0.3, len(scores))
    with figure(7.2, 1.2 + 0.13 * len(labels) * max(3, len(scores))) as drawn:
        panels = drawn.subplots(1, 2, sharey=True)
        for axes, measure, title in zip(
            panels, ("users_accuracy", "producers_accuracy"), ("User's accuracy", "Producer's accuracy"), strict=True
        ):
            for number, row in enumerate(scores):
                values = [c[measure] for c in row["classes"]]
                colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
                _dots(axes, at + shift[number], values, colour, marker, str(row["map"]))
            axes.set(xlabel="per cent", title=title, xlim=(-3, 103))
            axes.set_yticks(at, labels)
            axes.set_ylim(-0.6, len(labels) - 0.4)
        handles, names = panels[0].get_legend_handles_labels()
        drawn.legend(handles, names, loc="outside lower center", ncols=min(5, len(names)))
        save(drawn, path)


def draw_matrix(path: Path, names: Sequence[str], pairs: Rows) -> None:
    """Share of the ground on which each two maps agree, as a matrix."""
    shares = np.full((len(names), len(names)), np.nan)
    for row in pairs:
        i, j = names.index(row["first"]), names.index(row["second"])
        shares[i, j] = shares[j, i] = np.nan if row["agreement"] is None else 100 * row["agreement"]
    with figure(1.9 + 0.62 * len(names), 1.3 + 0.5 * len(names)) as drawn:
        axes = drawn.subplots()
        image = axes.imshow(np.ma.masked_invalid(shares), cmap="cividis", vmin=0, vmax=100)
        for i, j in np.argwhere(np.isfinite(shares)).tolist():
            axes.text(
                j, i, f"{shares[i, j]:.1f}", ha="center", va="center", fontsize=7.5,
                color="white" if shares[i, j] < 65 else INK,
            )  # fmt: skip
        axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.grid(False)
        axes.spines[:].set_visible(False)
        axes.set_title("Ground on which two maps agree, per cent")
        drawn.colorbar(image, ax=axes, shrink=0.8)
        save(drawn, path)


def draw_agreement(path: Path, rasters: Mapping[str, npt.NDArray[np.uint8]], cell: str, outlines: Any) -> None:
    """Agreement maps of all pairs, and of all maps together, side by side.

    rasters : title → uint8 [h, w], per cent; cell : what a cell is; outlines : lines in cells, [(x, y), …]
    """
    columns = min(4, len(rasters))
    rows = -(-len(rasters) // columns)
    height, width = next(iter(rasters.values())).shape
    with figure(2.0 * columns + 0.5, (2.0 * height / width + 0.25) * rows + 0.55) as drawn:
        grid = drawn.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        for axes, (title, values) in zip(grid, rasters.items(), strict=False):
            shown = np.ma.masked_equal(values, NOTHING)
            image = axes.imshow(shown, cmap="cividis", vmin=0, vmax=100, interpolation="nearest")
            for x, y in outlines:
                axes.plot(x, y, color="white", lw=0.6)
                axes.plot(x, y, color=INK, lw=0.3)
            axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), title=title)
        bar = drawn.colorbar(image, ax=list(grid), orientation="horizontal", shrink=0.5, aspect=40)
        bar.set_label(f"pixels of the same class in cells of {cell}, per cent", fontsize=7.5)
        save(drawn, path)


def draw_places(path: Path, places: Sequence[tuple[str, Mapping[str, Any]]], legend: Legend, side_m: float) -> None:
    """Chosen places side by side: the picture, then every map in the common legend's colours, and that legend.

    places : (title, panel's name → RGB picture uint8 [h, w, 3])
    """
    from matplotlib.patches import Patch

    columns = len(places[0][1])
    with figure(1.62 * columns + 0.25, 1.6 * len(places) + 0.75) as drawn:
        grid = drawn.subplots(len(places), columns, squeeze=False)
        for number, (title, pictures) in enumerate(places):
            for axes, (name, picture) in zip(grid[number], pictures.items(), strict=True):
                axes.imshow(picture, interpolation="nearest")
                axes.set_xticks([])
                axes.set_yticks([])
                axes.grid(False)
                axes.spines[:].set_visible(True)
                if number == 0:
                    axes.set_title(name)
            grid[number][0].set_ylabel(title, fontsize=7)
        _scale(grid[-1][0], side_m)
        patches = [Patch(fc=np.array(c.colour) / 255, ec=GREY, lw=0.4, label=c.label) for c in legend.classes]
        patches.append(Patch(fc="white", ec=GREY, lw=0.4, hatch="////", label="says nothing"))
        drawn.legend(handles=patches, loc="outside lower center", ncols=min(6, 2 + columns), handlelength=1.2)
        save(drawn, path)


def _scale(axes: Any, side_m: float) -> None:
    """A bar of a round length in the corner of a square panel."""
    width = axes.get_images()[0].get_array().shape[1]
    length = max(n for n in (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000) if n <= max(5, side_m / 3))
    end = 0.06 * width + length / side_m * width
    axes.plot([0.06 * width, end], [0.93 * width] * 2, color="white", lw=3.4, solid_capstyle="butt")
    axes.plot([0.06 * width, end], [0.93 * width] * 2, color=INK, lw=1.6, solid_capstyle="butt")
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.8}
    axes.text(0.06 * width, 0.87 * width, f"{length} m", fontsize=6, color=INK, bbox=box, va="bottom")


def _dots(axes: Any, at: Any, estimates: Sequence[Mapping[str, Any]], colour: str, marker: str, label: str) -> None:
    """Estimates in per cent with their intervals; those that are not told are left out."""
    known = [(y, e) for y, e in zip(at, estimates, strict=True) if e["value"] is not None]
    for y, e in known:
        if e["low"] is not None:
            axes.plot([100 * e["low"], 100 * e["high"]], [y, y], color=colour, lw=1.0, zorder=2)
    axes.plot(
        [100 * e["value"] for _, e in known], [y for y, _ in known], marker, color=colour, ms=4.2, mec="white",
        mew=0.4, label=label or None, zorder=3,
    )  # fmt: skip
