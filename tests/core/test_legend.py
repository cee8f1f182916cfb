"""Legends and crosswalks: closed, total, composable tables."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l2h.core.errors import LegendError
from l2h.core.legend import (
    STRANGE,
    Crosswalk,
    LandClass,
    Legend,
    coarse_legend,
    legend_names,
    load_crosswalk,
    load_legend,
)

# Table 1 of the SinoLC-1 user guide V2.4
TABLE_1 = {
    "Tree cover": (2, (0, 100, 0)),
    "Shrubland": (3, (255, 190, 35)),
    "Grassland": (4, (233, 255, 190)),
    "Cropland": (5, (255, 235, 175)),
    "Building": (6, (255, 170, 0)),
    "Traffic route": (1, (255, 0, 0)),
    "Barren and sparse vegetation": (7, (180, 180, 180)),
    "Snow and ice": (8, (240, 240, 240)),
    "Water": (9, (0, 100, 200)),
    "Wetland": (10, (0, 150, 160)),
    "Moss and lichen": (12, (250, 230, 160)),
}
PRODUCT_VALUES = {
    "worldcover": {10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100},
    "esri2020": {1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
    "esri": {1, 2, 4, 5, 7, 8, 9, 10, 11},
    "from_glc10": {10, 20, 30, 40, 50, 60, 70, 80, 90, 100},
    "dynamic_world": {1, 2, 3, 4, 5, 6, 7, 8, 9},
    "globeland30": {10, 20, 30, 40, 50, 60, 70, 80, 90, 100},
    "glc_fcs30": {
        10, 11, 12, 20, 50, 60, 61, 62, 70, 71, 72, 80, 81, 82, 90, 120, 121, 122, 130, 140, 150, 152, 153, 180, 190,
        200, 201, 202, 210, 220,
    },
    "glc_fcs30d": {
        10, 11, 12, 20, 51, 52, 61, 62, 71, 72, 81, 82, 91, 92, 120, 121, 122, 130, 140, 150, 152, 153, 181, 182, 183,
        184, 185, 186, 187, 190, 200, 201, 202, 210, 220,
    },
    "glc_fcs10": {
        11, 12, 20, 51, 52, 61, 62, 71, 72, 81, 82, 91, 92, 121, 122, 130, 140, 150, 181, 182, 183, 184, 185, 186, 187,
        191, 192, 200, 210, 220,
    },
}  # fmt: skip
PRODUCTS = sorted(PRODUCT_VALUES)


def small(name: str, *values: int) -> Legend:
    return Legend(name, name, tuple(LandClass(v, f"class{v}", f"Class {v}", (v, v, v)) for v in values))


def test_sinolc1_is_table_1_of_the_user_guide() -> None:
    assert {c.label: (c.value, c.colour) for c in load_legend("sinolc1").classes} == TABLE_1


def test_sinolc1_classes_stand_in_the_networks_order() -> None:
    assert load_legend("sinolc1").values == (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)
    assert coarse_legend().values == (2, 3, 4, 5, 6, 7, 8, 9, 10, 12)


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_have_their_published_codes(name: str) -> None:
    assert set(load_legend(name).values) == PRODUCT_VALUES[name]


@pytest.mark.parametrize("name", legend_names())
def test_legends_are_closed(name: str) -> None:
    legend = load_legend(name)
    assert legend.nodata == 0
    assert 0 not in legend.values
    assert len(set(legend.values)) == len(set(legend.names)) == len(legend)
    assert [legend.by_value(v) for v in legend.values] == list(legend.classes)
    assert [legend.by_name(n) for n in legend.names] == list(legend.classes)
    assert all(0 <= part <= 255 for c in legend.classes for part in c.colour)


@pytest.mark.parametrize("name", legend_names())
def test_tables_of_a_legend_agree(name: str) -> None:
    legend = load_legend(name)
    assert legend.index_of[list(legend.values)].tolist() == list(range(len(legend)))
    assert (legend.index_of == 255).sum() == 256 - len(legend)
    assert legend.colormap[0] == (0, 0, 0, 0)
    assert all(legend.colormap[c.value] == (*c.colour, 255) for c in legend.classes)
    assert all(tuple(legend.rgb[c.value]) == c.colour for c in legend.classes)


def test_check_accepts_nodata_and_the_classes() -> None:
    load_legend("sinolc1").check(np.array([[0, 1, 12]], "uint8"), "layer 'map'")
    load_legend("sinolc1").check(np.zeros((0, 4), "uint8"), "an empty window")


def test_check_names_code_legend_place_and_count() -> None:
    codes = np.array([[95, 10, 95], [0, 100, 255]], "uint8")
    with pytest.raises(LegendError) as caught:
        load_legend("sinolc1").check(codes, "layer 'esa10', block r0012c0007")
    assert str(caught.value) == (
        "code 95 is absent from legend 'sinolc1' (layer 'esa10', block r0012c0007, 2 px): "
        "expected 0 (nodata) or one of (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12). "
        "Add it to the crosswalk, choose the legend of this version, or mark it nodata. "
        "No legend we have knows them all."
    )


def test_check_counts_over_more_than_one_part() -> None:
    codes = np.ones((1 << 11, (1 << 10) + 1), "uint8")
    codes[::2, 0] = 11
    with pytest.raises(LegendError, match=r"code 11 .*, 1024 px"):
        load_legend("sinolc1").check(codes, "somewhere")


def test_unknown_names_and_values_say_what_there_is() -> None:
    with pytest.raises(LegendError, match=r"one of sinolc1, worldcover, .*got corine"):
        load_legend("corine")
    with pytest.raises(LegendError, match=r"\(1, 2, .*got 11"):
        load_legend("sinolc1").by_value(11)
    with pytest.raises(LegendError, match=r"'water'.*got sea"):
        load_legend("sinolc1").by_name("sea")


@pytest.mark.parametrize("values", [(1, 1), (0, 1), (255,), (-1,)])
def test_values_outside_1_to_254_or_twice_are_refused(values: tuple[int, ...]) -> None:
    with pytest.raises(LegendError, match="unique values"):
        small("bad", *values)


@pytest.mark.parametrize("name", PRODUCTS)
def test_crosswalks_are_total_and_land_on_the_coarse_legend(name: str) -> None:
    """A 10 m product never says traffic: value 6 of a product means built-up."""
    crosswalk = load_crosswalk(name)
    assert set(crosswalk.table) == PRODUCT_VALUES[name]
    assert {t for targets in crosswalk.table.values() for t in targets} <= set(coarse_legend().values)


def test_worldcover_crosswalk_is_the_value_order() -> None:
    assert dict(load_crosswalk("worldcover").table) == {
        10: (2,), 20: (3,), 30: (4,), 40: (5,), 50: (6,), 60: (7,), 70: (8,), 80: (9,), 90: (10,), 95: (10,), 100: (12,)
    }  # fmt: skip


def test_esri_and_from_glc10_crosswalks() -> None:
    assert dict(load_crosswalk("esri2020").table) == {
        1: (9,), 2: (2,), 3: (4,), 4: (10,), 5: (5,), 6: (3,), 7: (6,), 8: (7, 12), 9: (8,), 10: ()
    }  # fmt: skip
    assert dict(load_crosswalk("esri").table) == {
        1: (9,), 2: (2,), 4: (10,), 5: (5,), 7: (6,), 8: (7, 12), 9: (8,), 10: (), 11: (4, 3)
    }  # fmt: skip
    assert dict(load_crosswalk("from_glc10").table) == {
        10: (5,), 20: (2,), 30: (4,), 40: (3,), 50: (10,), 60: (9,), 70: (12,), 80: (6,), 90: (7,), 100: (8,)
    }  # fmt: skip


def test_tables_of_a_crosswalk() -> None:
    crosswalk = load_crosswalk("esri")
    assert crosswalk.primary_lut[[0, 1, 8, 10, 11, 255]].tolist() == [0, 9, 7, 0, 4, 0]
    assert np.flatnonzero(crosswalk.admits[11]).tolist() == [2, 3]  # shrub and grass, in table order
    assert not crosswalk.admits[10].any()
    assert not crosswalk.admits[0].any()


@pytest.mark.parametrize("name", PRODUCTS)
def test_identity_changes_nothing(name: str) -> None:
    crosswalk = load_crosswalk(name)
    before, after = load_crosswalk(name, name), load_crosswalk("sinolc1")
    assert before.compose(crosswalk).table == crosswalk.table == crosswalk.compose(after).table


@st.composite
def chains(draw: st.DrawFn) -> tuple[Crosswalk, Crosswalk, Crosswalk]:
    legends = [small(name, *range(1, draw(st.integers(1, 5)) + 1)) for name in "abcd"]

    def crosswalk(source: Legend, target: Legend) -> Crosswalk:
        some = st.lists(st.sampled_from(target.values), unique=True, max_size=3).map(tuple)
        return Crosswalk(source, target, {value: draw(some) for value in source.values})

    return tuple(crosswalk(s, t) for s, t in pairwise(legends))  # type: ignore[return-value]


@settings(max_examples=40)
@given(chains())
def test_composition_is_associative_and_total(chain: tuple[Crosswalk, Crosswalk, Crosswalk]) -> None:
    a, b, c = chain
    assert a.compose(b).compose(c).table == a.compose(b.compose(c)).table
    assert set(a.compose(b).table) == set(a.source.values)


@settings(max_examples=40)
@given(chains())
def test_composition_admits_what_the_matrices_say(chain: tuple[Crosswalk, Crosswalk, Crosswalk]) -> None:
    a, b, _ = chain
    inner = b.admits[list(b.source.values)]
    assert (a.compose(b).admits == (a.admits.astype(int) @ inner.astype(int) > 0)).all()


def test_crosswalks_that_are_not_total_or_leave_the_target_are_refused() -> None:
    two, three = small("two", 1, 2), small("three", 1, 2, 3)
    with pytest.raises(LegendError, match=r"every source class.*got \[2\]"):
        Crosswalk(two, three, {1: (1,)})
    with pytest.raises(LegendError, match=r"every source class.*got \[7\]"):
        Crosswalk(two, three, {1: (1,), 2: (2,), 7: (1,)})
    with pytest.raises(LegendError, match="target lacks"):
        Crosswalk(two, three, {1: (4,), 2: (2,)})
    with pytest.raises(LegendError, match="do not meet"):
        load_crosswalk("esri").compose(load_crosswalk("esri"))


def test_a_crosswalk_that_is_not_there_is_named() -> None:
    with pytest.raises(LegendError, match="esri → worldcover"):
        load_crosswalk("esri", "worldcover")


def test_legends_are_frozen() -> None:
    legend = load_legend("sinolc1")
    assert replace(legend) == legend
    with pytest.raises(AttributeError):
        legend.name = "mine"  # type: ignore[misc]


# --- codes of publishers' files ---------------------------------------------------------------------------------------


def test_codes_of_files_become_values_with_nodata_and_strangers_marked() -> None:
    glc = load_legend("glc_fcs30d")
    found = glc.file_codes(np.array([0, 250, 10, 220, 77], "uint8"))
    assert found.tolist() == [0, 0, 10, 220, STRANGE]
    wide = glc.file_codes(np.array([-1, 10, 266], "int16"), np.array([True, False, True]))
    assert wide.tolist() == [STRANGE, 0, STRANGE]


def test_dynamic_worlds_first_class_is_zero_in_files_and_one_here() -> None:
    world = load_legend("dynamic_world")
    assert world.file_codes(np.array([0, 1, 8, 9], "uint8"), np.ones(4, bool)).tolist() == [1, 2, 9, STRANGE]
    assert world.file_codes(np.array([0, 0], "uint8"), np.array([True, False])).tolist() == [1, 0]
    assert world.by_value(1).name == "water"


@pytest.mark.parametrize(
    ("legend", "codes", "other"),
    [
        ("esri", [0, 1, 2, 3, 6], "These are codes of 'esri2020' (Esri 2020 land cover, first version (10 classes))"),
        ("esri2020", [1, 2, 11], "These are codes of 'esri'"),
        ("glc_fcs30", [10, 51, 190, 250], "These are codes of 'glc_fcs30d'"),
        ("glc_fcs30d", [10, 60, 190], "These are codes of 'glc_fcs30'"),
        ("from_glc10", [10, 95], "Legends that know them all: 'worldcover'."),
        ("sinolc1", [77, 78], "No legend we have knows them all."),
    ],
)
def test_strange_codes_name_the_version_that_has_them(legend: str, codes: list[int], other: str) -> None:
    assert load_legend(legend).likely_other(codes).startswith(other)


def test_orders_of_the_legends() -> None:
    assert legend_names()[0] == "sinolc1"
    assert set(legend_names()) == {"sinolc1", *PRODUCTS}
