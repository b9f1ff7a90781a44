"""Lint's verdict is the run's: what hangs or aborts is an error, what completes as the trace says is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chakra_files import Node, coll, comp, recv, send
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from versim import Severity, SimulationError
from versim_astrasim.engine import (
    NetworkConfig,
    RankTrace,
    RemoteMemoryConfig,
    Status,
    SystemConfig,
    groups_from_mapping,
    simulate,
)
from versim_astrasim.lint.check import check
from versim_astrasim.lint.step import Step

KINDS = ("ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER", "ALL_TO_ALL")
OWN_SIZES = dict(zip(KINDS, (1 << 10, 1 << 14, 1 << 18, 1 << 22), strict=True))
"""With these, collectives of different kinds never meet: their messages differ in size, so that ranks hang instead."""

Case = Mapping[str, Any]


@st.composite
def cases(draw: st.DrawFn, faults: bool = False) -> Case:
    """Two to four ranks with messages, collectives and compute under random dependencies and ids.

    Args:
        draw: Given by Hypothesis.
        faults: Whether parts may lack their partner or differ from it.
    """
    count = draw(st.integers(2, 4))
    ranks: list[list[Node]] = [[] for _ in range(count)]
    names = draw(st.lists(st.sampled_from(["1", "2", "7"]), unique=True, max_size=2))
    groups = {name: draw(st.permutations(range(count)))[: draw(st.integers(2, count))] for name in names}

    def add(rank: int, make: Any, **more: Any) -> None:
        known = [node["id"] for node in ranks[rank]]
        how = draw(st.sampled_from(["free", "chained", "chained", "any"]))
        deps = known[-1:] if how == "chained" else []
        if how == "any" and known:
            deps = draw(st.lists(st.sampled_from(known), max_size=2, unique=True))
        ranks[rank].append(make(len(known), *deps, **more))

    def broken() -> bool:
        return faults and draw(st.integers(0, 15)) == 0

    for _ in range(draw(st.integers(1, 7))):
        what = draw(st.sampled_from(["compute", "message", "collective", "collective"]))
        size = draw(st.sampled_from([64, 4096, 1 << 20]))
        if what == "compute":
            add(draw(st.integers(0, count - 1)), comp, micros=draw(st.sampled_from([1, 5, 50])))
        elif what == "message":
            source, target = draw(st.permutations(range(count)))[:2]
            tag = draw(st.integers(0, 2))
            ends = [(source, send, {"to": target}), (target, recv, {"of": source})]
            for rank, make, peer in draw(st.permutations(ends))[: 1 if broken() else 2]:
                add(rank, make, **peer, size=size + broken(), tag=tag)
        else:
            group = draw(st.sampled_from([None, *groups]))
            kind = draw(st.sampled_from(KINDS))
            members = draw(st.permutations(range(count) if group is None else groups[group]))
            size = size if faults else OWN_SIZES[kind]
            for rank in members[: len(members) - broken()]:
                add(rank, coll, kind=draw(st.sampled_from(KINDS)) if broken() else kind, size=size, pg_name=group)
    for rank, nodes in enumerate(ranks):
        if not nodes:
            add(rank, comp)
        if draw(st.booleans()):
            # Another order of issue.
            other = draw(st.permutations(range(len(nodes))))
            for node in nodes:
                node["id"] = other[node["id"]]
                node["ctrl_deps"] = [other[dep] for dep in node["ctrl_deps"]]
    return {
        "ranks": ranks,
        "groups": groups,
        "topology": draw(st.sampled_from(["Switch", "FullyConnected", *["Ring"] * (count > 2)])),
        "splits": draw(st.sampled_from([1, 2, 4])),
        "aware": draw(st.booleans()),
    }


def looked_at(case: Case) -> tuple[bool, set[str], str]:
    """Whether a case completes, the rules of the errors found in it, and both in words."""
    traces = [RankTrace.from_nodes(nodes) for nodes in case["ranks"]]
    network = NetworkConfig(
        topology=(case["topology"],),
        npus_count=(len(traces),),
        bandwidth_gib_per_s=(50.0,),
        latency_ns=(500.0,),
        congestion_aware=case["aware"],
    )
    ring = {f"{kind}-implementation": ["ring"] for kind in ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")}
    system = SystemConfig.from_mapping(
        {
            "endpoint-delay": 10,
            "active-chunks-per-dimension": 1,
            "preferred-dataset-splits": case["splits"],
            "local-mem-bw": 1600,
            "collective-optimization": "localBWAware",
            **ring,
        }
    )
    groups, memory = groups_from_mapping(case["groups"]), RemoteMemoryConfig()
    try:
        outcome = simulate(traces, network, system, groups=groups, memory=memory, record_spans=False)
        status = outcome.status
    except SimulationError:
        status = Status.LOOPS
    found = check(Step.of(traces, network, system, groups, memory))
    errors = {finding.rule for finding in found if finding.severity is Severity.ERROR}
    return status is Status.COMPLETED, errors, f"{status.value}: {sorted(errors)}: {json.dumps(case)}"


REVERSED = {
    # Dependencies fix an order that is not that of ids; on the other rank it is.
    "ranks": [
        [coll(1, kind="ALL_GATHER"), coll(0, 1, kind="ALL_TO_ALL", size=64)],
        [coll(0, kind="ALL_GATHER"), coll(1, 0, kind="ALL_TO_ALL", size=64)],
    ],
    "groups": {},
    "topology": "Switch",
    "splits": 1,
    "aware": True,
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
@example(REVERSED)
@example({**REVERSED, "ranks": [[comp(0), coll(1, 0)]]})
@example({**REVERSED, "ranks": [[comp(0), comp(1)]]})
def test_a_trace_whose_parts_all_match_is_an_error_exactly_if_its_run_does_not_complete(case: Case) -> None:
    """Whether only the order of issue makes ranks wait for one another, or nothing does."""
    completes, errors, said = looked_at(case)
    assert completes == (not errors), said


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(faults=True))
def test_what_does_not_complete_is_an_error_and_what_does_is_one_only_if_parts_differ(case: Case) -> None:
    """Parts that differ may be carried out all the same, as something else than the trace says."""
    completes, errors, said = looked_at(case)
    assert completes or errors, said
    assert not completes or errors <= {"collective-kind", "collective-size", "collective-partner"}, said
