"""Tally: which digests come up again, of more of them than memory holds."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from l2h.sources.transfer import storage_errors

SIZE = 32  # bytes of a digest
HELD = 1 << 16  # digests that wait in memory: 2 MiB
SHELVES = 256  # files they are spread over, by their first byte, and counted one by one


class Tally:
    """Counts digests. A layer's few stay in memory, a country's go to files in a folder, 32 bytes each.

    folder : an empty one, whose files are the caller's to remove
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._held, self._spilt = folder, bytearray(), False

    def add(self, digests: Iterable[str]) -> None:
        """Count SHA-256 digests, in hexadecimal."""
        for digest in digests:
            self._held += bytes.fromhex(digest)
        if len(self._held) >= HELD * SIZE:
            self._spill()

    def at_least(self, times: int) -> set[str]:
        """Those that were added so often, in any order, or more."""
        if self._spilt:
            self._spill()
        return {digest.hex() for shelf in self._shelves() for digest in _often(shelf, times)}

    def _spill(self) -> None:
        rows = np.frombuffer(bytes(self._held), "uint8").reshape(-1, SIZE)
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        cuts = np.searchsorted(rows[:, 0], np.arange(1, SHELVES))
        with storage_errors(self._folder):
            for number, part in enumerate(np.split(rows, cuts)):
                with (self._folder / f"{number:02x}").open("ab") as stream:
                    stream.write(part.tobytes())
        self._held.clear()
        self._spilt = True

    def _shelves(self) -> Iterator[bytes]:
        if not self._spilt:
            yield bytes(self._held)
            return
        for path in sorted(self._folder.iterdir()):
            yield path.read_bytes()


def _often(shelf: bytes, times: int) -> list[bytes]:
    """The digests of a shelf that stand in it so often."""
    rows: npt.NDArray[np.bytes_] = np.frombuffer(shelf, f"S{SIZE}")
    values, counts = np.unique(rows, return_counts=True)
    often = values[counts >= times].tobytes()  # a single value would lose the zeros at its end
    return [often[at : at + SIZE] for at in range(0, len(often), SIZE)]
