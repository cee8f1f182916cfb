"""What every supply does with an order: look whether its file is here, ask how large it is, and bring it."""

from collections.abc import Callable
from dataclasses import replace

from l2h.core.errors import InputError
from l2h.sources.addresses import AddressError
from l2h.sources.orders import FATAL, Order
from l2h.sources.stores import Remote
from l2h.sources.transfer import Part, Receipt, is_whole, receipt_of


def kept(order: Order) -> Order | None:
    """The order with its size, where its file is here and whole; else None."""
    if not is_whole(order.target, order.address, order.part):
        return None
    receipt = receipt_of(order.target)
    return replace(order, state="kept", size=receipt.size if receipt else None)


def asked(order: Order, ask: Callable[[], Remote | None]) -> Order:
    """The order, now `wanted`, or `missing` where asking fails; `beside` where there is no answer.

    ask : what the store says of the file, None where it turns out not to be needed
    """
    try:
        remote = ask()
    except FATAL:
        raise
    except (InputError, AddressError) as error:
        return order.missing(error)
    if remote is None:
        return replace(order, state="beside")
    if order.part:
        return replace(order, state="wanted")
    return replace(order, state="wanted", size=remote.size, here=Part(order.target).safe(remote))


def carried(order: Order, bring: Callable[[], Receipt]) -> Order:
    """The order, now `kept`, or `missing` where its file could not be had."""
    try:
        receipt = bring()
    except FATAL:
        raise
    except (InputError, AddressError) as error:
        return order.missing(error)
    return replace(order, state="kept", size=receipt.size)
