"""The producer ``transformer``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from versim import ClusterChoice, ExecutionGraph, StepSizes

from versim_transformer.described import settings_of
from versim_transformer.drafting import drafted
from versim_transformer.options import TransformerOptions
from versim_transformer.sizes import step_sizes
from versim_transformer.step_graph import step_graph


@attrs.frozen
class TransformerProducer:
    """A training step of a transformer as Megatron-LM, FSDP or nanotron runs it."""

    name: str = "transformer"
    options: type = TransformerOptions

    def produce(self, options: TransformerOptions) -> ExecutionGraph:
        """The graph of the step.

        Raises:
            FaultsError: Everything in the options that does not fit together.
            UnknownNameError: A model that does not exist.
        """
        return step_graph(settings_of(options))

    def draft(self, cluster: ClusterChoice, options: Mapping[str, Any]) -> str:
        """The scenario of a step on a cluster.

        Raises:
            FaultsError: Options that do not fit together, or the cluster.
            UnknownNameError: No such model or cluster.
        """
        return drafted(self, cluster, options)

    def sizes(self, options: TransformerOptions) -> StepSizes:
        """Tokens, operations and memory of the step.

        Raises:
            FaultsError: As :meth:`produce`.
            UnknownNameError: As :meth:`produce`.
        """
        return step_sizes(settings_of(options))
