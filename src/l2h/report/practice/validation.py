"""validation.json: how right a release is, and which good practice its validation met; for people's programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.files import read_json, write_json
from l2h.core.tasks import Made
from l2h.report.practice.evidence import read_evidence
from l2h.report.practice.rules import judge_all

FORMAT = 1
FILE = "validation.json"


@dataclass(frozen=True)
class Asked:
    """What is told of the project. points : relative to `folder`, as the settings name it; "" where they name none."""

    folder: Path
    points: str
    layer: str | None
    teachers: Mapping[str, tuple[str, ...]]
    map_now: str

    @property
    def points_path(self) -> Path | None:
        return self.folder / self.points if self.points else None


def write_validation(asked: Asked, product: Mapping[str, str], outs: tuple[Path, ...]) -> Made:
    """Task: write the document under every one of `outs`."""
    work = asked.folder / "work"
    found = read_evidence(work, asked.points_path, asked.layer, asked.teachers, asked.map_now, asked.points)
    accuracy = read_json(work / "assess" / "accuracy.json")
    scenes = read_json(work / "layers" / "scenes.json")
    rows = judge_all(found)
    document = {
        "format": FORMAT,
        "product": dict(product),
        "references": [reference_facts(reference) for reference in accuracy["references"]],
        "images": image_dates([scene.get("date") for scene in scenes]),
        "doubt": read_json(work / "report" / "trust.json"),
        "practice": rows,
    }
    for out in outs:
        write_json(out, document)
    return Made(info={"met": sum(row["verdict"] == "met" for row in rows), "rules": len(rows)})


def reference_facts(reference: Mapping[str, Any]) -> dict[str, Any]:
    """The map's scores at a reference, over the country and in its provinces; of other maps the overall accuracy."""
    own, *others = reference["maps"]
    nation = _nation(own)
    provinces = [p for p in own["places"] if p["level"] == "province"]
    return {
        "name": reference["name"],
        "design": reference["design"],
        "words": reference.get("words", ""),
        "refused": reference.get("refused", ""),
        "n": reference["n"],
        "overall_accuracy": nation["overall_accuracy"],
        "kappa": nation["kappa"],
        "mean_iou": nation["mean_iou"],
        "classes": nation["classes"],
        "provinces": [
            {"region": p["region"], "province": p["name"], "overall_accuracy": p["fine"]["overall_accuracy"]}
            for p in provinces
        ],
        "others": [{"name": m["name"], "overall_accuracy": _nation(m)["overall_accuracy"]} for m in others],
    }


def image_dates(days: list[str | None]) -> dict[str, Any]:
    """{"images", "first", "last", "undated"}; first and last are "" where no image has a date."""
    known = sorted(day for day in days if day)
    first, last = (known[0], known[-1]) if known else ("", "")
    return {"images": len(days), "first": first, "last": last, "undated": len(days) - len(known)}


def _nation(judged: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(p for p in judged["places"] if p["level"] == "nation")["fine"]
    return found
