"""What simulating one replica until replicas part saves: a step whose last all-reduce goes round all of them.

Run with ``python benchmarks/parting.py``. It is simulated rank by rank and from one replica on, by the compiled engine
alone; figures are processor seconds, with the translation and the search for where ranks part.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

# This script's own folder comes first on the path, and a script in it has the name of a package needed below.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

from versim import (  # noqa: E402
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    System,
    pin,
)
from versim_astrasim.options import BackendOptions  # noqa: E402
from versim_astrasim.step.engine import least_ranks, outcome_of  # noqa: E402
from versim_astrasim.step.translate import translate  # noqa: E402

MIB = 1 << 20


def parting(replicas: int, microbatches: int) -> ExecutionGraph:
    """Eight stages of eight ranks, stages outermost; gradients are summed and their norm taken at the end."""
    builder, stages = GraphBuilder(Mesh.of(pp=8, dp=replicas, tp=8)), range(8)
    last: list[list[int]] = [[] for _ in stages]
    for number in range(microbatches):
        for stage in stages:
            on, after = {"pp": stage}, last[stage]
            if stage:
                received = builder.recv("activations", MIB, match=("activations", number, stage), on=on)
                after = [*after, received]
            for layer in range(6):
                row = builder.compute("layer", [(Fixed((100 + 7 * stage + layer) * 1e-6), 1)], on=on, after=after)
                after = [builder.collective("reduce", Kind.ALL_REDUCE, MIB, axes=["tp"], on=on, after=[row])]
            last[stage] = after
            if stage < stages[-1]:
                builder.send("activations", MIB, match=("activations", number, stage + 1), on=on, after=after)
    for stage in stages:
        on = {"pp": stage}
        summed = builder.collective("gradients", Kind.ALL_REDUCE, 64 * MIB, axes=["dp"], on=on, after=last[stage])
        axes = ["pp", "dp", "tp"]
        norm = builder.collective("norm", Kind.ALL_REDUCE, 1024, axes=axes, match="norm", on=on, after=[summed])
        builder.compute("optimizer", [(Fixed(1e-3), 1)], on=on, after=[norm])
    return builder.build()


def main() -> None:
    """Measure and print."""
    print(f"{'replicas that part at the end':40} {'every rank s':>12} {'one until then s':>16} {'ratio':>6}")
    node, whole = ("switch", 8, 300e9, 500e-9), ("switch", 8 * 32, 25e9, 2e-6)
    for label, congestion, levels, algorithm in (
        ("2,048 ranks, two levels, aware", "aware", (node, whole), "double_binary_tree"),
        ("2,048 ranks, one switch, aware", "aware", (("switch", 2048, 25e9, 2e-6),), "ring"),
        ("2,048 ranks, two levels, unaware", "unaware", (node, whole), "double_binary_tree"),
    ):
        dimensions = tuple(
            Dimension(topology=topology, size=size, link=Link(bandwidth_bytes_per_s=rate, latency_s=latency_s))
            for topology, size, rate, latency_s in levels
        )
        inputs = pin(parting(32, 32), System(dimensions=dimensions, device=Device(name="any")))
        options = BackendOptions(congestion=congestion, all_reduce=algorithm)  # type: ignore[arg-type]
        began = time.process_time()
        every_rank = outcome_of(translate(inputs, inputs.system, options))
        middle = time.process_time()
        _, folded = least_ranks(translate(inputs, inputs.system, options, fold=True), inputs)
        seconds = middle - began, time.process_time() - middle
        if folded.unfolded_ns is None or folded.finish_ns != every_rank.finish_ns:
            raise SystemExit(f"{label}: not simulated from one replica on to the same end")
        print(f"{label:40} {seconds[0]:>12.2f} {seconds[1]:>16.2f} {seconds[0] / seconds[1]:>6.1f}", flush=True)


if __name__ == "__main__":
    main()
