"""How long a compute node lasts in ASTRA-sim, given the nanoseconds it is to last.

Traces hold whole microseconds, and 0 of them is run as 1 ns. The roofline is finer: with a peak of 1 TFLOP/s, one byte
and ``ns * 1000 + 500`` operations a node lasts ``floor(ops / 1e12 * 1e9)`` = ``ns`` exactly, the 500 keeping it half a
nanosecond away from either neighbour (measured on 400 nodes of the real program). Local memory bounds the roofline too:
below 2/3 GB/s short nodes would last longer, which is computed here as the program does and reported.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from versim_astrasim.step.configuration import ROOFLINE_PEAK_TFLOP_PER_S

OPS_PER_NS = 1000 * ROOFLINE_PEAK_TFLOP_PER_S
TENSOR_BYTES = 1
_WHOLE = "whole microseconds, 0 running as 1 ns"
_NS_PER_MICRO = 1000
_LONGEST_NS = (2**63 - 1 - OPS_PER_NS) // OPS_PER_NS


@attrs.frozen(eq=False, kw_only=True)
class ComputeEncoding:
    """Compute nodes as a trace holds them; all columns have shape (nodes,).

    Attributes:
        host: Nodes of the CPU.
        duration_micros: Recorded duration.
        num_ops: Operations, None where durations are replayed.
        elided: Nodes that are left out because they take no time.
        consumed_ns: What ASTRA-sim makes of it; 0 for communication and elided nodes.
        notes: What was lost.
    """

    host: NDArray[np.bool_]
    duration_micros: NDArray[np.int64]
    num_ops: NDArray[np.int64] | None
    elided: NDArray[np.bool_]
    consumed_ns: NDArray[np.int64]
    notes: tuple[str, ...]

    @property
    def roofline(self) -> bool:
        """Whether the system has to switch the roofline on."""
        return self.num_ops is not None


def encode(
    compute_ns: NDArray[np.int64],
    is_compute: NDArray[np.bool_],
    encoding: str,
    local_mem_bw_gb_per_s: float,
    host: NDArray[np.bool_] | None = None,
) -> ComputeEncoding:
    """Encode compute nodes as ``roofline`` or ``micros``; those of the CPU are replayed in either.

    Args:
        compute_ns: Nanoseconds wanted, at least 0; shape (nodes,).
        is_compute: Which nodes are compute.
        encoding: ``roofline`` or ``micros``.
        local_mem_bw_gb_per_s: Bounds the roofline.
        host: Which nodes are of the CPU, None if there are none; shape (nodes,).
    """
    host = np.zeros(len(compute_ns), dtype=bool) if host is None else host & is_compute
    micros = np.rint(compute_ns / _NS_PER_MICRO).astype(np.int64)
    replayed = np.maximum(micros * _NS_PER_MICRO, 1)
    if encoding == "micros":
        consumed = np.where(is_compute, replayed, 0)
        return ComputeEncoding(
            host=host,
            duration_micros=np.where(is_compute, micros, 0),
            num_ops=None,
            elided=np.zeros(len(compute_ns), dtype=bool),
            consumed_ns=consumed,
            notes=_loss(compute_ns, consumed, is_compute, _WHOLE),
        )
    num_ops = np.minimum(compute_ns, _LONGEST_NS) * OPS_PER_NS + OPS_PER_NS // 2
    elided = is_compute & (compute_ns == 0)
    runs = is_compute & ~elided
    consumed = np.where(runs, np.where(host, replayed, roofline_ns(num_ops, local_mem_bw_gb_per_s)), 0)
    bounded = f"the roofline at local_mem_bw {local_mem_bw_gb_per_s} GB/s"
    notes = [*_loss(compute_ns, consumed, runs & ~host, bounded), *_loss(compute_ns, consumed, runs & host, _WHOLE)]
    if elided.any():
        notes.append(f"{elided.sum()} compute nodes of 0 ns were left out and their dependencies joined")
    return ComputeEncoding(
        host=host,
        duration_micros=np.where(is_compute, micros, 0),
        num_ops=num_ops,
        elided=elided,
        consumed_ns=consumed,
        notes=tuple(notes),
    )


def roofline_ns(num_ops: NDArray[np.int64], local_mem_bw_gb_per_s: float) -> NDArray[np.int64]:
    """What the real program's roofline makes of operations on one byte, operation by operation in double precision."""
    ops = num_ops.astype(np.float64)
    intensity = ops / TENSOR_BYTES
    perf = np.minimum(local_mem_bw_gb_per_s * 1e9 * intensity, ROOFLINE_PEAK_TFLOP_PER_S * 1e12)
    result: NDArray[np.int64] = np.floor(ops / perf * 1e9).astype(np.int64)
    return result


def _loss(
    wanted: NDArray[np.int64], consumed: NDArray[np.int64], where: NDArray[np.bool_], reason: str
) -> tuple[str, ...]:
    off = np.abs(consumed - wanted)[where]
    if not off.any():
        return ()
    return (f"{np.count_nonzero(off)} compute nodes last up to {off.max()} ns more or less than pinned: {reason}",)
