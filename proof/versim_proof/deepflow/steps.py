"""The table of whole training steps: operators, nodes, messages, totals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    NO_TIME,
    NONE,
    ExecutionGraph,
    GraphBuilder,
    Instances,
    Mesh,
    NetworkTiming,
    Op,
    Schedule,
    System,
    pin,
)
from versim_deepflow.backend import Roots, durations_s, schedule
from versim_deepflow.corrections import Corrections
from versim_deepflow.hardware import axis_bandwidths, derive
from versim_deepflow.model import TransformerModel, read_deepflow_model
from versim_deepflow.operators import layer_operators, merged
from versim_deepflow.options import LlmOptions, described_step
from versim_deepflow.parallelism import TensorScheme
from versim_deepflow.pipeline_graph import AllReduce, pipeline_graph, pipeline_mesh
from versim_deepflow.product_nodes import LocalOps
from versim_deepflow.step import Step
from versim_deepflow.timing import DeepFlowComputeTiming, DeepFlowNetworkTiming
from versim_deepflow.transformer_graph import transformer_graph, transformer_mesh

from versim_proof.deepflow.components import check_product, shard
from versim_proof.deepflow.figures import STEP_TOLERANCE, Clock, Figures, UnknownTableError, case_hardware
from versim_proof.deepflow.graphs import (
    PRODUCT_NAMES,
    of_pipeline,
    of_recorded_pipeline,
    of_recorded_transformer,
    of_transformer,
)
from versim_proof.deepflow.structure import paired

Case = Mapping[str, Any]

_COUNTED = 2**62
"""What a schedule can count. Its unit is as small as a step allows, since totals are compared on unrounded seconds."""

_AS_SHIPPED = "every layer"
"""When DeepFlow reduces gradients unless its source is changed."""

_NODES = {
    "transformer_f": "transformer forward",
    "transformer_b": "transformer backward",
    "embedding_f": "embedding forward",
    "embedding_b": "embedding backward",
    "linear_softmax_f": "vocabulary forward",
    "linear_softmax_b": "vocabulary backward",
}
_REDUCTIONS = {"transformer": "transformer", "embedding": "embedding", "softmax": "vocabulary"}


def check_step(case: Case, figures: Figures) -> None:
    """Holds a training step against the program's: operators, nodes, messages, both graphs, totals."""
    step, all_reduce = step_of_case(case)
    output = case["output"]
    figures.same("effective batch", step.batch, output["effective_batch"])
    graph = pipeline_graph(step, all_reduce)
    _check_operators(step, output, figures)
    if takes_for_ever(output["total_time"]):
        figures.refused(lambda: step.system(pipeline_mesh(step)), "the program's step takes for ever")
        return
    ran = run_alone(graph, step.system(pipeline_mesh(step)), DeepFlowNetworkTiming(Corrections()))
    check_node_latency(graph, ran, output["node_latency"], figures)
    names = np.array([graph.node_name(row) for row in range(graph.node_count)])
    _check_messages(step, graph, names, ran.compute_s, output["pipeline"]["comm_metadata"], figures)
    figures.same("every node ran", ran.schedule.completed, not output["pipeline"]["graph"]["never_finished"])
    figures.near("total", ran.total_s, output["total_time"], STEP_TOLERANCE)
    _check_pipeline_graph(graph, ran, output["pipeline"]["graph"], figures)
    _check_transformer(step, output["transformer"], figures)


def takes_for_ever(seconds: object) -> bool:
    """Whether a measured total has no end, as where a parallelism has no link; here, that is refused."""
    return seconds == "inf"


@attrs.frozen(eq=False)
class Run:
    """A graph run by itself, on unrounded seconds.

    Attributes:
        compute_s: Seconds of each node; 0 for communication.
        communication_s: Seconds of each communication.
        instances: The graph as it was run.
        schedule: When everything ran, in a unit of its own.
        units_per_s: How many of these a second has.
    """

    compute_s: NDArray[np.float64]
    communication_s: NDArray[np.float64]
    instances: Instances
    schedule: Schedule
    units_per_s: float

    @property
    def total_s(self) -> float:
        """The last end."""
        return self.schedule.makespan_ps / self.units_per_s

    def seconds(self, graph: ExecutionGraph, row: int) -> float:
        """How long a node or the communication it is a part of takes."""
        match = int(graph.match[row])
        return float(self.compute_s[row] if match == NONE else self.communication_s[match])

    def end_s(self, row: int) -> float:
        """When a node ended; -1 if it never ran, as in DeepFlow's records."""
        end = int(self.schedule.end_ps[self.instances.first[row]])
        return -1.0 if end == NO_TIME else end / self.units_per_s


