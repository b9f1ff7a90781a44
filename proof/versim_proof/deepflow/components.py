"""The tables of single functions: hardware, GEMM search, element-wise work, collectives, distributed GEMMs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
from versim import (
    Dimension,
    FaultsError,
    Kind,
    Link,
    Message,
    Pointwise,
    System,
    Topology,
    VersimError,
    Work,
    shard_bytes,
)
from versim_deepflow.collectives import LAUNCHED, IsolatedCollectives
from versim_deepflow.corrections import Corrections
from versim_deepflow.gemm import gemm_time
from versim_deepflow.hardware import axis_bandwidths, derive
from versim_deepflow.hardware.derive import Derived
from versim_deepflow.model import Shape, TransformerModel
from versim_deepflow.operators import Operators, Product
from versim_deepflow.parallelism import Parallelism, TensorScheme
from versim_deepflow.roofline import hierarchy_times_s
from versim_deepflow.tiles import tile_list

from versim_proof.deepflow.conversion import network_file
from versim_proof.deepflow.engine import Engine
from versim_proof.deepflow.figures import CaseHardware, Clock, Figures, case_hardware

Case = Mapping[str, Any]

ALONE = Parallelism(dp=1, pp=1, tensor=TensorScheme.NONE, tp1=1, tp2=1, microbatches=1)
_AXES = {"dp": "D", "pp": "L", "tp1": "K1", "tp2": "K2"}
"""Axis to the letters DeepFlow puts behind IB and LL, its interconnect bandwidth and link latency."""
TOPOLOGIES = {"ring": Topology.RING, "fc": Topology.FULLY_CONNECTED, "switch": Topology.SWITCH}
"""DeepFlow's names."""
_KINDS = {"pipeline": Kind.POINT_TO_POINT}


def check_hardware(case: Case, figures: Figures) -> None:
    """Holds the derived figures of a hardware file against the program's."""
    hardware = case_hardware(case["input"]["hardware"], case["id"])
    derived, output = derive(hardware.spec), case["output"]
    core = output["core"]
    figures.near("core throughput", derived.core.throughput_flop_per_s, core["throughput"])
    figures.near("core frequency", derived.core.frequency_hz, core["operating_freq"])
    figures.near("core voltage", derived.core.voltage_v, core["operating_voltage"])
    figures.same("bundles", derived.core.bundles, core["num_bundle"])
    figures.same("units", derived.core.units, core["num_mcu"])
    for number, (ours, measured) in enumerate(zip(derived.memory, output["memory"], strict=True)):
        name, level = f"memory {number}", ours.level
        figures.near(f"{name} throughput", level.throughput_bytes_per_s, measured["throughput"])
        figures.near(f"{name} peak", ours.peak_bytes_per_s, measured["dynamic_throughput"])
        figures.near(f"{name} latency", level.latency_s, measured["latency"])
        figures.near(f"{name} capacity", level.capacity_bytes, measured["size"])
        figures.near(f"{name} capacity per instance", level.capacity_per_instance_bytes, measured["size_per_bundle"])
        figures.near(f"{name} dynamic power", ours.dynamic_power_w, measured["dynamic_power"])
        tiles = tile_list(number, level.capacity_per_instance_bytes, hardware.spec.element_bytes)
        figures.same(f"{name} tiles", [list(tile) for tile in tiles], measured["tile_dims"])
    for subnetwork, key in ((derived.intra_node, "intra"), (derived.inter_node, "inter")):
        measured = output["network"][key]
        figures.near(f"{key} bandwidth", subnetwork.bandwidth_bytes_per_s, measured["throughput"])
        figures.near(f"{key} latency", subnetwork.latency_s, measured["latency"])
        figures.near(f"{key} frequency", subnetwork.frequency_hz, measured["operating_freq"])
        figures.same(f"{key} links", subnetwork.links, measured["num_links"])
    figures.near("kernel launch overhead", hardware.spec.kernel_launch_overhead_s, output["O"])
    _check_links(hardware, derived, output, figures)


def _check_links(hardware: CaseHardware, derived: Derived, output: Case, figures: Figures) -> None:
    measured = output.get("derated") or output.get("derated_with_dp_eq_workers")
    if hardware.cluster is None or measured is None:
        return
    figures.same("devices", hardware.cluster.world_size, output["num_workers"])
    links = axis_bandwidths(derived, hardware.cluster)
    for axis, letters in _AXES.items():
        figures.near(f"{axis} bandwidth", links[axis][0], measured[f"IB{letters}"])
        figures.near(f"{axis} latency", links[axis][1], measured[f"LL{letters}"])


