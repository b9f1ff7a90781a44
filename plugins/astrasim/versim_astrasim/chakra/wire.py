"""Nodes as they stand in a file, decoded no further than needed.

The official schema (``mlc-chakra``) decodes every attribute of every node into an object, and knows one generation of
the format. Here attributes stay bytes, which repeat and are decoded once (:mod:`versim_astrasim.chakra.attributes`),
and the fields of both generations have names. The numbers are the published schemas': mlcommons/chakra,
``et_def.proto`` as of versions 0.0.1 (``Node`` with its attributes as fields), 0.0.2 and 0.0.3 (with a list of typed
attributes) and 0.0.4 to 1.0 (with a list of them, each of one of many types).
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.unknown_fields import UnknownFieldSet

_FIELD = descriptor_pb2.FieldDescriptorProto
_UINT64, _INT64, _BYTES = _FIELD.TYPE_UINT64, _FIELD.TYPE_INT64, _FIELD.TYPE_BYTES

_Field = tuple[str, int, Any, bool]
"""Name, number, type, whether it repeats."""

_LISTED: tuple[_Field, ...] = (
    ("id", 1, _UINT64, False),
    ("name", 2, _BYTES, False),
    ("type", 3, _INT64, False),
    ("ctrl_deps", 4, _UINT64, True),
    ("data_deps", 5, _UINT64, True),
    ("start_time_micros", 6, _UINT64, False),
    ("duration_micros", 7, _UINT64, False),
    ("inputs", 8, _BYTES, False),
    ("outputs", 9, _BYTES, False),
    ("attr", 10, _BYTES, True),
)

FIELD_ATTRIBUTES = {
    "tensor_size": 6,
    "num_ops": 12,
    "comm_src": 16,
    "comm_dst": 17,
    "comm_size": 18,
    "comm_tag": 19,
    "comm_priority": 20,
}
"""Attributes that are fields of the same meaning in version 0.0.1, by their number."""

_FIELDED: tuple[_Field, ...] = (
    ("id", 1, _UINT64, False),
    ("name", 2, _BYTES, False),
    ("type", 3, _INT64, False),
    ("parent", 4, _UINT64, True),
    ("tensor_loc", 5, _INT64, False),
    ("simulated_run_time", 7, _UINT64, False),
    ("input_tensor_loc", 8, _INT64, False),
    ("input_tensor_size", 9, _UINT64, False),
    ("output_tensor_loc", 10, _INT64, False),
    ("output_tensor_size", 11, _UINT64, False),
    ("comm_type", 13, _INT64, False),
    ("involved_dim", 14, _UINT64, True),
    ("communicator_id", 15, _UINT64, False),
    *((name, number, _UINT64, False) for name, number in FIELD_ATTRIBUTES.items()),
)

_TYPED: tuple[_Field, ...] = (
    ("id", 1, _UINT64, False),
    ("name", 2, _BYTES, False),
    ("type", 3, _INT64, False),
    ("parent", 4, _UINT64, True),
    *((name, 5 + index, _BYTES, False) for index, name in enumerate(("inputs", "input_shapes", "input_types"))),
    *((name, 8 + index, _BYTES, False) for index, name in enumerate(("outputs", "output_shapes", "output_types"))),
    ("attribute", 11, _BYTES, True),
)

_METADATA: tuple[_Field, ...] = (("version", 1, _BYTES, False), ("attr", 2, _BYTES, True))

_IO: tuple[_Field, ...] = (("values", 1, _BYTES, False), ("shapes", 2, _BYTES, False), ("types", 3, _BYTES, False))


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="versim_astrasim/wire.proto", package="versim_astrasim.wire")
    # proto2 tells an absent field from one that is 0, which version 0.0.1 needs.
    file.syntax = "proto2"
    known = {"Listed": _LISTED, "Fielded": _FIELDED, "Typed": _TYPED, "Metadata": _METADATA, "IO": _IO, "Nothing": ()}
    for name, fields in known.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeats in fields:
            label = _FIELD.LABEL_REPEATED if repeats else _FIELD.LABEL_OPTIONAL
            message.field.add(name=field, number=number, type=kind, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{message.name}"))
        for message in file.message_type
    }


_MADE = _classes()

ListedNode: Any = _MADE["Listed"]
"""A node of versions 0.0.4 to 1.0, its attributes as bytes."""

FieldedNode: Any = _MADE["Fielded"]
"""A node of version 0.0.1."""

TypedNode: Any = _MADE["Typed"]
"""A node of versions 0.0.2 and 0.0.3, its attributes as bytes."""

Metadata: Any = _MADE["Metadata"]
"""The global metadata that files of versions 0.0.4 and later begin with."""

IOInfo: Any = _MADE["IO"]
"""Inputs or outputs of a node: three strings."""


def unknown_fields(message: Any) -> list[tuple[int, int]]:
    """Number and wire type of every field of a message that its class does not have, or has of another type."""
    unknown = UnknownFieldSet(message)
    # Of millions of nodes hardly one has any.
    return [(each.field_number, each.wire_type) for each in unknown] if len(unknown) else []  # type: ignore[attr-defined]


def fields_of(content: bytes) -> list[tuple[int, int, Any]]:
    """Number, wire type and value of every field of a message, whatever its class.

    Raises:
        google.protobuf.message.DecodeError: It is none.
    """
    message = _MADE["Nothing"].FromString(content)
    return [(field.field_number, field.wire_type, field.data) for field in UnknownFieldSet(message)]  # type: ignore[attr-defined]
