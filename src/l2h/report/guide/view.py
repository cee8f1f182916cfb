"""What the guide's template shows, prepared from the release. Plain values only; the template escapes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from l2h.report.guide.release import LAND_COVER, Released, members_of
from l2h.report.practice.section import practice_view
from l2h.report.view import hexcolour

KINDS = (("users_accuracy", "user's", "of what is called"), ("producers_accuracy", "producer's", "of what is"))
WEAK = 0.5  # accuracy of a class below which the guide warns of it


def guide_values(release: Released) -> dict[str, Any]:
    """Everything the template needs but the figures."""
    manifest, validation = release.manifest, release.validation
    regions = region_rows(release)
    return {
        "product": manifest["product"],
        "name": manifest["product"]["title"] or manifest["product"]["name"],
        "made_with": manifest["made_with"],
        "grid": manifest["grid"],
        "layers": list(manifest["layers"].values()),
        "legend": manifest["legend"],
        "classes": class_rows(manifest),
        "unused": unused_values([c["value"] for c in manifest["legend"]["classes"]]),
        "regions": regions,
        "provinces": sum(len(region["provinces"]) for region in regions),
        "cities": len(release.members()),
        "m2": sum(row["m2"] for row in class_rows(manifest)) + unmapped_m2(manifest),
        "unmapped_m2": unmapped_m2(manifest),
        "holes": manifest["holes"],
        "absent": manifest["cities_without_pixels"],
        "outside": manifest.get("cities_outside", []),
        "archives": len(manifest["files"]),
        "bytes": sum(file["bytes"] for file in manifest["files"]),
        "sources": manifest["sources"],
        "example": example(release),
        "references": validation["references"],
        "images": validation["images"],
        "practice": practice_view(validation["practice"]),
        "unmet": [row for row in validation["practice"] if row["verdict"] == "not met"],
        "doubt": validation.get("doubt") or {"pixels": 0, "doubted": 0},  # older releases say nothing of it
        "confidence": "confidence" in manifest["layers"],
        "weak": weak_classes(validation, manifest),
        "versions": version_rows(release),
    }


def class_rows(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Table 1: the classes in the order of their value, with the area they have."""
    nation = next(row for row in manifest["totals"] if row["level"] == "nation")["classes"]
    rows = []
    total = sum(float(entry["area_m2"]) for entry in nation.values())
    for land in sorted(manifest["legend"]["classes"], key=lambda c: int(c["value"])):
        entry = nation[str(land["value"])]
        m2 = float(entry["area_m2"])
        colour = tuple(land["colour"])
        rows.append({**land, "hex": hexcolour(colour), "rgb": ", ".join(map(str, colour)), "pixels": entry["pixels"]})
        rows[-1] |= {"m2": m2, "share": m2 / total if total else 0.0}
    return rows


def unmapped_m2(manifest: Mapping[str, Any]) -> float:
    nation = next(row for row in manifest["totals"] if row["level"] == "nation")["classes"]
    return float(nation["0"]["area_m2"])


def unused_values(values: Sequence[int]) -> list[int]:
    """Values between the classes' that stand for nothing.

    >>> unused_values([1, 2, 4])
    [3]
    """
    return sorted(set(range(1, max(values) + 1)) - set(values))


def region_rows(release: Released) -> list[dict[str, Any]]:
    """Table 2: regions → provinces → cities, with the archives that hold them and their sizes."""
    tree: dict[str, dict[str, dict[str, Any]]] = {}
    for file in release.manifest["files"]:
        if file["layer"] != LAND_COVER:
            continue
        province = tree.setdefault(file["region"], {}).setdefault(
            file["province"], {"archives": [], "bytes": 0, "cities": []}
        )
        province["archives"].append(file["path"])
        province["bytes"] += file["bytes"]
        province["cities"] += [member["city"].rsplit("_", 1)[-1] for member in file["members"]]
    return [
        {
            "name": region,
            "provinces": [{"name": name, **row, "cities": sorted(row["cities"])} for name, row in sorted(rows.items())],
        }
        for region, rows in sorted(tree.items())
    ]


def example(release: Released) -> dict[str, str]:
    """A file to show the grammar of names by."""
    first = release.members()[0]
    region, province, city = first["city"].split("_")
    return {"region": region, "province": province, "city": city, "tif": first["name"], "zip": first["archive"]}


def weak_classes(validation: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Classes whose user's or producer's accuracy at the first reference is below one half."""
    if not validation["references"]:
        return []
    labels = {c["value"]: c["label"] for c in manifest["legend"]["classes"]}
    rows = []
    for row in validation["references"][0]["classes"]:
        for kind, name, words in KINDS:
            told = row[kind]
            if told["value"] is not None and told["value"] < WEAK:
                rows.append({"label": labels[row["value"]], "name": name, "words": words, "share": told})
    return rows


def version_rows(release: Released) -> list[dict[str, Any]]:
    """The versions, newest first, each with what it changed of the one before."""
    manifests = [*release.older, release.manifest]
    rows = []
    for before, now in zip([None, *manifests], manifests, strict=False):
        rows.append({"version": now["product"]["version"], "cities": len(members_of(now)), **changes(before, now)})
    return rows[::-1]


def changes(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> dict[str, Any]:
    """Cities that are new, gone, or differ in a byte; "first" for the first version."""
    if before is None:
        return {"first": True, "added": [], "removed": [], "changed": []}
    old, new = ({m["city"]: m["sha256"] for m in members_of(manifest)} for manifest in (before, now))
    return {
        "first": False,
        "added": sorted(set(new) - set(old)),
        "removed": sorted(set(old) - set(new)),
        "changed": sorted(city for city in set(old) & set(new) if old[city] != new[city]),
    }
