"""What is to be fetched, told to people: layer by layer, and province by province."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from l2h.cli.progress import duration, size

if TYPE_CHECKING:
    from l2h.sources.delivery import Delivery
    from l2h.sources.orders import Order

RATE = 10e6  # bytes a second on which a plan's time is reckoned
LISTED = 64  # files of a layer that are listed one by one unless all are asked for
STATES = {"kept": "here", "wanted": "to fetch", "beside": "beside the grid", "missing": "not to be had"}


def show_plan(delivery: "Delivery", orders: "tuple[Order, ...]", files: int | None) -> None:
    """What each layer is, under which terms, and what is to come of it.

    files : how many files of a layer are listed one by one; of more their sum is told. None: only what all is in sum
    """
    for name, supply in delivery.supplies.items():
        title, *lines = supply.about()
        click.echo(f"{name}: {title}", err=True)
        for line in filter(None, lines):
            click.echo(f"  {line}", err=True)
        if files is not None:
            _show_files([order for order in orders if order.layer == name], files)
    if files is not None:
        show_provinces(delivery.products, orders, lambda line: click.echo(line, err=True))
    click.echo(_sum_of_all(delivery, orders), err=True)


def _show_files(orders: "Sequence[Order]", most: int) -> None:
    if len(orders) > most:
        click.echo(f"  {' '.join(_amount(orders).split())}; --files lists them", err=True)
        return
    for order in orders:
        click.echo(f"  {order.file:<52} {_known_size(order):>10}   {STATES[order.state]}", err=True)


def _sum_of_all(delivery: "Delivery", orders: "tuple[Order, ...]") -> str:
    wanted = [order for order in orders if order.state == "wanted"]
    unknown = sum(order.size is None and order.expected is None for order in wanted)
    also = f" and {unknown} of unknown size" if unknown else ""
    also += " (estimated, no publisher was asked)" if any(order.expected is not None for order in wanted) else ""
    kept = sum(order.state == "kept" for order in orders)
    count = f"{len(wanted)} file{'s' * (len(wanted) != 1)} to fetch"
    time = f"about {duration(_seconds(delivery, wanted))} at {size(RATE)}/s"
    to_come = size(sum(order.to_come for order in wanted))
    return f"{count}, {to_come}{also}, {time}; {kept} {'is' if kept == 1 else 'are'} here"


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


def show_provinces(layers: list[str], orders: "Sequence[Order]", say: Callable[[str], None]) -> None:
    """Files and bytes of each product, province by province; a file on a border counts in each of its provinces."""
    provinces = sorted({province for order in orders for province in order.provinces})
    if len(provinces) < 2:
        return
    columns = [*layers, "all"] if len(layers) > 1 else layers
    say(f"\n{'province':<28}" + "".join(f"{layer:>24}" for layer in columns))
    for province in provinces:
        say(_row(province, [order for order in orders if province in order.provinces], columns))
    say(_row("each file once", [order for order in orders if order.layer in layers], columns))
    say("A file that several provinces share stands with each of them.\n")


def _row(name: str, orders: "Sequence[Order]", columns: list[str]) -> str:
    mine = [[order for order in orders if column in ("all", order.layer)] for column in columns]
    return f"{name:<28}" + "".join(f"{_amount(some):>24}" for some in mine)


def _amount(orders: "Sequence[Order]") -> str:
    """How many files, and how large: as the stores say, or as the catalogue expects (~)."""
    guess = "~ " if any(order.size is None and order.expected is not None for order in orders) else ""
    amount = sum(order.size or order.expected or 0 for order in orders)
    return f"{len(orders)} file{'' if len(orders) == 1 else 's'}, {guess}{size(amount):>8}"
