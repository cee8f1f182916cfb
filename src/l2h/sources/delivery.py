"""The files of a project's layers, fetched: what is needed, what is here, what comes, and what could not be had."""

import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TypeVar

from l2h.core.errors import StorageError
from l2h.core.files import sole
from l2h.core.grid import Grid
from l2h.core.progress import Progress
from l2h.core.tasks import Hole
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.file_supply import FileSupply
from l2h.sources.ground import Ground
from l2h.sources.link_supply import LinkSupply
from l2h.sources.links import FETCHED
from l2h.sources.orders import Order, Site, Supply
from l2h.sources.product_supply import ProductSupply
from l2h.sources.settings import ImagerySettings, Layer, Linked, ProductSettings
from l2h.sources.tile_supply import TileSupply

Item = TypeVar("Item")
Result = TypeVar("Result")


class Delivery:
    """Fetches the files of a project's layers, of those that come by `fetch`. A context manager: it holds connections.

    grid   : None while only outlines are fetched, from which it follows
    ground : of the cities; all of the grid where it is left out
    stop   : set it, from another thread, to end all transfers; what has come stays
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        grid: Grid | None,
        project_dir: Path,
        settings: FetchSettings,
        ground: Ground | None = None,
    ) -> None:
        self.layers = [layer for layer in layers if is_fetched(layer)]
        self.project_dir, self.settings = project_dir, settings
        self.stop = threading.Event()
        self._site = Site(grid, project_dir, settings, self.stop, ground)
        self.supplies: dict[str, Supply] = {}
        self._held = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as held:
            for layer in self.layers:
                supply = supply_of(layer, self._site)
                held.callback(supply.close)
                self.supplies[supply.layer] = supply
            self._held = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    @property
    def products(self) -> list[str]:
        """Names of the layers that are products."""
        return [name for name, supply in self.supplies.items() if isinstance(supply, ProductSupply)]

    def plan(self, ask_up_to: int | None = None) -> tuple[Order, ...]:
        """Every file that is needed: kept, wanted, beside the grid, or missing with the reason. Asks servers.

        ask_up_to : of how many files of products servers are asked for the size; of more, sizes are what the catalogue
        expects. Of all by default
        """
        orders = [order for supply in self.supplies.values() for order in supply.orders()]
        count = sum(order.layer in self.products for order in orders)
        many = ask_up_to is not None and count > ask_up_to

        def look(order: Order) -> Order:
            supply = self.supplies[order.layer]
            return supply.expect(order) if many and isinstance(supply, ProductSupply) else supply.look(order)

        return tuple(self._each(look, orders))

    def fetch(self, orders: Sequence[Order], progress: Progress) -> tuple[Order, ...]:
        """Fetch what is wanted; the orders, now `kept`, `beside` or `missing`.

        StorageError where the disk cannot hold it all, InputError where another process is fetching here.
        """
        with sole(self.project_dir / FETCHED / ".lock", "another process is fetching into this project"):
            self._check_space(orders)
            for layer, supply in self.supplies.items():
                supply.begin([order for order in orders if order.layer == layer])
            done = self._fetch_all(orders, progress)
            for layer, supply in self.supplies.items():
                supply.settle([order for order in done if order.layer == layer])
            return done

    def _fetch_all(self, orders: Sequence[Order], progress: Progress) -> tuple[Order, ...]:
        lock = threading.Lock()

        def advance(amount: int) -> None:
            with lock:
                progress.advance(amount)

        def bring(order: Order) -> Order:
            return self.supplies[order.layer].fetch(order, advance)

        wanted = [order for order in orders if order.state == "wanted"]
        progress.start("fetch", sum(order.here + order.to_come for order in wanted))
        try:
            done = dict(zip(wanted, self._each(bring, wanted), strict=True))
        finally:
            progress.finish()
        return tuple(done.get(order, order) for order in orders)

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


def is_fetched(layer: Layer) -> bool:
    """Whether anything of a layer comes by `fetch`."""
    return bool(layer.links) if isinstance(layer, Linked) else layer.fetched


def supply_of(layer: Layer, site: Site) -> Supply:
    """Who brings the files of a layer."""
    if isinstance(layer, ProductSettings):
        return ProductSupply(layer, site)
    if isinstance(layer, ImagerySettings):
        return TileSupply(layer, site) if layer.tiles else LinkSupply(layer, site)
    return FileSupply(layer, site)


def holes(orders: Sequence[Order]) -> tuple[Hole, ...]:
    """What could not be had."""
    return tuple(
        Hole(f"layer '{order.layer}', {order.file}", order.reason) for order in orders if order.state == "missing"
    )
