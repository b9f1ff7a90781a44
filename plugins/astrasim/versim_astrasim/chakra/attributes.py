"""Attributes of nodes: name, kind and value, each distinct sequence of bytes decoded once."""

from __future__ import annotations

from enum import Enum
from typing import Any

import attrs

from versim_astrasim.chakra.schema import schema

INTEGER_FIELDS = frozenset(
    f"{kind}_val"
    for kind in (
        "int32",
        "int64",
        "uint32",
        "uint64",
        "sint32",
        "sint64",
        "fixed32",
        "fixed64",
        "sfixed32",
        "sfixed64",
    )
)
"""The widths and encodings an integer may have; all mean the same."""

_MOST_REMEMBERED = 1 << 15
_MOST_REMEMBERED_BYTES = 256

_NAME_TAG = 1 << 3 | 2
_VARINT_TAGS = frozenset(number << 3 for number in (9, 13))
"""int64 and uint64; narrower integers are cut to their width, which is left to protobuf."""


class ValueKind(Enum):
    """What an attribute holds."""

    INTEGER = "integer"
    TRUTH = "bool"
    TRUTHS = "bool_list"
    TEXT = "string"
    LIST = "list"
    OTHER = "other"


@attrs.frozen
class Attribute:
    """One attribute of a node.

    Attributes:
        name: Its name.
        kind: What it holds.
        value: An int, bool, tuple of bools, str, or tuple of unsigned ints or bytes by ``kind``; None for other kinds.
        field: The schema's name of the value's type, ``""`` if there is no value.
    """

    name: str
    kind: ValueKind
    value: Any
    field: str


class AttributeDecoder:
    """Decodes attributes; remembers a bounded number of them, because traces repeat themselves.

    Attributes:
        known: Attributes decoded so far, by their bytes; callers may look here first.
    """

    def __init__(self) -> None:
        self.known: dict[bytes, Attribute] = {}
        self._heads: dict[bytes, tuple[str, str]] = {}

    def decode(self, content: bytes) -> Attribute:
        """One attribute.

        Raises:
            google.protobuf.message.DecodeError: These are not an attribute's bytes.
        """
        known = self.known.get(content)
        if known is None:
            known = self._varied(content)
            if len(content) <= _MOST_REMEMBERED_BYTES:
                if len(self.known) >= _MOST_REMEMBERED:
                    self.known.clear()
                self.known[content] = known
        return known

    def _varied(self, content: bytes) -> Attribute:
        """An attribute not seen before: often a known name with another unsigned or positive integer."""
        head = content[: content[1] + 3] if len(content) > 3 and content[0] == _NAME_TAG else b""
        found = self._heads.get(head)
        if found is not None:
            value = shift = 0
            last = content[-1]
            # Every byte but the last says that more follow.
            for byte in content[len(head) : -1]:
                if byte < 0x80:
                    break
                value |= (byte & 0x7F) << shift
                shift += 7
            else:
                # Of up to nine bytes: a value below 2^63, the same for all plain varints.
                if shift < 63 and last < 0x80 and len(content) > len(head):
                    return Attribute(found[0], ValueKind.INTEGER, value | last << shift, found[1])
        made = _decoded(content)
        if (
            head
            and content[1] < 0x80
            and head[-1] in _VARINT_TAGS
            and made.kind is ValueKind.INTEGER
            and len(self._heads) < _MOST_REMEMBERED
            and head[2:-1] == made.name.encode()
        ):
            self._heads[head] = (made.name, made.field)
        return made


def _decoded(content: bytes) -> Attribute:
    message = schema.AttributeProto.FromString(content)
    field = message.WhichOneof("value") or ""
    short = field.removesuffix("_val")
    if field in INTEGER_FIELDS:
        return Attribute(message.name, ValueKind.INTEGER, int(getattr(message, field)), short)
    if field == "bool_val":
        return Attribute(message.name, ValueKind.TRUTH, bool(message.bool_val), short)
    if field == "bool_list":
        return Attribute(message.name, ValueKind.TRUTHS, tuple(message.bool_list.values), short)
    if field == "string_val":
        return Attribute(message.name, ValueKind.TEXT, str(message.string_val), short)
    if field in ("uint64_list", "bytes_list"):
        return Attribute(message.name, ValueKind.LIST, tuple(getattr(message, field).values), short)
    return Attribute(message.name, ValueKind.OTHER, None, short)
