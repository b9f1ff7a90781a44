"""The engine's networks of several dimensions on cases of the fork, where its system layer does as ASTRA-sim's."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from versim_astrasim.engine import simulate
from versim_astrasim.engine.variant import Variant
from versim_proof.astrasim.cases import case_inputs, printed_figures

sys.path.insert(0, str(Path(__file__).parents[2] / "astrasim"))

from products import FULLY_CONNECTED, RING, product

TABLE = Path(__file__).parents[2] / "golden" / "astrasim-fork" / "multidim_fork.json"
_OWN = ("mesh", "hypercube", "torus2d", "mesh2d")


def alike(case: Mapping[str, Any]) -> bool:
    """Whether both programs do the same: no halved and no whole messages, no faults, topologies both have."""
    network, workload = case["network"], case["workload"]
    if "error" in case["expected"] or "faulty_links" in network or set(network["topology"]) - {RING, FULLY_CONNECTED}:
        return False
    algorithms = case["system"]["all-reduce-implementation"]
    if workload["form"] == "generated":
        halving = all(name == "halvingDoubling" for name in algorithms)
        return (workload["comm_type"] == "REDUCE_SCATTER" or halving) and not set(algorithms) & set(_OWN)
    return not any(node["type"] == "COMM_COLL_NODE" for nodes in workload["ranks"] for node in nodes)


def test_every_rank_ends_at_the_nanosecond_that_the_fork_measured() -> None:
    """Reduce-scatters, halving-doubling and messages have no sizes of the fork's; network and ties are the same."""
    cases = [case for case in json.loads(TABLE.read_text(encoding="utf-8"))["cases"] if alike(case)]
    assert len(cases) == 42
    for case in cases:
        given = case_inputs(case, Variant.RAPID_LLM)
        network = given.network
        ours = product(network.topology, network.npus_count, network.bandwidth_gib_per_s, network.latency_ns)
        system = attrs.evolve(given.system, variant=Variant.ASTRA_SIM)
        outcome = simulate(given.traces, ours, system, groups=given.groups, memory=given.memory)
        expected = case["expected"]["rank_ns"]
        expected = [expected["all"]] * network.rank_count if isinstance(expected, dict) else expected
        assert printed_figures(outcome)["rank_ns"] == expected, case["name"]
