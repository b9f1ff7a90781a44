"""What this plugin offers to versim.

Components are imported when somebody asks for them by name.
"""

from __future__ import annotations

from versim import hookimpl

VERSIM_API_VERSION = 1


@hookimpl
def versim_graph_producers() -> dict[str, str]:
    """Training steps and single products as DeepFlow builds them."""
    return {
        "deepflow-llm": "versim_deepflow.producer:DeepFlowLlm",
        "deepflow-gemm": "versim_deepflow.producer:DeepFlowGemm",
    }


@hookimpl
def versim_timing_models() -> dict[str, str]:
    """DeepFlow's roofline and its closed forms."""
    return {"deepflow": "versim_deepflow.timing:DeepFlowTiming"}


@hookimpl
def versim_backends() -> dict[str, str]:
    """DeepFlow's event loop."""
    return {"deepflow": "versim_deepflow.backend:DeepFlow"}
