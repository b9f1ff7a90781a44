"""How long the analysis of a comparison of a million spans takes, and how much memory.

Run with ``python benchmarks/analysis.py [replicas]``. The step is a pipeline of 16 stages with 64 microbatches, 8
layers a stage and an all-reduce per layer, in which every replica is a rank class of its own: the worst case for
folding. One prediction overlaps communication freely, first come, first served; the other lets every rank run one send
or collective at a time, and computes a little longer. Both are analysed in full (alignment, totals, breakdowns, checks,
critical paths, attribution): with either as the reference, with known times in isolation, and with Shapley averages.

Prints seconds of processor, the bar, the ratio to sorting the same number of spans in this process, the time per span
beside that of a comparison of fewer spans, and the peak of memory. Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    NONE,
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Inputs,
    Instances,
    Kind,
    Link,
    Mesh,
    Op,
    Phase,
    Prediction,
    RankClasses,
    Schedule,
    System,
    Topology,
    compare_predictions,
    instances_of,
    pin,
    prediction_of,
    replay,
)

STAGES, MICROBATCHES, LAYERS = 16, 64, 8
REPLICAS = 28
BAR_S, BAR_GB = 20.0, 2.0


def pipeline(replicas: int) -> ExecutionGraph:
    """One step of a pipeline, backward in the order of forward."""
    builder = GraphBuilder(Mesh.of(dp=replicas, pp=STAGES))
    work = [(Fixed(1e-3), 1)]
    stages = [builder.place({"pp": stage}) for stage in range(STAGES)]
    forward: dict[tuple[int, int], int] = {}
    for microbatch in range(MICROBATCHES):
        received: list[int] = []
        for stage, on in enumerate(stages):
            after = received
            for _ in range(LAYERS):
                after = [builder.compute("forward", work, on=on, after=after, phase=Phase.FORWARD)]
            forward[microbatch, stage] = after[0]
            if stage + 1 < STAGES:
                ends = {"source": on, "target": stages[stage + 1]}
                received = [builder.transfer("activation", 1 << 20, **ends, after=after, phase=Phase.FORWARD)[1]]
    for microbatch in range(MICROBATCHES):
        received = []
        for stage in reversed(range(STAGES)):
            on = stages[stage]
            after = [*received, *{forward[microbatch, stage], forward[MICROBATCHES - 1, stage]}]
            for _ in range(LAYERS):
                after = [builder.compute("backward", work, on=on, after=after, phase=Phase.BACKWARD)]
                reduced = builder.collective(
                    "gradients", Kind.ALL_REDUCE, 1 << 22, axes=["dp"], on=on, after=after, phase=Phase.BACKWARD
                )
                builder.compute("apply", work, on=on, after=[reduced], phase=Phase.OPTIMIZER)
            if stage:
                ends = {"source": on, "target": stages[stage - 1]}
                received = [builder.transfer("gradient", 1 << 20, **ends, after=after, phase=Phase.BACKWARD)[1]]
    return builder.build()


def one_at_a_time(instances: Instances, duration_ps: NDArray[np.int64], order: list[int]) -> Schedule:
    """Every rank runs one send or collective at a time; everything begins in the order of ``order``, by unit."""
    op = instances.graph.op[instances.node].tolist()
    rank, meeting = instances.rank_class.tolist(), instances.meeting.tolist()
    starts, dependency = instances.dependency_start.tolist(), instances.dependency.tolist()
    duration = duration_ps.tolist()
    part_start, part_rows = (column.tolist() for column in instances.parts())
    ready, start, end = ([0] * instances.count for _ in range(3))
    free: dict[tuple[int, bool], int] = {}
    for unit in order:
        rows = [unit] if unit >= 0 else part_rows[part_start[~unit] : part_start[~unit + 1]]
        for row in rows:
            ready[row] = start[row] = max((end[on] for on in dependency[starts[row] : starts[row + 1]]), default=0)
            if op[row] != Op.RECV:
                start[row] = max(start[row], free.get((rank[row], meeting[row] == NONE), 0))
        begin = max(start[row] for row in rows)
        for row in rows:
            end[row] = begin + duration[row]
            if op[row] != Op.RECV:
                free[rank[row], meeting[row] == NONE] = end[row]
    columns = (np.array(column, dtype=np.int64) for column in (ready, start, end))
    return Schedule(**dict(zip(("ready_ps", "start_ps", "end_ps"), columns, strict=True)))


@attrs.frozen(eq=False)
class Pair:
    """Two predictions of one step, and what its communications take alone."""

    pinned: Inputs
    system: System
    predictions: tuple[Prediction, Prediction]
    isolated_ps: tuple[int, ...]

    @property
    def spans(self) -> int:
        """In both together."""
        return sum(prediction.spans.count for prediction in self.predictions)


def pair_of(replicas: int) -> Pair:
    """Communication differs in every group, compute is as pinned."""
    graph = pipeline(replicas)
    link = Link(bandwidth_bytes_per_s=1e11, latency_s=1e-6)
    ring = Dimension(topology=Topology.RING, size=graph.mesh.world_size, link=link)
    system = System(dimensions=(ring,), device=Device(name="none"))
    pinned = pin(graph, system, label="made")
    instances = instances_of(graph, RankClasses.single(graph.mesh))
    source = np.random.default_rng(1)
    compute_ps = pinned.compute_ns * 1000
    alone_ps = source.integers(10**7, 10**8, graph.communication_count)
    # No two replicas are alike, so nothing folds; in the other prediction everything takes longer beside others.
    meeting_ps = alone_ps[instances.meeting_match] + source.integers(0, 10**6, len(instances.meeting_match))
    beside = replay(instances, compute_ps, meeting_ps)
    longer_ps = compute_ps[instances.node] + source.integers(0, 10**6, instances.count)
    duration_ps = np.where(instances.meeting == NONE, longer_ps, (meeting_ps * 3 // 2)[instances.meeting])
    begin_ps = np.zeros(len(instances.meeting_match), dtype=np.int64)
    parts = instances.meeting != NONE
    np.maximum.at(begin_ps, instances.meeting[parts], beside.start_ps[parts])
    alone = np.flatnonzero(~parts)
    units = np.concatenate([alone, ~np.arange(len(begin_ps))])
    order = units[np.argsort(np.concatenate([beside.start_ps[alone], begin_ps]), kind="stable")].tolist()
    schedules = {"beside": beside, "in turn": one_at_a_time(instances, duration_ps, order)}
    made = [
        attrs.evolve(prediction_of(pinned, instances, ran, simulator=label, engine="made"), label=label)
        for label, ran in schedules.items()
    ]
    isolated = tuple((alone_ps * 6 // 5).tolist())
    return Pair(pinned, system, (made[0], made[1]), isolated)


def seconds(run: Callable[[], object]) -> float:
    """Seconds of processor that something takes."""
    began = time.process_time()
    run()
    return time.process_time() - began


def peak_gb() -> float:
    """The most memory that this process has held, in GB of 10^9 bytes."""
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kib / 1e6 if sys.platform == "darwin" else kib * 1024 / 1e9


def sorted_s(spans: int) -> float:
    """Seconds of sorting as many spans by rank and start: the least that any analysis does with them."""
    keys = list(zip(np.random.default_rng(2).integers(0, 1 << 40, spans).tolist(), range(spans), strict=True))
    return seconds(lambda: sorted(keys))


def analysed_s(pair: Pair, reference: str, **options: object) -> tuple[float, str]:
    """Seconds of a full analysis, and what it says."""
    found = []
    taken = seconds(
        lambda: found.append(
            compare_predictions(pair.inputs, pair.predictions, reference, **options)  # type: ignore[arg-type]
        )
    )
    (other,) = [result for result in found[0].results if result.label != reference]
    explained = other.attribution
    if explained is None or sum(term.effect_ps for term in explained.terms) != other.difference_ps:
        raise SystemExit("the terms do not sum to the difference")
    return taken, f"{explained.policy}, left {explained.rest_ps} of {explained.difference_ps} ps"


def main() -> int:
    """Every measurement."""
    replicas = int(sys.argv[1]) if len(sys.argv) > 1 else REPLICAS
    small, large = pair_of(max(2, replicas // 10)), pair_of(replicas)
    made_gb = peak_gb()
    sort_s = sorted_s(large.spans)
    print(f"{large.spans} spans in two predictions ({made_gb:.2f} GB made them); sorting as many takes {sort_s:.2f} s")
    good = True
    for name, reference, options in (
        ("either order may follow", "beside", {}),
        ("orders are kept", "in turn", {}),
        ("contention told apart", "beside", {"isolated": True}),
        ("Shapley averages", "beside", {"averaging": "shapley"}),
    ):
        given = [dict(options) for _ in range(2)]
        for each, pair in zip(given, (small, large), strict=True):
            if each.pop("isolated", False):
                each["isolated_ps"] = dict.fromkeys(("beside", "in turn"), pair.isolated_ps)
        little_s, _ = analysed_s(small, reference, **given[0])
        taken, said = analysed_s(large, reference, **given[1])
        per_span = taken / large.spans / (little_s / small.spans)
        print(
            f"{name:<26}{taken:>7.2f} s  < {BAR_S:g} s  {taken / sort_s:>5.1f} × sorting; "
            f"per span {per_span:.2f} × that of {small.spans} spans; {said}"
        )
        good &= taken < BAR_S
    print(f"peak of memory {peak_gb():.2f} GB (bar {BAR_GB} GB)")
    return 0 if good and peak_gb() < BAR_GB else 1


if __name__ == "__main__":
    raise SystemExit(main())
