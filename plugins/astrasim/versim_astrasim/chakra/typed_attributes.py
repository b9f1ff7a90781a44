"""Attributes of versions 0.0.2 and 0.0.3: a name, a number for the type, and a field for each type.

The fields of 0.0.3 are one further than those of 0.0.2, and later files of 0.0.3 have one more, for unsigned integers.
Number and encoding of a field together tell its type in all of them, and whether it is of 0.0.2.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from versim_astrasim.chakra.attributes import Attribute, ValueKind
from versim_astrasim.chakra.wire import fields_of

_VARINT, _LENGTH_DELIMITED, _FIXED_32 = 0, 2, 5
_NAME, _TYPE, _TEXT = 1, 2, 3
_FIRST_VALUE = 4
_OF_002 = {(4, _FIXED_32), (5, _VARINT), (6, _LENGTH_DELIMITED), (7, _FIXED_32), (8, _VARINT)}
"""Float, integer, text, floats and integers of 0.0.2. Truths of early 0.0.3 are encoded as the last."""

_SCALARS = {
    (4, _VARINT): ValueKind.TRUTH,
    (5, _VARINT): ValueKind.INTEGER,
    (6, _VARINT): ValueKind.INTEGER,
    (7, _VARINT): ValueKind.INTEGER,
    (6, _LENGTH_DELIMITED): ValueKind.TEXT,
    (7, _LENGTH_DELIMITED): ValueKind.TEXT,
    (8, _LENGTH_DELIMITED): ValueKind.TEXT,
}
_FIRST_LIST, _LAST_LIST = 8, 12
_SIGN, _TOO_LARGE = 1 << 63, 1 << 64


def is_typed_attribute(content: bytes) -> bool:
    """Whether these bytes can be such an attribute: a name, a type and nothing that is not of one."""
    try:
        fields = fields_of(content)
    except DecodeError:
        return False
    found = {(number, wire) for number, wire, _ in fields}
    return {(_NAME, _LENGTH_DELIMITED), (_TYPE, _VARINT)} <= found and all(
        number <= _LAST_LIST + 1 for number, _ in found
    )


def says_002(content: bytes) -> bool | None:
    """Whether an attribute is of version 0.0.2; None if it may be of either.

    Raises:
        google.protobuf.message.DecodeError: It is none.
    """
    values = {(number, wire) for number, wire, _ in fields_of(content) if number >= _FIRST_VALUE}
    sure = values - {(8, _VARINT)}
    return None if not sure else bool(sure & _OF_002)


def typed_attribute(content: bytes) -> Attribute:
    """One attribute, as those of later versions are.

    Raises:
        google.protobuf.message.DecodeError: These are not an attribute's bytes.
    """
    name, listed, found = "", [], None
    for number, wire, value in fields_of(content):
        if (number, wire) == (_NAME, _LENGTH_DELIMITED):
            name = value.decode("utf-8", "replace")
        elif (number, wire) in _SCALARS:
            found = (_SCALARS[number, wire], value)
        elif wire == _VARINT and _FIRST_LIST <= number <= _LAST_LIST:
            listed.append(bool(value))
    if found is None:
        return Attribute(name, ValueKind.TRUTHS if listed else ValueKind.OTHER, tuple(listed) or None, "")
    kind, value = found
    if kind is ValueKind.TRUTH:
        return Attribute(name, kind, bool(value), "bool")
    if kind is ValueKind.TEXT:
        return Attribute(name, kind, value.decode("utf-8", "replace"), "string")
    return Attribute(name, kind, value - _TOO_LARGE if value >= _SIGN else value, "int")
