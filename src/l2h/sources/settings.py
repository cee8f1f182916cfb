"""Settings of what comes in."""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from l2h.sources.catalogue import load_product
from l2h.sources.imagery_settings import StacSettings, TilesSettings
from l2h.sources.layer_settings import RESERVED_LAYERS, LayerName, LayerSettings, LegendName, PartialDate
from l2h.sources.links import EXTRACTS, FETCHED, OUTLINES, TABLES, Links, check_links
from l2h.sources.veil import Address

Pair = tuple[float, float]
Day = date  # a field of that name hides the type
Paths = Annotated[tuple[Address, ...], Field(min_length=1)]


def fetched_glob(layer: str) -> str:
    """Where the files of a layer lie once they are fetched."""
    return f"{FETCHED}/{layer}/*.tif"


def fetched_folder(layer: object) -> tuple[str, ...]:
    """Where the scenes of a layer lie once they are fetched, as `paths` say it."""
    return (f"{FETCHED}/{layer}",)


class ImagerySettings(LayerSettings):
    """Scenes of one origin: files that are here (`paths`), or that `fetch` brings (`urls`, `stac` or `tiles`).

    name        : of the layer; every layer has its own
    paths       : files, folders (every GeoTIFF and JPEG 2000 below) and globs, relative to the project folder. A VRT
                  stands for the files it names
    vrt_folders : where the files of a VRT may lie, besides the folder of the VRT
    urls        : a text file with one address a line (`https://…`, `s3://…`), each with the day of capture behind it
                  where it is known
    stac        : a catalogue of scenes
    tiles       : a service of tiles
    take        : of `urls` and `stac`: `whole` files, or only the `window` of each that the grid needs
    bands       : bands to keep, counted from 1, in this order
    date        : day on which all scenes were taken that do not say it themselves
    dates       : file stem → day; else the catalogue's, the TIFF tag, eight digits in the file's name, or `date`
    clouds      : file stem → per cent of cloud; else the catalogue's
    rank        : who wins a pixel: the newest (undated last), the clearest (unknown last, then the newest), the first
    nodata      : value that, in all kept bands at once, means "no pixel", beside what the files declare themselves
    scale       : values that become 0 and 255: [low, high], or one such pair for each band, or `statistics` (the 1st
                  and 99th percentile of each band over the whole layer), or `metadata` (the statistics that the files
                  state). Files of 16 bits are stretched by `statistics` where it is left out, files of 8 bits not
    even        : bring the middle and contrast of each scene, measured over all of it, to the median of the layer's
    resampling  : `auto` copies scenes on the project's lattice, averages scenes 1.5 times finer or more, else bilinear
    """

    name: LayerName
    paths: Paths
    vrt_folders: tuple[str, ...] = ()
    urls: str | None = None
    stac: StacSettings | None = None
    tiles: TilesSettings | None = None
    take: Literal["whole", "window"] = "whole"
    bands: tuple[Annotated[int, Field(ge=1)], ...] = Field((1, 2, 3), min_length=1)
    date: Day | None = None
    dates: dict[str, Day] = Field(default_factory=dict)
    clouds: dict[str, Annotated[float, Field(ge=0, le=100)]] = Field(default_factory=dict)
    rank: Literal["newest", "least_cloud", "listed"] = "newest"
    nodata: int | None = None
    scale: Pair | tuple[Pair, ...] | Literal["statistics", "metadata"] | None = None
    even: bool = False
    resampling: Literal["auto", "nearest", "bilinear", "average"] = "auto"

    @property
    def fetched(self) -> bool:
        """Whether its files come by `fetch`."""
        return any(source is not None for source in (self.urls, self.stac, self.tiles))

    @model_validator(mode="before")
    @classmethod
    def _from_fetching(cls, values: Any) -> Any:
        sources = [key for key in ("urls", "stac", "tiles") if isinstance(values, dict) and values.get(key)]
        if len(sources) > 1:
            raise ValueError(f"{' and '.join(sources)} exclude each other: make an entry of each")
        if sources and values.get("paths") not in (None, fetched_folder(values.get("name"))):
            raise ValueError(f"{sources[0]} and paths exclude each other")
        return {"paths": fetched_folder(values.get("name")), **values} if sources else values

    @model_validator(mode="after")
    def _check(self) -> Self:
        pairs = () if isinstance(self.scale, str) else self.pairs
        if any(not low < high for low, high in pairs):
            raise ValueError("scale needs its low value below its high value")
        if len(pairs) not in (0, 1, len(self.bands)):
            raise ValueError("scale needs one pair, or one for each band")
        if self.even and (self.tiles or self.take == "window"):
            raise ValueError("even needs whole scenes: a service is one picture, and a window is not all of a scene")
        if self.take == "window" and not (self.urls or self.stac):
            raise ValueError("take goes with urls or stac")
        return self

    @property
    def pairs(self) -> tuple[tuple[float, float], ...]:
        """The stated stretch: one pair for all bands or one for each; empty where none is stated in numbers."""
        if self.scale is None or isinstance(self.scale, str):
            return ()
        first = self.scale[0]
        return self.scale if isinstance(first, tuple) else (self.scale,)  # type: ignore[return-value]


