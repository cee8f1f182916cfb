"""`l2h inspect`: what a raster is and what is wrong with it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from l2h.core.errors import InputError
from l2h.core.legend import Legend, load_legend

VECTORS = frozenset({".gpkg", ".shp", ".geojson", ".json", ".fgb", ".parquet"})


@click.command("inspect")
@click.argument("files", metavar="FILE", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--legend", metavar="NAME", help="Legend its codes should keep to; else the file's own.")
@click.option("--layer", help="Of a boundary file: the layer of the cities' outlines.")
@click.option("--provinces", help="Of a boundary file: the layer of the provinces' outlines, which cities must tile.")
@click.option("--columns", default="region,province,city", show_default=True, help="Of a boundary file: its levels.")
@click.option("--overlap-m", default=1.0, show_default=True, help="Overlaps and gaps narrower than this are slivers.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON on standard output.")
def inspect(files: tuple[Path, ...], legend: str | None, as_json: bool, **boundary: Any) -> int:
    """Say what each file is and what is wrong with it. Status 1 where something makes a file unfit for use.

    Rasters: codes outside the legend, nodata, missing overviews, repeated strips, unreadable blocks. Boundary files
    (GeoPackage, shapefile, GeoJSON, FlatGeobuf, GeoParquet): broken or overlapping outlines, provinces that their
    cities do not tile, names that cannot name a file or are alike, outlines on a shifted datum; each with its place.
    """
    chosen = load_legend(legend) if legend else None
    rows = [examine_boundary(p, boundary) if p.suffix.lower() in VECTORS else examine(p, chosen) for p in files]
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str))
    else:
        for row in rows:
            _print(row["facts"], row["findings"])
    return 1 if any(f["severity"] == "error" for row in rows for f in row["findings"]) else 0


def examine(path: Path, legend: Legend | None) -> dict[str, Any]:
    """Facts and findings of a file; one that cannot be opened is a finding, so that the other files are looked at."""
    from l2h.core.inspect import Finding, describe, inspect_raster

    try:
        return {"facts": describe(path), "findings": [asdict(found) for found in inspect_raster(path, legend)]}
    except InputError as error:
        return {"facts": {"path": str(path)}, "findings": [asdict(Finding("error", "cannot-open", str(error)))]}


def examine_boundary(path: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Facts and findings of a boundary file; one that cannot be read is a finding."""
    from l2h.cli.init import levels
    from l2h.core.inspect import Finding
    from l2h.sources.outlines import examine_outlines
    from l2h.sources.settings import BoundarySettings

    region, province, city = levels(options["columns"])
    settings = BoundarySettings(
        path=str(path), layer=options["layer"], region=region, province=province, city=city,
        provinces=options["provinces"], overlap_m=options["overlap_m"], licence="not asked",
    )  # fmt: skip
    try:
        cities, findings = examine_outlines(path, settings)
    except InputError as error:
        return {"facts": {"path": str(path)}, "findings": [asdict(Finding("error", "cannot-open", str(error)))]}
    return {"facts": {"path": str(path), "cities": cities}, "findings": [asdict(found) for found in findings]}


def _print(facts: dict[str, Any], findings: list[dict[str, str]]) -> None:
    for name, value in facts.items():
        if value not in (None, "", {}, [], ()):
            click.echo(f"{name:<14} {value}", err=True)
    for found in findings:
        place = f"   {found['place']}" if found["place"] else ""
        click.echo(f"{found['severity']:<8} {found['rule']:<18} {found['message']}{place}", err=True)
    if not findings:
        click.echo("nothing is wrong with it", err=True)


COMMANDS = {"inspect": inspect}
