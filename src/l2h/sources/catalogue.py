"""The catalogue: one table per land-cover product, as its publisher delivers it.

A table names tile scheme, legend (whose crosswalk lies beside it in `core/tables`), address, licence and citation. A
product whose files are a grid of tiles with a legend we know is one more file in `catalogue/`, and no code.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Self

from pydantic import ValidationError, model_validator

from l2h.core.errors import SettingsError
from l2h.core.settings import Settings
from l2h.sources.tiles import Scheme

OFFERED = {"legend", "date", "licence", "attribution", "may_train", "may_publish", "may_redistribute", "use", "band"}


class ProductTable(Settings):
    """A product as published.

    source   : where its files lie one by one: `s3://bucket/prefix` or `https://host/prefix`; none where the publisher
               hands out archives or asks for a registration
    obtain   : how to get them then, in a sentence for people
    region   : of the bucket
    date     : year or day it speaks of; none where an export says
    sentence : what a user of it should know, in one sentence
    facts    : where codes and names of files were read, and what of them could not be verified
    use      : whether labels are made from it, or maps compared with it
    band     : band of the files that speaks of the date
    scheme   : none where files have no names of the publisher's (exports)
    tile_mb  : what a file of land takes, in megabytes, for plans that ask nobody; an estimate unless `facts` says more
    """

    name: str
    title: str
    legend: str
    date: str | None = None
    source: str | None = None
    obtain: str = ""
    region: str | None = None
    licence: str
    attribution: str
    citation: str
    sentence: str
    facts: str = ""
    use: Literal["labels", "compare"] = "labels"
    band: int = 1
    may_train: bool = True
    may_publish: bool
    may_redistribute: bool
    scheme: Scheme | None = None
    tile_mb: float | None = None

    @property
    def tile_bytes(self) -> int | None:
        """What a file is expected to take, in bytes."""
        return None if self.tile_mb is None else round(self.tile_mb * 1e6)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.source is None and not self.obtain:
            raise ValueError("a product without a source says how to obtain it")
        return self

    def defaults(self) -> dict[str, Any]:
        """What a project's product takes from here where it says nothing itself."""
        return self.model_dump(include=OFFERED, exclude_none=True)


def product_names() -> tuple[str, ...]:
    """Every name of the catalogue, sorted; a table of several years has a name for each."""
    names: list[str] = []
    for stem in _stems():
        years = _read(stem).get("years")
        names += [f"{stem}-{year}" for year in years] if years else [stem]
    return tuple(sorted(names))


@cache
def load_product(name: str) -> ProductTable:
    """A product of the catalogue, for example "worldcover-2021" or "esri-2019"; SettingsError where there is none."""
    if name not in product_names():
        raise SettingsError("no such product", expected=f"one of {', '.join(product_names())}", got=name)
    if name in _stems():
        values = _read(name)
    else:
        stem, _, year = name.rpartition("-")
        values = _of_year(_read(stem), int(year))
        place = values.pop("years").index(int(year))
        if "bands" in values:
            values["band"] = values.pop("bands")[place]
    try:
        return ProductTable.model_validate({"name": name, **values})
    except ValidationError as error:
        raise SettingsError("a table of the catalogue cannot be used", where=name, got=str(error)) from error


def _stems() -> tuple[str, ...]:
    folder = files("l2h.sources").joinpath("catalogue")
    return tuple(sorted(p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")))


def _read(stem: str) -> dict[str, Any]:
    return tomllib.loads(files("l2h.sources").joinpath(f"catalogue/{stem}.toml").read_text("utf-8"))


def _of_year(value: Any, year: int) -> Any:
    """A table's texts with {year} and {next_year} filled in; fields of the tile scheme stand in double braces."""
    if isinstance(value, dict):
        return {key: _of_year(item, year) for key, item in value.items()}
    return value.format(year=year, next_year=year + 1) if isinstance(value, str) else value