class ProductSettings(LayerSettings):
    """A land-cover product of 10 or 30 m, in one or several files.

    name      : of the layer and of its folder; every layer has its own
    catalogue : name of the product in our catalogue ("worldcover-2021"), which then says legend, date, licence and
                attribution where they are left out here
    source    : where `fetch` finds its files: `s3://bucket/prefix`, `https://host/prefix` or a folder; the publisher's
                own place where it is left out
    take      : `whole` files, as published, or only the `window` of each that the grid needs
    absent    : names of files that the publisher does not have (open sea), so that they are no holes
    paths     : globs; with `catalogue`, what `fetch` fetches where they are left out
    legend    : whose codes the files carry, as published
    date      : the year or day the product speaks of, where it is known
    nodata    : codes that mean "no data" beside those of the legend and what the files declare
    band      : band of the files that is read; in a file of many years, the year's
    use       : `labels` are made from it, or it is only what a map is compared with (`compare`): then it is read into
                the workspace, and no label, network or map rests on it
    """

    name: LayerName
    catalogue: str | None = None
    source: Address | None = None
    take: Literal["whole", "window"] = "whole"
    absent: tuple[str, ...] = ()
    legend: LegendName
    paths: Paths
    date: PartialDate | None = None
    nodata: tuple[Annotated[int, Field(ge=0, le=255)], ...] = ()
    band: int = Field(1, ge=1)
    use: Literal["labels", "compare"] = "labels"

    @property
    def fetched(self) -> bool:
        """Whether its files come by `fetch`."""
        return self.catalogue is not None and self.paths == (fetched_glob(self.name),)

    @model_validator(mode="before")
    @classmethod
    def _from_catalogue(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("catalogue"), str):
            return values
        facts = load_product(values["catalogue"]).defaults()
        if values.get("legend", facts["legend"]) != facts["legend"]:
            raise ValueError(f"the catalogue says that {values['catalogue']} has the legend '{facts['legend']}'")
        return {"paths": (fetched_glob(str(values.get("name"))),), **facts, **values}

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        table = load_product(str(self.catalogue)) if self.fetched else None
        if table is not None and table.scheme is None:
            raise ValueError(f"{table.name} has no tiles that could be fetched: name `paths`. {table.obtain}")
        if table is not None and not (self.source or table.source):
            raise ValueError(f"{table.name} cannot be fetched from its publisher: {table.obtain}")
        return self

    @model_validator(mode="after")
    def _fetching_needs_the_catalogue(self) -> Self:
        if (self.source or self.absent or self.take == "window") and not self.fetched:
            raise ValueError("source, take and absent go with catalogue, and without paths")
        if self.take == "window" and self.band != 1:
            raise ValueError('a window is cut from band 1 alone: say take = "whole"')
        return self

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name in RESERVED_LAYERS:
            raise ValueError(f"a product cannot be called '{self.name}': a layer of ours has that name")
        return self


