"""In which order a pipeline stage works: which node waits for one it needs no data from.

GPipe: every stage runs all its forward microbatches, then all its backward ones, last first (Huang et al., 2019).
DeepFlow states this order as dependencies from one microbatch to the next, but its indices go astray where stages are
uneven, so that a node waits for one on another stage, or for nothing. Both orders are here, as pairs of nodes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
from versim import Phase


@attrs.frozen(cache_hash=True)
class Task:
    """A compute node of the pipeline graph.

    Attributes:
        part: ``embedding``, ``transformer`` or ``vocabulary``.
        phase: Forward or backward.
        microbatch: Which one.
        layer: For a layer, which one.
    """

    part: str
    phase: Phase
    microbatch: int
    layer: int = 0


@attrs.frozen
class Layout:
    """Which stage holds which layer.

    Attributes:
        layers: Transformer layers.
        stages: Pipeline stages. The first also holds the embedding, the last the vocabulary layer.
    """

    layers: int
    stages: int

    @property
    def layers_per_stage(self) -> int:
        """Layers dealt to a stage while there are any."""
        return max(1, math.ceil(self.layers / self.stages))

    def stage(self, layer: int) -> int:
        """The stage that holds a layer."""
        return min(layer // self.layers_per_stage, self.stages - 1)

    def stage_of(self, task: Task) -> int:
        """The stage a task runs on."""
        if task.part == "transformer":
            return self.stage(task.layer)
        return 0 if task.part == "embedding" else self.stages - 1

    @property
    def empty_stages(self) -> tuple[int, ...]:
        """Stages without a layer."""
        held = {self.stage(layer) for layer in range(self.layers)}
        return tuple(stage for stage in range(self.stages) if stage not in held)

    @property
    def first_of_stage(self) -> tuple[int, ...]:
        """The first layer of every stage that holds one."""
        return (0, *(layer for layer in range(1, self.layers) if self.stage(layer) != self.stage(layer - 1)))


def microbatch_tasks(layout: Layout, phase: Phase, microbatch: int) -> tuple[Task, ...]:
    """The tasks of a microbatch in one phase, in the order in which data flows."""
    forward = (
        Task("embedding", phase, microbatch),
        *(Task("transformer", phase, microbatch, layer) for layer in range(layout.layers)),
        Task("vocabulary", phase, microbatch),
    )
    return forward if phase is Phase.FORWARD else forward[::-1]


def staged_order(layout: Layout, microbatches: int) -> Iterator[tuple[Task, Task]]:
    """GPipe's order: on each stage, the last task of a microbatch before the first of the next.

    Yields:
        Pairs of tasks on the same stage, the second waits for the first.
    """
    for phase in (Phase.FORWARD, Phase.BACKWARD):
        numbers = range(microbatches) if phase is Phase.FORWARD else range(microbatches - 1, -1, -1)
        last: dict[int, Task] = {}
        for microbatch in numbers:
            ends: dict[int, tuple[Task, Task]] = {}
            for task in microbatch_tasks(layout, phase, microbatch):
                stage = layout.stage_of(task)
                ends[stage] = (ends[stage][0] if stage in ends else task, task)
            for stage, (first, _) in ends.items():
                if stage in last:
                    yield last[stage], first
            last = {stage: end for stage, (_, end) in ends.items()}


def deepflow_order(layout: Layout, microbatches: int) -> Iterator[tuple[Task, Task]]:
    """The order as DeepFlow (llm-dev, 9c184bd) wires it; the same as :func:`staged_order` where stages are even.

    Yields:
        Pairs of tasks, the second waits for the first; they may stand on different stages.
    """
    starts = layout.first_of_stage
    for microbatch in range(microbatches - 1):
        following = microbatch + 1
        for number, start in enumerate(starts[1:]):
            end = Task("transformer", Phase.FORWARD, microbatch, start - 1)
            if layout.stage(start - 1) == 0:
                yield end, Task("embedding", Phase.FORWARD, following)
            else:
                yield end, Task("transformer", Phase.FORWARD, following, starts[number])
        vocabulary = Task("vocabulary", Phase.FORWARD, microbatch)
        yield vocabulary, Task("transformer", Phase.FORWARD, following, starts[-1])
    yield from _deepflow_backward(layout, microbatches)


def _deepflow_backward(layout: Layout, microbatches: int) -> Iterator[tuple[Task, Task]]:
    ends = layout.first_of_stage[:0:-1]  # where the backward pass leaves a stage, last stage first
    # Entered from behind, as if the last stages were never empty; an entry that is not set means the last layer.
    entry = [layout.layers - 1] * layout.stages
    for number, end in enumerate(ends):
        entry[layout.stages - 2 - number] = end - 1
    for microbatch in range(microbatches - 1, 0, -1):
        following = microbatch - 1
        for number, end in enumerate(ends):
            leaves = Task("transformer", Phase.BACKWARD, microbatch, end)
            if layout.stage(end) == layout.stages - 1:
                yield leaves, Task("vocabulary", Phase.BACKWARD, following)
            else:
                yield leaves, Task("transformer", Phase.BACKWARD, following, entry[layout.stages - 1 - number])
        yield (
            Task("embedding", Phase.BACKWARD, microbatch),
            Task("transformer", Phase.BACKWARD, following, entry[0]),
        )
