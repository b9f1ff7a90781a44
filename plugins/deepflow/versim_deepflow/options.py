"""Options of the producers ``deepflow-llm`` and ``deepflow-gemm``, and what they describe."""

# ruff: noqa: RUF009 - choice_option() and its likes are attrs.field() with a help text
from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path

import attrs
from versim import FaultsError, hold_to_size, option

from versim_deepflow import model
from versim_deepflow.model import GemmModel, TransformerModel
from versim_deepflow.pipeline_graph import AllReduce
from versim_deepflow.platform_options import (
    PlatformOptions,
    choice_option,
    count_option,
    file_option,
    given,
    is_path,
    platform_of,
)
from versim_deepflow.product_nodes import LocalOps
from versim_deepflow.step import Platform, Step
from versim_deepflow.transformer_graph import OperatorSet, Phases


class Granularity(enum.StrEnum):
    """What a node of the graph stands for."""

    PIPELINE = "pipeline"
    """A layer; the graph is the whole step."""
    TRANSFORMER = "transformer"
    """An operator; the graph is one layer."""
    FLATTENED = "flattened"
    """An operator; the graph is the whole step."""


@attrs.frozen(kw_only=True)
class LlmOptions(PlatformOptions):
    """Options of the producer ``deepflow-llm``.

    What is not given comes from the hardware and model files; a preset spreads nothing.
    """

    model: str = file_option("small", "a model preset, or the path of a model file, DeepFlow's or our own", "--model")
    granularity: Granularity = choice_option(
        Granularity.PIPELINE,
        help="pipeline: the whole step, a node per layer; transformer: one layer, a node per operator; flattened: the "
        "whole step, a node per operator",
    )
    pp: int | None = count_option("pipeline stages")
    microbatches: int | None = count_option("microbatches of a mini-batch")
    batch_size: int | None = count_option("sequences per step, over all replicas")
    sequence_length: int | None = count_option("tokens per sequence")
    hidden: int | None = count_option("width of the model")
    heads: int | None = count_option("attention heads")
    ffn: int | None = count_option("width of the feed-forward layers")
    vocabulary: int | None = count_option("tokens in the vocabulary")
    layers: int | None = count_option("transformer layers")
    all_reduce: AllReduce = choice_option(
        AllReduce.EVERY_LAYER, help="when gradients of layers are reduced: every_layer or the_end"
    )
    local_ops: LocalOps = choice_option(
        LocalOps.EXPLICIT,
        help="transformer graph: local accesses after all-gathers as nodes (explicit), or left out (as_recorded)",
    )
    operators: OperatorSet = choice_option(
        OperatorSet.GEMMS, help="transformer graph: matrix products only (gemms), or every operator (all)"
    )
    phases: Phases = choice_option(Phases.BOTH, help="transformer graph: forward, backward or both")


@attrs.frozen(kw_only=True)
class GemmOptions(PlatformOptions):
    """Options of the producer ``deepflow-gemm``; a model file in GEMM mode or the sizes themselves."""

    model: str | None = file_option(None, "the path of a model file of DeepFlow in GEMM mode", "--model")
    m: int | None = count_option("rows of the left matrix")
    k: int | None = count_option("inner dimension")
    n: int | None = count_option("columns of the right matrix")
    backward: bool | None = option(None, help="whether the gradients are computed, too; false unless the file says so")
    folded: bool = option(
        default=False, help="make tensor-parallel collectives part of the compute nodes instead of nodes of their own"
    )


