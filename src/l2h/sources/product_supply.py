"""Who brings the files of a product of the catalogue."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from l2h.sources.arrivals import needed_files, place_of
from l2h.sources.carry import asked, carried, kept
from l2h.sources.catalogue import load_product
from l2h.sources.ground import whole_ground
from l2h.sources.orders import Order, Site
from l2h.sources.pace import Pace
from l2h.sources.remote import cut, part_of
from l2h.sources.settings import ProductSettings
from l2h.sources.stores import open_store
from l2h.sources.transfer import Transfer, stat_patiently


class ProductSupply:
    """The tiles of a product that cover the grid, from the publisher's place or from another."""

    per_second = None

    def __init__(self, product: ProductSettings, site: Site) -> None:
        self.layer, self.product, self.site = product.name, product, site
        self.table = load_product(str(product.catalogue))
        address = product.source or str(self.table.source)  # settings refuse a product that has neither
        self._store = open_store(address, site.settings, site.project_dir, self.table.region)
        self._pace = Pace(site.settings, site.stop)

    def about(self) -> Sequence[str]:
        title = f"{self.table.title}   licence {self.product.licence}"
        return title, self.product.attribution, self.table.citation, self.table.sentence

    def orders(self) -> Sequence[Order]:
        part = part_of(self.site.grid) if self.product.take == "window" else ""
        ground = self.site.ground or whole_ground(self.site.grid)
        return [
            Order(
                self.layer, tile.file, self._store.shown(tile.file),
                place_of(self.layer, tile.file, self.site.project_dir), "kept", part=part,
                provinces=ground.provinces_in(tile.box),
            )
            for tile in needed_files(self.product, ground)
        ]  # fmt: skip

    def expect(self, order: Order) -> Order:
        """As `look`, without asking the store: the size is what the catalogue expects."""
        return kept(order) or replace(order, state="wanted", expected=None if order.part else self.table.tile_bytes)

    def look(self, order: Order) -> Order:
        pace = self._pace
        return kept(order) or asked(order, lambda: stat_patiently(self._store, order.file, pace, pace.deadline()))

    def begin(self, orders: Sequence[Order]) -> None:
        """The grid says what is needed: nothing to note."""

    def fetch(self, order: Order, advance: Callable[[int], None]) -> Order:
        if order.part:
            return carried(
                order, lambda: cut(self._store, order.file, order.target, self.site.grid, self._pace, advance)
            )
        return carried(order, Transfer(self._store, order.file, order.target, self._pace, advance).run)

    def settle(self, orders: Sequence[Order]) -> None:
        """Each file is what it is."""

    def close(self) -> None:
        self._store.close()