def check_gemm(case: Case, hardware: CaseHardware, figures: Figures) -> None:
    """Holds a GEMM search against the program's: time, order, tiles, accesses."""
    device, given, output = hardware.device, case["input"], case["output"]
    best = gemm_time(given["m"], given["k"], given["n"], hardware.spec.element_bytes, device)
    figures.near("time", best.time_s + device.kernel_launch_overhead_s, output["time"])
    figures.same("order", best.order, output["order"])
    figures.same("tiles", [list(tile) for tile in best.tiles], [list(tile) for tile in output["tile"]])
    figures.near("flop", best.flop, output["flop"])
    for level, (ours, measured) in enumerate(zip(best.access_bytes, output["mem_accesses"], strict=True)):
        figures.same(f"bytes at level {level}", ours, float(measured))


def check_pointwise(case: Case, hardware: CaseHardware, figures: Figures) -> None:
    """Holds an element-wise function or a roofline against the program's."""
    given, output, function = case["input"], case["output"], case["function"]
    clock = Clock(hardware.device)
    operators = Operators(hardware.spec.element_bytes, ALONE, Corrections())
    if function == "roofline":
        figures.answered(lambda: _roofline_s(given, hardware, clock), output)
    elif function == "data_parallel":
        work = operators.layer_gradient_application(_layer(given))
        figures.near("local work", clock.seconds(work), output["local"]["total_local"])
    elif function == "getInterLayerCommLatency_LLM":
        figures.answered(lambda: _between_stages_s(given, hardware), output)
    else:
        if function.startswith("getEmbedding"):
            host = given["h2d_bandwidth"]
            clock = Clock(attrs.evolve(hardware.device, host_bandwidth_bytes_per_s=host if host > 0 else None))
        figures.answered(lambda: clock.seconds(_pointwise_work(function, given, operators)), output)


def _roofline_s(given: Case, hardware: CaseHardware, clock: Clock) -> float:
    """Seconds of a roofline on one byte count, or on one per level."""
    counts = given["bytes"]
    outermost = counts[-1] if isinstance(counts, list) else int(counts)
    if outermost <= 0:
        raise VersimError(f"no bytes at the outermost level of a roofline: {counts}")
    if not isinstance(counts, list):
        return clock.seconds(((Pointwise(given["flop"], counts), 1.0),))
    device = hardware.device
    device = attrs.evolve(device, memory=device.memory[: len(counts)])
    return float(hierarchy_times_s(np.asarray(given["flop"], dtype=np.float64), counts, device))


def _layer(given: Case) -> TransformerModel:
    return TransformerModel(
        name="layer",
        batch_size=1,
        sequence_length=1,
        hidden=given["hidden"],
        heads=1,
        ffn=given["ffn"],
        vocabulary=1,
        layers=1,
    )


def _between_stages_s(given: Case, hardware: CaseHardware) -> float:
    if given["lp"] < 2:
        return 0.0
    size = math.ceil(hardware.spec.element_bytes * given["batch"] * given["hidden"] * given["seq"])
    clock = Clock(hardware.device, {"pp": (given["IBL"], given["LLL"])})
    moved = clock.message_s(Message(Kind.POINT_TO_POINT, size, 2, "pp"))
    return moved + clock.seconds(((Pointwise(0, 2 * size), 1.0),))


def _pointwise_work(function: str, given: Case, operators: Operators) -> Work:
    if function in ("applyGrad", "gradClipping"):
        both = operators.gradient_application(given["Dim0"] * given["Dim1"])
        return both if function == "applyGrad" else both[1:]
    if function.startswith("getEmbedding"):
        split = attrs.evolve(ALONE, dp=given["dp"], pp=given["lp"], microbatches=given["mb"])
        tokens = split.micro_batch(given["batch_size"]) * given["seq_len"]
        embedding = operators.embedding_forward if function.endswith("_f") else operators.embedding_backward
        return embedding(tokens, given["hidden_dim"])
    by_shape: dict[str, Callable[[Shape], Work]] = {
        "getScaleSoftmax_f": operators.scaled_softmax_forward,
        "getScaleSoftmax_b": operators.scaled_softmax_backward,
        "getResidual_f": operators.residual,
        "getResidual_b": operators.residual,
        "getLayernorm_f": operators.layer_norm_forward,
        "getLayernorm_b": operators.layer_norm_backward,
        "getLinearSoftmax_f": operators.vocabulary_forward,
        "getLinearSoftmax_b": operators.vocabulary_backward,
    }
    return by_shape[function]((given["m"], given["k"], given["n"]))


def check_collective(case: Case, hardware: CaseHardware, figures: Figures) -> None:
    """Holds an isolated collective, its launch and the local work after it against the program's.

    What the program refuses has to be refused; without bandwidth, both take for ever.
    """
    figures.answered(lambda: _collective_s(case, hardware), case["output"])


