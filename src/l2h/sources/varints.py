"""Varints: the whole numbers of Protocol Buffers, many at a time, so that a block of ways takes no loop over bytes.

Encoding of Protocol Buffers (Google, "Encoding"): seven bits a byte, the lowest first, the top bit set where more
follow; signed numbers zigzag, 0, -1, 1, -2 as 0, 1, 2, 3.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
SCALAR, PACKED = 0, 2  # wire types: a number, and bytes with their length before them


@dataclass(frozen=True)
class Spans:
    """Pieces of a list: where each begins and how long it is, int64 [N]."""

    at: Ints
    size: Ints

    def take(self, rows: Ints) -> "Spans":
        return Spans(self.at[rows], self.size[rows])

    def places(self) -> Ints:
        """Where in the list each thing of the pieces is, one piece after the other."""
        shift = self.at - (np.cumsum(self.size) - self.size)
        return np.asarray(np.repeat(shift, self.size) + np.arange(int(self.size.sum())))

    def gathered(self, numbers: Ints) -> Ints:
        """What is in the pieces, one after the other."""
        return np.asarray(numbers[self.places()])


class Tokens:
    """Bytes that are numbers through and through: messages whose fields are numbers, or numbers packed.

    numbers : all of them, int64 [T]
    """

    def __init__(self, data: Bytes) -> None:
        """ValueError where the bytes end within a number."""
        last = data < 128
        if len(data) and not last[-1]:
            raise ValueError("a number is cut short")
        self._ends = np.flatnonzero(last)
        self._before = np.zeros(len(data) + 1, "int32" if len(data) < 1 << 31 else "int64")
        np.cumsum(last, dtype=self._before.dtype, out=self._before[1:])
        begins = np.zeros(len(self._ends), "int64")
        begins[1:] = self._ends[:-1] + 1
        self.numbers = data[begins].astype("int64")
        longer = np.flatnonzero(self.numbers > 127)
        self.numbers[longer] = _longer(data, begins[longer], self._ends[longer])

    def spans(self, at: Ints, size: Ints) -> Spans:
        """Pieces given in bytes as pieces of the numbers."""
        first = self._before[at].astype("int64")
        return Spans(first, self._before[at + size] - first)

    def behind(self, token: Ints, size: Ints) -> Ints:
        """The number that follows so many bytes behind each number. ValueError where the bytes end before."""
        place = self._ends[token] + 1 + size
        if (place >= len(self._before)).any():
            raise ValueError("a message ends within a field")
        return np.asarray(self._before[place], "int64")


def _longer(data: Bytes, begins: Ints, ends: Ints) -> Ints:
    """Numbers of two bytes or more."""
    values = (data[begins] & 127).astype("int64") | (data[begins + 1] & 127).astype("int64") << 7
    rows, k = np.flatnonzero(ends > begins + 1), 2
    while len(rows):
        values[rows] |= (data[begins[rows] + k] & 127).astype("int64") << 7 * k
        rows, k = rows[ends[rows] > begins[rows] + k], k + 1
    return np.asarray(values)


@dataclass(frozen=True)
class Fields:
    """One field of many messages: its number, or where its numbers are; 0, or none, where a message has none."""

    spans: Spans
    numbers: Ints


def split(tokens: Tokens, messages: Spans, wanted: tuple[int, ...]) -> dict[int, Fields]:
    """The wanted fields of many messages, read in step: the first field of all, then the second, and so on.

    A field that occurs twice counts as its last. ValueError where a message is none.
    """
    numbers, count = tokens.numbers, len(messages.at)
    found = {field: Fields(Spans(_zeros(count), _zeros(count)), _zeros(count)) for field in wanted}
    rows, cursor, stop = np.arange(count), messages.at, messages.at + messages.size
    while True:
        going = cursor < stop
        if not going.all():
            rows, cursor, stop = rows[going], cursor[going], stop[going]
        if not len(rows):
            return found
        if (cursor + 1 >= stop).any():
            raise ValueError("a message ends within a field")
        tag, value, first = numbers[cursor], numbers[cursor + 1], cursor + 2
        bulk = (tag & 7) == PACKED
        if not (bulk | ((tag & 7) == SCALAR)).all():
            raise ValueError("a message has a field of an unknown kind")
        cursor = tokens.behind(cursor + 1, np.where(bulk, value, 0))
        if (cursor > stop).any():
            raise ValueError("a message ends within a field")
        for kind in np.flatnonzero(np.bincount(tag)).tolist():
            if kind >> 3 in found:
                here, out = tag == kind, found[kind >> 3]
                row = rows[here]
                out.numbers[row], out.spans.at[row] = value[here], first[here]
                out.spans.size[row] = cursor[here] - first[here]


def signed(numbers: Ints) -> Ints:
    return (numbers >> 1) ^ -(numbers & 1)


def running(steps: Ints, counts: Ints) -> Ints:
    """Numbers from their differences: each piece begins anew from nothing."""
    total = np.zeros(len(steps) + 1, "int64")
    np.cumsum(steps, out=total[1:])
    return np.asarray(total[1:] - np.repeat(total[np.cumsum(counts) - counts], counts))


def _zeros(count: int) -> Ints:
    return np.zeros(count, "int64")
