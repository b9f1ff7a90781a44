"""What this plugin offers to versim.

Components are imported when somebody asks for them by name.
"""

from __future__ import annotations

from pathlib import Path

from versim import hookimpl

VERSIM_API_VERSION = 1

VERSIM_SCENARIOS = Path(__file__).parent / "scenarios"
"""Steps that people train, on machines that people own."""


@hookimpl
def versim_graph_producers() -> dict[str, str]:
    """Training steps of transformers as people train them."""
    return {"transformer": "versim_transformer.producer:TransformerProducer"}
