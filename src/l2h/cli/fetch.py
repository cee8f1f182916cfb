"""`l2h fetch`: the inputs of a project from where they are kept."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from l2h.cli.progress import duration, make_progress, size

if TYPE_CHECKING:
    from l2h.pipeline import Pipeline
    from l2h.project import Project
    from l2h.sources.delivery import Delivery
    from l2h.sources.orders import Order
    from l2h.sources.settings import Layer

ASKED = 64  # files of products of which a plan asks the publishers for the size
RATE = 10e6  # bytes a second on which a plan's time is reckoned
NOTHING = (
    "nothing to fetch: no product has a `catalogue` without `paths`, no imagery urls, stac or tiles, "
    "and neither osm nor boundary an address"
)
STATES = {"kept": "here", "wanted": "to fetch", "beside": "beside the grid", "missing": "not to be had"}


@click.command("fetch")
@click.argument("folder", metavar="DIR", default=".", type=click.Path(path_type=Path))
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a setting for this run.")
@click.option("--dry-run", is_flag=True, help="Print files, bytes, licences and time, and stop.")
@click.option("--ask", is_flag=True, help=f"With --dry-run: ask for every size, also of more than {ASKED} files.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON on standard output.")
def fetch(folder: Path, overrides: tuple[str, ...], dry_run: bool, ask: bool, as_json: bool) -> int:
    """Fetch what a project names by address: products, imagery, OpenStreetMap, outlines. What broke off is resumed;
    status 3 where something is missing.

    A plan (--dry-run) lists files and bytes of every layer, and of every province. Of many files of products the sizes
    are what the catalogue expects, said as estimates. Where outlines come by address the rest follows from them: a plan
    shows it once they are here.
    """
    from l2h.pipeline import Pipeline
    from l2h.sources.delivery import holes

    pipeline = Pipeline.open(folder, overrides)
    outlines, others = _layers(pipeline.project)
    if not outlines and not others:
        click.echo(NOTHING, err=True)
    orders = _deliver(pipeline, outlines, dry_run, ask) if outlines else ()
    if all(order.state == "kept" for order in orders):
        orders += _deliver(pipeline, others, dry_run, ask) if others else ()
    elif others:
        click.echo("what else is needed follows from the outlines, which are not here yet", err=True)
    missing = holes(orders)
    for hole in missing:
        click.echo(f"hole: {hole.where}: {hole.reason}", err=True)
    if not dry_run:
        here = [order for order in orders if order.state == "kept"]
        click.echo(f"{len(here)} of {len(orders)} files are here, {size(_bytes(here))}", err=True)
    if as_json:
        click.echo(json.dumps([_plain(order, pipeline.folder) for order in orders], indent=2))
    return 3 if missing else 0


def _layers(project: "Project") -> "tuple[list[Layer], list[Layer]]":
    """What comes by `fetch`: the outlines, from which the lattice and the ground follow, and all else."""
    from l2h.sources.delivery import is_fetched

    osm = (project.osm,) if project.osm else ()
    others = (*project.products, *project.compare.products, *project.imagery, *osm)
    return list(filter(is_fetched, (project.boundary,))), list(filter(is_fetched, others))


def _deliver(pipeline: "Pipeline", layers: "list[Layer]", dry_run: bool, ask: bool) -> "tuple[Order, ...]":
    """Plan these layers, say so, and fetch them; all their files, as far as they could be had."""
    from l2h.sources.delivery import Delivery
    from l2h.sources.ground import ground_of
    from l2h.sources.settings import BoundarySettings, ProductSettings

    first = any(isinstance(layer, BoundarySettings) for layer in layers)  # then there is no lattice yet
    products = any(isinstance(layer, ProductSettings) for layer in layers)
    ground = ground_of(pipeline.cities, pipeline.grid) if products else None
    place = None if first else pipeline.grid, pipeline.folder, pipeline.project.fetch, ground
    with Delivery(layers, *place) as delivery:
        orders = delivery.plan(ASKED if dry_run and not ask else None)
        _show_plan(delivery, orders, files=dry_run)
        if not dry_run:
            with make_progress() as progress:
                orders = delivery.fetch(orders, progress)
    return orders


def _bytes(orders: "list[Order]") -> int:
    return sum(order.size or 0 for order in orders)


def _plain(order: "Order", folder: Path) -> dict[str, Any]:
    return {**asdict(order), "target": order.target.relative_to(folder).as_posix()}


def _show_plan(delivery: "Delivery", orders: "tuple[Order, ...]", files: bool) -> None:
    """What a layer is, under which terms, and what is to come of it."""
    for name, supply in delivery.supplies.items():
        title, *lines = supply.about()
        click.echo(f"{name}: {title}", err=True)
        for line in filter(None, lines):
            click.echo(f"  {line}", err=True)
        for order in orders:
            if files and order.layer == name:
                click.echo(f"  {order.file:<52} {_known_size(order):>10}   {STATES[order.state]}", err=True)
    if files:
        _show_provinces(delivery.products, orders)
    wanted = [order for order in orders if order.state == "wanted"]
    to_come = sum(order.to_come for order in wanted)
    unknown = sum(order.size is None and order.expected is None for order in wanted)
    also = f" and {unknown} of unknown size" if unknown else ""
    also += " (estimated, no publisher was asked)" if any(order.expected is not None for order in wanted) else ""
    kept = sum(order.state == "kept" for order in orders)
    count = f"{len(wanted)} file{'s' * (len(wanted) != 1)} to fetch"
    time = f"about {duration(_seconds(delivery, wanted))} at {size(RATE)}/s"
    click.echo(f"{count}, {size(to_come)}{also}, {time}; {kept} are here", err=True)


def _known_size(order: "Order") -> str:
    if order.requests > 1 and order.state == "wanted":
        return f"{order.requests} tiles"
    if order.size is not None:
        return size(order.size)
    return "a window" if order.part else f"~ {size(order.expected)}" if order.expected is not None else "?"


def _seconds(delivery: "Delivery", wanted: "list[Order]") -> float:
    """How long it takes: the bytes at RATE, or the requests as fast as a service allows, whichever is longer."""
    requests = {
        name: sum(order.requests for order in wanted if order.layer == name) / supply.per_second
        for name, supply in delivery.supplies.items()
        if supply.per_second
    }
    return max([sum(order.to_come for order in wanted) / RATE, *requests.values()])


def _show_provinces(layers: list[str], orders: "tuple[Order, ...]") -> None:
    """Files and bytes of each product, province by province; a file on a border counts in each of its provinces."""
    provinces = sorted({province for order in orders for province in order.provinces})
    if len(provinces) < 2:
        return
    click.echo(f"\n{'province':<28}" + "".join(f"{layer:>24}" for layer in layers), err=True)
    for province in provinces:
        here = [order for order in orders if province in order.provinces]
        click.echo(f"{province:<28}" + "".join(f"{_cell(here, layer):>24}" for layer in layers), err=True)
    click.echo("A file that several provinces share stands with each of them, and once in the sum:", err=True)


def _cell(orders: "list[Order]", layer: str) -> str:
    mine = [order for order in orders if order.layer == layer]
    guess = "~ " if any(order.size is None and order.expected is not None for order in mine) else ""
    amount = sum(order.size or order.expected or 0 for order in mine)
    return f"{len(mine)} files, {guess}{size(amount)}"


COMMANDS = {"fetch": fetch}
