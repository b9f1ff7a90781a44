"""Attention kernels whose speed was published, for the frameworks that run them.

Tables hold the kernel that was measured for them, and frameworks run others. Where the speed of a framework's own
kernel is published for a generation of GPUs (``attention_kernels.json`` beside this module), attention takes what that
says, in every column: whoever times the rest does not make another kernel of it.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from versim.fabric import Device
from versim.work import Attention, Pass

_TERA = 1e12


@attrs.frozen(kw_only=True)
class AttentionKernel:
    """The published speed of a kernel on a generation of GPUs.

    Attributes:
        name: Of the kernel.
        source: Where that was read.
        peak_flop_per_s: Of the device it was measured on; others reach the same share of theirs.
        sustained: Time in runs of minutes over that of bursts, in which it was measured.
        lengths: Tokens per sequence, ascending.
        tflop_per_s: Head size ─▶ ``causal``, ``whole`` and ``whole_backward``, one per length; operations that a mask
            makes needless are not counted.
    """

    name: str
    source: str
    peak_flop_per_s: float
    sustained: float
    lengths: Sequence[int]
    tflop_per_s: Mapping[str, Mapping[str, Sequence[float]]]

    def time_s(self, term: Attention, device: Device) -> float | None:
        """Seconds of an attention on a device; None where the device's peak is not known.

        Between lengths and head sizes speed is linear in their logarithms; beyond them it is held. Other numbers of
        queries and keys run like the square of as many pairs, and a causal backward pass is slower than the whole
        one as the forward passes are.
        """
        peak = device.peak(term.dtype)
        if peak is None:
            return None
        length = math.sqrt(term.query_length * term.key_length)
        if term.of_pass is Pass.FORWARD:
            speed = self._speed("causal" if term.causal else "whole", length, term.head_size)
        else:
            speed = self._speed("whole_backward", length, term.head_size)
            if term.causal:
                causal, whole = (self._speed(kind, length, term.head_size) for kind in ("causal", "whole"))
                speed *= causal / whole
        return term.flop * self.sustained / (speed * _TERA * peak / self.peak_flop_per_s)

    def _speed(self, kind: str, length: float, head_size: float) -> float:
        sizes = sorted(self.tflop_per_s, key=float)
        at_sizes = [np.interp(math.log(length), np.log(self.lengths), self.tflop_per_s[size][kind]) for size in sizes]
        return float(np.interp(math.log(head_size), np.log([float(size) for size in sizes]), at_sizes))


@functools.cache
def kernel_of(name: str, generation: str) -> AttentionKernel | None:
    """The published speed of a kernel on a generation of GPUs; None where nobody published one."""
    found = _published().get(name, {}).get(generation)
    return None if found is None else AttentionKernel(name=name, **found)


@functools.cache
def _published() -> dict[str, Any]:
    path = Path(__file__).with_name("attention_kernels.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
