"""Options of the producer ``deepflow-llm``, and the training step they describe."""

# ruff: noqa: RUF009 - option() and its likes are attrs.field() with a help text
from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import attrs
from versim import FaultsError, Topology, option

from versim_deepflow import hardware, model
from versim_deepflow.corrections import Corrections, compat_option
from versim_deepflow.hardware import ClusterSpec, HardwareSpec, derive
from versim_deepflow.model import TransformerModel
from versim_deepflow.parallelism import Parallelism, TensorScheme
from versim_deepflow.pipeline_graph import AllReduce
from versim_deepflow.step import Step
from versim_deepflow.transformer_graph import LocalOps, OperatorSet, Phases
from versim_deepflow.yaml_text import read_yaml

Axis = Literal["dp", "pp", "tp1", "tp2"]


class Granularity(enum.StrEnum):
    """What a node of the graph stands for."""

    PIPELINE = "pipeline"
    """A layer; the graph is the whole step."""
    TRANSFORMER = "transformer"
    """An operator; the graph is one layer."""


def _choice(default: enum.StrEnum, help: str) -> Any:  # noqa: A002  # reads as what it is
    return option(default, converter=type(default), help=help)


def _file(default: str, help: str) -> Any:  # noqa: A002
    return attrs.field(default=default, metadata={"help": help, "path": True})


def _count(help: str) -> Any:  # noqa: A002
    return option(None, validator=attrs.validators.optional(_at_least_one), help=help)


