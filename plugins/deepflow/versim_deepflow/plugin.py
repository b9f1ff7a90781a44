"""What this plugin offers to versim.

Components are imported when versim asks for their kind, so that ``versim --help`` does not wait for numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from versim import hookimpl

if TYPE_CHECKING:
    from versim import GraphProducer, SimulatorBackend, TimingModel

VERSIM_API_VERSION = 1


@hookimpl
def versim_graph_producers() -> list[GraphProducer]:
    """Training steps and single products as DeepFlow builds them."""
    from versim_deepflow.producer import DeepFlowGemm, DeepFlowLlm  # noqa: PLC0415

    return [DeepFlowLlm(), DeepFlowGemm()]


@hookimpl
def versim_timing_models() -> list[TimingModel]:
    """DeepFlow's roofline and its closed forms."""
    from versim_deepflow.timing import DeepFlowTiming  # noqa: PLC0415

    return [DeepFlowTiming()]


@hookimpl
def versim_backends() -> list[SimulatorBackend]:
    """DeepFlow's event loop."""
    from versim_deepflow.backend import DeepFlow  # noqa: PLC0415

    return [DeepFlow()]
