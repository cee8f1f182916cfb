"""`l2h fetch`: products and imagery of a project from where they are kept."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from l2h.cli.progress import duration, make_progress, size

if TYPE_CHECKING:
    from l2h.sources.delivery import Delivery
    from l2h.sources.orders import Order

RATE = 10e6  # bytes a second on which a plan's time is reckoned
STATES = {"kept": "here", "wanted": "to fetch", "beside": "beside the grid", "missing": "not to be had"}


@click.command("fetch")
@click.argument("folder", metavar="DIR", default=".", type=click.Path(path_type=Path))
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a setting for this run.")
@click.option("--dry-run", is_flag=True, help="Print files, bytes, licences and time, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON on standard output.")
def fetch(folder: Path, overrides: tuple[str, ...], dry_run: bool, as_json: bool) -> int:
    """Fetch what products and imagery need, resumed where it was interrupted; status 3 where something is missing."""
    from l2h.pipeline import Pipeline
    from l2h.sources.delivery import Delivery, holes

    pipeline = Pipeline.open(folder, overrides)
    project = pipeline.project
    with Delivery(project.products, pipeline.grid, pipeline.folder, project.fetch, project.imagery) as delivery:
        orders = delivery.plan()
        _show_plan(delivery, orders, files=dry_run)
        if not dry_run:
            with make_progress() as progress:
                orders = delivery.fetch(orders, progress)
    missing = holes(orders)
    for hole in missing:
        click.echo(f"hole: {hole.where}: {hole.reason}", err=True)
    if not dry_run:
        here = [order for order in orders if order.state == "kept"]
        click.echo(f"{len(here)} of {len(orders)} files are here, {size(_bytes(here))}", err=True)
    if as_json:
        click.echo(json.dumps([_plain(order, pipeline.folder) for order in orders], indent=2))
    return 3 if missing else 0


def _bytes(orders: "list[Order]") -> int:
    return sum(order.size or 0 for order in orders)


def _plain(order: "Order", folder: Path) -> dict[str, Any]:
    return {**asdict(order), "target": order.target.relative_to(folder).as_posix()}


def _show_plan(delivery: "Delivery", orders: "tuple[Order, ...]", files: bool) -> None:
    """What a layer is, under which terms, and what is to come of it."""
    if not delivery.supplies:
        click.echo(
            "nothing to fetch: no product has a `catalogue` without `paths`, no imagery urls, stac or tiles", err=True
        )
        return
    for name, supply in delivery.supplies.items():
        title, *lines = supply.about()
        click.echo(f"{name}: {title}", err=True)
        for line in filter(None, lines):
            click.echo(f"  {line}", err=True)
        for order in orders:
            if files and order.layer == name:
                click.echo(f"  {order.file:<52} {_known_size(order):>10}   {STATES[order.state]}", err=True)
    wanted = [order for order in orders if order.state == "wanted"]
    to_come = sum(order.to_come for order in wanted)
    unknown = sum(order.size is None for order in wanted)
    also = f" and {unknown} of unknown size" if unknown else ""
    kept = sum(order.state == "kept" for order in orders)
    count = f"{len(wanted)} file{'s' * (len(wanted) != 1)} to fetch"
    time = f"about {duration(_seconds(delivery, wanted))} at {size(RATE)}/s"
    click.echo(f"{count}, {size(to_come)}{also}, {time}; {kept} are here", err=True)


def _known_size(order: "Order") -> str:
    if order.requests > 1 and order.state == "wanted":
        return f"{order.requests} tiles"
    return size(order.size) if order.size is not None else "a window" if order.part else "?"


def _seconds(delivery: "Delivery", wanted: "list[Order]") -> float:
    """How long it takes: the bytes at RATE, or the requests as fast as a service allows, whichever is longer."""
    requests = {
        name: sum(order.requests for order in wanted if order.layer == name) / supply.per_second
        for name, supply in delivery.supplies.items()
        if supply.per_second
    }
    return max([sum(order.to_come for order in wanted) / RATE, *requests.values()])


COMMANDS = {"fetch": fetch}
