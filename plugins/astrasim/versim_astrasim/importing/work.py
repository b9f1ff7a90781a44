"""What a trace's compute, CPU, memory and metadata nodes become in a graph.

A graph has compute, messages and collectives. Compute keeps its time; operations of the CPU, which in a trace run
beside the accelerator, become compute of the host; memory nodes take a time that only a memory model knows
and are refused unless asked for; metadata and invalid nodes do nothing and are left out, what waits for them waiting
for what they wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import attrs
import numpy as np
from versim import Fixed, Pointwise, Work

from versim_astrasim.engine.remote_memory import RemoteMemory
from versim_astrasim.engine.trace import COLL, COMP, INVALID, MEM_LOAD, MEM_STORE, METADATA, MISSING
from versim_astrasim.importing.ranks import RankNodes
from versim_astrasim.step.encoding import OPS_PER_NS, TENSOR_BYTES

_NS_PER_S = 1e9
_NS_PER_MICRO = 1000
_SHORTEST_NS = 1
"""What ASTRA-sim makes of a recorded duration of 0."""


@attrs.frozen
class Meaning:
    """How compute is read.

    Attributes:
        of: ``exact`` (nanoseconds from operations), ``recorded`` (durations), ``work`` (operations and bytes, to be
            timed by the scenario's compute timing; the duration of nodes without them), or ``mixed`` (durations; of
            nodes without one operations and bytes).
        labelled: Whether nanoseconds that versim noted beside go before it. Compute of no time is always such.
        memory: What times memory nodes, None where they last as recorded.
    """

    of: str
    labelled: bool
    memory: RemoteMemory | None = None


class Role(Enum):
    """What a trace node is in the graph."""

    COMPUTE = "compute"
    MESSAGE = "message"
    COLLECTIVE = "collective"
    NOTHING = "nothing"
    MEMORY = "memory"


def role_of(nodes: RankNodes, position: int) -> Role:
    """What a node becomes."""
    kind = nodes.types[position]
    if kind in (INVALID, METADATA) or nodes.labels(position).placeholder:
        return Role.NOTHING
    if kind == COMP:
        return Role.COMPUTE
    if kind in (MEM_LOAD, MEM_STORE):
        return Role.MEMORY
    if kind == COLL:
        # PyTorch traces have a CPU node of the same type for the call that starts a collective.
        call = nodes.value("is_cpu_op", position) == 1 and nodes.value("comm_size", position) == MISSING
        return Role.COMPUTE if call else Role.COLLECTIVE
    return Role.MESSAGE


def has_exact_nanoseconds(ranks: Sequence[RankNodes]) -> bool:
    """Whether compute is written as versim writes it: nanoseconds as operations on one byte, microseconds beside."""
    seen = False
    for nodes in ranks:
        trace = nodes.file.trace
        compute = (trace.node_type == COMP) & (trace.is_cpu_op == 0)
        compute[[index for index, labels in nodes.file.labels.items() if labels.compute_ns is not None]] = False
        if not compute.any():
            continue
        seen = True
        num_ops, micros = trace.num_ops[compute], trace.duration_micros[compute]
        rounded = np.rint((num_ops // OPS_PER_NS) / _NS_PER_MICRO).astype(np.int64)
        exact = (trace.tensor_size[compute] == TENSOR_BYTES) & (num_ops % OPS_PER_NS == OPS_PER_NS // 2)
        if not (exact & (num_ops > 0) & (rounded == micros)).all():
            return False
    return seen


def is_on_host(nodes: RankNodes, position: int) -> bool:
    """Whether a compute node is one of the CPU, which lasts as recorded whatever else it says."""
    return nodes.value("is_cpu_op", position) == 1


def is_untimed(nodes: RankNodes, position: int, meaning: Meaning) -> bool:
    """Whether a compute node says what it does and not how long, and the operations are not asked either."""
    if (
        is_on_host(nodes, position)
        or nodes.value("num_ops", position) <= 0
        or nodes.file.duration_ns[nodes.row[position]]
    ):
        return False
    if meaning.of == "exact" or nodes.labels(position).compute_ns is not None:
        return False
    return meaning.of == "recorded" or nodes.value("tensor_size", position) < 0


def work_of(nodes: RankNodes, position: int, meaning: Meaning, known: dict[object, Work]) -> Work:
    """A compute node's work.

    Args:
        nodes: Of its rank.
        position: The node.
        meaning: How to read it.
        known: Work made so far, so that equal work is one object.
    """
    said_ns = nodes.labels(position).compute_ns
    if is_on_host(nodes, position) and not (meaning.labelled and said_ns):
        return _fixed(max(int(nodes.file.duration_ns[nodes.row[position]]), _SHORTEST_NS), known)
    if said_ns is not None and (meaning.labelled or said_ns == 0):
        return _fixed(said_ns, known)
    if meaning.memory is not None and nodes.types[position] in (MEM_LOAD, MEM_STORE):
        return _fixed(meaning.memory.duration_ns(max(nodes.value("tensor_size", position), 0)), known)
    recorded_ns = int(nodes.file.duration_ns[nodes.row[position]])
    if meaning.of == "work" or (meaning.of == "mixed" and not recorded_ns):
        num_ops, size = nodes.value("num_ops", position), nodes.value("tensor_size", position)
        if num_ops > 0 and size >= 0:
            key: object = ("work", num_ops, size)
            if key not in known:
                known[key] = ((Pointwise(flop=float(num_ops), access_bytes=float(size)), 1),)
            return known[key]
    if meaning.of == "exact" and nodes.value("num_ops", position) != MISSING:
        duration_ns = nodes.value("num_ops", position) // OPS_PER_NS
    else:
        duration_ns = max(recorded_ns, _SHORTEST_NS)
    return _fixed(duration_ns, known)


def _fixed(duration_ns: int, known: dict[object, Work]) -> Work:
    work = known.get(duration_ns)
    if work is None:
        work = known[duration_ns] = ((Fixed(duration_ns / _NS_PER_S), 1),)
    return work
