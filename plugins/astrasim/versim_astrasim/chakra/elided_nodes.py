"""What versim left out of a trace it wrote, put back.

Compute of 0 ns cannot be told to simulators: they run it for 1 ns, stall on it or abort. It is left out, and a node
nearby keeps it (:class:`~versim_astrasim.chakra.labels.Labels`), with what waits for what.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import attrs
import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from versim import VersimError

from versim_astrasim.chakra.attributes import AttributeDecoder
from versim_astrasim.chakra.columns import wrapped
from versim_astrasim.chakra.labels import NO_LABELS, labelled
from versim_astrasim.chakra.reader import TraceFile
from versim_astrasim.chakra.wire import ListedNode
from versim_astrasim.engine.trace import COMP, INTEGER_ATTRIBUTES, MISSING, RankTrace


def restored(file: TraceFile, subject: str) -> TraceFile:
    """A trace with the nodes that were left out of it, at the end; ``compute_ns`` of their labels is 0.

    Args:
        file: What was read.
        subject: The file's name, for messages.

    Raises:
        VersimError: What a label says is no node.
    """
    if not any(labels.left_out or labels.waits is not None for labels in file.labels.values()):
        return file
    holders, begins = sorted(file.labels.items()), file.offset
    if len(file.trace) == 1 and holders[0][1].placeholder:
        # The rank needed some node; now it has its own.
        file = _emptied(file)
    trace, labels = file.trace, dict(file.labels)
    count = len(trace)
    ids: list[int] = []
    names: list[str] = []
    offsets: list[int] = []
    waits: list[list[int]] = []
    decoder = AttributeDecoder()
    for index, kept in holders:
        at = int(begins[index])
        for content in kept.left_out:
            try:
                node = ListedNode.FromString(content)
                own = NO_LABELS
                for attribute in map(decoder.decode, node.attr):
                    own = labelled(own, attribute.name, attribute.value)
            except DecodeError as error:
                raise VersimError(
                    f"{subject}: the node at byte {at} keeps one that was left out, which is none: {error}"
                ) from error
            labels[count + len(ids)] = attrs.evolve(own, compute_ns=0, left_out=(), waits=None)
            ids.append(node.id)
            names.append(node.name.decode("utf-8", "replace"))
            waits.append(list(node.ctrl_deps))
            offsets.append(at)
    more = len(ids)
    deps = [trace.ctrl_deps[begin:end].tolist() for begin, end in pairwise(trace.ctrl_offsets.tolist())]
    for index, kept in file.labels.items():
        if kept.waits is not None:
            deps[index] = list(kept.waits)
    deps += waits
    offset = np.zeros(count + more + 1, dtype=np.int64)
    np.cumsum([len(each) for each in deps], out=offset[1:])
    nothing: NDArray[np.int64] = np.zeros(more, dtype=np.int64)
    missing: NDArray[np.int64] = np.full(more, MISSING, dtype=np.int64)
    more_columns: dict[str, Any] = {
        name: np.concatenate([getattr(trace, name), missing]) for name in INTEGER_ATTRIBUTES
    }
    return attrs.evolve(
        file,
        trace=attrs.evolve(
            trace,
            node_id=np.concatenate([trace.node_id, wrapped(ids)]),
            node_type=np.concatenate([trace.node_type, np.full(more, COMP, dtype=np.int64)]),
            duration_micros=np.concatenate([trace.duration_micros, nothing]),
            is_cpu_op=np.concatenate([trace.is_cpu_op, nothing]),
            ctrl_offsets=offset,
            ctrl_deps=wrapped([dep for each in deps for dep in each]),
            data_offsets=np.concatenate([trace.data_offsets, np.full(more, len(trace.data_deps), dtype=np.int64)]),
            names=[*trace.names, *names],
            **more_columns,
        ),
        duration_ns=np.concatenate([file.duration_ns, nothing]),
        offset=np.concatenate([file.offset, np.array(offsets, dtype=np.int64)]),
        labels=labels,
    )


def _emptied(file: TraceFile) -> TraceFile:
    """A file without its nodes."""
    columns = ("node_id", "node_type", "duration_micros", "is_cpu_op", *INTEGER_ATTRIBUTES)
    empty: dict[str, Any] = dict.fromkeys((*columns, "ctrl_deps", "data_deps"), ())
    empty |= dict.fromkeys(("ctrl_offsets", "data_offsets"), (0,))
    return attrs.evolve(
        file,
        trace=RankTrace(**empty),
        duration_ns=file.duration_ns[:0],
        offset=file.offset[:0],
        labels={},
    )
