"""`l2h inspect`: what a file is, what is wrong with it, and what l2h would do with it."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from l2h.core.errors import InputError, L2HError
from l2h.core.legend import Legend, load_legend

VECTORS = frozenset({".gpkg", ".shp", ".geojson", ".json", ".fgb", ".parquet"})
EXTRACTS = (".pbf", ".osm", ".osm.gz", ".osm.bz2")


@click.command("inspect")
@click.argument("files", metavar="FILE", nargs=-1, required=True)
@click.option("--legend", metavar="NAME", help="Legend its codes should keep to; else the file's own.")
@click.option("--layer", help="Of a boundary file: the layer of the cities' outlines.")
@click.option("--provinces", help="Of a boundary file: the layer of the provinces' outlines, which cities must tile.")
@click.option("--columns", default="region,province,city", show_default=True, help="Of a boundary file: its levels.")
@click.option("--overlap-m", default=1.0, show_default=True, help="Overlaps and gaps narrower than this are slivers.")
@click.option("--allow-private", is_flag=True, help="Addresses of this machine and of private networks may be read.")
@click.option("--s3-endpoint", metavar="URL", help="Where s3:// addresses are served, instead of Amazon.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON on standard output.")
def inspect(files: tuple[str, ...], legend: str | None, as_json: bool, **options: Any) -> int:
    """Say what each FILE is, what l2h would do with it and what is wrong with it; status 1 where it is unfit for use.

    Extracts of OpenStreetMap: their extent, time, roads by class and buildings, and what is left out. Vectors: roads,
    buildings, Overture or outlines, by columns and shapes. An address (https://, s3://) is read in a few ranges.

    Rasters: codes outside the legend, nodata, missing overviews, repeated strips, unreadable blocks. Boundary files
    (GeoPackage, shapefile, GeoJSON, FlatGeobuf, GeoParquet): broken or overlapping outlines, provinces that their
    cities do not tile, names that cannot name a file or are alike, outlines on a shifted datum; each with its place.
    """
    chosen = load_legend(legend) if legend else None
    rows = [look(name, chosen, options) for name in files]
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str))
    else:
        for row in rows:
            _print(row["facts"], row["findings"])
    return 1 if any(f["severity"] == "error" for row in rows for f in row["findings"]) else 0


def look(name: str, legend: Legend | None, options: dict[str, Any]) -> dict[str, Any]:
    """Facts and findings of one file or address."""
    if "://" in name:
        return _told(name, lambda levels: _remote(name, options, levels), options)
    path = Path(name)
    if name.lower().endswith(EXTRACTS):
        return _told(name, lambda _: _extract(path), options)
    return examine_vector(path, options) if path.suffix.lower() in VECTORS else examine(path, legend)


def _remote(address: str, options: dict[str, Any], levels: tuple[str, ...]) -> dict[str, Any]:
    from l2h.sources.fetch_settings import FetchSettings
    from l2h.sources.look_remote import remote_facts

    settings = FetchSettings(allow_private=options["allow_private"], s3_endpoint=options["s3_endpoint"], attempts=3)
    return remote_facts(address, settings, levels)


def _extract(path: Path) -> dict[str, Any]:
    from l2h.sources.look import extract_facts

    return {"bytes": f"{path.stat().st_size:,}" if path.is_file() else ""} | extract_facts(path)


def _told(name: str, facts: Callable[[tuple[str, ...]], dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
    """The facts; where they cannot be had, that is a finding."""
    from l2h.cli.init import levels
    from l2h.core.inspect import Finding
    from l2h.sources.veil import veiled

    shown, columns = veiled(name), levels(options["columns"])
    try:
        return {"facts": {"path": shown} | facts(columns), "findings": []}
    except L2HError as error:
        return {"facts": {"path": shown}, "findings": [asdict(Finding("error", "cannot-open", str(error)))]}


def examine_vector(path: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Facts of a vector file; outlines of cities, or what was asked to be taken for them, are checked as such."""
    from l2h.sources.look import USES, vector_facts

    row = _told(str(path), lambda levels: vector_facts(path, levels), options)
    named = click.get_current_context().get_parameter_source("columns") is not ParameterSource.DEFAULT
    asked = named or options["layer"] is not None or options["provinces"] is not None
    if row["findings"] or not (asked or row["facts"]["l2h"] in (USES["outlines"], USES["unused"])):
        return row
    found = examine_boundary(path, options)
    return {"facts": row["facts"] | found["facts"], "findings": found["findings"]}


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
        click.echo("nothing is wrong with it" if "note" not in facts else "what was read of it is sound", err=True)


COMMANDS = {"inspect": inspect}
