"""The producers: the training step of a transformer, and a single matrix product, as DeepFlow builds them."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from versim import ExecutionGraph, PresetInfo, System

from versim_deepflow.flattened_graph import flattened_graph, flattened_mesh
from versim_deepflow.gemm_graph import gemm_graph, gemm_mesh
from versim_deepflow.options import GemmOptions, Granularity, LlmOptions, gemm_of, overridden, step_of
from versim_deepflow.pipeline_graph import pipeline_graph, pipeline_mesh
from versim_deepflow.step import Step
from versim_deepflow.transformer_graph import transformer_graph, transformer_mesh


def _graph(step: Step, options: LlmOptions) -> ExecutionGraph:
    if options.granularity is Granularity.PIPELINE:
        return pipeline_graph(step, options.all_reduce)
    if options.granularity is Granularity.FLATTENED:
        return flattened_graph(step, options.all_reduce)
    return transformer_graph(step, operators=options.operators, phases=options.phases, local_ops=options.local_ops)


@attrs.frozen
class DeepFlowLlm:
    """The producer ``deepflow-llm``."""

    name: str = "deepflow-llm"
    options: type = LlmOptions

    def produce(self, options: LlmOptions) -> ExecutionGraph:
        """The graph of the step, or of one of its layers.

        Raises:
            FaultsError: A file is faulty, or the parts do not fit together.
            UnknownNameError: A preset or correction that does not exist.
        """
        graph = _graph(step_of(options), options)
        return attrs.evolve(graph, notes=(*graph.notes, *overridden(options)))

    def presets(self) -> Iterator[PresetInfo]:
        """Models and hardware that the options can name."""
        from versim_deepflow.preset_list import shipped_presets  # noqa: PLC0415 - only for the list

        yield from shipped_presets()

    def system(self, options: LlmOptions) -> System:
        """The network and device that the hardware describes.

        Raises:
            FaultsError: As :meth:`produce`, or a parallelism without a link.
        """
        step = step_of(options)
        meshes = {
            Granularity.PIPELINE: pipeline_mesh,
            Granularity.TRANSFORMER: transformer_mesh,
            Granularity.FLATTENED: flattened_mesh,
        }
        return step.system(meshes[options.granularity](step))


@attrs.frozen
class DeepFlowGemm:
    """The producer ``deepflow-gemm``."""

    name: str = "deepflow-gemm"
    options: type = GemmOptions

    def produce(self, options: GemmOptions) -> ExecutionGraph:
        """The graph of one matrix product.

        Raises:
            FaultsError: A file is faulty, or the parts do not fit together.
        """
        platform, model = gemm_of(options)
        return gemm_graph(platform, model, folded=options.folded)

    def system(self, options: GemmOptions) -> System:
        """The network and device that the hardware describes.

        Raises:
            FaultsError: As :meth:`produce`, or a parallelism without a link.
        """
        platform, _ = gemm_of(options)
        return platform.system(gemm_mesh(platform))
