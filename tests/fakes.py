"""Small stand-ins: systems, timings and predictions with known figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from versim import (
    NO_TIME,
    NONE,
    PS_PER_NS,
    Consumed,
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Inputs,
    Instances,
    Link,
    Mesh,
    NoOptions,
    Prediction,
    RankClasses,
    Schedule,
    Spans,
    Status,
    System,
    Topology,
    instances_of,
    pin,
    prediction_of,
    replay,
)
from versim.kernel import KERNEL_VARIABLE


def with_and_without_kernel(found: Callable[[], Any]) -> tuple[Any, Any]:
    """What is found with the compiled kernel, and what without."""
    fast = found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KERNEL_VARIABLE, "off")
        return fast, found()


class Steps:
    """A producer with a step of its own and the system for it."""

    name = "steps"
    options = NoOptions

    def produce(self, _: NoOptions) -> ExecutionGraph:
        """Compute, then a sum over two ranks."""
        builder = GraphBuilder(Mesh.of(dp=2))
        first = builder.compute("work", [(Fixed(1e-6), 1)])
        builder.collective("sum", "all_reduce", 1000, axes=["dp"], after=[first])
        return builder.build()

    def system(self, _: NoOptions) -> System:
        """A ring of two."""
        link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
        return System(dimensions=(Dimension(topology="ring", size=2, link=link),), device=Device(name="none"))


def system_of(graph: ExecutionGraph) -> System:
    """A ring of the right size."""
    link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
    ring = Dimension(topology=Topology.RING, size=graph.mesh.world_size, link=link)
    return System(dimensions=(ring,), device=Device(name="fake"))


@attrs.frozen
class TimesOf:
    """A compute or network timing that answers with whatever a function makes of the rows."""

    answer: Callable[[Sequence[Any]], Any]

    def times_s(self, rows: Sequence[Any], _: object) -> Any:
        """The answer, unchecked."""
        return self.answer(rows)


def every(seconds: float) -> TimesOf:
    """A timing for which everything takes the same."""
    return TimesOf(lambda rows: np.full(len(rows), seconds))


def pinned_of(graph: ExecutionGraph) -> Inputs:
    """A pin of a graph whose compute is all of fixed duration."""
    return pin(graph, system_of(graph), label="fake")


def scheduled(
    pinned: Inputs, communication_ps: NDArray[np.int64], classes: RankClasses | None = None
) -> tuple[Instances, Schedule]:
    """A replay with the pinned compute times and one duration per communication."""
    instances = instances_of(pinned.graph, classes)
    return instances, replay(instances, pinned.compute_ns * PS_PER_NS, communication_ps[instances.meeting_match])


def predicted(
    pinned: Inputs,
    communication_ps: NDArray[np.int64] | int,
    *,
    label: str = "fake",
    classes: RankClasses | None = None,
) -> Prediction:
    """A sound prediction: a replay with one duration per communication."""
    each = np.broadcast_to(np.asarray(communication_ps, dtype=np.int64), pinned.graph.communication_count)
    instances, schedule = scheduled(pinned, each, classes)
    made = prediction_of(pinned, instances, schedule, simulator="fake", engine="fake 1")
    return attrs.evolve(made, label=label)


def with_spans(prediction: Prediction, **columns: Any) -> Prediction:
    """The prediction with some columns of its spans replaced and the ends that follow from them."""
    spans = attrs.evolve(prediction.spans, **columns)
    finish = np.zeros_like(prediction.finish_ps)
    np.maximum.at(finish, spans.rank, spans.end_ps)
    finish = finish[prediction.representative]
    makespan = int(spans.end_ps.max(initial=0)) if prediction.completed else None
    return attrs.evolve(prediction, spans=spans, finish_ps=finish, makespan_ps=makespan)


def served(
    instances: Instances, durations_ps: NDArray[np.int64], runs: NDArray[np.bool_] | None = None
) -> tuple[list[int], list[int]]:
    """Start and end of every instance, first come, first served, as the definition reads: nothing about it is fast.

    Args:
        instances: What runs.
        durations_ps: (instances,), of a part from the readiness of the last part to its own end.
        runs: (instances,), False for what is never started.
    """
    count, rank = instances.count, instances.rank_class.tolist()
    waits = [
        set(instances.dependency[instances.dependency_start[row] : instances.dependency_start[row + 1]].tolist())
        for row in range(count)
    ]
    together = {row: np.flatnonzero(instances.meeting == instances.meeting[row]).tolist() for row in range(count)}
    start, end, ends = [NO_TIME] * count, [NO_TIME] * count, [NO_TIME] * count
    arrived = [runs is not None and not runs[row] for row in range(count)]
    queue: list[int] = []
    now = 0
    while True:
        for row in range(count):
            if not arrived[row] and all(end[on] != NO_TIME for on in waits[row]):
                arrived[row] = True
                if instances.meeting[row] == NONE:
                    queue.append(row)
                    continue
                start[row] = now
                if all(start[part] != NO_TIME for part in together[row]):
                    for part in together[row]:
                        ends[part] = now + int(durations_ps[part])
        busy = {
            rank[row] for row in range(count) if instances.meeting[row] == NONE and start[row] != NO_TIME == end[row]
        }
        for row in queue.copy():
            if rank[row] not in busy:
                busy.add(rank[row])
                queue.remove(row)
                start[row], ends[row] = now, now + int(durations_ps[row])
        coming = [at for at, done in zip(ends, end, strict=True) if at != NO_TIME == done]
        if not coming:
            return start, end
        now = min(coming)
        for row in range(count):
            if ends[row] == now:
                end[row] = now


def nothing_ran(pinned: Inputs, status: Status = Status.ABORTED) -> Prediction:
    """A prediction of a run that gave up at once."""
    graph = pinned.graph
    world = graph.mesh.world_size
    return Prediction(
        simulator="fake",
        engine="fake 1",
        digest=pinned.digest,
        status=status,
        makespan_ps=None,
        finish_ps=np.full(world, NO_TIME, dtype=np.int64),
        representative=np.arange(world, dtype=np.int64),
        spans=Spans.none(),
        consumed=Consumed(compute_ns=pinned.compute_ns, size_bytes=graph.size_bytes),
        label="fake",
    )
