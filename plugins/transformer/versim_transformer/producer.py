"""The producer ``transformer``."""

from __future__ import annotations

import attrs
from versim import ExecutionGraph, StepSizes

from versim_transformer.described import settings_of
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

    def sizes(self, options: TransformerOptions) -> StepSizes:
        """Tokens, operations and memory of the step.

        Raises:
            FaultsError: As :meth:`produce`.
            UnknownNameError: As :meth:`produce`.
        """
        return step_sizes(settings_of(options))
