"""Varints: the whole numbers of Protocol Buffers, many at a time, so that a block of ways takes no loop over bytes.

Encoding of Protocol Buffers (Google, "Encoding"): seven bits a byte, the lowest first, the top bit set where more
follow; signed numbers zigzag, 0, -1, 1, -2 as 0, 1, 2, 3.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
LONGEST = 10  # bytes of a varint
SCALAR, PACKED = 0, 2  # wire types: a number, and bytes with their length before them


@dataclass(frozen=True)
class Spans:
    """Pieces of one run of bytes: where each begins and how many bytes it has, int64 [N]."""

    at: Ints
    size: Ints

    def take(self, rows: Ints) -> "Spans":
        return Spans(self.at[rows], self.size[rows])

    def gathered(self, data: Bytes) -> Bytes:
        """The bytes of all pieces, one after the other."""
        shift = self.at - (np.cumsum(self.size) - self.size)
        return data[np.repeat(shift, self.size) + np.arange(int(self.size.sum()))]


@dataclass(frozen=True)
class Fields:
    """One field of many messages: where its bytes are, or its number; size 0 (or number 0) where a message has none."""

    spans: Spans
    numbers: Ints


def unpack(data: Bytes, spans: Spans) -> tuple[Ints, Ints]:
    """The numbers packed in pieces, one after the other, and how many each piece has, int64 [N].

    ValueError where a piece ends within a number.
    """
    body = spans.gathered(data)
    last = body < 128
    ends = np.flatnonzero(last)
    begins = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    before = np.concatenate([[0], np.cumsum(last)])
    stops = np.cumsum(spans.size)
    if not last[stops[spans.size > 0] - 1].all():
        raise ValueError("a number is cut short")
    lengths = ends - begins + 1
    numbers = (body[begins] & 127).astype("int64")
    for k in range(1, int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > k)
        numbers[longer] |= (body[begins[longer] + k] & 127).astype("int64") << 7 * k
    return numbers, before[stops] - before[stops - spans.size]


def signed(numbers: Ints) -> Ints:
    return (numbers >> 1) ^ -(numbers & 1)


def running(steps: Ints, counts: Ints) -> Ints:
    """Numbers from their differences: each piece begins anew from nothing."""
    total = np.concatenate([[0], np.cumsum(steps)])
    return np.asarray(total[1:] - np.repeat(total[np.cumsum(counts) - counts], counts))


def split(data: Bytes, messages: Spans, wanted: tuple[int, ...]) -> dict[int, Fields]:
    """The wanted fields of many messages, read in step: the first field of all, then the second, and so on.

    A field that occurs twice counts as its last. ValueError where a message is none.
    """
    count = len(messages.at)
    found = {field: Fields(Spans(_zeros(count), _zeros(count)), _zeros(count)) for field in wanted}
    rows, cursor, stop = np.arange(count), messages.at.copy(), messages.at + messages.size
    while True:
        going = cursor < stop
        if not going.all():
            rows, cursor, stop = rows[going], cursor[going], stop[going]
        if not len(rows):
            return found
        tag, cursor = _read(data, cursor)
        value, cursor = _read(data, cursor)
        kind, field = tag & 7, tag >> 3
        bulk = kind == PACKED
        if not (bulk | (kind == SCALAR)).all():
            raise ValueError("a message has a field of an unknown kind")
        for number in np.flatnonzero(np.bincount(field)).tolist():
            if number in found:
                here = field == number
                _note(found[number], rows[here], cursor[here], value[here])
        cursor = cursor + np.where(bulk, value, 0)
        if (cursor > stop).any():
            raise ValueError("a message ends within a field")


def _note(fields: Fields, rows: Ints, cursor: Ints, value: Ints) -> None:
    fields.spans.at[rows], fields.spans.size[rows], fields.numbers[rows] = cursor, value, value


def _read(data: Bytes, cursor: Ints) -> tuple[Ints, Ints]:
    """The number at each cursor, and where the next begins. `data` has LONGEST bytes more than its messages."""
    byte = data[cursor].astype("int64")
    value, after = byte & 127, cursor + 1
    longer = np.flatnonzero(byte > 127)
    for k in range(1, LONGEST):
        if not len(longer):
            break
        byte = data[cursor[longer] + k].astype("int64")
        value[longer] |= (byte & 127) << 7 * k
        after[longer] += 1
        longer = longer[byte > 127]
    return value, after


def _zeros(count: int) -> Ints:
    return np.zeros(count, "int64")
