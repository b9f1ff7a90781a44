"""The tables of steps that DeepFlow handed to ASTRA-sim, and of the traces it wrote for it.

Everything is computed from the input: DeepFlow's own totals with communication in closed form and timed by ASTRA-sim,
the traces, and what ASTRA-sim makes of them. Its totals depend on the numbering of trace nodes, which the original
leaves to chance: recorded traces are run as they are and match to the nanosecond; where only totals are recorded, some
numbering that the original may draw gives them, or ours are no farther from them than they are from one another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from versim import NS_PER_S, ExecutionGraph, Inputs, Kind, Mesh, NetworkTiming, System, pin
from versim_deepflow.corrections import Corrections
from versim_deepflow.pipeline_graph import pipeline_graph, pipeline_mesh, signals_of
from versim_deepflow.product_nodes import LocalOps
from versim_deepflow.timing import DeepFlowComputeTiming, DeepFlowNetworkTiming
from versim_deepflow.transformer_graph import transformer_graph, transformer_mesh

from versim_proof.deepflow.conversion import (
    Converted,
    converted,
    labelled,
    network_file,
    recorded,
    system_file,
)
from versim_proof.deepflow.engine import ABORTED, COMPLETED, REFUSED, UNFINISHED, Engine, pinned_traces
from versim_proof.deepflow.figures import STEP_TOLERANCE, Figures
from versim_proof.deepflow.network_text import parsed_network
from versim_proof.deepflow.numberings import numberings
from versim_proof.deepflow.steps import check_node_latency, products_s, run_alone, step_of_case, takes_for_ever
from versim_proof.deepflow.structure import paired

Case = Mapping[str, Any]

MODES = ("analytical", "hybrid")


@attrs.frozen(eq=False)
class Handed:
    """A graph that is handed to ASTRA-sim.

    Attributes:
        pinned: The graph with its compute times.
        system: The network file's network: the link within a node for everything, and a place for every rank that has
            a trace.
        traces: What DeepFlow's converter makes of it.
        network: The network file.
        settings: The system file.
    """

    pinned: Inputs
    system: System
    traces: Converted
    network: dict[str, Any]
    settings: dict[str, Any]

    def runnable(self) -> Inputs:
        """What ASTRA-sim is given: the graph, or its traces where these are of other ranks than the graph's."""
        if self.pinned.graph.mesh.world_size == len(self.traces.ranks):
            return self.pinned
        return pinned_traces(self.traces, self.system)

    @property
    def files(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Network and system file."""
        return self.network, self.settings


class Comparison:
    """One step as DeepFlow computes it and hands it to ASTRA-sim.

    Args:
        case: Only its input is looked at.
        engine: ASTRA-sim.
    """

    def __init__(self, case: Case, engine: Engine) -> None:
        self.step, all_reduce = step_of_case(case)
        self.engine = engine
        self.graphs: dict[str, tuple[ExecutionGraph, Mesh]] = {
            "pipeline": (pipeline_graph(self.step, all_reduce), pipeline_mesh(self.step)),
            "transformer": (
                transformer_graph(self.step, local_ops=LocalOps.AS_RECORDED),
                transformer_mesh(self.step),
            ),
        }

    def system(self, mode: str, mesh: Mesh) -> System:
        """The links of a mode: hybrid knows only the one within a node, whatever leaves it."""
        if mode == "analytical":
            return self.step.system(mesh)
        inside = attrs.evolve(
            self.step.cluster,
            intra_derate=1.0,
            dp_crosses_nodes=False,
            pp_crosses_nodes=False,
            tp1_crosses_nodes=False,
            tp2_crosses_nodes=False,
        )
        within = attrs.evolve(self.step, cluster=inside)
        return attrs.evolve(within.system(mesh), axis_links={})

    def network(self, mode: str) -> NetworkTiming:
        """Who times communication in a mode."""
        if mode == "analytical":
            return DeepFlowNetworkTiming(Corrections())
        return self.engine.network(self.step.hardware, self.step.cluster.topology)

    def handed(self, mode: str, name: str) -> Handed:
        """The pipeline or the transformer graph as it is handed over.

        Raises:
            VersimError: DeepFlow's converter fails on it, or a message takes no time.
        """
        graph, mesh = self.graphs[name]
        pinned = pin(graph, self.system(mode, mesh), DeepFlowComputeTiming(Corrections()), self.network(mode))
        if mode == "hybrid":
            carry = graph.is_kind(Kind.POINT_TO_POINT) & ~signals_of(graph)
            for size in np.unique(graph.size_bytes[carry]).tolist():
                self.engine.refuse_instant(size, self.step.hardware, self.step.cluster.topology)
        split = self.step.parallelism
        if name == "pipeline":
            traces = converted(graph, pinned.compute_s.tolist(), replicas=split.dp)
        else:
            traces = converted(graph, pinned.compute_s.tolist(), copies=split.tensor_degree // mesh.world_size)
        topology, ranks = self.step.cluster.topology, len(traces.ranks)
        system = self.system("hybrid", mesh)
        (ring,) = system.dimensions
        return Handed(
            pinned=pinned,
            system=attrs.evolve(system, dimensions=(attrs.evolve(ring, size=ranks),)),
            traces=traces,
            network=network_file(self.step.hardware, topology, ranks),
            settings=system_file(topology, ranks),
        )


def check_comparison(case: Case, figures: Figures, engine: Engine) -> None:
    """Holds both programs' answers about a step against ours."""
    if "error" in case:
        figures.refused(lambda: _everything(Comparison(case, engine)), f"the program fails: {case['error']}")
        return
    ours = Comparison(case, engine)
    graph, mesh = ours.graphs["pipeline"]
    modes = [mode for mode in MODES if not takes_for_ever(case["output"][mode]["deepflow_total"])]
    for mode in MODES:
        measured = case["output"][mode]
        if mode not in modes:
            figures.refused(lambda: ours.system("analytical", mesh), "the program's step takes for ever")
            continue
        ran = run_alone(graph, ours.system(mode, mesh), ours.network(mode))
        figures.near(f"{mode} total", ran.total_s, measured["deepflow_total"], STEP_TOLERANCE)
        printed = products_s(ours.step, ours.system(mode, ours.graphs["transformer"][1]), ours.network(mode))
        figures.near(f"{mode} transformer", printed, measured["deepflow_transformer_time"], STEP_TOLERANCE)
        check_node_latency(graph, ran, measured["node_latency"], figures)
    for name in ours.graphs:
        handed = {mode: ours.handed(mode, name) for mode in modes}
        spread_ns = _spread_ns(name, handed, case)
        for mode in modes:
            _check_simulated(f"{mode} {name}", handed[mode], case["output"][mode][name], spread_ns, figures, engine)
        if "ets" in case and "analytical" in handed:
            traces = recorded(case["ets"][name], case["output"]["analytical"][name]["astra"]["comm_groups"])
            _check_traces(name, handed["analytical"], traces, figures, engine)
            _check_recorded_run(name, handed["analytical"], traces, case["output"]["analytical"][name], figures, engine)


def _everything(ours: Comparison) -> None:
    """Computes what the program does, to see whether any of it is refused."""
    graph, mesh = ours.graphs["pipeline"]
    for mode in MODES:
        run_alone(graph, ours.system(mode, mesh), ours.network(mode))
        for name in ours.graphs:
            ours.handed(mode, name)


def _spread_ns(name: str, handed: Mapping[str, Handed], case: Case) -> int:
    """How far totals of the same traces are apart for their numbering alone."""
    totals = [_ns(total) for total in case["repeats"][f"{name}_totals"]]
    if all(each.traces.counts() == handed["hybrid"].traces.counts() for each in handed.values()):
        totals.append(_ns(case["output"]["hybrid"][name]["astra"]["total_seconds"]))
    return max(totals) - min(totals)


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def _measured_ending(astra: Case) -> str:
    if astra["return_code"] < 0:
        return ABORTED
    if astra["return_code"] > 0:
        return REFUSED
    return COMPLETED if astra["per_rank_seconds"] else UNFINISHED


def _check_simulated(
    name: str, handed: Handed, measured: Case, spread_ns: int, figures: Figures, engine: Engine
) -> None:
    """Holds the traces' counts, the files and ASTRA-sim's answer against what was recorded."""
    figures.same(f"{name} traces", handed.traces.counts(), measured["et"])
    (text,) = measured["files"]["network_yaml"].values()
    figures.same(f"{name} network file", handed.network, parsed_network(text))
    figures.same(f"{name} system file", handed.settings, measured["files"]["system_json"])
    groups = sorted(map(list, handed.traces.groups.values()))
    figures.same(f"{name} groups", groups, sorted((measured["astra"]["comm_groups"] or {}).values()))
    ending = engine.ending(handed.traces, *handed.files)
    figures.same(f"{name} ending", ending, _measured_ending(measured["astra"]))
    if ending != COMPLETED:
        return
    expected = sorted(map(_ns, measured["astra"]["per_rank_seconds"]))
    nearest: list[int] = []
    for numbered in numberings(handed.runnable()):
        finishes = sorted(engine.finishes_ns(numbered, handed.system, "creation") or [])
        if finishes == expected:
            return
        nearest = nearest or finishes
    if len(nearest) != len(expected):
        figures.faults.append(f"{name}: {len(nearest)} ranks finish instead of {len(expected)}")
        return
    for got, wanted in zip(nearest, expected, strict=True):
        if abs(got - wanted) > spread_ns:
            figures.faults.append(f"{name}: a rank finishes at {got} instead of {wanted} ± {spread_ns} ns")


def check_examples(case: Case, figures: Figures, engine: Engine) -> None:
    """Holds recorded traces against ours, node by node, and runs both."""
    ours = Comparison(case, engine)
    for name, ranks in case["output"].items():
        handed = ours.handed("analytical", name)
        groups = handed.traces.groups if name == "pipeline" else None
        _check_traces(name, handed, recorded(ranks, groups), figures, engine)


def _check_traces(name: str, handed: Handed, traces: Converted, figures: Figures, engine: Engine) -> None:
    """Holds nodes, microseconds, sizes, ranks and dependencies of recorded traces against ours, and how both end."""
    _, difference = paired(labelled(handed.traces), labelled(traces))
    figures.same(f"recorded {name} traces", difference, "")
    ours, theirs = (engine.ending(each, *handed.files) for each in (handed.traces, traces))
    figures.same(f"recorded {name} ending", theirs, ours)
    if (
        theirs == COMPLETED
        and engine.finishes_ns(pinned_traces(traces, handed.system), handed.system, "program") is None
    ):
        figures.faults.append(f"recorded {name} traces: not every rank finishes")


def _check_recorded_run(
    name: str, handed: Handed, traces: Converted, measured: Case, figures: Figures, engine: Engine
) -> None:
    """Runs recorded traces as they are: every rank finishes at the recorded nanosecond."""
    if _measured_ending(measured["astra"]) != COMPLETED:
        return
    expected = sorted(map(_ns, measured["astra"]["per_rank_seconds"]))
    finishes = engine.finishes_ns(pinned_traces(traces, handed.system), handed.system, "program")
    figures.same(f"recorded {name} traces: ns per rank", sorted(finishes) if finishes else None, expected)
