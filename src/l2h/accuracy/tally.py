"""Counts of arrays: majority of products, confusions by city. Integers only, so that blocks add up."""

import numpy as np
import numpy.typing as npt

from l2h.core.legend import Legend

Codes = npt.NDArray[np.uint8]


def majority(products: npt.NDArray[np.uint8]) -> Codes:
    """The class most products give, the earlier product's on a tie; 0 where none gives any.

    products : uint8 [P, ...], class values of one legend, 0 = says nothing

    >>> majority(np.array([[2, 2, 0, 5], [4, 4, 0, 0], [4, 9, 0, 0]], "uint8")).tolist()
    [4, 2, 0, 5]
    """
    votes = np.stack([(products == p).sum(0, dtype="uint8") for p in products])
    votes[products == 0] = 0
    return np.asarray(np.take_along_axis(products, votes.argmax(0)[None], 0)[0], "uint8")


def confusions(
    reference: Codes, mapped: Codes, cities: npt.NDArray[np.uint16], legend: Legend
) -> dict[int, npt.NDArray[np.int64]]:
    """int64 [K, K + 1] counts by city of reference against map; outside cities and without reference left out."""
    k = len(legend)
    known = (cities > 0) & (reference != legend.nodata)
    city = cities[known].astype("int64")
    rows = legend.index_of[reference[known]].astype("int64")
    cols = np.minimum(legend.index_of[mapped[known]], k)
    index = np.zeros(65536, "int64")
    present = _present(cities)
    index[present] = np.arange(len(present))
    key = (index[city] * k + rows) * (k + 1) + cols
    counts = np.bincount(key, minlength=len(present) * k * (k + 1)).reshape(len(present), k, k + 1)
    return {c: counts[i].astype("int64") for i, c in enumerate(present) if counts[i].any()}


def _present(cities: npt.NDArray[np.uint16]) -> list[int]:
    counts = np.bincount(cities.ravel(), minlength=1)
    return [int(c) for c in np.flatnonzero(counts) if c > 0]
