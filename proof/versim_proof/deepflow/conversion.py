"""A pinned graph as the traces that DeepFlow's converter would hand to ASTRA-sim, in the form of that engine's tables.

Durations are whole microseconds. Ids are one of the numberings that the converter may arrive at: it walks Python sets,
so that compute and collectives come in any order that their dependencies allow, messages last. Its faults are part of
it, because its failures follow from them:

- a dependency between stages that carries no data becomes a message of size zero, with which ASTRA-sim aborts; it waits
  for the layer before it, even where it should wait for that layer's all-reduce;
- a stage without layers has no rank, yet every other one has a process group, whether it reduces anything or not;
- a collective that directly follows another one loses that dependency and is left out where nothing waits for it, so
  that each rank may start it at another time, and ASTRA-sim, which joins collectives in order of issue, stops;
- collectives of a part of the ranks are written without a process group in the transformer graph;
- what is not reachable from the first node ends the conversion with a ``KeyError``.

Measured: golden/deepflow/et_examples, comparison, bundled.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from versim import (
    GIB,
    NONE,
    NS_PER_S,
    ExecutionGraph,
    FaultsError,
    Instances,
    Kind,
    Op,
    RankClasses,
    Topology,
    instances_of,
    shard_bytes,
)
from versim_deepflow.backend import Roots, schedule
from versim_deepflow.hardware import Derived
from versim_deepflow.pipeline_graph import signals_of

from versim_proof.deepflow.structure import LabelledGraph

TraceNode = dict[str, Any]
Case = dict[str, Any]

_MICROS_PER_S = 1e6
_COMM_TYPES = {Kind.ALL_REDUCE: 0, Kind.ALL_GATHER: 2, Kind.REDUCE_SCATTER: 7}
"""Numbers of the Chakra schema."""

_COLLECTIVE_NAMES = {0: "ALL_REDUCE", 2: "ALL_GATHER", 7: "REDUCE_SCATTER"}
_TOPOLOGY_NAMES = {
    Topology.RING: "Ring",
    Topology.FULLY_CONNECTED: "FullyConnected",
    Topology.SWITCH: "Switch",
}
ALGORITHMS = {
    Topology.RING: "ring",
    Topology.FULLY_CONNECTED: "direct",
    Topology.SWITCH: "halvingDoubling",
}
"""What the converter asks ASTRA-sim for on each topology, for every collective."""

_SYSTEM = {
    "scheduling-policy": "LIFO",
    "endpoint-delay": 10,
    "active-chunks-per-dimension": 1,
    "preferred-dataset-splits": 1,
    "collective-optimization": "localBWAware",
    "local-mem-bw": 1600,
    "boost-mode": 0,
    "roofline-enabled": 0,
    "peak-perf": 900,
}
_COLLECTIVES = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")


def simulated_topology(topology: Topology, ranks: int) -> Topology:
    """What the converter makes of a topology: a ring of two or fewer is fully connected."""
    return Topology.FULLY_CONNECTED if topology is Topology.RING and ranks <= 2 else topology


def network_file(hardware: Derived, topology: Topology, ranks: int) -> Case:
    """The network file: always the link within a node, without derates; GiB per second and nanoseconds.

    Raises:
        FaultsError: There is no such link, or it has no latency.
    """
    link = hardware.intra_node
    faults = [
        f"$.intra_node.{figure}: is 0, which the network file cannot say"
        for figure in ("bandwidth_bytes_per_s", "latency_s")
        if getattr(link, figure) <= 0
    ]
    if faults:
        raise FaultsError(f"hardware {hardware.device.name}", faults)
    return {
        "topology": [_TOPOLOGY_NAMES[simulated_topology(topology, ranks)]],
        "npus_count": [ranks],
        "bandwidth": [round(link.bandwidth_bytes_per_s / GIB, 6)],
        "latency": [round(link.latency_s * NS_PER_S, 3)],
    }


def system_file(topology: Topology, ranks: int) -> Case:
    """The system file."""
    algorithm = ALGORITHMS[simulated_topology(topology, ranks)]
    return {**_SYSTEM, **{f"{collective}-implementation": [algorithm] for collective in _COLLECTIVES}}


@attrs.frozen(eq=False)
class Converted:
    """Traces, one list of nodes per rank, and process groups.

    Attributes:
        ranks: Nodes of each rank, in order of their ids from 0.
        groups: Ranks of each process group by its number.
    """

    ranks: Sequence[Sequence[TraceNode]]
    groups: Mapping[str, Sequence[int]]

    def case(self, name: str, network: Case, system: Case, expected: Case) -> Case:
        """A case of ASTRA-sim's tables."""
        nodes = [
            [{key: value for key, value in node.items() if not key.startswith("_")} for node in rank]
            for rank in self.ranks
        ]
        return {
            "name": name,
            "simulator": "congestion_aware",
            "network": network,
            "system": system,
            "comm_groups": dict(self.groups) or None,
            "workload": {"form": "explicit", "ranks": nodes},
            "expected": expected,
        }

    def counts(self) -> list[Case]:
        """What comparison tables list of each rank."""
        return [_counts(rank) for rank in self.ranks]


