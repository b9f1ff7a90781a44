"""ASTRA-sim's answers: its backend and its network timing, through the registry, and its tables."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    PS_PER_NS,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Inputs,
    Mesh,
    Message,
    NetworkTiming,
    Registry,
    SimulationRequest,
    System,
    Topology,
    VersimError,
    load_registry,
    pin,
    structure_options,
)
from versim_deepflow.hardware import Derived

from versim_proof.astrasim.cases import verify_case
from versim_proof.deepflow.conversion import (
    ALGORITHMS,
    Case,
    Converted,
    lone_message,
    network_file,
    simulated_topology,
    system_file,
)

ASTRASIM = "astrasim"
_LINK_DECIMALS = 6
"""Digits of a bandwidth in the network files that DeepFlow writes."""

REFUSED, ABORTED, UNFINISHED, COMPLETED = "refused", "aborted", "unfinished", "completed"
_ENDINGS: tuple[tuple[str, Case], ...] = (
    (REFUSED, {"error": "exit status 255"}),
    (ABORTED, {"error": "killed by signal 6"}),
    (UNFINISHED, {"error": "all ranks unfinished", "unfinished_ranks": "all"}),
)


@attrs.frozen
class Engine:
    """ASTRA-sim's components.

    Attributes:
        registry: Where they are found.
    """

    registry: Registry

    @staticmethod
    @functools.cache
    def installed() -> Engine:
        """The one among the installed plugins, which are looked for once."""
        return Engine(load_registry())

    def network(self, hardware: Derived, topology: Topology) -> NetworkTiming:
        """Times isolated communication as DeepFlow's hybrid mode has it timed, on a node of some topology."""
        return _Hybrid(self, hardware, topology)

    def refuse_instant(self, size_bytes: int, hardware: Derived, topology: Topology) -> None:
        """Refuses a lone message that takes no time, for which DeepFlow's hybrid mode gets no answer.

        Raises:
            VersimError: The simulator does not complete.
        """
        message = lone_message(size_bytes)
        ranks = len(message.ranks)
        ending = self.ending(message, network_file(hardware, topology, ranks), system_file(topology, ranks))
        if ending != COMPLETED:
            raise VersimError(f"ASTRA-sim ends {ending} on a lone message of {size_bytes} bytes")

    def finishes_ns(self, pinned: Inputs, system: System, node_order: str) -> list[int] | None:
        """When each rank finishes, in ns, with whole microseconds of compute; None if the step does not complete."""
        backend = self.registry.backend(ASTRASIM)
        options = {"compute_encoding": "micros", "node_order": node_order, "link_decimals": _LINK_DECIMALS}
        chosen = structure_options(backend, options, "$.astrasim")
        prediction = backend.simulate(SimulationRequest(inputs=pinned.on(system), options=chosen))
        if not prediction.completed:
            return None
        spans = prediction.spans
        finish = np.zeros(pinned.graph.mesh.world_size, dtype=np.int64)
        np.maximum.at(finish, spans.rank, spans.end_ps)
        return [int(end) // PS_PER_NS for end in finish[prediction.representative]]

    def matches(self, case: Case) -> bool:
        """Whether a case of that simulator's tables comes out as it expects."""
        return verify_case(case).matched

    def ending(self, traces: Converted, network: Case, system: Case) -> str:
        """How that simulator ends on some traces: refused, aborted, unfinished or completed."""
        for ending, expected in _ENDINGS:
            if self.matches(traces.case(ending, network, system, expected)):
                return ending
        return COMPLETED


@attrs.frozen
class _Hybrid:
    """Communication alone on its node, each collective by the algorithm that DeepFlow asks for on so many ranks."""

    engine: Engine
    hardware: Derived
    topology: Topology

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message; shape (messages,).

        Raises:
            VersimError: What DeepFlow gets no time for: there is no link, or an algorithm does not end.
        """
        times = np.zeros(len(messages))
        for ranks in {message.participants for message in messages}:
            rows = [row for row, message in enumerate(messages) if message.participants == ranks]
            times[rows] = self._on(ranks).times_s([messages[row] for row in rows], system)
        return times

    def _on(self, ranks: int) -> NetworkTiming:
        network_file(self.hardware, self.topology, ranks)
        model = self.engine.registry.timing(ASTRASIM)
        algorithm = ALGORITHMS[simulated_topology(self.topology, ranks)]
        options: dict[str, Any] = dict.fromkeys(("all_reduce", "all_gather", "reduce_scatter", "all_to_all"), algorithm)
        timing = model.network(structure_options(model, {**options, "link_decimals": _LINK_DECIMALS}, "$.astrasim"))
        if timing is None:
            raise VersimError(f"the timing model {ASTRASIM} times no communication")
        return timing


def graph_of(traces: Converted) -> ExecutionGraph:
    """Traces as a graph with a row per node, in order of ids.

    Collectives of the same name and process group are parts of one. Those without a group are of all ranks, and
    ASTRA-sim joins them by their place on each: a split over fewer ranks than there are names them apart.
    """
    world = len(traces.ranks)
    builder = GraphBuilder(Mesh.of(rank=world))
    kinds = {0: "all_reduce", 2: "all_gather", 7: "reduce_scatter"}
    first = 0
    for rank, nodes in enumerate(traces.ranks):
        row_of = {node["id"]: first + number for number, node in enumerate(nodes)}
        places = itertools.count()
        first += len(nodes)
        for node in nodes:
            attributes, on = node["attr"], {"rank": rank}
            after = [row_of[on_] for on_ in node["ctrl_deps"]]
            if node["type"] == "COMP_NODE":
                duration_s = node.get("duration_micros", 0) / 1e6
                builder.compute(node["name"], [(Fixed(duration_s), 1)], on=on, after=after)
            elif node["type"] == "COMM_COLL_NODE":
                group = traces.groups.get(attributes.get("pg_name", ""), range(world))
                kind = kinds[attributes["comm_type"]]
                size = attributes["comm_size"] * (len(group) if kind == "all_gather" else 1)
                named = "pg_name" in attributes
                match = (node["name"].rsplit("_dp", 1)[0] if named else next(places), tuple(group))
                builder.collective(node["name"], kind, size, ranks=tuple(group), match=match, on=on, after=after)
            else:
                sends = node["type"] == "COMM_SEND_NODE"
                ends = (rank, attributes["comm_dst"]) if sends else (attributes["comm_src"], rank)
                end = builder.send if sends else builder.recv
                end(
                    node["name"],
                    attributes["comm_size"],
                    match=(*ends, attributes["comm_tag"]),
                    on=on,
                    after=after,
                    tag=attributes["comm_tag"],
                )
    return builder.build("recorded traces")


def pinned_traces(traces: Converted, system: System) -> Inputs:
    """Traces with their own durations."""
    return pin(graph_of(traces), system, label="recorded traces")
