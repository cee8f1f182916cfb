"""Areas that close: exact integers from the pixel to the nation.

A pixel's ground area depends on its row (`Grid.row_area`). Areas are summed as whole numbers of 10^-9 m², so the sum
does not depend on any order or cut. A city's area is then rounded once, to 0.01 m², and provinces, regions and the
nation are sums of those rounded numbers: whoever adds the printed figures gets the printed total.
"""

import numpy as np
import numpy.typing as npt

NANO = 10**9  # in a square metre
HUNDREDTH = NANO // 100


def nano_areas(counts: npt.NDArray[np.int64], row_area: npt.NDArray[np.float64]) -> list[int]:
    """Area per class in 10^-9 m², exact: Σ_r counts[r, k] · round(10^9 · row_area[r]).

    counts : int64 [H, K], pixels of each row; row_area : float64 [H], m² of one pixel of each row
    Python integers: a province of 10^12 m² exceeds 64 bits in these units.

    >>> nano_areas(np.array([[1, 2], [0, 3]]), np.array([1.5, 0.25]))
    [1500000000, 3750000000]
    """
    nano = [round(area * NANO) for area in row_area.tolist()]
    if max(nano, default=0) * int(counts.sum(0).max(initial=0)) < 2**63:  # nearly always: a tile, at metres
        return [int(total) for total in np.array(nano, "int64") @ counts]
    return [int(total) for total in np.array(nano, dtype=object) @ counts.astype(object)]


def hundredths(nano: int) -> int:
    """10^-9 m² to hundredths of a square metre, halves up: for the area of a city, and nothing smaller or larger."""
    return (nano + HUNDREDTH // 2) // HUNDREDTH


def square_metres(hundredths: int) -> str:
    """Hundredths of a square metre as an exact decimal: 123456 → "1234.56"."""
    return f"{hundredths // 100}.{hundredths % 100:02d}"
