"""Who brings vector files that have an address: extracts of OpenStreetMap, Overture, outlines of cities."""

from collections.abc import Callable, Sequence
from functools import cached_property
from urllib.parse import urlsplit

from l2h.sources.arrivals import place_of
from l2h.sources.carry import asked, carried, kept
from l2h.sources.groups import box_near, cut_groups, wanted_part
from l2h.sources.orders import Order, Site
from l2h.sources.pace import Pace
from l2h.sources.settings import BoundarySettings, OsmSettings
from l2h.sources.tiles import Box
from l2h.sources.transfer import Transfer, stat_patiently


class FileSupply:
    """Files as they are, each from its own address, checked by the digest that lies beside it where there is one."""

    per_second = None

    def __init__(self, settings: OsmSettings | BoundarySettings, site: Site) -> None:
        from l2h.sources.web import ExtractStore

        self.links, self.settings, self.site = settings.links, settings, site
        self.layer = self.links.layer
        self._store = ExtractStore(site.settings)
        hosts = {urlsplit(address).netloc for address in self.links.files}
        self._paces = {host: Pace(site.settings, site.stop) for host in hosts}

    def about(self) -> Sequence[str]:
        kind = "OpenStreetMap or Overture" if isinstance(self.settings, OsmSettings) else "outlines of cities"
        return f"{kind}   licence {self.settings.licence}", self.settings.attribution

    def orders(self) -> Sequence[Order]:
        folder = self.site.project_dir
        return [
            Order(self.layer, file, address, place_of(self.layer, file, folder), "kept", part=self._part(file))
            for address, file in self.links.files.items()
        ]

    def _part(self, file: str) -> str:
        return wanted_part(self.settings, self.site.grid, file) if isinstance(self.settings, OsmSettings) else ""

    @cached_property
    def _box(self) -> Box | None:
        return box_near(self.settings, self.site.grid) if isinstance(self.settings, OsmSettings) else None

    def look(self, order: Order) -> Order:
        pace = self._pace(order)
        return kept(order) or asked(order, lambda: stat_patiently(self._store, order.address, pace, pace.deadline()))

    def begin(self, orders: Sequence[Order]) -> None:
        """The project file says what is needed: nothing to note."""

    def fetch(self, order: Order, advance: Callable[[int], None]) -> Order:
        if order.part and self._box:
            place = self._store, order.address, order.target, self._box
            return carried(order, lambda: cut_groups(*place, self._pace(order), advance))
        return carried(order, Transfer(self._store, order.address, order.target, self._pace(order), advance).run)

    def _pace(self, order: Order) -> Pace:
        return self._paces[urlsplit(order.address).netloc]

    def settle(self, orders: Sequence[Order]) -> None:
        """Each file is what it is."""

    def close(self) -> None:
        self._store.close()