def gemm_of(options: GemmOptions) -> tuple[Platform, GemmModel]:
    """The platform and the product that options describe.

    Raises:
        FaultsError: A file is faulty, or the parts do not fit together.
        UnknownNameError: A preset that does not exist.
    """
    platform = platform_of(options)
    sizes = given(options, "m", "k", "n", "backward")
    if options.model is not None:
        product = model.load_model(Path(options.model))
        if not isinstance(product, GemmModel):
            raise FaultsError(options.model, ["$.model_param.mode: must be GEMM for this producer, got LLM"])
        product = attrs.evolve(product, **sizes)
    else:
        missing = [f"$.{name}: is missing" for name in ("m", "k", "n") if name not in sizes]
        if missing:
            raise FaultsError("options", [*missing, "$.model: names no file to take them from"])
        product = GemmModel(name="gemm", **{"backward": False, **sizes})
    faults = platform.parallelism.undivided
    if platform.parallelism.pp > 1:
        faults.append(f"$.pp: a single product has no pipeline of {platform.parallelism.pp} stages")
    if faults:
        raise FaultsError("parallelism", faults)
    platform.parallelism.check(batch_size=platform.parallelism.dp, layers=1, world_size=platform.cluster.world_size)
    return platform, product


def step_of(options: LlmOptions) -> Step:
    """The training step that options describe.

    Raises:
        FaultsError: A file is faulty, or the parts do not fit together; every fault of both files, else of the layout.
        UnknownNameError: A preset that does not exist.
    """
    step = described_step(options)
    layout = step.parallelism
    checks = (
        step.model.check,
        lambda: layout.check(
            batch_size=step.model.batch_size, layers=step.model.layers, world_size=step.cluster.world_size
        ),
    )
    faults = [fault for check in checks for fault in _faults_of(check)]
    faults += layout.impossible(layers=step.model.layers, heads=step.model.heads)
    if faults:
        raise FaultsError("parallelism", faults)
    # Each layer of each microbatch is a node at least, forward and backward.
    hold_to_size(nodes=2 * layout.microbatches * step.model.layers, ranks=step.cluster.world_size)
    return step


def described_step(options: LlmOptions) -> Step:
    """The step that options describe, possible or not.

    Raises:
        FaultsError: A file is faulty; every fault of both.
        UnknownNameError: A preset that does not exist.
    """
    errors: list[FaultsError] = []
    platform = model = None
    try:
        platform = platform_of(options)
    except FaultsError as error:
        errors.append(error)
    try:
        model = _overridden_model(_model(options.model), options)
    except FaultsError as error:
        errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if platform is None or model is None:
        raise FaultsError(
            "hardware and model", [f"{error.subject}: {fault}" for error in errors for fault in error.faults]
        )
    return Step(model=model, **attrs.asdict(platform, recurse=False))


def overridden(options: LlmOptions) -> tuple[str, ...]:
    """Where options say something else than the files they come with, in words; nothing for presets.

    Scenarios fix degrees and sizes; who hands them a file of his own has to see that they win.
    """
    of_files = (is_path(options.hardware), is_path(options.model))
    if not any(of_files):
        return ()
    chosen = described_step(options)
    alone = described_step(LlmOptions(hardware=options.hardware, model=options.model))
    pairs = (
        (options.hardware, attrs.asdict(chosen.parallelism), attrs.asdict(alone.parallelism)),
        (options.model, attrs.asdict(chosen.model), attrs.asdict(alone.model)),
    )
    return tuple(
        f"option {name}: {used[name]} instead of {there[name]} of {file}"
        for (file, used, there), is_file in zip(pairs, of_files, strict=True)
        if is_file
        for name in used
        if used[name] != there[name]
    )


def _faults_of(check: Callable[[], None]) -> tuple[str, ...]:
    try:
        check()
    except FaultsError as error:
        return error.faults
    return ()


def _model(name: str) -> TransformerModel:
    if not is_path(name):
        return model.load_preset(name)
    read = model.load_model(Path(name))
    if not isinstance(read, TransformerModel):
        raise FaultsError(name, ["$.model_param.mode: must be LLM for this producer, got GEMM"])
    return read


def _overridden_model(base: TransformerModel, options: LlmOptions) -> TransformerModel:
    names = ("batch_size", "sequence_length", "hidden", "heads", "ffn", "vocabulary", "layers")
    return attrs.evolve(base, **given(options, *names))
