"""Which generation of the format a file is in.

Version 0.0.1 has attributes as fields, other numbers for node types and collectives, and no global metadata; versions
0.0.4 to 1.0 begin with global metadata and list attributes. A node of one generation parses as a node of the other, as
something else, so every message is looked at for fields that only one of them has. Early writers of version 0.0.4 left
the metadata out, and later ones write their own version there; then how all nodes are encoded tells the generation.
Versions 0.0.2 and 0.0.3, in between, never say their version; their attributes tell them, and each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Any

from google.protobuf.message import DecodeError

from versim_astrasim.chakra.attributes import AttributeDecoder
from versim_astrasim.chakra.framing import TraceFormatError
from versim_astrasim.chakra.typed_attributes import is_typed_attribute, says_002
from versim_astrasim.chakra.wire import Metadata, fields_of, unknown_fields

_VARINT, _LENGTH_DELIMITED = 0, 2
_LISTED_VERSION = re.compile(r"(?<![\d.])(0\.0\.[4-9]\d*|v?1(\.\d+){0,2})(?![\d.])", re.ASCII)
"""Somewhere in the text: writers put their own version, a prefix or a suffix around that of the schema."""

_FIELDED_VERSION = re.compile(r"(?<![\d.])0\.0\.1(?![\d.])", re.ASCII)
_STORAGE_FIELD = 11
"""Storage operations of versions after 1.0, beside nodes that are otherwise the same."""

_TYPED_ATTRIBUTE = (_STORAGE_FIELD, _LENGTH_DELIMITED)
_IN_BETWEEN = "it is of schema version 0.0.2 or 0.0.3, and no attribute tells which; convert it to 0.0.4"
_TYPE_FIELD = 3
_MOST_REMEMBERED = 1 << 15
_COMPUTE_ONLY = {3: "0.0.1", 4: "0.0.4"}
"""The number of compute by generation, for files of nothing else."""


class Generation(Enum):
    """A generation of the format; the value is its oldest version."""

    FIELDED = "0.0.1"
    TYPED_2 = "0.0.2"
    TYPED_3 = "0.0.3"
    LISTED = "0.0.4"


def of_first_message(content: bytes, subject: str) -> tuple[Generation | None, str, bool]:
    """The generation that a file's first message announces.

    Returns:
        The generation, None if nodes have to tell it; the version as written, "" if none is; and whether the message is
        metadata instead of a node.

    Raises:
        TraceFormatError: It is neither metadata nor a node.
    """
    try:
        metadata = Metadata.FromString(content)
    except DecodeError as error:
        raise TraceFormatError(
            f"{subject}: the message at byte 0 is not the global metadata a trace begins with: {error}"
        ) from error
    strange = unknown_fields(metadata)
    if is_typed_attribute(metadata.version) and not strange:
        # Of version 0.0.3, which lists attributes where the version stands later.
        return None, "", True
    if (1, _VARINT) in strange or (_TYPE_FIELD, _VARINT) in strange:
        # A node has its id and its type there; an id of 0 is not written by version 0.0.4.
        return None, "", False
    if strange:
        raise TraceFormatError(
            f"{subject}: the message at byte 0 is not the global metadata a trace begins with: it has field "
            f"{strange[0][0]}"
        )
    version = metadata.version.decode("utf-8", "replace") or _version_of(metadata.attr, subject)
    schema = version.rpartition("chakra.")[2]
    if _FIELDED_VERSION.search(schema):
        return Generation.FIELDED, version, True
    if not version or _LISTED_VERSION.search(schema):
        return Generation.LISTED, version, True
    return None, version, True


def _version_of(attributes: Iterable[bytes], subject: str) -> str:
    """Chakra's version in the ``schema`` attribute that PyTorch's converter writes, e.g. ``1.0.2-chakra.0.0.4``."""
    decoder = AttributeDecoder()
    for content in attributes:
        try:
            attribute = decoder.decode(content)
        except DecodeError as error:
            raise TraceFormatError(
                f"{subject}: the message at byte 0 is not the global metadata a trace begins with: {error}"
            ) from error
        if attribute.name == "schema" and isinstance(attribute.value, str):
            # Without "chakra." it is PyTorch's own version.
            _, found, version = attribute.value.partition("-chakra.")
            return version if found else ""
    return ""


def of_nodes(contents: Iterable[tuple[int, bytes]], subject: str, otherwise: Generation | None = None) -> Generation:
    """The generation of a file whose metadata does not tell it or that has none, by how its nodes are encoded.

    Version 0.0.1 writes a number per dependency and attributes as numbers; version 0.0.4 packs dependencies into bytes
    and lists attributes. A file of compute without either is told by the number that compute has.

    Args:
        contents: Offset and bytes of every node.
        subject: What is read, for messages.
        otherwise: What it is if its nodes do not tell; None is an error then.

    Raises:
        TraceFormatError: A message is none, or they are of two generations, of one that is not read, or of none.
    """
    seen: dict[Generation, int] = {}
    types: set[int] = set()
    typed = _Typed(subject)
    for offset, content in contents:
        try:
            fields = fields_of(content)
        except DecodeError as error:
            raise TraceFormatError(f"{subject}: the message at byte {offset} is not a node: {error}") from error
        if typed.looked_at(offset, fields):
            continue
        for number, wire_type, value in fields:
            if wire_type == _LENGTH_DELIMITED and number in (4, 5, 8, 9, 10):
                seen.setdefault(Generation.LISTED, offset)
            elif wire_type == _VARINT and (number in (4, 5) or 8 <= number <= 20):
                seen.setdefault(Generation.FIELDED, offset)
            elif wire_type == _VARINT and number == _TYPE_FIELD and len(types) < 2:
                types.add(value)
    if typed.first is not None:
        return typed.generation()
    if len(seen) > 1:
        raise TraceFormatError(
            f"{subject}: no global metadata says the version, and its nodes are of two generations: that at byte "
            f"{seen[Generation.FIELDED]} is of schema version 0.0.1, that at byte {seen[Generation.LISTED]} of 0.0.4 "
            "or later"
        )
    if seen:
        return next(iter(seen))
    if len(types) == 1 and types <= set(_COMPUTE_ONLY):
        return Generation(_COMPUTE_ONLY[types.pop()])
    if otherwise is not None:
        return otherwise
    raise TraceFormatError(
        f"{subject}: the file has no global metadata, and nothing in its nodes tells schema version 0.0.1 from 0.0.4; "
        "write it with its metadata"
    )


def is_typed(content: bytes) -> bool:
    """Whether a node has attributes as only versions 0.0.2 and 0.0.3 write them.

    Raises:
        google.protobuf.message.DecodeError: It is no node.
    """
    attributes = [value for number, wire, value in fields_of(content) if (number, wire) == _TYPED_ATTRIBUTE]
    return bool(attributes) and all(map(is_typed_attribute, attributes))


class _Typed:
    """Looks whether nodes are of versions 0.0.2 or 0.0.3."""

    def __init__(self, subject: str) -> None:
        self.first: int | None = None
        self._subject = subject
        self._known: set[bytes] = set()
        self._says: set[bool] = set()

    def looked_at(self, offset: int, fields: Iterable[tuple[int, int, Any]]) -> bool:
        """Whether a node is of one of them; all later ones have to be, then."""
        found = False
        for number, wire_type, value in fields:
            if wire_type == _LENGTH_DELIMITED and number in (6, 7, _STORAGE_FIELD):
                found = True
            if wire_type == _LENGTH_DELIMITED and number == _STORAGE_FIELD and value not in self._known:
                if len(self._known) < _MOST_REMEMBERED:
                    self._known.add(value)
                if not is_typed_attribute(value):
                    raise TraceFormatError(f"{self._subject}: node at byte {offset}: {_IN_BETWEEN}")
                said = says_002(value)
                if said is not None:
                    self._says.add(said)
        if found and self.first is None:
            self.first = offset
        return self.first is not None

    def generation(self) -> Generation:
        """Which of them.

        Raises:
            TraceFormatError: Nothing tells.
        """
        if len(self._says) != 1:
            raise TraceFormatError(f"{self._subject}: node at byte {self.first}: {_IN_BETWEEN}")
        return Generation.TYPED_2 if self._says.pop() else Generation.TYPED_3


def contradiction(generation: Generation, strange: Iterable[tuple[int, int]]) -> str:
    """What fields outside a generation's node say about the file, "" if nothing.

    Args:
        generation: As which the node was read.
        strange: Number and wire type of its unknown fields.
    """
    for field, wire_type in strange:
        if generation is Generation.LISTED:
            if field >= _STORAGE_FIELD and wire_type == _LENGTH_DELIMITED and field != 14:
                continue
            if wire_type == _VARINT and 8 <= field <= 20:
                return f"it has field {field}, which only schema version 0.0.1 has"
        elif wire_type == _LENGTH_DELIMITED and field in (8, 9, 10):
            return f"it has field {field}, which only schema versions 0.0.4 and later have"
        elif wire_type == _LENGTH_DELIMITED and field in (5, 6, 7, 11):
            return _IN_BETWEEN
        return f"it has field {field} of wire type {wire_type}, which no schema version that is read has"
    return ""
