"""The timing model ``deepflow``: compute on a device, and communication that has the network to itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    ATTENTION_BACKWARD,
    Attention,
    ComputeTiming,
    Device,
    DeviceTerm,
    FaultsError,
    Gemm,
    GroupedGemm,
    HostTransfer,
    Kind,
    Message,
    NetworkTiming,
    Pass,
    Pointwise,
    System,
    Topology,
    UnsupportedGraphError,
)

from versim_deepflow.collectives import IsolatedCollectives
from versim_deepflow.corrections import Corrections, compat_option
from versim_deepflow.gemm import gemm_time
from versim_deepflow.hardware.data_sheet import modelled
from versim_deepflow.roofline import pointwise_times_s

_ALGORITHMS = ("", "ring")
"""What the closed forms describe."""


ALL_TO_ALL = "DeepFlow counts an all-to-all as if every two ranks had a link between them"
"""On a ring they have none, and into an oversubscribed switch they share."""


@attrs.frozen
class DeepFlowTimingOptions:
    """Options of the timing model ``deepflow``.

    Attributes:
        compat: Which known defects of DeepFlow to mend.
    """

    compat: str = compat_option()


class DeepFlowComputeTiming:
    """Seconds of compute: best-tile GEMMs and rooflines.

    Args:
        corrections: Which known defects to mend.
    """

    def __init__(self, corrections: Corrections) -> None:
        self._corrections = corrections

    def times_s(self, terms: Sequence[DeviceTerm], device: Device) -> NDArray[np.float64]:
        """Seconds of each term on a device with DeepFlow's figures or a data sheet; shape (terms,).

        A GEMM takes its best schedule and one launch; element-wise work its roofline and its launches; a host transfer
        bytes over host bandwidth, or nothing where the device leaves such copies out. DeepFlow has one product per
        kernel: those of a batch, of experts and of fused attention run one after the other under one launch, and
        attention's scores pass through memory as any product's do.

        Raises:
            FaultsError: The device has neither DeepFlow's figures nor a data sheet; or there are operations without
                bytes, at which DeepFlow ends, unless its roofline is mended.
        """
        model = modelled(device, "")
        times = np.zeros(len(terms))
        pointwise = []
        for row, term in enumerate(terms):
            if isinstance(term, Gemm | GroupedGemm | Attention):
                of_format = modelled(device, term.dtype, term.element_bytes)
                times[row] = of_format.kernel_launch_overhead_s + sum(
                    count * gemm_time(m, k, n, term.element_bytes, of_format).time_s
                    for m, k, n, count in _products(term)
                )
            elif isinstance(term, Pointwise):
                pointwise.append((row, term))
            elif model.host_bandwidth_bytes_per_s is not None:
                times[row] = _transferred(term).size_bytes / model.host_bandwidth_bytes_per_s
        if pointwise:
            rows = [row for row, _ in pointwise]
            flop, access_bytes, launches = (
                np.array([getattr(term, field) for _, term in pointwise], dtype=np.float64)
                for field in ("flop", "access_bytes", "launches")
            )
            self._refuse_operations_without_bytes(flop, access_bytes)
            busy = pointwise_times_s(flop, access_bytes, model, from_dram=self._corrections.pointwise_memory)
            times[rows] = busy + launches * model.kernel_launch_overhead_s
        return times

    def _refuse_operations_without_bytes(self, flop: NDArray[np.float64], access_bytes: NDArray[np.float64]) -> None:
        bad = np.flatnonzero((flop > 0) & (access_bytes < 1))
        if len(bad) and not self._corrections.pointwise_memory:
            first = int(bad[0])
            fault = (
                f"element-wise work of {flop[first]:g} operations on {access_bytes[first]:g} bytes: DeepFlow's "
                "roofline needs bytes and ends there; the correction pointwise_memory takes it as bound by compute"
            )
            raise FaultsError("compute timing deepflow", [fault])


def _products(term: Gemm | GroupedGemm | Attention) -> Iterator[tuple[float, float, float, float]]:
    """The products (m, k, n) of a term, and how often each is done."""
    if isinstance(term, Gemm):
        yield term.m, term.k, term.n, term.batch
    elif isinstance(term, GroupedGemm):
        yield term.m / term.groups, term.k, term.n, term.groups
    else:
        count = term.batch * term.heads * (0.5 if term.causal else 1.0)
        if term.of_pass is not Pass.FORWARD:
            count *= ATTENTION_BACKWARD
        yield term.query_length, term.head_size, term.key_length, count
        yield term.query_length, term.key_length, term.value_size or term.head_size, count


def _transferred(term: DeviceTerm) -> HostTransfer:
    if not isinstance(term, HostTransfer):
        raise TypeError(f"a compute timing cannot time {type(term).__name__}")
    return term


class DeepFlowNetworkTiming:
    """Seconds of communication on the links of its parallelism, alone.

    Args:
        corrections: Which known defects to mend.
    """

    def __init__(self, corrections: Corrections) -> None:
        self._corrections = corrections

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message; shape (messages,).

        Raises:
            UnsupportedGraphError: A broadcast, or an algorithm other than the ring.
            FaultsError: The device lacks DeepFlow's figures.
        """
        closed_form = IsolatedCollectives(modelled(system.device, ""), self._corrections)
        times = np.zeros(len(messages))
        rows_of: dict[Kind, list[int]] = {}
        for row, message in enumerate(messages):
            if message.kind not in closed_form.kinds:
                raise UnsupportedGraphError(
                    f"DeepFlow has no formula for {message.kind} ({message.size_bytes} bytes, {message.participants} "
                    "ranks); choose another network timing"
                )
            if message.algorithm not in _ALGORITHMS:
                raise UnsupportedGraphError(
                    f"DeepFlow's formulas describe rings, but {message.kind} of {message.size_bytes} bytes asks for "
                    f"{message.algorithm!r}; choose another network timing"
                )
            rows_of.setdefault(message.kind, []).append(row)
        for kind, rows in rows_of.items():
            links = [system.link(messages[row].axis, messages[row].ranks) for row in rows]
            times[rows] = closed_form.times_s(
                kind,
                np.array([messages[row].size_bytes for row in rows], dtype=np.float64),
                np.array([messages[row].participants for row in rows], dtype=np.float64),
                np.array([link.bandwidth_bytes_per_s for link in links]),
                np.array([link.latency_s for link in links]),
            )
        return times

    def network_limits(self, messages: Sequence[Message], system: System) -> list[str]:
        """What DeepFlow does not model of each message's network: links that an all-to-all has to share."""
        return [
            ALL_TO_ALL if message.kind is Kind.ALL_TO_ALL and _shares(message, system) else "" for message in messages
        ]


def _shares(message: Message, system: System) -> bool:
    crossed = [system.dimensions[level.dimension] for level in system.fabric.spread(message.ranks).levels]
    return any(one.topology is Topology.RING or one.oversubscription != 1 for one in crossed)


@attrs.frozen
class DeepFlowTiming:
    """The timing model ``deepflow``."""

    name: str = "deepflow"
    options: type = DeepFlowTimingOptions

    def compute(self, options: DeepFlowTimingOptions) -> ComputeTiming:
        """Times compute."""
        return DeepFlowComputeTiming(Corrections.parse(options.compat))

    def network(self, options: DeepFlowTimingOptions) -> NetworkTiming:
        """Times isolated communication."""
        return DeepFlowNetworkTiming(Corrections.parse(options.compat))
