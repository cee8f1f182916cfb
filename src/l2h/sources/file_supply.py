"""Who brings vector files and tables that have an address: extracts of OpenStreetMap, Overture, outlines, surveys."""

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from l2h.core.errors import L2HError
from l2h.sources.arrivals import place_of
from l2h.sources.carry import asked, carried, kept
from l2h.sources.documents import Documents
from l2h.sources.folders import list_folder
from l2h.sources.groups import box_around, box_near, cut_groups, has_groups_near, wanted_part
from l2h.sources.links import is_address, names_of
from l2h.sources.listing import Listed, Listing, folders_digest, known_folders, write_listing
from l2h.sources.orders import FATAL, Order, Site, State
from l2h.sources.pace import Pace
from l2h.sources.paths import check_stems, matching
from l2h.sources.settings import Linked, OsmSettings
from l2h.sources.stores import Remote
from l2h.sources.tiles import Box
from l2h.sources.transfer import Transfer, stat_patiently
from l2h.sources.veil import Veil, is_veiled, veiled


class FileSupply:
    """Files as they are, each from its own address, checked by the digest that lies beside it where there is one.

    Of a folder those files come that have a group of rows near the grid, as their footers say.
    """

    per_second = None

    def __init__(self, settings: Linked, site: Site) -> None:
        from l2h.sources.web import ExtractStore

        self.links, self.settings, self.site = settings.links, settings, site
        self.layer = self.links.layer
        self._store = ExtractStore(site.settings)
        self._paces: dict[str, Pace] = {}
        self._lock = threading.Lock()
        self._listing: Listing | None = None
        self._addresses = {file: address for address, file in self.links.files.items()}

    def about(self) -> Sequence[str]:
        kinds = {"osm": "OpenStreetMap or Overture", "boundary": "outlines of cities", "survey": "surveyed areas"}
        return f"{kinds[self.layer]}   licence {self.settings.licence}", self.settings.attribution

    def orders(self) -> Sequence[Order]:
        orders = self._orders()
        if isinstance(self.settings, OsmSettings):
            check_stems([*_own_files(self.settings, self.site.project_dir), *(order.target for order in orders)])
        return orders

    def _orders(self) -> list[Order]:
        orders = [self._order(file, address) for address, file in self.links.files.items()]
        if not (self.links.folders and isinstance(self.settings, OsmSettings)):
            return orders
        self._listing = self._known(self.settings)
        return [
            *orders,
            *(self._order(s.file, s.address, "beside" if s.beside else "kept") for s in self._listing.scenes),
        ]

    def _order(self, file: str, address: str, state: State = "kept") -> Order:
        place = place_of(self.layer, file, self.site.project_dir)
        return Order(self.layer, file, veiled(address), place, state, part=self._part(file))

    def _known(self, osm: OsmSettings) -> Listing:
        """What lies in the folders: as it was listed, else as servers list it now; addresses are noted as they are."""
        listing = known_folders(osm, self.site.project_dir, self.site.grid)
        if listing is None:
            addresses = self._list()
            names = names_of((*self.links.files, *addresses))[len(self.links.files) :]
            here = dict(zip(names, addresses, strict=True))
            scenes = tuple(Listed(file, veiled(address), file) for file, address in here.items())
            listing = Listing(folders_digest(osm, self.site.grid), scenes)
            self._addresses |= here
        elif any(is_veiled(scene.address) for scene in listing.scenes):
            fresh = {veiled(address): address for address in self._list()}
            self._addresses |= {s.file: fresh.get(s.address, s.address) for s in listing.scenes}
        else:
            self._addresses |= {scene.file: scene.address for scene in listing.scenes}
        return listing

    def _list(self) -> tuple[str, ...]:
        """The files of all folders, with their addresses as they can be asked for."""
        veil, endpoint = Veil(), self.site.settings.s3_endpoint
        with closing(Documents(self.site, veil)) as documents:
            found = [
                address
                for folder in self.links.folders
                for address in list_folder(folder, lambda page: documents.get(veil.lift(page)), endpoint)
            ]
        return tuple(dict.fromkeys(found))

    def _part(self, file: str) -> str:
        return wanted_part(self.settings, self.site.grid, file) if isinstance(self.settings, OsmSettings) else ""

    @cached_property
    def _box(self) -> Box | None:
        return box_near(self.settings, self.site.grid) if isinstance(self.settings, OsmSettings) else None

    def look(self, order: Order) -> Order:
        if order.state == "beside":
            return order
        return kept(order) or asked(order, lambda: self._ask(order))

    def _ask(self, order: Order) -> Remote | None:
        """What the store says of a file; None where it is one of a folder's and has nothing near the grid."""
        pace = self._pace(order)
        remote = stat_patiently(self._store, self._addresses[order.file], pace, pace.deadline())
        if order.file in self.links.files.values():
            return remote
        return remote if self._is_near(order, remote) else None

    def _is_near(self, order: Order, remote: Remote) -> bool:
        """Whether a file of a folder has something near the grid; taken for granted where its footer cannot be read."""
        box = box_around(self.settings, self.site.grid) if isinstance(self.settings, OsmSettings) else None
        if box is None or remote.size is None:
            return True
        try:
            return has_groups_near(self._store, self._addresses[order.file], remote, box, self._pace(order))
        except FATAL:
            raise
        except L2HError:
            if order.part:
                raise
            return True  # what is wrong with it shows when it is here

    def begin(self, orders: Sequence[Order]) -> None:
        if self._listing is None:
            return
        beside = {order.file for order in orders if order.state == "beside"}
        scenes = tuple(replace(scene, beside=scene.file in beside) for scene in self._listing.scenes)
        write_listing(self.site.project_dir, self.layer, replace(self._listing, scenes=scenes))

    def fetch(self, order: Order, advance: Callable[[int], None]) -> Order:
        name = self._addresses[order.file]
        if order.part and self._box:
            place = self._store, name, order.target, self._box
            return carried(order, lambda: cut_groups(*place, self._pace(order), advance))
        return carried(order, Transfer(self._store, name, order.target, self._pace(order), advance).run)

    def _pace(self, order: Order) -> Pace:
        """The pace of a server: one that asks for a pause asks all transfers from it."""
        host = urlsplit(order.address).netloc
        with self._lock:
            return self._paces.setdefault(host, Pace(self.site.settings, self.site.stop))

    def settle(self, orders: Sequence[Order]) -> None:
        """Each file is what it is."""

    def close(self) -> None:
        self._store.close()


def _own_files(osm: OsmSettings, project_dir: Path) -> list[Path]:
    """Those that lie in the project already."""
    return [path for text in osm.paths if not is_address(text) for path in matching(project_dir, text)]
