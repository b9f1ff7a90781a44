"""A quick look at a translated step: what holds for whole columns, and an excerpt of nodes for the other checks.

What versim translates is sound nearly always, and a step has millions of nodes. So most rules are first asked of
columns, all nodes at once; the rest, which look at kinds of nodes, get one node of each kind and rank. Where anything
is not plainly sound the whole step is checked, node by node, which says what and where.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from versim import NONE, Op

from versim_astrasim.engine.columns import distinct_rows
from versim_astrasim.engine.trace import COLL, COMP, MISSING, RankTrace
from versim_astrasim.step.numbering import stable_order
from versim_astrasim.step.programs import StepTraces
from versim_astrasim.step.traces import NATIVE_TAGS, NODE_TYPE_OF, Meetings
from versim_astrasim.step.translate import Translation

Integers = NDArray[np.int64]

_MOST_BYTES = 2**62
_MOST_MICROS = 2**64 // 1000 - 1


def excerpt_of(translation: Translation) -> list[RankTrace] | None:
    """Traces of a few nodes per rank that stand for all; None where columns do not show that the step is sound."""
    traces, options = translation.given.traces, translation.options
    if not isinstance(traces, StepTraces) or traces.memory is not None or options.replay_only:
        return None
    custom = translation.given.per_node or any(key.endswith("-custom") for key in translation.given.system)
    if custom or not traces.busy.all() or traces.rank_count != traces.instances.graph.mesh.world_size:
        return None
    if not (_nodes_are_sound(traces) and _communications_are_sound(traces)):
        return None
    return list(_excerpt(traces))


def _nodes_are_sound(traces: StepTraces) -> bool:
    """Ids ascend, and so do dependencies: nothing is twice, and nothing waits in a circle."""
    order, numbering = traces.numbering.order, traces.numbering
    ids = numbering.ids[order].view(np.uint64)
    rank = traces.instances.rank_class[order]
    waiting, needed = traces.edges
    micros = traces.encoding.duration_micros
    return bool(
        ((ids[1:] > ids[:-1]) | (rank[1:] != rank[:-1])).all()
        and (needed < waiting).all()
        and (micros >= 0).all()
        and (micros <= _MOST_MICROS).all()
        and (traces.encoding.num_ops is None or (traces.encoding.num_ops > 0).all())
    )


def _communications_are_sound(traces: StepTraces) -> bool:
    """Messages have two ends, collectives all their members, which come to them in one order."""
    instances, meetings, order = traces.instances, traces.meetings, traces.numbering.order
    count = len(instances.meeting_match)
    if not count:
        return True
    communicates = np.flatnonzero(traces.meeting != NONE)
    parts, met, op = order[communicates], traces.meeting[communicates], traces.op[communicates]
    message = meetings.comm_type == MISSING
    sends, receives = (np.bincount(met[op == end], minlength=count) for end in (Op.SEND, Op.RECV))
    if (meetings.comm_size <= 0).any() or (meetings.comm_size >= _MOST_BYTES).any():
        return False
    tags, ends = meetings.tag[message], (meetings.source[message], meetings.target[message])
    if (sends[message] != 1).any() or (receives[message] != 1).any() or (ends[0] == ends[1]).any():
        return False
    if (tags < 0).any() or (tags >= NATIVE_TAGS).any():
        return False
    groups = np.unique(meetings.group[~message])
    if 0 in groups and len(groups) > 1:
        return False  # the nameless world counts its jobs together with those of groups
    of_rank = instances.classes.of_rank()
    sizes = {group: len(set(of_rank[list(meetings.groups.get(group, ()))].tolist())) for group in groups.tolist()}
    sizes[0] = instances.classes.count
    wanted = np.array([sizes[group] for group in groups.tolist()], dtype=np.int64)
    wanted = wanted[np.searchsorted(groups, meetings.group[~message])]
    if (np.bincount(met, minlength=count)[~message] != wanted).any():
        return False
    return _in_one_order(traces, parts[op == Op.COLLECTIVE])


def _in_one_order(traces: StepTraces, parts: Integers) -> bool:
    """Whether each group's collectives come in the same order on all its ranks; ``parts`` by rank and id."""
    instances, meetings = traces.instances, traces.meetings
    met = instances.meeting[parts]
    line = meetings.group[met] * instances.classes.count + instances.rank_class[parts]
    by_line = stable_order(line, int(line.max(initial=0)) + 1)
    heads = np.flatnonzero(np.concatenate([[True], line[by_line][1:] != line[by_line][:-1]]))
    turn = np.empty(len(parts), dtype=np.int64)
    turn[by_line] = np.arange(len(parts)) - np.repeat(heads, np.diff(np.append(heads, len(parts))))
    first = np.zeros(len(instances.meeting_match), dtype=np.int64)
    first[met] = turn
    return bool((first[met] == turn).all())


