"""What the template shows, prepared from the workspace's files. Plain values only; the template escapes them."""

from collections.abc import Sequence
from typing import Any

from l2h.core.legend import Legend, coarse_legend, load_legend
from l2h.report.designs import ERRORS, explanation, headline_words, is_census

PER_M2 = 100  # hundredths of a m², the unit of areas.json
KINDS = {
    "map": "this map",
    "product": "10 m product",
    "majority": "10 m products, per-pixel majority",
    "label": "what the network learned from",
}
TITLES = {"points": "At reference points", "truth": "Against the whole truth"}


def headline(accuracy: dict[str, Any]) -> list[dict[str, Any]]:
    """Nation-wide scores of the map, one a reference: what it is and its scores."""
    return [
        {
            **headline_words(r),
            "design": r["design"],
            "n": r["n"],
            "scores": nation(r["maps"][0])["fine"],
        }
        for r in accuracy["references"]
    ]


def nation(judged: dict[str, Any]) -> dict[str, Any]:
    """The nation's scores of a judged map."""
    place: dict[str, Any] = next(p for p in judged["places"] if p["level"] == "nation")
    return place


def reference_view(reference: dict[str, Any]) -> dict[str, Any]:
    """Tables of one reference: controls beside the map, provinces, classes, confusion."""
    maps, own = reference["maps"], nation(reference["maps"][0])
    best = max((nation(m)["fine"]["overall_accuracy"]["value"] or 0 for m in maps), default=0)
    return {
        "name": reference["name"],
        "title": TITLES[reference["name"]],
        "explanation": explanation(reference),
        "refused": reference.get("refused", ""),
        "errors": ERRORS[reference["design"]],
        "n": reference["n"],
        "census": is_census(reference["design"]),
        "best": best,
        "maps": [
            {
                "name": m["name"],
                "kind": KINDS[m["kind"]],
                "own": m["kind"] == "map",
                "fine": nation(m)["fine"],
                "coarse": nation(m)["coarse"],
                "difference": reference.get("differences", {}).get(m["name"]),
            }
            for m in maps
        ],
        "provinces": province_rows(maps),
        "classes": class_rows(own["fine"], load_legend("sinolc1")),
        "coarse_classes": class_rows(own["coarse"], coarse_legend()),
        "matrix": matrix_view(own["fine"], load_legend("sinolc1")),
        "adjusted": reference.get("adjusted"),
    }


def province_rows(maps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per province, the map's scores and the overall accuracy of every control."""
    rows = []
    for place in (p for p in maps[0]["places"] if p["level"] == "province"):
        same = [
            next(
                p
                for p in m["places"]
                if (p["level"], p["region"], p["name"]) == ("province", place["region"], place["name"])
            )
            for m in maps[1:]
        ]
        rows.append({"name": place["name"], "region": place["region"], "fine": place["fine"], "controls": same})
    return rows


def class_rows(scores: dict[str, Any], legend: Legend) -> list[dict[str, Any]]:
    """Classes that occur in reference or map, with label, colour and scores."""
    rows = []
    for row in scores["classes"]:
        land = legend.by_value(row["value"])
        if row["iou"]["n"]:
            label = "Built-up (building or traffic)" if len(legend) == 10 and land.value == 6 else land.label
            rows.append({**row, "label": label, "colour": hexcolour(land.colour)})
    return rows


def matrix_view(scores: dict[str, Any], legend: Legend) -> dict[str, Any]:
    """Confusion as shares of the reference class, of classes that occur in either; the last column is nodata."""
    counts, k = scores["counts"], len(legend)
    used = [i for i in range(k) if any(counts[i]) or any(row[i] for row in counts)]
    columns = [*used, *([k] if any(row[k] for row in counts) else [])]
    heads = [land_view(legend, i) if i < k else {"label": "no map", "colour": ""} for i in columns]
    rows = []
    for i in used:
        total = sum(counts[i])
        cells = [
            {"count": counts[i][j], "share": counts[i][j] / total if total else 0.0, "right": i == j} for j in columns
        ]
        rows.append({**land_view(legend, i), "total": total, "cells": cells})
    return {"heads": heads, "rows": rows}


def land_view(legend: Legend, index: int) -> dict[str, Any]:
    land = legend.classes[index]
    return {"value": land.value, "label": land.label, "colour": hexcolour(land.colour)}


def legend_view(legend: Legend) -> list[dict[str, Any]]:
    return [land_view(legend, i) for i in range(len(legend))]


def areas_view(areas: list[dict[str, Any]], adjusted: dict[str, Any] | None, legend: Legend) -> dict[str, Any]:
    """Area per class of the nation (with the error-adjusted area where there is one) and of each province."""
    whole = next(place for place in areas if place["level"] == "nation")
    provinces = [place for place in areas if place["level"] == "province"]
    corrected = {row["value"]: row["area_m2"] for row in adjusted["classes"]} if adjusted else {}
    total = sum(row["hundredths"] for row in whole["classes"])
    largest = max((row["hundredths"] for row in whole["classes"]), default=0)
    rows = []
    for i, row in enumerate(whole["classes"]):
        if not row["pixels"] and not corrected.get(row["value"], {}).get("value"):
            continue
        shares = [_share(p["classes"][i]["hundredths"], _total(p)) for p in provinces]
        rows.append(
            {
                **_class_or_empty(row["value"], legend),
                "m2": row["hundredths"] / PER_M2,
                "share": _share(row["hundredths"], total),
                "bar": _share(row["hundredths"], largest),
                "adjusted": corrected.get(row["value"]),
                "provinces": [
                    {"m2": p["classes"][i]["hundredths"] / PER_M2, "share": s}
                    for p, s in zip(provinces, shares, strict=True)
                ],
            }
        )
    heads = [{"name": p["name"], "region": p["region"], "m2": _total(p) / PER_M2} for p in provinces]
    return {"rows": rows, "provinces": heads, "m2": total / PER_M2, "adjusted": bool(corrected)}


def facts(values: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested values as flat (name, text) pairs in order; lists of plain values become text."""
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, dict):
            rows += facts(value, f"{name} · ")
        elif isinstance(value, list):
            rows.append((name, ", ".join(_short(v) for v in value)))
        elif value is not None:
            rows.append((name, _short(value)))
    return rows


def hexcolour(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _class_or_empty(value: int, legend: Legend) -> dict[str, Any]:
    if value == legend.nodata:
        return {"value": value, "label": "Not mapped", "colour": ""}
    return land_view(legend, legend.values.index(value))


def _total(place: dict[str, Any]) -> int:
    return sum(row["hundredths"] for row in place["classes"])


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
