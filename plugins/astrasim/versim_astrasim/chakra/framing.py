"""Length-delimited protobuf messages: each is preceded by its length as a base-128 varint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from versim import VersimError

MOST_BYTES = 64 * 2**20
"""Longer messages are refused before anything is allocated; a trace node has a few hundred bytes."""

_MOST_LENGTH_BYTES = 10
"""A varint of 64 bits; the real program reads 32, but a longer one is to be named, not taken for something else."""

_PIECE_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"


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
    # Read in large pieces: one call per byte of a length would cost more than the messages themselves.
    held, place, base = b"", 0, 0
    while True:
        if len(held) - place < _MOST_LENGTH_BYTES:
            base += place
            held, place = held[place:] + stream.read(_PIECE_BYTES), 0
            if not held:
                return
            if not base and held.startswith(_GZIP):
                raise TraceFormatError(
                    f"{subject}: the file is compressed (gzip), which the simulators do not read; gunzip it first"
                )
        length, begin, offset = held[place], place + 1, base + place
        if length >= 0x80:
            length, begin = _length(held, place, subject, offset)
        if length > MOST_BYTES:
            raise TraceFormatError(
                f"{subject}: the message at byte {offset} claims {length} bytes, more than the {MOST_BYTES} allowed; "
                "this is no Chakra trace, or a compressed one"
            )
        end = begin + length
        if end > len(held):
            base += begin
            held, begin = held[begin:], 0
            pieces = [held]
            missing = length - len(held)
            while missing > 0 and (piece := stream.read(max(missing, _PIECE_BYTES))):
                pieces.append(piece)
                missing -= len(piece)
            held, end = b"".join(pieces), length
            if missing > 0:
                raise TraceFormatError(
                    f"{subject}: the message at byte {offset} claims {length} bytes, but the file ends after "
                    f"{len(held)}; it was cut short"
                )
        yield offset, held[begin:end]
        place = end


def _length(held: bytes, place: int, subject: str, offset: int) -> tuple[int, int]:
    """A length of several bytes and where what it measures begins."""
    value = 0
    for position in range(_MOST_LENGTH_BYTES):
        if place + position >= len(held):
            raise TraceFormatError(f"{subject}: the file ends within the length at byte {offset}; it was cut short")
        byte = held[place + position]
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return value, place + position + 1
    raise TraceFormatError(f"{subject}: no valid length at byte {offset}; this is no Chakra trace, or a compressed one")