def run_alone(graph: ExecutionGraph, system: System, network: NetworkTiming) -> Run:
    """Runs a graph as the backend does with ``roots: first``, without rounding to nanoseconds.

    Args:
        graph: The graph.
        system: Its device and links.
        network: Times messages and what is folded into nodes.
    """
    compute_s = pin(graph, system, DeepFlowComputeTiming(Corrections()), network).compute_s
    communication_s = durations_s(graph, system, network)
    one_after_another_s = float(compute_s.sum() + communication_s.sum()) * graph.mesh.world_size
    units_per_s = 2.0 ** math.floor(math.log2(_COUNTED / one_after_another_s)) if one_after_another_s else 1.0
    instances, ran = schedule(
        graph,
        np.rint(compute_s * units_per_s).astype(np.int64),
        np.rint(communication_s * units_per_s).astype(np.int64),
        roots=Roots.FIRST,
    )
    return Run(compute_s, communication_s, instances, ran, units_per_s)


def check_node_latency(graph: ExecutionGraph, ran: Run, measured: Case, figures: Figures) -> None:
    """Holds the nodes of a pipeline graph against the program's seconds per kind of node."""
    names = np.array([graph.node_name(row) for row in range(graph.node_count)])
    for key, name in _NODES.items():
        figures.near(key, float(ran.compute_s[names == name][0]), measured[key])


def _check_pipeline_graph(graph: ExecutionGraph, ran: Run, measured: Case, figures: Figures) -> None:
    """Holds nodes, messages, dependencies, placement, durations and finishes against the program's."""
    ours = of_pipeline(graph)
    if "nodes" not in measured:
        # A large graph is recorded as counts only.
        figures.same("nodes", int((graph.op == Op.COMPUTE).sum()), measured["counts"]["Node"])
        kinds = (label[0] for label in ours.graph.labels if isinstance(label, tuple))
        counted = Counter(kind for kind in kinds if kind in measured["comm_edges"])
        figures.same("messages", dict(counted), measured["comm_edges"])
        return
    theirs = of_recorded_pipeline(measured["nodes"])
    pairs, difference = paired(ours.graph, theirs.graph)
    figures.same("pipeline graph", difference, "")
    for mine, other in pairs:
        row, node = ours.source[mine], measured["nodes"][theirs.source[other]]
        if not node.get("unreachable") or node["kind"] == "Node":
            figures.near(f"{node['name']} {node['i']}", ran.seconds(graph, row), node["duration"])
        figures.near(f"end of {node['name']} {node['i']}", ran.end_s(row), node["finish_time"], STEP_TOLERANCE)


def step_of_case(case: Case) -> tuple[Step, AllReduce]:
    """The training step that a case's input describes, and when it reduces gradients."""
    given = case["input"]
    if "options" in given:
        options = LlmOptions(**given["options"])
        return described_step(options), options.all_reduce
    hardware = case_hardware(given["hardware"], case["id"])
    model = read_deepflow_model(given["model"], case["id"])
    if not isinstance(model, TransformerModel) or hardware.cluster is None or hardware.parallelism is None:
        raise UnknownTableError(f"case {case['id']} is not a training step")
    hardware.parallelism.check(batch_size=model.batch_size, layers=model.layers, world_size=hardware.cluster.world_size)
    step = Step(
        model=model,
        parallelism=hardware.parallelism,
        element_bytes=hardware.spec.element_bytes,
        corrections=Corrections(),
        hardware=derive(hardware.spec),
        cluster=hardware.cluster,
    )
    return step, AllReduce(case.get("all_reduce", _AS_SHIPPED).replace(" ", "_"))


def _clock(step: Step) -> Clock:
    links = axis_bandwidths(step.hardware, step.cluster)
    return Clock(step.hardware.device, {**links, "tp": links["tp1"]})


def _check_operators(step: Step, output: Case, figures: Figures) -> None:
    clock = _clock(step)
    ours = [
        (operator.name, clock.seconds(work))
        for operator in layer_operators(step.model, step.batch, step.operators)
        for work in (operator.forward, operator.backward)
    ]
    for (name, seconds), (_, measured) in zip(ours, output["op_times"], strict=True):
        figures.near(name, seconds, measured)


def _check_messages(
    step: Step, graph: ExecutionGraph, names: Any, compute_s: Any, measured: Case, figures: Figures
) -> None:
    between_stages = {
        int(size) for size in graph.size_bytes[graph.match[np.isin(names, ["activation send", "gradient send"])]]
    }
    expected = {measured["cross_layer"]["size"]} if step.parallelism.pp > 1 else set()
    figures.same("bytes between stages", between_stages, expected)
    if step.parallelism.dp == 1:
        return
    for key, part in _REDUCTIONS.items():
        rows = names == f"all-reduce {part} gradients"
        figures.same(f"{part} gradient bytes", {*graph.size_bytes[graph.match[rows]].tolist()}, {measured[key]["size"]})
    for seconds in np.unique(compute_s[names == "gradient application"]).tolist():
        figures.near("gradient application", seconds, measured["transformer"]["local_comp_time"])


