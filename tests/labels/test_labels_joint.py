"""Joint counts: literal tables, and sums that do not depend on cutting or order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from l2h.core.errors import InputError
from l2h.labels.joint import JointCounts, add_joint, count_joint, pack, unpack

codes_arrays = arrays("uint8", st.tuples(st.just(3), st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 3))


def test_counts_of_a_small_map() -> None:
    codes = np.array([[[10, 10, 0]], [[2, 2, 0]], [[20, 0, 0]]], "uint8")
    assert count_joint(codes).to_dict() == {"10,2,20": 1, "10,2,0": 1}


def test_a_map_without_products_has_no_counts() -> None:
    joint = count_joint(np.zeros((2, 3, 3), "uint8"))
    assert joint.cells == 0
    assert joint.codes.shape == (0, 2)


@given(codes_arrays, st.integers(0, 6), st.integers(0, 6), st.randoms())
def test_parts_add_to_the_whole_in_any_order(codes: np.ndarray, row: int, col: int, random) -> None:
    parts = [codes[:, r, c] for r in (slice(row), slice(row, None)) for c in (slice(col), slice(col, None))]
    counted = [count_joint(part) for part in parts]
    random.shuffle(counted)
    whole = count_joint(codes)
    total = add_joint(counted, 3)
    assert total.to_dict() == whole.to_dict()
    assert total.cells == int((codes > 0).any(0).sum())


@given(codes_arrays)
def test_written_and_read_again(codes: np.ndarray) -> None:
    joint = count_joint(codes)
    shuffled = dict(sorted(joint.to_dict().items()))  # JSON sorts as text: "10" before "2"
    again = JointCounts.from_dict(shuffled, 3)
    np.testing.assert_array_equal(again.codes, joint.codes)
    np.testing.assert_array_equal(again.counts, joint.counts)


def test_seven_products_fit_a_key_and_eight_do_not() -> None:
    codes = np.full((7, 1), 255, "uint8")
    np.testing.assert_array_equal(unpack(pack(codes), 7), codes.T)
    with pytest.raises(InputError, match="1 to 7, got 8"):
        pack(np.zeros((8, 1), "uint8"))


def test_no_counts_at_all() -> None:
    assert add_joint([], 2).to_dict() == {}
