"""Packing: every file once, no folder above its limits, names tell where a file is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2h.core.errors import UsageError
from l2h.product.archive import write_archive
from l2h.product.packing import CityFile, Item, archive_size, pack, plan_archives


def items(*sizes: int) -> list[Item]:
    return [Item(f"f{i}", size) for i, size in enumerate(sizes)]


def test_next_fit_in_name_order():
    groups = pack(items(4, 4, 4, 9, 1), 10, 100)
    assert [[item.size for item in group] for group in groups] == [[4, 4], [4], [9, 1]]
    assert pack(items(1, 1, 1), 10, 2) == [tuple(items(1, 1)), (Item("f2", 1),)]
    assert pack([], 10, 2) == []


def test_a_file_above_the_limit_is_named():
    with pytest.raises(UsageError, match=r"larger than a folder.*\(f1\): expected at most 10 bytes, got 11 bytes"):
        pack(items(1, 11), 10, 100)


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(50, 120), st.integers(1, 7), st.randoms())
def test_every_file_once_and_no_limit_broken(sizes, limit, count, random):
    given_items = items(*sizes)
    groups = pack(given_items, limit, count)
    assert [item for group in groups for item in group] == sorted(given_items)
    assert all(sum(item.size for item in group) <= limit and 0 < len(group) <= count for group in groups)
    shuffled = list(given_items)
    random.shuffle(shuffled)
    assert pack(shuffled, limit, count) == groups


CITY_FILES = st.lists(
    st.tuples(st.sampled_from(["", "date"]), st.sampled_from("NS"), st.sampled_from("pqr"), st.integers(0, 4000)),
    max_size=30,
).map(
    lambda rows: [
        CityFile(layer, region, province, Item(f"{region}_{province}_c{i}{'_' + layer if layer else ''}.tif", size))
        for i, (layer, region, province, size) in enumerate(rows)
    ]
)


@given(CITY_FILES, st.integers(6000, 20_000), st.integers(1, 4))
def test_a_plan_holds_every_city_file_once_within_the_limits(files, limit, count):
    plans = plan_archives(files, limit, count)
    packed = [(plan.layer, plan.region, plan.province, item) for plan in plans for item in plan.members]
    assert sorted(packed) == sorted((f.layer, f.region, f.province, f.item) for f in files)
    assert len({plan.path for plan in plans}) == len(plans)
    assert len({plan.file for plan in plans}) == len(plans)
    folders: dict[str, list[int]] = {}
    for plan in plans:
        folders.setdefault(plan.folder, []).append(archive_size(plan.members))
    assert all(sum(sizes) <= limit and len(sizes) <= count for sizes in folders.values())


def test_names_of_one_part_and_of_several():
    files = [CityFile("", "N", "p", Item(f"N_p_c{i}.tif", 4000)) for i in range(2)]
    assert [plan.path for plan in plan_archives(files, 20_000, 9)] == ["N/N_p.zip"]
    assert [plan.path for plan in plan_archives(files, 5000, 9)] == ["N_part1/N_p_part1.zip", "N_part2/N_p_part2.zip"]


def test_the_size_of_an_archive_is_never_underestimated(tmp_path):
    paths = [tmp_path / f"S_ü_{i}.tif" for i in range(5)]
    for i, path in enumerate(paths):
        path.write_bytes(b"x" * i)
    write_archive(tmp_path / "a.zip", paths)
    assert (tmp_path / "a.zip").stat().st_size <= archive_size([Item(p.name, p.stat().st_size) for p in paths])