def _counts(rank: Sequence[TraceNode]) -> Case:
    kinds = Counter(
        f"{node['type']}:{_COLLECTIVE_NAMES[node['attr']['comm_type']]}"
        if node["type"] == "COMM_COLL_NODE"
        else node["type"]
        for node in rank
    )
    messages = [node for node in rank if node["type"] in ("COMM_SEND_NODE", "COMM_RECV_NODE")]
    return {
        "nodes": len(rank),
        "by_type": dict(kinds),
        "compute_micros": sum(node.get("duration_micros", 0) for node in rank),
        "zero_size_p2p": sum(node["attr"]["comm_size"] == 0 for node in messages),
        "deps": sum(len(node["ctrl_deps"]) for node in rank),
    }


def converted(graph: ExecutionGraph, compute_s: Sequence[float], *, replicas: int = 1, copies: int = 1) -> Converted:
    """The traces of a graph.

    Args:
        graph: A pipeline graph, or a transformer graph without local work.
        compute_s: Seconds of each node.
        replicas: Of a pipeline graph, its replicas; several get a process group per stage.
        copies: How often all ranks are written: those along a second dimension that a column-row split does not use.

    Raises:
        FaultsError: Part of the graph is not reachable from its first node.
    """
    instances, ran = schedule(
        graph, np.zeros(graph.node_count, np.int64), np.zeros(graph.communication_count, np.int64), roots=Roots.FIRST
    )
    if not ran.completed:
        first = int(np.flatnonzero(ran.end_ps < 0)[0])
        node = int(instances.node[first])
        fault = f"node {node} ({graph.node_name(node)!r}) is not reachable from the first node"
        raise FaultsError("conversion for ASTRA-sim", [fault])
    return _Converter(graph, compute_s, replicas).convert(copies)


class _Converter:
    def __init__(self, graph: ExecutionGraph, compute_s: Sequence[float], replicas: int) -> None:
        self._graph = graph
        self._compute_s = compute_s
        self._instances: Instances = instances_of(graph, RankClasses.single(graph.mesh))
        self._op = graph.op[self._instances.node]
        rank_of = self._instances.rank_class
        working = np.unique(rank_of[self._op == Op.COMPUTE]).tolist()
        self._rank = {rank: number for number, rank in enumerate(working)}
        stages = len(working) // replicas
        members = [range(stage, len(working), stages) for stage in range(stages)] if replicas > 1 else []
        self._groups = {tuple(ranks): str(number) for number, ranks in enumerate(members, start=1)}
        start, parts = self._instances.parts()
        self._met = [parts[begin:end].tolist() for begin, end in itertools.pairwise(start.tolist())]

    def convert(self, copies: int) -> Converted:
        instances = self._instances
        of_rank: list[list[int]] = [[] for _ in self._rank]
        for row, rank in enumerate(instances.rank_class.tolist()):
            of_rank[self._rank[rank]].append(row)
        loose = self._loose()
        needed = set(instances.dependency.tolist())
        traces = []
        for rank, rows in enumerate(of_rank):
            kept = [row for row in rows if row not in loose or row in needed]
            # Sets have no order: what waits for nothing may come first, and in another order on every other rank.
            free = [row for row in kept if row in loose][:: 1 if rank % 2 else -1]
            tasks = [row for row in kept if row not in loose and self._op[row] in (Op.COMPUTE, Op.COLLECTIVE)]
            messages = [row for row in kept if self._op[row] in (Op.SEND, Op.RECV)]
            order = [*free, *tasks, *messages]
            ids = {row: number for number, row in enumerate(order)}
            traces.append([self._node(row, ids, loose) for row in order])
        groups = {number: list(members) for members, number in self._groups.items()}
        return Converted(traces * copies, groups)

    def _loose(self) -> set[int]:
        """Collectives that directly follow another one."""
        starts, dependency = self._instances.dependency_start, self._instances.dependency
        return {
            row
            for row in np.flatnonzero(self._op == Op.COLLECTIVE).tolist()
            if any(self._op[on] == Op.COLLECTIVE for on in dependency[starts[row] : starts[row + 1]])
        }

    def _before(self, row: int) -> list[int]:
        starts = self._instances.dependency_start
        return [int(on) for on in self._instances.dependency[starts[row] : starts[row + 1]]]

    def _computed(self, row: int) -> list[int]:
        """The row itself, or what a collective waits for."""
        return self._before(row) if self._op[row] == Op.COLLECTIVE else [row]

    def _rank_of(self, row: int) -> int:
        return self._rank[int(self._instances.rank_class[row])]

    def _node(self, row: int, ids: Mapping[int, int], loose: set[int]) -> TraceNode:
        before: Iterable[int] = () if row in loose else self._before(row)
        if self._op[row] == Op.SEND:
            # Between stages, layers wait for layers: a reduction in between is skipped.
            before = [behind for on in before for behind in self._computed(on)]
        # What follows a loose collective also waits for what that one lost.
        reached = [*before, *(behind for on in before if on in loose for behind in self._before(on))]
        graph, node = self._graph, int(self._instances.node[row])
        made: TraceNode = {
            "id": ids[row],
            "name": f"{graph.node_name(node)} {node}",
            "ctrl_deps": sorted(ids[on] for on in reached),
        }
        if self._op[row] == Op.COMPUTE:
            duration = round(self._compute_s[node] * _MICROS_PER_S)
            return {**made, "type": "COMP_NODE", "duration_micros": duration, "attr": {"is_cpu_op": False}}
        match = int(graph.match[node])
        met = self._met[int(self._instances.meeting[row])]
        attributes: dict[str, Any] = {"is_cpu_op": False}
        if self._op[row] == Op.COLLECTIVE:
            members = tuple(sorted(map(self._rank_of, met)))
            kind = graph.kind_of(match)
            size = int(graph.size_bytes[match])
            attributes["comm_type"] = _COMM_TYPES[kind]
            attributes["comm_size"] = shard_bytes(kind, size, len(members)) if kind is Kind.ALL_GATHER else size
            if self._groups:
                attributes["pg_name"] = self._groups[members]
            return {**made, "type": "COMM_COLL_NODE", "attr": attributes}
        attributes["comm_size"] = 0 if signals_of(graph)[match] else int(graph.size_bytes[match])
        attributes["comm_tag"] = match
        (other,) = (self._rank_of(part) for part in met if part != row)
        sends = self._op[row] == Op.SEND
        attributes["comm_dst" if sends else "comm_src"] = other
        return {**made, "type": "COMM_SEND_NODE" if sends else "COMM_RECV_NODE", "attr": attributes}


