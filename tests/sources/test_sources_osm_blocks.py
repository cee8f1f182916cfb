"""Ways in bulk: numbers unpacked, messages split, what osmium wrote read back as it was."""

from itertools import chain
from pathlib import Path

import numpy as np
import osmium
import pytest
from hypothesis import given
from hypothesis import strategies as st
from osmium.osm.mutable import Node, Way

from l2h.sources.osm_blocks import read_blocks, write_ways
from l2h.sources.osm_kinds import kinds_of
from l2h.sources.osm_tags import Road
from l2h.sources.varints import Spans, Tokens, running, signed, split


def tokens(*numbers: int) -> Tokens:
    return Tokens(np.array(numbers, "uint8"))


def spans(*pairs: tuple[int, int]) -> Spans:
    return Spans(*np.array(pairs, "int64").T)


def varint(number: int) -> list[int]:
    return [number & 127 | 128, *varint(number >> 7)] if number > 127 else [number]


# --- numbers and messages -------------------------------------------------------------------------------------------


def test_numbers_of_one_and_of_two_bytes() -> None:
    got = tokens(1, 0xAC, 0x02, 5)  # 300 = 0xAC 0x02
    assert got.numbers.tolist() == [1, 300, 5]
    pieces = got.spans(np.array([0, 3, 3]), np.array([3, 0, 1]))
    assert pieces.size.tolist() == [2, 0, 1]
    assert pieces.take(np.array([2, 0])).gathered(got.numbers).tolist() == [5, 1, 300]
    assert signed(np.array([0, 1, 2, 3])).tolist() == [0, -1, 1, -2]
    assert running(np.array([10, 1, -3, 7, 7]), np.array([3, 0, 2])).tolist() == [10, 11, 8, 7, 14]


def test_no_bytes_are_no_numbers() -> None:
    got = tokens()
    assert got.numbers.tolist() == got.spans(np.array([0]), np.array([0])).gathered(got.numbers).tolist() == []


@given(st.lists(st.lists(st.integers(0, 2**62), max_size=5), min_size=1, max_size=6))
def test_numbers_come_out_as_they_were_packed(pieces: list[list[int]]) -> None:
    packed = [[byte for number in piece for byte in varint(number)] for piece in pieces]
    sizes = [len(piece) for piece in packed]
    got = tokens(*chain(*packed))
    found = got.spans(np.cumsum([0, *sizes[:-1]]), np.array(sizes))
    assert found.gathered(got.numbers).tolist() == list(chain(*pieces))
    assert found.size.tolist() == [len(piece) for piece in pieces]


def test_a_number_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="cut short"):
        tokens(1, 0x80)


def test_messages_with_fields_of_their_own() -> None:
    # field 1 = 300, field 2 = (7, 8); then field 2 = (9)
    got = tokens(0x08, 0xAC, 0x02, 0x12, 2, 7, 8, 0x12, 1, 9)
    found = split(got, got.spans(np.array([0, 7]), np.array([7, 3])), (1, 2))
    assert found[1].numbers.tolist() == [300, 0]
    assert found[2].spans.gathered(got.numbers).tolist() == [7, 8, 9]
    assert found[2].spans.size.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("body", "why"),
    [((0x12, 9, 1), "ends within"), ((0x0D, 1, 1), "unknown kind"), ((0x08, 1, 0x08), "ends within")],
)
def test_what_is_no_message_is_refused(body: tuple[int, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        split(tokens(*body), spans((0, 3)), (1,))


def test_a_message_does_not_reach_into_the_next() -> None:
    with pytest.raises(ValueError, match="ends within"):
        split(tokens(0x12, 2, 7, 0x08, 1), spans((0, 3), (3, 2)), (1,))


# --- blocks ---------------------------------------------------------------------------------------------------------

WAYS = [
    Way(id=3, nodes=[1, 2, 1], tags={"highway": "primary", "name": "Ähre"}, timestamp="2025-12-31T23:59:58Z"),
    Way(id=9, nodes=[2, 99], tags={}),
    Way(id=2**40, nodes=[], tags={"building": "yes", "tunnel": "yes"}),
]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    with osmium.SimpleWriter(str(tmp_path / "x.osm.pbf")) as out:
        out.add_node(Node(id=1, location=(-117.1234567, 30.0)))
        out.add_node(Node(id=2, location=(179.9999999, -89.5), tags={"place": "hamlet"}))
        for way in WAYS:
            out.add_way(way)
    write_ways(tmp_path / "x.osm.pbf", "flex_mem", tmp_path / "ways", dated=True)
    return tmp_path / "ways"


def test_ways_come_back_as_they_were(written: Path) -> None:
    (block,) = read_blocks(written)
    assert block.numbers.tolist() == [3, 9, 2**40]
    assert block.stamps.tolist() == [1_767_225_598, 0, 0]
    assert block.closed(np.arange(3)).tolist() == [True, False, False]
    words, tags = [word.decode() for word in block.words], block.tags
    told = [(row, words[k], words[v]) for row, k, v in zip(tags.rows, tags.keys, tags.values, strict=True)]
    assert told == [
        (0, "highway", "primary"), (0, "name", "Ähre"), (2, "building", "yes"), (2, "tunnel", "yes"),
    ]  # fmt: skip


def test_a_place_that_is_missing_lies_outside_the_world(written: Path) -> None:
    (block,) = read_blocks(written)
    places = block.places(np.array([1, 0]))
    assert places.counts.tolist() == [2, 3]
    assert places.lon[[0, 2, 3]].tolist() == [1_799_999_999, -1_171_234_567, 1_799_999_999]
    assert places.lat[[0, 2]].tolist() == [-895_000_000, 300_000_000]
    assert abs(places.lon[1]) > 1_800_000_000


def test_what_the_ways_of_a_block_are(written: Path) -> None:
    (block,) = read_blocks(written)
    kinds = kinds_of(block)
    assert kinds.tagged.tolist() == [True, False, True]
    assert [kinds.buildings[i] for i in kinds.of] == ["", "", "building"]
    assert isinstance(kinds.roads[kinds.of[0]], Road)
    assert kinds.road_columns(np.array([0]))["highway"].tolist() == ["primary"]
    assert (kinds.are_roads().tolist(), kinds.are_buildings().tolist()) == ([True, False, False], [False, False, True])


def test_a_file_cut_short_is_refused(written: Path) -> None:
    data = written.read_bytes()
    written.write_bytes(data[:-5])
    with pytest.raises(ValueError, match="cut short"):
        list(read_blocks(written))
