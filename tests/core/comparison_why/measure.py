"""How long attribution takes on a million spans, and how much memory: ``python measure.py [replicas]``.

A pipeline of 16 stages with 64 microbatches, 8 layers per stage and an all-reduce per layer, with every replica a
class of its own: the worst case for folding.
"""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from backends import first_come, in_order, order_of  # noqa: E402
from fakes import pinned_of  # noqa: E402
from versim import ExecutionGraph, Fixed, GraphBuilder, Kind, Mesh, Op, Phase, RankClasses, instances_of  # noqa: E402
from versim.comparison import timeline  # noqa: E402
from versim.comparison.attribution import attribute  # noqa: E402
from versim.comparison.slack import path_change  # noqa: E402


def pipeline(dp: int, pp: int, microbatches: int, layers: int) -> ExecutionGraph:
    """One step of a pipeline, backward in the order of forward."""
    builder = GraphBuilder(Mesh.of(dp=dp, pp=pp))
    work = [(Fixed(1e-3), 1)]
    stages = [builder.place({"pp": stage}) for stage in range(pp)]
    forward: dict[tuple[int, int], int] = {}
    for microbatch in range(microbatches):
        received: list[int] = []
        for stage, on in enumerate(stages):
            after = received
            for _ in range(layers):
                after = [builder.compute("forward", work, on=on, after=after, phase=Phase.FORWARD)]
            forward[microbatch, stage] = after[0]
            if stage + 1 < pp:
                ends = {"source": on, "target": stages[stage + 1]}
                received = [builder.transfer("activation", 1 << 20, **ends, after=after, phase=Phase.FORWARD)[1]]
    for microbatch in range(microbatches):
        received = []
        for stage in reversed(range(pp)):
            on = stages[stage]
            after = [*received, *{forward[microbatch, stage], forward[microbatches - 1, stage]}]
            for _ in range(layers):
                after = [builder.compute("backward", work, on=on, after=after, phase=Phase.BACKWARD)]
                reduced = builder.collective(
                    "gradients", Kind.ALL_REDUCE, 1 << 22, axes=["dp"], on=on, after=after, phase=Phase.BACKWARD
                )
                builder.compute("apply", work, on=on, after=[reduced], phase=Phase.OPTIMIZER)
            if stage:
                ends = {"source": on, "target": stages[stage - 1]}
                received = [builder.transfer("gradient", 1 << 20, **ends, after=after, phase=Phase.BACKWARD)[1]]
    return builder.build()


def main() -> None:
    """Measure both policies."""
    replicas = int(sys.argv[1]) if len(sys.argv) > 1 else 27
    pinned = pinned_of(pipeline(replicas, 16, 64, 8))
    instances = instances_of(pinned.graph, RankClasses.single(pinned.graph.mesh))
    source = np.random.default_rng(1)
    compute = pinned.graph.op[instances.node] == Op.COMPUTE
    one, two = (
        np.where(
            compute,
            source.integers(10**8, 10**9, pinned.graph.node_count)[instances.node],
            source.integers(10**7, 10**8, len(instances.meeting_match))[instances.meeting],
        )
        for _ in range(2)
    )
    served = first_come(pinned, instances, one)
    order = order_of(instances, served)
    reference = timeline(served, instances)
    base_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    # Compute is pinned, so as a rule only communication differs; the worst case is that everything does.
    for what, durations in (("communication", np.where(compute, one, two)), ("everything", two)):
        ordered = in_order(pinned, instances, durations, order, serial=True)
        line = timeline(ordered, instances)
        for first, second, lines in ((served, ordered, (reference, line)), (ordered, served, (line, reference))):
            began, used = time.perf_counter(), time.process_time()
            found = attribute(pinned, first, second, lines=lines)
            taken = _since(began, used)
            if found is None:
                raise SystemExit("nothing to explain")
            matter = sum(term.effect_ps != 0 for term in found.terms[:-2])
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            sys.stdout.write(
                f"{instances.count} spans, {what} differs, {matter} of {len(found.order)} groups matter, "
                f"{found.policy}: {taken}, "
                f"peak {peak_mb} MB (before: {base_mb} MB), left {found.rest_ps} of {found.difference_ps} ps\n"
            )
        began, used = time.perf_counter(), time.process_time()
        agreement = path_change(reference, line).agreement
        sys.stdout.write(f"critical paths: {_since(began, used)}, agreement {agreement:.3f}\n")


def _since(began: float, used: float) -> str:
    return f"{time.perf_counter() - began:.1f} s ({time.process_time() - used:.1f} s of processor)"


if __name__ == "__main__":
    main()
