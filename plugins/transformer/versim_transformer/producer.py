"""The producer ``transformer``; what writes its graphs is imported when a graph is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from versim import ClusterChoice, ExecutionGraph, PresetInfo, StepSizes

from versim_transformer.options import TransformerOptions


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
        from versim_transformer.step_graph import step_graph  # noqa: PLC0415
        from versim_transformer.validation import settings_of  # noqa: PLC0415

        return step_graph(settings_of(options))

    def draft(self, cluster: ClusterChoice, options: Mapping[str, Any]) -> str:
        """The scenario of a step on a cluster.

        Raises:
            FaultsError: Options that do not fit together, or the cluster.
            UnknownNameError: No such model or cluster.
        """
        from versim_transformer.drafting import drafted  # noqa: PLC0415

        return drafted(self, cluster, options)

    def presets(self) -> Iterator[PresetInfo]:
        """Published models that ``model`` can name."""
        from versim_transformer.presets import PRESETS  # noqa: PLC0415 - only for the list

        for name, preset in PRESETS.items():
            model = preset.architecture
            heads = f"{model.heads} heads" + (f" ({model.kv_heads} kv)" if model.kv_heads != model.heads else "")
            billions = float(f"{preset.parameters / 1e9:.3g}")
            figures = f"{billions:,g} B parameters; {model.layers} layers of {model.hidden}, {heads}"
            yield PresetInfo(name=name, figures=figures, source=preset.source, used="model", family="models")

    def world_size(self, options: TransformerOptions) -> int:
        """Ranks in all, whether or not the step can be made."""
        return options.tp * options.cp * options.dp * options.pp

    def resemblance(self, options: TransformerOptions) -> str:
        """Steps with the same tasks per stage, whose passes communicate beside computation alike."""
        microbatches = options.gbs // (options.mbs * options.dp)
        apart = [degree > 1 for degree in (options.tp, options.cp, options.dp, options.ep)]
        return repr((str(options.model), options.pp, options.vp, microbatches, apart, str(options.recompute)))

    def sizes(self, options: TransformerOptions) -> StepSizes:
        """Tokens, operations and memory of the step.

        Raises:
            FaultsError: As :meth:`produce`.
            UnknownNameError: As :meth:`produce`.
        """
        from versim_transformer.sizes import step_sizes  # noqa: PLC0415
        from versim_transformer.validation import settings_of  # noqa: PLC0415

        return step_sizes(settings_of(options))
