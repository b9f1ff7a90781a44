"""Random cases on the compiled engine and on the readable one: every figure and every order has to be equal.

Run with ``python tests/fuzz/kernel.py --inputs 20000 --seed 1``. Half of the cases are those of the fuzzing against the
real program (:mod:`engine_cases`); the other half are steps of a few nanoseconds, so that nearly everything happens in
one tick with others. What the kernel leaves to Python is counted apart.
"""

from __future__ import annotations

import argparse
import collections
import random
import sys
from typing import Any

import engine_cases
import numpy as np
from versim import FaultsError
from versim_astrasim.engine import NetworkConfig, Outcome, RankTrace, SystemConfig, simulate
from versim_proof.astrasim.cases import case_inputs

KINDS = [kind for kind in engine_cases.KINDS if kind not in ("described", "bus", "handshakes")]
TIED = "ties"

Inputs = dict[str, Any]


def differences(one: Outcome, other: Outcome) -> list[str]:
    """What differs between two outcomes, the engine's name apart."""
    names = ["status", "finish_ns", "finish_order", "message_count", "diagnosis"]
    found = [name for name in names if getattr(one, name) != getattr(other, name)]
    found += ["statistics"] * (str(one.statistics) != str(other.statistics))  # as text, for nan is not itself
    found += ["link names"] * (one.links.name != other.links.name)
    for name in ("bytes_carried", "busy_ns", "queueing_ns", "messages"):
        found += [name] * (not np.array_equal(getattr(one.links, name), getattr(other.links, name)))
    if one.spans is None or other.spans is None:
        raise ValueError("spans have to be recorded")
    for name in ("rank", "node_id", "ready_ns", "start_ns", "end_ns"):
        found += [name] * (not np.array_equal(getattr(one.spans, name), getattr(other.spans, name)))
    return found


def tied_step(source: random.Random, ranks: int) -> list[RankTrace]:
    """Computations, messages and collectives of a few ns, so that nearly everything happens in one tick with others."""
    groups = {1: range(ranks // 2), 2: range(ranks // 2, ranks)}
    traces: list[list[dict[str, Any]]] = [[] for _ in range(ranks)]
    last: list[int | None] = [None] * ranks

    def add(rank: int, node_type: str, attributes: dict[str, Any], *, chained: bool) -> None:
        node_id = len(traces[rank])
        deps = [last[rank]] if chained and last[rank] is not None else []
        if node_id and not deps and source.random() < 0.5:
            deps = [source.randrange(node_id)]
        traces[rank].append({"id": node_id, "type": node_type, "ctrl_deps": deps, "attr": attributes})
        if chained:
            last[rank] = node_id

    for tag in range(12):
        what = source.random()
        size_bytes = source.choice([16, 64, 64, 256])
        if what < 0.4:
            ops = source.randint(1, 6)
            for rank in range(ranks):
                add(rank, "COMP_NODE", {"num_ops": ops * 1000, "tensor_size": 1}, chained=False)
        elif what < 0.6:
            for rank in range(0, ranks - 1, 2):
                sent = {"comm_src": rank, "comm_dst": rank + 1, "comm_size": size_bytes, "comm_tag": tag}
                add(rank, "COMM_SEND_NODE", sent, chained=True)
                add(rank + 1, "COMM_RECV_NODE", sent, chained=False)
        else:
            kind = source.choice(["ALL_REDUCE", "ALL_GATHER", "REDUCE_SCATTER", "ALL_TO_ALL"])
            grouped = source.random() < 0.6
            for group, members in groups.items():
                for rank in members:
                    attributes = {"comm_type": kind, "comm_size": size_bytes * ranks}
                    add(rank, "COMM_COLL_NODE", attributes | ({"pg_name": str(group)} if grouped else {}), chained=True)
    for rank, nodes in enumerate(traces):
        if not nodes:
            add(rank, "COMP_NODE", {"num_ops": 1000, "tensor_size": 1}, chained=False)
    return [RankTrace.from_nodes(nodes) for nodes in traces]


def tied(source: random.Random) -> Inputs:
    """A step of ties on a network of whole small numbers."""
    ranks = source.choice([4, 6, 8])
    network = NetworkConfig.from_mapping(
        {
            "topology": [source.choice(["Ring", "FullyConnected", "Switch"])],
            "npus_count": [ranks],
            "bandwidth": [source.choice([14.901161193847656, 7.450580596923828])],  # 16 and 8 bytes/ns
            "latency": [source.choice([0, 1, 2, 4])],
        },
        congestion_aware=source.random() < 0.8,
    )
    names = [source.choice(["ring", "direct", "direct2"])]
    system = SystemConfig.from_mapping(
        {f"{kind}-implementation": names for kind in ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")}
        | {
            "endpoint-delay": source.choice([1, 2, 4]),
            "active-chunks-per-dimension": source.choice([1, 2, 4]),
            "preferred-dataset-splits": source.choice([1, 2, 4]),
            "local-mem-bw": source.choice([1e9, 64]),
            "roofline-enabled": 1,
            "peak-perf": 1,
        }
    )
    groups = {1: tuple(range(ranks // 2)), 2: tuple(range(ranks // 2, ranks))}
    return {"traces": tied_step(source, ranks), "network": network, "system": system, "groups": groups}


def case(kind: str, source: random.Random) -> Inputs | None:
    """The inputs of a case; None where they are refused."""
    if kind == TIED:
        return tied(source)
    try:
        given = case_inputs(engine_cases.case(kind, source))
    except FaultsError:
        return None
    parts = {"traces": given.traces, "network": given.network, "system": given.system}
    return {**parts, "groups": given.groups, "memory": given.memory}


def run(inputs: int, seed: int) -> dict[str, int]:
    """Compare cases; how many were compared, refused, or left to Python.

    Raises:
        AssertionError: Two answers differ.
    """
    kinds = [*KINDS, *[TIED] * len(KINDS)]
    counts: collections.Counter[str] = collections.Counter()
    for number in range(inputs):
        kind = kinds[number % len(kinds)]
        name = f"{kind}-{seed}-{number}"
        given = case(kind, random.Random(name))
        if given is None:
            counts["refused"] += 1
            continue
        compiled = simulate(**given)
        if compiled.engine != "kernel":
            counts["left to Python"] += 1
            continue
        found = differences(compiled, simulate(**given, exactness="plain", engine="python"))
        if found:
            raise AssertionError(f"{name}: {', '.join(found)}")
        counts["compared"] += 1
    return dict(counts)


def main() -> int:
    """Print how many cases came out how."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sys.stdout.write(f"{run(options.inputs, options.seed)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