def _check_transformer(step: Step, measured: Case, figures: Figures) -> None:
    clock, operators = _clock(step), step.operators
    products = {**step.model.products(step.batch), "vocabulary": step.model.vocabulary_product(step.batch)}
    for row in measured["gemms"]:
        name = PRODUCT_NAMES.get(row["name"], "vocabulary")
        shape = products[name]
        figures.same(f"{name} shape", shape, (row["m"], row["k"], row["n"]))
        check_product(operators.forward(shape), clock, row["fwd_gemm"], row["fwd_reduction"], figures)
        check_product(operators.backward(shape), clock, row["bwd_gemm"], row["bwd_reduction"], figures)
    metadata = measured["comm_metadata"]
    graph = transformer_graph(step)
    collectives = _collectives(graph)
    for entry in measured["comp_times"]["transformer"]["gemms"]:
        for phase in ("forward", "backward"):
            name = f"{PRODUCT_NAMES[entry['name']]} {phase}"
            listed = [metadata[key] for key in entry[phase]["comm_keys"]]
            expected = [(item["type"], item["size"], item["participants"]) for item in listed]
            figures.same(f"{name} collectives", collectives.get(name, []), expected)
    _check_transformer_graph(step, measured["graph"], figures)
    system = step.system(transformer_mesh(step))
    printed = products_s(step, system, DeepFlowNetworkTiming(Corrections()))
    figures.near("transformer total", printed, measured["analytical_time"], STEP_TOLERANCE)
    if step.parallelism.tensor is not TensorScheme.ROW_COLUMN:
        # The graph of a row-column split takes longer than the program's sum, which halves two of its gathers.
        ran = run_alone(graph, system, DeepFlowNetworkTiming(Corrections()))
        figures.near("transformer graph", ran.total_s, measured["analytical_time"], STEP_TOLERANCE)


def products_s(step: Step, system: System, network: NetworkTiming) -> float:
    """What DeepFlow prints of the transformer graph: the sum over its products, collectives included.

    Args:
        step: The step.
        system: The device, and links for the axes of the transformer graph.
        network: Times the collectives.
    """
    operators, shapes = step.operators, step.model.products(step.batch)
    work = merged(
        *(direction(shape).work for shape in shapes.values() for direction in (operators.forward, operators.backward))
    )
    builder = GraphBuilder(Mesh.of(rank=1))
    builder.compute("products", work)
    return float(pin(builder.build(), system, DeepFlowComputeTiming(Corrections()), network).compute_s[0])


def _collectives(graph: ExecutionGraph) -> dict[str, list[tuple[str, int, int]]]:
    """Kind, size as DeepFlow states it, and ranks of the collectives of each product and phase."""
    collectives: dict[str, list[tuple[str, int, int]]] = {}
    for row in np.flatnonzero(graph.op == Op.COLLECTIVE).tolist():
        part = graph.communication(int(graph.match[row]))
        ranks = len(part.groups[0])
        stated = (part.kind.value, shard(part.kind, part.size_bytes, ranks), ranks)
        collectives.setdefault(graph.node_name(row).rsplit(" ", 1)[0], []).append(stated)
    return collectives


def _check_transformer_graph(step: Step, measured: Case, figures: Figures) -> None:
    """Holds products, collectives, dependencies and durations of every rank against the program's."""
    if "nodes" not in measured:
        return
    graph = transformer_graph(step, local_ops=LocalOps.AS_RECORDED)
    system = step.system(transformer_mesh(step))
    compute_s = pin(graph, system, DeepFlowComputeTiming(Corrections())).compute_s
    ours, by_rank = of_transformer(graph), of_recorded_transformer(measured["nodes"])
    figures.same("ranks of the transformer graph", sorted(by_rank), list(range(step.parallelism.tensor_degree)))
    for rank, theirs in by_rank.items():
        pairs, difference = paired(ours.graph, theirs.graph)
        figures.same(f"transformer graph of rank {rank}", difference, "")
        for mine, other in pairs:
            row, node = ours.source[mine], measured["nodes"][theirs.source[other]]
            if node["kind"] == "Node":
                figures.near(node["name"], float(compute_s[row]), node["duration"])
                figures.same(f"rank of {node['name']}", rank, node["hw_id"])
