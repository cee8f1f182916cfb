"""The grammar of names, and the tree they make."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.core.errors import BoundaryError
from l2h.core.regions import RESERVED, CityName, RegionTree, fold

WORD = st.text(st.sampled_from(string.ascii_letters + string.digits + "éüñ内蒙古Жя"), min_size=2, max_size=8).filter(
    lambda word: word.casefold() not in RESERVED
)
PART = st.lists(WORD, min_size=1, max_size=3).flatmap(
    lambda words: st.sampled_from(" -'’.").map(lambda s: s.join(words))
)


@given(PART, PART, PART)
def test_names_come_back_from_their_files(region: str, province: str, city: str) -> None:
    name = CityName(region, province, city)
    assert CityName.parse(name.format()) == name
    assert name.format().count("_") == 2
    assert name.format().startswith(name.province_name + "_")


@given(st.one_of(st.text(max_size=30), PART))
def test_whatever_is_taken_is_a_safe_file_name(text: str) -> None:
    try:
        name = CityName("North", text, "Hohhot").format()
    except BoundaryError:
        return
    assert CityName.parse(name).province == text
    assert not set(name) & set('/\\:*?"<>|\0\n\t\r')
    assert ".." not in name
    assert name == name.strip(" .")


@pytest.mark.parametrize(
    "text", ["North_Inner Mongolia_Hohhot", "Southwest_Xizang (Tibet)_Lhasa", "Northwest_Shaanxi_Xi'an"]
)
def test_names_of_the_user_guide(text: str) -> None:
    assert CityName.parse(text).format() == text


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        ("", "is empty"),
        ("Inner_Mongolia", "has an underscore"),
        ("..", "does not start and end"),
        ("../etc", "U+002F"),
        ("a\\b", "U+005C"),
        ("a\x00b", "U+0000"),
        ("a\nb", "U+000A"),
        ("a\u202eb", "U+202E"),
        ("a\u200bb", "U+200B"),
        ("=1+1", "U+003D"),
        ("Mu\u0308nchen", "not in Unicode form NFC"),
        (" a", "does not start and end"),
        ("a.", "does not start and end"),
        ("a  b", "two spaces"),
        ("a..b", "two dots"),
        ("CON", "reserved"),
        ("lpt1", "reserved"),
    ],
)
def test_parts_that_cannot_be_file_names(part: str, fault: str) -> None:
    with pytest.raises(BoundaryError) as caught:
        CityName("North", "Hebei", part)
    assert fault in str(caught.value)
    assert "a city's name" in str(caught.value)


def test_a_name_too_long_and_a_name_of_two_parts() -> None:
    with pytest.raises(BoundaryError, match="too long"):
        CityName("North", "Hebei", "长" * 70)
    with pytest.raises(BoundaryError, match="three parts"):
        CityName.parse("North_Hebei")


TREE = RegionTree.of(
    [
        CityName("South", "Hainan", "Sanya"),
        CityName("North", "Hebei", "Handan"),
        CityName("North", "Beijing", "Beijing"),
    ]
)


def test_the_tree_is_ordered_by_name_and_comes_back_from_its_file() -> None:
    assert [name.format() for name in TREE.cities] == [
        "North_Beijing_Beijing",
        "North_Hebei_Handan",
        "South_Hainan_Sanya",
    ]
    assert TREE.regions == ("North", "South")
    assert TREE.provinces("North") == ("Beijing", "Hebei")
    assert TREE.members("South", "Hainan") == (CityName("South", "Hainan", "Sanya"),)
    assert TREE.index_of(CityName("North", "Hebei", "Handan")) == 2
    assert TREE.to_dict()["cities"][2] == {
        "index": 3, "region": "South", "province": "Hainan", "city": "Sanya", "name": "South_Hainan_Sanya",
    }  # fmt: skip
    assert RegionTree.from_dict(TREE.to_dict()) == TREE


def test_two_cities_of_one_name() -> None:
    with pytest.raises(BoundaryError, match=r"the same name \(North_Hebei_Handan\)"):
        RegionTree.of([CityName("North", "Hebei", "Handan")] * 2)
    with pytest.raises(BoundaryError, match="no cities"):
        RegionTree(())


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (("A", "B", "Ürümqi"), ("A", "B", "Urumqi")),
        (("A", "B", "Wuhan"), ("A", "B", "WUHAN")),
        (("A", "B", "x"), ("a", "C", "y")),
        (("A", "B", "x"), ("A", "b", "y")),
        (("A", "Straße", "x"), ("A", "STRASSE", "y")),
    ],
)
def test_twins_at_any_level_are_refused(one: tuple[str, str, str], two: tuple[str, str, str]) -> None:
    with pytest.raises(BoundaryError, match="differ only in case, accents or width"):
        RegionTree.of([CityName(*one), CityName(*two)])


def test_the_same_city_name_in_two_provinces_is_no_twin() -> None:
    assert len(RegionTree.of([CityName("A", "B", "x"), CityName("A", "C", "x")]).cities) == 2


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
