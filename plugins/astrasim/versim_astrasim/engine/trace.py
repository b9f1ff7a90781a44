"""A rank's trace in columns: what the engine reads, from whatever source.

Optional whole numbers are stored as signed 64-bit integers with :data:`MISSING` for "not there", because a missing
attribute is not an error until a node that needs it runs. A value of the wrong type is just as much an outcome: the
builder of a trace records it in ``malformed`` and leaves the column empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from versim import FaultsError

MISSING = -(2**63)
"""Stands for an attribute that is not there."""

INVALID, METADATA, MEM_LOAD, MEM_STORE, COMP, SEND, RECV, COLL = range(8)
"""Node types, by their number in the trace format."""

NODE_TYPES: Mapping[str, int] = {
    "INVALID_NODE": INVALID,
    "METADATA_NODE": METADATA,
    "MEM_LOAD_NODE": MEM_LOAD,
    "MEM_STORE_NODE": MEM_STORE,
    "COMP_NODE": COMP,
    "COMM_SEND_NODE": SEND,
    "COMM_RECV_NODE": RECV,
    "COMM_COLL_NODE": COLL,
}

COMM_TYPES: Mapping[str, int] = {
    name: number
    for number, name in enumerate(
        (
            "ALL_REDUCE",
            "REDUCE",
            "ALL_GATHER",
            "GATHER",
            "SCATTER",
            "BROADCAST",
            "ALL_TO_ALL",
            "REDUCE_SCATTER",
            "REDUCE_SCATTER_BLOCK",
            "BARRIER",
        )
    )
}
"""Collective types, by their number in the trace format."""

INTEGER_ATTRIBUTES = (
    "comm_type",
    "comm_size",
    "comm_priority",
    "comm_src",
    "comm_dst",
    "comm_tag",
    "num_ops",
    "tensor_size",
)
"""Attributes that are whole numbers; each is a column of a trace."""

Integers = npt.NDArray[np.int64]


def _integers(values: Any) -> Integers:
    return np.asarray(values, dtype=np.int64)


def signed_64(value: int) -> int:
    """The signed 64-bit integer with the same bits."""
    return (value + 2**63) % 2**64 - 2**63


@attrs.frozen(kw_only=True, eq=False)
class RankTrace:
    """One rank's nodes, in file order, one entry per node in every column.

    Ranks that run the same trace may share one object.

    Attributes:
        node_id: Ids; they need not be in order, and a repeated id redefines the node.
        node_type: Node types, e.g. :data:`COMP`.
        duration_micros: Recorded duration in microseconds; 0 is replayed as 1 ns.
        is_cpu_op: 1 where the node runs on the CPU.
        ctrl_offsets: Node i's control dependencies are ``ctrl_deps[ctrl_offsets[i]:ctrl_offsets[i + 1]]``.
        ctrl_deps: Ids of predecessors.
        data_offsets: The same for data dependencies.
        data_deps: Ids of predecessors.
        comm_type: Kind of collective, by the trace format's number.
        comm_size: Size in bytes.
        comm_priority: Priority; without effect.
        comm_src: Sending rank.
        comm_dst: Receiving rank.
        comm_tag: Tag of a point-to-point message.
        num_ops: Floating-point operations of a compute node.
        tensor_size: Bytes of a compute or memory node.
        pg_name: Communicator group by node index; absent means the world.
        involved_dim: Which dimensions take part in a collective, by node index.
        names: Names for people, or nothing.
        malformed: For (node index, attribute), what is wrong with the attribute's type.
    """

    node_id: Integers = attrs.field(converter=_integers)
    node_type: Integers = attrs.field(converter=_integers)
    duration_micros: Integers = attrs.field(converter=_integers)
    is_cpu_op: Integers = attrs.field(converter=_integers)
    ctrl_offsets: Integers = attrs.field(converter=_integers)
    ctrl_deps: Integers = attrs.field(converter=_integers)
    data_offsets: Integers = attrs.field(converter=_integers)
    data_deps: Integers = attrs.field(converter=_integers)
    comm_type: Integers = attrs.field(converter=_integers)
    comm_size: Integers = attrs.field(converter=_integers)
    comm_priority: Integers = attrs.field(converter=_integers)
    comm_src: Integers = attrs.field(converter=_integers)
    comm_dst: Integers = attrs.field(converter=_integers)
    comm_tag: Integers = attrs.field(converter=_integers)
    num_ops: Integers = attrs.field(converter=_integers)
    tensor_size: Integers = attrs.field(converter=_integers)
    pg_name: Mapping[int, str] = attrs.field(factory=dict)
    involved_dim: Mapping[int, tuple[bool, ...]] = attrs.field(factory=dict)
    names: Sequence[str] = ()
    malformed: Mapping[tuple[int, str], str] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        count = len(self.node_id)
        columns = ("node_type", "duration_micros", "is_cpu_op", *INTEGER_ATTRIBUTES)
        wrong = [name for name in columns if len(getattr(self, name)) != count]
        wrong += [name for name in ("ctrl_offsets", "data_offsets") if len(getattr(self, name)) != count + 1]
        if wrong:
            raise ValueError(f"columns do not fit {count} nodes: {', '.join(wrong)}")

    def __len__(self) -> int:
        return len(self.node_id)

    @classmethod
    def from_nodes(cls, nodes: Sequence[Mapping[str, Any]]) -> RankTrace:
        """Build a trace from nodes written as mappings.

        A node has ``id``, ``type`` (a name of :data:`NODE_TYPES`), and optionally ``name``, ``ctrl_deps``,
        ``data_deps``, ``duration_micros`` and ``attr``, a mapping of attribute names to values. Attributes of the
        wrong type are kept as such; they matter when the node runs.

        Raises:
            FaultsError: If a node's own fields are malformed.
        """
        return _TraceBuilder().build(nodes)


class _TraceBuilder:
    """Turns nodes into columns, collecting faults."""

    def __init__(self) -> None:
        self._faults: list[str] = []
        self._malformed: dict[tuple[int, str], str] = {}
        self._columns: dict[str, list[int]] = {
            name: [] for name in ("node_id", "node_type", "duration_micros", "is_cpu_op", *INTEGER_ATTRIBUTES)
        }
        self._deps: dict[str, tuple[list[int], list[int]]] = {"ctrl": ([0], []), "data": ([0], [])}
        self._pg_name: dict[int, str] = {}
        self._involved_dim: dict[int, tuple[bool, ...]] = {}

    def build(self, nodes: Sequence[Mapping[str, Any]]) -> RankTrace:
        names = []
        for index, node in enumerate(nodes):
            self._add_fields(index, node)
            self._add_attributes(index, node.get("attr") or {})
            names.append(str(node.get("name", "")))
        if self._faults:
            raise FaultsError("trace", self._faults)
        ctrl, data = self._deps["ctrl"], self._deps["data"]
        return RankTrace(
            ctrl_offsets=ctrl[0],
            ctrl_deps=ctrl[1],
            data_offsets=data[0],
            data_deps=data[1],
            pg_name=self._pg_name,
            involved_dim=self._involved_dim,
            names=names,
            malformed=self._malformed,
            **self._columns,
        )

    def _add_fields(self, index: int, node: Mapping[str, Any]) -> None:
        for key, column, default in (("id", "node_id", None), ("duration_micros", "duration_micros", 0)):
            value = node.get(key, default)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                self._faults.append(f"nodes[{index}].{key}: {value!r} is not a whole number of at least 0")
                value = 0
            self._columns[column].append(signed_64(value))
        node_type = node.get("type")
        if node_type not in NODE_TYPES:
            self._faults.append(f"nodes[{index}].type: {node_type!r} is none of {', '.join(NODE_TYPES)}")
        self._columns["node_type"].append(NODE_TYPES.get(str(node_type), INVALID))
        for kind, (offsets, ids) in self._deps.items():
            ids.extend(signed_64(int(dependency)) for dependency in node.get(f"{kind}_deps") or ())
            offsets.append(len(ids))

    def _add_attributes(self, index: int, attributes: Mapping[str, Any]) -> None:
        for name in INTEGER_ATTRIBUTES:
            value = attributes.get(name)
            if name == "comm_type" and isinstance(value, str) and value in COMM_TYPES:
                value = COMM_TYPES[value]
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                self._malformed[index, name] = f"attribute {name} is {value!r}, not an integer"
                value = None
            self._columns[name].append(MISSING if value is None else signed_64(value))
        on_cpu = attributes.get("is_cpu_op", False)
        if not isinstance(on_cpu, int):
            self._malformed[index, "is_cpu_op"] = f"attribute is_cpu_op is {on_cpu!r}, not a truth value"
            on_cpu = False
        self._columns["is_cpu_op"].append(int(bool(on_cpu)))
        if "pg_name" in attributes:
            if isinstance(attributes["pg_name"], str):
                self._pg_name[index] = attributes["pg_name"]
            else:
                self._malformed[index, "pg_name"] = f"attribute pg_name is {attributes['pg_name']!r}, not a string"
        if "involved_dim" in attributes:
            involved = attributes["involved_dim"]
            if isinstance(involved, list | tuple) and all(isinstance(value, bool) for value in involved):
                self._involved_dim[index] = tuple(involved)
            else:
                self._malformed[index, "involved_dim"] = f"attribute involved_dim is {involved!r}, not a list of bools"
