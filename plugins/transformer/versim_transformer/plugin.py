"""What this plugin offers to versim.

Components are imported when versim asks for their kind, so that ``versim --help`` does not wait for numpy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from versim import hookimpl

if TYPE_CHECKING:
    from versim import GraphProducer

VERSIM_API_VERSION = 1

VERSIM_SCENARIOS = Path(__file__).parent / "scenarios"
"""Steps that people train, on machines that people own."""


@hookimpl
def versim_graph_producers() -> list[GraphProducer]:
    """Training steps of transformers as people train them."""
    from versim_transformer.producer import TransformerProducer  # noqa: PLC0415

    return [TransformerProducer()]
