"""The products of a project, fetched: what is needed, what is here, what comes, and what could not be had."""

import fcntl
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self, TypeVar

from l2h.core.errors import InputError, L2HError, StorageError
from l2h.core.grid import Grid
from l2h.core.tasks import Hole, Progress
from l2h.sources.addresses import AddressError
from l2h.sources.arrivals import needed_files, place_of
from l2h.sources.catalogue import ProductTable, load_product
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.pace import Pace, StoppedError
from l2h.sources.remote import cut, part_of
from l2h.sources.settings import FETCHED, ProductSettings
from l2h.sources.stores import Store, open_store
from l2h.sources.transfer import Part, Transfer, is_whole, receipt_of, stat_patiently

Item = TypeVar("Item")
Result = TypeVar("Result")
FATAL = (StorageError, StoppedError)  # what ends the fetching; all else is told file by file


@dataclass(frozen=True)
class Order:
    """One file that a layer needs.

    size   : bytes, where the store says so
    here   : bytes of it that are here already
    part   : the part of the file that is taken; empty for the whole. How many bytes it needs shows when it is read
    state  : `kept` (here and whole), `wanted`, `missing` (could not be had, for `reason`)
    """

    layer: str
    file: str
    address: str
    target: Path
    state: Literal["kept", "wanted", "missing"]
    size: int | None = None
    here: int = 0
    part: str = ""
    reason: str = ""

    @property
    def to_come(self) -> int:
        return max(0, (self.size or 0) - self.here) if self.state == "wanted" else 0

    def missing(self, error: L2HError) -> Self:
        """The order, not fulfilled."""
        return replace(self, state="missing", reason=str(error))


class Delivery:
    """Fetches the files of a project's products. A context manager: it holds connections.

    stop : set it, from another thread, to end all transfers; what has come stays
    """

    def __init__(
        self, products: Sequence[ProductSettings], grid: Grid, project_dir: Path, settings: FetchSettings
    ) -> None:
        self.products = {product.name: product for product in products if product.fetched}
        self.grid, self.project_dir, self.settings = grid, project_dir, settings
        self.stop = threading.Event()
        self._stores: dict[str, Store] = {}
        self._paces: dict[str, Pace] = {}
        self._held = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as held:
            for name, product in self.products.items():
                table = load_product(str(product.catalogue))
                address = product.source or str(table.source)  # settings refuse a product that has neither
                store = open_store(address, self.settings, self.project_dir, table.region)
                held.callback(store.close)
                self._stores[name], self._paces[name] = store, Pace(self.settings, self.stop)
            self._held = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def table(self, layer: str) -> ProductTable:
        """What the catalogue says of a layer."""
        return load_product(str(self.products[layer].catalogue))

    def plan(self) -> tuple[Order, ...]:
        """Every file the grid needs: kept, wanted with its size, or missing with the reason. Asks the stores."""
        return tuple(
            self._each(self._look, [order for product in self.products.values() for order in self._orders(product)])
        )

    def _orders(self, product: ProductSettings) -> Iterator[Order]:
        address = self._stores[product.name].address
        part = part_of(self.grid) if product.take == "window" else ""
        for file in needed_files(product, self.grid):
            target = place_of(product, file, self.project_dir)
            yield Order(product.name, file, f"{address}/{file}", target, "kept", part=part)

    def _look(self, order: Order) -> Order:
        if is_whole(order.target, order.address, order.part):
            receipt = receipt_of(order.target)
            return replace(order, size=receipt.size if receipt else None)
        pace = self._paces[order.layer]
        try:
            remote = stat_patiently(self._stores[order.layer], order.file, pace, pace.deadline())
        except FATAL:
            raise
        except (InputError, AddressError) as error:
            return order.missing(error)
        if order.part:
            return replace(order, state="wanted")
        return replace(order, state="wanted", size=remote.size, here=Part(order.target).safe(remote))

    def fetch(self, orders: Sequence[Order], progress: Progress) -> tuple[Order, ...]:
        """Fetch what is wanted; the orders, now `kept` or `missing`.

        StorageError where the disk cannot hold it all, InputError where another process is fetching here.
        """
        with alone(self.project_dir / FETCHED):
            self._check_space(orders)
            return self._fetch_all(orders, progress)

    def _fetch_all(self, orders: Sequence[Order], progress: Progress) -> tuple[Order, ...]:
        lock = threading.Lock()

        def advance(amount: int) -> None:
            with lock:
                progress.advance(amount)

        wanted = [order for order in orders if order.state == "wanted"]
        progress.start("fetch", sum(order.here + order.to_come for order in wanted))
        try:
            done = dict(zip(wanted, self._each(lambda order: self._fetch(order, advance), wanted), strict=True))
        finally:
            progress.finish()
        return tuple(done.get(order, order) for order in orders)

    def _fetch(self, order: Order, advance: Callable[[int], None]) -> Order:
        store, pace = self._stores[order.layer], self._paces[order.layer]
        try:
            if order.part:
                receipt = cut(store, order.file, order.target, self.grid, pace, advance)
            else:
                receipt = Transfer(store, order.file, order.target, pace, advance).run()
        except FATAL:
            raise
        except (InputError, AddressError) as error:
            return order.missing(error)
        return replace(order, state="kept", size=receipt.size)

    def _check_space(self, orders: Sequence[Order]) -> None:
        needed = sum(order.to_come for order in orders)
        free = shutil.disk_usage(self.project_dir).free
        if needed > free:
            raise StorageError(
                "the disk cannot hold what is to come", where=str(self.project_dir),
                expected=f"{needed} bytes free", got=f"{free}",
            )  # fmt: skip

    def _each(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """The results in order, some at once; the first error ends all."""
        with ThreadPoolExecutor(self.settings.connections) as pool:
            futures = [pool.submit(function, item) for item in items]
            try:
                return [future.result() for future in futures]
            except BaseException:
                self.stop.set()
                pool.shutdown(cancel_futures=True)
                raise


def holes(orders: Sequence[Order]) -> tuple[Hole, ...]:
    """What could not be had."""
    return tuple(
        Hole(f"layer '{order.layer}', {order.file}", order.reason) for order in orders if order.state == "missing"
    )


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one who fetches into a folder; InputError where another process does."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / ".lock").open("a")
    except OSError as error:
        raise StorageError("cannot write a file", where=str(folder), got=str(error)) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError("another process is fetching into this project", where=str(folder)) from error
        yield
