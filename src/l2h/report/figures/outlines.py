"""Outlines of cities, provinces and regions, as fine as a figure can show."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l2h.core.files import read_json
from l2h.core.grid import Grid
from l2h.report.digest import overview_factor


@dataclass(frozen=True)
class Outlines:
    """Name → polygon, in the lattice's CRS. Provinces are known by (region, province)."""

    provinces: dict[tuple[str, str], Any]
    regions: dict[str, Any]


def read_outlines(work: Path, grid: Grid) -> Outlines:
    """From layers/regions.parquet and regions.json: cities dissolved, points closer than half a cell left out."""
    import geopandas

    frame = geopandas.read_parquet(work / "layers" / "regions.parquet")
    rows = {int(c["index"]): c for c in read_json(work / "layers" / "regions.json")["cities"]}
    frame["region"] = [rows[int(i)]["region"] for i in frame["index"]]
    frame["province"] = [rows[int(i)]["province"] for i in frame["index"]]
    tolerance = grid.pixel * overview_factor(grid) / 2
    provinces = frame.dissolve(by=["region", "province"]).geometry.simplify(tolerance)
    regions = frame.dissolve(by="region").geometry.simplify(tolerance)
    return Outlines(
        {(str(r), str(p)): shape for (r, p), shape in provinces.items()}, {str(r): s for r, s in regions.items()}
    )


def inside_point(shape: Any) -> tuple[float, float]:
    """Where a name stands: in the middle of the largest part, or inside it where the middle lies outside."""
    part = max(getattr(shape, "geoms", [shape]), key=lambda p: p.area)
    middle = part.centroid
    point = middle if part.contains(middle) else part.representative_point()
    return float(point.x), float(point.y)