def lone_message(size_bytes: int) -> Converted:
    """What the converter writes to have one message timed: it leaves at the very start."""

    def end(kind: str, key: str, other: int) -> TraceNode:
        attributes = {"is_cpu_op": False, "comm_size": size_bytes, "comm_tag": 0, key: other}
        return {"id": 0, "name": kind, "type": f"COMM_{kind}_NODE", "ctrl_deps": [], "attr": attributes}

    return Converted([[end("SEND", "comm_dst", 1)], [end("RECV", "comm_src", 0)]], {})


def recorded(traces: Sequence[Mapping[str, Any]], groups: Mapping[str, Sequence[int]] | None) -> Converted:
    """Traces as the tables record them."""
    ranks = [[_recorded_node(node) for node in trace["nodes"]] for trace in traces]
    return Converted(ranks, groups or {})


def _recorded_node(node: Mapping[str, Any]) -> TraceNode:
    made = {key: value for key, value in node.items() if key not in ("attrs", "data_deps")}
    return {**made, "attr": dict(node["attrs"]), "ctrl_deps": [*node["ctrl_deps"], *node["data_deps"]]}


def labelled(traces: Converted) -> LabelledGraph:
    """All ranks' traces as one graph: a receive waits for its send. Ids, tags and names take no part."""
    labels: list[Hashable] = []
    waits_for: list[list[int]] = []
    sends: dict[tuple[int, int, int], list[int]] = {}
    receives: list[tuple[int, tuple[int, int, int]]] = []
    for rank, nodes in enumerate(traces.ranks):
        place = {node["id"]: len(labels) + number for number, node in enumerate(nodes)}
        for node in nodes:
            here, attributes = place[node["id"]], node["attr"]
            waits_for.append([place[on] for on in node["ctrl_deps"]])
            labels.append((rank, node["type"], node.get("duration_micros", 0), *_attributes(attributes, traces.groups)))
            if node["type"] == "COMM_SEND_NODE":
                sends.setdefault((rank, attributes["comm_dst"], attributes["comm_tag"]), []).append(here)
            elif node["type"] == "COMM_RECV_NODE":
                receives.append((here, (attributes["comm_src"], rank, attributes["comm_tag"])))
    for here, key in receives:
        waiting = sends.get(key, [])
        if waiting:
            waits_for[here].append(waiting.pop(0))
    return LabelledGraph.of(labels, waits_for)


def _attributes(attributes: Mapping[str, Any], groups: Mapping[str, Sequence[int]]) -> tuple[Hashable, ...]:
    group = attributes.get("pg_name")
    return (
        attributes.get("comm_type", NONE),
        attributes.get("comm_size", NONE),
        attributes.get("comm_src", NONE),
        attributes.get("comm_dst", NONE),
        tuple(groups.get(group, ())) if group is not None else (),
    )
