"""Nodes of a file collected in columns, one class per generation of the format."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from versim_astrasim.chakra.attributes import Attribute, AttributeDecoder, ValueKind
from versim_astrasim.chakra.framing import TraceFormatError
from versim_astrasim.chakra.labels import NO_LABELS, PREFIX, Labels, labelled
from versim_astrasim.chakra.process_groups import PROCESS_GROUP_NODE, groups_in
from versim_astrasim.chakra.typed_attributes import typed_attribute
from versim_astrasim.chakra.wire import FIELD_ATTRIBUTES, FieldedNode, IOInfo, ListedNode, TypedNode
from versim_astrasim.engine.trace import (
    COLL,
    COMM_TYPES,
    COMP,
    INTEGER_ATTRIBUTES,
    INVALID,
    MEM_LOAD,
    MEM_STORE,
    MISSING,
    RECV,
    SEND,
    RankTrace,
)

_NS_PER_MICRO = 1000
_LONGEST_MICROS = (2**63 - 1) // _NS_PER_MICRO

_LATER_TYPES = {8: "STORAGE_NODE", 9: "BATCH_NODE", 10: "CHECKPOINT_NODE"}

_FIELDED_TYPES = (INVALID, MEM_LOAD, MEM_STORE, COMP, SEND, RECV, COLL)
"""Version 0.0.1 has no metadata nodes, so its numbers are one less."""

_FIELDED_COLLECTIVES = (
    MISSING,
    COMM_TYPES["ALL_REDUCE"],
    COMM_TYPES["ALL_TO_ALL"],
    COMM_TYPES["ALL_GATHER"],
    COMM_TYPES["REDUCE_SCATTER"],
)

_TYPED_COLLECTIVES = (*_FIELDED_COLLECTIVES[1:], COMM_TYPES["BROADCAST"])
_RUNTIME = "runtime"
"""Microseconds, in versions 0.0.2 and 0.0.3."""


class _Columns:
    """What both generations collect."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self.offsets: list[int] = []
        self.groups: dict[str, tuple[int, ...]] = {}
        self.labels: dict[int, Labels] = {}
        self.repeated: dict[tuple[int, str], tuple[Any, Any]] = {}
        self.comm_group: dict[int, int | str] = {}
        self.tensors: dict[str, set[int]] = {"inputs": set(), "outputs": set()}
        self._ids: list[int] = []
        self._types: list[int] = []
        self._durations: list[int] = []
        self._names: list[str] = []
        self._known_names: dict[bytes, str] = {}
        # Most nodes have few attributes: values with the node they belong to, spread into columns at the end.
        self._sparse: dict[str, tuple[list[int], list[int]]] = {name: ([], []) for name in INTEGER_ATTRIBUTES}
        self._on_cpu: list[int] = []
        self._ctrl: tuple[list[int], list[int]] = ([0], [])
        self._data: tuple[list[int], list[int]] = ([0], [])
        self._pg_name: dict[int, str] = {}
        self._involved_dim: dict[int, tuple[bool, ...]] = {}
        self._malformed: dict[tuple[int, str], str] = {}

    def _name(self, content: bytes) -> str:
        name = self._known_names.get(content)
        if name is None:
            name = content.decode("utf-8", "replace")
            if len(self._known_names) < 1 << 15 and len(content) < 1 << 10:
                self._known_names[content] = name
        return name

    def _decoded(self, kind: Any, content: bytes, offset: int) -> Any:
        try:
            return kind.FromString(content)
        except DecodeError as error:
            raise TraceFormatError(f"{self._subject}: the message at byte {offset} is not a node: {error}") from error

    def _value(self, index: int, name: str, value: int) -> None:
        rows, values = self._sparse[name]
        rows.append(index)
        values.append(value)

    def trace(self) -> RankTrace:
        """Everything collected."""
        count = len(self._ids)
        spread = {}
        for name, (rows, values) in self._sparse.items():
            column = np.full(count, MISSING, dtype=np.int64)
            column[np.array(rows, dtype=np.int64)] = wrapped(values)
            spread[name] = column
        on_cpu = np.zeros(count, dtype=np.int64)
        on_cpu[np.array(self._on_cpu, dtype=np.int64)] = 1
        return RankTrace(
            node_id=wrapped(self._ids),
            node_type=self._types,
            duration_micros=wrapped(self._recorded_micros()),
            is_cpu_op=on_cpu,
            ctrl_offsets=self._ctrl[0],
            ctrl_deps=wrapped(self._ctrl[1]),
            data_offsets=self._data[0],
            data_deps=wrapped(self._data[1]),
            pg_name=self._pg_name,
            involved_dim=self._involved_dim,
            names=self._names,
            malformed=self._malformed,
            **spread,
        )

    def _recorded_micros(self) -> list[int]:
        return self._durations


