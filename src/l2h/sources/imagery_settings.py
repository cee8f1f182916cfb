"""Settings of imagery that is fetched: catalogues of scenes, and services of tiles."""

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from l2h.core.settings import Settings
from l2h.sources.veil import Address, has_secret

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class StacSettings(Settings):
    """Scenes from a STAC API or a static catalogue: those that meet the grid and pass every filter.

    address           : of the API or of the catalogue's first document: `https://…`, or a file of this machine
    collections       : whose scenes are taken; all where it is left out
    asset             : key of the picture among the files of a scene
    start, end        : first and last day of capture
    max_cloud_percent : scenes with more cloud are left out, and those that do not say
    max_gsd_m         : scenes with a coarser ground sampling distance are left out, and those that do not say
    max_scenes        : more than this end the search: a filter is missing
    """

    address: Address = Field(min_length=1)
    collections: tuple[str, ...] = ()
    asset: str = Field("visual", min_length=1)
    start: date | None = None
    end: date | None = None
    max_cloud_percent: float | None = Field(None, ge=0, le=100)
    max_gsd_m: float | None = Field(None, gt=0)
    max_scenes: int = Field(1000, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.start and self.end and self.start > self.end:
            raise ValueError("the start lies after the end")
        return self


class TilesSettings(Settings):
    """A picture served in tiles: XYZ by `url`, or WMTS by the address of its capabilities. Polite by default.

    url         : template of a tile's address with {z}, {x}, {y} or {-y} (counted from below), {q} (quadkey), {s} (one
                  of `subdomains`), {key}
    wmts        : address of a WMTS capabilities document; may hold {key}
    layer       : of the WMTS
    style       : of the WMTS layer; its default where left out
    matrix_set  : tile matrix set of the WMTS; the first that fits, Web Mercator before others, where left out
    zoom        : level; of a WMTS the name of one, else its number from the coarsest on, which is 0; the coarsest with
                  pixels no larger than those of the grid where left out
    max_zoom    : finest level that there is, where `url` is given and `zoom` left out
    tile_px     : side of a tile
    subdomains  : what {s} stands for, in turn
    key_env     : environment variable that holds {key}. The key is written nowhere
    per_second  : requests a second, at most
    connections : at once
    placeholders: SHA-256 of tiles that mean "no imagery here", beside those that are one colour or come again and again
    terms       : where the terms of use stand, or what they say; printed before anything is fetched
    """

    url: Address | None = None
    wmts: Address | None = None
    layer: str | None = None
    style: str | None = None
    matrix_set: str | None = None
    zoom: int | None = Field(None, ge=0, le=24)
    max_zoom: int = Field(19, ge=0, le=24)
    tile_px: int = Field(256, ge=64, le=1024)
    subdomains: tuple[str, ...] = ()
    key_env: str | None = Field(None, pattern="^[A-Za-z_][A-Za-z0-9_]*$")
    per_second: float = Field(4.0, gt=0)
    connections: int = Field(2, ge=1, le=8)
    placeholders: tuple[Digest, ...] = ()
    terms: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.url is None) == (self.wmts is None):
            raise ValueError("give either url (XYZ) or wmts")
        text = self.url or self.wmts or ""
        if self.url and not _names_a_tile(self.url):
            raise ValueError("url needs {z}, {x} and {y} (or {-y}), or {q}")
        if (self.wmts is None) != (self.layer is None) or (self.url and (self.style or self.matrix_set)):
            raise ValueError("layer goes with wmts; style and matrix_set too")
        if "{env:" in text or has_secret(text):
            raise ValueError("a key has no place here: write {key}, and name its environment variable in key_env")
        named = "{key}" in text  # a WMTS may want its key in the addresses of tiles alone
        if (named and self.key_env is None) or (self.url and self.key_env is not None and not named):
            raise ValueError("{key} in the address goes with key_env")
        if ("{s}" in text) != bool(self.subdomains):
            raise ValueError("{s} in the address goes with subdomains")
        return self


def _names_a_tile(url: str) -> bool:
    return "{q}" in url or ("{z}" in url and "{x}" in url and ("{y}" in url or "{-y}" in url))
