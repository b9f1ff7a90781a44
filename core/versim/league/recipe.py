"""The scenario of a record: the producer's options and the machine.

Columns of a record become options of the same name. What records do not hold, how a framework deals out layers, which
kernels it runs and what it overlaps, are its conventions (:mod:`~versim.league.convention`), which nobody fitted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from versim.errors import VersimError
from versim.league.attention_kernel import AttentionKernel, kernel_of
from versim.league.column import Defaults
from versim.league.convention import Convention, cases_of, convention_of
from versim.league.layer_split import SPLITS, Sizes
from versim.league.machine import Machine, NoMachineError, generation_of, machine_of
from versim.league.record import RunRecord

_COPIED = ("seq_len", "mbs", "gbs", "tp", "pp", "vp", "cp", "ep", "dp", "sharding")
_ARCHITECTURE = ("layers", "hidden", "heads", "kv_heads", "ffn", "gated", "vocab", "tied")
_EXPERTS = ("experts", "experts_per_token", "moe_ffn")

PRECISIONS = {
    "": "bf16",
    "fp8-cs": "fp8",
    "fp8-mx": "mxfp8",
    "fp8-ds": "fp8",
    "fp8-sc": "fp8_block",
    "fp4": "nvfp4",
    "fp4-or-fp8": "nvfp4",
}
"""A source's own word ─▶ the format of products. ``fp4-or-fp8``: a submission whose configuration says fp4."""

_OVERLAPPED = re.compile(r"async ?tp", re.IGNORECASE)
"""In a note: tensor-parallel collectives run beside the products that PyTorch's compiler can pair them with
(torch/_inductor/fx_passes/micro_pipeline_tp.py): it knows no sum of several products."""

_CUT = "cut to "
"""In a note: only so many of the model's layers were run."""

RECOMPUTES = {"none", "selective", "full"}


class NotModelledError(VersimError):
    """A record whose settings cannot be modelled; the message is the reason that is counted."""


@attrs.frozen(kw_only=True)
class Recipe:
    """How a record is predicted.

    Attributes:
        options: Of the producer.
        machine: What it ran on.
        experts: True for a mixture of experts.
        caveats: What is assumed or left out.
        attention: The framework's attention kernel, where its speed is published; None for what timings say.
        captured: True if the host launches the whole step as one graph.
    """

    options: Mapping[str, Any]
    machine: Machine
    experts: bool
    caveats: tuple[str, ...]
    attention: AttentionKernel | None = None
    captured: bool = False


def recipe_of(run: RunRecord, settings: Defaults) -> Recipe:
    """How a record is predicted.

    Raises:
        NotModelledError: It cannot be, with the reason.
    """
    convention = convention_of(run.framework, run.gpu)
    caveats: list[str] = []
    _check(run)
    if run.nic_gb_s is None and convention.nic_gb_s is not None:
        run = attrs.evolve(run, nic_gb_s=convention.nic_gb_s)
        caveats.append(f"network: {convention.nic_source}")
    try:
        machine = machine_of(run)
    except NoMachineError as error:
        raise NotModelledError(str(error)) from None
    options: dict[str, Any] = {**convention.options, "granularity": settings.granularity}
    options |= {name: getattr(run, name) for name in _COPIED}
    options["sequence_parallel"] = bool(run.sequence_parallel)
    options |= _model(run, caveats)
    options["precision"] = PRECISIONS.get(run.precision, run.precision)
    if convention.dispatch_once and run.kind == "experts":
        options["dispatch_node"] = machine.system.dimensions[0].size
    kernel = convention.attention_kernel
    for case in cases_of(run):
        options |= case.options
        kernel = kernel if case.attention_kernel is None else case.attention_kernel
        caveats += [case.caveat] if case.caveat else []
    options["recompute"] = _recompute(run, convention, caveats)
    if _OVERLAPPED.search(run.note):
        options["overlap_tp"] = "matched"
    options["schedule"] = run.schedule if run.pp > 1 else "auto"
    if run.layers is not None and run.pp > 1:
        options["layers_per_stage"] = _layers_per_stage(run, convention)
    options |= settings.structure
    caveats += machine.caveats
    if "assumed" in run.note:
        caveats.append(f"by the record: {_clause(run.note, 'assumed')}")
    return Recipe(
        options=options,
        machine=machine,
        experts=run.kind == "experts",
        caveats=tuple(caveats),
        attention=kernel_of(kernel, generation_of(run.gpu)),
        captured=bool(options.get("cuda_graphs")),
    )


def _check(run: RunRecord) -> None:
    world = run.tp * run.pp * run.cp * run.dp
    if world != run.gpus:
        raise NotModelledError(f"gpus is not tp·pp·cp·dp ({run.gpus} and {world})")
    if run.gbs % (run.mbs * run.dp):
        raise NotModelledError("the batch is no multiple of mbs·dp")


def _model(run: RunRecord, caveats: list[str]) -> dict[str, Any]:
    """The model's name where its published configuration holds, and whatever sizes the record gives."""
    given = {name: value for name in (*_ARCHITECTURE, *_EXPERTS) if (value := getattr(run, name)) is not None}
    if run.hidden is None:
        given["model"] = run.model
        if "w/o MTP" in run.note or _CUT in run.note:
            given["predicted_tokens"] = 0
        if _CUT in run.note and run.ep > 1:
            # Of a model cut to a few layers, one stays dense, as its memory shows.
            given["dense_layers"] = 1
    elif run.hidden is not None and run.layers is None:
        caveats.append("no number of layers: the preset's")
        given["model"] = run.model
    return given


def _recompute(run: RunRecord, convention: Convention, caveats: list[str]) -> str:
    word = run.recompute.lower()
    if word in RECOMPUTES:
        return word
    if not word:
        caveats.append(f"the source does not say what is recomputed: {convention.recompute_unsaid} assumed")
        return convention.recompute_unsaid
    if "full" in word:
        caveats.append(f"recompute {run.recompute!r} is taken as full")
        return "full"
    caveats.append(f"recompute {run.recompute!r} is taken as selective")
    return "selective"


def _layers_per_stage(run: RunRecord, convention: Convention) -> list[int]:
    split = SPLITS[convention.split](
        Sizes(
            layers=run.layers or 1,
            pp=run.pp,
            vp=run.vp,
            hidden=run.hidden or 0,
            ffn=run.ffn or 0,
            vocab=run.vocab or 0,
            gated=bool(run.gated),
        )
    )
    return [layers for stages in split for layers in stages]


def _clause(note: str, word: str) -> str:
    return next(part.strip() for part in note.split(";") if word in part)
