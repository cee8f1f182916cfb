"""Scenes from a STAC API or a static catalogue: what meets the grid and passes every filter.

pystac reads the documents; every request it makes, and every address that a document names, goes through our own
client and its checks.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from l2h.core.errors import InputError, L2HError, UsageError
from l2h.sources.documents import Documents
from l2h.sources.extent import geographic_box
from l2h.sources.imagery_settings import StacSettings
from l2h.sources.link_supply import check_address
from l2h.sources.listing import Listed, file_names
from l2h.sources.orders import Site
from l2h.sources.tiles import Box
from l2h.sources.veil import Veil, veiled

if TYPE_CHECKING:
    from pystac_client import Client
    from pystac_client.stac_api_io import StacApiIO

PAGE = 100  # items asked for at once


@dataclass(frozen=True)
class Item:
    """What we need of an item: its asset's address, absolute, and what the filters ask for.

    address : empty where the item lacks the asset
    assets  : keys of the files it has
    """

    id: str
    collection: str
    box: tuple[float, ...]
    day: date | None
    cloud: float | None
    gsd: float | None
    address: str
    assets: tuple[str, ...] = ()


def find_scenes(settings: StacSettings, site: Site, layer: str) -> list[Listed]:
    """The scenes of a catalogue for a grid, newest first; each name once.

    InputError where the catalogue cannot be read, has none, or more than `max_scenes`, or where one of them lacks the
    asset; AddressError for an address that is not followed; UsageError where the library is not installed.
    """
    where, box = f"layer '{layer}', {veiled(settings.address)}", geographic_box(site.grid)
    found: dict[tuple[str, str], Item] = {}
    for item in _items(settings, site, box, where):
        if passes(item, settings, box):
            _check_asset(item, settings, where)
            check_address(item.address)
            found[item.collection, item.id] = item
        if len(found) > settings.max_scenes:
            hint = "Filter by collection, day or cloud, or raise max_scenes."
            raise InputError(
                "a catalogue has too many scenes", where=where, expected=f"{settings.max_scenes}", hint=hint
            )
    if not found:
        raise InputError("a catalogue has no scene for the grid", where=where, hint="Loosen the filters.")
    items = sorted(found.values(), key=lambda item: (item.collection, item.id))
    items.sort(key=lambda item: item.day or date.min, reverse=True)
    names = file_names([(item.id, item.address) for item in items])
    return [
        Listed(name, item.address, item.id, item.day.isoformat() if item.day else None, item.cloud)
        for name, item in zip(names, items, strict=True)
    ]


def _check_asset(item: Item, settings: StacSettings, where: str) -> None:
    """InputError where a scene that is wanted lacks the asset; one that is not wanted may lack what it likes."""
    if not item.address:
        known = ", ".join(sorted(item.assets)[:30])
        raise InputError(
            "a scene has no such asset", where=f"{where}, {item.id}", expected=f"one of {known}", got=settings.asset
        )


def passes(item: Item, settings: StacSettings, box: Box) -> bool:
    """Whether an item meets a box (west, south, east, north, in degrees) and passes the filters."""
    half = len(item.box) // 2
    west, south, east, north = *item.box[:2], *item.box[half : half + 2]
    # west of an item that crosses the antimeridian is the larger (RFC 7946, 5.2); boxes of grids never do
    beside = west > box[2] and east < box[0] if west > east else west > box[2] or east < box[0]
    meets = not beside and south <= box[3] and north >= box[1]
    wanted = not settings.collections or item.collection in settings.collections
    day = item.day or date.min
    in_time = (settings.start is None or day >= settings.start) and (
        settings.end is None or (item.day is not None and day <= settings.end)
    )
    return meets and wanted and in_time and _below(item.cloud, settings.max_cloud_percent) and _below(
        item.gsd, settings.max_gsd_m
    )  # fmt: skip


def _below(value: float | None, limit: float | None) -> bool:
    return limit is None or (value is not None and value <= limit)


def _items(settings: StacSettings, site: Site, box: Box, where: str) -> Iterator[Item]:
    """Every item of a catalogue that may be meant, read."""
    try:
        import pystac
        from pystac_client import Client
        from pystac_client.exceptions import APIError
        from pystac_client.warnings import PystacClientWarning
    except ImportError as error:
        raise UsageError("catalogues need a library", where=where, hint="pip install 'l2h[stac]'") from error
    local = "://" not in settings.address
    root, veil = (site.project_dir / settings.address) if local else None, Veil()
    try:
        with veil.drawn(), make_reader(site, root, veil) as reader, warnings.catch_warnings():
            warnings.simplefilter("ignore", PystacClientWarning)  # a static catalogue is no API: we look
            client = Client.open(str(root or veil.lift(settings.address)), stac_io=reader)
            for values, base in _documents(client, settings, box):
                if not settings.collections or values.get("collection") in settings.collections:
                    yield read_item(values, base, settings.asset)
    except L2HError:
        raise
    except (pystac.STACError, APIError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        got = veil.hide(f"{type(error).__name__}: {error}")
        raise InputError("a catalogue cannot be read", where=where, got=got) from error


def _documents(client: "Client", settings: StacSettings, box: Box) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Items as they stand, with the address that their links are relative to."""
    if client.conforms_to("ITEM_SEARCH"):
        search = client.search(
            collections=list(settings.collections) or None, bbox=list(box), limit=PAGE,
            datetime=_instants(settings) if settings.start or settings.end else None,
        )  # fmt: skip
        for values in search.items_as_dicts():
            links = {link.get("rel"): link.get("href") for link in values.get("links", [])}
            yield values, str(links.get("self") or settings.address)
        return
    seen, waiting = set(), [client]
    while waiting:
        catalogue: Any = waiting.pop()
        for link in (*catalogue.get_item_links(), *catalogue.get_child_links()):
            href = str(link.get_absolute_href())
            if href in seen:  # a circle
                continue
            seen.add(href)
            if link.rel == "item":
                yield catalogue._stac_io.read_json(href), href
            else:
                waiting.append(catalogue._stac_io.read_stac_object(href, root=catalogue.get_root()))