class ListedColumns(_Columns):
    """Nodes of versions 0.0.4 to 1.0."""

    def __init__(self, subject: str) -> None:
        super().__init__(subject)
        self._decoder = AttributeDecoder()
        self._cpu_said = -1
        self._read = frozenset({*INTEGER_ATTRIBUTES, "is_cpu_op", "pg_name", "involved_dim"})

    def parse(self, content: bytes, offset: int) -> Any:
        """A node's fields."""
        return self._decoded(ListedNode, content, offset)

    def add(self, node: Any, offset: int) -> None:
        """Append one node."""
        index, kind, sparse = len(self._ids), node.type, self._sparse
        ctrl, ctrl_ends = self._ctrl[1], self._ctrl[0]
        data, data_ends = self._data[1], self._data[0]
        if not INVALID <= kind <= COLL:
            later = f" ({_LATER_TYPES[kind]} of schema versions after 1.0)" if kind in _LATER_TYPES else ""
            raise TraceFormatError(f"{self._subject}: node {node.id} at byte {offset} has unknown type {kind}{later}")
        self._ids.append(node.id)
        self._types.append(kind)
        self._durations.append(node.duration_micros)
        self.offsets.append(offset)
        ctrl.extend(node.ctrl_deps)
        ctrl_ends.append(len(ctrl))
        data.extend(node.data_deps)
        data_ends.append(len(data))
        name = self._known_names.get(node.name) or self._name(node.name)
        self._names.append(name)
        if PROCESS_GROUP_NODE in name:
            inputs = self._decoded(IOInfo, node.inputs, offset)
            self.groups.update(groups_in(inputs.values.decode("utf-8", "replace")))
        known, sound, integer = self._decoder.known, not self._malformed, ValueKind.INTEGER
        for content in node.attr:
            attribute = known.get(content) or self._decode(content, node, offset)
            if sound and attribute.kind is integer and attribute.name in sparse:
                rows, values = sparse[attribute.name]
                # Of a repeated attribute the first counts.
                if not rows or rows[-1] != index:
                    rows.append(index)
                    values.append(attribute.value)
                elif values[-1] != attribute.value:
                    self.repeated.setdefault((index, attribute.name), (values[-1], attribute.value))
            elif sound and attribute.value is False and attribute.name == "is_cpu_op" and self._cpu_said != index:
                self._cpu_said = index
            else:
                self._other(index, attribute)
                sound = not self._malformed

    def _decode(self, content: bytes, node: Any, offset: int) -> Attribute:
        try:
            return self._decoder.decode(content)
        except DecodeError as error:
            raise TraceFormatError(
                f"{self._subject}: node {node.id} at byte {offset} has a malformed attribute: {error}"
            ) from error

    def _other(self, index: int, attribute: Attribute) -> None:
        """An attribute that is no integer, or not known to be the first of its name."""
        name, kind = attribute.name, attribute.kind
        if name.startswith(PREFIX):
            self.labels[index] = labelled(self.labels.get(index, NO_LABELS), name, attribute.value)
            return
        if name not in self._read:
            if name == "comm_group" and kind in (ValueKind.INTEGER, ValueKind.TEXT):
                self.comm_group.setdefault(index, attribute.value)
            elif name in self.tensors:
                self.tensors[name].add(index)
            return
        if (index, name) in self._malformed:
            return
        if self._has(index, name):
            held = self._held(index, name)
            if held != attribute.value:
                self.repeated.setdefault((index, name), (held, attribute.value))
            return
        if name == "is_cpu_op" and kind in (ValueKind.TRUTH, ValueKind.INTEGER):
            self._cpu_said = index
            if attribute.value:
                self._on_cpu.append(index)
        elif name in self._sparse and kind is ValueKind.INTEGER:
            self._value(index, name, attribute.value)
        elif name == "pg_name" and kind is ValueKind.TEXT:
            self._pg_name[index] = attribute.value
        elif name == "involved_dim" and kind is ValueKind.TRUTHS:
            self._involved_dim[index] = attribute.value
        else:
            wanted = {"pg_name": "a string", "involved_dim": "a list of truth values", "is_cpu_op": "a truth value"}
            given = f"of type {attribute.field}" if attribute.field else "empty"
            self._malformed[index, name] = f"attribute {name} is {given}, not {wanted.get(name, 'an integer')}"

    def _has(self, index: int, name: str) -> bool:
        """Whether a node has an attribute already."""
        if name in self._sparse:
            rows = self._sparse[name][0]
            return bool(rows) and rows[-1] == index
        if name == "is_cpu_op":
            return self._cpu_said == index
        return index in (self._pg_name if name == "pg_name" else self._involved_dim)

    def _held(self, index: int, name: str) -> Any:
        """The value of an attribute that the latest node has."""
        if name in self._sparse:
            return self._sparse[name][1][-1]
        if name == "is_cpu_op":
            return bool(self._on_cpu) and self._on_cpu[-1] == index
        return self._pg_name[index] if name == "pg_name" else self._involved_dim[index]

    def durations_ns(self) -> NDArray[np.int64]:
        """Recorded durations; longer ones than 64 bits hold are cut off there."""
        return np.array([min(micros, _LONGEST_MICROS) * _NS_PER_MICRO for micros in self._durations], dtype=np.int64)


