"""Many protocol buffer messages of one shape at once, as rows of bytes.

A row is made of parts: bytes that every row has, and columns of bytes. Numbers of a column get as many bytes as the
largest needs, the others filled up, which every parser reads as the same number; so all rows are equally long, and
lengths of messages inside messages are constants. See https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint8]
"""Shape (rows, bytes)."""

Part = bytes | Rows

_VARINT, _FIXED64, _LENGTH = 0, 1, 2


def varint(value: int) -> bytes:
    """A number above or equal 0 in groups of seven bits, the lowest first."""
    groups = [value >> shift & 0x7F for shift in range(0, max(1, value.bit_length()), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def varints(values: NDArray[np.int64]) -> Rows:
    """The same of a column, each filled up to the bytes of the largest; shape (rows, bytes)."""
    width = len(varint(int(values.max(initial=0))))
    groups = np.empty((len(values), width), dtype=np.uint8)
    for place in range(width):
        groups[:, place] = values >> (7 * place) & 0x7F
    groups[:, :-1] |= 0x80
    return groups


def numbers(field: int, values: int | NDArray[np.int64]) -> Iterator[Part]:
    """A field with a number of at least 0: the same in all rows, or one per row."""
    yield varint(field << 3 | _VARINT)
    yield varint(values) if isinstance(values, int) else varints(values)


def fixed64(field: int, values: NDArray[np.int64]) -> Iterator[Part]:
    """A field with a number in eight bytes."""
    yield varint(field << 3 | _FIXED64)
    yield np.ascontiguousarray(values, dtype="<u8").view(np.uint8).reshape(len(values), 8)


def message(field: int, parts: Iterable[Part]) -> Iterator[Part]:
    """A field with a message."""
    inner = list(parts)
    yield varint(field << 3 | _LENGTH) + varint(sum(map(_width, inner)))
    yield from inner


def rows_of(parts: Sequence[Part], count: int) -> Rows:
    """The rows; shape (count, bytes)."""
    made = np.empty((count, sum(map(_width, parts))), dtype=np.uint8)
    place = 0
    for part in parts:
        width = _width(part)
        made[:, place : place + width] = np.frombuffer(part, dtype=np.uint8) if isinstance(part, bytes) else part
        place += width
    return made


def merged(kinds: Sequence[tuple[NDArray[np.int64], Rows]]) -> bytes:
    """Rows of several lengths in one order: of each kind their positions among all rows, and the rows."""
    length = np.zeros(sum(len(positions) for positions, _ in kinds), dtype=np.int64)
    for positions, rows in kinds:
        length[positions] = rows.shape[1]
    begin = np.concatenate([[0], np.cumsum(length)])
    made = np.empty(int(begin[-1]), dtype=np.uint8)
    for positions, rows in kinds:
        made[begin[positions][:, None] + np.arange(rows.shape[1])] = rows
    return made.tobytes()


def _width(part: Part) -> int:
    return len(part) if isinstance(part, bytes) else part.shape[1]
