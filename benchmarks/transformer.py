"""How fast the producer of training steps writes GPT-1T, beside the row-by-row builder in the same session.

    python benchmarks/transformer.py [stage|layer|operator …]

Prints processor seconds to write and check the graph, and to pin it; nodes per second, and their ratio to those of
`versim.GraphBuilder` adding computations; and the peak memory of this process so far.
"""

from __future__ import annotations

import resource
import sys
import time

from versim import ClusterChoice, Fixed, GraphBuilder, Mesh, Phase, load_registry, pin
from versim_transformer.options import TransformerOptions
from versim_transformer.producer import TransformerProducer
from versim_transformer.settings import Granularity

BUILDER_NODES = 200_000


def builder_nodes_per_s() -> float:
    """Nodes per processor second of the row-by-row builder, its checks included."""
    began = time.process_time()
    builder = GraphBuilder(Mesh.of(pp=2, tp=8))
    on, work = builder.place({"pp": 0}), ((Fixed(1e-6), 1),)
    row = builder.compute("first", work, on=on)
    for number in range(BUILDER_NODES - 1):
        row = builder.compute("next", work, on=on, after=[row], phase=Phase.FORWARD, layer=0, microbatch=number)
    builder.build()
    return BUILDER_NODES / (time.process_time() - began)


def main(granularities: list[str]) -> None:
    """Measure and print."""
    reference = builder_nodes_per_s()
    print(f"GraphBuilder: {reference:,.0f} nodes/s")
    registry = load_registry()
    timings = [registry.timing(name) for name in ("roofline", "alpha-beta")]
    compute, folded = timings[0].compute(timings[0].options()), timings[1].network(timings[1].options())
    system = ClusterChoice(preset="dgx-h100", nodes=384).system()
    for name in granularities or list(Granularity):
        options = TransformerOptions(
            model="megatron-1t", seq_len=2048, gbs=512 * 6, tp=8, sequence_parallel=True, pp=64, dp=6,
            granularity=Granularity(name),
        )  # fmt: skip
        began = time.process_time()
        graph = TransformerProducer().produce(options)
        written = time.process_time()
        pin(graph, system, compute, folded)
        pinned = time.process_time()
        rate = graph.node_count / (written - began)
        peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(
            f"{name:9} {graph.node_count:>9,} nodes written {written - began:5.2f} s, pinned {pinned - written:5.2f} s"
            f" {rate:>11,.0f} nodes/s  {rate / reference:5.1f} × GraphBuilder  {peak_gb:.2f} GB"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