class TypedColumns(ListedColumns):
    """Nodes of versions 0.0.2 and 0.0.3."""

    def __init__(self, subject: str, *, without_metadata: bool) -> None:
        super().__init__(subject)
        self._types_of = _FIELDED_TYPES if without_metadata else tuple(range(COLL + 1))
        self._known: dict[bytes, Attribute] = {}

    def parse(self, content: bytes, offset: int) -> Any:
        """A node's fields."""
        return self._decoded(TypedNode, content, offset)

    def add(self, node: Any, offset: int) -> None:
        """Append one node, in the numbers of version 0.0.4."""
        index, kind = len(self._ids), node.type
        if not 0 <= kind < len(self._types_of):
            raise TraceFormatError(f"{self._subject}: node {node.id} at byte {offset} has unknown type {kind}")
        attributes = [self._attribute(content, node, offset) for content in node.attribute]
        runtimes = [found.value for found in attributes if found.name == _RUNTIME and found.kind is ValueKind.INTEGER]
        self._ids.append(node.id)
        self._types.append(self._types_of[kind])
        self._durations.append(max(runtimes[0], 0) if runtimes else 0)
        self.offsets.append(offset)
        self._ctrl[1].extend(node.parent)
        self._ctrl[0].append(len(self._ctrl[1]))
        self._data[0].append(0)
        self._names.append(self._name(node.name))
        for attribute in attributes:
            self._other(index, attribute)

    def _attribute(self, content: bytes, node: Any, offset: int) -> Attribute:
        """An attribute with the number of a collective as version 0.0.4 has it."""
        known = self._known.get(content)
        if known is not None:
            return known
        try:
            known = typed_attribute(content)
        except DecodeError as error:
            raise TraceFormatError(
                f"{self._subject}: node {node.id} at byte {offset} has a malformed attribute: {error}"
            ) from error
        if known.name == "comm_type" and known.kind is ValueKind.INTEGER:
            if not 0 <= known.value < len(_TYPED_COLLECTIVES):
                raise TraceFormatError(
                    f"{self._subject}: node {node.id} at byte {offset} has comm_type {known.value}, unknown in its "
                    "schema version"
                )
            known = attrs.evolve(known, value=_TYPED_COLLECTIVES[known.value])
        if len(self._known) < 1 << 15:
            self._known[content] = known
        return known


class FieldedColumns(_Columns):
    """Nodes of version 0.0.1."""

    def parse(self, content: bytes, offset: int) -> Any:
        """A node's fields."""
        return self._decoded(FieldedNode, content, offset)

    def add(self, node: Any, offset: int) -> None:
        """Append one node, in the numbers of version 0.0.4."""
        index, kind = len(self._ids), node.type
        if not 0 <= kind < len(_FIELDED_TYPES):
            raise TraceFormatError(
                f"{self._subject}: node {node.id} at byte {offset} has type {kind}, unknown in schema version 0.0.1; a "
                "file of version 0.0.4 or later has to begin with its global metadata"
            )
        self._ids.append(node.id)
        self._types.append(_FIELDED_TYPES[kind])
        self._durations.append(node.simulated_run_time)
        self.offsets.append(offset)
        self._ctrl[1].extend(node.parent)
        self._ctrl[0].append(len(self._ctrl[1]))
        self._data[0].append(0)
        self._names.append(self._name(node.name))
        for name in FIELD_ATTRIBUTES:
            if node.HasField(name):
                self._value(index, name, getattr(node, name))
        if node.HasField("comm_type"):
            if not 0 <= node.comm_type < len(_FIELDED_COLLECTIVES):
                raise TraceFormatError(
                    f"{self._subject}: node {node.id} at byte {offset} has comm_type {node.comm_type}, unknown in "
                    "schema version 0.0.1"
                )
            if node.comm_type:
                self._value(index, "comm_type", _FIELDED_COLLECTIVES[node.comm_type])
        if node.involved_dim:
            self._involved_dim[index] = tuple(bool(value) for value in node.involved_dim)
        if node.communicator_id:
            self._pg_name[index] = str(node.communicator_id)

    def _recorded_micros(self) -> list[int]:
        return [ticks // _NS_PER_MICRO for ticks in self._durations]

    def _held(self, index: int, name: str) -> Any:
        """The value of an attribute that the latest node has."""
        if name in self._sparse:
            return self._sparse[name][1][-1]
        if name == "is_cpu_op":
            return bool(self._on_cpu) and self._on_cpu[-1] == index
        return self._pg_name[index] if name == "pg_name" else self._involved_dim[index]

    def durations_ns(self) -> NDArray[np.int64]:
        """Recorded durations; longer ones than 64 bits hold are cut off there."""
        return np.array([min(ticks, 2**63 - 1) for ticks in self._durations], dtype=np.int64)


def wrapped(values: list[int]) -> NDArray[np.int64]:
    """The signed 64-bit integers with the same bits: how columns hold what the format has as unsigned."""
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        return np.array([(value + 2**63) % 2**64 - 2**63 for value in values], dtype=np.int64)
