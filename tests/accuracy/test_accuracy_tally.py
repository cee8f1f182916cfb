"""Counts of arrays: majority, confusions by city."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from l2h.accuracy.tally import confusions, majority
from l2h.core.legend import load_legend

LEGEND = load_legend("sinolc1")


def test_majority_wins_and_ties_go_to_the_first():
    products = np.array([[2, 2, 0, 0, 5, 9], [4, 4, 0, 6, 0, 9], [4, 9, 0, 0, 6, 9]], "uint8")
    assert majority(products).tolist() == [4, 2, 0, 6, 5, 9]


def test_confusions_by_city():
    reference = np.array([[2, 2], [9, 0]], "uint8")
    mapped = np.array([[2, 9], [0, 9]], "uint8")
    cities = np.array([[1, 7], [7, 7]], "uint16")
    found = confusions(reference, mapped, cities, LEGEND)
    tree, water, nodata = 1, 8, 11
    assert set(found) == {1, 7}
    assert found[1][tree, tree] == 1
    assert found[1].sum() == 1
    assert found[7][tree, water] == 1
    assert found[7][water, nodata] == 1
    assert found[7].sum() == 2


values = st.sampled_from((0, *LEGEND.values))


@given(
    arrays("uint8", (5, 6), elements=values),
    arrays("uint8", (5, 6), elements=values),
    arrays("uint16", (5, 6), elements=st.sampled_from([0, 1, 2, 40000])),
    st.integers(0, 5),
)
def test_halves_sum_to_the_whole(reference, mapped, cities, cut):
    whole = confusions(reference, mapped, cities, LEGEND)
    parts = [confusions(reference[s], mapped[s], cities[s], LEGEND) for s in (slice(0, cut), slice(cut, None))]
    for city, counts in whole.items():
        assert (sum(p[city] for p in parts if city in p) == counts).all()
    assert sum(c.sum() for c in whole.values()) == ((cities > 0) & (reference > 0)).sum()


@given(arrays("uint8", (3, 8), elements=values))
def test_majority_gives_a_class_some_product_gives(products):
    fused = majority(products)
    assert ((fused == 0) == (products == 0).all(0)).all()
    assert ((products == fused) | (fused == 0)).any(0).all()