def _instants(settings: StacSettings) -> str:
    """The days as the interval a search asks for, both ends included."""
    start = f"{settings.start}T00:00:00Z" if settings.start else ".."
    return f"{start}/{settings.end}T23:59:59Z" if settings.end else f"{start}/.."


def read_item(values: Mapping[str, Any], base: str, asset: str) -> Item:
    """An item from its document.

    base : address that a relative one is relative to

    An address must not name a variable of ours: braces in it are written as addresses write them.
    """
    properties, assets = values["properties"], values["assets"]
    wanted = assets.get(asset, {})
    stamp = properties.get("datetime") or properties.get("start_datetime") or ""
    box = tuple(float(number) for number in values.get("bbox") or ())
    gsd = wanted.get("gsd", properties.get("gsd"))
    cloud = properties.get("eo:cloud_cover")
    address = _plain(urljoin(base, str(wanted["href"]))) if wanted else ""
    return Item(
        str(values["id"]), str(values.get("collection") or ""), box if len(box) in (4, 6) else (999.0,) * 4,
        date.fromisoformat(stamp[:10]) if stamp else None, None if cloud is None else float(cloud),
        None if gsd is None else float(gsd), address, tuple(assets),
    )  # fmt: skip


def _plain(address: str) -> str:
    return address.replace("{", "%7B").replace("}", "%7D")


@contextmanager
def make_reader(site: Site, root: Path | None, veil: Veil) -> "Iterator[StacApiIO]":
    """pystac's way to documents, replaced by ours.

    root : the first document of a catalogue on this machine; only files below its folder are read. None for one on
    the web, of which no link reaches a file of this machine
    veil : of the secrets in its address
    """
    from pystac_client.stac_api_io import StacApiIO

    documents = Documents(site, veil)

    class Reader(StacApiIO):
        def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
            if hasattr(source, "to_dict"):  # a link to the next page
                return str(super().read_text(source, *args, **kwargs))
            href = str(source)
            return self.request(href, *args, **kwargs) if "://" in href else read_local(href, root)

        def request(self, href: str, method: str | None = None, headers: Any = None, parameters: Any = None) -> str:
            """Headers that a document asks us to send are not sent."""
            return documents.get(href, (method or "GET").upper(), parameters)

    with closing(documents):
        yield Reader(max_retries=None)


def read_local(href: str, root: Path | None) -> str:
    """A document of a catalogue on this machine; InputError for a file outside its folder, links followed."""
    path = Path(os.path.realpath(href))
    if root is None or not path.is_relative_to(os.path.realpath(root.parent)):
        raise InputError(
            "a catalogue names a file outside its folder", got=href, where=str(root or "a catalogue on the web"),
            hint="Files of this machine are named in `paths`.",
        )  # fmt: skip
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError("a document cannot be read", where=href, got=error.strerror or str(error)) from error