class OsmSettings(LayerSettings):
    """OpenStreetMap extracts (.osm.pbf, .osm), GeoPackages with layers `roads` and `buildings`, or GeoParquet: roads
    where it has a column `highway`, segments or buildings of Overture Maps where it has their columns, else buildings.

    paths    : globs, relative to the project folder, and addresses (`https://…`, `s3://…`) of files that `fetch`
               brings. One that ends in a slash is a folder: those of its GeoParquet files come that lie near the grid
    take     : of GeoParquet with an address: `whole` files, or as `window` the groups of rows near the grid
    margin_m : features up to this far outside the grid are kept, since wide roads reach in
    """

    paths: Paths
    take: Literal["whole", "window"] = "whole"
    licence: str = Field("ODbL-1.0", min_length=1)
    attribution: str = "© OpenStreetMap contributors"
    may_publish: bool = True
    may_redistribute: bool = True
    margin_m: float = Field(100.0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_links(self.paths, EXTRACTS, folders=True)
        links = self.links
        if self.take == "window" and not (links.folders or any(n.endswith(".parquet") for n in links.files.values())):
            raise ValueError('take = "window" goes with the address of a GeoParquet file')
        return self

    @property
    def links(self) -> Links:
        """The files that come by `fetch`."""
        return Links.of("osm", self.paths)


class BoundarySettings(LayerSettings):
    """Outlines of the cities: one feature per city.

    path                   : vector file: GeoPackage, shapefile, GeoJSON, FlatGeobuf or GeoParquet; or the address of
                             one (`https://…`, `s3://…`; no shapefile) that `fetch` brings
    layer                  : layer of the file, where it has several
    region, province, city : columns that hold the three parts of a city's name
    provinces              : layer of the same file with the provinces' outlines, which their cities must tile; it is
                             looked at, never cut by
    overlap_m              : overlaps and gaps narrower than this are slivers; the city first by name owns their pixels
    """

    path: Address = Field(min_length=1)
    layer: str | None = None
    region: str = "region"
    province: str = "province"
    city: str = "city"
    provinces: str | None = None
    overlap_m: float = Field(1.0, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_links((self.path,), OUTLINES)
        return self

    @property
    def links(self) -> Links:
        """The file, if it comes by `fetch`."""
        return Links.of("boundary", (self.path,))

    @property
    def local(self) -> str:
        """Where the file lies, relative to the project folder, once it is fetched if it has to be."""
        return self.links.paths[0] if self.links.files else self.path


class SurveySettings(LayerSettings):
    """A table of surveyed areas (CSV, or a spreadsheet with the extra `xlsx`).

    path                      : CSV file with a header, UTF-8, or .xlsx, of which the first sheet counts; or the address
                                of one (`https://…`, `s3://…`) that `fetch` brings
    region, level, land_class : columns that hold the place, its level and the class
    date                      : the year or day its figures speak of, where no column `date` or `year` says it
    area                      : column that holds the area, else the one called "area_" and a unit. The unit is the end
                                of its name (_m2, _ha, _km2, _10k_ha), or stands in a column `unit`
    licence                   : figures are compared with, never passed on, so it may be left open
    """

    licence: str = Field("not stated", min_length=1)
    path: Address = Field(min_length=1)
    date: PartialDate | None = None
    region: str = "region"
    level: str = "level"
    land_class: str = "class_en"
    area: str | None = None

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        check_links((self.path,), TABLES)
        return self

    @property
    def links(self) -> Links:
        """The file, if it comes by `fetch`."""
        return Links.of("survey", (self.path,))

    @property
    def local(self) -> str:
        """Where the file lies, relative to the project folder, once it is fetched if it has to be."""
        return self.links.paths[0] if self.links.files else self.path


Linked = OsmSettings | BoundarySettings | SurveySettings
Layer = ProductSettings | ImagerySettings | Linked
