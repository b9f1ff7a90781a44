"""What the converter leaves out of a rank's file although PyTorch recorded it, and what it leaves dangling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import attrs

from versim_astrasim.chakra.framing import messages, write_message
from versim_astrasim.pytorch.recorded import Call, Recorded

_BARRIER_BYTES = 4
"""PyTorch's NCCL backend makes a barrier of the all-reduce of one float32 (ProcessGroupNCCL::barrier)."""


@attrs.frozen
class Completed:
    """What became of a rank's file.

    Attributes:
        summary: What is in it, in words.
        groups: Numbers of the groups its communications name.
        notes: What was added, dropped or lost.
    """

    summary: str
    groups: frozenset[int]
    notes: tuple[str, ...]


def complete(
    path: Path,
    trace: Recorded,
    rank: int,
    number: Mapping[str, int],
    members: Mapping[int, Sequence[int]],
) -> Completed:
    """Complete a file in place.

    Args:
        path: What the converter wrote.
        trace: What PyTorch recorded.
        rank: Whose file it is.
        number: Numbers of the groups by PyTorch's name.
        members: Ranks of the groups by number, the world left out.
    """
    from chakra.schema.protobuf import et_def_pb2 as schema  # noqa: PLC0415 - only here

    with path.open("rb") as stream:
        metadata, *nodes = [content for _, content in messages(stream, str(path))]
    parsed = [schema.Node.FromString(content) for content in nodes]
    dropped = _drop_dangling(parsed)
    kept = _without_metadata(parsed, schema.METADATA_NODE)
    queued, awaited = _keep_order(kept, trace)
    barriers = grouped = unknown = 0
    used: set[int] = set()
    for node in kept:
        if node.type not in {schema.COMM_COLL_NODE, schema.COMM_SEND_NODE, schema.COMM_RECV_NODE}:
            continue
        given = {attribute.name: attribute for attribute in node.attr}
        group = given.get("pg_name")
        if group is not None and group.string_val in number:
            used.add(number[group.string_val])
            group.string_val = str(number[group.string_val])
        call = trace.calls.get(node.id)
        if node.type == schema.COMM_COLL_NODE:
            if call and call.collective == "barrier" and "comm_size" in given and not given["comm_size"].int64_val:
                given["comm_size"].int64_val = _BARRIER_BYTES
                barriers += 1
            if call and "SendRecv" in node.name and "toall" not in call.collective.replace("_", ""):
                grouped += 1
        elif (peer := _peer(call, number, members)) is None:
            unknown += 1
        else:
            source, target = (rank, peer) if node.type == schema.COMM_SEND_NODE else (peer, rank)
            for name, value in (("comm_src", source), ("comm_dst", target), ("comm_tag", 0)):
                if name not in given:
                    node.attr.add(name=name, int32_val=value)
    with path.open("wb") as stream:
        write_message(stream, metadata)
        for node in kept:
            write_message(stream, node.SerializeToString())
    notes = [
        (
            dropped,
            "dependencies on nodes that mlc-chakra's converter leaves out (nothing comes before them) were dropped",
        ),
        (queued, "dependencies of kernels on the one before them on their stream were added, from the recorded times"),
        (awaited, "dependencies of calls on kernels they waited for were added: mlc-chakra's converter drops them all"),
        (barriers, f"barriers, recorded without a size, are all-reduces of {_BARRIER_BYTES} bytes, as NCCL's are"),
        (unknown, "messages have no peer: the trace does not hold the calls that launched them"),
        (grouped, "kernels that send and receive (batch_isend_irecv, gather, scatter) became all-to-alls"),
    ]
    return Completed(
        _summary(kept, schema),
        frozenset(used),
        (*(f"{count:,} {what}" for count, what in notes if count), *_lost(trace)),
    )


def _drop_dangling(nodes: Sequence[Any]) -> int:
    """Drop dependencies on nodes that are not there; returns how many.

    The converter removes nodes without data dependencies, such as the process, but not what refers to them.
    """
    known = {node.id for node in nodes}
    dropped = 0
    for node in nodes:
        for deps in (node.ctrl_deps, node.data_deps):
            there = [dep for dep in deps if dep in known]
            dropped += len(deps) - len(there)
            deps[:] = there
    return dropped


