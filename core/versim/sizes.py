"""What a training step amounts to, whoever simulates it: tokens, model FLOP, and the memory of its ranks.

From these come the figures by which practitioners know a step: model FLOP utilisation (MFU), tokens per second and
GPU, and whether it fits.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from typing import SupportsFloat, SupportsIndex

import attrs


def _amount(value: SupportsFloat) -> float:
    """A finite number of at least 0, of Python, from one of Python or numpy."""
    if isinstance(value, str) or not 0 <= float(value) < math.inf:
        raise ValueError(f"an amount is a finite number of at least 0, got {value!r:.60}")
    return float(value)


def _amounts(values: Mapping[str, SupportsFloat]) -> dict[str, float]:
    return {str(key): _amount(value) for key, value in values.items()}


def _count(value: SupportsIndex) -> int:
    found = operator.index(value)
    if found < 0:
        raise ValueError(f"a count is at least 0, got {found}")
    return found


def _share(value: SupportsFloat) -> float:
    if not 0 <= float(value) <= 1:
        raise ValueError(f"a share is a number from 0 to 1, got {value!r:.60}")
    return float(value)


def _parts(values: Iterable[RankMemory]) -> tuple[RankMemory, ...]:
    found = tuple(values)
    for value in found:
        if not isinstance(value, RankMemory):
            raise ValueError(f"memory holds RankMemory, got {value!r:.60}")  # noqa: TRY004 - one kind of error
    return found


@attrs.frozen(kw_only=True)
class RankMemory:
    """Device memory of the ranks that hold one part of the model, e.g. a pipeline stage; all in bytes.

    ``ValueError`` for what is no finite number of at least 0; numbers of numpy become numbers of Python.

    Attributes:
        label: Which ranks, e.g. ``stage 0``.
        weights_bytes: Parameters in the precision of the products.
        gradients_bytes: Gradients as they are accumulated.
        optimizer_bytes: Optimizer state, full-precision copies of the parameters included.
        activations_bytes: Stored for the backward pass, at their peak under the schedule.
        logits_bytes: Output of the head and what the loss keeps beside it, at their peak.
        buffers_bytes: What communication and kernels need beside that: gathered shards, workspaces, the context.
    """

    label: str
    weights_bytes: float = attrs.field(converter=_amount)
    gradients_bytes: float = attrs.field(converter=_amount)
    optimizer_bytes: float = attrs.field(converter=_amount)
    activations_bytes: float = attrs.field(converter=_amount)
    logits_bytes: float = attrs.field(default=0.0, converter=_amount)
    buffers_bytes: float = attrs.field(default=0.0, converter=_amount)

    @property
    def persistent_bytes(self) -> float:
        """What stays allocated between two steps."""
        return self.weights_bytes + self.gradients_bytes + self.optimizer_bytes

    @property
    def peak_bytes(self) -> float:
        """The most that is allocated at one time."""
        return self.persistent_bytes + self.activations_bytes + self.logits_bytes + self.buffers_bytes


@attrs.frozen(kw_only=True)
class StepSizes:
    """What a step amounts to, over all its ranks.

    ``ValueError`` for what is no finite number of at least 0; numbers of numpy become numbers of Python.

    Attributes:
        tokens: Tokens that the step trains on.
        model_flop: Forward products × 3 by the number format of the products: attention counted in full, the head
            included, nothing computed twice (Narayanan et al. 2021, section 5; Chowdhery et al. 2022, appendix B).
        causal_flop: The same over all formats with the masked half of causal attention left out.
        hardware_flop: ``model_flop`` over all formats and what recomputation adds, attention in full.
        memory: One entry per part of the model; empty where memory is not modelled.
        usable_share: Of a device's memory, what tensors can take before an allocator finds no room for the next:
            fragments, and the memory of libraries, are the rest.
    """

    tokens: int = attrs.field(converter=_count)
    model_flop: Mapping[str, float] = attrs.field(converter=_amounts)
    causal_flop: float = attrs.field(converter=_amount)
    hardware_flop: float = attrs.field(converter=_amount)
    memory: tuple[RankMemory, ...] = attrs.field(default=(), converter=_parts)
    usable_share: float = attrs.field(default=1.0, converter=_share)

    @property
    def persistent_bytes(self) -> float | None:
        """What stays on the fullest rank between two steps; None where memory is not modelled."""
        return max((part.persistent_bytes for part in self.memory), default=None)

    @property
    def peak_bytes(self) -> float | None:
        """The highest peak of any rank; None where memory is not modelled."""
        return max((part.peak_bytes for part in self.memory), default=None)

    def fits(self, memory_bytes: float) -> bool | None:
        """True if the fullest rank's peak fits a device of ``memory_bytes``; None where memory is not modelled."""
        peak = self.peak_bytes
        return None if peak is None else peak <= self.usable_share * memory_bytes
