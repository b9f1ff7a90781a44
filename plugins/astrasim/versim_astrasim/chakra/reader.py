"""Execution trace files ─▶ traces in columns, one message at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

from chakra.schema.protobuf import et_def_pb2 as schema
from google.protobuf.message import DecodeError

from versim_astrasim.chakra.framing import TraceFormatError, messages
from versim_astrasim.chakra.writer import trace_path
from versim_astrasim.engine.trace import INTEGER_ATTRIBUTES, MISSING, NODE_TYPES, RankTrace

_INTEGER_FIELDS = frozenset(
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
_READ = frozenset({*INTEGER_ATTRIBUTES, "is_cpu_op", "pg_name", "involved_dim"})
_TYPES = frozenset(NODE_TYPES.values())


def read_traces(prefix: Path, rank_count: int) -> list[RankTrace]:
    """The traces of ranks 0 … ``rank_count`` - 1 under a prefix, as the real program would find them.

    Raises:
        TraceFormatError: A file that is missing or malformed.
    """
    return [read_trace(trace_path(prefix, rank)) for rank in range(rank_count)]


def read_trace(source: Path | BinaryIO, subject: str = "trace") -> RankTrace:
    """One rank's trace.

    Args:
        source: A file, or a stream open for reading bytes.
        subject: What a stream is called in messages.

    An attribute of the wrong type is kept as such (``malformed``): it matters only when its node runs. Attributes that
    ASTRA-sim does not read are dropped; of a repeated one the first counts.

    Raises:
        TraceFormatError: Not a trace, cut short, or a node of no known type; says at which byte.
    """
    if isinstance(source, Path):
        try:
            with source.open("rb") as stream:
                return _read(stream, str(source))
        except OSError as error:
            raise TraceFormatError(f"cannot read the trace {source}: {error.strerror or error}") from error
    return _read(source, subject)


def _read(stream: BinaryIO, subject: str) -> RankTrace:
    columns = _Columns()
    for number, (offset, content) in enumerate(messages(stream, subject)):
        message = schema.Node() if number else schema.GlobalMetadata()
        try:
            message.ParseFromString(content)
        except DecodeError as error:
            what = "a node" if number else "the global metadata a trace begins with"
            raise TraceFormatError(f"{subject}: the message at byte {offset} is not {what}: {error}") from error
        if number:
            if message.type not in _TYPES:
                raise TraceFormatError(f"{subject}: node {message.id} at byte {offset} has unknown type {message.type}")
            columns.add(message)
    return columns.trace()


class _Columns:
    """Collects nodes."""

    def __init__(self) -> None:
        self._columns: dict[str, list[int]] = {
            name: [] for name in ("node_id", "node_type", "duration_micros", "is_cpu_op", *INTEGER_ATTRIBUTES)
        }
        self._ctrl: tuple[list[int], list[int]] = ([0], [])
        self._data: tuple[list[int], list[int]] = ([0], [])
        self._names: list[str] = []
        self._pg_name: dict[int, str] = {}
        self._involved_dim: dict[int, tuple[bool, ...]] = {}
        self._malformed: dict[tuple[int, str], str] = {}

    def add(self, node: Any) -> None:
        """Append one node."""
        index = len(self._names)
        columns = self._columns
        columns["node_id"].append(_signed(node.id))
        columns["node_type"].append(node.type)
        columns["duration_micros"].append(_signed(node.duration_micros))
        for (offsets, targets), dependencies in ((self._ctrl, node.ctrl_deps), (self._data, node.data_deps)):
            targets.extend(map(_signed, dependencies))
            offsets.append(len(targets))
        self._names.append(node.name)
        columns["is_cpu_op"].append(0)
        for name in INTEGER_ATTRIBUTES:
            columns[name].append(MISSING)
        seen: set[str] = set()
        for attribute in node.attr:
            if attribute.name in _READ and attribute.name not in seen:
                seen.add(attribute.name)
                self._attribute(index, attribute)

    def _attribute(self, index: int, attribute: Any) -> None:
        name, field = attribute.name, attribute.WhichOneof("value")
        if name == "pg_name" and field == "string_val":
            self._pg_name[index] = attribute.string_val
        elif name == "involved_dim" and field == "bool_list":
            self._involved_dim[index] = tuple(attribute.bool_list.values)
        elif name == "is_cpu_op" and (field == "bool_val" or field in _INTEGER_FIELDS):
            self._columns[name][-1] = int(bool(getattr(attribute, field)))
        elif name in self._columns and name != "is_cpu_op" and field in _INTEGER_FIELDS:
            self._columns[name][-1] = _signed(getattr(attribute, field))
        else:
            wanted = {"pg_name": "a string", "involved_dim": "a list of truth values", "is_cpu_op": "a truth value"}
            given = "empty" if field is None else f"of type {field.removesuffix('_val')}"
            self._malformed[index, name] = f"attribute {name} is {given}, not {wanted.get(name, 'an integer')}"

    def trace(self) -> RankTrace:
        """Everything collected."""
        return RankTrace(
            ctrl_offsets=self._ctrl[0],
            ctrl_deps=self._ctrl[1],
            data_offsets=self._data[0],
            data_deps=self._data[1],
            pg_name=self._pg_name,
            involved_dim=self._involved_dim,
            names=self._names,
            malformed=self._malformed,
            **self._columns,
        )


def _signed(value: int) -> int:
    """The signed 64-bit integer with the same bits: how columns hold what the format has as unsigned."""
    return value - 2**64 if value >= 2**63 else value