def _without_metadata(nodes: Sequence[Any], metadata: int) -> list[Any]:
    """The nodes that simulators run; what waited for metadata waits for what that waited for."""
    left_out = {node.id: node for node in nodes if node.type == metadata}
    kept = [node for node in nodes if node.id not in left_out]
    for node in kept:
        for kind in ("ctrl_deps", "data_deps"):
            deps = getattr(node, kind)
            if left_out.keys() & set(deps):
                deps[:] = _around(list(deps), left_out, kind)
    return kept


def _around(deps: Sequence[int], left_out: Mapping[int, Any], kind: str) -> list[int]:
    """Dependencies without those left out, whose own stand in for them."""
    found: dict[int, None] = {}
    seen: set[int] = set()
    open_ = list(reversed(deps))
    while open_:
        dep = open_.pop()
        if dep in seen:
            continue
        seen.add(dep)
        if dep in left_out:
            open_.extend(reversed(getattr(left_out[dep], kind)))
        else:
            found[dep] = None
    return list(found)


def _keep_order(nodes: Sequence[Any], trace: Recorded) -> tuple[int, int]:
    """Add dependencies the converter does not: on what is before a node on its stream, and on what a call waited for.

    (It compares start times, which it never sets, to tell false synchronisation from true, and so takes all for false.)
    Nothing is changed if other dependencies go against the recorded times, for then nodes would wait for one another.

    Returns:
        How many of either.
    """
    known = {node.id: node for node in nodes}
    before: dict[int, int] = {}
    streams: list[tuple[Any, int]] = []
    for id_, (stream, _) in sorted(trace.queued.items(), key=lambda item: (item[1][1], item[0])):
        if id_ in known:
            streams += [(known[id_], before[stream])] if stream in before else []
            before[stream] = id_
    waits = [(known[id_], dep) for id_, deps in trace.awaited.items() for dep in deps if {id_, dep} <= known.keys()]
    order = {node.id: {*node.ctrl_deps, *node.data_deps} for node in nodes}
    streams, waits = ([(node, dep) for node, dep in edges if dep not in order[node.id]] for edges in (streams, waits))
    for node, dep in (*streams, *waits):
        order[node.id].add(dep)
    try:
        TopologicalSorter(order).prepare()
    except CycleError:
        return 0, 0
    for node, dep in (*streams, *waits):
        node.data_deps.append(dep)
    return len(streams), len(waits)


def _peer(call: Call | None, number: Mapping[str, int], members: Mapping[int, Sequence[int]]) -> int | None:
    """The rank at a message's other end, None if that is not known."""
    if call is None or call.peer is None or call.peer < 0:
        return None
    group = number.get(call.group, None if call.group else 0)
    if not group:
        # Ranks of the world are what they are called.
        return call.peer if group == 0 or call.group == "0" else None
    ranks = members[group]
    return ranks[call.peer] if call.peer < len(ranks) else None


def _summary(nodes: Sequence[Any], schema: Any) -> str:
    counts: Counter[str] = Counter()
    kinds = {
        schema.COMM_COLL_NODE: "collectives",
        schema.COMM_SEND_NODE: "sends",
        schema.COMM_RECV_NODE: "receives",
    }
    size = 0
    for node in nodes:
        given = {attribute.name: attribute for attribute in node.attr}
        host = "is_cpu_op" in given and given["is_cpu_op"].bool_val
        counts[kinds.get(node.type, "calls on the host" if host else "kernels")] += 1
        size += given["comm_size"].int64_val if node.type in kinds and "comm_size" in given else 0
    order = ("calls on the host", "kernels", *kinds.values())
    return f"{', '.join(f'{counts[kind]:,} {kind}' for kind in order)} ({size:,} bytes)"


def _lost(trace: Recorded) -> list[str]:
    """What PyTorch recorded of communications, and the file does not hold as such."""
    lost = []
    if trace.on_host:
        lost.append(
            f"{sum(trace.on_host.values()):,} communications on the CPU ({listed(trace.on_host)}) became compute of "
            "their recorded durations: mlc-chakra's converter knows communications by NCCL's kernels; record on GPUs "
            "with the backend nccl to have them simulated"
        )
    if trace.timed and trace.without_kernel:
        lost.append(
            f"{sum(trace.without_kernel.values()):,} communications ({listed(trace.without_kernel)}) have no kernel "
            "and are missing; were the device's activities recorded (ProfilerActivity.CUDA), and are both traces of "
            "one step?"
        )
    return lost


def listed(counts: Mapping[str, int]) -> str:
    """Names with their counts, most frequent first."""
    return ", ".join(
        f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