def _at_least_one(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{attribute.name} must be a whole number of at least 1, got {value!r}")


@attrs.frozen(kw_only=True)
class LlmOptions:
    """Options of the producer ``deepflow-llm``.

    What is not given comes from the hardware and model files; a preset spreads nothing.
    """

    hardware: str = _file("a100-80gb-tp", "a hardware preset, or the path of a hardware file, DeepFlow's or our own")
    model: str = _file("small", "a model preset, or the path of a model file, DeepFlow's or our own")
    granularity: Granularity = _choice(
        Granularity.PIPELINE, help="pipeline: the whole step, a node per layer; transformer: one layer"
    )
    dp: int | None = _count("data-parallel replicas")
    pp: int | None = _count("pipeline stages")
    tensor: TensorScheme | None = option(
        None,
        converter=attrs.converters.optional(TensorScheme),
        help="how GEMMs are split: none, column_row (over tp1 devices) or row_column (over tp1 x tp2)",
    )
    tp: int | None = _count("tensor-parallel devices of a column-row split; the same as tensor: column_row with tp1")
    tp1: int | None = _count("tensor-parallel devices along the first dimension")
    tp2: int | None = _count("tensor-parallel devices along the second dimension, for a row-column split")
    microbatches: int | None = _count("microbatches of a mini-batch")
    batch_size: int | None = _count("sequences per step, over all replicas")
    sequence_length: int | None = _count("tokens per sequence")
    hidden: int | None = _count("width of the model")
    heads: int | None = _count("attention heads")
    ffn: int | None = _count("width of the feed-forward layers")
    vocabulary: int | None = _count("tokens in the vocabulary")
    layers: int | None = _count("transformer layers")
    element_bytes: float | None = option(
        None, validator=attrs.validators.optional(attrs.validators.gt(0)), help="bytes per element"
    )
    nodes: int | None = _count("nodes the devices are joined to")
    crosses_nodes: tuple[Axis, ...] | None = option(
        None,
        converter=attrs.converters.optional(tuple),
        validator=attrs.validators.optional(attrs.validators.deep_iterable(attrs.validators.in_(get_args(Axis)))),
        help="parallelism whose traffic leaves the node: any of dp, pp, tp1, tp2",
    )
    inter_derate: float | None = option(
        None, validator=attrs.validators.optional(attrs.validators.gt(0)), help="divides inter-node bandwidth"
    )
    intra_derate: float | None = option(
        None, validator=attrs.validators.optional(attrs.validators.ge(0)), help="divides intra-node bandwidth"
    )
    all_reduce: AllReduce = _choice(
        AllReduce.EVERY_LAYER, help="when gradients of layers are reduced: every_layer or the_end"
    )
    local_ops: LocalOps = _choice(
        LocalOps.EXPLICIT,
        help="transformer graph: local accesses after all-gathers as nodes (explicit), or left out (as_recorded)",
    )
    operators: OperatorSet = _choice(
        OperatorSet.GEMMS, help="transformer graph: matrix products only (gemms), or every operator (all)"
    )
    phases: Phases = _choice(Phases.BOTH, help="transformer graph: forward, backward or both")
    compat: str = compat_option()


def step_of(options: LlmOptions) -> Step:
    """The training step that options describe.

    Raises:
        FaultsError: A file is faulty, or the parts do not fit together.
        UnknownNameError: A preset or correction that does not exist.
    """
    spec, cluster, split = _hardware(options.hardware)
    step_model = _overridden_model(_model(options.model), options)
    parallelism = _overridden_parallelism(split, options)
    cluster = _overridden_cluster(cluster, parallelism, options)
    step_model.check()
    corrections = Corrections.parse(options.compat)
    parallelism.check(batch_size=step_model.batch_size, layers=step_model.layers, world_size=cluster.world_size)
    if corrections.reachable_graph and step_model.layers < parallelism.pp:
        raise FaultsError(
            "parallelism",
            [f"$.pp: {parallelism.pp} stages for {step_model.layers} layers leave stages without one; use fewer"],
        )
    return Step(
        model=step_model,
        parallelism=parallelism,
        element_bytes=spec.element_bytes if options.element_bytes is None else options.element_bytes,
        corrections=corrections,
        hardware=derive(spec),
        cluster=cluster,
    )


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith((".yaml", ".yml"))


def _hardware(name: str) -> tuple[HardwareSpec, ClusterSpec | None, Parallelism]:
    alone = Parallelism(dp=1, pp=1, tensor=TensorScheme.NONE, tp1=1, tp2=1, microbatches=1)
    if not _is_path(name):
        return hardware.load_preset(name), None, alone
    content = read_yaml(Path(name))
    if isinstance(content, Mapping) and "tech_param" in content:
        file = hardware.read_deepflow_hardware(content, name)
        return file.hardware, file.cluster, file.parallelism
    return hardware.read_spec(content, name), None, alone


def _model(name: str) -> TransformerModel:
    if not _is_path(name):
        return model.load_preset(name)
    read = model.load_model(Path(name))
    if not isinstance(read, TransformerModel):
        raise FaultsError(name, ["$.model_param.mode: must be LLM for this producer, got GEMM"])
    return read


def _given(options: LlmOptions, *names: str) -> dict[str, Any]:
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _overridden_model(base: TransformerModel, options: LlmOptions) -> TransformerModel:
    names = ("batch_size", "sequence_length", "hidden", "heads", "ffn", "vocabulary", "layers")
    return attrs.evolve(base, **_given(options, *names))


def _overridden_parallelism(base: Parallelism, options: LlmOptions) -> Parallelism:
    given = _given(options, "dp", "pp", "tensor", "tp1", "tp2", "microbatches")
    if options.tp is not None:
        for name, value in (("tp1", options.tp), ("tensor", TensorScheme.COLUMN_ROW)):
            if given.get(name, value) != value:
                raise FaultsError("options", [f"$.tp: {options.tp} contradicts {name}: {given[name]}"])
            given[name] = value
    return attrs.evolve(base, **given)


def _overridden_cluster(base: ClusterSpec | None, parallelism: Parallelism, options: LlmOptions) -> ClusterSpec:
    given = _given(options, "nodes", "inter_derate", "intra_derate")
    if options.crosses_nodes is not None:
        given |= {f"{axis}_crosses_nodes": axis in options.crosses_nodes for axis in get_args(Axis)}
    spread = _given(options, "dp", "pp", "tp", "tp1", "tp2", "nodes")
    if base is None:
        base = ClusterSpec(
            nodes=1,
            devices_per_node=1,
            inter_derate=1.0,
            intra_derate=1.0,
            dp_crosses_nodes=False,
            pp_crosses_nodes=False,
            tp1_crosses_nodes=False,
            tp2_crosses_nodes=False,
            topology=Topology.RING,
        )
        spread = spread or {"dp": 1}
    cluster = attrs.evolve(base, **given)
    if not spread:
        return cluster
    # A degree was chosen here, so the number of devices follows from it instead of the file.
    per_node, rest = divmod(parallelism.world_size, cluster.nodes)
    if rest:
        raise FaultsError(
            "options", [f"$.nodes: {parallelism.world_size} devices cannot be dealt evenly to {cluster.nodes} nodes"]
        )
    return attrs.evolve(cluster, devices_per_node=per_node)
