"""Section of the labels: what the network learned from, and what that tells of itself."""

from collections.abc import Mapping
from typing import Any

from l2h.core.files import read_json
from l2h.core.legend import Legend, coarse_legend
from l2h.report.settings import PageSettings
from l2h.report.view import hexcolour, nation
from l2h.report.workspace import Workspace

FILE = "labels/quality.json"
SOURCES = {
    "products": "the products", "road": "a road", "footprint": "a footprint",
    "ring": "left out: the ring around a vector", "none": "left out: not sure enough, or no product",
}  # fmt: skip


def label_values(space: Workspace, _settings: PageSettings, _public: bool) -> dict[str, Any] | None:
    """Values of the section, None in a workspace whose labels have no quality yet."""
    path = space.work / FILE
    if not path.is_file():
        return None
    return label_view(read_json(path), read_json(space.work / "assess" / "accuracy.json"), coarse_legend())


def label_view(quality: Mapping[str, Any], accuracy: Mapping[str, Any], legend: Legend) -> dict[str, Any]:
    """The document of the labels and the references' word on it, as the template shows them."""
    cells, pixels = quality["cells"], quality["pixels"]
    bins, width = quality["reliability"]["cells"], quality["reliability"]["bin"]
    most, total = max(bins, default=0), sum(pixels.values())
    pairs = quality["agreement"]["pairs"]
    return {
        "by_posterior": quality["method"] == "posterior",
        "kept": quality["kept_share"],
        "expected": quality["expected"],
        "silent": _share(cells["silent"], cells["silent"] + cells["spoken"]),
        "all_agree": _agreement(quality["agreement"]["all"]) if len(pairs) else None,
        "pairs": [{"names": (p["first"], p["second"]), "share": _agreement(p)} for p in pairs],
        "classes": [_class_view(row, cells["spoken"], legend) for row in quality["classes"]],
        "bars": [
            {"low": width * i, "high": width * (i + 1), "height": n / most if most else 0.0, "cells": n}
            for i, n in enumerate(bins)
        ],
        "sources": [(text, _share(pixels[name], total)) for name, text in SOURCES.items()],
        "references": [_reference_view(r) for r in accuracy["references"]],
    }


def _class_view(row: Mapping[str, Any], spoken: int, legend: Legend) -> dict[str, Any]:
    land = legend.by_value(row["value"])
    label = "Built-up (building or traffic)" if land.value == 6 else land.label
    return {
        "label": label,
        "colour": hexcolour(land.colour),
        "share": _share(row["cells"], spoken),
        "kept": _share(row["kept"], row["cells"]),
        "expected": row["expected"],
    }


def _reference_view(reference: Mapping[str, Any]) -> dict[str, Any]:
    """Of the labels per pixel, vectors included, built-up undivided: how much is labelled, how much of that right."""
    label = next(m for m in reference["maps"] if m["kind"] == "label")
    scores = nation(label)["coarse"]
    points = reference["design"] != "census"
    return {"points": points, "n": reference["n"], "labelled": scores["mapped"], "right": scores["where_mapped"]}


def _agreement(counts: Mapping[str, int]) -> float | None:
    return _share(counts["agree"], counts["cells"])


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
