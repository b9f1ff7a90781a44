"""Honesty: a backend says what it used, what it cannot do, and when a step does not end."""

from __future__ import annotations

import numpy as np

from versim.errors import VersimError
from versim.graph import ExecutionGraph, Op
from versim.pinning import pin
from versim.testing import graphs
from versim.testing.check import NotClaimedError, Outcome, check, holds
from versim.testing.subject import Subject
from versim.units import PS_PER_NS
from versim.work import Kind


def _claimed_graph(subject: Subject) -> ExecutionGraph:
    return graphs.mixed([kind for kind in Kind if kind in subject.claims.kinds])


@check("honesty", "its own input", "the prediction is of the graph that was given, with a rank for every rank")
def its_own_input(subject: Subject) -> Outcome:
    """Digest and shapes."""
    graph, system = graphs.chain(), subject.system(2)
    prediction = subject.predict(graph, system)
    digest = pin(graph, system).digest
    finished, stood_for = len(prediction.finish_ps), len(prediction.representative)
    found = f"digest {prediction.digest[:12]}, {finished} ranks, {stood_for} stood for"
    good = prediction.digest == digest and finished == stood_for == 2
    return holds(good, f"digest {digest[:12]}, 2 ranks, 2 stood for", found)


@check("honesty", "consumed is pinned", "the backend used the nanoseconds and bytes it was given, to the last one")
def consumed_is_pinned(subject: Subject) -> Outcome:
    """On durations and sizes that no coarser grid holds."""
    graph, system = _claimed_graph(subject), subject.system(4)
    pinned, consumed = pin(graph, system), subject.predict(graph, system).consumed
    if consumed.compute_ns.shape != pinned.compute_ns.shape or consumed.size_bytes.shape != graph.size_bytes.shape:
        return holds(False, "one figure per node and communication", f"shapes {consumed.compute_ns.shape}")
    compute = np.flatnonzero((consumed.compute_ns != pinned.compute_ns) & (graph.op == Op.COMPUTE))
    sizes = np.flatnonzero(consumed.size_bytes != graph.size_bytes)
    first = ""
    if len(compute):
        row = int(compute[0])
        first = f", first: node {row} {int(pinned.compute_ns[row])} ns as {int(consumed.compute_ns[row])} ns"
    found = f"{len(compute)} computations and {len(sizes)} sizes changed{first}"
    return holds(not len(compute) and not len(sizes), "0 computations and 0 sizes changed", found)


@check("honesty", "consumed is true", "what a computation is said to have used is what it took")
def consumed_is_true(subject: Subject) -> Outcome:
    """Spans against consumed nanoseconds."""
    graph = graphs.chain()
    prediction = subject.predict(graph, subject.system(2))
    spans, consumed_ns = prediction.spans, prediction.consumed.compute_ns
    took = spans.end_ps - spans.start_ps
    wrong = np.flatnonzero(took != consumed_ns[spans.node] * PS_PER_NS)
    first = ""
    if len(wrong):
        row = int(wrong[0])
        node = int(spans.node[row])
        first = f", first: node {node} took {int(took[row])} ps and says {int(consumed_ns[node])} ns"
    return holds(not len(wrong), "0 computations that took anything else", f"{len(wrong)} computations{first}")


@check("honesty", "deadlock", "a step in which ranks wait for one another for ever is not said to complete")
def deadlock(subject: Subject) -> Outcome:
    """Two ranks that receive before they send: no makespan, and a diagnosis."""
    subject.requires(Kind.POINT_TO_POINT)
    prediction = subject.predict(graphs.deadlock(), subject.system(2))
    said = "; ".join(prediction.diagnosis)
    good = not prediction.completed and prediction.makespan_ps is None and bool(said)
    return holds(good, "not completed, with a diagnosis", f"{prediction.status.value}: {said or 'no diagnosis'}")


@check("honesty", "unknown algorithm", "a collective algorithm that does not exist is refused, not replaced")
def unknown_algorithm(subject: Subject) -> Outcome:
    """An all-reduce by an algorithm of no name."""
    subject.requires(Kind.ALL_REDUCE)
    graph = graphs.collective(Kind.ALL_REDUCE, 4_000_000, 4, "no-such-algorithm")
    return _refused(subject, graph)


@check("honesty", "unclaimed kinds", "a communication that is not claimed is refused, or done in full")
def unclaimed_kinds(subject: Subject) -> Outcome:
    """Each of them by itself."""
    unclaimed = [kind for kind in Kind if kind not in subject.claims.kinds and kind is not Kind.POINT_TO_POINT]
    if not unclaimed:
        raise NotClaimedError("every kind is claimed")
    found, good = [], True
    for kind in unclaimed:
        outcome = _refused(subject, graphs.collective(kind, 4_000_000, 4), or_done=True)
        good = good and outcome.verdict == "passed"
        found.append(f"{kind.value}: {outcome.found}")
    return holds(good, "each refused or done in full", "; ".join(found))


def _refused(subject: Subject, graph: ExecutionGraph, *, or_done: bool = False) -> Outcome:
    expected = "refused with a VersimError" + (", or done in full" if or_done else "")
    try:
        prediction = subject.predict(graph, subject.system(4))
    except VersimError as error:
        return holds(True, expected, f"refused: {error}")
    if prediction.completed:
        kept = bool((prediction.consumed.size_bytes == graph.size_bytes).all())
        took = prediction.makespan_ps or 0
        return holds(or_done and kept and took > 0, expected, f"completed in {took} ps")
    return holds(bool(prediction.diagnosis), expected, f"{prediction.status.value}: {'; '.join(prediction.diagnosis)}")


@check("honesty", "deterministic", "the same question has the same answer, to the picosecond")
def deterministic(subject: Subject) -> Outcome:
    """Twice the same graph."""
    one, two = (subject.predict(_claimed_graph(subject), subject.system(4)) for _ in range(2))
    same = all(
        np.array_equal(getattr(one.spans, column), getattr(two.spans, column))
        for column in ("node", "rank", "ready_ps", "start_ps", "end_ps", "resource")
    )
    return holds(same and one.makespan_ps == two.makespan_ps, f"{one.makespan_ps} ps twice", f"{two.makespan_ps} ps")
