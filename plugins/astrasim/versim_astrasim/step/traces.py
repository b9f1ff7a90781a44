"""A pinned graph ─▶ one trace per rank, in columns.

The columns of all ranks are made at once and sliced: an instance of a node is one row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    NONE,
    ExecutionGraph,
    Instances,
    Kind,
    Op,
    RankClasses,
    UnsupportedGraphError,
    distinct_messages,
    instances_of,
)

from versim_astrasim.engine.columns import distinct_rows
from versim_astrasim.engine.trace import COLL, COMM_TYPES, COMP, MISSING, RECV, SEND, RankTrace
from versim_astrasim.step.configuration import given_bytes
from versim_astrasim.step.encoding import TENSOR_BYTES, ComputeEncoding
from versim_astrasim.step.folding import Groups
from versim_astrasim.step.numbering import Numbering, joined_dependencies, stable_order
from versim_astrasim.step.origin import MemoryNodes, Origin

NATIVE_TAGS = 500_000_000
"""ASTRA-sim reduces tags modulo this number; those above are its collectives'."""

DISTINCT_GROUPS = 499
"""Groups whose ids differ by 500 number their messages alike."""

PLACEHOLDER = "idle"
"""The name of the 1 ns node that a rank without work needs."""

NODE_TYPE_OF = np.array([COMP, SEND, RECV, COLL], dtype=np.int64)
"""ASTRA-sim's node types, by :class:`versim.Op`."""

COMM_TYPE_OF = {
    Kind.ALL_REDUCE: COMM_TYPES["ALL_REDUCE"],
    Kind.ALL_GATHER: COMM_TYPES["ALL_GATHER"],
    Kind.REDUCE_SCATTER: COMM_TYPES["REDUCE_SCATTER"],
    Kind.ALL_TO_ALL: COMM_TYPES["ALL_TO_ALL"],
}


@attrs.frozen(eq=False, kw_only=True)
class Meetings:
    """What the instances of communications have in common; columns have shape (meetings,).

    Attributes:
        comm_type: ASTRA-sim's number of the collective; MISSING for messages.
        comm_size: Bytes as ASTRA-sim wants them: an all-gather's shard.
        source: Sending rank of a message; MISSING for collectives.
        target: Receiving rank.
        tag: Of a message.
        group: Id of the communicator group, 0 for the world and messages.
        groups: Communicator groups by id, in group order.
        notes: What is lost.
    """

    comm_type: NDArray[np.int64]
    comm_size: NDArray[np.int64]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    tag: NDArray[np.int64]
    group: NDArray[np.int64]
    groups: Mapping[int, tuple[int, ...]]
    notes: tuple[str, ...]


def meetings_of(
    instances: Instances,
    world_size: int,
    origin: Origin,
    folded: Groups | None = None,
) -> Meetings:
    """Peers, tags and groups.

    Args:
        instances: Of the graph, one class per rank, or folded.
        world_size: Simulated ranks.
        origin: Groups to keep, where the graph was read from a trace.
        folded: Groups of all ranks, where instances are folded.

    Raises:
        UnsupportedGraphError: A kind ASTRA-sim does not carry out, or a tag out of range.
    """
    graph, match = instances.graph, instances.meeting_match
    per_kind = _kinds(graph)
    comm_type = per_kind[graph.kind[match]]
    messages, which = distinct_messages(graph)
    given = [given_bytes(message.kind, message.size_bytes, message.participants) for message in messages]
    sizes = np.array(given, dtype=np.int64)[which]
    source, target = _ends(instances)
    groups: Mapping[int, tuple[int, ...]]
    if folded is not None:
        groups, group, notes = folded.members, folded.of_meetings(instances), _group_notes(len(folded.members))
    elif origin.group is None:
        groups, group, notes = _groups(instances, comm_type != MISSING, world_size)
    else:
        groups, group, notes = origin.groups, origin.group[match] if len(match) else match.astype(np.int64), ()
    return Meetings(
        comm_type=comm_type,
        comm_size=sizes[match] if len(match) else np.empty(0, dtype=np.int64),
        source=source,
        target=target,
        tag=_tags(graph, match, source, target),
        group=group,
        groups=groups,
        notes=notes,
    )


def numbers_given(graph: ExecutionGraph) -> NDArray[np.int64]:
    """The group that every communication of an unrolled graph is given, 0 for the world and for messages."""
    collective = ~graph.is_kind(Kind.POINT_TO_POINT)
    if not collective.any():
        return np.zeros(graph.communication_count, dtype=np.int64)
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    _, group, _ = _groups(instances, collective[instances.meeting_match], graph.mesh.world_size)
    numbers = np.zeros(graph.communication_count, dtype=np.int64)
    numbers[instances.meeting_match] = group
    return numbers


