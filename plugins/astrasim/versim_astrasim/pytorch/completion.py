"""What the converter leaves out of a rank's file although PyTorch recorded it, and what it leaves dangling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from versim_astrasim.chakra.schema import schema
from versim_astrasim.pytorch.rank_trace import MESSAGES, Recorded, is_group
from versim_astrasim.pytorch.traffic import COMMUNICATION, RankFile, attribute, make_message, size_of

Members = Mapping[int, Sequence[int]]

_BARRIER_BYTES = 4
"""PyTorch's NCCL backend makes a barrier of the all-reduce of one float32 (ProcessGroupNCCL::barrier)."""


def complete(nodes: Sequence[Any], trace: Recorded, rank: int, number: Mapping[str, int], members: Members) -> RankFile:
    """Complete the nodes that the converter wrote.

    Args:
        nodes: As they are in its file, changed in place.
        trace: What PyTorch recorded.
        rank: Whose they are.
        number: Numbers of the groups by PyTorch's name.
        members: Ranks of the groups by number, the world left out.
    """
    dropped = _drop_dangling(nodes)
    hosted = _as_communication(nodes, trace, rank)
    file = RankFile(rank, trace, _without_metadata(nodes, schema.METADATA_NODE), number, members)
    queued, awaited = _keep_order(file.nodes, trace)
    barriers = grouped = unknown = 0
    for node in file.nodes:
        if node.type not in COMMUNICATION or node.id in trace.host_calls:
            continue
        group = attribute(node, "pg_name")
        if group is not None and group.string_val in number:
            group.string_val = str(number[group.string_val])
        call = trace.calls.get(node.id)
        if node.type == schema.COMM_COLL_NODE:
            size = attribute(node, "comm_size")
            if call and call.collective == "barrier" and size is not None and not size.int64_val:
                size.int64_val = _BARRIER_BYTES
                barriers += 1
            by_name = call.collective.replace("_", "") if call else ""
            grouped += bool(call) and "SendRecv" in node.name and "toall" not in by_name and not is_group(by_name)
        elif (peer := file.peer(call)) is None:
            unknown += 1
        else:
            source, target = (rank, peer) if node.type == schema.COMM_SEND_NODE else (peer, rank)
            for name, value in (("comm_src", source), ("comm_dst", target), ("comm_tag", 0)):
                if attribute(node, name) is None:
                    node.attr.add(name=name, int32_val=value)
    notes = [
        (
            dropped,
            "dependencies on nodes that mlc-chakra's converter leaves out (nothing comes before them) were dropped",
        ),
        (queued, "dependencies of kernels on the one before them on their stream were added, from the recorded times"),
        (awaited, "dependencies of calls on kernels they waited for were added: mlc-chakra's converter drops them all"),
        (barriers, f"barriers, recorded without a size, are all-reduces of {_BARRIER_BYTES} bytes, as NCCL's are"),
        (unknown, "messages have no peer: the trace does not hold the calls that launched them"),
        (grouped, "kernels that send and receive (gather, scatter) became all-to-alls"),
    ]
    file.notes += [f"{count:,} {what}" for count, what in notes if count]
    if hosted:
        file.notes.append(f"{hosted:,} communications on the CPU are simulated; their recorded durations are not used")
    file.notes += _lost(trace)
    return file


_HOST_KINDS = {
    "all_reduce": schema.ALL_REDUCE,
    "all_gather": schema.ALL_GATHER,
    "reduce_scatter": schema.REDUCE_SCATTER,
    "all_to_all": schema.ALL_TO_ALL,
    "broadcast": schema.BROADCAST,
}


def _as_communication(nodes: Sequence[Any], trace: Recorded, rank: int) -> int:
    """Turn what carried out communications on the CPU into nodes of communication; returns how many."""
    count = 0
    for node in nodes:
        call = trace.host_calls.get(node.id)
        if call is None or not call.size_bytes:
            continue
        if call.collective in MESSAGES:
            if call.peer is None or call.peer == rank:
                continue
            make_message(node, rank, call.peer, call.size_bytes, sends="send" in call.collective)
            attribute(node, "comm_tag").int64_val = call.tag
        else:
            node.type = schema.COMM_COLL_NODE
            node.attr.add(name="comm_type", int64_val=_HOST_KINDS[call.collective])
            node.attr.add(name="comm_size", int64_val=call.size_bytes)
            node.attr.add(name="pg_name", string_val="0")
        attribute(node, "is_cpu_op").bool_val = False
        count += 1
    return count


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


def summary(nodes: Sequence[Any]) -> str:
    """What is in a file, in words."""
    counts: Counter[str] = Counter()
    kinds = {
        schema.COMM_COLL_NODE: "collectives",
        schema.COMM_SEND_NODE: "sends",
        schema.COMM_RECV_NODE: "receives",
    }
    size = 0
    for node in nodes:
        on_cpu = attribute(node, "is_cpu_op")
        host = on_cpu is not None and on_cpu.bool_val
        counts[kinds.get(node.type, "calls on the host" if host else "kernels")] += 1
        size += size_of(node) if node.type in kinds else 0
    order = ("calls on the host", "kernels", *kinds.values())
    return f"{', '.join(f'{counts[kind]:,} {kind}' for kind in order)} ({size:,} bytes)"


def _lost(trace: Recorded) -> list[str]:
    """What PyTorch recorded of communications, and the file does not hold as such."""
    lost = []
    if trace.on_host:
        lost.append(
            f"{sum(trace.on_host.values()):,} communications on the CPU ({listed(trace.on_host)}) became compute of "
            "their recorded durations: the trace does not say between which ranks; record on GPUs with the backend "
            "nccl to have them simulated"
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
