"""The timing model: distinct terms and messages in, seconds out."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import pytest
from versim import (
    Device,
    Dimension,
    FaultsError,
    Folded,
    Gemm,
    HostTransfer,
    Kind,
    Link,
    Message,
    NetworkLimits,
    Pointwise,
    UnsupportedGraphError,
)
from versim_deepflow.hardware import derive, load_preset
from versim_deepflow.options import LlmOptions, step_of
from versim_deepflow.pipeline_graph import pipeline_mesh
from versim_deepflow.timing import DeepFlowTiming, DeepFlowTimingOptions

MODEL = DeepFlowTiming()
DEVICE = derive(load_preset("a100-80gb")).device
STEP = step_of(LlmOptions(dp=2, pp=2, tp=2, microbatches=2))
SYSTEM = STEP.system(pipeline_mesh(STEP))


def test_compute_is_timed_row_by_row() -> None:
    """Every kind of term, in the order given."""
    terms = (HostTransfer(1e6), Gemm(512, 512, 512, 2), Pointwise(0, 0, 3), Pointwise(1e6, 1e6, 0), Pointwise(1, 1, 2))
    timing = MODEL.compute(DeepFlowTimingOptions())
    together = timing.times_s(terms, DEVICE.as_device())
    alone = [timing.times_s((term,), DEVICE.as_device())[0] for term in terms]
    assert together.tolist() == alone
    assert together[2] == 3 * DEVICE.kernel_launch_overhead_s


def test_host_copies_may_be_left_out() -> None:
    """A device without host bandwidth takes them as free."""
    silent = attrs.evolve(DEVICE, host_bandwidth_bytes_per_s=None).as_device()
    assert MODEL.compute(DeepFlowTimingOptions()).times_s((HostTransfer(1e9),), silent).tolist() == [0.0]


def test_a_folded_communication_is_no_compute() -> None:
    """Handing it to a compute timing is a programmer's mistake."""
    term = Folded(Kind.ALL_REDUCE, 8, "tp", 2)
    with pytest.raises(TypeError, match="Folded"):
        MODEL.compute(DeepFlowTimingOptions()).times_s((term,), DEVICE.as_device())  # type: ignore[arg-type]


def test_nothing_to_time_is_no_row() -> None:
    """An empty graph has no distinct terms."""
    assert MODEL.compute(DeepFlowTimingOptions()).times_s((), DEVICE.as_device()).shape == (0,)
    assert MODEL.network(DeepFlowTimingOptions()).times_s((), SYSTEM).shape == (0,)


def test_messages_see_the_link_of_their_axis() -> None:
    """DeepFlow knows bandwidth per parallelism."""
    slow = attrs.evolve(SYSTEM.axis_links["dp"], bandwidth_bytes_per_s=1e9)
    system = attrs.evolve(SYSTEM, axis_links={**SYSTEM.axis_links, "dp": slow})
    messages = [Message(Kind.ALL_REDUCE, 2**20, 2, axis) for axis in ("dp", "tp")]
    over_dp, over_tp = MODEL.network(DeepFlowTimingOptions()).times_s(messages, system).tolist()
    assert over_dp > over_tp


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (Message(Kind.BROADCAST, 8, 2), "no formula for broadcast"),
        (Message(Kind.ALL_REDUCE, 8, 2, algorithm="double_binary_tree"), "describe rings"),
    ],
)
def test_what_the_formulas_do_not_describe_is_refused(message: Message, complaint: str) -> None:
    """Instead of timed as something else."""
    with pytest.raises(UnsupportedGraphError, match=complaint):
        MODEL.network(DeepFlowTimingOptions()).times_s((message,), SYSTEM)


@pytest.mark.parametrize(
    ("ranks", "bandwidth_bytes_per_s", "latency_s"),
    [
        (range(4), 450e9, 1e-6),
        ((0, 4), 50e9, 5e-6),
        ((0, 2, 4, 6), 50e9, 5e-6),
        ((1, 6), 50e9, 5e-6),
        # Where it lies is not known: within the node.
        ((), 450e9, 1e-6),
    ],
)
def test_without_a_link_of_its_own_an_axis_is_within_or_between_nodes(
    ranks: Sequence[int], bandwidth_bytes_per_s: float, latency_s: float
) -> None:
    """DeepFlow tells two links apart; traffic between nodes used to get the one within."""
    inner = Dimension(topology="switch", size=4, link=Link(bandwidth_bytes_per_s=450e9, latency_s=1e-6))
    outer = Dimension(topology="switch", size=2, link=Link(bandwidth_bytes_per_s=50e9, latency_s=5e-6))
    nodes = attrs.evolve(SYSTEM, dimensions=(inner, outer), axis_links={})
    link = Link(bandwidth_bytes_per_s=bandwidth_bytes_per_s, latency_s=latency_s)
    given_link = attrs.evolve(SYSTEM, axis_links={"dp": link})
    message = Message(Kind.ALL_REDUCE, 2**20, max(2, len(ranks)), "dp", tuple(ranks))
    timing = MODEL.network(DeepFlowTimingOptions())
    assert timing.times_s([message], nodes).tolist() == timing.times_s([message], given_link).tolist()


def test_a_device_without_figures_is_refused() -> None:
    """With what is missing."""
    with pytest.raises(FaultsError, match="parameters"):
        MODEL.compute(DeepFlowTimingOptions()).times_s((Gemm(1, 1, 1, 2),), Device(name="bare"))


def test_element_wise_work_moves_to_dram_where_corrected() -> None:
    """63 times slower on this device."""
    work = (Pointwise(0, 2**34),)
    measured, mended = (
        MODEL.compute(DeepFlowTimingOptions(compat)).times_s(work, DEVICE.as_device())[0]
        for compat in ("deepflow", "pointwise_memory")
    )
    assert mended / measured == pytest.approx(63, rel=0.01)
    assert np.isfinite(mended)


def test_operations_without_bytes_are_refused_unless_the_roofline_is_mended() -> None:
    """DeepFlow ends there; work that touches no memory is bound by compute."""
    term = Pointwise(1e9, 0)
    with pytest.raises(FaultsError, match="needs bytes and ends there"):
        MODEL.compute(DeepFlowTimingOptions()).times_s((term,), DEVICE.as_device())
    (seconds,) = MODEL.compute(DeepFlowTimingOptions(compat="pointwise_memory")).times_s((term,), DEVICE.as_device())
    assert seconds == pytest.approx(1e9 / DEVICE.throughput_flop_per_s)


def test_an_all_to_all_on_a_ring_is_declared() -> None:
    """DeepFlow counts p - 1 shards over one link; round a ring of eight that is less than has to cross its middle."""
    link = Link(bandwidth_bytes_per_s=1e9, latency_s=0.0)
    message = Message(Kind.ALL_TO_ALL, 2**30, 8, "ep", tuple(range(8)))
    timing = MODEL.network(DeepFlowTimingOptions())
    assert isinstance(timing, NetworkLimits)
    for topology, faster in (("ring", True), ("switch", False)):
        dimension = Dimension(topology=topology, size=8, link=link)
        system = attrs.evolve(SYSTEM, dimensions=(dimension,), axis_links={})
        (takes_s,) = timing.times_s([message], system)
        least_s = system.fabric.least_time_s(message.kind, message.size_bytes, message.ranks)
        assert bool(takes_s < least_s) is faster
        assert bool(timing.network_limits([message], system)[0]) is faster