def _kinds(meetings: Meetings) -> Integers:
    """A number for each meeting that those of one kind, size and group share."""
    return distinct_rows((meetings.comm_type, meetings.comm_size, meetings.group))[1]


def _excerpt(traces: StepTraces) -> list[RankTrace]:
    """Per rank, what begins at the start and the first collective of each kind, size and group."""
    instances, meetings, order = traces.instances, traces.meetings, traces.numbering.order
    classes, folding = instances.classes, traces.folding
    node, meeting, op = traces.node, traces.meeting, traces.op
    rank_class = instances.rank_class[order].astype(np.int64)
    root = traces.waits == 0
    collective = np.flatnonzero(op == Op.COLLECTIVE)
    kinds_of = _kinds(meetings)
    code = kinds_of[meeting[collective]] * classes.count + rank_class[collective]
    # Of several places with one code the last that is written stays: the first of them, from behind.
    place = np.full((int(kinds_of.max(initial=0)) + 1) * classes.count, NONE, dtype=np.int64)
    place[code[::-1]] = np.arange(len(code))[::-1]
    first = place[place != NONE]
    # Receives take no time to start: one stands for all that wait for nothing.
    receives = np.flatnonzero(root & (op == Op.RECV))
    _, some = np.unique(rank_class[receives], return_index=True)
    starts = np.concatenate([np.flatnonzero(root & (op != Op.RECV)), receives[some]])
    rows = np.union1d(starts, collective[first])
    # Every rank has the rows of its class.
    of_rank = classes.of_rank()
    heads = np.searchsorted(rank_class[rows], np.arange(classes.count + 1))
    counts = np.diff(heads)[of_rank]
    begins = np.concatenate([[0], np.cumsum(counts)])
    rows = rows[np.arange(begins[-1]) + np.repeat(heads[:-1][of_rank] - begins[:-1], counts)]
    rank = np.repeat(np.arange(traces.rank_count), counts)
    moved = rank - classes.representatives()[of_rank[rank]]
    communicates = np.flatnonzero(meeting[rows] != NONE)
    met = meeting[rows][communicates]
    ids, missing = traces.numbering.ids[order[rows]], np.full(len(rows), MISSING, dtype=np.int64)

    def of_meeting(column: Integers) -> Integers:
        values = missing.copy()
        values[communicates] = column[met]
        return values

    kinds = NODE_TYPE_OF[op[rows]]
    compute, num_ops = kinds == COMP, traces.encoding.num_ops
    ops = missing if num_ops is None else np.where(compute, num_ops[node[rows]], MISSING)
    columns: dict[str, Any] = {
        "node_id": ids,
        "node_type": kinds,
        "duration_micros": traces.encoding.duration_micros[node[rows]],
        "is_cpu_op": np.zeros(len(rows), dtype=np.int64),
        "comm_type": of_meeting(meetings.comm_type),
        "comm_size": of_meeting(meetings.comm_size),
        "comm_priority": missing,
        "comm_src": np.where(op[rows] == Op.RECV, of_meeting(meetings.source) + moved, MISSING),
        "comm_dst": np.where(op[rows] == Op.SEND, of_meeting(meetings.target) + moved, MISSING),
        "comm_tag": of_meeting(meetings.tag),
        "num_ops": ops,
        "tensor_size": np.where(ops == MISSING, MISSING, 1),
    }
    group = of_meeting(meetings.group)
    if folding is not None:
        group[communicates] = folding.groups.of(instances.meeting_match[met], rank[communicates])
    made = []
    for begin, end in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True):
        # What waits for something waits for the rank's first node, which waits for nothing.
        waits = np.cumsum(np.concatenate([[0], ~root[rows[begin:end]]]))
        named = np.flatnonzero((kinds[begin:end] == COLL) & (group[begin:end] > 0))
        made.append(
            RankTrace(
                **{name: column[begin:end] for name, column in columns.items()},
                ctrl_offsets=waits,
                ctrl_deps=np.full(int(waits[-1]), ids[begin]),
                data_offsets=np.zeros(end - begin + 1, dtype=np.int64),
                data_deps=np.empty(0, dtype=np.int64),
                pg_name={row: str(group[begin + row]) for row in named.tolist()},
            )
        )
    return made
