"""Whether a prediction can be right: held against the graph it claims to have simulated, and against bounds.

A prediction that fails a check is shown with it and never averaged away.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import Timeline, is_communication, parts_of
from versim.comparison.bounds import Bounds
from versim.comparison.groups import exact_sums
from versim.distinct import grouped, largest
from versim.graph import NONE, ExecutionGraph, Instances, Op, participants_of
from versim.inputs import Inputs
from versim.kernel import passes
from versim.kernel.functions import compiled
from versim.prediction import NO_TIME, Prediction
from versim.units import PS_PER_NS
from versim.work import Kind


@attrs.frozen(kw_only=True)
class Check:
    """One check of one prediction.

    Attributes:
        name: What was checked.
        passed: The outcome; None where the prediction leaves nothing to check, or a deviation is declared.
        detail: What was found, with figures.
        declared: Why it was to be expected: the scenario means it, or the component says that it does not model this;
            "" where nobody declares anything. What is declared has not failed.
    """

    name: str
    passed: bool | None
    detail: str
    declared: str = ""


def checks(pinned: Inputs, bounds: Bounds, prediction: Prediction, line: Timeline) -> tuple[Check, ...]:
    """Every check of a prediction.

    A completed prediction may not say when nodes ran, or what was consumed: a measured step time says neither. Then
    there is nothing to check, which is not the same as passing.
    """
    silent = prediction.completed and not prediction.spans.count
    return (
        _completed(pinned, prediction, line),
        _inputs(pinned, prediction),
        *(
            attrs.evolve(check, passed=None, detail="it does not say when nodes ran") if silent else check
            for check in (
                _dependencies(line),
                _exclusive(line),
                _durations(prediction, line),
                _conservation(pinned, prediction, line),
            )
        ),
        _lower_bound(pinned, bounds, prediction),
        _bisection(bounds, prediction),
    )


def _says_nothing_consumed(prediction: Prediction) -> bool:
    consumed = prediction.consumed
    return bool(consumed.compute_ns.max(initial=NO_TIME) == NO_TIME == consumed.size_bytes.max(initial=NO_TIME))


def _completed(pinned: Inputs, prediction: Prediction, line: Timeline) -> Check:
    missing = int((~line.ran).sum())
    unfinished = np.flatnonzero(prediction.finish_ps == NO_TIME)
    good = prediction.completed and not missing and not len(unfinished)
    if prediction.completed and not len(unfinished) and _says_nothing_consumed(prediction) and missing:
        detail = f"every rank finished; {missing} nodes without a time of their own"
        return Check(name="complete", passed=None, detail=detail)
    if good:
        world = pinned.graph.mesh.world_size
        detail = f"all {world} rank{'s' if world > 1 else ''} finished, every node ran"
    else:
        ranks = ", ".join(map(str, unfinished[:8].tolist())) or "none"
        detail = f"{prediction.status.value}; unfinished ranks: {ranks}; {missing} nodes never ran"
    return Check(name="complete", passed=good, detail=detail)


def _inputs(pinned: Inputs, prediction: Prediction) -> Check:
    graph, consumed = pinned.graph, prediction.consumed
    if _says_nothing_consumed(prediction):
        return Check(name="inputs", passed=None, detail="it does not say what it consumed")
    if consumed.compute_ns is pinned.compute_ns and consumed.size_bytes is graph.size_bytes:
        return Check(name="inputs", passed=True, detail=_consumed_as_pinned(pinned))
    compute = graph.op == Op.COMPUTE
    lost = compute & (consumed.compute_ns == NO_TIME) & (pinned.compute_ns != 0)
    changed_ns = np.where(compute & (consumed.compute_ns != NO_TIME), consumed.compute_ns - pinned.compute_ns, 0)
    moved = consumed.size_bytes != NO_TIME
    changed_bytes, whole = _changed_bytes(graph, consumed.size_bytes)
    good = not (lost.any() or changed_ns.any() or changed_bytes.any() or not moved.all())
    if good:
        detail = _consumed_as_pinned(pinned)
        if whole:
            detail += f"; {whole} in whole bytes per rank"
    else:
        detail = (
            f"{int((changed_ns != 0).sum())} compute nodes changed by {int(np.abs(changed_ns).sum())} ns in all "
            f"(net {int(changed_ns.sum())} ns), {int(lost.sum())} left out; "
            f"{int((changed_bytes != 0).sum())} communications changed by {int(np.abs(changed_bytes).sum())} bytes, "
            f"{int((~moved).sum())} left out"
        )
    return Check(name="inputs", passed=good, detail=detail)


def _consumed_as_pinned(pinned: Inputs) -> str:
    return f"consumed what was pinned: {int(pinned.compute_ns.sum())} ns, {pinned.graph.communication_count} messages"


def _changed_bytes(graph: ExecutionGraph, moved: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """By how much each communication that was moved differs from the graph's, (communications,).

    Whoever moves messages moves whole bytes: 4 bytes in 64 shards are 64. So less than a byte per rank is no change;
    how many there were of these is the second.
    """
    if moved is graph.size_bytes:
        return np.zeros(len(moved), dtype=np.int64), 0
    changed = np.where(moved == NO_TIME, 0, moved - graph.size_bytes)
    if not changed.any():
        return changed, 0
    collective = np.array([kind != Kind.POINT_TO_POINT for kind in graph.kinds], dtype=bool)[graph.kind]
    whole = (changed != 0) & (np.abs(changed) < participants_of(graph)) & collective
    return np.where(whole, 0, changed), int(whole.sum())


def _dependencies(line: Timeline) -> Check:
    instances = line.instances
    good = Check(name="dependencies", passed=True, detail=f"all {len(instances.dependency)} respected")
    if line.all_ran and compiled():
        columns = (instances.dependency_start, instances.dependency)
        if not passes.started_early(*columns, line.start_ps, line.end_ps):
            return good
    owners = instances.waiting
    both = line.ran[owners] & line.ran[instances.dependency]
    early = both & (line.start_ps[owners] < line.end_ps[instances.dependency])
    ran_alone = line.ran[owners] & ~line.ran[instances.dependency]
    broken = np.flatnonzero(early | ran_alone)
    if not len(broken):
        return good
    node = int(instances.node[owners[broken[0]]])
    on = int(instances.node[instances.dependency[broken[0]]])
    name = instances.graph.node_name
    first = f"node {node} ({name(node)!r}) started before node {on} ({name(on)!r}) ended"
    return Check(name="dependencies", passed=False, detail=f"{len(broken)} broken, first: {first}")


def _exclusive(line: Timeline) -> Check:
    instances = line.instances
    good = Check(name="exclusive", passed=True, detail="no rank computes two nodes at once")
    if line.all_ran and compiled():
        in_order = instances.kept("checks.computing", lambda: _computing(instances))
        if not passes.overlaps(*in_order, line.start_ps, line.end_ps):
            return good  # what runs in the order of its rows needs no sorting by time
    lasting = line.ran & ~is_communication(instances) & (line.end_ps > line.start_ps)
    processor = instances.processor
    order = line.by_start[lasting[line.by_start]]
    order = order[np.argsort(processor[order], kind="stable")]
    same = processor[order[1:]] == processor[order[:-1]]
    overlap = same & (line.start_ps[order[1:]] < line.end_ps[order[:-1]])
    if not overlap.any():
        return good
    first = int(np.argmax(overlap))
    one, two = int(instances.node[order[first]]), int(instances.node[order[first + 1]])
    name = instances.graph.node_name
    detail = f"{int(overlap.sum())} overlaps, first: node {one} ({name(one)!r}) and node {two} ({name(two)!r})"
    return Check(name="exclusive", passed=False, detail=detail)


def _computing(instances: Instances) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """What computes, by processor and then by row; and whether each is on the processor of the one before it."""
    processor = np.where(is_communication(instances), NONE, instances.processor).astype(np.int32)
    _, rows = grouped(processor, 2 * instances.classes.count)
    return rows, processor[rows[1:]] == processor[rows[:-1]]


def _durations(prediction: Prediction, line: Timeline) -> Check:
    instances = line.instances
    good = Check(name="durations", passed=True, detail="every compute node ran for what was consumed")
    if line.all_ran and compiled():
        given = (instances.node, instances.meeting, prediction.consumed.compute_ns, PS_PER_NS)
        if not passes.other_durations(*given, line.start_ps, line.end_ps):
            return good
    consumed_ns = prediction.consumed.compute_ns[instances.node]
    compute = line.ran & ~is_communication(instances) & (consumed_ns != NO_TIME)
    wrong = compute & (line.end_ps - line.start_ps != consumed_ns * PS_PER_NS)
    if not wrong.any():
        return good
    row = int(np.argmax(wrong))
    node = int(instances.node[row])
    return Check(
        name="durations",
        passed=False,
        detail=(
            f"{int(wrong.sum())} differ, first: node {node} ({instances.graph.node_name(node)!r}) ran for "
            f"{int(line.end_ps[row] - line.start_ps[row])} ps instead of {int(consumed_ns[row])} ns"
        ),
    )


def _conservation(pinned: Inputs, prediction: Prediction, line: Timeline) -> Check:
    """Whether every rank moved the bytes that the graph gives it, and received none before they were sent."""
    graph, instances = pinned.graph, line.instances
    name = graph.node_name
    parts, _ = parts_of(instances)
    in_time = line.all_ran and line.posted_in_time
    early = parts[:0] if in_time else parts[_ended_too_early(line, parts, all_ran=prediction.completed)]
    if len(early):
        row = int(early[0])
        node, rank = int(instances.node[row]), int(instances.classes.representatives()[instances.rank_class[row]])
        first = f"node {node} ({name(node)!r}) on rank {rank} ended before what it receives was sent"
        return Check(name="conservation", passed=False, detail=f"{len(early)} parts are too early, first: {first}")
    moved = prediction.consumed.size_bytes
    if _says_nothing_consumed(prediction):
        return Check(name="conservation", passed=None, detail="it does not say what it moved")
    changed_bytes, _ = _changed_bytes(graph, moved)
    lost = changed_bytes if moved is graph.size_bytes else np.where(moved == NO_TIME, graph.size_bytes, -changed_bytes)
    if not lost.any():
        given = _sum(graph.size_bytes)
        detail = f"{given} bytes in {graph.communication_count} communications, none received before it was sent"
        return Check(name="conservation", passed=True, detail=detail)
    match, rank_class = graph.match[instances.node[parts]], instances.rank_class[parts].astype(np.int64)
    of_rank = exact_sums(lost[match], rank_class, instances.classes.count)
    worst = max(range(len(of_rank)), key=lambda one: abs(of_rank[one]))
    rank = int(instances.classes.representatives()[worst])
    detail = (
        f"{int((lost != 0).sum())} communications moved {-sum(lost.tolist()):+d} bytes against the graph, "
        f"{-of_rank[worst]:+d} of them on rank {rank}"
    )
    return Check(name="conservation", passed=False, detail=detail)


def _sum(column: NDArray[np.int64]) -> int:
    """Of numbers of at least 0, however large it is."""
    largest = int(column.max(initial=0))
    return int(column.sum()) if largest * len(column) < 2**63 else sum(column.tolist())


def _ended_too_early(line: Timeline, parts: NDArray[np.int64], *, all_ran: bool) -> NDArray[np.bool_]:
    """Which of ``parts`` ended before all whose data they need had begun; shape (parts,).

    A send needs nobody. Nor does a part of a broadcast that is known: its root is not part of the graph. Of a run that
    was cut short, what has no span may have begun.
    """
    instances, graph = line.instances, line.instances.graph
    _, meeting = parts_of(instances)

    def ways() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        op = graph.op[instances.node[parts]]
        broadcast = graph.is_kind(Kind.BROADCAST)[graph.match[instances.node[parts]]]
        return (op != Op.RECV) & ~broadcast, (op != Op.SEND) & ~broadcast

    sends, receives = instances.kept("checks.ways", ways)
    unseen = np.iinfo(np.int64).max if all_ran else 0
    giving = parts[sends]
    started = line.start_ps[giving]
    if not line.all_ran:
        started = np.where(line.ran[giving], started, unseen)
    meetings = len(instances.meeting_match)
    begun = np.maximum(largest(started, *instances.kept("checks.giving", lambda: grouped(meeting[sends], meetings))), 0)
    early = receives & (line.end_ps[parts] < begun[meeting])
    return np.asarray(early if line.all_ran else early & line.ran[parts])


def _lower_bound(pinned: Inputs, bounds: Bounds, prediction: Prediction) -> Check:
    if prediction.makespan_ps is None:
        return Check(name="lower bound", passed=None, detail="no makespan")
    # Rounding to a simulator's own grid is loss, reported by the check of inputs, not a broken bound.
    consumed_ns, allowed = prediction.consumed.compute_ns, 0
    if consumed_ns is not pinned.compute_ns:
        rounded = np.where(consumed_ns == NO_TIME, 0, consumed_ns)
        allowed = int(np.abs(np.minimum(rounded - pinned.compute_ns, 0)).sum()) * PS_PER_NS
    good = prediction.makespan_ps + allowed >= bounds.compute_ps
    detail = f"pinned compute alone takes {bounds.compute_ps} ps, predicted {prediction.makespan_ps} ps"
    return Check(name="lower bound", passed=good, detail=detail)


def _bisection(bounds: Bounds, prediction: Prediction) -> Check:
    if prediction.makespan_ps is None:
        return Check(name="bisection", passed=None, detail="no makespan")
    bound = bounds.bisection_ps
    if bound is None:
        return Check(name="bisection", passed=None, detail="a network of one rank has no middle")
    detail = f"its communication takes {bound} ps to cross the network's middle, predicted {prediction.makespan_ps} ps"
    good = prediction.makespan_ps >= bound
    if not good:
        detail += "; a model in which messages do not share links can say so, a network cannot do it"
    return Check(name="bisection", passed=good, detail=detail)
