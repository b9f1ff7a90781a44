"""Laws: what holds of any simulator, whatever its model of the network."""

from __future__ import annotations

import attrs

from versim.comparison import compare_predictions
from versim.graph import Op
from versim.pinning import pin
from versim.testing import graphs
from versim.testing.check import NotClaimedError, Outcome, check, holds, spelt_s
from versim.testing.claims import Contention
from versim.testing.subject import BANDWIDTH_BYTES_PER_S, Subject
from versim.units import PS_PER_S
from versim.work import Kind

SIZE_BYTES = 20_000_000


@check(
    "law", "sound schedule", "nothing starts before what it waits for, no rank computes twice at once, every node runs"
)
def sound_schedule(subject: Subject) -> Outcome:
    """The checks that every comparison makes, on a graph with every claimed communication."""
    claimed = [kind for kind in Kind if kind in subject.claims.kinds]
    graph, system = graphs.mixed(claimed), subject.system(4)
    prediction = attrs.evolve(subject.predict(graph, system), label="subject")
    comparison = compare_predictions(pin(graph, system, label="conformance"), [prediction], "subject")
    failed = [f"{c.name}: {c.detail}" for c in comparison.results[0].checks if c.passed is not True]
    return holds(not failed, "all checks of a comparison pass", "; ".join(failed) or "they do")


@check("law", "doubled compute", "compute that takes twice as long makes a chain of it twice as long")
def doubled_compute(subject: Subject) -> Outcome:
    """A constant answer fails here."""
    once_s = subject.takes_s(graphs.chain(), subject.system(2))
    twice_s = subject.takes_s(graphs.chain(tuple(2 * duration_ns for duration_ns in graphs.ODD_NS)), subject.system(2))
    return subject.close(2 * once_s, twice_s, form="2 × the chain")


@check("law", "doubled bandwidth", "without latency, twice the bandwidth takes half the time")
def doubled_bandwidth(subject: Subject) -> Outcome:
    """On one message."""
    subject.requires(Kind.POINT_TO_POINT)
    slow, fast = (
        subject.system(4, bandwidth_bytes_per_s=factor * BANDWIDTH_BYTES_PER_S, latency_s=0.0) for factor in (1, 2)
    )
    graph = graphs.messages(SIZE_BYTES)
    return subject.close(subject.takes_s(graph, slow) / 2, subject.takes_s(graph, fast), messages=1, form="half of B's")


@check("law", "doubled latency", "more latency makes a message later by just that")
def doubled_latency(subject: Subject) -> Outcome:
    """Two latencies apart by 40 µs."""
    subject.requires(Kind.POINT_TO_POINT, oracle=True)
    added_s = 40e-6
    near, far = (subject.system(4, latency_s=latency_s) for latency_s in (10e-6, 10e-6 + added_s))
    graph = graphs.messages(SIZE_BYTES)
    return subject.close(
        added_s + subject.takes_s(graph, near), subject.takes_s(graph, far), messages=1, form="near + 40 µs"
    )


@check("law", "more ranks, no faster", "the same all-reduce over more ranks is not faster")
def more_ranks(subject: Subject) -> Outcome:
    """Over 4 and over 8, by the same algorithm."""
    subject.requires(Kind.ALL_REDUCE, algorithm="ring")
    few_s, many_s = (
        subject.takes_s(graphs.collective(Kind.ALL_REDUCE, SIZE_BYTES, ranks, "ring"), subject.system(ranks))
        for ranks in (4, 8)
    )
    return holds(many_s >= few_s, f"at least {spelt_s(few_s)}", spelt_s(many_s))


@check("law", "contention", "two messages on one link at once do to each other what is claimed")
def contention(subject: Subject) -> Outcome:
    """Nothing, one after the other, or half the bandwidth each."""
    claimed = subject.claims.contention
    if claimed is None:
        raise NotClaimedError("nothing is claimed about contention")
    subject.requires(Kind.POINT_TO_POINT, oracle=True)
    alone_s = SIZE_BYTES / BANDWIDTH_BYTES_PER_S
    prediction = subject.predict(graphs.messages(SIZE_BYTES, count=2), subject.system(4, latency_s=0.0))
    graph = graphs.messages(SIZE_BYTES, count=2)
    received = graph.op[prediction.spans.node] == Op.RECV
    ends = sorted((prediction.spans.end_ps[received] / PS_PER_S).tolist())
    expected = {Contention.NONE: (1, 1), Contention.QUEUE: (1, 2), Contention.SHARE: (2, 2)}[claimed]
    if len(ends) != len(expected):
        return holds(False, "two messages that arrive", f"{len(ends)} that do")
    return subject.all_close([alone_s * factor for factor in expected], ends, messages=2, form=claimed.value)
