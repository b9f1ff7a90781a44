"""Oracles: steps whose time can be worked out on paper, with latency α, bandwidth B, p ranks and S bytes."""

from __future__ import annotations

from versim.fabric import Topology
from versim.testing import graphs
from versim.testing.check import NotClaimedError, Outcome, check, holds
from versim.testing.claims import AllToAll
from versim.testing.subject import BANDWIDTH_BYTES_PER_S, LATENCY_S, Subject
from versim.units import NS_PER_S
from versim.work import Kind

SIZE_BYTES = 24_000_000
RANKS = (2, 4, 6)


@check("oracle", "compute chain", "computations of a rank follow one another without gap, overlap or rounding")
def compute_chain(subject: Subject) -> Outcome:
    """Σ pinned nanoseconds."""
    expected_s = sum(graphs.ODD_NS) / NS_PER_S
    found_s = subject.takes_s(graphs.chain(), subject.system(2))
    return subject.close(expected_s, found_s, form="Σ pinned nanoseconds")


@check("oracle", "point-to-point", "a message takes its latency and its bytes over the bandwidth")
def point_to_point(subject: Subject) -> Outcome:
    """α + S/B."""
    subject.requires(Kind.POINT_TO_POINT, oracle=True)
    expected_s = LATENCY_S + SIZE_BYTES / BANDWIDTH_BYTES_PER_S
    return subject.close(
        expected_s, subject.takes_s(graphs.messages(SIZE_BYTES), subject.system(4)), messages=1, form="α + S/B"
    )


def _ring(subject: Subject, kind: Kind, rounds: list[int], volumes: list[float], form: str) -> Outcome:
    """A collective alone on a ring, for several numbers of ranks: rounds · α + volume · S/B."""
    subject.requires(kind, algorithm="ring", oracle=True)
    expected, found = [], []
    for ranks, steps, volume in zip(RANKS, rounds, volumes, strict=True):
        expected.append(steps * LATENCY_S + volume * SIZE_BYTES / BANDWIDTH_BYTES_PER_S)
        found.append(subject.takes_s(graphs.collective(kind, SIZE_BYTES, ranks, "ring"), subject.system(ranks)))
    of = ", ".join(map(str, RANKS))
    return subject.all_close(expected, found, messages=max(rounds), form=f"{form}, p = {of}")


@check("oracle", "ring all-reduce", "2 (p−1) rounds of a p-th of the buffer: no step and no byte more or less")
def ring_all_reduce(subject: Subject) -> Outcome:
    """2 (p−1) (α + S/(p B))."""
    rounds = [2 * (p - 1) for p in RANKS]
    volumes = [2 * (p - 1) / p for p in RANKS]
    return _ring(subject, Kind.ALL_REDUCE, rounds, volumes, "2 (p−1) (α + S/(p B))")


@check("oracle", "ring all-gather", "size_bytes is the output: each of p−1 rounds carries a p-th of it")
def ring_all_gather(subject: Subject) -> Outcome:
    """(p−1) (α + S/(p B))."""
    volumes = [(p - 1) / p for p in RANKS]
    return _ring(subject, Kind.ALL_GATHER, [p - 1 for p in RANKS], volumes, "(p−1) (α + S/(p B))")


@check("oracle", "ring reduce-scatter", "size_bytes is the input: each of p−1 rounds carries a p-th of it")
def ring_reduce_scatter(subject: Subject) -> Outcome:
    """(p−1) (α + S/(p B))."""
    volumes = [(p - 1) / p for p in RANKS]
    return _ring(subject, Kind.REDUCE_SCATTER, [p - 1 for p in RANKS], volumes, "(p−1) (α + S/(p B))")


@check("oracle", "ring all-to-all", "size_bytes is one rank's buffer, and it goes round as claimed")
def ring_all_to_all(subject: Subject) -> Outcome:
    """The form that is claimed."""
    claimed = subject.claims.all_to_all
    if claimed is None:
        raise NotClaimedError("no closed form of the all-to-all is claimed")
    rounds = [p * (p - 1) // 2 if claimed is AllToAll.SHARDS else p - 1 for p in RANKS]
    volumes = [(p - 1) / p if claimed is AllToAll.PAIRWISE else (p - 1) / 2 for p in RANKS]
    return _ring(subject, Kind.ALL_TO_ALL, rounds, volumes, f"{claimed.value} all-to-all")


@check("oracle", "pipeline bubble", "a pipeline fills and drains: the bubble is (p−1)/(m+p−1) of GPipe's step")
def pipeline_bubble(subject: Subject) -> Outcome:
    """2 (m+p−1) t + 2 (p−1) c, where a message takes c."""
    subject.requires(Kind.POINT_TO_POINT, oracle=True)
    stages, batches, stage_ns, size_bytes = 4, 6, 5_000_001, 1_000_000
    found_s = subject.takes_s(graphs.pipeline(stages, batches, stage_ns, size_bytes), subject.system(stages))
    message_s = 2 * (stages - 1) * (LATENCY_S + size_bytes / BANDWIDTH_BYTES_PER_S)
    compute_s = 2 * batches * stage_ns / NS_PER_S
    expected_s = 2 * (batches + stages - 1) * stage_ns / NS_PER_S + message_s
    outcome = subject.close(expected_s, found_s, messages=2 * (stages - 1), form="2 (m+p−1) t + 2 (p−1) (α + S/B)")
    bubble = 1 - compute_s / (found_s - message_s)
    return holds(
        outcome.verdict == "passed",
        f"bubble {(stages - 1) / (batches + stages - 1):.9f}, step {outcome.expected}",
        f"bubble {bubble:.9f}, step {outcome.found}",
    )


@check("oracle", "disjoint groups", "two tensor-parallel groups that share no link do not notice each other")
def disjoint_groups(subject: Subject) -> Outcome:
    """Both at once take what one alone takes."""
    subject.requires(Kind.ALL_REDUCE, algorithm="ring", oracle=True)
    system = subject.system(8, topology=Topology.RING if Topology.RING in subject.claims.topologies else None)
    alone_s = subject.takes_s(graphs.one_group_of_two(SIZE_BYTES), system)
    both_s = subject.takes_s(graphs.along("tp", SIZE_BYTES), system)
    return subject.close(alone_s, both_s, messages=6, form="one group alone")
