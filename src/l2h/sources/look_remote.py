"""Look from afar: what a file behind an address is, by a few ranges of it, under the checks of every transfer."""

from contextlib import closing
from typing import Any
from urllib.parse import unquote, urlsplit

import osmium
from osmium.io import FileBuffer

from l2h.core.crs import transformer
from l2h.core.errors import InputError
from l2h.sources.fetch_settings import FetchSettings
from l2h.sources.groups import LargePieces, open_far
from l2h.sources.intake import WGS84
from l2h.sources.link_supply import check_address
from l2h.sources.links import EXTRACTS, OUTLINES, blob_at, kind_of
from l2h.sources.look import Facts, header_facts, parquet_facts, told_of
from l2h.sources.pace import Pace
from l2h.sources.remote import RemoteFile, open_remote
from l2h.sources.transfer import stat_patiently
from l2h.sources.veil import Veil, veiled
from l2h.sources.web import LinkStore

RASTERS = (".tif", ".tiff", ".jp2")
FETCH = "The rest shows when it is here: `l2h fetch` brings it."


def remote_facts(address: str, settings: FetchSettings, levels: tuple[str, ...]) -> Facts:
    """What is known of a file without fetching it; AddressError, or InputError where it cannot be had or read."""
    veil = Veil()
    with veil.drawn():
        return _facts(check_address(veil.lift(address)), veiled(address), settings, levels)


def _facts(address: str, shown: str, settings: FetchSettings, levels: tuple[str, ...]) -> Facts:
    with closing(LinkStore(settings)) as store:
        pace = Pace(settings)
        remote = stat_patiently(store, address, pace, pace.deadline())
        size = "" if remote.size is None else f"{remote.size:,} bytes"
        facts: Facts = {"path": shown, "bytes": size or "not said", "version": remote.version}
        if remote.size is None:
            return facts | {"note": f"The server does not say how long it is, so no part can be read. {FETCH}"}
        name = unquote(urlsplit(address).path).lower()
        kind = kind_of(name, (*RASTERS, *EXTRACTS, *OUTLINES))
        file = (LargePieces if kind == ".parquet" else RemoteFile)(store, address, remote, pace, lambda _: None)
        facts |= _of_kind(file, address, kind, levels)
        return facts | {"read": f"{file.came:,} of {size}"}


def _of_kind(file: RemoteFile, address: str, kind: str | None, levels: tuple[str, ...]) -> Facts:
    if kind in RASTERS:
        with open_remote(file, address) as dataset:
            return _raster(dataset)
    if kind == ".parquet":
        return parquet_facts(open_far(file, address), address, levels)
    if kind in (".osm.pbf", ".pbf"):
        return told_of("extract") | _header(file, address) | {"note": f"Its ways were not counted. {FETCH}"}
    if kind in EXTRACTS and ".osm" in str(kind):
        return told_of("extract") | {"note": FETCH}
    return {"note": f"Such a file cannot be looked into from afar. {FETCH}"} if kind else {"note": "no kind we know"}


def _header(file: RemoteFile, address: str) -> Facts:
    """What the first block of an extract says."""
    head = file.read(0, 1 << 16)
    if file.error is not None:
        raise file.error
    end = blob_at(head)
    if end is None:
        raise InputError("a file is no .osm.pbf", where=address, got=f"{head[:16]!r}…")
    data = file.read(0, min(end, 1 << 20))
    if file.error is not None:
        raise file.error
    try:
        return header_facts(osmium.FileProcessor(FileBuffer(data, "pbf")).header)
    except RuntimeError as error:
        raise InputError("an OpenStreetMap extract cannot be read", where=address, got=str(error)) from error


def _raster(dataset: Any) -> Facts:
    sides = ""
    if dataset.crs:
        box = transformer(dataset.crs.to_wkt(), WGS84).transform_bounds(*dataset.bounds)
        sides = ", ".join(f"{side:.5f}" for side in box)
    many = dataset.count > 1
    return {
        "what": f"raster of {dataset.count} band{'s' * many}, {dataset.width:,} × {dataset.height:,} px",
        "l2h": "a scene, or a sheet of a product" + ("" if dataset.overviews(1) else "; it has no overviews"),
        "dtype": dataset.dtypes[0], "crs": dataset.crs.to_string() if dataset.crs else "none",
        "pixel": [abs(dataset.transform.a), abs(dataset.transform.e)], "extent": sides, "nodata": dataset.nodata,
        "block": list(dataset.block_shapes[0]), "overviews": list(dataset.overviews(1)),
    }  # fmt: skip
