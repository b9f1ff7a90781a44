"""Steps of small models, and what they cost when every term has a made-up price."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from fakes import TimesOf, system_of
from numpy.typing import NDArray
from versim import (
    PS_PER_S,
    ExecutionGraph,
    Folded,
    Op,
    communication_s,
    instances_of,
    messages_of,
    pin,
    replay,
    structure_options,
)
from versim_transformer.options import TransformerOptions
from versim_transformer.producer import TransformerProducer
from versim_transformer.settings import Settings
from versim_transformer.validation import settings_of

SMALL: Mapping[str, Any] = {
    "layers": 8, "hidden": 256, "heads": 8, "vocab": 4096, "seq_len": 128, "gbs": 32, "vocab_multiple": 1,
}  # fmt: skip
"""A model of eight plain layers."""

EXPERTS: Mapping[str, Any] = {
    **SMALL, "experts": 16, "experts_per_token": 2, "moe_ffn": 128, "shared_ffn": 64, "dense_layers": 2, "gated": True,
}  # fmt: skip
"""The same with experts in six of its layers."""


def options(**given: Any) -> TransformerOptions:
    """Options as a scenario would give them, on top of the small model unless it names one."""
    base = {} if "model" in given else SMALL
    found = structure_options(TransformerProducer(), {**base, **given}, "$.options")
    if not isinstance(found, TransformerOptions):
        raise TypeError(type(found))
    return found


def settings(**given: Any) -> Settings:
    """The settings of such options."""
    return settings_of(options(**given))


def graph(**given: Any) -> ExecutionGraph:
    """The graph of such options."""
    return TransformerProducer().produce(options(**given))


@functools.cache
def _price(key: str) -> float:
    """A made-up time of about a microsecond that differs from any other key's."""
    return 1e-6 * (0.5 + int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32)


def _key(term: Any) -> str:
    """Equal for equal terms, whole numbers and fractions alike."""
    values = (value if isinstance(value, str) else float(value) for value in attrs.astuple(term))
    return f"{type(term).__name__} {[*values]}"


def _prices(rows: Sequence[Any]) -> NDArray[np.float64]:
    return np.array([_price(_key(row)) for row in rows])


def _messages(rows: Sequence[Any]) -> NDArray[np.float64]:
    """The same for a collective folded into a node and one that stands alone."""
    return np.array([_price(f"{row.kind} {row.size_bytes} {row.axis} {row.participants}") for row in rows])


def work_and_communication_s(step: ExecutionGraph) -> dict[tuple[int, str], tuple[float, float]]:
    """By stage and phase: seconds of device work, and seconds of communication, folded or not, each alone."""
    pipeline = step.mesh.axis("pp")
    messages = messages_of(step)
    alone = _messages(messages)
    totals: dict[tuple[int, str], tuple[list[float], list[float]]] = {}
    for row in range(step.node_count):
        indices = step.placements[step.placement[row]].indices[pipeline]
        key = (0 if indices is None else indices[0], str(step.phases[step.phase[row]]))
        total = totals.setdefault(key, ([], []))
        if step.op[row] != Op.COMPUTE:
            total[1].append(alone[step.match[row]])
            continue
        for term, count in step.works[step.work[row]]:
            if isinstance(term, Folded):
                total[1].append(count * _price(f"{term.kind} {term.size_bytes} {term.axis} {term.participants}"))
            else:
                total[0].append(count * _price(_key(term)))
    return {key: (math.fsum(work), math.fsum(talk)) for key, (work, talk) in totals.items()}


def makespan_s(step: ExecutionGraph, *, free_network: bool = False) -> float:
    """The step's length with made-up prices, replayed."""
    system = system_of(step)
    pinned = pin(step, system, TimesOf(_prices), TimesOf(_messages))
    instances = instances_of(step)
    alone = np.zeros(step.communication_count) if free_network else communication_s(step, system, TimesOf(_messages))
    ps = np.rint(alone * PS_PER_S).astype(np.int64)
    schedule = replay(instances, np.rint(pinned.compute_s * PS_PER_S).astype(np.int64), ps[instances.meeting_match])
    if not schedule.completed:
        raise AssertionError("the step did not complete")
    return schedule.makespan_ps / PS_PER_S


def communications(step: ExecutionGraph) -> dict[tuple[str, str, int], int]:
    """How often each (name, axes, bytes) is communicated by one rank of each stage together."""
    found: dict[tuple[str, str, int], int] = {}
    for row in range(step.node_count):
        if step.op[row] in (Op.COLLECTIVE, Op.SEND):
            match = step.match[row]
            key = (step.node_name(row), "+".join(step.scopes[step.scope[match]].axes), int(step.size_bytes[match]))
            found[key] = found.get(key, 0) + 1
    return found
