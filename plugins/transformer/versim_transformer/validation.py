"""From options to a step without faults: every fault is found before the first is reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from versim import FaultsError, UnknownNameError

from versim_transformer.architecture import Architecture, Experts
from versim_transformer.huggingface import read_config
from versim_transformer.options import TransformerOptions
from versim_transformer.parallelism import Parallelism
from versim_transformer.pipeline_split import split_layers
from versim_transformer.presets import PRESETS, preset
from versim_transformer.settings import DTYPE_BYTES, PRECISIONS, Schedule, Settings

_OVERLAPPING = (Schedule.INTERLEAVED, Schedule.ZERO_BUBBLE)
"""Schedules whose implementations send and receive beside computation."""

LARGEST_TASKS = 20_000_000
"""Rows that fit into memory with everything around them."""

_SIZES = ("layers", "hidden", "heads", "kv_heads", "head_size", "ffn", "gated", "vocab", "tied", "norm", "biases",
          "positions", "predicted_tokens")  # fmt: skip
_EXPERTS = {
    "experts": "count",
    "experts_per_token": "per_token",
    "moe_ffn": "ffn",
    "shared_ffn": "shared_ffn",
    "dense_layers": "dense_layers",
}


def architecture_of(options: TransformerOptions) -> Architecture:
    """The architecture that options describe.

    Raises:
        FaultsError: Sizes are missing, or a config.json is faulty.
        UnknownNameError: A preset that does not exist.
    """
    base = _base(options.model)
    given = {name: value for name in _SIZES if (value := getattr(options, name)) is not None}
    if base is None:
        missing = [name for name in ("layers", "hidden", "heads", "vocab") if name not in given]
        if missing:
            raise FaultsError(
                "model",
                [f"$.{name}: is missing; give it, or name a model with $.model" for name in missing],
            )
        model = _from_keys(given)
    else:
        model = _changed(base, given)
    return _with_experts(model, options)


def _base(name: str) -> Architecture | None:
    if not name:
        return None
    if name in PRESETS:
        return preset(name).architecture
    path = Path(name)
    if path.is_file():
        return read_config(path)
    # A preset whose name has a dot looks like a file name and was made absolute.
    return preset(path.name if path.name in PRESETS or path.parent == Path() else name).architecture


def _from_keys(given: dict[str, Any]) -> Architecture:
    """Of Llama's family where the feed-forward part is gated, else of GPT's."""
    hidden, heads, gated = given["hidden"], given["heads"], bool(given.get("gated"))
    sizes = {
        "kv_heads": heads,
        "head_size": max(1, hidden // heads),
        "ffn": 4 * hidden,
        "gated": gated,
        "tied": False,
        "norm": "rms" if gated else "layer",
        "biases": not gated,
        "positions": "rotary" if gated else "learned",
        **given,
    }
    return Architecture(**sizes, max_positions=2048 if sizes["positions"] == "learned" else 0)


def _changed(base: Architecture, given: dict[str, Any]) -> Architecture:
    """A model with some of its sizes replaced; what follows from a replaced one follows it."""
    if "heads" in given and base.kv_heads == base.heads:
        given.setdefault("kv_heads", given["heads"])
    if base.latent is None and base.head_size == base.hidden // base.heads and ("heads" in given or "hidden" in given):
        given.setdefault("head_size", max(1, given.get("hidden", base.hidden) // given.get("heads", base.heads)))
    return attrs.evolve(base, **given)


def _with_experts(model: Architecture, options: TransformerOptions) -> Architecture:
    given = {field: value for name, field in _EXPERTS.items() if (value := getattr(options, name)) is not None}
    if not given:
        return model
    if given.get("count") == 0:
        return attrs.evolve(model, experts=None)
    if model.experts is not None:
        return attrs.evolve(model, experts=attrs.evolve(model.experts, **given))
    if "count" not in given:
        raise FaultsError("model", [f"$.experts: is missing; {model.name} has none, and {', '.join(given)} is given"])
    return attrs.evolve(model, experts=Experts(**{"per_token": 1, "ffn": model.ffn, **given}))


def settings_of(options: TransformerOptions) -> Settings:
    """The step that options describe.

    Raises:
        FaultsError: Everything that does not fit together.
        UnknownNameError: A preset that does not exist.
    """
    parallel = parallelism_of(options)
    schedule = _schedule(options)
    try:
        model = architecture_of(options)
    except (FaultsError, UnknownNameError) as error:
        others = [*_sequence_faults(options), *parallel.faults(), *_batch_faults(options)]
        others += _schedule_faults(options, schedule)
        if not others:
            raise
        raise FaultsError("training step", [*_said_of_model(error), *others]) from None
    faults = [*_model_faults(model, options), *parallel.faults(), *_batch_faults(options)]
    faults += _schedule_faults(options, schedule)
    stages, split_faults = split_layers(model, parallel, options.pipeline_split, options.layers_per_stage)
    faults += split_faults
    if faults:
        raise FaultsError("training step", faults)
    precision = attrs.evolve(
        PRECISIONS[options.precision],
        gradient_products=options.gradient_products or "",
        current_scaling=options.current_scaling,
        transposed_copies=options.transposed_copies,
    )
    multiple = options.vocab_multiple * options.tp
    gradient_bytes = DTYPE_BYTES[options.gradient_dtype]
    activation_bytes = precision.activation_bytes

    operand_bytes = precision.product_bytes if precision.gathered else activation_bytes

    def width(dtype: str | None, otherwise: int) -> int:
        return otherwise if dtype is None else DTYPE_BYTES[dtype]

    return Settings(
        architecture=model,
        parallelism=parallel,
        sequence_length=options.seq_len,
        microbatch_size=options.mbs,
        microbatches=options.gbs // (options.mbs * options.dp),
        sequence_parallel=options.sequence_parallel and options.tp > 1,
        sharding=options.sharding,
        schedule=schedule,
        recompute=options.recompute,
        recompute_layers=options.recompute_layers,
        precision=precision,
        flash=options.attention == "flash",
        attention_layout=options.attention_layout,
        dropout=options.dropout,
        padded_vocab=-(-model.vocab // multiple) * multiple,
        stages=stages,
        kernels=options.kernels,
        fused_loss=options.fused_loss,
        compiled_loss=options.compiled_loss,
        cuda_graphs=options.cuda_graphs,
        overlap_tp=options.overlap_tp,
        overlap_gradients=options.overlap_gradients,
        overlap_parameters=options.overlap_parameters,
        overlap_p2p=schedule in _OVERLAPPING if options.overlap_p2p is None else options.overlap_p2p,
        serial_p2p=options.serial_p2p,
        scatter_p2p=options.scatter_p2p and options.tp > 1 and not options.sequence_parallel,
        overlap_ep=options.overlap_ep,
        ring_attention=options.cp_exchange == "ring",
        gather_tokens=options.dispatch == "all_gather",
        dispatch_node=options.dispatch_node,
        expert_launches=options.expert_kernels == "each",
        fused_experts=options.expert_kernels == "fused",
        capacity_factor=options.capacity_factor,
        gradient_bytes=gradient_bytes,
        reduce_bytes=width(options.reduce_dtype, gradient_bytes),
        reduce_whole=options.reduce_whole,
        gather_bytes=width(options.gather_dtype, activation_bytes),
        tp_bytes=width(options.tp_dtype, activation_bytes),
        operand_bytes=DTYPE_BYTES[options.tp_dtype] if options.tp_dtype else operand_bytes,
        scatter_bytes=width(options.scatter_dtype, width(options.tp_dtype, activation_bytes)),
        ep_bytes=width(options.ep_dtype, activation_bytes),
        fused_accumulation=options.fused_accumulation,
        convert_gradients=options.convert_gradients,
        beside_share=options.beside_share,
        bucket_parameters=options.bucket_parameters,
        memory_profile=options.memory,
        granularity=options.granularity,
    )


def parallelism_of(options: TransformerOptions) -> Parallelism:
    """The degrees that options give."""
    return Parallelism(
        tp=options.tp, cp=options.cp, dp=options.dp, pp=options.pp, vp=options.vp, ep=options.ep, etp=options.etp
    )


def _said_of_model(error: FaultsError | UnknownNameError) -> list[str]:
    """Why there is no architecture, as faults among others."""
    if isinstance(error, UnknownNameError):
        return [f"$.model: {error}"]
    # Faults of the options stand as they are; those of a config.json are in that file.
    return [fault if error.subject == "model" else f"$.model: {error.subject}: {fault}" for fault in error.faults]


def _schedule(options: TransformerOptions) -> Schedule:
    if options.schedule in ("auto", "none"):
        return Schedule.INTERLEAVED if options.vp > 1 else Schedule.ONE_F_ONE_B
    return Schedule(options.schedule)


def _model_faults(model: Architecture, options: TransformerOptions) -> list[str]:
    faults = []
    tp = options.tp
    if model.heads % tp:
        faults.append(f"$.tp: {model.heads} heads cannot be dealt to {tp} ranks; use a divisor of {model.heads}")
    if model.kv_heads % tp and tp % model.kv_heads:
        faults.append(
            f"$.tp: {model.kv_heads} key and value heads and {tp} ranks do not divide one another; use a divisor or a "
            f"multiple of {model.kv_heads}"
        )
    if model.heads % model.kv_heads:
        faults.append(f"$.kv_heads: {model.kv_heads} does not divide the {model.heads} query heads")
    if model.ffn % tp:
        faults.append(f"$.tp: the feed-forward width {model.ffn} does not divide by {tp}; use a divisor of it")
    faults += _sequence_faults(options)
    experts = model.experts
    if experts is None:
        if options.ep > 1 or options.etp > 1:
            faults.append(
                f"$.ep: {model.name} has no experts to spread over ep · etp = {options.ep * options.etp} ranks; leave "
                "ep and etp out"
            )
    else:
        if experts.count % options.ep:
            faults.append(
                f"$.ep: {experts.count} experts cannot be dealt to {options.ep} ranks; use a divisor of {experts.count}"
            )
        if experts.ffn % options.etp:
            faults.append(f"$.etp: the width {experts.ffn} of an expert does not divide by {options.etp}")
        if experts.per_token > experts.count:
            faults.append(f"$.experts_per_token: {experts.per_token} of {experts.count} experts")
    return faults


def _sequence_faults(options: TransformerOptions) -> list[str]:
    shares = options.tp * options.cp
    if options.sequence_parallel and options.seq_len % shares:
        return [f"$.seq_len: {options.seq_len} tokens cannot be cut into tp · cp = {shares} shares; use a multiple"]
    if options.seq_len % options.cp:
        fault = f"$.cp: {options.seq_len} tokens per sequence cannot be dealt to {options.cp} ranks"
        return [f"{fault}; use a divisor of {options.seq_len}"]
    return []


def _batch_faults(options: TransformerOptions) -> list[str]:
    per_microbatch = options.mbs * options.dp
    if options.gbs % per_microbatch:
        fault = f"$.gbs: {options.gbs} is no multiple of mbs · dp = {options.mbs} · {options.dp} = {per_microbatch}"
        return [f"{fault}; use one, or fewer replicas"]
    tasks = 3 * options.pp * options.vp * (options.gbs // per_microbatch)
    if tasks > LARGEST_TASKS:
        return [f"$.gbs: about {tasks} passes over chunks are more than the {LARGEST_TASKS} that fit into memory"]
    return []


def _schedule_faults(options: TransformerOptions, schedule: Schedule) -> list[str]:
    faults = []
    if options.vp > 1:
        if schedule is not Schedule.INTERLEAVED:
            faults.append(f"$.vp: {options.vp} chunks per stage need schedule: interleaved, not {schedule}")
        if options.pp == 1:
            faults.append(f"$.vp: {options.vp} chunks per stage need more than one stage; set pp above 1, or vp to 1")
        microbatches, rest = divmod(options.gbs, options.mbs * options.dp)
        if not rest and microbatches % options.pp:
            faults.append(
                f"$.gbs: interleaving deals microbatches in groups of pp = {options.pp}, and {microbatches} are no "
                "multiple of it"
            )
    elif schedule is Schedule.INTERLEAVED and options.vp == 1 and options.pp > 1:
        faults.append("$.vp: schedule: interleaved needs at least 2 chunks per stage")
    if options.serial_p2p and schedule in _OVERLAPPING:
        faults.append(f"$.serial_p2p: stages would wait for one another for ever under {schedule}; use 1f1b or gpipe")
    if schedule is Schedule.ZERO_BUBBLE and options.sharding in ("zero2", "zero3"):
        faults.append(f"$.schedule: zb-h1 is not run with sharding: {options.sharding}; use none or zero1")
    return faults