def _kinds(graph: ExecutionGraph) -> NDArray[np.int64]:
    """ASTRA-sim's collective types by versim's kinds; refuses kinds in use that it does not have."""
    for code in np.unique(graph.kind).tolist():
        kind = graph.kinds[code]
        if kind is not Kind.POINT_TO_POINT and kind not in COMM_TYPE_OF:
            node = int(np.argmax(np.isin(graph.match, np.flatnonzero(graph.kind == code))))
            raise UnsupportedGraphError(
                f"node {node} ({graph.node_name(node)!r}) is a {kind.value}, for which ASTRA-sim moves no data; "
                "express it as point-to-point messages or as an all-gather"
            )
    return np.array([COMM_TYPE_OF.get(kind, MISSING) for kind in graph.kinds], dtype=np.int64)


def _ends(instances: Instances) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ends = []
    op = instances.graph.op[instances.node]
    for role in (Op.SEND, Op.RECV):
        rows = np.flatnonzero(op == role)
        column = np.full(len(instances.meeting_match), MISSING, dtype=np.int64)
        column[instances.meeting[rows]] = instances.ranks[rows]
        ends.append(column)
    return ends[0], ends[1]


def _tags(
    graph: ExecutionGraph, match: NDArray[np.int32], source: NDArray[np.int64], target: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Tags: those to be kept, and for the rest of each pair of ranks the lowest that are free, in order."""
    tags = np.full(len(match), MISSING, dtype=np.int64)
    messages = np.flatnonzero(source != MISSING)
    wanted = graph.tag[match[messages]]
    pair = distinct_rows((source[messages], target[messages]))[1]
    if (wanted == NONE).all():
        # Of each pair, one after another.
        order = stable_order(pair, int(pair.max(initial=0)) + 1)
        counts = np.bincount(pair)
        tags[messages[order]] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        return tags
    rows = list(zip(messages.tolist(), wanted.tolist(), pair.tolist(), strict=True))
    used: dict[int, set[int]] = {}
    for row, tag, ends in rows:
        if tag == NONE:
            continue
        if not 0 <= tag < NATIVE_TAGS:
            node = int(np.argmax(graph.match == match[row]))
            raise UnsupportedGraphError(
                f"node {node} ({graph.node_name(node)!r}) has tag {tag}; ASTRA-sim's tags go from 0 to "
                f"{NATIVE_TAGS - 1}"
            )
        used.setdefault(ends, set()).add(tag)
        tags[row] = tag
    following: dict[int, int] = {}
    for row, wants, ends in rows:
        if wants != NONE:
            continue
        tag = following.get(ends, 0)
        taken = used.get(ends, ())
        while tag in taken:
            tag += 1
        tags[row] = tag
        following[ends] = tag + 1
    return tags


def _groups(
    instances: Instances, is_collective: NDArray[np.bool_], world_size: int
) -> tuple[dict[int, tuple[int, ...]], NDArray[np.int64], tuple[str, ...]]:
    """Groups smaller than the world by id, from 1 in order of their ranks; and the group of every meeting.

    Where there are such groups, collectives over the whole world name it as a group of their own: ASTRA-sim counts
    the jobs of the nameless world together with those of the groups, and ranks whose counts differ never meet.
    """
    graph = instances.graph
    meetings, match = np.flatnonzero(is_collective), instances.meeting_match
    world = tuple(range(world_size))
    members: dict[tuple[int, ...], list[NDArray[np.int64]]] = {}
    reordered = False
    # An explicit group keeps its order, if it is smaller than the world; others are in rank order.
    scopes, explicit = graph.scope[match[meetings]], np.zeros(len(meetings), dtype=bool)
    for code, scope in enumerate(graph.scopes):
        here = scopes == code
        if scope.ranks and here.any():
            whole = len(scope.ranks) == world_size
            reordered = reordered or (whole and scope.ranks != world)
            members.setdefault(world if whole else scope.ranks, []).append(meetings[here])
            explicit |= here
    for key, of_key in _by_members(instances, meetings[~explicit]):
        members.setdefault(key, []).append(of_key)
    group = np.zeros(len(match), dtype=np.int64)
    smaller = sorted(key for key in members if key != world)
    named = [*smaller, world] if smaller and world in members else smaller
    for number, key in enumerate(named, start=1):
        group[np.concatenate(members[key])] = number
    notes = []
    if reordered:
        notes.append("a group of all ranks runs in rank order: ASTRA-sim ignores the order of such a group")
    return dict(enumerate(named, start=1)), group, (*notes, *_group_notes(len(named)))


def _by_members(
    instances: Instances, meetings: NDArray[np.int64]
) -> Iterator[tuple[tuple[int, ...], NDArray[np.int64]]]:
    """Groups of ranks, ascending in each, and the meetings of each."""
    start, rows = instances.parts()
    sizes = np.diff(start)[meetings]
    for size in np.unique(sizes).tolist():
        chosen = meetings[sizes == size]
        # One row of ranks per meeting, told apart as bytes.
        ranks = np.sort(instances.rank_class[rows[start[chosen][:, None] + np.arange(size)]], axis=1)
        content = np.ascontiguousarray(ranks).view(np.dtype((np.void, ranks.dtype.itemsize * size))).ravel()
        _, first, which = np.unique(content, return_index=True, return_inverse=True)
        for number, place in enumerate(first.tolist()):
            yield tuple(ranks[place].tolist()), chosen[which == number]


def _group_notes(count: int) -> tuple[str, ...]:
    if count <= DISTINCT_GROUPS:
        return ()
    said = (
        f"{count} communicator groups: in ASTRA-sim groups whose ids differ by 500 number their messages "
        "alike, and may take one another's if they share two ranks"
    )
    return (said,)


def traces_of(
    instances: Instances,
    encoding: ComputeEncoding,
    kept: NDArray[np.bool_],
    numbering: Numbering,
    meetings: Meetings,
    rank_count: int,
    memory: MemoryNodes | None = None,
) -> tuple[RankTrace, ...]:
    """One trace per simulated rank; ranks without nodes share a placeholder of 1 ns, and memory nodes are such."""
    graph, order = instances.graph, numbering.order
    node, meeting = instances.node[order], instances.meeting[order]
    op = graph.op[node]
    compute, communicates = op == Op.COMPUTE, meeting != NONE
    missing = np.full(len(order), MISSING, dtype=np.int64)

    def of_meeting(column: NDArray[np.int64]) -> NDArray[np.int64]:
        values = missing.copy()
        values[communicates] = column[meeting[communicates]]
        return values

    group = np.zeros(len(order), dtype=np.int64)
    group[communicates] = meetings.group[meeting[communicates]]
    on_host = encoding.host[node]
    runs_ops = compute & ~on_host
    num_ops = missing if encoding.num_ops is None else np.where(runs_ops, encoding.num_ops[node], MISSING)
    columns: dict[str, Any] = {
        "node_id": numbering.ids[order],
        "node_type": NODE_TYPE_OF[op],
        "duration_micros": encoding.duration_micros[node],
        "is_cpu_op": on_host.astype(np.int64),
        "comm_type": of_meeting(meetings.comm_type),
        "comm_size": of_meeting(meetings.comm_size),
        "comm_priority": missing,
        "comm_src": np.where(op == Op.RECV, of_meeting(meetings.source), MISSING),
        "comm_dst": np.where(op == Op.SEND, of_meeting(meetings.target), MISSING),
        "comm_tag": of_meeting(meetings.tag),
        "num_ops": num_ops,
        "tensor_size": np.where(num_ops == MISSING, MISSING, TENSOR_BYTES),
    }
    if memory is not None:
        kind = memory.kind[node]
        columns["node_type"] = np.where(kind != 0, kind, columns["node_type"])
        columns["tensor_size"] = np.where(kind != 0, memory.size_bytes[node], columns["tensor_size"])
        columns["num_ops"] = np.where(kind != 0, MISSING, columns["num_ops"])
    place = np.full(instances.count, -1, dtype=np.int64)
    place[order] = np.arange(len(order))
    owner, target = joined_dependencies(instances, kept)
    by_owner = np.argsort(place[owner], kind="stable")
    offsets = np.zeros(len(order) + 1, dtype=np.int64)
    np.cumsum(np.bincount(place[owner], minlength=len(order)), out=offsets[1:])
    deps = numbering.ids[target[by_owner]]
    names = graph.names
    name_codes, grouped = graph.name[node], np.flatnonzero(group)
    idle = idle_trace(roofline=encoding.roofline)
    traces = []
    for rank in range(rank_count):
        # A network of one rank is simulated with an idle second one.
        begin, end = numbering.start[rank : rank + 2].tolist() if rank < instances.classes.count else (0, 0)
        if begin == end:
            traces.append(idle)
            continue
        here = grouped[np.searchsorted(grouped, begin) : np.searchsorted(grouped, end)]
        traces.append(
            RankTrace(
                **{name: column[begin:end] for name, column in columns.items()},
                ctrl_offsets=offsets[begin : end + 1] - offsets[begin],
                ctrl_deps=deps[offsets[begin] : offsets[end]],
                data_offsets=np.zeros(end - begin + 1, dtype=np.int64),
                data_deps=np.empty(0, dtype=np.int64),
                pg_name={int(row - begin): str(group[row]) for row in here.tolist()},
                names=[names[code] for code in name_codes[begin:end].tolist()],
            )
        )
    return tuple(traces)


def idle_trace(*, roofline: bool) -> RankTrace:
    """A trace of one node that lasts 1 ns: the program aborts on a rank without nodes."""
    attributes = {"num_ops": 1500, "tensor_size": TENSOR_BYTES} if roofline else {}
    return RankTrace.from_nodes([{"id": 0, "name": PLACEHOLDER, "type": "COMP_NODE", "attr": attributes}])
