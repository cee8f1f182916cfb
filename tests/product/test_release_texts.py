"""Names, facts, census and texts of a release."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.core.errors import BoundaryError, SettingsError
from l2h.core.files import write_json
from l2h.core.grid import Window
from l2h.core.legend import load_legend
from l2h.product.census import Extent, census, merge
from l2h.product.cities import read_cities
from l2h.product.facts import LayerFact, ReleaseFacts, check_publication
from l2h.product.legends import legend_clr, legend_csv, legend_qml, legend_sld

LEGEND = load_legend("sinolc1")


def row(index: int, city: str, **other: object) -> dict[str, object]:
    return {"index": index, "region": "N", "province": "p", "city": city, "name": f"N_p_{city}"} | other


def listed(folder: Path, *rows: object) -> Path:
    write_json(folder / "regions.json", {"cities": list(rows)})
    return folder / "regions.json"


def test_cities_come_by_name(tmp_path):
    cities = read_cities(listed(tmp_path, row(1, "b"), row(2, "a")))
    assert [(city.stem, city.index) for city in cities] == [("N_p_a", 2), ("N_p_b", 1)]


BROKEN = {
    "no cities": ([], "no cities"),
    "two of one name": ([row(1, "a"), row(2, "a")], "same name"),
    "two of one index": ([row(1, "a"), row(1, "b")], r"share an index.*\[1\]"),
    "name and parts": ([row(1, "a", name="N_p_b")], "does not agree"),
    "index": ([row(65536, "a")], "16 bits"),
    "path in a name": ([row(1, "../a", name="N_p_../a")], "city's name"),
    "no key": ([{"index": 1}], "does not have its form"),
}


@pytest.mark.parametrize(("rows", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_lists_of_cities(tmp_path, rows, message):
    with pytest.raises(BoundaryError, match=message):
        read_cities(listed(tmp_path, *rows))


@pytest.mark.parametrize("version", ["", "../1", "1/2", ".hidden", "a b"])
def test_a_version_is_a_folder_name(version):
    with pytest.raises(SettingsError, match="version"):
        ReleaseFacts("t", "T", version)


def test_every_barred_layer_is_named():
    good, a, b = LayerFact("a", "x"), LayerFact("b", "x", may_publish=False), LayerFact("c", "x", "private")
    check_publication([good, b])
    with pytest.raises(SettingsError, match=r"'b' \(no licence stated\).*may_publish = true.*may_redistribute speaks"):
        check_publication([good, a, b])


def test_census_by_hand():
    indices = np.array([[0, 2, 2], [1, 0, 2]], "uint16")
    window = Window(10, 12, 20, 23)
    assert census(indices, window) == {1: (1, Window(11, 12, 20, 21)), 2: (3, Window(10, 12, 21, 23))}
    assert census(indices * 0, window) == {}


def test_merge_by_hand():
    left = {7: (4, Window(0, 2, 0, 2))}
    right = {7: (1, Window(5, 6, 9, 10)), 8: (2, Window(5, 6, 7, 9))}
    assert merge([("b1", right), ("b0", left)]) == {
        7: Extent(5, Window(0, 6, 0, 10), ("b0", "b1")),
        8: Extent(2, Window(5, 6, 7, 9), ("b1",)),
    }


@given(st.integers(0, 2000), st.integers(1, 9))
def test_census_does_not_depend_on_the_blocks(seed, size):
    owner = np.random.default_rng(seed).integers(0, 5, (11, 13)).astype("uint16")
    parts = []
    for r in range(0, 11, size):
        for c in range(0, 13, size):
            piece = owner[r : r + size, c : c + size]
            parts.append((f"{r},{c}", census(piece, Window(r, r + piece.shape[0], c, c + piece.shape[1]))))
    whole = merge([("all", census(owner, Window(0, 11, 0, 13)))])
    got = merge(parts)
    assert {i: (e.pixels, e.window) for i, e in got.items()} == {i: (e.pixels, e.window) for i, e in whole.items()}


def test_legends_for_users_programs():
    assert legend_csv(LEGEND).splitlines()[2].startswith("1,traffic,Traffic route,255,0,0,")
    assert "2 0 100 0\n" in legend_clr(LEGEND)
    entries = ElementTree.fromstring(legend_qml(LEGEND).split("\n", 1)[1]).iter("paletteEntry")
    assert {int(e.get("value", "")): e.get("label") for e in entries} == {c.value: c.label for c in LEGEND.classes}
    sld = ElementTree.fromstring(legend_sld(LEGEND).encode())
    colours = {e.get("quantity"): e.get("color") for e in sld.iter("{http://www.opengis.net/sld}ColorMapEntry")}
    assert (colours["2"], len(colours)) == ("#006400", 12)


def test_the_readme_says_how_to_read_a_member(released):
    folder = released / "release" / "1.0"
    text = (folder / "README.txt").read_text()
    assert "/vsizip/Central/Central_Hubei.zip/Central_Hubei_Ezhou.tif" in text
    assert "CC-BY-4.0" in text
    assert "{" not in text.replace("{/vsicurl", "")
    assert "© OpenStreetMap contributors" in (folder / "ATTRIBUTION.txt").read_text("utf-8")
