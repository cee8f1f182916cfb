"""Section of the confidence: whether the map is right as often as it says."""

from collections.abc import Mapping
from typing import Any

from l2h.core.files import read_json
from l2h.report.settings import PageSettings
from l2h.report.workspace import Workspace

CALIBRATION = "map/calibration.json"
TRUST = "trust.json"
TITLES = {"points": "At reference points", "truth": "Against the whole truth"}
PARTS = {"predicted": "predicted", "drawn": "drawn vectors"}


def confidence_values(space: Workspace, _settings: PageSettings, _public: bool) -> dict[str, Any] | None:
    """Values of the section, None where no reference judged the confidence and no pixel is in doubt."""
    accuracy = read_json(space.work / "assess" / "accuracy.json")
    calibration, trust = (
        read_json(p) if p.is_file() else None for p in (space.work / CALIBRATION, space.report / TRUST)
    )
    return confidence_view(accuracy, calibration, trust)


def confidence_view(
    accuracy: Mapping[str, Any], calibration: Mapping[str, Any] | None, trust: Mapping[str, int] | None = None
) -> dict[str, Any] | None:
    """Diagrams and scores of each reference, how the confidence was calibrated, and how many pixels are in doubt."""
    references = [_reference(r) for r in accuracy["references"] if r.get("confidence")]
    references = [r for r in references if r["rows"]]
    if not references and not (trust and trust["doubted"]):
        return None
    return {"references": references, "calibration": calibration, "trust": trust if trust and trust["pixels"] else None}


def _reference(reference: Mapping[str, Any]) -> dict[str, Any]:
    """Rows of scores (nation first, then provinces) and the diagram of the nation's predicted pixels."""
    places = reference["confidence"]
    provinces = [p for p in places if p["level"] == "province"]
    rows = [
        {"place": "Nation" if place["level"] == "nation" else place["name"], "part": words} | place[part]
        for place in (places if len(provinces) > 1 else places[:1])
        for part, words in PARTS.items()
        if place[part] is not None
    ]
    nation = places[0]["predicted"]
    sets = reference.get("sets")
    return {
        "title": TITLES[reference["name"]],
        "unit": "pixels" if reference["design"] == "census" else "points",
        "rows": rows,
        "diagram": diagram(nation["bins"]) if nation else [],
        "sets": sets_view(sets) if sets else None,
    }


def sets_view(sets: Mapping[str, Any]) -> dict[str, Any]:
    """Rows of the table of sets: nation, regions where there are several, reference classes of the nation."""
    regions = [p for p in sets["places"] if p["level"] == "region"]
    places = sets["places"][:1] + (regions if len(regions) > 1 else [])
    named = [("Nation" if p["level"] == "nation" else p["name"], p) for p in places]
    named += [(row["name"].replace("_", " "), row) for row in sets["classes"]]
    rows = [{"name": name, "class": "value" in row} | level for name, row in named for level in row["levels"]]
    return {
        "levels": sets["levels"],
        "points": sets["calibration_points"],
        "rows": [row for row in rows if row["coverage"]["value"] is not None],
    }


def diagram(bins: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Marks of the filled bins in per cent of the square: place, gap to the diagonal, radius by the root of the share.

    >>> diagram([{"share": 0.25, "confidence": 0.9, "accuracy": 0.8, "n": None}])
    [{'x': 90.0, 'y': 20.0, 'line': 10.0, 'radius': 3.5, 'share': 0.25, 'confidence': 0.9, 'accuracy': 0.8}]
    """
    return [
        {
            "x": round(100 * b["confidence"], 2),
            "y": round(100 - 100 * b["accuracy"], 2),
            "line": round(100 - 100 * b["confidence"], 2),
            "radius": round(1 + 5 * b["share"] ** 0.5, 2),
            "share": b["share"],
            "confidence": b["confidence"],
            "accuracy": b["accuracy"],
        }
        for b in bins
        if b["share"] > 0
    ]
