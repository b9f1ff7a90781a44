"""Breadth: every topology, algorithm and dimension that is claimed is tried, not only those of the oracles."""

from __future__ import annotations

import math

from versim.fabric import Topology
from versim.testing import graphs
from versim.testing.check import NotClaimedError, Outcome, check, holds, spelt_s
from versim.testing.subject import BANDWIDTH_BYTES_PER_S, LATENCY_S, Subject
from versim.work import Kind

SIZE_BYTES = 24_000_000
RANKS = 8


@check("law", "every topology", "all claimed communication runs on every claimed topology, on none for free")
def every_topology(subject: Subject) -> Outcome:
    """A message takes at least α + S/B wherever it goes."""
    if not subject.claims.topologies:
        raise NotClaimedError("no topology is claimed")
    graph = graphs.mixed([kind for kind in Kind if kind in subject.claims.kinds])
    message, least_s = graphs.messages(SIZE_BYTES), LATENCY_S + SIZE_BYTES / BANDWIDTH_BYTES_PER_S
    allowed_s = subject.claims.grain_s + subject.claims.tolerance * least_s + 1e-12
    found, good = [], True
    for topology in subject.claims.topologies:
        system = subject.system(4, topology=topology)
        subject.takes_s(graph, system)
        if Kind.POINT_TO_POINT in subject.claims.kinds:
            took_s = subject.takes_s(message, system)
            good = good and took_s >= least_s - allowed_s
            found.append(f"{topology.value} {spelt_s(took_s)}")
        else:
            found.append(topology.value)
    return holds(good, f"completed, a message in at least {spelt_s(least_s)}", ", ".join(found))


@check("law", "every algorithm", "an all-reduce runs by every claimed algorithm that does one, and by none for free")
def every_algorithm(subject: Subject) -> Outcome:
    """At least 2 (α + S/(p B)): nobody can do it in fewer rounds, or with smaller pieces to each other rank."""
    subject.requires(Kind.ALL_REDUCE)
    if not subject.claims.algorithms or not subject.claims.topologies:
        raise NotClaimedError("no algorithm or no topology is claimed")
    least_s = 2 * (LATENCY_S + SIZE_BYTES / RANKS / BANDWIDTH_BYTES_PER_S)
    found, good = [], True
    for algorithm in subject.claims.algorithms:
        graph = graphs.collective(Kind.ALL_REDUCE, SIZE_BYTES, RANKS, algorithm)
        took_s = subject.takes_s(graph, subject.system(RANKS, topology=subject.claims.topologies[-1]))
        good = good and took_s >= least_s * (1 - subject.claims.tolerance) - 2 * subject.claims.grain_s
        found.append(f"{algorithm} {spelt_s(took_s)}")
    return holds(good, f"each in at least {spelt_s(least_s)}", ", ".join(found))


def _fully_connected_s(subject: Subject, algorithm: str) -> float:
    subject.requires(Kind.ALL_REDUCE, algorithm=algorithm)
    if Topology.FULLY_CONNECTED not in subject.claims.topologies:
        raise NotClaimedError("fully_connected is not claimed")
    graph = graphs.collective(Kind.ALL_REDUCE, SIZE_BYTES, RANKS, algorithm)
    return subject.takes_s(graph, subject.system(RANKS, topology=Topology.FULLY_CONNECTED))


@check("oracle", "halving-doubling all-reduce", "log₂p rounds of halves and as many of doubles, fully connected")
def halving_doubling(subject: Subject) -> Outcome:
    """2 log₂p α + 2 (p−1)/p · S/B."""
    found_s = _fully_connected_s(subject, "halving_doubling")
    levels = int(math.log2(RANKS))
    expected_s = 2 * levels * LATENCY_S + 2 * (RANKS - 1) / RANKS * SIZE_BYTES / BANDWIDTH_BYTES_PER_S
    return subject.close(expected_s, found_s, messages=2 * levels, form="2 log₂p α + 2 (p−1)/p · S/B")


@check("oracle", "direct all-reduce", "two rounds, whether a rank's messages leave side by side or one by one")
def direct(subject: Subject) -> Outcome:
    """From 2 (α + S/(p B)), on links of their own, to 2 (α + (p−1)/p · S/B), through one port."""
    found_s = _fully_connected_s(subject, "direct")
    piece_s = SIZE_BYTES / RANKS / BANDWIDTH_BYTES_PER_S
    least_s, most_s = 2 * (LATENCY_S + piece_s), 2 * (LATENCY_S + (RANKS - 1) * piece_s)
    allowed_s = subject.claims.tolerance * most_s + 2 * RANKS * subject.claims.grain_s + 1e-11
    good = least_s - allowed_s <= found_s <= most_s + allowed_s
    return holds(good, f"{spelt_s(least_s)} to {spelt_s(most_s)}", spelt_s(found_s))


@check("oracle", "several dimensions", "groups along each mesh axis use the links of their own network dimension")
def several_dimensions(subject: Subject) -> Outcome:
    """Ring all-reduces along tp = 4 (the inner dimension) and along dp = 2 (the outer one)."""
    subject.requires(Kind.ALL_REDUCE, algorithm="ring", dimensions=2, oracle=True)
    system = subject.system(4, 2)
    expected = [2 * (p - 1) * (LATENCY_S + SIZE_BYTES / p / BANDWIDTH_BYTES_PER_S) for p in (4, 2)]
    found = [subject.takes_s(graphs.along(axis, SIZE_BYTES), system) for axis in ("tp", "dp")]
    return subject.all_close(expected, found, messages=6, form="2 (p−1) (α + S/(p B)), p = 4, 2")
