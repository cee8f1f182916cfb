"""Joint code counts: how often each combination of product codes occurs. All that the label model needs of the map.

They are exact integers and add over blocks in any order, so the model cannot depend on how the country is cut.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from l2h.core.errors import InputError

MAX_PRODUCTS = 7  # seven 8-bit codes fit a signed 64-bit key


@dataclass(frozen=True)
class JointCounts:
    """Combinations of codes in ascending order of their keys, each with its number of cells.

    codes  : uint8 [N, k], one column per product, 0 = the product says nothing there
    counts : int64 [N], all positive
    """

    codes: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int64]

    @property
    def cells(self) -> int:
        return int(self.counts.sum())

    @cached_property
    def keys(self) -> npt.NDArray[np.int64]:
        return pack(self.codes.T)

    def to_dict(self) -> dict[str, int]:
        """{"10,2,20": cells}, the codes in the products' order."""
        return {_text(row): int(n) for row, n in zip(self.codes, self.counts, strict=True)}

    @classmethod
    def from_dict(cls, table: Mapping[str, int], products: int) -> "JointCounts":
        codes = np.array([_row(text) for text in table], "uint8").reshape(-1, products)
        return _sorted(codes, np.fromiter(table.values(), "int64", len(table)))


def pack(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """One integer per combination: codes [k, ...] → int64 [...], the first product in the highest place."""
    if not 1 <= len(codes) <= MAX_PRODUCTS:
        raise InputError("too many or no products", expected=f"1 to {MAX_PRODUCTS}", got=str(len(codes)))
    key = np.zeros(codes.shape[1:], "int64")
    for layer in codes:
        key = key * 256 + layer
    return key


def unpack(keys: npt.NDArray[np.int64], products: int) -> npt.NDArray[np.uint8]:
    """The inverse of `pack`: int64 [N] → uint8 [N, k]."""
    shifts = 8 * np.arange(products - 1, -1, -1)
    return ((keys[:, None] >> shifts) & 255).astype("uint8")


def count_joint(codes: npt.NDArray[np.uint8]) -> JointCounts:
    """Count the combinations in codes [k, ...]; cells where no product has a code are left out."""
    keys, counts = np.unique(pack(codes), return_counts=True)
    some = keys > 0
    return JointCounts(unpack(keys[some], len(codes)), counts[some].astype("int64"))


def add_joint(parts: Iterable[JointCounts], products: int) -> JointCounts:
    """The sum of counts, the same for any order and grouping of the parts."""
    parts = list(parts)
    codes = np.concatenate([np.zeros((0, products), "uint8"), *(part.codes for part in parts)])
    return _sorted(codes, np.concatenate([np.zeros(0, "int64"), *(part.counts for part in parts)]))


def _sorted(codes: npt.NDArray[np.uint8], counts: npt.NDArray[np.int64]) -> JointCounts:
    keys, place = np.unique(pack(codes.T), return_inverse=True)
    total = np.zeros(len(keys), "int64")
    np.add.at(total, place, counts)
    return JointCounts(unpack(keys, codes.shape[1]), total)


def _text(row: npt.NDArray[Any]) -> str:
    return ",".join(str(int(code)) for code in row)


def _row(text: str) -> list[int]:
    return [int(code) for code in text.split(",")]
