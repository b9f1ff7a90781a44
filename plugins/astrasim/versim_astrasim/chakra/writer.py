"""A rank's trace ─▶ the bytes of an execution trace file.

Attributes get the integer types that DeepFlow's converter gives them (measured: golden/deepflow/et_examples.json). The
real program accepts any integer type, so a value that does not fit is written as 64 bits.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from versim_astrasim.chakra.framing import write_message
from versim_astrasim.chakra.labels import Labels, LabelValue
from versim_astrasim.chakra.schema import schema
from versim_astrasim.engine.trace import INTEGER_ATTRIBUTES, MISSING, RankTrace

TRACE_VERSION = "0.0.4"
"""The schema version in a file's global metadata."""

_NARROW = frozenset({"comm_priority", "comm_src", "comm_dst", "comm_tag"})
_INT32 = range(-(2**31), 2**31)
_UINT64 = 2**64
_TENSORS = ("inputs", "outputs")


def trace_path(prefix: Path, rank: int) -> Path:
    """Where the real program looks for a rank's trace, given the prefix on its command line."""
    return prefix.with_name(f"{prefix.name}.{rank}.et")


def write_traces(
    traces: Sequence[RankTrace],
    prefix: Path,
    labels: Sequence[Mapping[int, Labels]] | None = None,
    *,
    tensors: bool = False,
) -> list[Path]:
    """Write one file per rank; returns the files by rank. A trace that ranks share is encoded once.

    Args:
        traces: One per rank.
        prefix: Of the files' names.
        labels: Per rank, labels by node index, for reading the graph back; none unless given.
        tensors: Give every node its lists of tensors, which are empty; tracking local memory needs them.

    Raises:
        ValueError: See :func:`write_trace`.
    """
    written: dict[int, Path] = {}
    paths = []
    for rank, trace in enumerate(traces):
        path = trace_path(prefix, rank)
        beside = labels[rank] if labels is not None else {}
        twin = path if beside else written.setdefault(id(trace), path)
        if twin is path:
            with path.open("wb") as stream:
                write_trace(trace, stream, beside, tensors=tensors)
        else:
            shutil.copyfile(twin, path)
        paths.append(path)
    return paths


def write_trace(
    trace: RankTrace, stream: BinaryIO, labels: Mapping[int, Labels] | None = None, *, tensors: bool = False
) -> None:
    """Write one rank's trace, with labels by node index where there are any.

    Raises:
        ValueError: It has attributes of the wrong type, which columns do not hold.
    """
    if trace.malformed:
        (index, _), reason = next(iter(trace.malformed.items()))
        raise ValueError(f"entry {index} of the trace cannot be written: {reason}")
    write_message(stream, schema.GlobalMetadata(version=TRACE_VERSION).SerializeToString())
    for index, node in enumerate(_nodes(trace)):
        if labels and index in labels:
            for name, value in labels[index].written():
                _add_label(node, name, value)
        for name in _TENSORS if tensors else ():
            node.attr.add(name=name, string_list=schema.StringList())
        write_message(stream, node.SerializeToString())


def left_out_message(node_id: int, name: str, waits: Sequence[int], labels: Labels) -> bytes:
    """A compute node that is left out, as its file would have it."""
    node = schema.Node(
        id=node_id % _UINT64,
        name=_text(name),
        type=schema.COMP_NODE,
        ctrl_deps=[wait % _UINT64 for wait in waits],
    )
    for label, value in labels.written():
        _add_label(node, label, value)
    content: bytes = node.SerializeToString()
    return content


def _text(name: str) -> str:
    # A lone surrogate is no character, and the format holds none.
    return name.encode("utf-8", "replace").decode()


def _add_label(node: schema.Node, name: str, value: LabelValue) -> None:
    if isinstance(value, tuple):
        if value and isinstance(value[0], bytes):
            node.attr.add(name=name, bytes_list=schema.BytesList(values=value))
        else:
            node.attr.add(name=name, uint64_list=schema.Uint64List(values=value))
    elif isinstance(value, bool):
        node.attr.add(name=name, bool_val=value)
    elif isinstance(value, int):
        node.attr.add(name=name, int64_val=value)
    else:
        node.attr.add(name=name, string_val=value)


def _nodes(trace: RankTrace) -> Iterator[schema.Node]:
    attributes = [(name, getattr(trace, name).tolist()) for name in INTEGER_ATTRIBUTES]
    ctrl_offsets, data_offsets = trace.ctrl_offsets.tolist(), trace.data_offsets.tolist()
    ctrl_deps, data_deps = ([dep % _UINT64 for dep in deps.tolist()] for deps in (trace.ctrl_deps, trace.data_deps))
    columns = zip(
        trace.node_id.tolist(),
        trace.node_type.tolist(),
        trace.duration_micros.tolist(),
        trace.is_cpu_op.tolist(),
        strict=True,
    )
    for index, (node_id, node_type, duration_micros, is_cpu_op) in enumerate(columns):
        node = schema.Node(
            id=node_id % _UINT64,
            name=_text(trace.names[index]) if trace.names else "",
            type=node_type,
            duration_micros=duration_micros % _UINT64,
            ctrl_deps=ctrl_deps[ctrl_offsets[index] : ctrl_offsets[index + 1]],
            data_deps=data_deps[data_offsets[index] : data_offsets[index + 1]],
        )
        node.attr.add(name="is_cpu_op", bool_val=bool(is_cpu_op))
        for name, values in attributes:
            value = values[index]
            if value == MISSING:
                continue
            if name in _NARROW and value in _INT32:
                node.attr.add(name=name, int32_val=value)
            else:
                node.attr.add(name=name, int64_val=value)
        if index in trace.pg_name:
            node.attr.add(name="pg_name", string_val=trace.pg_name[index])
        if index in trace.involved_dim:
            node.attr.add(name="involved_dim", bool_list=schema.BoolList(values=trace.involved_dim[index]))
        yield node