def _collective(given: Case) -> tuple[Kind, int, int]:
    """Kind, bytes as DeepFlow states them, and ranks."""
    kind = _KINDS.get(given["kind"]) or Kind(given["kind"])
    return kind, math.ceil(given["size_bytes"]), int(given["participants"])


def _collective_s(case: Case, hardware: CaseHardware) -> float:
    """Seconds of a collective, its launch and the local work after it."""
    given = case["input"]
    kind, size, ranks = _collective(given)
    if size <= 0 or ranks <= 1:
        return 0.0
    alone_s = _hybrid_s(case, hardware) if case["backend"] == "hybrid" else _closed_form_s(given, hardware)
    launch_s = hardware.spec.kernel_launch_overhead_s if kind in LAUNCHED else 0.0
    local = Pointwise(given.get("local_ops") or 0, math.ceil(given.get("local_bytes") or 0))
    return alone_s + launch_s + Clock(hardware.device).seconds(((local, 1.0),))


def _closed_form_s(given: Case, hardware: CaseHardware) -> float:
    """Seconds of a collective in closed form; infinite without bandwidth."""
    kind, size, ranks = _collective(given)
    device = hardware.device
    full = size * ranks if kind is Kind.ALL_GATHER else size
    columns = (np.array([value], dtype=np.float64) for value in (full, ranks, given["ib"], given["ll"]))
    return float(IsolatedCollectives(device, Corrections()).times_s(kind, *columns)[0])


def _hybrid_s(case: Case, hardware: CaseHardware) -> float:
    """Seconds of a collective as ASTRA-sim has it on a network of its own."""
    kind, size, ranks = _collective(case["input"])
    topology, derived = TOPOLOGIES[case["topology"]], derive(hardware.spec)
    engine = Engine.installed()
    if kind is Kind.POINT_TO_POINT:
        ranks = 2
        engine.refuse_instant(size, derived, topology)
    network_file(derived, topology, ranks)  # refuses what cannot be written
    link = Link(bandwidth_bytes_per_s=derived.intra_node.bandwidth_bytes_per_s, latency_s=derived.intra_node.latency_s)
    ring = Dimension(topology=topology, size=ranks, link=link)
    system = System(dimensions=(ring,), device=hardware.device.as_device())
    full = size * ranks if kind is Kind.ALL_GATHER else size
    network = engine.network(derived, topology)
    return float(network.times_s((Message(kind, full, ranks),), system)[0])


def check_distributed_gemm(case: Case, hardware: CaseHardware, figures: Figures) -> None:
    """Holds a split GEMM against the program's: times, shapes, collectives; what it refuses has to be refused."""
    given, output, function = case["input"], case["output"], case["function"]
    row_column = function.endswith("kp2")
    split = attrs.evolve(
        ALONE,
        tensor=TensorScheme.ROW_COLUMN if row_column else TensorScheme.COLUMN_ROW,
        tp1=given["kp1"],
        tp2=given["kp2"] if row_column else 1,
    )
    first, second = (given["ib_kp1"], given["ll_kp1"]), (given["ib_kp2"], given["ll_kp2"])
    clock = Clock(hardware.device, {"tp": first, "tp1": first, "tp2": second})
    operators = Operators(hardware.spec.element_bytes, split, Corrections())
    try:
        shape = (given["m"], given["k"], given["n"])
        product = operators.split_forward(shape) if "_f_" in function else operators.split_backward(shape)
    except FaultsError as refusal:
        if "error" not in output:
            figures.faults.append(str(refusal))
        return
    if "error" in output:
        figures.faults.append(f"accepted, but the program fails: {output['error']}")
        return
    check_product(product, clock, output["gemm_time"], output["reduction_time"], figures)
    figures.same(
        "products",
        [(gemm.m, gemm.k, gemm.n) for gemm in product.gemms],
        [(gemm["m"], gemm["k"], gemm["n"]) for gemm in output["gemms"]],
    )
    figures.same(
        "collectives",
        [(c.kind.value, shard(c.kind, c.size_bytes, c.participants), c.participants) for c in product.collectives],
        [(c["kind"], c["size_bytes"], c["participants"]) for c in output["collectives"] if c["participants"] > 1],
    )


def check_product(product: Product, clock: Clock, compute: Any, communication: Any, figures: Figures) -> None:
    """Holds the compute and communication of a product against measured seconds."""
    figures.near("compute", clock.seconds(product.compute), compute)
    folded = math.fsum(clock.seconds(collective.folded()) for collective in product.collectives)
    figures.near("communication", folded, communication)


def shard(kind: Kind, size_bytes: int, ranks: int) -> int:
    """The size DeepFlow states for a collective: of an all-gather the shard, else the full tensor."""
    return shard_bytes(kind, size_bytes, ranks) if kind is Kind.ALL_GATHER else size_bytes
