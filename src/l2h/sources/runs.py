"""Runs: many lines as one array of places, so that a batch of ways is cut and moved without an object for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from l2h.core.crs import same_crs, transformer

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
HEAD = 9  # bytes of WKB before the places of a line: order of bytes, type, number of places
LINE, POLYGON = 2, 3  # WKB types


@dataclass(frozen=True)
class Runs:
    """Lines of at least two places each.

    points : x and y of all places, float64 [P, 2]
    starts : where each line begins, and the end of the last, int64 [N + 1]
    """

    points: Floats
    starts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @classmethod
    def of(cls, hexes: Sequence[str]) -> "Runs":
        """Lines from hexadecimal WKB, as osmium writes it (little-endian, two dimensions)."""
        data = np.frombuffer(bytes.fromhex("".join(hexes)), "uint8")
        sizes = np.fromiter(map(len, hexes), "int64", len(hexes)) // 2
        starts = np.concatenate([[0], np.cumsum((sizes - HEAD) // 16)])
        body = np.ones(len(data), bool)
        body[((np.cumsum(sizes) - sizes)[:, None] + np.arange(HEAD)).ravel()] = False
        return cls(data[body].view("<f8").reshape(-1, 2), starts)

    def bounds(self) -> Floats:
        """Left, bottom, right, top of each line, [N, 4]."""
        if not len(self):
            return np.empty((0, 4))
        first = self.starts[:-1]
        return np.hstack([np.minimum.reduceat(self.points, first), np.maximum.reduceat(self.points, first)])

    def take(self, mask: Mask) -> "Runs":
        """The lines where a mask [N] says so, in their order."""
        if mask.all():
            return self
        lengths = np.diff(self.starts)
        return Runs(self.points[np.repeat(mask, lengths)], np.concatenate([[0], np.cumsum(lengths[mask])]))

    def moved(self, source: str, target: str) -> "Runs":
        """The lines with every place in another CRS; a place that has none there becomes inf."""
        if same_crs(source, target):
            return self
        return Runs(np.column_stack(transformer(source, target).transform(*self.points.T)), self.starts)

    def closed(self) -> Mask:
        """Whether each line ends where it begins, [N]."""
        return np.asarray((self.points[self.starts[:-1]] == self.points[self.starts[1:] - 1]).all(1))

    def lines(self) -> npt.NDArray[np.object_]:
        return np.asarray(shapely.from_ragged_array(shapely.GeometryType.LINESTRING, self.points, (self.starts,)))

    def polygons(self) -> npt.NDArray[np.object_]:
        """Closed lines of four places or more as polygons without holes."""
        offsets = (self.starts, np.arange(len(self) + 1))
        return np.asarray(shapely.from_ragged_array(shapely.GeometryType.POLYGON, self.points, offsets))

    def wkb(self, kind: int) -> pa.Array:
        """WKB of each run as a line, or as the only ring of a polygon."""
        lengths = np.diff(self.starts)
        words = [np.full(len(self), kind), *([np.ones(len(self), int)] if kind == POLYGON else []), lengths]
        head = np.empty((len(self), 1 + 4 * len(words)), "uint8")
        head[:, 0] = 1  # little-endian
        head[:, 1:] = np.column_stack(words).astype("<u4").view("uint8")
        ends = np.cumsum(head.shape[1] + 16 * lengths)
        offsets = np.concatenate([[0], ends])
        data = np.empty(offsets[-1], "uint8")
        body = np.ones(len(data), bool)
        places = offsets[:-1, None] + np.arange(head.shape[1])
        body[places.ravel()] = False
        data[places] = head
        data[body] = np.ascontiguousarray(self.points, "<f8").view("uint8").ravel()
        buffers = [None, pa.py_buffer(offsets.astype("<i4")), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.binary(), len(self), buffers)
