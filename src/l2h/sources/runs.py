"""Runs: many lines as one array of places, so that a batch of ways is cut and moved without an object for each."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from l2h.core.crs import same_crs, transformer

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
SURE = 1e-14  # share of its terms by which a cross product must differ from nothing; its rounding is a tenth of that
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
    def known(cls, points: Floats, there: Mask, counts: npt.NDArray[np.int64]) -> tuple["Runs", npt.NDArray[np.int64]]:
        """Runs of the places that are known, and for each the line it is of: one for a whole line, several for one
        with gaps. A place like the one before it goes, and so does what is left with fewer than two.

        points : places of all lines, one after the other [P, 2]
        there  : which of them are known [P]
        counts : how many each line has [N]
        """
        line = np.repeat(np.arange(len(counts)), counts)
        begins = np.ones(len(line), bool)
        begins[1:] = (line[1:] != line[:-1]) | ~there[:-1]
        points, line, run = points[there], line[there], np.cumsum(begins)[there]
        kept = np.ones(len(line), bool)
        kept[1:] = (run[1:] != run[:-1]) | (points[1:] != points[:-1]).any(1)
        points, line, run = points[kept], line[kept], run[kept]
        first = np.flatnonzero(np.diff(run, prepend=-1))
        runs = cls(points, np.append(first, len(run)))
        whole = np.diff(runs.starts) > 1
        return runs.take(whole), line[first][whole]

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

    def convex(self) -> Mask:
        """Which closed lines surely turn one way all along and go round once, [N]: as polygons these are valid."""
        if not len(self):
            return np.zeros(0, bool)
        inner = np.ones(len(self.points), bool)
        inner[self.starts[1:] - 1] = False
        edges = np.diff(self.points, axis=0, append=self.points[-1:])[inner]
        first = self.starts[:-1] - np.arange(len(self))
        following = np.arange(1, len(edges) + 1)
        following[np.append(first[1:], len(edges)) - 1] = first
        x, y = edges.T
        one, other = x * y[following], y * x[following]
        turn, sure = one - other, SURE * (np.abs(one) + np.abs(other))
        left, right = (np.logical_and.reduceat(side, first) for side in (turn > sure, turn < -sure))
        upward = (y > 0) | ((y == 0) & (x > 0))
        return np.asarray((left | right) & (np.add.reduceat(upward != upward[following], first, dtype="int64") == 2))

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
