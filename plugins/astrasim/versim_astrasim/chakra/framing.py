"""Length-delimited protobuf messages: each is preceded by its length as a base-128 varint of at most five bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from versim import VersimError

MOST_BYTES = 64 * 2**20
"""Longer messages are refused before anything is allocated; a trace node has a few hundred bytes."""

_MOST_LENGTH_BYTES = 5


class TraceFormatError(VersimError):
    """A file is not a Chakra execution trace, or is cut short; says where."""


def varint(value: int) -> bytes:
    """A non-negative integer as a base-128 varint."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def write_message(stream: BinaryIO, message: bytes) -> None:
    """Append one serialized message."""
    stream.write(varint(len(message)))
    stream.write(message)


def messages(stream: BinaryIO, subject: str) -> Iterator[tuple[int, bytes]]:
    """Every message of a stream with the offset it begins at, one at a time.

    Args:
        stream: Open for reading, at its start.
        subject: What is read, for messages; usually the file's name.

    Raises:
        TraceFormatError: A length that is malformed or too large, or a message that is cut short.
    """
    offset = 0
    while True:
        length, width = _length(stream, subject, offset)
        if length is None:
            return
        if length > MOST_BYTES:
            raise TraceFormatError(
                f"{subject}: the message at byte {offset} claims {length} bytes, more than the {MOST_BYTES} allowed; "
                "this is no Chakra trace, or a compressed one"
            )
        content = stream.read(length)
        if len(content) < length:
            raise TraceFormatError(
                f"{subject}: the message at byte {offset} claims {length} bytes, but the file ends after "
                f"{len(content)}; it was cut short"
            )
        yield offset, content
        offset += width + length


def _length(stream: BinaryIO, subject: str, offset: int) -> tuple[int | None, int]:
    """A length and its width in bytes; None at the end of the stream."""
    value = 0
    for position in range(_MOST_LENGTH_BYTES):
        byte = stream.read(1)
        if not byte:
            if position == 0:
                return None, 0
            raise TraceFormatError(f"{subject}: the file ends within the length at byte {offset}; it was cut short")
        value |= (byte[0] & 0x7F) << 7 * position
        if byte[0] < 0x80:
            return value, position + 1
    raise TraceFormatError(f"{subject}: no valid length at byte {offset}; this is no Chakra trace, or a compressed one")
