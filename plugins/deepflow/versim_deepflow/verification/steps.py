"""The table of whole training steps: operators, nodes, messages, totals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from versim import ExecutionGraph, Op, pin

from versim_deepflow.backend import Roots, durations_s, schedule
from versim_deepflow.corrections import Corrections
from versim_deepflow.hardware import axis_bandwidths, derive
from versim_deepflow.model import TransformerModel, read_deepflow_model
from versim_deepflow.operators import layer_operators
from versim_deepflow.options import LlmOptions, step_of
from versim_deepflow.pipeline_graph import AllReduce, pipeline_graph, pipeline_mesh
from versim_deepflow.step import Step
from versim_deepflow.timing import DeepFlowComputeTiming, DeepFlowNetworkTiming
from versim_deepflow.transformer_graph import transformer_graph, transformer_mesh
from versim_deepflow.verification.components import check_product, shard
from versim_deepflow.verification.figures import STEP_TOLERANCE, Clock, Figures, UnknownTableError, case_hardware

Case = Mapping[str, Any]

_FS_PER_S = 10**15
"""Totals are compared on unrounded seconds; femtoseconds leave room for a step of two hours."""

_NODES = {
    "transformer_f": "transformer forward",
    "transformer_b": "transformer backward",
    "embedding_f": "embedding forward",
    "embedding_b": "embedding backward",
    "linear_softmax_f": "vocabulary forward",
    "linear_softmax_b": "vocabulary backward",
}
_PRODUCTS = {
    "gemm_qkv_proj": "qkv_projection",
    "gemm_attn_score": "attention_score",
    "gemm_attn_output": "attention_output",
    "gemm_output_proj": "output_projection",
    "gemm_ffn1": "ffn1",
    "gemm_ffn2": "ffn2",
}
_REDUCTIONS = {"transformer": "transformer", "embedding": "embedding", "softmax": "vocabulary"}


def check_step(case: Case, figures: Figures) -> None:
    """Holds a training step against the program's: operators, nodes, messages, totals."""
    step, all_reduce = _step(case)
    output = case["output"]
    figures.same("effective batch", step.batch, output["effective_batch"])
    graph = pipeline_graph(step, all_reduce)
    system = step.system(pipeline_mesh(step))
    compute, network = DeepFlowComputeTiming(Corrections()), DeepFlowNetworkTiming(Corrections())
    compute_s = pin(graph, system, compute, network).compute_s
    names = np.array([graph.node_name(row) for row in range(graph.node_count)])
    for key, name in _NODES.items():
        figures.near(key, float(compute_s[names == name][0]), output["node_latency"][key])
    _check_operators(step, output, figures)
    _check_messages(step, graph, names, compute_s, output["pipeline"]["comm_metadata"], figures)
    left_over = bool(output["pipeline"]["graph"]["never_finished"])
    communication = np.rint(durations_s(graph, system, network) * _FS_PER_S).astype(np.int64)
    _, ran = schedule(
        graph,
        np.rint(compute_s * _FS_PER_S).astype(np.int64),
        communication,
        roots=Roots.FIRST if left_over else Roots.ALL,
    )
    figures.same("every node ran", ran.completed, not left_over)
    figures.near("total", ran.makespan_ps / _FS_PER_S, output["total_time"], STEP_TOLERANCE)
    _check_transformer(step, output["transformer"], figures)


def _step(case: Case) -> tuple[Step, AllReduce]:
    given = case["input"]
    if "options" in given:
        options = LlmOptions(**given["options"])
        return step_of(options), options.all_reduce
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
    return step, AllReduce(case["all_reduce"].replace(" ", "_"))


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
        name = _PRODUCTS.get(row["name"], "vocabulary")
        shape = products[name]
        figures.same(f"{name} shape", shape, (row["m"], row["k"], row["n"]))
        check_product(operators.forward(shape), clock, row["fwd_gemm"], row["fwd_reduction"], figures)
        check_product(operators.backward(shape), clock, row["bwd_gemm"], row["bwd_reduction"], figures)
    graph = transformer_graph(step)
    collectives: dict[str, list[tuple[str, int, int]]] = {}
    for row in np.flatnonzero(graph.op == Op.COLLECTIVE).tolist():
        part = graph.communication(int(graph.match[row]))
        ranks = len(part.groups[0])
        stated = (part.kind.value, shard(part.kind, part.size_bytes, ranks), ranks)
        collectives.setdefault(graph.node_name(row).rsplit(" ", 1)[0], []).append(stated)
    metadata = measured["comm_metadata"]
    for entry in measured["comp_times"]["transformer"]["gemms"]:
        for phase in ("forward", "backward"):
            name = f"{_PRODUCTS[entry['name']]} {phase}"
            listed = [metadata[key] for key in entry[phase]["comm_keys"]]
            expected = [(item["type"], item["size"], item["participants"]) for item in listed]
            figures.same(f"{name} collectives", collectives.get(name, []), expected)
    if step.parallelism.tp2 == 1 or "tp2" not in transformer_mesh(step).names:
        figures.near("transformer total", _transformer_s(step, graph), measured["analytical_time"], STEP_TOLERANCE)


def _transformer_s(step: Step, graph: ExecutionGraph) -> float:
    """Seconds of the transformer graph; a row-column split's differs from DeepFlow's sum, which halves gathers."""
    system = step.system(transformer_mesh(step))
    compute, network = DeepFlowComputeTiming(Corrections()), DeepFlowNetworkTiming(Corrections())
    compute_s = pin(graph, system, compute, network).compute_s
    communication = np.rint(durations_s(graph, system, network) * _FS_PER_S).astype(np.int64)
    _, ran = schedule(graph, np.rint(compute_s * _FS_PER_S).astype(np.int64), communication)
    return ran.makespan_ps / _FS_PER_S
