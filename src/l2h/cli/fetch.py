"""`l2h fetch`: the inputs of a project from where they are kept."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from l2h.cli.coming import LISTED, show_plan
from l2h.cli.progress import make_progress, size

if TYPE_CHECKING:
    from l2h.pipeline import Pipeline
    from l2h.project import Project
    from l2h.sources.orders import Order
    from l2h.sources.settings import Layer

    Orders = tuple[Order, ...]

ASKED = 64  # files of products of which a plan asks the publishers for the size
LARGEST = 256_000_000  # bytes of outlines that a plan looks into; a country's have some ten million
EVERY = 1 << 30  # files
FOLLOWS = "what else is needed follows from the outlines"
NOTHING = (
    "nothing to fetch: no product has a `catalogue` without `paths`, no imagery urls, stac or tiles, "
    "and neither osm, boundary nor survey an address"
)


@click.command("fetch")
@click.argument("folder", metavar="DIR", default=".", type=click.Path(path_type=Path))
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a setting for this run.")
@click.option("--dry-run", is_flag=True, help="Print files, bytes, licences and time, and stop.")
@click.option("--files", is_flag=True, help=f"With --dry-run: list every file, also of more than {LISTED} of a layer.")
@click.option("--ask", is_flag=True, help=f"With --dry-run: ask for every size, also of more than {ASKED} files.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON on standard output.")
def fetch(folder: Path, overrides: tuple[str, ...], dry_run: bool, files: bool, ask: bool, as_json: bool) -> int:
    """Fetch what a project names by address: products, imagery, OpenStreetMap, outlines, a survey. What broke off is
    resumed; status 3 where something is missing.

    A plan (--dry-run) tells files and bytes of every layer, and of every province. Of many files of products the sizes
    are what the catalogue expects, said as estimates. Where outlines come by address the rest follows from them: they
    come first, and for a plan into a folder that goes again.
    """
    from l2h.pipeline import Pipeline
    from l2h.sources.delivery import holes

    pipeline = Pipeline.open(folder, overrides)
    outlines, others = _layers(pipeline.project)
    if not outlines and not others:
        click.echo(NOTHING, err=True)
    run = _Run(pipeline, (EVERY if files else LISTED) if dry_run else None, None if ask or not dry_run else ASKED)
    orders = run.deliver(outlines, None) if outlines else ()
    if others:
        with run.placed(outlines, orders) as (place, orders):
            orders += run.deliver(others, place) if place else ()
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

    vectors = [layer for layer in (project.osm, project.survey) if layer]
    others = (*project.products, *project.compare.products, *project.imagery, *vectors)
    return list(filter(is_fetched, (project.boundary,))), list(filter(is_fetched, others))


class _Run:
    """One call of the command.

    files : how many files of a layer a plan lists; None where things are fetched, not only planned
    ask   : of how many files of products a plan asks the publishers for the size; None for all
    """

    def __init__(self, pipeline: "Pipeline", files: int | None, ask: int | None) -> None:
        self.pipeline, self.files, self.ask = pipeline, files, ask

    def deliver(self, layers: "list[Layer]", place: "Pipeline | None") -> "Orders":
        """Plan these layers, say so, and fetch them unless it is only a plan; all their files.

        place : the project with its outlines here, which lattice and ground follow from; None for outlines themselves
        """
        from l2h.sources.delivery import Delivery
        from l2h.sources.ground import ground_of
        from l2h.sources.settings import ProductSettings

        products = any(isinstance(layer, ProductSettings) for layer in layers)
        ground = ground_of(place.cities, place.grid) if place and products else None
        site = place.grid if place else None, self.pipeline.folder, self.pipeline.project.fetch, ground
        with Delivery(layers, *site) as delivery:
            orders = delivery.plan(self.ask)
            show_plan(delivery, orders, self.files)
            if self.files is None:
                with make_progress() as progress:
                    orders = delivery.fetch(orders, progress)
        return orders

    @contextmanager
    def placed(self, outlines: "list[Layer]", orders: "Orders") -> "Iterator[tuple[Pipeline | None, Orders]]":
        """The project with its outlines here, and what became of them; None where they could not be had, which is said.

        A plan writes nothing into the project: where they are not here it fetches them into a folder that goes again.
        """
        if all(order.state == "kept" for order in orders):
            yield self.pipeline, orders
        elif self.files is not None and _bytes(orders) > LARGEST:
            click.echo(f"{FOLLOWS} ({size(_bytes(orders))}): fetch first", err=True)
            yield None, orders
        elif self.files is None or any(order.state == "missing" for order in orders):
            click.echo(f"{FOLLOWS}, which could not be had", err=True)
            yield None, orders
        else:
            with tempfile.TemporaryDirectory() as folder:
                click.echo(f"{FOLLOWS}: they come for this plan, and go again", err=True)
                found = self._look_into(outlines, Path(folder))
                with self.placed(outlines, found) as (place, _):
                    there = place and replace(place, folder=Path(folder))
                    yield there, orders if there else found

    def _look_into(self, outlines: "list[Layer]", folder: Path) -> "Orders":
        from l2h.sources.delivery import Delivery

        with Delivery(outlines, None, folder, self.pipeline.project.fetch) as delivery, make_progress() as progress:
            return delivery.fetch(delivery.plan(), progress)


def _bytes(orders: "Sequence[Order]") -> int:
    return sum(order.size or 0 for order in orders)


def _plain(order: "Order", folder: Path) -> dict[str, Any]:
    return {**asdict(order), "target": order.target.relative_to(folder).as_posix()}


COMMANDS = {"fetch": fetch}
