"""Who brings a picture that is served in tiles: sheet by sheet, tile by tile, each asked for once."""

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from l2h.core.errors import InputError
from l2h.core.files import sha256_bytes, write_bytes
from l2h.core.grid import Window
from l2h.sources.addresses import AddressError
from l2h.sources.carry import kept
from l2h.sources.listing import Listed, Listing, asked_digest, current_listing, folder_of, write_listing
from l2h.sources.matrix import Matrix, address_of, choose, sheet_files, web_mercator
from l2h.sources.orders import FATAL, Order, Site
from l2h.sources.pace import Pace, patiently
from l2h.sources.remote import part_of
from l2h.sources.settings import ImagerySettings
from l2h.sources.sheets import (
    ABSENT,
    KNOWN,
    NOTE,
    Bytes,
    assemble,
    blank,
    decode,
    digest_of,
    repeated,
    why_empty,
    write_sheet,
)
from l2h.sources.stores import AbsentError, TransientError
from l2h.sources.tile_client import TileClient, host_of, key_from
from l2h.sources.transfer import Receipt, WrongBytesError, storage_errors
from l2h.sources.veil import is_veiled, veiled

TILE_BYTES = 15_000  # about what a tile of 256 × 256 pixels weighs: for plans only


class TileSupply:
    """Sheets of a service's tiles that cover the grid."""

    def __init__(self, entry: ImagerySettings, site: Site) -> None:
        if entry.tiles is None:
            raise InputError("a layer is no service of tiles", where=entry.name)
        self.layer, self.entry, self.site, self.tiles = entry.name, entry, site, entry.tiles
        self.per_second: float | None = self.tiles.per_second
        limits = site.settings.model_copy(update={"connections": self.tiles.connections})
        key = key_from(self.tiles.key_env, entry.name)
        self._client = TileClient(limits, self.tiles.per_second, key)
        self._pace = Pace(site.settings, site.stop)
        self._pool = ThreadPoolExecutor(self.tiles.connections)
        self._listing: Listing | None = None
        self._matrix, self._template = web_mercator(0), ""
        self._sheets: dict[str, Window] = {}

    def about(self) -> Sequence[str]:
        tiles = self.tiles
        terms = f"terms: {tiles.terms or 'not stated: read those of the service before you fetch'}"
        pace = f"at most {tiles.per_second:g} requests a second, {tiles.connections} at once"
        title = f"tiles of {host_of(tiles.url or tiles.wmts or '')}   licence {self.entry.licence}"
        return title, self.entry.attribution, terms, pace

    def orders(self) -> Sequence[Order]:
        self._matrix, self._template = self._service()
        self._client.check(address_of(self._template, self._matrix, 0, 0, self.tiles.subdomains))
        self._sheets = sheet_files(self._matrix, self.site.grid)
        orders = [self._order(file, sheet) for file, sheet in self._sheets.items()]
        scenes = tuple(Listed(order.file, order.address, order.file.rpartition(".")[0]) for order in orders)
        more = {"matrix": self._matrix.to_dict(), "template": veiled(self._template)}
        self._listing = Listing(asked_digest(self.entry, self.site.project_dir, self.site.grid), scenes, more=more)
        return orders

    def _service(self) -> tuple[Matrix, str]:
        """Level and template of addresses; of a WMTS as it was listed, else from its capabilities."""
        tiles, grid = self.tiles, self.site.grid
        if tiles.url is not None:
            levels = range(tiles.max_zoom + 1) if tiles.zoom is None else (tiles.zoom,)
            return choose([web_mercator(zoom, tiles.tile_px) for zoom in levels], grid), tiles.url
        listing = current_listing(self.entry, self.site.project_dir, grid)
        if listing and listing.more and not is_veiled(str(listing.more["template"])):
            return Matrix(**listing.more["matrix"]), str(listing.more["template"])
        from l2h.sources.wmts import read_service

        deadline = self._pace.deadline()
        address = str(tiles.wmts)
        page = patiently(lambda: self._client.get(address, self._pace, deadline), lambda: 0, self._pace, deadline)
        matrix, template = read_service(page, tiles, grid)
        return matrix, self._client.key_out(template)  # a service may write the key into its own addresses

    def _order(self, file: str, sheet: Window) -> Order:
        target = folder_of(self.site.project_dir, self.layer) / file
        address = f"{veiled(self._template)} {self._matrix.name} {sheet}"
        part = part_of(self.site.grid)
        return Order(self.layer, file, address, target, "kept", part=part, requests=sheet.pixels)

    def look(self, order: Order) -> Order:
        whole = kept(order)
        if whole is not None and order.target.with_name(order.file + NOTE).is_file():
            return whole
        scale = (self._matrix.tile_px / 256) ** 2
        here = len(list(self._store(order).glob("[!.]*")))
        return replace(
            order, state="wanted", size=int(order.requests * TILE_BYTES * scale), here=int(here * TILE_BYTES * scale),
            requests=order.requests - here,
        )  # fmt: skip

    def begin(self, orders: Sequence[Order]) -> None:
        if self._listing is not None:
            write_listing(self.site.project_dir, self.layer, self._listing)

    def fetch(self, order: Order, advance: Callable[[int], None]) -> Order:
        try:
            receipt = self._sheet(order, advance)
        except FATAL:
            raise
        except (InputError, AddressError) as error:
            return order.missing(error)
        return replace(order, state="kept", size=receipt.size)

    def _sheet(self, order: Order, advance: Callable[[int], None]) -> Receipt:
        """Bring every tile of a sheet, each kept as it comes, then put the sheet together."""
        began, sheet = time.monotonic(), self._sheets[order.file]
        places = [(row, col) for row in range(*sheet.edges[:2]) for col in range(*sheet.edges[2:])]
        futures = [self._pool.submit(self._tile, order, place, advance) for place in places]
        try:
            paths = [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
        pixels, note = self._see(dict(zip(places, paths, strict=True)))
        came = sum(path.stat().st_size for path in paths)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        seconds = round(time.monotonic() - began, 3)
        receipt = Receipt(order.address, 0, 0, "", "", "nothing", now, seconds, order.part, came)
        picture = assemble(pixels, sheet, self._matrix.tile_px)
        receipt = write_sheet(order.target, self._matrix, sheet, picture, note, receipt)
        shutil.rmtree(self._store(order))
        return receipt

    def _tile(self, order: Order, place: tuple[int, int], advance: Callable[[int], None]) -> Path:
        """Where a tile's bytes lie: as they came, checked; an empty file where the service has none."""
        row, col = place
        path = self._store(order) / f"{row}_{col}"
        if not path.is_file():
            deadline = self._pace.deadline()
            address = address_of(self._template, self._matrix, row, col, self.tiles.subdomains)
            data = patiently(lambda: self._ask(address, deadline), lambda: 0, self._pace, deadline)
            with storage_errors(path):
                write_bytes(path, data)
        advance(path.stat().st_size)
        return path

    def _ask(self, address: str, deadline: float) -> bytes:
        try:
            data = self._client.get(address, self._pace, deadline)
        except AbsentError:
            return b""
        if digest_of(data) in self.tiles.placeholders:
            return data
        try:
            decode(data, self._matrix.tile_px)
        except WrongBytesError as error:  # a page about a quota, a picture cut short: it may pass
            raise TransientError(error.what, where=veiled(address), expected=error.expected, got=error.got) from error
        return data

    def _see(self, paths: dict[tuple[int, int], Path]) -> tuple[dict[tuple[int, int], Bytes], dict[str, str]]:
        """Pixels of the tiles that show something, and what there is to note of each."""
        pixels, note = {}, {}
        for (row, col), path in paths.items():
            data = path.read_bytes()
            digest = digest_of(data)
            why = ABSENT if not data else KNOWN if digest in self.tiles.placeholders else ""
            if not why:  # a known placeholder may be of any size
                decoded = decode(data, self._matrix.tile_px)
                why = why_empty(decoded)
                if not why:
                    pixels[row, col] = decoded
            note[f"{row}/{col}"] = why or digest
        return pixels, note

    def _store(self, order: Order) -> Path:
        """Where the tiles of a sheet wait for each other; another for another service or level."""
        name = sha256_bytes(f"{veiled(self._template)} {self._matrix}".encode())[:12]
        return order.target.with_name(f".{order.file}.{name}.coming")

    def settle(self, orders: Sequence[Order]) -> None:
        here = [order.target for order in orders if order.state == "kept"]
        again = repeated(here, folder_of(self.site.project_dir, self.layer)) if here else set()
        for path in here if again else ():
            blank(path, self._matrix, again)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._client.close()
