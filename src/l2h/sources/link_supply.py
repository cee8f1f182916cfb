"""Who brings scenes that have an address each: from a list of the user's, or from a catalogue."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from urllib.parse import unquote, urlsplit

from l2h.core.errors import InputError, L2HError
from l2h.sources.addresses import check_url
from l2h.sources.carry import asked, carried, kept
from l2h.sources.frame import footprint, frame_of
from l2h.sources.listing import (
    Listed,
    Listing,
    asked_digest,
    current_listing,
    file_names,
    folder_of,
    read_urls_text,
    write_listing,
)
from l2h.sources.orders import FATAL, Order, Site
from l2h.sources.pace import Pace
from l2h.sources.remote import RemoteFile, cut, open_remote, part_of
from l2h.sources.settings import ImagerySettings
from l2h.sources.stores import Remote, bucket_url
from l2h.sources.transfer import Transfer, stat_patiently
from l2h.sources.veil import check_host, is_veiled, veiled, veiled_text


class LinkSupply:
    """Scenes by their addresses, whole or the window of each that the grid needs."""

    per_second = None

    def __init__(self, entry: ImagerySettings, site: Site) -> None:
        from l2h.sources.web import LinkStore

        self.layer, self.entry, self.site = entry.name, entry, site
        self._store = LinkStore(site.settings)
        self._addresses: dict[str, str] = {}  # as they can be asked for
        self._paces: dict[str, Pace] = {}
        self._lock = threading.Lock()
        self._listing: Listing | None = None

    def about(self) -> Sequence[str]:
        source = self.entry.urls or (veiled(self.entry.stac.address) if self.entry.stac else "")
        return f"imagery of {source}   licence {self.entry.licence}", self.entry.attribution

    def orders(self) -> Sequence[Order]:
        listing = self._listing = self._known()
        part = part_of(self.site.grid) if self.entry.take == "window" else ""
        folder = folder_of(self.site.project_dir, self.layer)
        return [
            Order(
                self.layer, scene.file, scene.address, folder / scene.file, "beside" if scene.beside else "kept",
                part=part,
            )
            for scene in listing.scenes
        ]  # fmt: skip

    def _known(self) -> Listing:
        """The scenes as they were listed, else as they are found now; addresses are noted as they can be asked for."""
        listing = current_listing(self.entry, self.site.project_dir, self.site.grid)
        if listing and not any(is_veiled(scene.address) for scene in listing.scenes):
            self._addresses = {scene.file: scene.address for scene in listing.scenes}
            return listing
        found = self._search()
        self._addresses = {scene.file: scene.address for scene in found}
        if listing is None:
            asked = asked_digest(self.entry, self.site.project_dir, self.site.grid)
            return Listing(asked, tuple(replace(scene, address=veiled(scene.address)) for scene in found))
        if not self.entry.urls:  # a list is the same but for its keys, so its names are; a catalogue may have grown
            fresh = {veiled(scene.address): scene.address for scene in found}
            self._addresses = {scene.file: fresh.get(scene.address, scene.address) for scene in listing.scenes}
        return listing

    def _search(self) -> list[Listed]:
        if self.entry.stac is None:
            return list_urls(read_urls_text(self.entry, self.site.project_dir), self.layer)
        from l2h.sources.stac import find_scenes

        return find_scenes(self.entry.stac, self.site, self.layer)

    def look(self, order: Order) -> Order:
        if order.state == "beside":
            return order
        return kept(order) or asked(order, lambda: self._ask(order))

    def _ask(self, order: Order) -> Remote | None:
        """What the store says of a scene; None where it does not meet the grid."""
        pace = self._pace(order)
        remote = stat_patiently(self._store, self._addresses[order.file], pace, pace.deadline())
        return remote if self._meets_grid(order, remote, pace) else None

    def _meets_grid(self, order: Order, remote: Remote, pace: Pace) -> bool:
        """Whether a scene meets the grid, by its head alone; taken for granted where the head cannot be read."""
        if remote.size is None:
            return True
        file = RemoteFile(self._store, self._addresses[order.file], remote, pace, lambda _: None)
        try:
            with open_remote(file, order.address) as dataset:
                return not footprint(frame_of(dataset, self.layer), self.site.grid).empty
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
        pace, name = self._pace(order), self._addresses[order.file]
        if order.part:
            return carried(order, lambda: cut(self._store, name, order.target, self.site.grid, pace, advance))
        return carried(order, Transfer(self._store, name, order.target, pace, advance).run)

    def _pace(self, order: Order) -> Pace:
        """The pace of a server: one that asks for a pause asks all transfers from it."""
        host = urlsplit(order.address).netloc
        with self._lock:
            return self._paces.setdefault(host, Pace(self.site.settings, self.site.stop))

    def settle(self, orders: Sequence[Order]) -> None:
        """Each file is what it is."""

    def close(self) -> None:
        self._store.close()


def list_urls(text: str, layer: str) -> list[Listed]:
    """Scenes from a list: an address a line, the day of capture behind it where it is known; `#` begins a remark.

    InputError names the line that cannot be read, AddressError the address that is not followed.

    >>> [(s.file, s.taken) for s in list_urls("https://a.example/x/b.tif 2021-05-06", "i")]
    [('b.tif', '2021-05-06')]
    """
    rows = list(_lines(text, layer))
    if not rows:
        raise InputError("a list of addresses is empty", where=f"layer '{layer}'")
    names = file_names([(_stem(address), address) for address, _ in rows])
    return [
        Listed(name, address, name.rpartition(".")[0], day) for name, (address, day) in zip(names, rows, strict=True)
    ]


def _lines(text: str, layer: str) -> Iterator[tuple[str, str | None]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        try:
            address, *days = words
            (day,) = days or (None,)
            yield check_address(address), date.fromisoformat(day).isoformat() if day else None
        except ValueError as error:
            raise InputError(
                "a line is no address with a day", where=f"layer '{layer}', line {number}",
                got=veiled_text(line.strip()), expected="https://host/path.tif 2021-05-06",
            ) from error  # fmt: skip


def check_address(address: str) -> str:
    """An address of a scene, `https://…`, `http://…` or `s3://bucket/key`; AddressError for any other.

    ValueError for one whose host stands in the environment.
    """
    scheme, _, rest = address.partition("://")
    check_host(address)
    check_url(bucket_url(rest, None, None) if scheme == "s3" else address)
    return address


def _stem(address: str) -> str:
    return unquote(urlsplit(address).path).rstrip("/").rpartition("/")[2] or "scene"
